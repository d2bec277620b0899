/* SPDX-License-Identifier: MIT */
/* monitor: what is plugged into a connector, for people. */
#include <string.h>

#include "base/mem.h"
#include "hw/facts.h"
#include "hw/hw.h"
#include "hw/internal.h"

/* VESA E-EDID 1.4: four descriptors of 18 bytes from byte 54; 00 00 00 FC 00 begins a name. */
enum { BLOCK = 128, FIRST = 54, DESCRIPTOR = 18, DESCRIPTORS = 4, NAME = 0xfc, NAME_AT = 5 };

const char *hw_connector_attr(struct hw *hw, const struct hw_connector *connector, const char *name)
{
	return hw_root_text(&hw->root, arena_printf(hw->root.arena, HW_CLASS_DRM "/card%d-%s/%s",
					       connector->card, connector->name, name));
}

const char *hw_monitor_name(struct arena *arena, const unsigned char *edid, size_t length)
{
	static const unsigned char head[] = {0, 255, 255, 255, 255, 255, 255, 0};
	unsigned maker;

	if (!edid || length < BLOCK || memcmp(edid, head, sizeof(head)) != 0)
		return NULL;
	for (size_t i = 0; i < DESCRIPTORS; i++) {
		const unsigned char *at = edid + FIRST + i * DESCRIPTOR;
		size_t size = 0;

		if (at[0] || at[1] || at[3] != NAME)
			continue;
		while (size < DESCRIPTOR - NAME_AT && at[NAME_AT + size] >= ' ' &&
			at[NAME_AT + size] < 127)
			size++;
		while (size && at[NAME_AT + size - 1] == ' ')
			size--;
		if (size)
			return arena_copy(arena, (const char *)at + NAME_AT, size);
	}
	/* Three letters of five bits each, 1 is A. */
	maker = (unsigned)edid[8] << 8 | edid[9];
	return arena_printf(arena, "%c%c%c %02x%02x", '@' + (maker >> 10 & 31),
		'@' + (maker >> 5 & 31), '@' + (maker & 31), edid[11], edid[10]);
}
