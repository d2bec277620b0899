/* SPDX-License-Identifier: MIT */
#include "hw/holders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"

enum { FDINFO_LIMIT = 64 << 10, ENTRIES = 32 << 10, MAPS = 64 << 10, KERNEL_THREAD = 0x00200000 };

struct scan {
	struct hw *hw;
	struct hw_node *nodes;
	size_t node_count;
	struct hw_gpu *const *gpus;
	size_t gpu_count;
	struct hw_holders *holders;
	int processes; /* of /proc */
	/* Of the process at hand. */
	struct hw_holder holder;
	struct hw_clients clients;
	const char *pid;
	char entries[ENTRIES] __attribute__((aligned(8)));
	char maps[MAPS + 1];
};

static void hold(struct scan *scan, const struct hw_node *node, bool mapped)
{
	struct hw_holder *holder = &scan->holder;
	struct hw_held *held = NULL;

	for (size_t i = 0; i < holder->node_count && !held; i++) {
		if (holder->held[i].node == node)
			held = &holder->held[i];
	}
	if (!held) {
		held = arena_push(scan->hw->root.arena, holder->held, holder->node_count);
		*held = (struct hw_held){.node = node};
	}
	held->open += !mapped;
	held->mapped |= mapped;
	holder->mapped |= mapped;
}

static const struct hw_node *by_number(const struct scan *scan, unsigned major, unsigned minor)
{
	for (size_t i = 0; i < scan->node_count; i++) {
		const struct hw_node *node = &scan->nodes[i];

		if (node->major == major && (node->minor == minor || node->minor == HW_ANY_MINOR))
			return node;
	}
	return NULL;
}

/* By the text of a link or of maps; a node deleted meanwhile says so behind its name. */
static const struct hw_node *by_name(const struct scan *scan, const char *name, size_t length)
{
	static const char deleted[] = " (deleted)";
	size_t tail = sizeof(deleted) - 1;

	if (length > tail && memcmp(name + length - tail, deleted, tail) == 0)
		length -= tail;
	for (size_t i = 0; i < scan->node_count; i++) {
		const char *known = scan->nodes[i].name;

		if (strncmp(known, name, length) == 0 && !known[length])
			return &scan->nodes[i];
	}
	return NULL;
}

static const struct hw_node *node_of_descriptor(const struct scan *scan, int fds, const char *name)
{
	struct statx status;
	char target[256];
	ssize_t length;

	if (scan->hw->root.fd >= 0) {
		length = readlinkat(fds, name, target, sizeof(target));
		return length > 0 ? by_name(scan, target, (size_t)length) : NULL;
	}
	/* Not to wait for a file server that is gone. */
	if (statx(fds, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &status) != 0 ||
		!S_ISCHR(status.stx_mode))
		return NULL;
	return by_number(scan, status.stx_rdev_major, status.stx_rdev_minor);
}

