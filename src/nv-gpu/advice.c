/* SPDX-License-Identifier: MIT */
/* advice: how a process is made to let go of a GPU, and how it is kept off it from then on. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "hw/holders.h"
#include "hw/kernel.h"
#include "nv-gpu/gpu.h"

/* What an advice is about. other is a GPU to be used instead, NULL if there is none. */
struct matter {
	struct gpu_run *run;
	const struct hw_gpu *gpu, *other;
	const struct hw_holder *holder;
};

const char *gpu_udev_rules(const struct gpu_run *run)
{
	return hw_is_nixos(&run->hw) ? "services.udev.extraRules in configuration.nix"
				     : "a file in /etc/udev/rules.d";
}

const char *gpu_no_persistence(const struct gpu_run *run)
{
	return hw_is_nixos(&run->hw)
		       ? "hardware.nvidia.nvidiaPersistenced = false; in configuration.nix"
		       : "systemctl disable --now nvidia-persistenced";
}

static const char *mutter(const struct matter *matter)
{
	return arena_printf(matter->run->arena,
		"%s: SUBSYSTEM==\"drm\", KERNEL==\"card*\", KERNELS==\"%s\", "
		"TAG+=\"mutter-device-ignore\"; then log in anew",
		gpu_udev_rules(matter->run), matter->gpu->slot);
}

/* A path by slot holds colons, which these lists are split at. */
static const char *device_list(const struct matter *matter, const char *variable)
{
	return arena_printf(matter->run->arena,
		"%s=%s in its environment, then log in anew (numbers may change from boot to boot: "
		"a link without colons to the path under by-path stays)",
		variable, hw_node(matter->run->arena, "card", matter->other->card));
}

static const char *kwin(const struct matter *matter)
{
	return device_list(matter, "KWIN_DRM_DEVICES");
}

static const char *wlroots(const struct matter *matter)
{
	return device_list(matter, "WLR_DRM_DEVICES");
}

static const char *aquamarine(const struct matter *matter)
{
	return device_list(matter, "AQ_DRM_DEVICES");
}

static const char *weston(const struct matter *matter)
{
	return arena_printf(matter->run->arena, "weston --drm-device=card%d", matter->other->card);
}

static const char *xorg(const struct matter *matter)
{
	(void)matter;
	return "a file in /etc/X11/xorg.conf.d: Section \"ServerFlags\", Option \"AutoAddGPU\" "
	       "\"false\", EndSection; then start the X server anew";
}

static const char *logind(const struct matter *matter)
{
	(void)matter;
	return "nothing: it has it for the compositor or X server, and gives it back with them";
}

static const char *monitor(const struct matter *matter)
{
	return arena_printf(matter->run->arena,
		"end it (kill %ld): as long as it asks NVIDIA's library, the GPU stays on",
		matter->holder->pid);
}

static const char *powerd(const struct matter *matter)
{
	return hw_is_nixos(&matter->run->hw)
		       ? "hardware.nvidia.dynamicBoost.enable = false; in configuration.nix"
		       : "systemctl disable --now nvidia-powerd";
}

static const char *persistenced(const struct matter *matter)
{
	return gpu_no_persistence(matter->run);
}

/* Programs by the beginning of their names, of which the kernel keeps 15 bytes. */
static const struct known {
	const char *prefix;
	const char *(*advice)(const struct matter *matter);
	bool needs_other; /* says nothing on a machine without another GPU */
	bool lasts; /* keeps it off; else it lets go for now */
} known[] = {
	{"gnome-shell", mutter, true, true},
	{"mutter", mutter, true, true},
	{"gala", mutter, true, true},
	{"kwin_wayland", kwin, true, true},
	{"Hyprland", aquamarine, true, true},
	{".Hyprland-wrapp", aquamarine, true, true},
	{"sway", wlroots, true, true},
	{".sway-wrapped", wlroots, true, true},
	{"labwc", wlroots, true, true},
	{"wayfire", wlroots, true, true},
	{"river", wlroots, true, true},
	{"cage", wlroots, true, true},
	{"dwl", wlroots, true, true},
	{"weston", weston, true, true},
	{"Xorg", xorg, true, true},
	{"X", xorg, true, true},
	{"systemd-logind", logind, false, true},
	{"nvidia-persiste", persistenced, false, true},
	{"nvidia-powerd", powerd, false, true},
	{"nvtop", monitor, false, false},
	{"btop", monitor, false, false},
	{"nvidia-smi", monitor, false, false},
	{"nvidia-settings", monitor, false, false},
};

/* Another GPU to draw with: an integrated one before others, Mesa's before NVIDIA's. */
static const struct hw_gpu *other_of(const struct gpu_run *run, const struct hw_gpu *gpu)
{
	const struct hw_gpu *best = NULL;

	for (size_t i = 0; i < run->hw.count; i++) {
		const struct hw_gpu *one = run->hw.gpus[i];

		if (one == gpu || hw_gpu_unusable(one) || one->card < 0)
			continue;
		if (!best || (hw_gpu_is_nvidia(best) && !hw_gpu_is_nvidia(one)) ||
			(one->role == HW_INTEGRATED && best->role != HW_INTEGRATED))
			best = one;
	}
	return best;
}

