/* SPDX-License-Identifier: MIT */
/* process: what the kernel says of other programs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"

const char *hw_process_name(struct hw *hw, long pid)
{
	return hw_root_text(&hw->root, arena_printf(hw->root.arena, HW_PROCESSES "/%ld/comm", pid));
}

/* The GPU of "/dev/dri/card1" or "/dev/dri/renderD128". */
static struct hw_gpu *gpu_of_node(const struct hw *hw, const char *node)
{
	int number;

	for (size_t i = 0; i < hw->count; i++) {
		if ((sscanf(node, HW_NODES "/card%d", &number) == 1 &&
			    hw->gpus[i]->card == number) ||
			(sscanf(node, HW_NODES "/renderD%d", &number) == 1 &&
				hw->gpus[i]->render == number))
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
