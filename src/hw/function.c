/* SPDX-License-Identifier: MIT */
/* function: what a PCI function is, how others call it, and which hang together. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/facts.h"
#include "hw/hw.h"
#include "hw/internal.h"

static unsigned hexadecimal(struct hw *hw, const char *path, const char *name)
{
	const char *text = hw_root_attr(&hw->root, path, name);
	unsigned long number;

	return text && str_starts(text, "0x") && str_number(text + 2, strlen(text + 2), 16, &number)
		       ? (unsigned)number
		       : 0;
}

struct hw_ids hw_function_ids(struct hw *hw, const char *path)
{
	return (struct hw_ids){
		.vendor = hexadecimal(hw, path, "vendor"),
		.device = hexadecimal(hw, path, "device"),
		.subvendor = hexadecimal(hw, path, "subsystem_vendor"),
		.subdevice = hexadecimal(hw, path, "subsystem_device"),
		.class = hexadecimal(hw, path, "class"),
		.revision = hexadecimal(hw, path, "revision"),
	};
}

const char *hw_bus_id(struct arena *arena, const char *slot)
{
	unsigned domain, bus, device, function;

	if (sscanf(slot, "%x:%x:%x.%u", &domain, &bus, &device, &function) != 4)
		return NULL;
	if (domain)
		return arena_printf(arena, "PCI:%u@%u:%u:%u", bus, domain, device, function);
	return arena_printf(arena, "PCI:%u:%u:%u", bus, device, function);
}

void hw_iommu(struct hw *hw, const char *path, struct hw_iommu *iommu)
{
	struct arena *arena = hw->root.arena;
	const char *place = arena_path(arena, path, "iommu_group");
	const char *link = hw_root_link(&hw->root, place);
	struct file_list members;

	*iommu = (struct hw_iommu){0};
	if (!link)
		return;
	iommu->group = str_file_name(link);
	/* Older kernels let root alone read it. */
	iommu->type = hw_root_attr(&hw->root, place, "type");
	if (!hw_root_names(&hw->root, arena_path(arena, place, "devices"), &members))
		return;
	iommu->members = members.names;
	iommu->count = members.count;
}
