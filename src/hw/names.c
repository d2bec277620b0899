/* SPDX-License-Identifier: MIT */
/* names: GPUs' names for people, from pci.ids where the driver does not tell one. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"

static const char *const id_files[] = {
	"/usr/share/misc/pci.ids",
	"/usr/share/hwdata/pci.ids",
	"/usr/share/pci.ids",
	"/run/current-system/sw/share/hwdata/pci.ids",
	NULL,
};

static const struct {
	unsigned vendor;
	const char *name;
} makers[] = {
	{0x1002, "AMD"},
	{0x10de, "NVIDIA"},
	{0x8086, "Intel"},
	{0x1a03, "ASPEED"},
	{0x102b, "Matrox"},
	{0x1af4, "Virtio"},
	{0, NULL},
};

static const char *maker(unsigned vendor)
{
	for (size_t i = 0; makers[i].name; i++) {
		if (makers[i].vendor == vendor)
			return makers[i].name;
	}
	return NULL;
}

/* The text behind "PREFIXxxxx  " at the beginning of a line; stops at a line that ends a block. */
static const char *find_id(const char *text, const char *key, bool block)
{
	size_t length = strlen(key);

	for (const char *line = text; line && *line;) {
		const char *end = strchrnul(line, '\n');

		if (strncmp(line, key, length) == 0)
			return line + length;
		if (block && line != text && *line != '\t' && *line != '#' && line != end)
			return NULL;
		line = *end ? end + 1 : end;
	}
	return NULL;
}

/* "GA107M [GeForce RTX 3050 Mobile]" is known to people by what is in the brackets. */
static const char *short_name(struct hw *hw, const char *name)
{
	size_t length = strcspn(name, "\r\n");
	const char *open = memchr(name, '[', length);
	const char *close = open ? memchr(open, ']', length - (size_t)(open - name)) : NULL;

	if (close && close > open + 1)
		return arena_copy(hw->root.arena, open + 1, (size_t)(close - open - 1));
	return arena_copy(hw->root.arena, name, length);
}

static const char *from_ids(struct hw *hw, const struct hw_gpu *gpu)
{
	const char *text = NULL, *vendor, *device;

	for (size_t i = 0; id_files[i] && !text; i++)
		text = hw_root_text(&hw->root, id_files[i]);
	vendor = find_id(text, arena_printf(hw->root.arena, "%04x  ", gpu->vendor), false);
	if (!vendor)
		return NULL;
	device = find_id(vendor, arena_printf(hw->root.arena, "\t%04x  ", gpu->device), true);
	if (!device)
		return NULL;
	return arena_printf(hw->root.arena, "%s %s",
		maker(gpu->vendor) ? maker(gpu->vendor) : short_name(hw, vendor),
		short_name(hw, device));
}

const char *hw_gpu_name(struct hw *hw, struct hw_gpu *gpu)
{
	if (!gpu->name)
		gpu->name = hw_gpu_nvidia(hw, gpu)->model;
	if (!gpu->name && gpu->pci)
		gpu->name = from_ids(hw, gpu);
	if (!gpu->name && maker(gpu->vendor))
		gpu->name = arena_printf(hw->root.arena, "%s GPU", maker(gpu->vendor));
	if (!gpu->name)
		gpu->name = gpu->pci ? "GPU" : gpu->slot;
	return gpu->name;
}