static int open_of(const struct scan *scan, const char *what, int flags)
{
	char path[96];

	if (scan->hw->root.fd >= 0)
		return hw_root_open(&scan->hw->root,
			arena_printf(scan->hw->root.arena, HW_PROCESSES "/%s/%s", scan->pid, what),
			flags);
	snprintf(path, sizeof(path), "%s/%s", scan->pid, what);
	return openat(scan->processes, path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static char *text_of(const struct scan *scan, const char *what)
{
	int fd = open_of(scan, what, O_RDONLY);

	return fd < 0 ? NULL : file_text_fd(scan->hw->root.arena, fd, FDINFO_LIMIT, NULL);
}

static void count_usage(struct scan *scan, const struct hw_node *node, const char *descriptor)
{
	char path[64];
	const char *text;

	if ((size_t)snprintf(path, sizeof(path), "fdinfo/%s", descriptor) >= sizeof(path))
		return;
	text = text_of(scan, path);
	if (text)
		hw_fdinfo_add(scan->hw, text, node, &scan->holder, &scan->clients);
}

/* False if the kernel refused. */
static bool scan_descriptors(struct scan *scan)
{
	int fds = open_of(scan, "fd", O_RDONLY | O_DIRECTORY);
	ssize_t got;

	if (fds < 0)
		return errno != EACCES && errno != EPERM;
	while ((got = getdents64(fds, scan->entries, sizeof(scan->entries))) > 0) {
		for (ssize_t at = 0; at < got;) {
			const struct dirent64 *entry = (const void *)(scan->entries + at);
			const struct hw_node *node;

			at += entry->d_reclen;
			if (entry->d_name[0] == '.')
				continue;
			node = node_of_descriptor(scan, fds, entry->d_name);
			if (!node)
				continue;
			hold(scan, node, false);
			if (node->drm)
				count_usage(scan, node, entry->d_name);
		}
	}
	close(fds);
	return true;
}

/*
 * Where the process sees another root, the path may lack what stands before its mount, so the node
 * behind the mapping is asked for its number; only root may.
 */
static void check_mapping(
	struct scan *scan, const char *name, size_t length, const char *range, size_t range_length)
{
	const struct hw_node *node = by_name(scan, name, length);
	struct statx status;
	char path[96];

	if (scan->hw->root.fd < 0 && range_length < 40) {
		snprintf(path, sizeof(path), "%s/map_files/%.*s", scan->pid, (int)range_length,
			range);
		if (statx(scan->processes, path, AT_STATX_DONT_SYNC, STATX_TYPE, &status) == 0)
			node = S_ISCHR(status.stx_mode) ? by_number(scan, status.stx_rdev_major,
								  status.stx_rdev_minor)
							: NULL;
	}
	if (node)
		hold(scan, node, true);
}

/* "7f..-7f.. rw-s 0 00:06 511 /dev/nvidia0": the number there is of the file system. */
static void scan_line(struct scan *scan, const char *line, size_t length)
{
	const char *name = memchr(line, '/', length);

	if (name)
		check_mapping(
			scan, name, length - (size_t)(name - line), line, strcspn(line, " \n"));
}

static const char *const words[] = {"/nvidia", "/card", "/renderD", "/vfio", "/snd/", "/fb"};

/* False if the kernel is too old to be asked. */
static bool ask_mappings(struct scan *scan, int fd)
{
	struct hw_mapping mapping = {0};
	int more;

	while ((more = hw_mapping_next(fd, &mapping)) > 0) {
		bool likely = false;
		char range[48];

		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
			likely |= strstr(mapping.name, words[i]) != NULL;
		if (!likely)
			continue;
		snprintf(range, sizeof(range), "%lx-%lx", mapping.start, mapping.end);
		check_mapping(scan, mapping.name, strlen(mapping.name), range, strlen(range));
	}
	return more == 0;
}

/* Few lines are of interest; the search for them is all that most processes cost. */
static void scan_chunk(struct scan *scan, char *text, size_t length)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		const char *at = text, *end = text + length, *hit;

		while ((hit = memmem(at, (size_t)(end - at), words[i], strlen(words[i])))) {
			const char *begin = memrchr(text, '\n', (size_t)(hit - text));
			const char *stop = memchr(hit, '\n', (size_t)(end - hit));

			begin = begin ? begin + 1 : text;
			stop = stop ? stop : end;
			scan_line(scan, begin, (size_t)(stop - begin));
			at = stop;
		}
	}
}

static bool scan_mappings(struct scan *scan)
{
	int fd = open_of(scan, "maps", O_RDONLY);
	size_t used = 0;
	ssize_t got;

	if (fd < 0)
		return errno != EACCES && errno != EPERM;
	if (scan->hw->root.fd < 0 && ask_mappings(scan, fd)) {
		close(fd);
		return true;
	}
	while ((got = read(fd, scan->maps + used, MAPS - used)) > 0) {
		const char *last;
		size_t whole;

		used += (size_t)got;
		last = memrchr(scan->maps, '\n', used);
		whole = last ? (size_t)(last - scan->maps) + 1 : used == MAPS ? used : 0;
		scan->maps[used] = '\0';
		scan_chunk(scan, scan->maps, whole);
		used -= whole;
		memmove(scan->maps, scan->maps + whole, used);
	}
	close(fd);
	return got == 0 || (errno != EACCES && errno != EPERM);
}

/* A kernel thread or a zombie, which has nothing to inspect: state and flags of proc(5) stat. */
static bool is_nothing(const struct scan *scan)
{
	const char *text = text_of(scan, "stat"), *name = text ? strrchr(text, ')') : NULL;
	unsigned flags;
	char state;

	return !name || (sscanf(name + 1, " %c %*d %*d %*d %*d %*d %u", &state, &flags) == 2 &&
				(state == 'Z' || state == 'X' || flags & KERNEL_THREAD));
}

