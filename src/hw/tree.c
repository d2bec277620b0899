/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/tree.h"

enum { LIMIT = 1 << 20, LINKS = 8 };

int tree_open_parent(const struct hw_root *root, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');

	*name = slash + 1;
	return hw_root_open(root,
		slash == path ? "/" : arena_copy(root->arena, path, (size_t)(slash - path)),
		O_PATH | O_DIRECTORY);
}

/* The path that a file has once its links are followed: renaming must not replace a link. */
static const char *resolve(const struct hw_root *root, const char *path)
{
	for (int i = 0; i < LINKS; i++) {
		char target[1024];
		const char *name, *slash = strrchr(path, '/');
		cleanup_fd int parent = tree_open_parent(root, path, &name);
		ssize_t length =
			parent < 0 ? -1 : readlinkat(parent, name, target, sizeof(target) - 1);

		if (length < 0)
			return path;
		target[length] = '\0';
		path = *target == '/' ? arena_dup(root->arena, target)
				      : arena_printf(root->arena, "%.*s/%s", (int)(slash - path),
						path, target);
	}
	errno = ELOOP;
	return NULL;
}

bool tree_read(const struct hw_root *root, const char *path, struct tree_file *file)
{
	int fd = hw_root_open(root, path, O_RDONLY);

	*file = (struct tree_file){0};
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR;
	if (fstat(fd, &file->status) != 0 || !S_ISREG(file->status.st_mode) ||
		file->status.st_size > LIMIT) {
		errno = S_ISREG(file->status.st_mode) ? EFBIG : EISDIR;
		close(fd);
		return false;
	}
	file->text = file_text_fd(root->arena, fd, LIMIT, &file->length);
	return file->text;
}

char *tree_trusted(
	const struct hw_root *root, const char *path, size_t *length, const char **problem)
{
	struct tree_file file;

	*length = 0;
	*problem = NULL;
	if (!tree_read(root, path, &file)) {
		*problem = arena_printf(root->arena, "cannot be read: %s", strerror(errno));
		return NULL;
	}
	if (!file.text)
		return NULL;
	*problem = hw_trust_problem(root, &file.status);
	*length = file.length;
	return *problem ? NULL : file.text;
}

static void copy_attributes(int from, int to)
{
	char names[2048], value[4096];
	ssize_t length = flistxattr(from, names, sizeof(names));

	for (const char *name = names; length > 0 && name < names + length;
		name += strlen(name) + 1) {
		ssize_t size = fgetxattr(from, name, value, sizeof(value));

		if (size >= 0)
			fsetxattr(to, name, value, (size_t)size, 0);
	}
}

/* Owner before mode: a change of owner takes the set-id bits away. */
static bool dress(int fd, int model, const struct stat *status)
{
	if (fchown(fd, status->st_uid, status->st_gid) != 0)
		return false;
	if (model >= 0)
		copy_attributes(model, fd);
	return fchmod(fd, status->st_mode & 07777) == 0;
}

/* model gives the attributes; negative: the file that is replaced does. */
static bool put(const struct hw_root *root, const char *path, const struct buf *bytes, int model,
	const struct stat *status, mode_t mode)
{
	cleanup_fd int replaced = -1;
	const char *name, *temporary;
	cleanup_fd int parent = -1, fd = -1;
	int error;

	path = resolve(root, path);
	if (!path)
		return false;
	parent = tree_open_parent(root, path, &name);
	if (parent < 0)
		return false;
	/* A name that nobody takes for a file of configuration: hidden, and of no kind. */
	temporary = arena_printf(root->arena, ".%s.nv-%ld~", name, (long)getpid());
	unlinkat(parent, temporary, 0);
	fd = openat(parent, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	if (status && model < 0)
		replaced = openat(parent, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (buf_write(bytes, fd) &&
		(status ? dress(fd, model < 0 ? replaced : model, status)
			: fchmod(fd, mode) == 0) &&
		fsync(fd) == 0 && renameat(parent, temporary, parent, name) == 0) {
		cleanup_fd int directory = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (directory >= 0)
			fsync(directory);
		return true;
	}
	error = errno;
	unlinkat(parent, temporary, 0);
	errno = error;
	return false;
}

bool tree_write(const struct hw_root *root, const char *path, const char *text, size_t length,
	const struct tree_file *old, mode_t mode)
{
	const struct buf bytes = {(char *)text, length, length};

	return put(root, path, &bytes, -1, old && old->text ? &old->status : NULL, mode);
}

bool tree_copy(const struct hw_root *root, const char *from, const char *to)
{
	cleanup_fd int model = hw_root_open(root, from, O_RDONLY);
	struct tree_file file;
	struct buf bytes;

	if (model < 0 || !tree_read(root, from, &file))
		return false;
	if (!file.text) {
		errno = ENOENT;
		return false;
	}
	bytes = (struct buf){file.text, file.length, file.length};
	return put(root, to, &bytes, model, &file.status, 0);
}

bool tree_link(const struct hw_root *root, const char *path, const char *target)
{
	const char *name;
	cleanup_fd int parent = tree_open_parent(root, path, &name);

	return parent >= 0 && symlinkat(target, parent, name) == 0;
}

char *tree_read_link(const struct hw_root *root, const char *path)
{
	char target[1024];
	const char *name;
	cleanup_fd int parent = tree_open_parent(root, path, &name);
	ssize_t length = parent < 0 ? -1 : readlinkat(parent, name, target, sizeof(target));

	if (length < 0 || (size_t)length == sizeof(target))
		return NULL;
	return arena_copy(root->arena, target, (size_t)length);
}

bool tree_write_attribute(
	const struct hw_root *root, const char *path, const char *text, size_t length)
{
	cleanup_fd int fd = hw_root_open(root, path, O_WRONLY | O_TRUNC);

	return fd >= 0 && write(fd, text, length) == (ssize_t)length;
}

bool tree_remove(const struct hw_root *root, const char *path)
{
	const char *name;
	cleanup_fd int parent = tree_open_parent(root, path, &name);

	return parent >= 0 && unlinkat(parent, name, 0) == 0;
}

bool tree_remove_directory(const struct hw_root *root, const char *path)
{
	const char *name;
	cleanup_fd int parent = tree_open_parent(root, path, &name);

	return parent >= 0 && unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

bool tree_directory(const struct hw_root *root, const char *path)
{
	for (const char *end = path; *end;) {
		const char *part, *name;
		cleanup_fd int parent = -1;

		end = strchrnul(end + 1, '/');
		part = arena_copy(root->arena, path, (size_t)(end - path));
		if (hw_root_exists(root, part))
			continue;
		parent = tree_open_parent(root, part, &name);
		if (parent < 0 || (mkdirat(parent, name, 0755) != 0 && errno != EEXIST))
			return false;
	}
	return true;
}
