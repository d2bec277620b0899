/* SPDX-License-Identifier: MIT */
/* power: whether a laptop's NVIDIA GPU may fall asleep when nothing uses it (RTD3). */
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/chip.h"
#include "hw/parts.h"
#include "hw/sleep.h"
#include "nv-gpu/doctor/doctor.h"

#define RULES "/etc/udev/rules.d/80-nv-gpu-power.rules"
#define OPTIONS "/etc/modprobe.d/zz-nv-gpu-power.conf"

static const char drain[] =
	"A GPU that cannot fall asleep takes five to fifteen watts: hours of battery.";

/*
 * Display, 3D controller, audio, USB and UCSI of an NVIDIA slot. On "bind" too: a driver may set
 * power/control while it starts.
 */
static const char rules[] =
	"# NVIDIA GPUs and the functions in their slots may sleep (nv-gpu doctor)\n"
	"ACTION==\"add|bind\", SUBSYSTEM==\"pci\", ATTR{vendor}==\"0x10de\", "
	"ATTR{class}==\"0x030000|0x030200|0x040300|0x0c0330|0x0c8000\", "
	"TEST==\"power/control\", ATTR{power/control}=\"auto\"\n";

static bool is(const char *value, const char *wanted)
{
	return value && str_eq(value, wanted);
}

/* Functions that power/control keeps awake: now, and by a rule after each boot. */
static void functions(struct doctor *doctor, struct hw_gpu *gpu)
{
	struct hw *hw = &doctor->run->hw;
	struct arena *arena = doctor->run->arena;
	size_t count;
	struct hw_function *list = hw_functions(hw, gpu, &count);

	for (size_t i = 0; i < count; i++) {
		struct finding *finding;

		if (!is(list[i].control, "on"))
			continue;
		finding = doctor_problem(doctor,
			arena_printf(arena, "power/control of %s (%s) is on", list[i].slot,
				hw_function_kind_name(list[i].kind)),
			i ? arena_printf(arena,
				    "All functions of a slot fall asleep together or not at all. "
				    "%s",
				    drain)
			  : drain,
			NULL);
		doctor_change_attribute(
			doctor, finding, hw_function_file(hw, &list[i], "power/control"), "auto");
		doctor_change_file(doctor, finding, RULES, rules);
	}
	for (size_t i = 0; i < count; i++) {
		if (list[i].cold == 0)
			doctor_change_attribute(doctor,
				doctor_problem(doctor,
					arena_printf(
						arena, "%s may not enter D3cold", list[i].slot),
					drain,
					"look for what writes 0 to it at boot: a udev rule, TLP, "
					"powertop, a unit"),
				hw_function_file(hw, &list[i], "d3cold_allowed"), "1");
	}
}

/* What the driver says of the GPU when it was told to try. */
static void not_supported(struct doctor *doctor, struct hw_gpu *gpu)
{
	struct hw *hw = &doctor->run->hw;
	struct arena *arena = doctor->run->arena;
	const char *title = gpu_title(doctor->run, gpu);
	int resource = hw_power_resource(hw, gpu);

	if (hw_chip_of(gpu) < HW_CHIP_TURING)
		doctor_ok(doctor, arena_printf(arena,
					  "%s (%s) cannot sleep under NVIDIA's driver: that begins "
					  "with Turing",
					  title, hw_chip_name(hw_chip_of(gpu))));
	else
		doctor_note(doctor,
			arena_printf(arena,
				"NVIDIA's driver says of %s: runtime D3 is not supported%s", title,
				resource == 0 ? "; its firmware declares no power resource (_PR3)"
					      : ""),
			drain,
			/* NVIDIA/open-gpu-kernel-modules issue 728 */
			hw_chip_of(gpu) == HW_CHIP_TURING && hw_driver_open(hw) == 1
				? "install the proprietary flavour of the kernel module: the open "
				  "one "
				  "does not let a Turing sleep"
				: "look for an update of the firmware, and for a setting such as "
				  "'hybrid graphics' or 'Optimus' in it");
}

