/* SPDX-License-Identifier: MIT */
#include "base/mem.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 16 << 10, FIRST_CHUNK = 32 << 10 };

struct chunk {
	struct chunk *next;
	size_t used, size;
	alignas(max_align_t) char bytes[];
};

struct arena {
	struct chunk *chunks;
};

void mem_fail(void)
{
	static const char text[] = "nv-run: out of memory\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(125);
}

void *mem_resize(void *old, size_t size)
{
	void *memory = realloc(old, size ? size : 1);

	if (!memory)
		mem_fail();
	return memory;
}

void cleanup_free_(void *pointer)
{
	free(*(void **)pointer);
}

void cleanup_fd_(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

struct arena *arena_new(void)
{
	struct arena *arena = mem_resize(NULL, sizeof(*arena));

	arena->chunks = NULL;
	return arena;
}

/* Most runs fit in one chunk: one that is there from the start needs no system call. */
struct arena *arena_main(void)
{
	static union {
		struct chunk chunk;
		char room[sizeof(struct chunk) + FIRST_CHUNK];
	} first;
	static struct arena arena;

	first.chunk.size = FIRST_CHUNK;
	arena.chunks = &first.chunk;
	return &arena;
}

void arena_free(struct arena *arena)
{
	if (!arena)
		return;
	for (struct chunk *chunk = arena->chunks, *next; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(arena);
}

void arena_join(struct arena *arena, struct arena *other)
{
	struct chunk **last = &other->chunks;

	/* Behind ours: the first is the one that is filled. */
	while (*last)
		last = &(*last)->next;
	if (arena->chunks) {
		*last = arena->chunks->next;
		arena->chunks->next = other->chunks;
	} else {
		arena->chunks = other->chunks;
	}
	free(other);
}

static struct chunk *add_chunk(struct arena *arena, size_t size)
{
	size_t wanted = size > CHUNK ? size : CHUNK;
	struct chunk *chunk;

	if (wanted > SIZE_MAX - sizeof(*chunk))
		mem_fail();
	chunk = mem_resize(NULL, sizeof(*chunk) + wanted);
	chunk->next = arena->chunks;
	chunk->used = 0;
	chunk->size = wanted;
	arena->chunks = chunk;
	return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	const size_t unit = alignof(max_align_t);
	struct chunk *chunk = arena->chunks;
	char *memory;

	if (size > SIZE_MAX / 2)
		mem_fail();
	size = (size + unit - 1) / unit * unit;
	if (!chunk || chunk->size - chunk->used < size)
		chunk = add_chunk(arena, size);
	memory = chunk->bytes + chunk->used;
	chunk->used += size;
	return memset(memory, 0, size);
}

char *arena_copy(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_alloc(arena, length + 1);

	if (length)
		memcpy(copy, text, length);
	return copy;
}

char *arena_dup(struct arena *arena, const char *text)
{
	return arena_copy(arena, text, strlen(text));
}

char *arena_path(struct arena *arena, const char *directory, const char *name)
{
	char *path = arena_alloc(arena, strlen(directory) + strlen(name) + 2);
	char *end = stpcpy(path, directory);

	*end++ = '/';
	stpcpy(end, name);
	return path;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list arguments;
	char small[256], *text;
	int length;

	va_start(arguments, format);
	length = vsnprintf(small, sizeof(small), format, arguments);
	va_end(arguments);
	if (length < 0)
		mem_fail();
	if ((size_t)length < sizeof(small))
		return arena_copy(arena, small, (size_t)length);
	text = arena_alloc(arena, (size_t)length + 1);
	va_start(arguments, format);
	vsnprintf(text, (size_t)length + 1, format, arguments);
	va_end(arguments);
	return text;
}

/* Room doubles at 0, 4, 8, 16, ...: the count alone says when an array is full. */
void *arena_room(struct arena *arena, void *items, size_t count, size_t size)
{
	size_t room = count ? count * 2 : 4;
	void *moved;

	if (count && (count < 4 || (count & (count - 1))))
		return items;
	if (room > SIZE_MAX / 2 / size)
		mem_fail();
	moved = arena_alloc(arena, room * size);
	if (count)
		memcpy(moved, items, count * size);
	return moved;
}
