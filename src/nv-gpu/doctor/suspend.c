/* SPDX-License-Identifier: MIT */
/* suspend: whether what is in video memory outlives suspend and hibernation. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "hw/parts.h"
#include "nv-gpu/doctor/doctor.h"

#define OPTIONS "/etc/modprobe.d/zz-nv-gpu-suspend.conf"

/* What each unit is started with, as the driver's units say in [Install]. */
static const struct {
	const char *unit, *with;
} services[] = {
	{"nvidia-suspend.service", "systemd-suspend.service"},
	{"nvidia-hibernate.service", "systemd-hibernate.service"},
	{"nvidia-resume.service", "systemd-suspend.service"},
	{"nvidia-resume.service", "systemd-hibernate.service"},
};

static bool not_started(struct doctor *doctor, size_t i)
{
	return !doctor_unit_link(doctor, services[i].unit, services[i].with);
}

static bool all_started(struct doctor *doctor)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++) {
		if (not_started(doctor, i))
			return false;
	}
	return true;
}

/* Links as systemctl enable makes them; false if a unit is not installed or masked. */
static bool start_services(struct doctor *doctor, struct finding *finding)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++) {
		if (!doctor_unit(doctor, services[i].unit))
			return false;
	}
	for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++) {
		if (not_started(doctor, i))
			doctor_change_link(doctor, finding,
				doctor_unit_place(
					doctor, services[i].unit, services[i].with, "requires"),
				doctor_unit(doctor, services[i].unit));
	}
	return true;
}

/* Elsewhere elogind or acpid does what the services do, by hooks. */
static bool other_init(struct doctor *doctor)
{
	struct hw *hw = &doctor->run->hw;
	const char *init = hw_process_name(hw, 1);

	return init && !str_eq(init, "systemd") &&
	       !hw_root_exists(&hw->root, "/run/systemd/system");
}

static void no_services(struct doctor *doctor)
{
	struct finding *finding = doctor_problem(doctor,
		"the driver is to keep video memory over suspend, but its services are not started",
		"Without nvidia-suspend, -hibernate and -resume the driver refuses to suspend, or "
		"comes "
		"back with a black or garbled screen.",
		NULL);

	finding->fix = start_services(doctor, finding)
			       ? "systemctl daemon-reload"
			       : doctor_missing_unit(doctor,
					 "nvidia-suspend.service, nvidia-hibernate.service and "
					 "nvidia-resume.service, which come with the driver");
}

static void not_kept(struct doctor *doctor)
{
	static const char why[] = "Video memory is lost in sleep: windows, textures and CUDA "
				  "programs of NVIDIA's GPU may "
				  "come back as garbage or end.";
	struct arena *arena = doctor->run->arena;
	const char *where = NULL;
	const char *set =
		doctor_option(doctor, "nvidia", "NVreg_PreserveVideoMemoryAllocations", &where);
	struct finding *finding;

	if (set && strchr("12", *set) && *set) {
		doctor_note(doctor,
			arena_printf(arena,
				"video memory is not kept over suspend; %s has it kept from the "
				"next boot "
				"on",
				where),
			why, arena_printf(arena, "%sreboot", doctor_initramfs(doctor)));
		return;
	}
	finding = doctor_note(doctor, "video memory is not kept over suspend", why,
		arena_printf(arena, "%sreboot", doctor_initramfs(doctor)));
	if (start_services(doctor, finding))
		doctor_change_file(doctor, finding, OPTIONS,
			doctor_option_text(doctor, "nvidia",
				"NVreg_PreserveVideoMemoryAllocations=1 "
				"NVreg_TemporaryFilePath=/var/tmp"));
	else
		finding->fix = "install nvidia-suspend.service, nvidia-hibernate.service and "
			       "nvidia-resume.service, which come with the driver; then ask again";
}

/* The driver saves to a file without a name in this directory; /tmp where none is given. */
static void place(struct doctor *doctor)
{
	struct arena *arena = doctor->run->arena;
	struct hw *hw = &doctor->run->hw;
	const char *path = hw_driver_text(hw, "TemporaryFilePath"), *where = NULL;
	const char *set = doctor_option(doctor, "nvidia", "NVreg_TemporaryFilePath", &where);
	struct finding *finding;
	const char *type;

	path = path && *path == '/' ? path : "/tmp";
	type = hw_filesystem(hw, path);
	if (!type || (!str_eq(type, "tmpfs") && !str_eq(type, "ramfs")))
		return;
	if (set && !str_eq(set, path)) {
		doctor_ok(doctor, arena_printf(arena,
					  "video memory is saved to %s from the next boot on (%s)",
					  set, where));
		return;
	}
	finding = doctor_note(doctor,
		arena_printf(arena, "video memory is saved to %s, which is memory itself (%s)",
			path, type),
		"All of it must fit beside what programs use; if it does not, the machine does not "
		"suspend.",
		arena_printf(arena, "%sreboot", doctor_initramfs(doctor)));
	doctor_change_file(doctor, finding, OPTIONS,
		doctor_option_text(doctor, "nvidia",
			"NVreg_PreserveVideoMemoryAllocations=1 NVreg_TemporaryFilePath=/var/tmp"));
}

/* A machine that shows pictures by it, or a laptop; a compute server does not suspend. */
static bool asked(struct doctor *doctor)
{
	const struct hw *hw = &doctor->run->hw;

	if (!hw_can_suspend(&doctor->run->hw))
		return false;
	for (struct hw_gpu *gpu = NULL; (gpu = doctor_next_nvidia(doctor, gpu));) {
		if (!hw_gpu_is_nvidia(gpu))
			continue;
		if (gpu->boot || hw_is_laptop(&doctor->run->hw))
			return true;
		for (size_t i = 0; i < hw->connector_count; i++) {
			if (gpu->card >= 0 && hw->connectors[i].card == gpu->card)
				return true;
		}
	}
	return false;
}

void check_suspend(struct doctor *doctor)
{
	struct hw *hw = &doctor->run->hw;
	size_t before = doctor->count;
	long keep = hw_driver_number(hw, "PreserveVideoMemoryAllocations");
	bool notified = hw_driver_number(hw, "UseKernelSuspendNotifiers") == 1;

	if (!asked(doctor)) {
		doctor_ok(doctor, "no NVIDIA GPU of a machine that suspends");
		return;
	}
	if (keep < 0) {
		doctor_unknown(doctor, "the driver does not say whether it keeps video memory");
		return;
	}
	/* 2: the driver keeps it where the kernel tells it of suspend (595, nv-reg.h). */
	if (keep == 0 || (keep == 2 && !notified)) {
		not_kept(doctor);
		return;
	}
	if (!notified && !all_started(doctor)) {
		if (other_init(doctor))
			doctor_unknown(doctor, "this machine is not systemd's: whether something "
					       "tells the driver of "
					       "suspend is not to be seen");
		else
			no_services(doctor);
	}
	place(doctor);
	if (doctor->count == before)
		doctor_ok(doctor,
			notified ? "video memory is kept over suspend; the kernel tells the driver"
				 : "video memory is kept over suspend, and its services are "
				   "started");
}
