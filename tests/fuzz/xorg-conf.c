/* SPDX-License-Identifier: MIT */
/*
 * A libFuzzer target for the doctor's readers of others' text: xorg.conf and BusIDs. Besides
 * what sanitizers find, a value must stand where it is said to stand.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nv-gpu/doctor/xorg/busid.h"
#include "nv-gpu/doctor/xorg/conf.h"

static const struct busid slots[] = {{0, 0, 2, 0}, {0, 1, 0, 0}, {0, 10, 0, 0}, {1, 11, 0, 0}};
enum { SLOTS = sizeof(slots) / sizeof(*slots) };

static void look_at(const char *text, const struct xconf_value *value)
{
	const char *why = NULL;
	struct busid id;

	if (strncmp(text + value->offset, value->text, value->length) != 0 ||
		value->text[value->length] || !value->line || !value->column)
		abort();
	busid_read(value->text, &id);
	if (busid_guess(value->text, slots, SLOTS, &why) < SLOTS && !why)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	const char *text = arena_copy(arena, (const char *)data, size), *why = NULL;
	struct xconf conf = {0};
	struct busid id;

	xconf_read(arena, &conf, "fuzz", text);
	for (size_t i = 0; i < conf.count; i++) {
		for (size_t j = 0; j < conf.sections[i].count; j++) {
			const struct xconf_entry *entry = &conf.sections[i].entries[j];

			for (size_t k = 0; k < entry->count; k++)
				look_at(text, &entry->values[k]);
		}
		xconf_option(&conf.sections[i], "AutoAddGPU", NULL);
	}
	busid_read(text, &id);
	busid_guess(text, slots, SLOTS, &why);
	busid_of_slot(text, &id);
	arena_free(arena);
	return 0;
}
