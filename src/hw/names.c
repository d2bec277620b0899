/* SPDX-License-Identifier: MIT */
/* names: GPUs' names for people, from pci.ids where the driver does not tell one. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
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

/* What pci.ids says of a vendor: its name, then a line a device. */
struct hw_ids_block {
	unsigned vendor;
	const char *text; /* NULL if it is not in there */
};

enum { WINDOW = 32 << 10, LONGEST_BLOCK = 4 << 20 };

/* Where a file goes on behind a line's beginning, key being "\n10de  "; -1 if there is no such
 * line. It has a megabyte and more, so it is looked through in pieces that stay in the cache. */
static off_t find_line(int fd, const char *key)
{
	char window[WINDOW];
	size_t length = strlen(key), kept = 1;
	off_t at = -1; /* of the window: the file's beginning is a line's too */

	window[0] = '\n';
	for (;;) {
		ssize_t count = read(fd, window + kept, WINDOW - kept);
		size_t used = count > 0 ? kept + (size_t)count : 0;
		const char *found = memmem(window, used, key, length);

		if (found)
			return at + (found - window) + (off_t)length;
		if (count <= 0)
			return -1;
		kept = used < length ? used : length - 1;
		memmove(window, window + used - kept, kept);
		at += (off_t)(used - kept);
	}
}

/* How long a block is that begins in the middle of its first line; 0 if it goes on behind text. */
static size_t block_length(const char *text, size_t length)
{
	const char *end = text + length;

	for (const char *line = text; (line = memchr(line, '\n', (size_t)(end - line))); line++) {
		if (line + 1 < end && !strchr("\t#\r\n", line[1]))
			return (size_t)(line + 1 - text);
	}
	return 0;
}

static const char *read_block(struct arena *arena, int fd, off_t at)
{
	char *bytes = NULL;
	const char *text = NULL;

	for (size_t size = WINDOW; !text; size *= 4) {
		ssize_t count = pread(fd, bytes = mem_resize(bytes, size), size, at);
		size_t got = count > 0 ? (size_t)count : 0;
		size_t length = block_length(bytes, got);

		if (length || got < size || size >= LONGEST_BLOCK)
			text = arena_copy(arena, bytes, length ? length : got);
	}
	free(bytes);
	return text;
}

/* The text of a vendor behind its number; NULL if pci.ids does not have it. */
static const char *vendor_text(struct hw *hw, unsigned vendor)
{
	const char *key = arena_printf(hw->root.arena, "\n%04x  ", vendor), *text = NULL;

	for (size_t i = 0; i < hw->id_count; i++) {
		if (hw->ids[i].vendor == vendor)
			return hw->ids[i].text;
	}
	for (size_t i = 0; id_files[i] && !text; i++) {
		int fd = hw_root_open(&hw->root, id_files[i], O_RDONLY);
		off_t at = fd < 0 ? -1 : find_line(fd, key);

		if (at >= 0)
			text = read_block(hw->root.arena, fd, at);
		if (fd >= 0)
			file_done(fd);
	}
	*arena_push(hw->root.arena, hw->ids, hw->id_count) = (struct hw_ids_block){vendor, text};
	return text;
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
	const char *key = arena_printf(hw->root.arena, "\n\t%04x  ", gpu->device);

	*vendor = vendor_text(hw, gpu->vendor);
	*device = *vendor ? strstr(*vendor, key) : NULL;
	if (*device)
		*device += strlen(key);
}

static const char *from_ids(struct hw *hw, const struct hw_gpu *gpu)
{
	const char *vendor, *device;

	find_lines(hw, gpu, &vendor, &device);
	if (!device)
		return NULL;
	vendor = maker(gpu->vendor) ? maker(gpu->vendor) : short_name(hw, vendor);
	device = short_name(hw, device);
	/* "ASPEED Graphics Family" says it itself. */
	return str_starts(device, vendor) ? device
					  : arena_printf(hw->root.arena, "%s %s", vendor, device);
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
