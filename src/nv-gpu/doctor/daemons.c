/* SPDX-License-Identifier: MIT */
/* daemons: NVIDIA's services: which of them this machine wants, and which run. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "hw/chip.h"
#include "hw/lanes.h"
#include "hw/parts.h"
#include "hw/sleep.h"
#include "nv-gpu/doctor/doctor.h"

#define PERSISTENCED "nvidia-persistenced.service"
#define POWERD "nvidia-powerd.service"
#define FABRIC "nvidia-fabricmanager.service"
#define TARGET "multi-user.target"

static bool shows_pictures(struct doctor *doctor, const struct hw_gpu *gpu)
{
	const struct hw *hw = &doctor->run->hw;

	for (size_t i = 0; gpu->card >= 0 && i < hw->connector_count; i++) {
		if (hw->connectors[i].card == gpu->card)
			return true;
	}
	return gpu->boot;
}

/* A laptop's GPU that may sleep, which the daemon would forbid. */
static struct hw_gpu *sleeper(struct doctor *doctor)
{
	for (struct hw_gpu *gpu = NULL; (gpu = doctor_next_nvidia(doctor, gpu));) {
		const char *status = hw_nvidia_runtime(&doctor->run->hw, gpu);

		if (hw_gpu_is_nvidia(gpu) && hw_chip_of(gpu) >= HW_CHIP_TURING &&
			!(status && str_starts(status, "Not ")))
			return gpu;
	}
	return NULL;
}

/* All of NVIDIA's GPUs here compute and show nothing. */
static bool computes(struct doctor *doctor)
{
	bool any = false;

	for (struct hw_gpu *gpu = NULL; (gpu = doctor_next_nvidia(doctor, gpu));) {
		if (!hw_gpu_is_nvidia(gpu))
			continue;
		if (shows_pictures(doctor, gpu))
			return false;
		any = true;
	}
	return any;
}

/* Starts a unit with the machine from now on, where it is installed. */
static void enable(struct doctor *doctor, struct finding *finding, const char *unit)
{
	const char *file = doctor_unit(doctor, unit);
	struct arena *arena = doctor->run->arena;

	if (file && !doctor_unit_link(doctor, unit, NULL))
		doctor_change_link(
			doctor, finding, doctor_unit_place(doctor, unit, TARGET, "wants"), file);
	finding->fix =
		file ? arena_printf(arena, "systemctl daemon-reload && systemctl start %s", unit)
		     : doctor_missing_unit(doctor, unit);
}

/* A client that is idle does not keep a GPU awake where runtime D3 is fine-grained. */
static void unwanted(struct doctor *doctor, struct hw_gpu *gpu)
{
	static const char why[] = "It holds the GPU open so that programs start quickly on "
				  "servers. On a laptop the GPU "
				  "does not sleep for it, or less deeply and later.";
	const char *status = hw_nvidia_runtime(&doctor->run->hw, gpu);
	const char *link = doctor_unit_link(doctor, PERSISTENCED, NULL);
	const char *what = arena_printf(doctor->run->arena, "nvidia-persistenced runs and holds %s",
		gpu_title(doctor->run, gpu));
	static const char fix[] = "systemctl stop " PERSISTENCED;
	struct finding *finding = status && strstr(status, "fine-grained")
					  ? doctor_note(doctor, what, why, fix)
					  : doctor_problem(doctor, what, why, fix);

	/* Only what is below /etc is the administrator's to take away. */
	if (link && str_starts(link, "/etc/"))
		doctor_change_remove(doctor, finding, link);
}

void check_persistenced(struct doctor *doctor)
{
	struct hw *hw = &doctor->run->hw;
	bool runs = hw_nvidia_persistence(hw) || hw_runs(hw, "nvidia-persistenced") == 1;
	struct hw_gpu *gpu = hw_is_laptop(hw) ? sleeper(doctor) : NULL;

	if (!hw_driver_version(hw))
		doctor_ok(doctor, "NVIDIA's kernel driver is not loaded");
	else if (runs && hw_runs_with(hw, "nvidia-persistenced", "--no-persistence-mode"))
		doctor_ok(
			doctor, "nvidia-persistenced runs, but holds no GPU (no persistence mode)");
	else if (runs && gpu)
		unwanted(doctor, gpu);
	else if (runs)
		doctor_ok(doctor, "nvidia-persistenced runs");
	else if (hw_is_laptop(hw) || !computes(doctor))
		doctor_ok(doctor, "nvidia-persistenced does not run, and is not wanted");
	else if (hw_runs(hw, "nvidia-persistenced") < 0)
		doctor_unknown(doctor, "this machine only computes; whether nvidia-persistenced "
				       "runs is not to be seen");
	else
		enable(doctor,
			doctor_note(doctor,
				"this machine only computes, and nvidia-persistenced does not run",
				"The driver lets go of a GPU when its last program ends: each "
				"start then "
				"takes seconds, and limits of power and clocks are forgotten.",
				NULL),
			PERSISTENCED);
}

void check_powerd(struct doctor *doctor)
{
	struct hw *hw = &doctor->run->hw;
	struct hw_gpu *boosted = NULL;
	int runs;

	for (struct hw_gpu *gpu = NULL; (gpu = doctor_next_nvidia(doctor, gpu));) {
		const char *boost = hw_driver_line(hw, gpu, "power", "Notebook Dynamic Boost");

		if (boost && str_eq(boost, "Supported"))
			boosted = gpu;
	}
	runs = boosted ? hw_runs(hw, "nvidia-powerd") : -1;
	if (!boosted)
		doctor_ok(doctor, "no GPU says that it has Dynamic Boost");
	else if (runs > 0)
		doctor_ok(doctor, "nvidia-powerd runs");
	else if (runs < 0)
		doctor_unknown(doctor, "whether nvidia-powerd runs is not to be seen");
	else
		enable(doctor,
			doctor_note(doctor,
				arena_printf(doctor->run->arena,
					"%s has Dynamic Boost, and nvidia-powerd does not run",
					gpu_title(doctor->run, boosted)),
				"It moves power between CPU and GPU under load; without it the GPU "
				"stays "
				"below what the laptop can do.",
				NULL),
			POWERD);
}

void check_fabric_manager(struct doctor *doctor)
{
	struct hw *hw = &doctor->run->hw;
	size_t switches = hw_driver_version(hw) ? hw_nvidia_switches(hw) : 0;
	int runs = switches ? hw_runs(hw, "nv-fabricmanager") : -1;

	if (!switches)
		doctor_ok(doctor, "there are no NVSwitches to look after");
	else if (runs > 0)
		doctor_ok(doctor, "nv-fabricmanager runs");
	else if (runs < 0)
		doctor_unknown(doctor,
			"there are NVSwitches; whether nv-fabricmanager runs is not to be seen");
	else
		enable(doctor,
			doctor_problem(doctor,
				arena_printf(doctor->run->arena,
					"there are %zu NVSwitches, and nv-fabricmanager does not "
					"run",
					switches),
				"It sets up the links between the GPUs; until then CUDA says "
				"'system not yet "
				"initialized' (802) on all of them. It must have the driver's "
				"version.",
				NULL),
			FABRIC);
}
