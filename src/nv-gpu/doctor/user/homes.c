/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/user/user.h"

enum { HOMES = 64, FIRST_PERSON = 1000, NOBODY = 65534 };

struct list {
	struct doctor *doctor;
	struct home *homes;
	size_t count;
};

static void add(struct list *list, const char *path)
{
	const struct hw_root *root = &list->doctor->run->hw.root;
	struct stat status;
	int fd;

	if (*path != '/' || !path[1] || list->count == HOMES)
		return;
	for (size_t i = 0; i < list->count; i++) {
		if (str_eq(list->homes[i].path, path))
			return;
	}
	fd = hw_root_open(root, path, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return;
	*arena_push(list->doctor->run->arena, list->homes, list->count) =
		(struct home){path, fstat(fd, &status) == 0 && status.st_uid == geteuid()};
	close(fd);
}

/* Those of people in the list of users, NAME:x:UID:GID:...:HOME:SHELL. */
static void add_people(struct list *list)
{
	struct arena *arena = list->doctor->run->arena;
	const char *text = hw_root_text(&list->doctor->run->hw.root, "/etc/passwd");

	while (text && *text) {
		const char *end = strchrnul(text, '\n'), *at = text, *fields[6];
		unsigned long uid;
		size_t count = 0;

		while (count < 6 && at && at < end) {
			fields[count++] = at;
			at = memchr(at, ':', (size_t)(end - at));
			at = at ? at + 1 : NULL;
		}
		if (count == 6 && str_number(fields[2], strcspn(fields[2], ":\n"), 10, &uid) &&
			uid >= FIRST_PERSON && uid < NOBODY)
			add(list, arena_copy(arena, fields[5], strcspn(fields[5], ":\n")));
		text = *end ? end + 1 : end;
	}
}

struct home *homes_read(struct doctor *doctor, size_t *count)
{
	struct list list = {.doctor = doctor};
	bool recorded = doctor->run->options.sysroot;
	const char *home = settings_own(doctor, "HOME");
	struct file_list names;

	if (home)
		add(&list, home);
	if (recorded || geteuid() == 0) {
		add(&list, "/root");
		add_people(&list);
	}
	/* A recording may have no list of users. */
	if (recorded && hw_root_names(&doctor->run->hw.root, "/home", &names)) {
		for (size_t i = 0; i < names.count; i++)
			add(&list, arena_path(doctor->run->arena, "/home", names.names[i]));
	}
	*count = list.count;
	return list.homes;
}
