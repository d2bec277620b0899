/* SPDX-License-Identifier: MIT */
/* judge-lists: variables that list files, devices or filters. */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/user/user.h"

static void judge(struct judging *judging, enum verdict verdict, const char *why)
{
	judging->verdict = verdict;
	judging->why = why;
}

static struct arena *arena_of(const struct judging *judging)
{
	return judging->doctor->run->arena;
}

/* The next item of a list, and *list behind it; NULL at the end. */
static const char *next(struct arena *arena, const char **list, char separator)
{
	const char separators[] = {separator, '\0'};
	size_t length = strcspn(*list, separators);
	const char *item;

	if (!**list)
		return NULL;
	item = arena_copy(arena, *list, length);
	*list += length + ((*list)[length] == separator);
	return item;
}

/* The first absolute path of a list that is not there; NULL. What a shell expands is not known. */
static const char *missing(const struct judging *judging)
{
	const char *list = judging->setting->value, *item;

	while ((item = next(arena_of(judging), &list, ':'))) {
		if (*item == '/' && !strpbrk(item, "$*?`") &&
			!hw_root_exists(&judging->doctor->run->hw.root, item))
			return item;
	}
	return NULL;
}

static bool is_missing(struct judging *judging)
{
	const char *path = missing(judging);

	if (path)
		judge(judging, VERDICT_PROBLEM,
			arena_printf(arena_of(judging),
				"%s is not there, and nothing else is tried",
				gpu_plain(judging->doctor->run, path)));
	return path;
}

/* Drivers that are left when a variable chose; none known: nothing is said. */
static void judge_left(struct judging *judging, unsigned left)
{
	unsigned hidden = judging->here & ~left;

	if (!hidden)
		return;
	judge(judging, hidden & judging->desktop ? VERDICT_PROBLEM : VERDICT_NOTE,
		arena_printf(arena_of(judging), "It hides the drivers of %s from every program",
			family_names(judging->doctor, hidden)));
}

/* Lists of manifests, which replace all that would be found. */
void judge_files(struct judging *judging)
{
	const char *list = judging->setting->value, *item;
	unsigned left = 0;

	if (!*list || is_missing(judging))
		return;
	while ((item = next(arena_of(judging), &list, ':')))
		left |= family_named(str_file_name(item));
	if (left)
		judge_left(judging, left);
	if (judging->verdict == VERDICT_OK && str_eq(judging->setting->name, "VK_ICD_FILENAMES"))
		judge(judging, VERDICT_NOTE,
			"Drivers that are installed later are not found. The variable is "
			"outdated: VK_DRIVER_FILES took its place");
}

/* An empty list is one without any vendor. */
void judge_egl_files(struct judging *judging)
{
	if (!*judging->setting->value)
		judge(judging, judging->here ? VERDICT_PROBLEM : VERDICT_NOTE,
			"It is empty: no driver is left, and no EGL program draws");
	else
		judge_files(judging);
}

void judge_directories(struct judging *judging)
{
	if (*judging->setting->value && !is_missing(judging))
		judge(judging, VERDICT_NOTE, NULL);
}

static bool matches(struct arena *arena, const char *globs, const char *name)
{
	const char *glob;

	while ((glob = next(arena, &globs, ','))) {
		if (str_eq(glob, "~all~") || fnmatch(glob, name, FNM_CASEFOLD) == 0)
			return true;
	}
	return false;
}

/* VK_LOADER_DRIVERS_SELECT and _DISABLE: globs of manifests' names. */
void judge_filter(struct judging *judging)
{
	bool select = str_eq(judging->setting->name, "VK_LOADER_DRIVERS_SELECT");
	unsigned all = 0, left = 0;
	size_t count;
	const struct icd *drivers = vulkan_drivers(judging->doctor, judging->loader, &count);

	if (!*judging->setting->value)
		return;
	for (size_t i = 0; i < count; i++) {
		const char *name = str_file_name(drivers[i].path);

		all |= drivers[i].families;
		if (matches(arena_of(judging), judging->setting->value, name) == select)
			left |= drivers[i].families;
	}
	/* What has no driver anyway is not hidden. */
	if (all)
		judge_left(judging, left | ~all);
}

