/* SPDX-License-Identifier: MIT */
#include "hw/root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "hw/hw.h"
#include "hw/internal.h"

/* An attribute of /sys is a page; in a recording anything may stand in its place. */
enum { TEXT_LIMIT = 16 << 20, ATTRIBUTE_LIMIT = 64 << 10, TRIES = 1000 };

bool hw_root_init(struct hw_root *root, struct arena *arena, const char *directory)
{
	*root = (struct hw_root){.arena = arena, .directory = directory, .fd = -1};
	if (!directory)
		return true;
	root->fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root->fd >= 0;
}

/* In a recording, what nobody may read could not be read on the machine: by root here neither. */
static int refuse_unreadable(int fd, int flags)
{
	struct stat status;

	if (fd < 0 || flags & O_PATH || fstat(fd, &status) != 0 || status.st_mode & 0444)
		return fd;
	close(fd);
	errno = EACCES;
	return -1;
}

int hw_root_open(const struct hw_root *root, const char *path, int flags)
{
	struct open_how how = {.resolve = RESOLVE_IN_ROOT};
	int fd = -1;

	flags |= O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY | O_NONBLOCK);
	if (root->fd < 0)
		return open(path, flags);
	how.flags = (unsigned long)flags;
	/* A rename or mount anywhere on the machine while a ".." is followed gives EAGAIN. */
	for (int tries = 0; fd < 0 && tries < TRIES; tries++) {
		fd = (int)syscall(SYS_openat2, root->fd, path, &how, sizeof(how));
		if (fd < 0 && errno != EAGAIN)
			break;
	}
	return refuse_unreadable(fd, flags);
}

char *hw_root_text(const struct hw_root *root, const char *path)
{
	int fd = hw_root_open(root, path, O_RDONLY);
	size_t length;
	char *text;

	if (fd < 0)
		return NULL;
	text = file_text_fd(root->arena, fd,
		strncmp(path, HW_SYS, strlen(HW_SYS)) == 0 ? ATTRIBUTE_LIMIT : TEXT_LIMIT, &length);
	if (text && length && text[length - 1] == '\n')
		text[length - 1] = '\0';
	return text;
}

char *hw_root_attr(const struct hw_root *root, const char *directory, const char *name)
{
	return hw_root_text(root, arena_path(root->arena, directory, name));
}

char *hw_root_link(const struct hw_root *root, const char *path)
{
	char target[1024];
	ssize_t length;

	if (root->fd < 0)
		length = readlink(path, target, sizeof(target));
	else
		length = readlinkat(root->fd, path + 1, target, sizeof(target));
	if (length < 0 || (size_t)length == sizeof(target))
		return NULL;
	return arena_copy(root->arena, target, (size_t)length);
}

const char *hw_own_path(struct arena *arena)
{
	const struct hw_root here = {.arena = arena, .fd = -1};

	return hw_root_link(&here, HW_OWN_PROGRAM);
}

bool hw_root_exists(const struct hw_root *root, const char *path)
{
	int fd;

	if (root->fd < 0)
		return access(path, F_OK) == 0;
	fd = hw_root_open(root, path, O_PATH);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

bool hw_root_names(const struct hw_root *root, const char *path, struct file_list *list)
{
	int fd = hw_root_open(root, path, O_RDONLY | O_DIRECTORY);
	bool read;

	*list = (struct file_list){0};
	if (fd < 0)
		return false;
	read = file_names(
		root->arena, fd, root->fd < 0 && strncmp(path, HW_SYS, strlen(HW_SYS)) == 0, list);
	file_done(fd);
	return read;
}

const char *hw_line_value(const char *text, const char *key, size_t *length)
{
	size_t key_length = strlen(key);

	while (text && *text) {
		const char *end = strchrnul(text, '\n');

		if (strncmp(text, key, key_length) == 0 && text[key_length] == '=') {
			*length = (size_t)(end - text) - key_length - 1;
			return text + key_length + 1;
		}
		text = *end ? end + 1 : end;
	}
	return NULL;
}
