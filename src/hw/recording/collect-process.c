/* SPDX-License-Identifier: MIT */
/* collect-process: of who holds a GPU what nv-gpu ps shows, and which drivers' daemons run. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/holders.h"
#include "hw/hw.h"
#include "hw/internal.h"
#include "hw/recording/collecting.h"

enum { MAPS = 16 << 20, KERNEL_THREAD = 0x00200000 };

static const char deleted[] = " (deleted)";

/* Beginnings of the names of programs whose running, and how, says something of a machine's GPUs.
 */
static const char *const telling[] = {"nvidia-", "nv-", "nv_", "nvsm", "dcgm", "bumblebee",
	"optimus", "supergfx", "system76-pow", "switcheroo", "gpu-manager", "Xorg", "Xwayland",
	NULL};

struct processes {
	struct collecting *collecting;
	struct arena *arena;
	struct arena *scratch; /* for the process at hand: most of what is read is not kept */
	const struct hw_root *root;
	struct hw_node *nodes;
	size_t node_count;
	const char *path; /* of the process at hand */
	bool holds;
	unsigned long *users; /* whose processes hold one */
	size_t user_count;
};

/* The node that a text ends with, which may stand in another root; "(deleted)" apart. */
static const struct hw_node *by_name(const struct processes *processes, const char *name)
{
	size_t length = strlen(name);

	if (str_ends(name, deleted))
		length -= sizeof(deleted) - 1;
	for (size_t i = 0; i < processes->node_count; i++) {
		if (hw_node_is_at(&processes->nodes[i], name, length))
			return &processes->nodes[i];
	}
	return NULL;
}

/* As nv-gpu ps tells them: by number on this machine, by the link in a recording. */
static const struct hw_node *node_of(
	const struct processes *processes, const char *link, const char *target)
{
	struct statx status;

	if (processes->root->fd >= 0)
		return by_name(processes, target);
	/* Not to wait for a file server that is gone. */
	if (statx(AT_FDCWD, link, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &status) != 0 ||
		!S_ISCHR(status.stx_mode))
		return NULL;
	for (size_t i = 0; i < processes->node_count; i++) {
		const struct hw_node *node = &processes->nodes[i];

		if (node->major == status.stx_rdev_major &&
			(node->minor == status.stx_rdev_minor || node->minor == HW_ANY_MINOR))
			return node;
	}
	return NULL;
}

/* Good until the next process. */
static char *read_file(struct processes *processes, const char *path, size_t limit)
{

	size_t length;

	return collecting_read(processes->collecting, processes->scratch, path, limit, &length);
}

static void add_text(struct processes *processes, const char *path, const char *text)
{
	collecting_text(
		processes->collecting, RECORDING_FILE, path, arena_dup(processes->arena, text));
}

/* False if the kernel refused, which is recorded. */
static bool descriptors(struct processes *processes)
{
	const char *fds = arena_path(processes->arena, processes->path, "fd");
	struct file_list names;
	bool any = false;

	if (!hw_root_names(processes->root, fds, &names)) {
		if (errno != EACCES && errno != EPERM)
			return true;
		collecting_refused(processes->collecting, fds, errno, true);
		return false;
	}
	for (size_t i = 0; i < names.count; i++) {
		const char *link = arena_path(processes->arena, fds, names.names[i]);
		const char *target = hw_root_link(processes->root, link);
		const struct hw_node *node = target ? node_of(processes, link, target) : NULL;
		const char *info, *text;

		if (!node)
			continue;
		any = true;
		collecting_text(processes->collecting, RECORDING_LINK, link,
			node->minor == HW_ANY_MINOR ? target
			: str_ends(target, deleted)
				? arena_printf(processes->arena, "%s%s", node->name, deleted)
				: node->name);
		info = arena_printf(
			processes->arena, "%s/fdinfo/%s", processes->path, names.names[i]);
		text = node->drm ? read_file(processes, info, COLLECTING_FILE) : NULL;
		if (text)
			add_text(processes, info, text);
	}
	processes->holds |= any;
	return true;
}

