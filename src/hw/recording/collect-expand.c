/* SPDX-License-Identifier: MIT */
/* collect-expand: from a pattern of the table to the paths that it means. */
#include <fnmatch.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"
#include "hw/recorded.h"
#include "hw/recording/collecting.h"

#define MODULE_FILES "/lib/modules"

struct expanding {
	struct collecting *collecting;
	const struct recorded *row;
};

static const struct file_list *list(struct collecting *collecting, const char *path)
{
	size_t i = collecting->next_listing;

	for (size_t j = 0; j < COLLECTING_LISTINGS; j++) {
		if (collecting->listed[j] && str_eq(collecting->listed[j], path))
			return &collecting->listings[j];
	}
	collecting->next_listing = (i + 1) % COLLECTING_LISTINGS;
	collecting->listed[i] = path;
	hw_root_names(&collecting->hw->root, path, &collecting->listings[i]);
	return &collecting->listings[i];
}

/* Takes what the pattern means below prefix, of whose parts none is a pattern. */
static void parts(struct expanding *expanding, const char *prefix, const char *pattern)
{
	struct arena *arena = expanding->collecting->arena;
	const char *part;
	struct file_list names;
	size_t length;

	pattern += strspn(pattern, "/");
	if (!*pattern) {
		collecting_take(expanding->collecting, prefix, expanding->row);
		return;
	}
	length = strcspn(pattern, "/");
	part = arena_copy(arena, pattern, length);
	pattern += length;
	if (!strpbrk(part, "*?[")) {
		parts(expanding, arena_path(arena, prefix, part), pattern);
		return;
	}
	/* A copy: what is below may need the place. */
	names = *list(expanding->collecting, *prefix ? prefix : "/");
	for (size_t i = 0; i < names.count; i++) {
		if (fnmatch(part, names.names[i], FNM_PERIOD) == 0)
			parts(expanding, arena_path(arena, prefix, names.names[i]), pattern);
	}
}

/* As recordings name it, and where it stands: one may be without the other. */
static void function(struct expanding *expanding, const char *path, const char *rest)
{
	struct arena *arena = expanding->collecting->arena;

	parts(expanding, arena_path(arena, HW_PCI_DEVICES, str_file_name(path)), rest);
	parts(expanding, path, rest);
}

static void functions(struct expanding *expanding, const struct hw_gpu *gpu, const char *rest)
{
	struct arena *arena = expanding->collecting->arena;

	for (int i = 0; gpu->pci && i < 8; i++)
		function(expanding,
			arena_printf(arena, "%.*s%d", (int)strlen(gpu->path) - 1, gpu->path, i),
			rest);
}

static void bridges(struct expanding *expanding, const struct hw_gpu *gpu, const char *rest)
{
	char *path = arena_dup(expanding->collecting->arena, gpu->path), *slash;

	while (gpu->pci && (slash = strrchr(path, '/'))) {
		*slash = '\0';
		if (!hw_is_slot(str_file_name(path), strlen(str_file_name(path))))
			break;
		function(expanding, arena_dup(expanding->collecting->arena, path), rest);
	}
}

static void device(struct expanding *expanding, const struct hw_gpu *gpu, const char *rest)
{
	parts(expanding, gpu->path, rest);
}

static void modules(struct expanding *expanding, const char *rest)
{
	struct hw_root *root = &expanding->collecting->hw->root;
	const char *release = hw_root_text(root, HW_RELEASE);

	if (release && *release && !strchr(release, '/'))
		parts(expanding, arena_path(root->arena, MODULE_FILES, release), rest);
}

static void place(struct expanding *expanding, const char *pattern)
{
	static const struct {
		const char *name;
		void (*expand)(struct expanding *, const struct hw_gpu *, const char *);
	} places[] = {{"@function", functions}, {"@bridge", bridges}, {"@gpu", device}};
	const struct hw *hw = expanding->collecting->hw;
	const char *rest = pattern + strcspn(pattern, "/");
	const char *const *homes = expanding->collecting->homes;

	if (*pattern != '@')
		parts(expanding, "", pattern);
	if (str_starts(pattern, "@modules/"))
		modules(expanding, rest);
	for (; str_starts(pattern, "@home/") && *homes; homes++)
		parts(expanding, *homes, rest);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		for (size_t j = 0; str_starts(pattern, places[i].name) && j < hw->count; j++)
			places[i].expand(expanding, hw->gpus[j], rest);
	}
}

/* Where an alternative ends: at a ',' or '}' that is of no braces within it. */
static const char *alternative_end(const char *at, bool last)
{
	for (int depth = 0; *at; at++) {
		if (!depth && (*at == '}' || (*at == ',' && !last)))
			break;
		depth += (*at == '{') - (*at == '}');
	}
	return at;
}

/* The first alternatives first: what is in one directory is taken together. */
static void braces(struct expanding *expanding, const char *pattern)
{
	const char *open = strchr(pattern, '{');
	const char *close = open ? alternative_end(open + 1, true) : NULL;

	if (!close) {
		place(expanding, pattern);
		return;
	}
	for (const char *at = open + 1, *end; at <= close; at = end + 1) {
		end = alternative_end(at, false);
		braces(expanding, arena_printf(expanding->collecting->arena, "%.*s%.*s%s",
					  (int)(open - pattern), pattern, (int)(end - at), at,
					  *close ? close + 1 : ""));
	}
}

void collecting_expand(struct collecting *collecting, const struct recorded *row)
{
	struct expanding expanding = {collecting, row};

	braces(&expanding, row->path);
}
