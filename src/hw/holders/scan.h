/* SPDX-License-Identifier: MIT */
/*
 * scan: what the files of hw_holders_scan share.
 *
 * holders.c       all processes, by several threads; what is told of a holder
 * held.c          the descriptors of one process
 * mappings.c      its mappings
 * fdinfo.c        what DRM drivers counted for it
 * cgroup.c        its unit and container
 */
#ifndef NV_HW_HOLDERS_SCAN_H
#define NV_HW_HOLDERS_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "hw/holders.h"
#include "hw/hw.h"
#include "hw/internal.h"

enum { SCAN_ENTRIES = 32 << 10, SCAN_MAPS = 64 << 10 };

/* One thread's: it looks at one process after another. */
struct scan {
	struct hw hw; /* the machine, with an arena of the thread's own */
	const struct hw_node *nodes;
	size_t node_count;
	int processes; /* of /proc */
	struct hw_holders found;

	/* Of the process at hand. */
	const char *place; /* "123", or "123/task/124" */
	int fds; /* its directory fd, -1 if there is none to read */
	size_t descriptors; /* in it */
	struct hw_holder holder;
	struct hw_clients clients;

	char entries[SCAN_ENTRIES] __attribute__((aligned(8)));
	char maps[SCAN_MAPS + 1];
};

/*
 * A file of the process, "maps". While fds is open it is reached through that: should the process
 * end, there is no such file any more, whoever gets its number. -1 with errno set.
 */
int scan_open(const struct scan *scan, const char *what, int flags);
char *scan_text(const struct scan *scan, const char *what);
const char *scan_link(const struct scan *scan, const char *what);

/* held.c: a process whose place is set, into holder; fds is left open. False if refused. */
bool scan_descriptors(struct scan *scan);
void scan_hold(struct scan *scan, const struct hw_node *node, bool mapped);
const struct hw_node *scan_by_number(const struct scan *scan, unsigned major, unsigned minor);

/*
 * By the text of a link or of maps. A path that ends with a node's counts too (a chroot, a
 * sandbox), and so does a node that was deleted meanwhile, which says so behind its name.
 */
const struct hw_node *scan_by_name(const struct scan *scan, const char *name, size_t length);

/* mappings.c: into holder. False if refused. */
bool scan_mappings(struct scan *scan);

#endif
