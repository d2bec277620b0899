/* SPDX-License-Identifier: MIT */
/* names: GPUs' names for people, from pci.ids where the driver does not tell one. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "hw/facts.h"
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

/* Read once: it has a megabyte and more. */
static const char *ids(struct hw *hw)
{
	for (size_t i = 0; id_files[i] && !hw->ids; i++)
		hw->ids = hw_root_text(&hw->root, id_files[i]);
	if (!hw->ids)
		hw->ids = "";
	return hw->ids;
}

const char *hw_ids_file(struct hw *hw)
{
	struct stat status;

	for (size_t i = 0; id_files[i]; i++) {
		int fd = hw_root_open(&hw->root, id_files[i], O_RDONLY);

		if (fd < 0)
			continue;
		if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
			return arena_printf(hw->root.arena, HW_OWN_FILES "/%d", fd);
		close(fd);
	}
	return NULL;
}

/* The lines of a GPU's vendor and of itself behind the numbers; NULL if they are not there. */
static void find_lines(
	struct hw *hw, const struct hw_gpu *gpu, const char **vendor, const char **device)
{
	struct arena *arena = hw->root.arena;

	*vendor = find_id(ids(hw), arena_printf(arena, "%04x  ", gpu->vendor), false);
	*device = *vendor ? find_id(*vendor, arena_printf(arena, "\t%04x  ", gpu->device), true)
			  : NULL;
}

static const char *from_ids(struct hw *hw, const struct hw_gpu *gpu)
{
	const char *vendor, *device;

	find_lines(hw, gpu, &vendor, &device);
	if (!device)
		return NULL;
	return arena_printf(hw->root.arena, "%s %s",
		maker(gpu->vendor) ? maker(gpu->vendor) : short_name(hw, vendor),
		short_name(hw, device));
}

const char *hw_gpu_pci_name(struct hw *hw, struct hw_gpu *gpu)
{
	struct arena *arena = hw->root.arena;
	const char *vendor, *device;

	if (!gpu->pci)
		return NULL;
	find_lines(hw, gpu, &vendor, &device);
	if (!vendor)
		return arena_printf(arena, "Device %04x:%04x", gpu->vendor, gpu->device);
	vendor = arena_copy(arena, vendor, strcspn(vendor, "\r\n"));
	if (!device)
		return arena_printf(arena, "%s Device %04x", vendor, gpu->device);
	return arena_printf(arena, "%s %.*s", vendor, (int)strcspn(device, "\r\n"), device);
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
