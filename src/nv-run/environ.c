/* SPDX-License-Identifier: MIT */
/*
 * environ: changes to the environment, and NV_RUN_SAVED, which takes them back.
 *
 * The record is "1" and then, each behind a ';', "+NAME" for every variable that was touched and
 * "@INDEX:NAME=VALUE" for every entry of those names that there was, INDEX being its place. To
 * undo, all entries of the names are removed and the saved ones put back at their places, which
 * restores an untouched environment byte for byte, order and duplicates included. "^MARK" notes
 * the wrapper that PROGRAM was started with, so that a wrapper which starts nv-run is not started
 * without end. '%', ';' and control bytes are written %XX.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-run/run.h"

#define SAVED "NV_RUN_SAVED"

struct names {
	const char **items;
	size_t count;
};

static size_t name_length(const char *entry)
{
	return strcspn(entry, "=");
}

static bool is_named(const char *entry, const char *name)
{
	size_t length = name_length(entry);

	return strlen(name) == length && strncmp(entry, name, length) == 0;
}

static bool contains(const struct names *names, const char *entry)
{
	for (size_t i = 0; i < names->count; i++) {
		if (is_named(entry, names->items[i]))
			return true;
	}
	return false;
}

static size_t count_entries(char **environment)
{
	size_t count = 0;

	while (environment[count])
		count++;
	return count;
}

static void encode(struct buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte == '%' || byte == ';' || byte < 0x20 || byte == 0x7f)
			buf_printf(out, "%%%02X", byte);
		else
			buf_putc(out, (char)byte);
	}
}

static char *decode(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_alloc(arena, length + 1), *out = copy;

	for (size_t i = 0; i < length; i++) {
		unsigned long byte;

		if (text[i] != '%') {
			*out++ = text[i];
			continue;
		}
		if (length - i < 3 || !str_number(text + i + 1, 2, 16, &byte) || !byte)
			return NULL;
		*out++ = (char)byte;
		i += 2;
	}
	return copy;
}

struct saved_entry {
	unsigned long index;
	char *entry;
};

struct record {
	struct names names;
	struct saved_entry *entries;
	size_t count;
	const char *mark;
};

static bool parse_item(struct arena *arena, const char *item, size_t length, struct record *record)
{
	const char *colon;
	struct saved_entry saved;
	char *text;

	if (length < 2)
		return false;
	if (*item == '+') {
		text = decode(arena, item + 1, length - 1);
		if (!text || !str_is_variable(text))
			return false;
		*arena_push(arena, record->names.items, record->names.count) = text;
		return true;
	}
	if (*item == '^') {
		record->mark = decode(arena, item + 1, length - 1);
		return record->mark;
	}
	colon = memchr(item, ':', length);
	if (*item != '@' || !colon ||
		!str_number(item + 1, (size_t)(colon - item - 1), 10, &saved.index))
		return false;
	saved.entry = decode(arena, colon + 1, length - (size_t)(colon + 1 - item));
	if (!saved.entry || !contains(&record->names, saved.entry))
		return false;
	*arena_push(arena, record->entries, record->count) = saved;
	return true;
}

static bool parse_record(struct arena *arena, const char *text, struct record *record)
{
	if (!str_starts(text, "1;"))
		return false;
	for (text++; *text;) {
		size_t length = strcspn(text + 1, ";");

		if (!parse_item(arena, text + 1, length, record))
			return false;
		text += length + 1;
	}
	return true;
}

/* Entries not in names keep their order; the saved ones go back to their places. */
static char **rebuild(struct arena *arena, char **inherited, const struct record *record)
{
	size_t left = count_entries(inherited), out = 0, next = 0;
	char **environment = arena_alloc(arena, (left + record->count + 1) * sizeof(*environment));

	for (size_t i = 0; i < left; i++) {
		if (is_named(inherited[i], SAVED) || contains(&record->names, inherited[i]))
			continue;
		while (next < record->count && record->entries[next].index <= out)
			environment[out++] = record->entries[next++].entry;
		environment[out++] = inherited[i];
	}
	while (next < record->count)
		environment[out++] = record->entries[next++].entry;
	return environment;
}