/* Lines "7f..-7f.. rw-s 0 00:06 511 /dev/nvidia0" of nodes. */
static bool mappings(struct processes *processes)
{
	const char *path = arena_path(processes->arena, processes->path, "maps");
	char *text = read_file(processes, path, MAPS);
	struct buf kept = {0};

	if (!text && (errno == EACCES || errno == EPERM)) {
		collecting_refused(processes->collecting, path, errno, false);
		return false;
	}
	for (char *line = text; line && *line;) {
		char *end = strchrnul(line, '\n'), *name = strchr(line, '/');
		const struct hw_node *node;
		bool more = *end;

		*end = '\0';
		node = name && name < end ? by_name(processes, name) : NULL;
		if (node)
			buf_printf(&kept, "%.*s%s%s\n", (int)(name - line), line, node->name,
				str_ends(name, deleted) ? deleted : "");
		line = end + more;
	}
	processes->holds |= kept.length;
	if (kept.length)
		add_text(processes, path, kept.text);
	buf_free(&kept);
	return true;
}

/* "12 (name) S 1 ...": up to the flags, which tell kernel threads. NULL if it is nothing. */
static const char *state(struct processes *processes, const char *path)
{
	char *text = read_file(processes, path, COLLECTING_FILE);
	const char *name = text ? strrchr(text, ')') : NULL;
	unsigned flags;
	char letter;
	int used = 0;

	if (!name || sscanf(name + 1, " %c %*d %*d %*d %*d %*d %u%n", &letter, &flags, &used) < 2)
		return NULL;
	if (letter == 'Z' || letter == 'X' || flags & KERNEL_THREAD)
		return NULL;
	return arena_printf(processes->arena, "%.*s\n", (int)(name + 1 - text) + used, text);
}

/* Who it is, in which state, and whose. */
static void status(struct processes *processes, const char *path)
{
	static const char *const keys[] = {"Name:", "State:", "Pid:", "Uid:", "Gid:", "NSpid:"};
	const char *text = read_file(processes, path, COLLECTING_FILE);
	struct buf kept = {0};

	while (text && *text) {
		const char *end = strchrnul(text, '\n');
		unsigned long user;

		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
			if (str_starts(text, keys[i]))
				buf_printf(&kept, "%.*s\n", (int)(end - text), text);
		}
		if (sscanf(text, "Uid: %lu", &user) == 1)
			*arena_push(processes->arena, processes->users, processes->user_count) =
				user;
		text = *end ? end + 1 : end;
	}
	if (kept.length)
		add_text(processes, path, kept.text);
	buf_free(&kept);
}

/*
 * What nv-gpu's advice looks for in an environment: whether the program was sent to the GPU.
 * Nothing else of it is kept.
 */
static void environment(struct processes *processes)
{
	static const char *const kept_names[] = {
		"__NV_PRIME_RENDER_OFFLOAD=", "__GLX_VENDOR_LIBRARY_NAME=",
		"__VK_LAYER_NV_optimus=", "DRI_PRIME=", "CUDA_VISIBLE_DEVICES=", "NV_RUN_SAVED="};
	const char *path = arena_path(processes->arena, processes->path, "environ");
	size_t length = 0;
	const char *text =
		collecting_read(processes->collecting, processes->scratch, path, MAPS, &length);
	struct buf kept = {0};

	if (!text)
		return;
	for (size_t at = 0; at < length; at += strlen(text + at) + 1) {
		for (size_t i = 0; i < sizeof(kept_names) / sizeof(*kept_names); i++) {
			const char *value = text + at + strlen(kept_names[i]);

			if (!str_starts(text + at, kept_names[i]))
				continue;
			/* What nv-run saved is the program's own business: that it did is enough.
			 */
			buf_printf(&kept, "%s%s", kept_names[i],
				str_starts(kept_names[i], "NV_RUN") ? "1" : value);
			buf_putc(&kept, '\0');
		}
	}
	if (kept.length)
		collecting_add(processes->collecting,
			(struct recording_entry){.path = path,
				.text = arena_copy(processes->arena, kept.text, kept.length),
				.length = kept.length});
	buf_free(&kept);
}

