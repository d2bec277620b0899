/* SPDX-License-Identifier: MIT */
#include "hw/running.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"

enum { WORDS_LIMIT = 64 << 10 };

static void read_words(struct hw *hw, struct hw_command *command)
{
	struct arena *arena = hw->root.arena;
	int fd = hw_root_open(&hw->root,
		arena_printf(arena, HW_PROCESSES "/%ld/cmdline", command->pid), O_RDONLY);
	size_t length = 0;
	const char *text = fd < 0 ? NULL : file_text_fd(arena, fd, WORDS_LIMIT, &length);

	for (const char *word = text; word && word < text + length; word += strlen(word) + 1)
		*arena_push(arena, command->words, command->count) = word;
	*arena_push(arena, command->words, command->count) = NULL;
	command->count--;
}

struct hw_command *hw_commands(struct hw *hw, const char *const *names, size_t *count)
{
	struct hw_command *commands = NULL;
	struct file_list list;

	*count = 0;
	if (!hw_root_names(&hw->root, HW_PROCESSES, &list))
		return NULL;
	for (size_t i = 0; i < list.count; i++) {
		unsigned long pid;
		const char *own;

		if (!str_number(list.names[i], strlen(list.names[i]), 10, &pid))
			continue;
		own = hw_process_name(hw, (long)pid);
		for (const char *const *name = names; own && *name; name++) {
			struct hw_command *command;

			if (!str_eq(*name, own))
				continue;
			command = arena_push(hw->root.arena, commands, *count);
			*command = (struct hw_command){.pid = (long)pid};
			read_words(hw, command);
			break;
		}
	}
	return commands;
}

long long hw_boot_time(struct hw *hw)
{
	const char *text = hw_root_text(&hw->root, HW_STATISTICS);
	const char *line = text ? strstr(text, "\nbtime ") : NULL;

	return line ? strtoll(line + strlen("\nbtime "), NULL, 10) : 0;
}

const char *hw_boot_words(struct hw *hw)
{
	return hw_root_text(&hw->root, HW_CMDLINE);
}