char **environ_restore(struct arena *arena, char **inherited, const char **wrong)
{
	const char *text = offload_env(inherited, SAVED);
	struct record record = {0};

	*wrong = NULL;
	if (!text)
		return inherited;
	if (!parse_record(arena, text, &record)) {
		record = (struct record){0};
		*wrong = SAVED " is not as nv-run wrote it: the environment stays as it is";
	}
	return rebuild(arena, inherited, &record);
}

const char *environ_mark(struct arena *arena, char **inherited)
{
	const char *text = offload_env(inherited, SAVED);
	struct record record = {0};

	return text && parse_record(arena, text, &record) ? record.mark : NULL;
}

static const struct offload_change *find_change(
	const struct offload_result *result, const char *entry)
{
	for (size_t i = 0; i < result->count; i++) {
		if (is_named(entry, result->changes[i].name))
			return &result->changes[i];
	}
	return NULL;
}

static char *new_entry(struct arena *arena, const struct offload_change *change)
{
	return arena_printf(arena, "%s=%s", change->name, change->value);
}

static const char *write_record(struct arena *arena, char **environment,
	const struct offload_result *result, const char *mark)
{
	struct buf record = {0};
	const char *entry;

	buf_puts(&record, SAVED "=1");
	if (mark) {
		buf_puts(&record, ";^");
		encode(&record, mark);
	}
	for (size_t i = 0; i < result->count; i++) {
		buf_puts(&record, ";+");
		encode(&record, result->changes[i].name);
	}
	for (size_t i = 0; environment[i]; i++) {
		if (!find_change(result, environment[i]))
			continue;
		buf_printf(&record, ";@%zu:", i);
		encode(&record, environment[i]);
	}
	entry = arena_copy(arena, buf_text(&record), record.length);
	buf_free(&record);
	return entry;
}

char **environ_change(struct arena *arena, char **environment, const struct offload_result *result,
	const char *mark, const char **wrong)
{
	static const struct offload_result nothing;
	size_t count = count_entries(environment), out = 0;
	char **changed = arena_alloc(arena, (count + result->count + 2) * sizeof(*changed));
	bool *done = arena_alloc(arena, result->count + 1);
	const char *record;

	*wrong = NULL;
	if (!result->count && !mark)
		return environment;
	for (size_t i = 0; i < count; i++) {
		const struct offload_change *change = find_change(result, environment[i]);

		if (!change)
			changed[out++] = environment[i];
		else if (!change->unset && !done[change - result->changes])
			changed[out++] = new_entry(arena, change);
		if (change)
			done[change - result->changes] = true;
	}
	for (size_t i = 0; i < result->count; i++) {
		if (!done[i] && !result->changes[i].unset)
			changed[out++] = new_entry(arena, &result->changes[i]);
	}
	record = write_record(arena, environment, result, mark);
	if (strlen(record) >= RULE_LONGEST) {
		*wrong = "the old values are too long to pass on: 'nv-run --undo' will not work "
			 "inside";
		record = mark ? write_record(arena, environment, &nothing, mark) : NULL;
	}
	if (record && strlen(record) < RULE_LONGEST)
		changed[out++] = (char *)record;
	return changed;
}

void environ_compare(struct arena *arena, char **from, char **to, struct offload_result *result)
{
	*result = (struct offload_result){0};
	for (size_t i = 0; from[i]; i++) {
		const char *name = arena_copy(arena, from[i], name_length(from[i]));

		if (!offload_env(to, name) && !str_eq(name, SAVED))
			*arena_push(arena, result->changes, result->count) =
				(struct offload_change){true, name, NULL, "undo", NULL};
	}
	for (size_t i = 0; to[i]; i++) {
		const char *name = arena_copy(arena, to[i], name_length(to[i]));
		const char *old = offload_env(from, name), *new = offload_env(to, name);

		if (new && (!old || !str_eq(old, new)))
			*arena_push(arena, result->changes, result->count) =
				(struct offload_change){false, name, new, "undo", NULL};
	}
}