static void disabled(struct doctor *doctor, struct hw_gpu *gpu, const char *status)
{
	struct arena *arena = doctor->run->arena;
	const char *title = gpu_title(doctor->run, gpu), *where = NULL;
	const char *set = doctor_option(doctor, "nvidia", "NVreg_DynamicPowerManagement", &where);
	long now = hw_driver_number(&doctor->run->hw, "DynamicPowerManagement");
	struct finding *finding;

	if (hw_chip_of(gpu) < HW_CHIP_TURING) {
		not_supported(doctor, gpu);
		return;
	}
	if (set && strchr("23", set[strlen(set) - (*set != '\0')]) && now != 2) {
		doctor_note(doctor,
			arena_printf(arena,
				"runtime D3 of %s is off; %s has it on from the next boot on",
				title, where),
			drain, arena_printf(arena, "%sreboot", doctor_initramfs(doctor)));
		return;
	}
	finding = doctor_problem(doctor,
		arena_printf(arena, "NVIDIA's driver says of %s: runtime D3 is %s", title, status),
		drain,
		set && str_eq(where, "the kernel command line")
			? arena_printf(arena,
				  "set nvidia.NVreg_DynamicPowerManagement=0x02 in the boot "
				  "loader's "
				  "configuration instead of %s, then reboot",
				  set)
			: arena_printf(arena, "%sreboot", doctor_initramfs(doctor)));
	if (!set || !str_eq(where, "the kernel command line"))
		doctor_change_file(doctor, finding, OPTIONS,
			doctor_option_text(doctor, "nvidia", "NVreg_DynamicPowerManagement=0x02"));
}

/* The port above must be let sleep too. */
static void port(struct doctor *doctor, struct hw_gpu *gpu)
{
	struct hw *hw = &doctor->run->hw;
	struct arena *arena = doctor->run->arena;
	const char *control = hw_port_attribute(hw, gpu, "power/control");
	const char *cold = hw_port_attribute(hw, gpu, "d3cold_allowed");

	if (is(hw_cmdline(hw, "pcie_port_pm"), "off"))
		doctor_problem(doctor,
			"the kernel command line has pcie_port_pm=off: no PCI Express port sleeps",
			drain, "take it out of the boot loader's configuration, then reboot");
	if (is(control, "on"))
		doctor_change_attribute(doctor,
			doctor_problem(doctor,
				arena_printf(arena, "the port above %s is kept awake",
					gpu_title(doctor->run, gpu)),
				drain, "look for what writes it at boot: a udev rule, TLP, a unit"),
			hw_port_file(hw, gpu, "power/control"), "auto");
	if (is(cold, "0"))
		doctor_change_attribute(doctor,
			doctor_problem(doctor,
				arena_printf(arena, "the port above %s may not enter D3cold",
					gpu_title(doctor->run, gpu)),
				drain, "look for what writes it at boot: a udev rule, TLP, a unit"),
			hw_port_file(hw, gpu, "d3cold_allowed"), "1");
}

static void look_at(struct doctor *doctor, struct hw_gpu *gpu)
{
	const char *status = hw_nvidia_runtime(&doctor->run->hw, gpu);
	size_t before = doctor->count;
	struct arena *arena = doctor->run->arena;

	if (status && str_starts(status, "Not ")) {
		not_supported(doctor, gpu);
		return;
	}
	if (status && str_starts(status, "Disabled"))
		disabled(doctor, gpu, status);
	else if (hw_chip_of(gpu) < HW_CHIP_TURING)
		not_supported(doctor, gpu);
	if (hw_chip_of(gpu) >= HW_CHIP_TURING) {
		functions(doctor, gpu);
		port(doctor, gpu);
	}
	if (doctor->count != before)
		return;
	if (status && str_starts(status, "Enabled"))
		doctor_ok(doctor, arena_printf(arena, "%s may sleep: %s",
					  gpu_title(doctor->run, gpu), status));
	else
		doctor_unknown(doctor, arena_printf(arena,
					       "nothing keeps %s from sleeping, but the driver "
					       "does not say that it "
					       "may",
					       gpu_title(doctor->run, gpu)));
}

void check_runtime_pm(struct doctor *doctor)
{
	size_t before = doctor->count;

	if (!doctor_next_nvidia(doctor, NULL)) {
		doctor_ok(doctor, "there is no NVIDIA GPU");
		return;
	}
	if (!hw_is_laptop(&doctor->run->hw)) {
		doctor_ok(doctor, "this is no laptop; elsewhere NVIDIA's driver lets GPUs sleep "
				  "only if told to");
		return;
	}
	for (struct hw_gpu *gpu = NULL; (gpu = doctor_next_nvidia(doctor, gpu));) {
		if (hw_gpu_is_nvidia(gpu) && gpu->role != HW_EXTERNAL)
			look_at(doctor, gpu);
	}
	if (doctor->count == before)
		doctor_ok(doctor, "NVIDIA's driver has no GPU of this laptop");
}
