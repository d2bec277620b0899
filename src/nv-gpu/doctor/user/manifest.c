/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/tree.h"
#include "nv-gpu/doctor/user/user.h"

char *user_text(struct doctor *doctor, const char *path, size_t *length)
{
	const struct hw_root *root = &doctor->run->hw.root;
	int fd = hw_root_open(root, path, O_PATH);
	struct tree_file file;
	struct stat status;
	bool regular;

	if (fd < 0)
		return NULL;
	/* Opening a device could wake a GPU, and a pipe or a tape is not to be read. */
	regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
	close(fd);
	if (!regular) {
		errno = EINVAL;
		return NULL;
	}
	if (!tree_read(root, path, &file))
		return NULL;
	*length = file.length;
	return file.text;
}

json_t *manifest_read(struct doctor *doctor, const char *path, const char **wrong)
{
	static const char mark[] = "\357\273\277"; /* the loaders pass over it */
	struct arena *arena = doctor->run->arena;
	size_t length;
	const char *text = user_text(doctor, path, &length);
	json_error_t error;
	json_t *json;

	*wrong = NULL;
	if (!text) {
		*wrong = arena_printf(arena, "%s: cannot be read: %s", path,
			errno == EINVAL ? "it is not a regular file" : strerror(errno));
		return NULL;
	}
	if (str_starts(text, mark)) {
		text += strlen(mark);
		length -= strlen(mark);
	}
	/* Nor do they look at what stands behind the document. */
	json = json_loadb(text, length, JSON_DISABLE_EOF_CHECK, &error);
	if (json && json_is_object(json))
		return json;
	if (json)
		*wrong = arena_printf(arena, "%s: is JSON, but no object", path);
	else
		*wrong = arena_printf(arena, "%s:%d:%d: is not valid JSON: %s", path,
			error.line < 1 ? 1 : error.line, error.column < 1 ? 1 : error.column,
			gpu_plain(doctor->run, error.text));
	json_decref(json);
	return NULL;
}

const char *manifest_string(
	struct doctor *doctor, const json_t *json, const char *object, const char *name)
{
	const json_t *inside = object ? json_object_get(json, object) : json;
	const char *value = json_string_value(json_object_get(inside, name));

	return value ? arena_dup(doctor->run->arena, value) : "";
}

const char **manifest_files(
	struct doctor *doctor, const char *const *directories, const char *suffix, size_t *count)
{
	struct arena *arena = doctor->run->arena;
	const char **paths = NULL;

	*count = 0;
	for (; *directories; directories++) {
		struct file_list files;

		if (!hw_root_names(&doctor->run->hw.root, *directories, &files))
			continue;
		for (size_t i = 0; i < files.count; i++) {
			if (str_ends(files.names[i], suffix))
				*arena_push(arena, paths, *count) =
					arena_path(arena, *directories, files.names[i]);
		}
	}
	return paths;
}
