/* SPDX-License-Identifier: MIT */
/*
 * mem: memory for programs that live for milliseconds.
 *
 * An arena hands out memory that is freed all at once; rules, GPUs and changes of one run live
 * in one. Nothing here returns NULL: a program without memory says so and exits with 125
 * (mem_fail), the one place below the programs that may.
 */
#ifndef NV_BASE_MEM_H
#define NV_BASE_MEM_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena);

/* Makes what other handed out part of arena; other is gone. */
void arena_join(struct arena *arena, struct arena *other);

/* The arena of a program's main, once: its first 32 KiB come without a system call. Lives as long
 * as the program; not for arena_free. */
struct arena *arena_main(void);

/* size zeroed bytes, aligned for any object; owned by the arena. */
void *arena_alloc(struct arena *arena, size_t size);

/* A NUL-terminated copy of length bytes of text. */
char *arena_copy(struct arena *arena, const char *text, size_t length);
char *arena_dup(struct arena *arena, const char *text);
/* "directory/name": what arena_printf would make of it, at a tenth of the cost. */
char *arena_path(struct arena *arena, const char *directory, const char *name);
char *arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Room for one more in a growing array: returns items, moved if there was no room for number
 * count. The array starts as NULL and belongs to the arena.
 */
void *arena_room(struct arena *arena, void *items, size_t count, size_t size);

#define arena_push(arena, items, count)                                                            \
	((items) = arena_room((arena), (items), (count), sizeof(*(items))), &(items)[(count)++])

/* Says "out of memory" and ends the program with status 125. */
_Noreturn void mem_fail(void);

/* malloc family that never return NULL; freed with free(). */
void *mem_resize(void *old, size_t size);

void cleanup_free_(void *pointer);
void cleanup_fd_(const int *fd);
#define cleanup_free __attribute__((cleanup(cleanup_free_)))
#define cleanup_fd __attribute__((cleanup(cleanup_fd_)))

#endif
