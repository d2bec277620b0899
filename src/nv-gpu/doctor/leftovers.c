/* SPDX-License-Identifier: MIT */
/*
 * leftovers: files of other tools that steer GPUs. Of a tool that is still there they are its
 * business, and worth knowing of; of one that is gone nobody takes them away.
 */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/files.h"

/* Programs that a tool consists of. */
struct tool {
	const char *name;
	const char *programs[4];
};

enum tool_id {
	BBSWITCH,
	BUMBLEBEE,
	EGPU_SWITCHER,
	ALL_WAYS_EGPU,
	ENVYCONTROL,
	LDM,
	NVIDIA_PRIME,
	NVIDIA_XRUN,
	OPTIMUS_MANAGER,
	SUPERGFXCTL,
	SUSE_PRIME,
	SYSTEM76,
};

static const struct tool tools[] = {
	[BBSWITCH] = {"bbswitch", {"/usr/sbin/bumblebeed", "/usr/bin/bumblebeed"}},
	[BUMBLEBEE] = {"Bumblebee",
		{"/usr/sbin/bumblebeed", "/usr/bin/bumblebeed", "/usr/bin/optirun"}},
	[EGPU_SWITCHER] = {"egpu-switcher",
		{"/usr/bin/egpu-switcher", "/usr/local/bin/egpu-switcher", "/opt/egpu-switcher"}},
	[ALL_WAYS_EGPU] = {"all-ways-egpu",
		{"/usr/bin/all-ways-egpu", "/usr/local/bin/all-ways-egpu"}},
	[ENVYCONTROL] = {"EnvyControl", {"/usr/bin/envycontrol", "/usr/local/bin/envycontrol"}},
	[LDM] = {"linux-driver-management", {"/usr/bin/linux-driver-management"}},
	[NVIDIA_PRIME] = {"nvidia-prime", {"/usr/bin/prime-select", "/sbin/prime-select"}},
	[NVIDIA_XRUN] = {"nvidia-xrun", {"/usr/bin/nvidia-xrun", "/usr/local/bin/nvidia-xrun"}},
	[OPTIMUS_MANAGER] = {"optimus-manager",
		{"/usr/bin/optimus-manager", "/usr/local/bin/optimus-manager"}},
	[SUPERGFXCTL] = {"supergfxctl",
		{"/usr/bin/supergfxd", "/usr/sbin/supergfxd", "/usr/bin/supergfxctl"}},
	[SUSE_PRIME] = {"SUSEPrime", {"/usr/sbin/prime-select", "/usr/bin/prime-select"}},
	[SYSTEM76] = {"system76-power",
		{"/usr/bin/system76-power", "/usr/local/bin/system76-power"}},
};

enum harm { BLOCKS, REMOVES, POWER, XORG, SETUP, SERVICE, HARMLESS };

static const char *const harms[] = {
	[BLOCKS] = "It keeps NVIDIA's kernel modules from being loaded.",
	[REMOVES] = "At each boot it takes the NVIDIA GPU, or functions of it, off the PCI bus.",
	[POWER] = "It decides how the NVIDIA GPU sleeps, and beats what is set elsewhere.",
	[XORG] = "It decides which GPU the X server uses, with settings of another time.",
	[SETUP] = "It has a display manager link the GPUs by a script of its own.",
	[SERVICE] = "At each boot it changes which GPU is used, or switches one off.",
	[HARMLESS] = "It keeps nothing from working by itself.",
};

struct leftover {
	enum tool_id tool;
	const char *path;
	const char *mark; /* in the file, if its name could be anybody's */
	enum harm harm;
};

