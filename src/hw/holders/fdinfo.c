/* SPDX-License-Identifier: MIT */
/* fdinfo: what DRM drivers count for a client (Linux, Documentation/gpu/drm-usage-stats.rst). */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "hw/holders.h"
#include "hw/hw.h"
#include "hw/internal.h"

/* The value of a "key:" line, blanks skipped; NULL if there is none. */
static const char *value_of(struct arena *arena, const char *text, const char *key)
{
	size_t length = strlen(key);

	for (; *text; text = *text ? text + 1 : text) {
		const char *end = strchrnul(text, '\n');

		if (strncmp(text, key, length) == 0 && text[length] == ':') {
			text += length + 1;
			text += strspn(text, " \t");
			return text < end ? arena_copy(arena, text, (size_t)(end - text)) : NULL;
		}
		text = end;
		if (!*text)
			break;
	}
	return NULL;
}

static void add(struct hw *hw, struct hw_holder *holder, struct hw_usage usage)
{
	for (size_t i = 0; i < holder->usage_count; i++) {
		struct hw_usage *known = &holder->usage[i];

		if (known->memory == usage.memory && str_eq(known->name, usage.name) &&
			str_eq(known->gpu, usage.gpu)) {
			known->amount += usage.amount;
			return;
		}
	}
	*arena_push(hw->root.arena, holder->usage, holder->usage_count) = usage;
}

/* "12 KiB" in bytes, "5 ns" in nanoseconds; false if it is no number. */
static bool amount_of(const char *text, unsigned long long *amount)
{
	static const struct {
		const char *name;
		unsigned shift;
	} units[] = {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*amount = strtoull(text, &end, 10);
	end += strspn(end, " \t");
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (str_starts(end, units[i].name))
			*amount = *amount > ~0ULL >> units[i].shift ? ~0ULL
								    : *amount << units[i].shift;
	}
	return true;
}

/* All "key-NAME: amount" lines; capacities are no amounts. True if there is one. */
static bool add_all(struct hw *hw, struct hw_holder *holder, const char *text, const char *key,
	struct hw_usage usage)
{
	size_t length = strlen(key);
	bool any = false;

	while (*text) {
		const char *end = strchrnul(text, '\n'),
			   *colon = memchr(text, ':', (size_t)(end - text));
		const char *value = colon ? colon + 1 + strspn(colon + 1, " \t") : end;

		if (colon && (size_t)(colon - text) > length && strncmp(text, key, length) == 0 &&
			!str_starts(text + length, "capacity-") && value < end &&
			amount_of(value, &usage.amount)) {
			usage.name = arena_copy(
				hw->root.arena, text + length, (size_t)(colon - text) - length);
			add(hw, holder, usage);
			any = true;
		}
		text = *end ? end + 1 : end;
	}
	return any;
}

void hw_fdinfo_add(struct hw *hw, const char *text, const struct hw_node *node,
	struct hw_holder *holder, struct hw_clients *seen)
{
	struct arena *arena = hw->root.arena;
	const char *slot = value_of(arena, text, "drm-pdev");
	const char *client = value_of(arena, text, "drm-client-id");
	struct hw_usage usage = {.gpu = slot ? slot : node->gpu->slot};

	if (client) {
		client = arena_printf(arena, "%s %s", usage.gpu, client);
		for (size_t i = 0; i < seen->count; i++) {
			if (str_eq(seen->list[i], client))
				return;
		}
		*arena_push(arena, seen->list, seen->count) = client;
	}
	add_all(hw, holder, text, "drm-engine-", usage);
	usage.memory = true;
	/* Newer kernels give both, the older key for the same. */
	if (!add_all(hw, holder, text, "drm-resident-", usage))
		add_all(hw, holder, text, "drm-memory-", usage);
}