/* Whether it is one of those asked for, and the order of what it holds. */
static bool is_asked(struct scan *scan)
{
	struct hw_holder *holder = &scan->holder;
	bool any_tie = false, nvidia = false;

	for (size_t j = 0; j < scan->gpu_count; j++) {
		nvidia |= hw_gpu_is_nvidia(scan->gpus[j]) ||
			  hw_gpu_nvidia(scan->hw, scan->gpus[j])->minor >= 0;
		for (size_t i = 0; i < holder->node_count; i++)
			holder->tied |= holder->held[i].node->gpu == scan->gpus[j];
	}
	for (size_t i = 0; i < holder->node_count; i++)
		any_tie |= holder->held[i].node->gpu != NULL;
	return holder->tied || (!any_tie && nvidia && holder->node_count);
}

static int by_node(const void *a, const void *b)
{
	const struct hw_held *one = a, *two = b;

	return (one->node > two->node) - (one->node < two->node);
}

static void add_holder(struct scan *scan)
{
	struct arena *arena = scan->hw->root.arena;
	struct hw_holder *holder = &scan->holder;
	const char *status = text_of(scan, "status"), *line;
	unsigned long uid = 0;

	holder->name = hw_process_name(scan->hw, holder->pid);
	holder->name = holder->name ? holder->name : "";
	holder->program = hw_root_link(
		&scan->hw->root, arena_printf(arena, HW_PROCESSES "/%s/exe", scan->pid));
	hw_cgroup_read(arena, text_of(scan, "cgroup"), holder);
	line = status ? strstr(status, "\nUid:") : NULL;
	/* Real, then effective: who runs it. */
	if (line && sscanf(line + 5, "%lu", &uid) == 1)
		holder->uid = (unsigned)uid;
	/* Where no systemd keeps sessions apart, by the numbers that people have. */
	holder->session |= !holder->unit && !holder->container && uid >= 1000 && uid < 60000;
	qsort(holder->held, holder->node_count, sizeof(*holder->held), by_node);
	holder->nodes = arena_alloc(arena, (holder->node_count + 1) * sizeof(*holder->nodes));
	for (size_t i = 0; i < holder->node_count; i++)
		holder->nodes[i] = holder->held[i].node->name;
	*arena_push(arena, scan->holders->list, scan->holders->count) = *holder;
}

static void scan_process(struct scan *scan, const char *pid, long number)
{
	bool seen;

	scan->pid = pid;
	scan->holder = (struct hw_holder){.pid = number};
	scan->clients = (struct hw_clients){0};
	seen = scan_descriptors(scan);
	if (seen)
		seen = scan_mappings(scan);
	if (!seen && !is_nothing(scan))
		scan->holders->hidden++;
	if (scan->holder.node_count && is_asked(scan))
		add_holder(scan);
}

static int by_pid(const void *a, const void *b)
{
	const struct hw_holder *one = a, *two = b;

	return (one->pid > two->pid) - (one->pid < two->pid);
}

void hw_holders_scan(
	struct hw *hw, struct hw_gpu *const *gpus, size_t count, struct hw_holders *holders)
{
	struct scan *scan = mem_resize(NULL, sizeof(*scan));
	struct file_list names;
	unsigned long number;

	*holders = (struct hw_holders){0};
	memset(scan, 0, offsetof(struct scan, entries));
	scan->hw = hw;
	scan->gpus = gpus;
	scan->gpu_count = count;
	scan->holders = holders;
	scan->nodes = hw_nodes(hw, &scan->node_count);
	scan->processes = hw_root_open(&hw->root, HW_PROCESSES, O_RDONLY | O_DIRECTORY);
	holders->unreadable =
		scan->processes < 0 || !file_names(hw->root.arena, scan->processes, false, &names);
	for (size_t i = 0; !holders->unreadable && i < names.count; i++) {
		if (str_number(names.names[i], strlen(names.names[i]), 10, &number))
			scan_process(scan, names.names[i], (long)number);
	}
	holders->hidepid = hw->root.fd < 0 && !hw_root_exists(&hw->root, HW_PROCESSES "/1/stat");
	if (holders->count)
		qsort(holders->list, holders->count, sizeof(*holders->list), by_pid);
	if (scan->processes >= 0)
		close(scan->processes);
	free(scan);
}
