/* SPDX-License-Identifier: MIT */
/*
 * mappings: the question of Linux 6.11 for one mapping of a process after another (linux/fs.h,
 * PROCMAP_QUERY), which leaves out all that is not shared and of a file: nine of ten. Drivers of
 * GPUs refuse private mappings (drm_gem_mmap) or have no use for them.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#include "hw/internal.h"

/* Debian 12's headers are older than it. */
struct query {
	uint64_t size, flags, address;
	uint64_t start, end, mapping_flags, page_size, offset, inode;
	uint32_t major, minor, name_size, build_id_size;
	uint64_t name, build_id;
};

enum { SHARED = 0x08, COVERING_OR_NEXT = 0x10, FILE_BACKED = 0x20 };

#define QUERY _IOWR('f', 17, struct query)

int hw_mapping_next(int fd, struct hw_mapping *mapping)
{
	struct query query = {
		.size = sizeof(query),
		.flags = SHARED | COVERING_OR_NEXT | FILE_BACKED,
		.address = mapping->end,
		.name = (uintptr_t)mapping->name,
		.name_size = sizeof(mapping->name),
	};

	mapping->name[0] = '\0';
	if (ioctl(fd, QUERY, &query) != 0) {
		if (errno == ENOENT || errno == ESRCH)
			return 0;
		return -1;
	}
	mapping->start = query.start;
	mapping->end = query.end;
	mapping->name[sizeof(mapping->name) - 1] = '\0';
	return 1;
}
