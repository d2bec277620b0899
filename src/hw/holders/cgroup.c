/* SPDX-License-Identifier: MIT */
/*
 * cgroup: the unit and the container that a process is in, by the names of its control groups
 * (cgroups(7); systemd's CGROUP_DELEGATION; runc, crun, containerd, CRI-O and LXC for containers).
 */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "hw/holders.h"
#include "hw/internal.h"

enum { SHORT_ID = 12, LEAST_ID = 32 };

/* How runtimes begin a group's name, "docker-0123...", and what they are for people. */
static const struct {
	const char *prefix, *name;
} runtimes[] = {
	{"docker", "docker"},
	{"libpod", "podman"},
	{"libpod-payload", "podman"},
	{"cri-containerd", "containerd"},
	{"crio", "cri-o"},
};

static const char *runtime_name(struct arena *arena, const char *name, size_t length)
{
	const char *text = arena_copy(arena, name, length);

	for (size_t i = 0; i < sizeof(runtimes) / sizeof(*runtimes); i++) {
		if (str_eq(text, runtimes[i].prefix))
			return runtimes[i].name;
	}
	return NULL;
}

/* "docker-0123....scope", "libpod-0123...", or a bare id below "docker"; NULL if it is none. */
static const char *container_of(struct arena *arena, const char *part, const char *parent)
{
	const char *dash = strrchr(part, '-'), *id = dash ? dash + 1 : part, *name;
	size_t length = strspn(id, "0123456789abcdef");

	if (str_starts(part, "lxc.payload."))
		return arena_printf(arena, "lxc %s", part + strlen("lxc.payload."));
	if (str_eq(parent, "lxc") || str_eq(parent, "lxc.payload"))
		return arena_printf(arena, "lxc %s", part);
	if (length < LEAST_ID || (id[length] && !str_eq(id + length, ".scope")))
		return NULL;
	name = dash ? runtime_name(arena, part, (size_t)(dash - part))
		    : runtime_name(arena, parent, strlen(parent));
	/* libpod-conmon watches a container from outside. */
	if (!name && dash && !str_starts(part, "cri"))
		return NULL;
	return arena_printf(arena, "%s %.*s", name ? name : "container", SHORT_ID, id);
}

/* A line's path. Only systemd's own hierarchy has units: elsewhere the names may be stale. */
static void read_path(struct arena *arena, const char *path, bool systemd, struct hw_holder *holder)
{
	const char *parent = "";
	bool user_manager = false;

	while (*path) {
		size_t length = strcspn(path, "/");
		const char *part = arena_copy(arena, path, length), *container;

		path += length + (path[length] == '/');
		container = container_of(arena, part, parent);
		if (container)
			holder->container = container;
		if (systemd && (str_ends(part, ".service") || str_ends(part, ".scope"))) {
			holder->unit = part;
			holder->user_unit = user_manager;
			user_manager |= str_starts(part, "user@");
		}
		if (systemd && str_eq(part, "user.slice"))
			holder->session = true;
		parent = part;
	}
}

/* "0::/user.slice/app-x.scope/y", "1:name=systemd:/...", "4:memory:/docker/0123...". */
void hw_cgroup_read(struct arena *arena, const char *text, struct hw_holder *holder)
{
	const char *unit = NULL;
	bool user_unit = false;

	while (text && *text) {
		size_t length = strcspn(text, "\n");
		const char *line = arena_copy(arena, text, length), *path = strstr(line, ":/");
		bool named = strstr(line, ":name=systemd:/") != NULL;

		holder->unit = NULL;
		if (path)
			read_path(arena, path + 2, named || str_starts(line, "0::/"), holder);
		/* Where both are there (hybrid), systemd's own is the one it keeps up to date. */
		if (holder->unit && (!unit || named)) {
			unit = holder->unit;
			user_unit = holder->user_unit;
		}
		text += length + (text[length] == '\n');
	}
	holder->unit = unit;
	holder->user_unit = unit && user_unit;
}
