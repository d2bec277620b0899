/* SPDX-License-Identifier: MIT */
#include "hw/collect.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"
#include "hw/recorded.h"
#include "hw/recording/collecting.h"

enum { LINKS = 40, DEPTH = 6, LONG_FILE = 16 << 20 };

/* What speaks of GPUs, in whatever case. */
static const char *const mentions[] = {"nvidia", "nouveau", "__glx", "__egl", "__nv", "libva_",
	"vdpau", "vk_", "vulkan", "dri_prime", "gbm_", "mesa", "cuda", "gpu", "optimus",
	"bumblebee", "prime", "driver_override", "amdgpu", "radeon", "i915", "10de", "mutter",
	"nv-session", "nv-run", "xrandr", "modeset", NULL};

bool collecting_once(struct collecting *collecting, const char *path)
{
	size_t hash = 5381, size = collecting->seen_size;

	if (collecting->seen_count * 2 >= size) {
		const char **old = collecting->seen;

		collecting->seen_size = size ? size * 2 : 1024;
		collecting->seen_count = 0;
		collecting->seen = arena_alloc(
			collecting->arena, collecting->seen_size * sizeof(*collecting->seen));
		for (size_t i = 0; i < size; i++) {
			if (old[i])
				collecting_once(collecting, old[i]);
		}
		size = collecting->seen_size;
	}
	for (const char *c = path; *c; c++)
		hash = hash * 33 + (unsigned char)*c;
	for (hash %= size; collecting->seen[hash]; hash = (hash + 1) % size) {
		if (str_eq(collecting->seen[hash], path))
			return false;
	}
	collecting->seen[hash] = path;
	collecting->seen_count++;
	return true;
}

void collecting_add(struct collecting *collecting, struct recording_entry entry)
{
	struct recording *recording = &collecting->collection->recording;
	size_t size = (entry.path ? strlen(entry.path) : 0) + entry.length;

	if (entry.path && !collecting_once(collecting, entry.path))
		return;
	if (collecting->size + size > COLLECTING_SIZE || recording->count == COLLECTING_COUNT) {
		collecting->collection->full = true;
		return;
	}
	if (collecting->title && entry.path) {
		*arena_push(collecting->arena, recording->entries, recording->count) =
			(struct recording_entry){
				.kind = RECORDING_REMARK, .text = collecting->title};
		collecting->title = NULL;
	}
	collecting->size += size;
	collecting->collection->refused += entry.kind == RECORDING_UNREADABLE;
	*arena_push(collecting->arena, recording->entries, recording->count) = entry;
}

void collecting_text(
	struct collecting *collecting, enum recording_kind kind, const char *path, const char *text)
{
	collecting_add(collecting,
		(struct recording_entry){
			.kind = kind, .path = path, .text = text, .length = strlen(text)});
}

void collecting_refused(struct collecting *collecting, const char *path, int error, bool directory)
{
	const char *name = strerrorname_np(error);

	collecting_add(collecting, (struct recording_entry){.kind = RECORDING_UNREADABLE,
					   .directory = directory,
					   .path = path,
					   .text = name ? name : "EIO",
					   .length = strlen(name ? name : "EIO")});
}

char *collecting_read(struct collecting *collecting, struct arena *arena, const char *path,
	size_t limit, size_t *length)
{
	int fd = hw_root_open(&collecting->hw->root, path, O_RDONLY | O_NOFOLLOW);
	struct stat status;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		close(fd);
		errno = EINVAL;
		return NULL;
	}
	return file_whole_fd(arena, fd, limit, length);
}

/*
 * Where a path leads, each link on the way being recorded; NULL if to nothing. The result has no
 * link in it.
 */
static const char *resolve(struct collecting *collecting, const char *path)
{
	struct arena *arena = collecting->arena;
	const char *real = "", *rest = path;

	for (int links = 0; *rest;) {
		size_t length;
		const char *candidate, *target;

		rest += strspn(rest, "/");
		length = strcspn(rest, "/");
		if (!length)
			break;
		candidate = arena_printf(arena, "%s/%.*s", real, (int)length, rest);
		if (length == 2 && strncmp(rest, "..", 2) == 0) {
			const char *slash = strrchr(real, '/');

			real = arena_copy(arena, real, slash ? (size_t)(slash - real) : 0);
		} else if (length != 1 || *rest != '.') {
			target = hw_root_link(&collecting->hw->root, candidate);
			if (!target || !*target) {
				real = candidate;
			} else if (++links > LINKS) {
				return NULL;
			} else {
				collecting_text(collecting, RECORDING_LINK, candidate, target);
				rest = arena_printf(arena, "%s%s", target, rest + length);
				real = *rest == '/' ? "" : real;
				continue;
			}
		}
		rest += length;
	}
	return *real ? real : NULL;
}