static void holder(struct processes *processes)
{
	static const char *const names[] = {"comm", "cgroup"};
	const char *path, *text;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		path = arena_path(processes->arena, processes->path, names[i]);
		text = read_file(processes, path, COLLECTING_FILE);
		if (text)
			add_text(processes, path, text);
	}
	status(processes, arena_path(processes->arena, processes->path, "status"));
	path = arena_path(processes->arena, processes->path, "exe");
	text = hw_root_link(processes->root, path);
	if (text && *text)
		collecting_text(processes->collecting, RECORDING_LINK, path, text);
	environment(processes);
}

/* Their command lines tell how they were started. */
static void daemon_of(struct processes *processes)
{
	static const char *const names[] = {"comm", "cmdline"};
	const char *path = arena_path(processes->scratch, processes->path, names[0]);
	const char *name = read_file(processes, path, COLLECTING_FILE);
	bool tells = false;

	for (size_t i = 0; name && telling[i]; i++)
		tells |= str_starts(name, telling[i]);
	for (size_t i = 0; tells && i < sizeof(names) / sizeof(*names); i++) {
		size_t length;
		const char *text;

		path = arena_path(processes->arena, processes->path, names[i]);
		text = collecting_read(
			processes->collecting, processes->arena, path, COLLECTING_FILE, &length);
		if (text)
			collecting_add(processes->collecting,
				(struct recording_entry){
					.path = path, .text = text, .length = length});
	}
}

static void process(struct processes *processes, const char *pid)
{
	struct recording *recording = &processes->collecting->collection->recording;
	size_t before = recording->count, refused = processes->collecting->collection->refused;
	const char *path, *text;
	bool seen;

	processes->path = arena_path(processes->arena, HW_PROCESSES, pid);
	processes->holds = false;
	seen = descriptors(processes) && mappings(processes);
	if (!seen) {
		path = arena_path(processes->arena, processes->path, "stat");
		text = state(processes, path);
		if (text) {
			add_text(processes, path, text);
		} else {
			/* Nothing to inspect: it is not there. */
			recording->count = before;
			processes->collecting->collection->refused = refused;
		}
	}
	if (processes->holds)
		holder(processes);
	daemon_of(processes);
}

/* The names of the holders' users, without what else the file says of them. */
static void users(struct processes *processes)
{
	static const char path[] = "/etc/passwd";
	const char *text = read_file(processes, path, MAPS);
	struct buf kept = {0};

	while (text && *text) {
		const char *end = strchrnul(text, '\n');
		unsigned long user, group;
		char name[64];

		if (sscanf(text, "%63[^:\n]:%*[^:\n]:%lu:%lu", name, &user, &group) == 3) {
			for (size_t i = 0; i < processes->user_count; i++) {
				if (processes->users[i] != user)
					continue;
				buf_printf(&kept, "%s:x:%lu:%lu:::\n", name, user, group);
				break;
			}
		}
		text = *end ? end + 1 : end;
	}
	if (kept.length)
		add_text(processes, path, kept.text);
	buf_free(&kept);
}

void collecting_processes(struct collecting *collecting)
{
	struct processes processes = {.collecting = collecting,
		.arena = collecting->arena,
		.root = &collecting->hw->root};
	struct file_list names;

	processes.nodes = hw_nodes(collecting->hw, &processes.node_count);
	if (!hw_root_names(processes.root, HW_PROCESSES, &names))
		return;
	for (size_t i = 0; i < names.count; i++) {
		unsigned long number;

		if (collecting->collection->full ||
			!str_number(names.names[i], strlen(names.names[i]), 10, &number))
			continue;
		processes.scratch = arena_new();
		process(&processes, names.names[i]);
		arena_free(processes.scratch);
	}
	processes.scratch = arena_new();
	users(&processes);
	arena_free(processes.scratch);
}
