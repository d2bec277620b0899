/* SPDX-License-Identifier: MIT */
/* link: how fast and how wide a GPU's card is plugged in. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "hw/facts.h"
#include "hw/hw.h"
#include "hw/internal.h"

/* More lanes than any slot has: what 6 bits of ones read as. */
enum { MOST_LANES = 32 };

/* "16.0 GT/s PCIe", "8 GT/s" of older kernels, "Unknown". */
static unsigned tenths(const char *text)
{
	unsigned whole = 0, part = 0;

	if (!text || sscanf(text, "%4u.%1u", &whole, &part) < 1 || !strstr(text, "GT/s"))
		return 0;
	return whole * 10 + part;
}

static unsigned lanes(const char *text)
{
	unsigned long number;

	return text && str_number(text, strlen(text), 10, &number) && number <= MOST_LANES
		       ? (unsigned)number
		       : 0;
}

static void read_end(struct hw *hw, struct hw_link_end *end)
{
	end->speed = tenths(hw_root_attr(&hw->root, end->path, "max_link_speed"));
	end->width = lanes(hw_root_attr(&hw->root, end->path, "max_link_width"));
}

/* The function above one, an empty end at the host bridge. */
static struct hw_link_end above(struct hw *hw, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *parent = arena_copy(hw->root.arena, path, (size_t)(slash - path));
	const char *name = str_file_name(parent);

	return hw_is_slot(name, strlen(name)) ? (struct hw_link_end){.slot = name, .path = parent}
					      : (struct hw_link_end){0};
}

static bool is_of(struct hw *hw, const struct hw_link_end *end, unsigned vendor)
{
	const char *text = hw_root_attr(&hw->root, end->path, "vendor");
	unsigned long number;

	return text && str_starts(text, "0x") &&
	       str_number(text + 2, strlen(text + 2), 16, &number) && number == vendor;
}

/*
 * Discrete GPUs of AMD since Vega and of Intel sit behind a switch on their card, two bridges of
 * the GPU's vendor with another one above; the link in between is wide and fast whatever the slot
 * is.
 */
static void find_ends(struct hw *hw, const struct hw_gpu *gpu, struct hw_link *link)
{
	struct hw_link_end down, up, root;

	link->card = (struct hw_link_end){.slot = gpu->slot, .path = gpu->path};
	link->port = down = above(hw, gpu->path);
	if (!down.slot || gpu->vendor == HW_NVIDIA || !is_of(hw, &down, gpu->vendor))
		return;
	up = above(hw, down.path);
	root = up.slot ? above(hw, up.path) : up;
	if (root.slot && is_of(hw, &up, gpu->vendor)) {
		link->card = up;
		link->port = root;
	}
}

static bool sleeps(struct hw *hw, struct hw_gpu *gpu)
{
	const char *state = hw_gpu_state(hw, gpu);
	const char *status = hw_gpu_status(hw, gpu);

	return !str_eq(status, "active") &&
	       ((!str_eq(status, "unsupported") && !str_eq(status, "unknown")) ||
		       (state && str_starts(state, "D3")));
}

void hw_link(struct hw *hw, struct hw_gpu *gpu, bool wake, struct hw_link *link)
{
	const struct hw_root *root = &hw->root;

	*link = (struct hw_link){.state = HW_LINK_NONE};
	if (!gpu->pci)
		return;
	find_ends(hw, gpu, link);
	/* On the host bridge sits what is part of the CPU, or a virtual machine's. */
	if (!link->port.slot || gpu->role == HW_INTEGRATED)
		return;
	link->state = HW_LINK_ASLEEP;
	if (!wake && sleeps(hw, gpu))
		return;
	read_end(hw, &link->card);
	read_end(hw, &link->port);
	link->speed = tenths(hw_root_attr(root, link->card.path, "current_link_speed"));
	link->width = lanes(hw_root_attr(root, link->card.path, "current_link_width"));
	link->state = link->speed && link->width ? HW_LINK_KNOWN : HW_LINK_UNKNOWN;
}