/* Reading what the kernel would ask a sleeping device for wakes it: pci_config_pm_runtime_get. */
static bool sleeps(struct collecting *collecting, const char *path)
{
	const char *directory =
		arena_copy(collecting->arena, path, (size_t)(str_file_name(path) - path) - 1);
	const char *status = hw_root_attr(&collecting->hw->root, directory, "power/runtime_status");

	/* Where nothing can be woken, all may be read. */
	if (collecting->hw->root.fd >= 0 || !status)
		return false;
	return !str_eq(status, "active") && !str_eq(status, "unsupported");
}

static bool mentions_gpus(const char *text)
{
	for (size_t i = 0; mentions[i]; i++) {
		if (strcasestr(text, mentions[i]))
			return true;
	}
	return false;
}

/* Most of a long file is not kept. */
static void keep(struct collecting *collecting, const char *path, const char *text, size_t length,
	const struct recorded *row)
{
	struct recording_entry entry = {.path = path};
	struct buf kept = {0};

	if (row->filter)
		row->filter(collecting->hw, text, length, &kept);
	else
		buf_add(&kept, text, length);
	entry.text = arena_copy(collecting->arena, buf_text(&kept), kept.length);
	entry.length = kept.length;
	buf_free(&kept);
	collecting_add(collecting, entry);
}

/*
 * The files that a text names: libraries in manifests, programs in settings. "../" is as seen from
 * the text's own directory.
 */
static void follow(struct collecting *collecting, const char *path, const char *text)
{
	static const struct recorded name = {.how = RECORDED_NAME};
	static const char ends[] = " \t\r\n\"',;:()[]{}<>|&$*?=";
	const char *directory =
		arena_copy(collecting->arena, path, (size_t)(str_file_name(path) - path) - 1);

	while (*text) {
		size_t length = strcspn(text, ends);
		const char *word = text;

		text += length + (text[length] != '\0');
		if (length < 4 || length > RECORDING_PATH)
			continue;
		if (*word == '/')
			collecting_take(
				collecting, arena_copy(collecting->arena, word, length), &name);
		else if (str_starts(word, "../") || str_starts(word, "./"))
			collecting_take(collecting,
				arena_printf(
					collecting->arena, "%s/%.*s", directory, (int)length, word),
				&name);
	}
}

/* For a read of these the kernel takes the lock that who takes a driver away has. */
static bool is_stuck(struct collecting *collecting, const char *path)
{
	static const char *const locked[] = {"uevent", "driver_override", "sriov_numvfs"};
	const char *name = str_file_name(path);
	bool needed = false;

	for (size_t i = 0; i < sizeof(locked) / sizeof(*locked); i++)
		needed |= str_eq(name, locked[i]);
	for (size_t i = 0; needed && collecting->stuck[i]; i++) {
		if (strstr(path,
			    arena_printf(collecting->arena, "/%s/%s", collecting->stuck[i], name)))
			return true;
	}
	return false;
}

static void take_file(struct collecting *collecting, const char *path, const struct recorded *row)
{
	size_t limit = row->filter ? (size_t)LONG_FILE : (size_t)COLLECTING_FILE, length;
	struct arena *scratch = arena_new();
	const char *text = NULL;

	errno = ENOENT;
	if (is_stuck(collecting, path))
		errno = EBUSY;
	else if (row->how != RECORDED_AWAKE || !sleeps(collecting, path))
		text = collecting_read(collecting, scratch, path, limit + 1, &length);
	if (!text && errno != ENOENT && row->how != RECORDED_MENTION)
		collecting_refused(collecting, path, errno, false);
	if (text && (row->how != RECORDED_MENTION || mentions_gpus(text))) {
		if (length > limit)
			collecting_text(collecting, RECORDING_REMARK, NULL,
				arena_printf(collecting->arena, "cut: %s is longer", path));
		keep(collecting, path, text, length > limit ? limit : length, row);
		if (row->how == RECORDED_POINTS)
			follow(collecting, path, text);
	}
	arena_free(scratch);
}

