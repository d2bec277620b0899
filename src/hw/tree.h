/* SPDX-License-Identifier: MIT */
/*
 * tree: files of a machine's configuration below a root, written whole or not at all.
 */
#ifndef NV_HW_TREE_H
#define NV_HW_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "hw/root.h"

struct tree_file {
	char *text; /* NUL-terminated; NULL if there is no such file */
	size_t length;
	struct stat status;
};

/* False with errno set if there is something that cannot be read; a file that is not is no error.
 */
bool tree_read(const struct hw_root *root, const char *path, struct tree_file *file);

/*
 * The text of a file that the program obeys. NULL if there is none, and NULL with *problem set
 * ("can be written by everybody; ...") if it is not to be obeyed or cannot be read.
 */
char *tree_trusted(
	const struct hw_root *root, const char *path, size_t *length, const char **problem);

/*
 * Replaces the text of a file, or makes it: a temporary file, synchronised and renamed, so that
 * one or the other is there whatever happens. old gives owner, mode and extended attributes
 * (SELinux's label, ACLs), NULL makes a file of root's with the mode. A symbolic link stays, what
 * it leads to is replaced. False with errno set if that failed, and nothing is changed.
 */
bool tree_write(const struct hw_root *root, const char *path, const char *text, size_t length,
	const struct tree_file *old, mode_t mode);

/*
 * Copies a file over another or to a new one, with owner, mode and extended attributes; links are
 * followed at both ends. False with errno set if that failed, and nothing is changed.
 */
bool tree_copy(const struct hw_root *root, const char *from, const char *to);

/* Makes a symbolic link, where nothing is yet. False with errno set. */
bool tree_link(const struct hw_root *root, const char *path, const char *target);

/* What a link says, not followed; NULL if it is none. Those of the directories are followed. */
char *tree_read_link(const struct hw_root *root, const char *path);

/*
 * Writes an attribute of the kernel's in one go, in its place, as a shell's '>' does. False with
 * errno set if the kernel refused it.
 */
bool tree_write_attribute(
	const struct hw_root *root, const char *path, const char *text, size_t length);

bool tree_remove(const struct hw_root *root, const char *path);

/* Only an empty one. */
bool tree_remove_directory(const struct hw_root *root, const char *path);

/* Makes a directory (0755) and those above. False with errno set if one cannot be. */
bool tree_directory(const struct hw_root *root, const char *path);

/* A descriptor of the directory that a path's file is in (O_PATH); *name is the file's. */
int tree_open_parent(const struct hw_root *root, const char *path, const char **name);

#endif
