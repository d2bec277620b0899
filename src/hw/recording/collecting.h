/* SPDX-License-Identifier: MIT */
/*
 * collecting: what the files collect*.c share.
 *
 * recorded.c          the table of what is recorded; recorded-filter.c what is kept of a file
 * collect.c           goes through it; collect-expand.c finds the paths, collect-process.c /proc
 * write.c read.c      the text of a recording, pure
 * unpack.c            a recording into a directory
 */
#ifndef NV_HW_COLLECTING_H
#define NV_HW_COLLECTING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/file.h"
#include "hw/collect.h"

/* Bytes of a file, and bytes and entries of all: some hundred KiB is what machines have. */
enum { COLLECTING_FILE = 512 << 10, COLLECTING_SIZE = 24 << 20, COLLECTING_COUNT = 100000 };

enum { COLLECTING_LISTINGS = 16 };

struct recorded;

struct collecting {
	struct arena *arena;
	struct hw *hw;
	const char *const *homes, *const *stuck;
	struct hw_collection *collection;
	size_t size;
	const char *title; /* of what comes next, NULL once it was written */
	const char **seen; /* a hash table of paths */
	size_t seen_count, seen_size;
	/* The listings made last: one directory is searched for many patterns. */
	const char *listed[COLLECTING_LISTINGS];
	struct file_list listings[COLLECTING_LISTINGS];
	size_t next_listing;
};

/* True the first time for a path. */
bool collecting_once(struct collecting *collecting, const char *path);

/* Adds an entry unless there is one of its path, or no more room. */
void collecting_add(struct collecting *collecting, struct recording_entry entry);
void collecting_text(struct collecting *collecting, enum recording_kind kind, const char *path,
	const char *text);
void collecting_refused(struct collecting *collecting, const char *path, int error, bool directory);

/* What is in a plain file, whole, in an arena; NULL with errno set. */
char *collecting_read(struct collecting *collecting, struct arena *arena, const char *path,
	size_t limit, size_t *length);

/* What a row of the table says of a path without patterns in it. */
void collecting_take(struct collecting *collecting, const char *path, const struct recorded *row);

/* collect-expand.c: takes all that a row of the table means. */
void collecting_expand(struct collecting *collecting, const struct recorded *row);

/* collect-process.c: the processes that hold a GPU, and those that cannot be inspected. */
void collecting_processes(struct collecting *collecting);

#endif