/* Links on the way are of no interest: those of the process that asks lead elsewhere each time. */
static void take_here(struct collecting *collecting, const char *path, const struct recorded *row)
{
	int fd = hw_root_open(&collecting->hw->root, path, O_RDONLY);
	struct arena *scratch = arena_new();
	const char *text = NULL;
	size_t length;

	if (fd >= 0)
		text = file_whole_fd(scratch, fd, LONG_FILE, &length);
	if (text)
		keep(collecting, path, text, length, row);
	arena_free(scratch);
}

static void take(
	struct collecting *collecting, const char *path, const struct recorded *row, int depth);

static void take_directory(
	struct collecting *collecting, const char *path, const struct recorded *row, int depth)
{
	struct file_list names;

	if (row->how == RECORDED_MENTION || row->how == RECORDED_AWAKE)
		return;
	if (row->how != RECORDED_TREE || !depth) {
		collecting_text(collecting, RECORDING_DIRECTORY, path, "");
		return;
	}
	/* Links may lead back here. */
	if (!collecting_once(collecting, arena_printf(collecting->arena, "%s/", path)))
		return;
	if (!hw_root_names(&collecting->hw->root, path, &names)) {
		collecting_refused(collecting, path, errno, true);
		return;
	}
	if (!names.count)
		collecting_text(collecting, RECORDING_DIRECTORY, path, "");
	for (size_t i = 0; i < names.count; i++)
		take(collecting, arena_path(collecting->arena, path, names.names[i]), row,
			depth - 1);
}

static const char *special(struct collecting *collecting, const struct stat *status)
{
	if (S_ISREG(status->st_mode))
		return arena_printf(collecting->arena, "file %lld", (long long)status->st_size);
	if (S_ISSOCK(status->st_mode))
		return "socket";
	if (S_ISFIFO(status->st_mode))
		return "fifo";
	return arena_printf(collecting->arena, "%s %u:%u %03o",
		S_ISCHR(status->st_mode) ? "char" : "block", major(status->st_rdev),
		minor(status->st_rdev), (unsigned)status->st_mode & 0777);
}

/* Nothing is opened before it is known what it is. */
static void take(
	struct collecting *collecting, const char *path, const struct recorded *row, int depth)
{
	const char *real = resolve(collecting, path);
	int root = collecting->hw->root.fd;
	struct stat status;

	if (!real || fstatat(root < 0 ? AT_FDCWD : root, real + (root >= 0), &status,
			     AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0)
		return;
	if (S_ISDIR(status.st_mode))
		take_directory(collecting, real, row, depth);
	else if (S_ISREG(status.st_mode) && row->how != RECORDED_NAME)
		take_file(collecting, real, row);
	else
		collecting_text(collecting, RECORDING_SPECIAL, real, special(collecting, &status));
}

void collecting_take(struct collecting *collecting, const char *path, const struct recorded *row)
{
	if (collecting->collection->full)
		return;
	if (row->how == RECORDED_HERE)
		take_here(collecting, path, row);
	else
		take(collecting, path, row, DEPTH);
}

void hw_collect(struct hw *hw, const char *const *homes, const char *const *stuck,
	struct hw_collection *collection)
{
	struct collecting collecting = {.arena = hw->root.arena,
		.hw = hw,
		.homes = homes,
		.stuck = stuck,
		.collection = collection};

	*collection = (struct hw_collection){0};
	for (const struct recorded *row = recorded_table; row->path; row++) {
		if (row->how == RECORDED_TITLE)
			collecting.title = row->path;
		else
			collecting_expand(&collecting, row);
	}
	collecting.title = "who holds the GPUs";
	collecting_processes(&collecting);
}

bool hw_collect_knows(const char *word)
{
	size_t length = strlen(word);

	for (const struct recorded *row = recorded_table; row->path; row++) {
		for (const char *at = row->path; (at = strcasestr(at, word)); at++) {
			if ((at == row->path || !isalnum((unsigned char)at[-1])) &&
				!isalnum((unsigned char)at[length]))
				return true;
		}
	}
	return false;
}
