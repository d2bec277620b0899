/* SPDX-License-Identifier: MIT */
/* roles: what the administrator says of GPUs, in machine.conf. */
#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "offload/offload.h"

static const char *lower_case(struct arena *arena, const char *text)
{
	char *copy = arena_dup(arena, text);

	for (char *c = copy; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

/* A header of machine.conf holds slots, in full or without the domain 0000, or ids, hexadecimal in
 * letters of either case; globs too. */
static bool is_about(
	struct arena *arena, const struct rule_section *section, const struct hw_gpu *gpu)
{
	const char *header = lower_case(arena, section->header);
	const char *names[] = {
		lower_case(arena, gpu->slot),
		str_starts(gpu->slot, "0000:") ? gpu->slot + 5 : gpu->slot,
		arena_printf(arena, "%04x:%04x", gpu->vendor, gpu->device),
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct rule_subject subject = {.name = names[i]};
		const char *pattern;

		if (rule_header_matches(arena, &subject, header, &pattern))
			return true;
	}
	return false;
}

void offload_machine(struct rule_reader *machine, struct arena *arena, const char *path,
	const char *text, size_t length, const char *problem)
{
	rule_reader_init(machine, arena, machine_keys, NULL);
	if (text && memchr(text, '\0', length))
		problem = "has a NUL byte: it is no text";
	if (problem)
		rule_note(machine, path, arena_printf(arena, "not read: it %s", problem));
	if (!text || problem)
		return;
	rule_begin(machine, path);
	rule_read(machine, text, length, true);
}

void offload_roles(struct arena *arena, const struct rule_reader *machine,
	struct hw_gpu *const *gpus, size_t count)
{
	for (size_t i = 0; i < machine->count; i++) {
		const struct rule_section *section = &machine->sections[i];

		for (size_t j = 0; j < count * section->count; j++) {
			const struct rule_line *line = &section->lines[j % section->count];
			struct hw_gpu *gpu = gpus[j / section->count];

			if (line->key->kind != RULE_ROLE || !is_about(arena, section, gpu))
				continue;
			hw_role_from_name(line->value, &gpu->role);
			gpu->role_why = arena_printf(
				arena, "%s:%u says so", line->from.file, line->from.line);
		}
	}
}