static const struct leftover leftovers[] = {
	{BBSWITCH, "/etc/modules-load.d/bbswitch.conf", NULL, SERVICE},
	{BBSWITCH, "/etc/modprobe.d/bbswitch.conf", NULL, HARMLESS},
	{BUMBLEBEE, "/etc/modprobe.d/bumblebee.conf", NULL, BLOCKS},
	{BUMBLEBEE, "/etc/modprobe.d/bumblebee-nvidia.conf", NULL, BLOCKS},
	{BUMBLEBEE, "/usr/lib/modprobe.d/bumblebee.conf", NULL, BLOCKS},
	{BUMBLEBEE, "/lib/modprobe.d/bumblebee.conf", NULL, BLOCKS},
	{BUMBLEBEE, "/etc/systemd/system/multi-user.target.wants/bumblebeed.service", NULL,
		SERVICE},
	{BUMBLEBEE, "/etc/bumblebee/bumblebee.conf", NULL, HARMLESS},
	{EGPU_SWITCHER, "/etc/X11/xorg.conf.d/99-egpu-switcher.conf", NULL, XORG},
	{EGPU_SWITCHER, "/etc/X11/xorg.conf", "egpu-switcher", XORG},
	{EGPU_SWITCHER, "/etc/systemd/system/egpu.service", "egpu-switcher", SERVICE},
	{ALL_WAYS_EGPU, "/etc/systemd/system/all-ways-egpu.service", NULL, SERVICE},
	{ALL_WAYS_EGPU, "/etc/systemd/system/all-ways-egpu-boot-vga.service", NULL, SERVICE},
	{ALL_WAYS_EGPU, "/etc/systemd/system/all-ways-egpu-set-compositor.service", NULL, SERVICE},
	{ENVYCONTROL, "/etc/modprobe.d/blacklist-nvidia.conf", "EnvyControl", BLOCKS},
	{ENVYCONTROL, "/etc/modprobe.d/nvidia.conf", "EnvyControl", POWER},
	{ENVYCONTROL, "/etc/udev/rules.d/50-remove-nvidia.rules", "EnvyControl", REMOVES},
	{ENVYCONTROL, "/usr/lib/udev/rules.d/50-remove-nvidia.rules", "EnvyControl", REMOVES},
	{ENVYCONTROL, "/lib/udev/rules.d/50-remove-nvidia.rules", "EnvyControl", REMOVES},
	{ENVYCONTROL, "/usr/lib/udev/rules.d/80-nvidia-pm.rules", "EnvyControl", POWER},
	{ENVYCONTROL, "/lib/udev/rules.d/80-nvidia-pm.rules", "EnvyControl", POWER},
	{ENVYCONTROL, "/etc/X11/xorg.conf", "EnvyControl", XORG},
	{ENVYCONTROL, "/etc/X11/xorg.conf.d/10-nvidia.conf", "EnvyControl", XORG},
	{ENVYCONTROL, "/etc/lightdm/lightdm.conf.d/20-nvidia.conf", "EnvyControl", SETUP},
	{ENVYCONTROL, "/etc/lightdm/nvidia.sh", "EnvyControl", HARMLESS},
	{LDM, "/etc/X11/xorg.conf.d/00-ldm.conf", NULL, XORG},
	{NVIDIA_PRIME, "/etc/modprobe.d/blacklist-nvidia.conf", "nvidia-prime", BLOCKS},
	{NVIDIA_PRIME, "/usr/lib/modprobe.d/blacklist-nvidia.conf", "nvidia-prime", BLOCKS},
	{NVIDIA_PRIME, "/lib/modprobe.d/blacklist-nvidia.conf", "nvidia-prime", BLOCKS},
	{NVIDIA_PRIME, "/usr/lib/udev/rules.d/50-pm-nvidia.rules", "nvidia-prime", REMOVES},
	{NVIDIA_PRIME, "/lib/udev/rules.d/50-pm-nvidia.rules", "nvidia-prime", REMOVES},
	{NVIDIA_PRIME, "/etc/X11/xorg.conf", "nvidia-prime", XORG},
	{NVIDIA_XRUN, "/etc/systemd/system/multi-user.target.wants/nvidia-xrun-pm.service", NULL,
		SERVICE},
	{NVIDIA_XRUN, "/etc/modprobe.d/nvidia-xrun.conf", NULL, BLOCKS},
	{OPTIMUS_MANAGER, "/etc/X11/xorg.conf.d/10-optimus-manager.conf", NULL, XORG},
	{OPTIMUS_MANAGER, "/usr/lib/modprobe.d/optimus-manager.conf", NULL, BLOCKS},
	{OPTIMUS_MANAGER, "/etc/modprobe.d/optimus-manager.conf", NULL, BLOCKS},
	{OPTIMUS_MANAGER, "/etc/sddm.conf.d/20-optimus-manager.conf", NULL, SETUP},
	{OPTIMUS_MANAGER, "/etc/lightdm/lightdm.conf.d/20-optimus-manager.conf", NULL, SETUP},
	{SUPERGFXCTL, "/etc/modprobe.d/supergfxd.conf", NULL, BLOCKS},
	{SUPERGFXCTL, "/etc/udev/rules.d/90-supergfxd-nvidia-pm.rules", NULL, POWER},
	{SUPERGFXCTL, "/etc/supergfxd.conf", NULL, HARMLESS},
	{SUSE_PRIME, "/etc/X11/xorg.conf.d/90-nvidia.conf", "prime-select", XORG},
	{SUSE_PRIME, "/etc/X11/xorg.conf.d/90-intel.conf", "prime-select", XORG},
	{SUSE_PRIME, "/etc/modprobe.d/90-nvidia.conf", "prime-select", BLOCKS},
	{SYSTEM76, "/etc/modprobe.d/system76-power.conf", NULL, BLOCKS},
};

