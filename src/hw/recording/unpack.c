/* SPDX-License-Identifier: MIT */
/* unpack: a recording's files below a directory, and nowhere else. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/recording.h"

struct made {
	const char *path;
	bool directory;
};

struct unpacking {
	struct arena *arena;
	int directory;
	struct made *made; /* in order, to be taken away backwards */
	size_t count;
	const char *parent; /* the directory that was opened last, which is mostly the next one */
	int parent_fd;
};

/* No link is followed, of whoever made it: what a path says is where it leads. */
static int open_below(const struct unpacking *unpacking, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	/* No ".." is in a path, so that none has to be tried again (openat2(2), EAGAIN). */
	return (int)syscall(
		SYS_openat2, unpacking->directory, *path ? path + 1 : ".", &how, sizeof(how));
}

static void remember(struct unpacking *unpacking, const char *path, bool directory)
{
	*arena_push(unpacking->arena, unpacking->made, unpacking->count) =
		(struct made){path, directory};
}

static int open_parent(struct unpacking *unpacking, const char *path);

static bool make_directory(struct unpacking *unpacking, const char *path)
{
	int parent = open_parent(unpacking, path);
	struct stat status;

	if (parent < 0)
		return false;
	if (mkdirat(parent, str_file_name(path), 0755) == 0) {
		remember(unpacking, path, true);
		return true;
	}
	return errno == EEXIST &&
	       fstatat(parent, str_file_name(path), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (errno = S_ISDIR(status.st_mode) ? 0 : ENOTDIR) == 0;
}

/* The directory that a path's file is in, made if need be; good until the next call. */
static int open_parent(struct unpacking *unpacking, const char *path)
{
	const char *parent =
		arena_copy(unpacking->arena, path, (size_t)(str_file_name(path) - path) - 1);
	int fd;

	if (unpacking->parent && str_eq(parent, unpacking->parent))
		return unpacking->parent_fd;
	fd = open_below(unpacking, parent);
	/* As deep as a path has parts: 2048 at most. */
	if (fd < 0 && errno == ENOENT && make_directory(unpacking, parent))
		fd = open_below(unpacking, parent);
	if (fd < 0)
		return -1;
	if (unpacking->parent_fd >= 0)
		close(unpacking->parent_fd);
	unpacking->parent = parent;
	unpacking->parent_fd = fd;
	return fd;
}

static bool make_file(
	int parent, const char *name, const struct recording_entry *entry, mode_t mode)
{
	const struct buf bytes = {(char *)entry->text, entry->length, entry->length};
	cleanup_fd int fd =
		openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return false;
	return (entry->kind != RECORDING_FILE || buf_write(&bytes, fd)) && fchmod(fd, mode) == 0;
}

/* The mode of a device node is of interest, the node is not: who replays need not be root. */
static mode_t mode_of(const struct recording_entry *entry)
{
	unsigned mode;

	if (entry->kind == RECORDING_UNREADABLE)
		return 0;
	if (entry->kind == RECORDING_SPECIAL && sscanf(entry->text, "%*s %*d:%*d %o", &mode) == 1)
		return mode & 0777;
	return 0644;
}

static bool make(struct unpacking *unpacking, const struct recording_entry *entry)
{
	const char *name = str_file_name(entry->path);
	int parent = open_parent(unpacking, entry->path);
	bool made = false;

	if (parent < 0)
		return false;
	if (entry->kind == RECORDING_DIRECTORY)
		return make_directory(unpacking, entry->path);
	if (entry->kind == RECORDING_UNREADABLE && entry->directory)
		return make_directory(unpacking, entry->path) && fchmodat(parent, name, 0, 0) == 0;
	if (entry->kind == RECORDING_LINK)
		made = symlinkat(entry->text, parent, name) == 0;
	else
		made = make_file(parent, name, entry, mode_of(entry));
	if (made || errno != EEXIST)
		remember(unpacking, entry->path, false);
	return made;
}

static void take_back(struct unpacking *unpacking)
{
	while (unpacking->count) {
		const struct made *made = &unpacking->made[--unpacking->count];
		int parent = open_parent(unpacking, made->path);

		if (parent >= 0)
			unlinkat(parent, str_file_name(made->path),
				made->directory ? AT_REMOVEDIR : 0);
	}
}

static const char *problem(struct arena *arena, const struct recording_entry *entry)
{
	switch (errno) {
	case EEXIST:
		return arena_printf(arena, "%s is there twice; take one out", entry->path);
	case ELOOP:
	case ENOTDIR:
		return arena_printf(arena,
			"%s leads through a link or a file; write the path that it leads to",
			entry->path);
	default:
		return arena_printf(arena, "cannot make %s: %s", entry->path, strerror(errno));
	}
}

bool recording_unpack(struct arena *arena, const struct recording *recording, int directory,
	struct recording_error *error)
{
	struct unpacking unpacking = {.arena = arena, .directory = directory, .parent_fd = -1};
	bool made = true;

	for (size_t i = 0; made && i < recording->count; i++) {
		const struct recording_entry *entry = &recording->entries[i];

		made = make(&unpacking, entry);
		if (!made)
			*error = (struct recording_error){entry->line, 1, problem(arena, entry)};
	}
	if (!made)
		take_back(&unpacking);
	if (unpacking.parent_fd >= 0)
		close(unpacking.parent_fd);
	return made;
}
