/* SPDX-License-Identifier: MIT */
/* link: the PCI Express links between a GPU and the CPU. */
#include "hw/lanes.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "hw/sleep.h"
#include "nv-gpu/doctor/doctor.h"

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Whether a link of the GPU was narrow, which is told then. */
static bool narrow(struct doctor *doctor, struct hw_gpu *gpu, const struct hw_lanes *link)
{
	struct arena *arena = doctor->run->arena;
	unsigned could = least(link->width_here, link->width_above);
	const char *what;

	if (!link->width || link->width >= could)
		return false;
	what = arena_printf(arena, "%s: the link %s - %s has %u lanes; both ends can do %u",
		gpu_title(doctor->run, gpu), link->above, link->here, link->width, could);
	if (hw_is_laptop(&doctor->run->hw))
		doctor_note(doctor, what,
			"Many laptops have half of the lanes wired, which is then all there is.",
			"nothing, if the manufacturer says so");
	else
		doctor_problem(doctor, what,
			"Everything that goes to and from the GPU takes longer: games stutter "
			"where "
			"textures are loaded, computing waits for data.",
			"switch off, seat the card (and its riser) again, and clean its contacts; "
			"look in "
			"the firmware for a slot that shares its lanes with another or with an M.2 "
			"drive");
	return true;
}

/*
 * Drivers slow the link of an idle GPU down to the first two generations, 2.5 and 5 GT/s, so only
 * what lies between these and what both ends can do is a limit.
 */
static bool slow(struct doctor *doctor, struct hw_gpu *gpu, const struct hw_lanes *link)
{
	enum { IDLE = 50 };
	unsigned could = least(link->rate_here, link->rate_above);

	if (link->rate <= IDLE || link->rate >= could)
		return false;
	doctor_note(doctor,
		arena_printf(doctor->run->arena,
			"%s: the link %s - %s runs at %s; both ends can do %u.%u GT/s",
			gpu_title(doctor->run, gpu), link->above, link->here, link->speed,
			could / 10, could % 10),
		"Faster than an idle link and slower than a busy one: something holds it back.",
		"look again under load; if it stays so: the firmware's setting for the slot's "
		"generation, and risers and cables that are made for an older one");
	return true;
}

static void look_at(struct doctor *doctor, struct hw_gpu *gpu)
{
	struct hw *hw = &doctor->run->hw;
	struct arena *arena = doctor->run->arena;
	const char *title = gpu_title(doctor->run, gpu);
	struct hw_lanes *links;
	size_t count, before = doctor->count;

	/* Reading any of it reads PCI configuration space, which wakes a GPU. */
	links = hw_lanes(hw, gpu, &count);
	if (!links && count) {
		doctor_unknown(doctor,
			arena_printf(arena, "%s: asleep; nv-gpu show --wake %s wakes it and tells",
				title, gpu->slot));
		return;
	}
	for (size_t i = 0; i < count; i++)
		(void)(narrow(doctor, gpu, &links[i]) || slow(doctor, gpu, &links[i]));
	if (doctor->count != before)
		return;
	if (!count)
		doctor_ok(doctor, arena_printf(arena, "%s sits on the CPU's own bus", title));
	else if (links[0].width)
		doctor_ok(doctor,
			arena_printf(arena,
				"%s has all its %u lanes, now at %s (an idle GPU slows its link "
				"down)",
				title, links[0].width, links[0].speed ? links[0].speed : "?"));
	else
		doctor_unknown(
			doctor, arena_printf(arena, "%s: the kernel tells of no link", title));
}

void check_pcie_link(struct doctor *doctor)
{
	const struct hw *hw = &doctor->run->hw;
	bool any = false;

	for (size_t i = 0; i < hw->count; i++) {
		struct hw_gpu *gpu = hw->gpus[i];

		/* A tunnel to an external box shows a link that means nothing. */
		if (!gpu->pci || gpu->role != HW_DISCRETE)
			continue;
		look_at(doctor, gpu);
		any = true;
	}
	if (!any)
		doctor_ok(doctor, "there is no graphics card in a slot");
}
