/* SPDX-License-Identifier: MIT */
#include "hw/lanes.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"

#define IOMMU_GROUPS "/sys/kernel/iommu_groups"
#define THUNDERBOLT "/sys/bus/thunderbolt/devices"

static unsigned number_of(struct hw *hw, const char *path, const char *name)
{
	const char *text = hw_root_attr(&hw->root, path, name);
	unsigned long number;

	/* 255, and 63 of some ports, stand for a link that is down. */
	if (!text || !str_number(text, strlen(text), 10, &number) || number > 32)
		return 0;
	return (unsigned)number;
}

/* "2.5 GT/s PCIe": kernels since 5.6 write the point, older ones "8 GT/s". */
static unsigned rate_of(struct hw *hw, const char *path, const char *name)
{
	const char *text = hw_root_attr(&hw->root, path, name);
	size_t digits = text ? strspn(text, "0123456789") : 0;
	unsigned long whole, tenth = 0;

	if (!digits || !str_number(text, digits, 10, &whole) || whole > 1000)
		return 0;
	if (text[digits] == '.')
		str_number(text + digits + 1, 1, 10, &tenth);
	return (unsigned)(whole * 10 + tenth);
}

struct hw_lanes *hw_lanes(struct hw *hw, const struct hw_gpu *gpu, size_t *count)
{
	struct arena *arena = hw->root.arena;
	const char *status = hw_root_attr(&hw->root, gpu->path, "power/runtime_status");
	const char *state = hw_root_attr(&hw->root, gpu->path, "power_state");
	char *path = arena_dup(arena, gpu->path);
	struct hw_lanes *list = NULL;

	*count = 1;
	/* "unsupported": it has no runtime power management, and so never sleeps. */
	if ((status && !str_eq(status, "active") && !str_eq(status, "unsupported")) ||
		(state && str_starts(state, "D3")))
		return NULL;
	*count = 0;
	for (char *slash; (slash = strrchr(path, '/')); *slash = '\0') {
		const char *above = arena_copy(arena, path, (size_t)(slash - path));
		const char *name = str_file_name(above);

		if (!hw_is_slot(name, strlen(name)))
			break;
		*arena_push(arena, list, *count) = (struct hw_lanes){
			.here = arena_dup(arena, slash + 1),
			.above = name,
			.width = number_of(hw, path, "current_link_width"),
			.width_here = number_of(hw, path, "max_link_width"),
			.width_above = number_of(hw, above, "max_link_width"),
			.speed = hw_root_attr(&hw->root, path, "current_link_speed"),
			.rate = rate_of(hw, path, "current_link_speed"),
			.rate_here = rate_of(hw, path, "max_link_speed"),
			.rate_above = rate_of(hw, above, "max_link_speed"),
		};
	}
	return list;
}

bool hw_iommu_off(struct hw *hw)
{
	struct file_list names;

	return hw_root_names(&hw->root, IOMMU_GROUPS, &names) && !names.count;
}

size_t hw_nvidia_switches(struct hw *hw)
{
	struct arena *arena = hw->root.arena;
	struct file_list names;
	size_t found = 0;

	if (!hw_root_names(&hw->root, HW_PCI_DEVICES, &names))
		return 0;
	for (size_t i = 0; i < names.count; i++) {
		const char *path = arena_path(arena, HW_PCI_DEVICES, names.names[i]);
		const char *class = hw_root_attr(&hw->root, path, "class");
		const char *vendor = class && str_starts(class, "0x0680")
					     ? hw_root_attr(&hw->root, path, "vendor")
					     : NULL;

		found += vendor && str_eq(vendor, "0x10de");
	}
	return found;
}

struct hw_box *hw_boxes(struct hw *hw, size_t *count)
{
	const struct hw_root *root = &hw->root;
	struct hw_box *list = NULL;
	struct file_list names;

	*count = 0;
	if (!hw_root_names(root, THUNDERBOLT, &names))
		return NULL;
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names.names[i];
		const char *path = arena_path(root->arena, THUNDERBOLT, name);
		const char *authorized = hw_root_attr(root, path, "authorized");

		/* "0-0" is the machine itself; "0-0:1.1" a retimer, which is not authorised. */
		if (!authorized || str_ends(name, "-0") || strchr(name, ':'))
			continue;
		*arena_push(root->arena, list, *count) = (struct hw_box){
			.port = name,
			.vendor = hw_root_attr(root, path, "vendor_name"),
			.name = hw_root_attr(root, path, "device_name"),
			.id = hw_root_attr(root, path, "unique_id"),
			.authorized = *authorized != '0',
		};
	}
	return list;
}