static bool is_hybrid(const struct judging *judging)
{
	return judging->here & FAMILY_NVIDIA && judging->here & ~(unsigned)FAMILY_NVIDIA;
}

void judge_layers(struct judging *judging)
{
	if (is_hybrid(judging) && vulkan_disables_layer(judging->doctor, judging->setting->value))
		judge(judging, VERDICT_PROBLEM, NULL);
}

void judge_layer(struct judging *judging)
{
	if (is_hybrid(judging))
		judge(judging, VERDICT_PROBLEM, NULL);
}

static bool has_card(const struct hw *hw, unsigned number)
{
	const char *name = arena_printf(hw->root.arena, "card%u", number);

	for (size_t i = 0; i < hw->card_count; i++) {
		if (str_eq(hw->cards[i], name))
			return true;
	}
	return false;
}

/* WLR_DRM_DEVICES, AQ_DRM_DEVICES, KWIN_DRM_DEVICES: nodes in the order of use. */
void judge_cards(struct judging *judging)
{
	const struct hw *hw = &judging->doctor->run->hw;
	bool kwin = str_starts(judging->setting->name, "KWIN");
	const char *list = judging->setting->value, *item;

	if (strstr(list, "by-path") && !strstr(list, "\\:")) {
		judge(judging, VERDICT_PROBLEM,
			kwin ? "A colon ends a name there: by-path names need \\: for each of "
			       "theirs"
			     : "A colon ends a name there, and by-path names have colons: none of "
			       "them is found");
		return;
	}
	while ((item = next(arena_of(judging), &list, ':'))) {
		const char *name = str_file_name(item);
		unsigned number;
		char more;

		if (sscanf(name, "card%5u%c", &number, &more) != 1)
			continue;
		if (hw->card_count && !has_card(hw, number)) {
			judge(judging, VERDICT_PROBLEM,
				arena_printf(arena_of(judging),
					"There is no %s now: numbers of cards differ from boot to "
					"boot",
					name));
			return;
		}
		if (hw->card_count > 1)
			judge(judging, VERDICT_PROBLEM,
				"Numbers of cards differ from boot to boot: it may be another GPU "
				"next time");
	}
}

/* Whether a GPU has a UUID that begins so; true where UUIDs are not known. */
static bool has_uuid(const struct judging *judging, const char *uuid)
{
	struct hw *hw = &judging->doctor->run->hw;

	for (size_t i = 0; i < hw->count; i++) {
		const struct hw_nvidia *nvidia = hw_gpu_nvidia(hw, hw->gpus[i]);

		if (hw_gpu_is_nvidia(hw->gpus[i]) &&
			(!nvidia->uuid || str_starts(nvidia->uuid, uuid)))
			return true;
	}
	return false;
}

void judge_cuda(struct judging *judging)
{
	const char *list = judging->setting->value, *item;

	if (!(judging->here & FAMILY_NVIDIA))
		return;
	if (!*list || *list == '-' || str_eq(list, "NoDevFiles")) {
		judge(judging, VERDICT_PROBLEM, "It hides all GPUs from every CUDA program");
		return;
	}
	while ((item = next(arena_of(judging), &list, ','))) {
		if (str_starts(item, "GPU-") && !has_uuid(judging, item)) {
			judge(judging, VERDICT_PROBLEM,
				arena_printf(arena_of(judging),
					"There is no GPU %s here; it and all behind it are hidden",
					gpu_plain(judging->doctor->run, item)));
			return;
		}
	}
	if (judge_gpus(judging) > 1)
		judge(judging, VERDICT_NOTE, NULL);
}

void judge_nvd(struct judging *judging)
{
	if (judging->here & FAMILY_NVIDIA && str_eq(judging->setting->value, "egl") &&
		hw_nvidia_major(&judging->doctor->run->hw) >= 525)
		judge(judging, VERDICT_PROBLEM, NULL);
}
