/* SPDX-License-Identifier: MIT */
/* boot: what the running kernel was started with. */
#include <string.h>

#include "base/mem.h"
#include "hw/hw.h"
#include "hw/internal.h"

/*
 * The kernel takes a word into double quotes whole or from its value on (lib/cmdline.c,
 * next_arg): "a=b c" and a="b c" are one word each.
 */
const char *hw_cmdline(struct hw *hw, const char *word)
{
	const char *text = hw_root_text(&hw->root, HW_CMDLINE), *value = NULL;
	size_t length = strlen(word);

	if (!text)
		return NULL;
	while (*(text += strspn(text, " \t\n"))) {
		const char *name = text + (*text == '"');
		bool quoted = false;

		for (; *text && (quoted || !strchr(" \t\n", *text)); text++)
			quoted ^= *text == '"';
		if (strncmp(name, word, length) != 0 || !strchr("= \t\n\"", name[length]))
			continue;
		name += length + (name[length] == '=');
		name += name < text && *name == '"';
		value = arena_copy(hw->root.arena, name,
			name < text ? (size_t)(text - name) - (text[-1] == '"') : 0);
	}
	return value;
}

const char *hw_boot_id(struct hw *hw)
{
	return hw_root_text(&hw->root, HW_BOOT_ID);
}
