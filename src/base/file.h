/* SPDX-License-Identifier: MIT */
/*
 * file: reading small files whole, listing directories.
 */
#ifndef NV_BASE_FILE_H
#define NV_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/*
 * The rest of an open file, NUL-terminated; NULL with errno set if it cannot be read. What is
 * beyond limit bytes is left out. NUL bytes are kept; *length, unless NULL, counts them. Takes
 * the descriptor (see file_done).
 */
char *file_text_fd(struct arena *arena, int fd, size_t limit, size_t *length);

/* The same for what may come in pieces of any size: pipes. One system call more. */
char *file_whole_fd(struct arena *arena, int fd, size_t limit, size_t *length);

/* Names in a directory, without "." and "..", in bytewise order. */
struct file_list {
	const char **names;
	unsigned char *kinds; /* the DT_ type that the directory gives for each */
	size_t count;
};
/*
 * False with errno set if fd cannot be read as a directory. fills: the file system gives all the
 * names that there is room for at once, as kernfs does (fs/kernfs/dir.c), so that room left over
 * is the end, and asking once more is spared.
 */
bool file_names(struct arena *arena, int fd, bool fills, struct file_list *list);

/*
 * Ends the use of a descriptor that was opened with O_CLOEXEC. A launcher's next step is exec,
 * which closes all of them in one go: low ones are left to it, a system call saved for each.
 */
void file_done(int fd);

/* For programs that go on living: from now on file_done closes every descriptor. */
void file_stay(void);

#endif
