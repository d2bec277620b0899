/* SPDX-License-Identifier: MIT */
/* process: what the kernel says of other programs. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"

enum { ENVIRON_LIMIT = 4 << 20 };

const char *hw_process_name(struct hw *hw, long pid)
{
	return hw_root_text(&hw->root, arena_printf(hw->root.arena, HW_PROCESSES "/%ld/comm", pid));
}

bool hw_process_has_variable(struct hw *hw, long pid, const char *name)
{
	struct arena *arena = hw->root.arena;
	int fd = hw_root_open(
		&hw->root, arena_printf(arena, HW_PROCESSES "/%ld/environ", pid), O_RDONLY);
	size_t length = 0, name_length = strlen(name);
	const char *text = fd < 0 ? NULL : file_text_fd(arena, fd, ENVIRON_LIMIT, &length);

	if (!text)
		return false;
	for (size_t at = 0; at < length; at += strlen(text + at) + 1) {
		const char *entry = text + at;

		if (strncmp(entry, name, name_length) == 0 && entry[name_length] == '=' &&
			entry[name_length + 1])
			return true;
	}
	return false;
}

/* Whether a GPU has this node. No sscanf: in a static nv-run it weighs 100 KiB. */
static bool is_node(struct arena *arena, const char *node, const char *kind, int number)
{
	const char *own = hw_node(arena, kind, number);

	return own && str_eq(node, own);
}

/* The GPU of "/dev/dri/card1" or "/dev/dri/renderD128". */
static struct hw_gpu *gpu_of_node(const struct hw *hw, const char *node)
{
	for (size_t i = 0; str_starts(node, HW_NODES "/") && i < hw->count; i++) {
		if (is_node(hw->root.arena, node, "card", hw->gpus[i]->card) ||
			is_node(hw->root.arena, node, "renderD", hw->gpus[i]->render))
			return hw->gpus[i];
	}
	return NULL;
}

struct hw_gpu **hw_process_gpus(struct hw *hw, long pid, int *count)
{
	struct arena *arena = hw->root.arena;
	const char *directory = arena_printf(arena, HW_PROCESSES "/%ld/fd", pid);
	struct hw_gpu **gpus = NULL;
	struct file_list names;

	*count = -1;
	if (!hw_root_names(&hw->root, directory, &names))
		return NULL;
	*count = 0;
	for (size_t i = 0; i < names.count; i++) {
		const char *node =
			hw_root_link(&hw->root, arena_path(arena, directory, names.names[i]));
		struct hw_gpu *gpu = node ? gpu_of_node(hw, node) : NULL;
		bool known = !gpu;

		for (int j = 0; j < *count && !known; j++)
			known = gpus[j] == gpu;
		if (!known) {
			size_t room = (size_t)*count;

			*arena_push(arena, gpus, room) = gpu;
			*count = (int)room;
		}
	}
	return gpus;
}
