/* SPDX-License-Identifier: MIT */
#include "nv-gpu/doctor/files.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/tree.h"

const char *const doctor_modprobe_directories[] = {"/etc/modprobe.d", "/run/modprobe.d",
	"/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d", NULL};

const char *const doctor_udev_directories[] = {"/etc/udev/rules.d", "/run/udev/rules.d",
	"/usr/local/lib/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d", NULL};

const char *doctor_text(struct doctor *doctor, const char *path)
{
	struct tree_file file;

	return tree_read(&doctor->run->hw.root, path, &file) ? file.text : NULL;
}

static bool is_hidden(const struct doctor_file *files, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (str_eq(str_file_name(files[i].path), name))
			return true;
	}
	return false;
}

struct doctor_file *doctor_files(
	struct doctor *doctor, const char *const *directories, const char *suffix, size_t *count)
{
	struct arena *arena = doctor->run->arena;
	struct doctor_file *files = NULL;

	*count = 0;
	for (; *directories; directories++) {
		size_t before = *count;
		struct file_list list;

		if (!hw_root_names(&doctor->run->hw.root, *directories, &list))
			continue;
		for (size_t i = 0; i < list.count; i++) {
			const char *path = arena_path(arena, *directories, list.names[i]);
			struct tree_file file;
			bool readable;

			if (!str_ends(list.names[i], suffix) ||
				is_hidden(files, before, list.names[i]))
				continue;
			/* What is no regular file, or leads nowhere, hides others and says nothing:
			 * a link to /dev/null. */
			readable = tree_read(&doctor->run->hw.root, path, &file);
			if (readable ? !file.text : errno == EISDIR)
				file.text = arena_dup(arena, "");
			*arena_push(arena, files, *count) = (struct doctor_file){path, file.text};
		}
	}
	return files;
}

const char *doctor_line(struct doctor *doctor, const char **at, unsigned *number, bool joined)
{
	struct arena *arena = doctor->run->arena;
	const char *line = NULL;

	if (!**at)
		return NULL;
	for (;;) {
		const char *end = strchrnul(*at, '\n');
		size_t length = (size_t)(end - *at);
		bool more = joined && *end && length && end[-1] == '\\';
		const char *piece = arena_copy(arena, *at, length - more);

		line = line ? arena_printf(arena, "%s%s", line, piece) : piece;
		*at = *end ? end + 1 : end;
		(*number)++;
		if (!more || !**at)
			return line + strspn(line, " \t");
	}
}
