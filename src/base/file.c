/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

/* A directory entry of a name of 255 bytes, as the kernel writes it. */
enum { LEFT_OPEN = 128, LONGEST_ENTRY = 280 };

static int left_open = LEFT_OPEN;

void file_stay(void)
{
	left_open = 0;
}

void file_done(int fd)
{
	if (fd >= left_open)
		close(fd);
}

static char *read_text(struct arena *arena, int fd, size_t limit, size_t *length, bool whole)
{
	char small[1024], *text = small, *copy = NULL;
	size_t size = sizeof(small), used = 0;
	int error = 0;

	for (;;) {
		size_t room = limit - used < size - used ? limit - used : size - used;
		ssize_t count = read(fd, text + used, room);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			error = errno;
		else
			used += (size_t)count;
		/*
		 * What is shorter than the first buffer came whole: one read. A longer file of
		 * /proc comes in pieces of a page at most that end at a line (fs/seq_file.c).
		 */
		if (count <= 0 || used == limit ||
			(!whole && (size_t)count < room && used < sizeof(small)))
			break;
		if ((size_t)count < room)
			continue;
		size *= 4;
		if (text == small)
			text = memcpy(mem_resize(NULL, size), small, used);
		else
			text = mem_resize(text, size);
	}
	file_done(fd);
	if (!error)
		copy = arena_copy(arena, text, used);
	if (text != small)
		free(text);
	if (length)
		*length = used;
	errno = error;
	return copy;
}

char *file_text_fd(struct arena *arena, int fd, size_t limit, size_t *length)
{
	return read_text(arena, fd, limit, length, false);
}

char *file_whole_fd(struct arena *arena, int fd, size_t limit, size_t *length)
{
	return read_text(arena, fd, limit, length, true);
}

struct entry {
	const char *name;
	unsigned char kind;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* getdents64 and no opendir: no fstat, no 32 KiB buffer from the heap, no close. */
bool file_names(struct arena *arena, int fd, bool fills, struct file_list *list)
{
	char bytes[1024] __attribute__((aligned(8)));
	struct entry *entries = NULL;
	size_t count = 0;
	ssize_t got;

	*list = (struct file_list){0};
	while ((got = getdents64(fd, bytes, sizeof(bytes))) > 0) {
		bool last = fills && (size_t)got + LONGEST_ENTRY <= sizeof(bytes);

		for (ssize_t at = 0; at < got;) {
			const struct dirent64 *entry = (const void *)(bytes + at);

			at += entry->d_reclen;
			if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
				continue;
			*arena_push(arena, entries, count) =
				(struct entry){arena_dup(arena, entry->d_name), entry->d_type};
		}
		if (last) {
			got = 0;
			break;
		}
	}
	if (got < 0)
		return false;
	if (count)
		qsort(entries, count, sizeof(*entries), by_name);
	list->names = arena_alloc(arena, (count + 1) * sizeof(*list->names));
	list->kinds = arena_alloc(arena, count + 1);
	for (size_t i = 0; i < count; i++) {
		list->names[i] = entries[i].name;
		list->kinds[i] = entries[i].kind;
	}
	list->count = count;
	return true;
}
