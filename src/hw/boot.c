/* SPDX-License-Identifier: MIT */
/* boot: what the machine was started with. */
#include <string.h>

#include "base/mem.h"
#include "hw/hw.h"
#include "hw/internal.h"

const char *hw_command_line(struct hw *hw, const char *name)
{
	const char *text = hw_root_text(&hw->root, HW_COMMAND_LINE), *value = NULL;
	size_t length = strlen(name);

	for (const char *at = text ? text : ""; *at;) {
		size_t word;

		at += strspn(at, " \t\n");
		word = strcspn(at, " \t\n");
		if (word >= length && strncmp(at, name, length) == 0) {
			if (word == length)
				value = "";
			else if (at[length] == '=')
				value = arena_copy(
					hw->root.arena, at + length + 1, word - length - 1);
		}
		at += word;
	}
	return value;
}
