/* SPDX-License-Identifier: MIT */
/* modeset: nvidia-drm's parameters. Their files are root's alone: unreadable is unknown, not off.
 */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "hw/parts.h"
#include "nv-gpu/doctor/doctor.h"

#define MODESET "/etc/modprobe.d/zz-nv-gpu-modeset.conf"

static bool is_on(const char *value)
{
	return *value == 'Y' || *value == 'y' || *value == '1';
}

/* A card with connectors has modeset on: without, nvidia-drm registers none. */
static const char *connector_of(struct doctor *doctor)
{
	const struct hw *hw = &doctor->run->hw;

	for (size_t i = 0; i < hw->count; i++) {
		if (!hw_gpu_is_nvidia(hw->gpus[i]) || hw->gpus[i]->card < 0)
			continue;
		for (size_t j = 0; j < hw->connector_count; j++) {
			if (hw->connectors[j].card == hw->gpus[i]->card)
				return hw->connectors[j].name;
		}
	}
	return NULL;
}

static void unreadable(struct doctor *doctor)
{
	struct arena *arena = doctor->run->arena;
	const char *where = NULL, *set = doctor_option(doctor, "nvidia_drm", "modeset", &where);
	const char *connector = connector_of(doctor);
	unsigned major = hw_nvidia_major(&doctor->run->hw);

	if (connector)
		doctor_ok(doctor,
			arena_printf(arena, "modeset is on: the NVIDIA card has connectors (%s)",
				connector));
	else if (set)
		doctor_unknown(doctor,
			arena_printf(arena,
				"only root may read modeset and fbdev; %s sets modeset to %s",
				where, set));
	else
		doctor_unknown(doctor,
			arena_printf(arena,
				"only root may read modeset and fbdev; nothing sets them, and by "
				"default driver %u has modeset %s",
				major,
				major >= 595 ? "on" : "off, unless the package changed that"));
}

static void set_to(struct doctor *doctor, struct finding *finding, const char *setting)
{
	doctor_change_file(
		doctor, finding, MODESET, doctor_option_text(doctor, "nvidia_drm", setting));
}

/* Whether the driver has fbdev, so that a file with an option of that name is no mistake. */
static const char *wanted(struct doctor *doctor)
{
	return hw_module_has_parameter(&doctor->run->hw, "nvidia_drm", "fbdev")
		       ? "modeset=1 fbdev=1"
		       : "modeset=1";
}

/* Cards that only compute, in a server: nothing is shown by them. */
static bool only_computes(struct doctor *doctor)
{
	if (hw_is_laptop(&doctor->run->hw))
		return false;
	for (struct hw_gpu *gpu = NULL; (gpu = doctor_next_nvidia(doctor, gpu));) {
		if (gpu->vga)
			return false;
	}
	return true;
}

/* Beside another GPU nothing works without it; alone, an X server does. */
static enum verdict weight(struct doctor *doctor)
{
	const struct hw *hw = &doctor->run->hw;

	for (size_t i = 0; i < hw->count; i++) {
		if (hw->gpus[i]->vendor != HW_NVIDIA && hw->gpus[i]->render >= 0)
			return VERDICT_PROBLEM;
	}
	return VERDICT_NOTE;
}

static void off(struct doctor *doctor, const char *parameter)
{
	static const char why[] =
		"Wayland compositors, PRIME synchronisation, monitors at the NVIDIA GPU beside "
		"another one, and NVIDIA's GBM need it.";
	struct arena *arena = doctor->run->arena;
	const char *where = NULL, *set = doctor_option(doctor, "nvidia_drm", parameter, &where);
	struct finding *finding;

	if (set && is_on(set)) {
		doctor_note(doctor,
			arena_printf(arena,
				"nvidia-drm runs with %s off; %s has it on from the next "
				"boot on",
				parameter, where),
			why, arena_printf(arena, "%sreboot", doctor_initramfs(doctor)));
		return;
	}
	if (set && str_eq(where, "the kernel command line")) {
		doctor_say(doctor, weight(doctor),
			arena_printf(arena,
				"nvidia-drm runs with %s off: the kernel command line says so",
				parameter),
			why,
			arena_printf(arena,
				"take nvidia-drm.%s=%s out of the boot loader's configuration, "
				"then "
				"reboot",
				parameter, set));
		return;
	}
	finding = doctor_say(doctor, weight(doctor),
		arena_printf(arena, "nvidia-drm runs with %s off%s%s", parameter,
			set ? ", as set in " : "", set ? where : ""),
		why, arena_printf(arena, "%sreboot", doctor_initramfs(doctor)));
	set_to(doctor, finding, wanted(doctor));
}

static void no_fbdev(struct doctor *doctor)
{
	struct arena *arena = doctor->run->arena;
	const char *where = NULL, *set = doctor_option(doctor, "nvidia_drm", "fbdev", &where);
	struct finding *finding;

	if (set && is_on(set)) {
		doctor_ok(doctor,
			arena_printf(arena, "modeset is on; fbdev is from the next boot on (%s)",
				where));
		return;
	}
	finding = doctor_note(doctor, "nvidia-drm runs with modeset on, but fbdev off",
		"The boot display is NVIDIA's: text consoles stay with the firmware's framebuffer, "
		"at its resolution or black, once the driver has the screen.",
		set && str_eq(where, "the kernel command line")
			? "take nvidia-drm.fbdev out of the boot loader's configuration, then "
			  "reboot"
			: arena_printf(arena, "%sreboot", doctor_initramfs(doctor)));
	if (!set || !str_eq(where, "the kernel command line"))
		set_to(doctor, finding, "modeset=1 fbdev=1");
}

static bool shows_boot(struct doctor *doctor)
{
	for (struct hw_gpu *gpu = NULL; (gpu = doctor_next_nvidia(doctor, gpu));) {
		if (gpu->boot && hw_gpu_is_nvidia(gpu))
			return true;
	}
	return false;
}

void check_drm_modeset(struct doctor *doctor)
{
	struct hw *hw = &doctor->run->hw;
	const char *fbdev;
	int modeset;

	if (hw_cmdline(hw, "nomodeset"))
		doctor_problem(doctor, "the kernel command line has nomodeset",
			"With it no kernel driver shows pictures: no acceleration, no Wayland, no "
			"PRIME. It "
			"is meant for installing.",
			"take nomodeset out of the boot loader's configuration, then reboot");
	if (!hw_module_loaded(hw, "nvidia_drm")) {
		doctor_ok(doctor, "nvidia-drm is not loaded");
		return;
	}
	modeset = hw_nvidia_modeset(hw);
	if (modeset < 0) {
		unreadable(doctor);
	} else if (!modeset && only_computes(doctor)) {
		doctor_ok(doctor, "modeset is off, and not needed: the NVIDIA cards only compute");
	} else if (!modeset) {
		off(doctor, "modeset");
	} else {
		fbdev = hw_module_parameter(hw, "nvidia_drm", "fbdev");
		if (fbdev && !is_on(fbdev) && shows_boot(doctor))
			no_fbdev(doctor);
		else
			doctor_ok(doctor, "modeset is on");
	}
}
