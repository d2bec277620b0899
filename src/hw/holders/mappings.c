/* SPDX-License-Identifier: MIT */
/*
 * mappings: what of a GPU a process has mapped, which keeps the device in use after the descriptor
 * was closed.
 *
 * Only shared mappings count: drivers of GPUs refuse private ones (drm_gem_mmap) or have no use for
 * them. Linux 6.11 tells them one after another (linux/fs.h, PROCMAP_QUERY), which leaves out nine
 * of ten; before, the text of maps has to be made and read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "hw/holders/scan.h"

/* Debian 12's headers are older than it. */
struct query {
	uint64_t size, flags, address;
	uint64_t start, end, mapping_flags, page_size, offset, inode;
	uint32_t major, minor, name_size, build_id_size;
	uint64_t name, build_id;
};

enum { SHARED = 0x08, COVERING_OR_NEXT = 0x10, FILE_BACKED = 0x20, LONGEST_NAME = 4096 };

#define QUERY _IOWR('f', 17, struct query)

/* Whether a path may be a node's; most are not. */
static bool is_likely(const char *name, size_t length)
{
	static const char *const words[] = {
		"/nvidia", "/card", "/renderD", "/vfio", "/snd/", "/fb", "/kfd"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (memmem(name, length, words[i], strlen(words[i])))
			return true;
	}
	return false;
}

/*
 * The path may be another one than the node's, or a file's of the same name, so the node behind
 * the mapping is asked for its number; only root may.
 */
static void check(struct scan *scan, const char *name, size_t length, const char *range)
{
	const struct hw_node *node = scan_by_name(scan, name, length);
	struct statx status;
	char path[64];

	if (scan->hw.root.fd < 0 &&
		(size_t)snprintf(path, sizeof(path), "../map_files/%s", range) < sizeof(path) &&
		statx(scan->fds, path, AT_STATX_DONT_SYNC, STATX_TYPE, &status) == 0)
		node = S_ISCHR(status.stx_mode)
			       ? scan_by_number(scan, status.stx_rdev_major, status.stx_rdev_minor)
			       : NULL;
	if (node)
		scan_hold(scan, node, true);
}

/* False if the kernel is too old to be asked. */
static bool ask(struct scan *scan, int fd)
{
	char name[LONGEST_NAME], range[48];
	struct query query;

	for (uint64_t next = 0;; next = query.end) {
		query = (struct query){
			.size = sizeof(query),
			.flags = SHARED | COVERING_OR_NEXT | FILE_BACKED,
			.address = next,
			.name = (uintptr_t)name,
			.name_size = sizeof(name),
		};
		*name = '\0';
		if (ioctl(fd, QUERY, &query) != 0)
			return errno == ENOENT || errno == ESRCH;
		name[sizeof(name) - 1] = '\0';
		if (!is_likely(name, strlen(name)))
			continue;
		snprintf(range, sizeof(range), "%llx-%llx", (unsigned long long)query.start,
			(unsigned long long)query.end);
		check(scan, name, strlen(name), range);
	}
}

/* "7f..-7f.. rw-s 0 00:06 511 /dev/nvidia0": the number there is of the file system. */
static void read_line(struct scan *scan, const char *line, size_t length)
{
	const char *blank = memchr(line, ' ', length), *end = line + length, *name;
	char range[48];

	if (!blank || end - blank < 6 || blank[4] != 's')
		return;
	name = memchr(blank, '/', (size_t)(end - blank));
	if (!name || !is_likely(name, (size_t)(end - name)))
		return;
	snprintf(range, sizeof(range), "%.*s", (int)(blank - line), line);
	check(scan, name, (size_t)(end - name), range);
}

/* A million mappings are more than the kernel allows unless told; a recording may hold anything. */
enum { MAPS_LIMIT = 128 << 20 };

static bool read_maps(struct scan *scan, int fd)
{
	char *text = scan->maps;
	size_t used = 0, left = MAPS_LIMIT;
	ssize_t got = 0;

	while (left && (got = read(fd, text + used, SCAN_MAPS - used)) > 0) {
		size_t begin = 0;
		const char *end;

		left -= (size_t)got < left ? (size_t)got : left;
		used += (size_t)got;
		while ((end = memchr(text + begin, '\n', used - begin))) {
			read_line(scan, text + begin, (size_t)(end - text) - begin);
			begin = (size_t)(end - text) + 1;
		}
		/* A line that fills all of the buffer is none of the kernel's. */
		if (!begin && used == SCAN_MAPS)
			begin = used;
		used -= begin;
		memmove(text, text + begin, used);
	}
	return got >= 0 || (errno != EACCES && errno != EPERM);
}

bool scan_mappings(struct scan *scan)
{
	int fd = scan_open(scan, "maps", O_RDONLY);
	bool seen;

	if (fd < 0)
		return errno != EACCES && errno != EPERM;
	seen = (scan->hw.root.fd < 0 && ask(scan, fd)) || read_maps(scan, fd);
	close(fd);
	return seen;
}
