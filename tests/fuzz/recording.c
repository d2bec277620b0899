/* SPDX-License-Identifier: MIT */
/*
 * A libFuzzer target for the reader of recordings: any bytes. What can be read comes back the same
 * when it is written and read again, and no path leads out of the directory it is unpacked in.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/recording.h"

static void check_path(const char *path)
{
	if (*path != '/' || !path[1] || strlen(path) > RECORDING_PATH)
		abort();
	while (*path) {
		size_t length = strcspn(++path, "/");

		if (!length || length > RECORDING_NAME || (length == 1 && *path == '.') ||
			(length == 2 && path[0] == '.' && path[1] == '.'))
			abort();
		path += length;
	}
}

static void check_same(const struct recording_entry *a, const struct recording_entry *b)
{
	if (a->kind != b->kind || a->directory != b->directory || !str_eq(a->path, b->path) ||
		a->length != b->length || memcmp(a->text, b->text, a->length) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct recording one, two;
	struct recording_error error = {0};
	struct buf out = {0};

	if (recording_read(
		    arena, arena_copy(arena, (const char *)data, size), size, &one, &error)) {
		recording_write_head(&out, "fuzz");
		for (size_t i = 0; i < one.count; i++) {
			check_path(one.entries[i].path);
			recording_write(&out, &one.entries[i]);
		}
		if (!recording_read(arena, buf_text(&out), out.length, &two, &error) ||
			one.count != two.count)
			abort();
		for (size_t i = 0; i < one.count; i++)
			check_same(&one.entries[i], &two.entries[i]);
	} else if (!error.line || !error.column || !error.what) {
		abort();
	}
	buf_free(&out);
	arena_free(arena);
	return 0;
}
