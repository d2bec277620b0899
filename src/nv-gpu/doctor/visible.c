/* SPDX-License-Identifier: MIT */
/* visible: GPUs that are given away to virtual machines, and boxes that are not let in. */
#include "base/mem.h"
#include "base/str.h"
#include "hw/lanes.h"
#include "hw/sleep.h"
#include "nv-gpu/doctor/doctor.h"

static void given_away(struct doctor *doctor, struct hw_gpu *gpu)
{
	struct hw *hw = &doctor->run->hw;
	struct arena *arena = doctor->run->arena;
	const char *title = gpu_title(doctor->run, gpu);
	size_t count, before = doctor->count;
	struct hw_function *functions = hw_functions(hw, gpu, &count);

	for (size_t i = 1; i < count; i++) {
		const char *driver = functions[i].driver;

		if (driver && !str_eq(driver, "vfio-pci"))
			doctor_problem(doctor,
				arena_printf(arena,
					"%s is on vfio-pci, but its %s function %s on %s", title,
					hw_function_kind_name(functions[i].kind), functions[i].slot,
					driver),
				"A virtual machine gets an IOMMU group whole: with one function "
				"left behind it "
				"does not start ('group is not viable').",
				arena_printf(arena, "nv-gpu bind %s vfio-pci", gpu->slot));
	}
	if (hw_iommu_off(hw))
		doctor_problem(doctor,
			arena_printf(arena, "%s is on vfio-pci, but there is no IOMMU", title),
			"Without an IOMMU no device can be given to a virtual machine.",
			"switch VT-d or AMD-Vi on in the firmware; for Intel add intel_iommu=on to "
			"the kernel "
			"command line; reboot");
	if (doctor->count == before)
		doctor_ok(doctor,
			arena_printf(arena, "%s is on vfio-pci, with all functions", title));
}

void check_vfio(struct doctor *doctor)
{
	const struct hw *hw = &doctor->run->hw;
	bool any = false;

	for (size_t i = 0; i < hw->count; i++) {
		struct hw_gpu *gpu = hw->gpus[i];

		if (!gpu->pci || !gpu->driver || !str_eq(gpu->driver, "vfio-pci"))
			continue;
		given_away(doctor, gpu);
		any = true;
	}
	if (!any)
		doctor_ok(doctor, "no GPU is kept for a virtual machine");
}

void check_egpu(struct doctor *doctor)
{
	struct arena *arena = doctor->run->arena;
	size_t count, waiting = 0;
	const struct hw_box *boxes = hw_boxes(&doctor->run->hw, &count);

	for (size_t i = 0; i < count; i++) {
		if (boxes[i].authorized)
			continue;
		waiting++;
		doctor_note(doctor,
			arena_printf(arena, "%s %s at %s is plugged in, but not authorised",
				boxes[i].vendor ? boxes[i].vendor : "a device",
				boxes[i].name ? boxes[i].name : "without a name", boxes[i].port),
			"Nothing behind it is on the PCI bus: a GPU in it is not there.",
			boxes[i].id ? arena_printf(arena, "boltctl enroll %s", boxes[i].id)
				    : "boltctl list; boltctl enroll UUID");
	}
	if (!waiting)
		doctor_ok(
			doctor, count ? "all that is plugged into Thunderbolt or USB4 is authorised"
				      : "nothing is plugged into Thunderbolt or USB4");
}
