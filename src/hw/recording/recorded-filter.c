/* SPDX-License-Identifier: MIT */
/* recorded-filter: of long files, the lines that matter. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"
#include "hw/recorded.h"

static bool next_line(const char **text, const char *end, const char **line, size_t *length)
{
	const char *newline;

	if (*text >= end)
		return false;
	newline = memchr(*text, '\n', (size_t)(end - *text));
	*line = *text;
	*length = (size_t)((newline ? newline : end) - *text);
	*text = newline ? newline + 1 : end;
	return true;
}

static void add_line(struct buf *out, const char *line, size_t length)
{
	buf_add(out, line, length);
	buf_putc(out, '\n');
}

static bool has_word(const char *line, size_t length, const char *const *words)
{
	for (; *words; words++) {
		if (memmem(line, length, *words, strlen(*words)))
			return true;
	}
	return false;
}

/* The ids of every function of the GPUs' slots: vendor, device and those of the subsystem. */
struct ids {
	unsigned numbers[256];
	size_t count;
};

static void read_ids(struct hw *hw, struct ids *ids)
{
	static const char *const names[] = {
		"vendor", "device", "subsystem_vendor", "subsystem_device"};

	for (size_t i = 0; i < hw->count * 8 * 4; i++) {
		const struct hw_gpu *gpu = hw->gpus[i / 32];
		size_t length = strlen(gpu->path);
		const char *text;
		unsigned number;

		if (!gpu->pci || length < 2 ||
			ids->count == sizeof(ids->numbers) / sizeof(unsigned))
			continue;
		text = hw_root_attr(&hw->root,
			arena_printf(
				hw->root.arena, "%.*s%zu", (int)length - 1, gpu->path, i / 4 % 8),
			names[i % 4]);
		if (text && sscanf(text, "0x%4x", &number) == 1)
			ids->numbers[ids->count++] = number;
	}
}

static bool has_id(const struct ids *ids, const char *text)
{
	unsigned long number;
	bool found = false;

	if (!str_number(text, 4, 16, &number))
		return false;
	for (size_t i = 0; i < ids->count; i++)
		found |= ids->numbers[i] == number;
	return found;
}

/*
 * pci.ids: "10de  NVIDIA Corporation", a tab and a device, two tabs and a subsystem; behind them
 * classes, "C 03  Display controller", of which those that a card has are kept.
 */
void recorded_ids(struct hw *hw, const char *text, size_t length, struct buf *out)
{
	static const char *const classes[] = {"C 03", "C 04", "C 06", "C 0c", NULL};
	struct ids ids = {.count = 0};
	const char *end = text + length, *line;
	bool vendor = false, device = false, class = false;

	read_ids(hw, &ids);
	while (next_line(&text, end, &line, &length)) {
		if (length < 6 || *line == '#')
			continue;
		if (*line != '\t') {
			class = has_word(line, 4, classes);
			vendor = !class && has_id(&ids, line);
			device = false;
			if (class || vendor)
				add_line(out, line, length);
		} else if (class) {
			add_line(out, line, length);
		} else if (vendor && line[1] != '\t') {
			device = has_id(&ids, line + 1);
			if (device)
				add_line(out, line, length);
		} else if (device && length > 11 && has_id(&ids, line + 2) &&
			   has_id(&ids, line + 7)) {
			add_line(out, line, length);
		}
	}
}

/* The names that nv-run and the doctor look for in the loader's index, between NUL bytes. */
void recorded_cache(struct hw *hw, const char *text, size_t length, struct buf *out)
{
	static const char *const words[] = {"nvidia", "libGLX", "libEGL", "libGL", "libcuda",
		"libnv", "libvulkan", "libgbm", "libOpenCL", "libvdpau", "libva", NULL};
	const char *end = text + length;

	(void)hw;
	while (text < end) {
		size_t part = strnlen(text, (size_t)(end - text));

		if (part > 5 && part < 4096 && has_word(text, part, words) &&
			memmem(text, part, ".so", 3)) {
			size_t begin = part;

			/* Numbers stand before the first name, without a NUL between. */
			while (begin && (unsigned char)text[begin - 1] > ' ' &&
				(unsigned char)text[begin - 1] < 127)
				begin--;
			buf_add(out, text + begin, part - begin);
			buf_putc(out, '\0');
		}
		text += part + 1;
	}
}

/* Where files vanish at a reboot, and where the drivers' files are; no names of people's disks. */
void recorded_mounts(struct hw *hw, const char *text, size_t length, struct buf *out)
{
	static const char *const words[] = {"tmpfs", "ramfs", "overlay", " / ", " /tmp ", " /var ",
		" /var/tmp ", "proc", "sysfs", "efivarfs", NULL};
	const char *end = text + length, *line;

	(void)hw;
	while (next_line(&text, end, &line, &length)) {
		if (has_word(line, length, words))
			add_line(out, line, length);
	}
}

void recorded_module_lines(struct hw *hw, const char *text, size_t length, struct buf *out)
{
	static const char *const words[] = {"nvidia", "nouveau", "nova", "vfio", "amdgpu", "/i915",
		"/xe/", "snd-hda-intel", NULL};
	const char *end = text + length, *line;

	(void)hw;
	while (next_line(&text, end, &line, &length)) {
		size_t name = strcspn(line, ": \n");

		if (has_word(line, name < length ? name : length, words))
			add_line(out, line, length);
	}
}