/* "sway" is no "swayidle", but names that were cut off may go on. */
static const struct known *known_of(const struct hw_holder *holder)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		size_t length = strlen(known[i].prefix);

		if (strncmp(holder->name, known[i].prefix, length) == 0 &&
			(!holder->name[length] || holder->name[length] == '-' || length >= 12))
			return &known[i];
	}
	return NULL;
}

static struct matter matter_of(
	struct gpu_run *run, const struct hw_gpu *gpu, const struct hw_holder *holder)
{
	return (struct matter){run, gpu, other_of(run, gpu), holder};
}

const char *gpu_let_go(
	struct gpu_run *run, const struct hw_gpu *gpu, const struct hw_holder *holder)
{
	const struct matter matter = matter_of(run, gpu, holder);
	const struct known *one = known_of(holder);
	const char *unit = holder->unit;

	if (one && (matter.other || !one->needs_other)) {
		/* It is the arena's, not the matter's. */
		/* cppcheck-suppress returnDanglingLifetime */
		return one->advice(&matter);
	}
	if (one)
		return "nothing: it shows the desktop, and there is no other GPU for that";
	if (holder->container)
		return arena_printf(
			run->arena, "stop the container %s", gpu_plain(run, holder->container));
	if (unit && str_ends(unit, ".service") && !str_starts(unit, "user@"))
		return arena_printf(run->arena, "systemctl %sstop %s",
			holder->user_unit ? "--user " : "", gpu_plain(run, unit));
	return arena_printf(run->arena, "end it (kill %ld)", holder->pid);
}

/* The application of "app-flatpak-org.gnome.Maps-1234.scope", NULL if it is of none. */
static const char *flatpak_of(struct arena *arena, const struct hw_holder *holder)
{
	static const char prefix[] = "app-flatpak-";
	const char *name = holder->unit, *end;

	if (!name || !str_starts(name, prefix))
		return NULL;
	name += sizeof(prefix) - 1;
	end = strrchr(name, '-');
	return arena_copy(arena, name, end ? (size_t)(end - name) : strlen(name));
}

/* Whether it was sent to the GPU, or computes on it: then it is there on purpose. */
static bool is_on_purpose(struct gpu_run *run, const struct hw_holder *holder)
{
	static const char *const signs[] = {"__NV_PRIME_RENDER_OFFLOAD",
		"__GLX_VENDOR_LIBRARY_NAME", "__VK_LAYER_NV_optimus", "DRI_PRIME",
		"CUDA_VISIBLE_DEVICES", "NV_RUN_SAVED"};

	for (size_t i = 0; i < holder->node_count; i++) {
		if (str_ends(holder->nodes[i], "/nvidia-uvm"))
			return true;
	}
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
		if (hw_process_has_variable(&run->hw, holder->pid, signs[i]))
			return true;
	}
	return false;
}

/* What a rule calls it: its file, or its own name where that is an interpreter's or not told. */
static const char *rule_name(struct gpu_run *run, const struct hw_holder *holder)
{
	static const char *const interpreters[] = {
		"python", "perl", "bash", "sh", "gjs", "node", "ruby", "java", "electron", "mono"};
	static const char wrapped[] = "-wrapped";
	const char *file = holder->program ? str_file_name(holder->program) : "";
	const char *space = strchr(file, ' ');

	file = space ? arena_copy(run->arena, file, (size_t)(space - file)) : file;
	if (*file == '.' && str_ends(file, wrapped))
		file = arena_copy(run->arena, file + 1, strlen(file) - sizeof(wrapped));
	for (size_t i = 0; i < sizeof(interpreters) / sizeof(*interpreters); i++) {
		if (str_starts(file, interpreters[i]))
			file = "";
	}
	return gpu_plain(run, *file ? file : holder->name);
}

const char *gpu_keep_off(
	struct gpu_run *run, const struct hw_gpu *gpu, const struct hw_holder *holder)
{
	const struct matter matter = matter_of(run, gpu, holder);
	const struct known *one = known_of(holder);
	const char *version, *flatpak = flatpak_of(run->arena, holder);

	if (one || !matter.other || !hw_gpu_is_nvidia(gpu) || hw_gpu_is_nvidia(matter.other) ||
		holder->container || !(holder->user_unit || holder->session) ||
		is_on_purpose(run, holder))
		return NULL;
	if (!flatpak)
		return arena_printf(run->arena,
			"EGL asks every driver, which opens it; to pin Mesa's EGL vendor, start it "
			"with nv-run and this rule in ~/.config/nv-run/rules.d/50-egl.conf:\n"
			"[%s]\ngpu = %s",
			rule_name(run, holder),
			matter.other->role == HW_INTEGRATED ? "integrated" : matter.other->slot);
	version = hw_nvidia_version(&run->hw);
	if (version) {
		char *dashes = arena_dup(run->arena, version);

		for (char *at = dashes; *at; at++) {
			if (*at == '.')
				*at = '-';
		}
		version = dashes;
	}
	return arena_printf(run->arena,
		"EGL asks every driver, which opens it; to take NVIDIA's from %s and all of "
		"flatpak:\n"
		"flatpak mask 'org.freedesktop.Platform.GL*.nvidia-*'\n"
		"flatpak uninstall org.freedesktop.Platform.GL.nvidia-%s",
		gpu_plain(run, flatpak), version ? version : "VERSION");
}
