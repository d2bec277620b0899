/* SPDX-License-Identifier: MIT */
/* judge: which GPU is integrated, discrete or external, and which one showed the boot. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"

static const char *const role_names[] = {
	[HW_ROLE_GUESS] = "unknown",
	[HW_INTEGRATED] = "integrated",
	[HW_DISCRETE] = "discrete",
	[HW_EXTERNAL] = "external",
};

const char *hw_role_name(enum hw_role role)
{
	return role_names[role];
}

bool hw_role_from_name(const char *name, enum hw_role *role)
{
	for (int i = HW_INTEGRATED; i <= HW_EXTERNAL; i++) {
		if (str_eq(name, role_names[i])) {
			*role = (enum hw_role)i;
			return true;
		}
	}
	return false;
}

static bool has_bridge(const char *path, const char *slash)
{
	const char *parent = slash;

	while (parent > path && parent[-1] != '/')
		parent--;
	return hw_is_slot(parent, (size_t)(slash - parent));
}

/*
 * "removable" is set on what hangs below an external-facing port, by Linux 5.14 and later
 * (drivers/pci/probe.c); older kernels and other firmware may set it on a bridge above only.
 */
static bool is_external(struct hw *hw, const struct hw_gpu *gpu)
{
	char *path = arena_dup(hw->root.arena, gpu->path), *slash;

	/* ".../pci0000:00/0000:00:02.0": what sits on the CPU's own bus is not behind a port. */
	slash = strrchr(path, '/');
	if (!slash || !has_bridge(path, slash))
		return false;
	for (; slash && hw_is_slot(slash + 1, strlen(slash + 1)); slash = strrchr(path, '/')) {
		const char *removable;

		removable = hw_root_attr(&hw->root, path, "removable");
		if (removable && str_eq(removable, "removable"))
			return true;
		*slash = '\0';
	}
	return false;
}

/* Whether the GPU sits at this device number of the CPU's own bus. */
static bool on_root_bus(const struct hw_gpu *gpu, const char *device)
{
	return str_starts(gpu->slot, device);
}

/*
 * An APU's GPU shares its slot with other parts of the CPU (security processor, USB, audio),
 * whose vendor is AMD the CPU maker, 1022; on a graphics card every function is 1002. APUs up to
 * 2015 have the GPU at 00:01.0.
 */
static bool is_apu(struct hw *hw, const struct hw_gpu *gpu)
{
	static const char functions[] = "2356";

	if (on_root_bus(gpu, "0000:00:01."))
		return true;
	for (const char *function = functions; *function; function++) {
		const char *vendor = hw_root_text(
			&hw->root, arena_printf(hw->root.arena, HW_PCI_DEVICES "/%.*s%c/vendor",
					   (int)strlen(gpu->slot) - 1, gpu->slot, *function));

		if (vendor)
			return str_eq(vendor, "0x1022");
	}
	return false;
}

static void guess_role(struct hw *hw, struct hw_gpu *gpu)
{
	if (!gpu->pci) {
		gpu->role = HW_INTEGRATED;
		gpu->role_why = "it is part of the SoC";
	} else if (is_external(hw, gpu)) {
		gpu->role = HW_EXTERNAL;
		gpu->role_why = "it is behind a removable port";
	} else if (gpu->vendor == HW_NVIDIA) {
		gpu->role = HW_DISCRETE;
		gpu->role_why = "an NVIDIA card";
	} else if (gpu->vendor == HW_AMD) {
		bool apu = is_apu(hw, gpu);

		gpu->role = apu ? HW_INTEGRATED : HW_DISCRETE;
		gpu->role_why = apu ? "an APU: it shares its slot with parts of the CPU"
				    : "an AMD card, with nothing of the CPU in its slot";
	} else if (gpu->vendor == HW_INTEL) {
		bool inside = on_root_bus(gpu, "0000:00:02.");

		gpu->role = inside ? HW_INTEGRATED : HW_DISCRETE;
		gpu->role_why = inside ? "an Intel GPU at 00:02" : "an Intel GPU, but not at 00:02";
	} else {
		gpu->role = HW_INTEGRATED;
		gpu->role_why = "a display controller of the board or the virtual machine";
	}
}

/* The attribute is there only on the boot display (drivers/gpu/drm/drm_sysfs.c, Linux 6.18). */
static struct hw_gpu *find_boot_display(struct hw *hw)
{
	for (size_t i = 0; i < hw->card_count; i++) {
		const char *value = hw_root_text(
			&hw->root, arena_printf(hw->root.arena, HW_CLASS_DRM "/%s/boot_display",
					   hw->cards[i]));

		if (value && str_eq(value, "1"))
			return hw_card_gpu(hw, hw->cards[i]);
	}
	return NULL;
}

static struct hw_gpu *find_boot_vga(struct hw *hw)
{
	struct hw_gpu *only = NULL;
	unsigned controllers = 0;

	for (size_t i = 0; i < hw->count; i++) {
		struct hw_gpu *gpu = hw->gpus[i];
		const char *value;

		if (gpu->pci && !gpu->vga)
			continue;
		value = gpu->pci ? hw_root_attr(&hw->root, gpu->path, "boot_vga") : NULL;
		if (value && str_eq(value, "1"))
			return gpu;
		only = gpu;
		controllers++;
	}
	return controllers == 1 ? only : NULL;
}

void hw_judge(struct hw *hw)
{
	struct hw_gpu *boot;

	if (hw->judged)
		return;
	hw->judged = true;
	for (size_t i = 0; i < hw->count; i++) {
		hw->gpus[i]->boot = false;
		if (hw->gpus[i]->role == HW_ROLE_GUESS)
			guess_role(hw, hw->gpus[i]);
	}
	boot = find_boot_display(hw);
	if (!boot)
		boot = find_boot_vga(hw);
	if (!boot && hw->count == 1)
		boot = hw->gpus[0];
	if (boot)
		boot->boot = true;
}
