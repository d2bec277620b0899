/* SPDX-License-Identifier: MIT */
/*
 * root: the door to /sys, /proc, /dev, /etc and /usr of this machine, or of a recorded one.
 *
 * Paths are absolute as on the machine looked at. In a recording, links are followed as if the
 * recording were the root directory (openat2, RESOLVE_IN_ROOT), absolute ones too. A file there
 * that nobody may read (mode 000) gives EACCES to root too: it could not be read on the machine.
 *
 * Nothing here opens a device node or PCI configuration space: either resumes a suspended GPU.
 */
#ifndef NV_HW_ROOT_H
#define NV_HW_ROOT_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct file_list;

struct hw_root {
	struct arena *arena;
	const char *directory; /* as given with --sysroot, NULL for this machine */
	int fd; /* of directory, -1 for this machine */
};

/* Opens the root; false with errno set if directory is none. */
bool hw_root_init(struct hw_root *root, struct arena *arena, const char *directory);

/* A descriptor of a file or directory for reading; -1 with errno set. */
int hw_root_open(const struct hw_root *root, const char *path, int flags);

/* The text of an attribute or other small file without its last newline; NULL if unreadable. */
char *hw_root_text(const struct hw_root *root, const char *path);

/* The same for "directory/name". */
char *hw_root_attr(const struct hw_root *root, const char *directory, const char *name);

/* What a link says, not followed; NULL if it is none. */
char *hw_root_link(const struct hw_root *root, const char *path);

/* Whether there is anything at path, a dangling link not counting. */
bool hw_root_exists(const struct hw_root *root, const char *path);

/* Names in a directory; false if it cannot be read. */
bool hw_root_names(const struct hw_root *root, const char *path, struct file_list *list);

/*
 * Why a file with this status is not to be obeyed by who runs the program, or NULL: it belongs to
 * neither root nor the user, or others may write it. A group of the user's own is no other.
 */
struct stat;
const char *hw_trust_problem(const struct hw_root *root, const struct stat *status);

/* The value of a "KEY=value" line in text, or NULL; *length is the value's. */
const char *hw_line_value(const char *text, const char *key, size_t *length);

#endif
