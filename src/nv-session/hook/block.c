/* SPDX-License-Identifier: MIT */
/*
 * block: our lines in a file of others. Taking them out gives the file that was there before,
 * byte for byte, and keeps whatever else was changed since.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/hook/hook.h"

#define BEGIN " nv-session hook: begin"
#define END " nv-session hook: end"

static const char *next_line(const char *line)
{
	line = strchrnul(line, '\n');
	return *line ? line + 1 : line;
}

static bool is_mark(const char *line, const char *mark)
{
	return (*line == '#' || *line == '!') && str_starts(line + 1, mark);
}

bool block_find(const char *text, struct block *block, bool *broken)
{
	const char *line = text, *end;

	while (*line && !is_mark(line, BEGIN))
		line = next_line(line);
	*broken = false;
	if (!*line)
		return false;
	block->begin = (size_t)(line - text);
	block->text = end = next_line(line);
	while (*end && !is_mark(end, END))
		end = next_line(end);
	*broken = !*end;
	block->length = (size_t)(end - block->text);
	end = next_line(end);
	block->end = (size_t)(end - text);
	/* A file that did not end with a newline got one before the block, none behind it. */
	if (!*broken && end[-1] != '\n' && block->begin > 0)
		block->begin--;
	return !*broken;
}

char *block_cut(struct arena *arena, const char *text)
{
	char *copy = arena_dup(arena, text);
	struct block block;
	bool broken;

	while (block_find(copy, &block, &broken))
		memmove(copy + block.begin, copy + block.end, strlen(copy + block.end) + 1);
	return copy;
}

char *block_insert(struct arena *arena, const char *text, size_t at, const char *body, char comment)
{
	bool open = at > 0 && text[at - 1] != '\n';

	return arena_printf(arena,
		"%.*s%s%c" BEGIN "; 'nv-session hook remove' takes it out\n%s%c" END "%s%s",
		(int)at, text, open ? "\n" : "", comment, body, comment, open ? "" : "\n",
		text + at);
}
