/* SPDX-License-Identifier: MIT */
#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "offload/offload.h"

/* How well a GPU answers to a selector: 0 not at all, 1 as a substitute, 2 as meant. */
static int fits(const struct hw_gpu *gpu, const struct rule_selector *selector)
{
	switch (selector->kind) {
	case RULE_SELECT_AUTO:
	case RULE_SELECT_DISCRETE:
		/* A laptop's only strong GPU may be the one in the box beside it. */
		return gpu->role == HW_DISCRETE ? 2 : gpu->role == HW_EXTERNAL;
	case RULE_SELECT_INTEGRATED:
		return gpu->role == HW_INTEGRATED ? 2 : 0;
	case RULE_SELECT_EXTERNAL:
		return gpu->role == HW_EXTERNAL ? 2 : 0;
	case RULE_SELECT_BOOT:
		return gpu->boot ? 2 : 0;
	case RULE_SELECT_NVIDIA:
		return gpu->vendor == HW_NVIDIA ? 2 : 0;
	case RULE_SELECT_AMD:
		return gpu->vendor == HW_AMD ? 2 : 0;
	case RULE_SELECT_INTEL:
		return gpu->vendor == HW_INTEL ? 2 : 0;
	case RULE_SELECT_SLOT:
		return strcasecmp(gpu->slot, selector->text) == 0 ? 2 : 0;
	case RULE_SELECT_ID:
		return gpu->vendor == selector->vendor && gpu->device == selector->device ? 2 : 0;
	case RULE_SELECT_NAME:
		return gpu->name && fnmatch(selector->text, gpu->name, FNM_CASEFOLD) == 0 ? 2 : 0;
	case RULE_SELECT_UUID:
		return gpu->nvidia && gpu->nvidia->uuid &&
				       strncasecmp(gpu->nvidia->uuid, selector->text,
					       strlen(selector->text)) == 0
			       ? 2
			       : 0;
	case RULE_SELECT_SOFTWARE:
	case RULE_SELECT_NONE:
		break;
	}
	return 0;
}

bool offload_present(struct hw_gpu *const *gpus, size_t count, const struct rule_selector *selector)
{
	int index = 0;

	if (selector->kind == RULE_SELECT_SOFTWARE || selector->kind == RULE_SELECT_NONE)
		return true;
	if (selector->kind == RULE_SELECT_AUTO)
		return count > 0;
	for (size_t i = 0; i < count; i++) {
		if (fits(gpus[i], selector) && index++ >= selector->index)
			return true;
	}
	return false;
}

static struct hw_gpu *numbered(
	struct hw_gpu *const *gpus, size_t count, const struct rule_selector *selector)
{
	int index = selector->index;

	for (int level = 2; level >= 1; level--) {
		for (size_t i = 0; i < count; i++) {
			if (fits(gpus[i], selector) == level && !index--)
				return gpus[i];
		}
	}
	return NULL;
}

static int rank(const struct hw_gpu *gpu, const struct rule_selector *selector)
{
	return (hw_gpu_unusable(gpu) ? 0 : 8) + fits(gpu, selector) * 2 + gpu->boot;
}

static struct hw_gpu *best(
	struct hw_gpu *const *gpus, size_t count, const struct rule_selector *selector)
{
	struct hw_gpu *found = NULL;

	for (size_t i = 0; i < count; i++) {
		if (fits(gpus[i], selector) &&
			(!found || rank(gpus[i], selector) > rank(found, selector)))
			found = gpus[i];
	}
	return found;
}

/* Whoever says "auto" does not mind which, even if there is but one. */
static bool names_one(
	struct hw_gpu *const *gpus, size_t count, const struct rule_selector *selector)
{
	size_t number = 0;

	for (size_t i = 0; i < count; i++)
		number += fits(gpus[i], selector) > 0;
	return selector->kind != RULE_SELECT_AUTO && (selector->index >= 0 || number == 1);
}

static size_t usable(struct hw_gpu *const *gpus, size_t count, struct hw_gpu **only)
{
	size_t number = 0;

	for (size_t i = 0; i < count; i++) {
		if (hw_gpu_unusable(gpus[i]))
			continue;
		*only = gpus[i];
		number++;
	}
	return number;
}

static const char *reason(struct arena *arena, const struct hw_gpu *gpu)
{
	return arena_printf(arena, "it is %s%s: %s", hw_role_name(gpu->role),
		gpu->boot ? " and shows the screen from boot on" : "", gpu->role_why);
}

static void missing(struct arena *arena, size_t count, struct offload_choice *choice)
{
	if (choice->selector.index >= 0)
		choice->problem =
			arena_printf(arena, "there is no GPU '%s'", choice->selector.text);
	else if (!count)
		choice->problem = "there is no GPU on this machine";
	else
		choice->problem = arena_printf(arena,
			"there is no GPU '%s'; 'nv-run --list' shows those there are",
			choice->selector.text);
}

/* Whether a GPU that cannot draw, of a server's board or a virtual machine, shows the picture. */
static bool shown_elsewhere(struct hw_gpu *const *gpus, size_t count, const struct hw_gpu *only)
{
	for (size_t i = 0; i < count; i++) {
		const struct hw_gpu *gpu = gpus[i];

		if (gpu != only && gpu->boot && gpu->driver && !str_eq(gpu->driver, "vfio-pci"))
			return true;
	}
	return false;
}

/* "auto" asks for nothing where there is nothing to choose from. */
static bool automatic(struct hw_gpu *const *gpus, size_t count, struct offload_choice *choice)
{
	struct hw_gpu *only = NULL, *wanted = best(gpus, count, &choice->selector);
	size_t number = usable(gpus, count, &only);

	choice->unsure = number < 2;
	if (number > 1 && wanted)
		return false;
	if (wanted && wanted == only && shown_elsewhere(gpus, count, only))
		return false;
	/* The card that was expected is there, but not for programs of this machine. */
	if (wanted && hw_gpu_unusable(wanted))
		return false;
	choice->nothing_to_do = true;
	choice->gpu = number == 1 ? only : NULL;
	choice->why = number > 1 ? "no GPU is discrete"
		      : number   ? "it is the only GPU"
				 : "there is no GPU";
	return true;
}

void offload_choose(struct arena *arena, struct hw_gpu *const *gpus, size_t count,
	const struct rule_selector *selector, struct offload_choice *choice)
{
	const char *unusable;

	*choice = (struct offload_choice){.selector = *selector};
	if (selector->kind == RULE_SELECT_NONE || selector->kind == RULE_SELECT_SOFTWARE) {
		choice->nothing_to_do = selector->kind == RULE_SELECT_NONE;
		choice->why = choice->nothing_to_do ? "nothing is to be changed" : "the CPU";
		return;
	}
	if (selector->kind == RULE_SELECT_AUTO && automatic(gpus, count, choice))
		return;
	if (selector->index >= 0) {
		choice->unsure = true;
		choice->gpu = numbered(gpus, count, selector);
	} else {
		choice->gpu = best(gpus, count, selector);
	}
	if (!choice->gpu) {
		choice->unsure = true;
		missing(arena, count, choice);
		return;
	}
	unusable = hw_gpu_unusable(choice->gpu);
	if (unusable) {
		choice->unsure = true;
		choice->problem = arena_printf(arena, "%s %s", choice->gpu->slot, unusable);
		choice->meant = choice->gpu;
		choice->gpu = NULL;
		return;
	}
	choice->named = names_one(gpus, count, selector);
	choice->why = reason(arena, choice->gpu);
}