static bool is_installed(struct doctor *doctor, const struct tool *tool)
{
	for (size_t i = 0; i < 4 && tool->programs[i]; i++) {
		if (hw_root_exists(&doctor->run->hw.root, tool->programs[i]))
			return true;
	}
	return false;
}

/* "/lib" is a link to "/usr/lib" nearly everywhere: one file is not two. */
static bool is_double(struct doctor *doctor, const char *path)
{
	return str_starts(path, "/lib/") && hw_root_link(&doctor->run->hw.root, "/lib");
}

/* A link of systemd's leads to a unit of the tool's, which went with it. */
static bool is_there(struct doctor *doctor, const struct leftover *leftover)
{
	const struct hw_root *root = &doctor->run->hw.root;
	const char *text;

	if (is_double(doctor, leftover->path))
		return false;
	if (!leftover->mark)
		return hw_root_exists(root, leftover->path) || hw_root_link(root, leftover->path);
	text = doctor_text(doctor, leftover->path);
	return text && strstr(text, leftover->mark);
}

/* Written while it does not block anything, as in the hybrid mode of such tools. */
static bool is_idle(struct doctor *doctor, const struct leftover *leftover)
{
	const char *at = leftover->harm == BLOCKS ? doctor_text(doctor, leftover->path) : NULL;
	const char *line;
	unsigned number = 0;

	if (!at)
		return false;
	while ((line = doctor_line(doctor, &at, &number, false)) != NULL) {
		if (blocks_nvidia(line))
			return false;
	}
	return true;
}

const char *leftover_of(struct doctor *doctor, const char *path)
{
	for (size_t i = 0; i < sizeof(leftovers) / sizeof(*leftovers); i++) {
		const struct leftover *leftover = &leftovers[i];

		if (str_eq(leftover->path, path) && is_there(doctor, leftover))
			return tools[leftover->tool].name;
	}
	return NULL;
}

static void report(struct doctor *doctor, const struct leftover *leftover)
{
	struct arena *arena = doctor->run->arena;
	const struct tool *tool = &tools[leftover->tool];
	bool idle = leftover->harm == HARMLESS || is_idle(doctor, leftover);
	const char *harm = harms[idle ? HARMLESS : leftover->harm];
	struct finding *finding;

	if (is_installed(doctor, tool)) {
		if (!idle)
			doctor_note(doctor,
				arena_printf(arena, "%s is of %s, which steers the GPU too",
					leftover->path, tool->name),
				arena_printf(arena,
					"%s What is set up elsewhere may be undone by it.", harm),
				arena_printf(arena,
					"Use one tool for it: remove %s, or leave these settings "
					"to "
					"it.",
					tool->name));
		return;
	}
	/* Rules for sleeping may be just what is wanted. */
	if (idle || leftover->harm == POWER) {
		doctor_note(doctor,
			arena_printf(arena, "%s was left by %s, which is not installed",
				leftover->path, tool->name),
			harm, arena_printf(arena, "rm %s", leftover->path));
		return;
	}
	finding = doctor_problem(doctor,
		arena_printf(arena, "%s was left by %s, which is not installed", leftover->path,
			tool->name),
		harm, "reboot");
	/* The initial file system has a copy. */
	if (leftover->harm == BLOCKS || leftover->harm == REMOVES)
		finding->fix = arena_printf(arena, "%sreboot", doctor_initramfs(doctor));
	doctor_change_remove(doctor, finding, leftover->path);
}

void check_leftovers(struct doctor *doctor)
{
	bool any = false;

	for (size_t i = 0; i < sizeof(leftovers) / sizeof(*leftovers); i++) {
		size_t before = doctor->count;

		if (is_there(doctor, &leftovers[i]))
			report(doctor, &leftovers[i]);
		any |= doctor->count > before;
	}
	if (!any)
		doctor_ok(doctor, "no other tool for GPUs left anything that counts");
}
