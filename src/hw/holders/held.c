/* SPDX-License-Identifier: MIT */
/* held: the descriptors of one process. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "hw/holders/scan.h"

enum { TEXT_LIMIT = 64 << 10, LONGEST_ENTRY = 280 };

void scan_hold(struct scan *scan, const struct hw_node *node, bool mapped)
{
	struct hw_holder *holder = &scan->holder;
	struct hw_held *held = NULL;

	for (size_t i = 0; i < holder->node_count && !held; i++) {
		if (holder->held[i].node == node)
			held = &holder->held[i];
	}
	if (!held) {
		held = arena_push(scan->hw.root.arena, holder->held, holder->node_count);
		*held = (struct hw_held){.node = node};
	}
	held->open += !mapped;
	held->mapped |= mapped;
	holder->mapped |= mapped;
}

const struct hw_node *scan_by_number(const struct scan *scan, unsigned major, unsigned minor)
{
	for (size_t i = 0; i < scan->node_count; i++) {
		const struct hw_node *node = &scan->nodes[i];

		if (node->major == major && (node->minor == minor || node->minor == HW_ANY_MINOR))
			return node;
	}
	return NULL;
}

const struct hw_node *scan_by_name(const struct scan *scan, const char *name, size_t length)
{
	static const char deleted[] = " (deleted)";
	size_t tail = sizeof(deleted) - 1;

	if (length > tail && memcmp(name + length - tail, deleted, tail) == 0)
		length -= tail;
	for (size_t i = 0; i < scan->node_count; i++) {
		if (hw_node_is_at(&scan->nodes[i], name, length))
			return &scan->nodes[i];
	}
	return NULL;
}

int scan_open(const struct scan *scan, const char *what, int flags)
{
	bool recorded = scan->hw.root.fd >= 0;
	char path[96];
	int length;

	if (recorded)
		return hw_root_open(&scan->hw.root,
			arena_printf(scan->hw.root.arena, HW_PROCESSES "/%s/%s", scan->place, what),
			flags);
	length = scan->fds >= 0 ? snprintf(path, sizeof(path), "../%s", what)
				: snprintf(path, sizeof(path), "%s/%s", scan->place, what);
	if (length < 0 || (size_t)length >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return openat(scan->fds >= 0 ? scan->fds : scan->processes, path,
		flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

char *scan_text(const struct scan *scan, const char *what)
{
	int fd = scan_open(scan, what, O_RDONLY);

	return fd < 0 ? NULL : file_text_fd(scan->hw.root.arena, fd, TEXT_LIMIT, NULL);
}

const char *scan_link(const struct scan *scan, const char *what)
{
	char target[4096], path[32];
	ssize_t length;

	if (scan->fds < 0 || scan->hw.root.fd >= 0)
		return hw_root_link(
			&scan->hw.root, arena_printf(scan->hw.root.arena, HW_PROCESSES "/%s/%s",
						scan->place, what));
	snprintf(path, sizeof(path), "../%s", what);
	length = readlinkat(scan->fds, path, target, sizeof(target));
	return length < 0 ? NULL : arena_copy(scan->hw.root.arena, target, (size_t)length);
}

/* In a recording, by what the link says. */
static const struct hw_node *node_of_link(const struct scan *scan, const char *name)
{
	char target[256];
	ssize_t length = readlinkat(scan->fds, name, target, sizeof(target));

	return length > 0 ? scan_by_name(scan, target, (size_t)length) : NULL;
}

static const struct hw_node *node_of(const struct scan *scan, const char *name)
{
	struct statx status;

	if (scan->hw.root.fd >= 0)
		return node_of_link(scan, name);
	/* Not to wait for a file server that is gone. */
	if (statx(scan->fds, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &status) !=
			0 ||
		!S_ISCHR(status.stx_mode))
		return NULL;
	return scan_by_number(scan, status.stx_rdev_major, status.stx_rdev_minor);
}

static void count_usage(struct scan *scan, const struct hw_node *node, const char *descriptor)
{
	char path[64];
	const char *text;

	if (node->quiet)
		scan->holder.uncounted = true;
	if (node->quiet ||
		(size_t)snprintf(path, sizeof(path), "fdinfo/%s", descriptor) >= sizeof(path))
		return;
	text = scan_text(scan, path);
	if (text)
		hw_fdinfo_add(&scan->hw, text, node, &scan->holder, &scan->clients);
}

bool scan_descriptors(struct scan *scan)
{
	ssize_t got;

	scan->descriptors = 0;
	scan->fds = -1;
	scan->fds = scan_open(scan, "fd", O_RDONLY | O_DIRECTORY);
	if (scan->fds < 0)
		return errno != EACCES && errno != EPERM;
	while ((got = getdents64(scan->fds, scan->entries, sizeof(scan->entries))) > 0) {
		for (ssize_t at = 0; at < got;) {
			const struct dirent64 *entry = (const void *)(scan->entries + at);
			const struct hw_node *node;

			at += entry->d_reclen;
			if (entry->d_name[0] == '.')
				continue;
			scan->descriptors++;
			node = node_of(scan, entry->d_name);
			if (!node)
				continue;
			scan_hold(scan, node, false);
			if (node->drm)
				count_usage(scan, node, entry->d_name);
		}
		/* /proc gives all that there is room for (fs/proc/fd.c): room left is the end. */
		if (scan->hw.root.fd < 0 && (size_t)got + LONGEST_ENTRY <= sizeof(scan->entries))
			break;
	}
	return true;
}
