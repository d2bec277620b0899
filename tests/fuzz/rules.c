/* SPDX-License-Identifier: MIT */
/*
 * A libFuzzer target for the rule reader: any bytes, read whole and in slices, by a subject and
 * by --check, then resolved. Besides what sanitizers find, the settings must not depend on how
 * the bytes arrived.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "rule/rule.h"

static bool holds(void *context, enum rule_condition condition, const char *value)
{
	(void)context;
	return (condition + strlen(value)) % 2;
}

static const char *variable(void *context, const char *name)
{
	(void)context;
	return *name == 'H' ? "/home/me" : NULL;
}

static const struct rule_world world = {holds, variable, NULL};

static void feed(struct rule_reader *reader, const char *text, size_t length, size_t piece)
{
	size_t start = 0, end = 0;

	rule_begin(reader, "fuzz");
	while (end < length) {
		end = end + piece < length ? end + piece : length;
		start += rule_read(reader, text + start, end - start, end == length);
		if (start > end)
			abort();
	}
}

static void read_all(struct arena *arena, const struct rule_subject *subject,
	const struct rule_key *keys, const char *text, size_t length, size_t piece,
	struct rule_reader *reader, struct rule_settings *settings)
{
	struct rule_outcome *outcomes;

	rule_reader_init(reader, arena, keys, subject);
	feed(reader, text, length, piece);
	rule_resolve(reader, &world, settings, &outcomes);
}

static bool same(const char *a, const char *b)
{
	return a && b ? str_eq(a, b) : a == b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const ids[] = {"steam:620", NULL};
	static char *const args[] = {(char *)"x.exe", NULL};
	static const struct rule_subject subject = {
		.name = "steam", .path = "/usr/bin/steam", .args = args, .ids = ids};
	struct arena *arena = arena_new();
	struct rule_reader one, two;
	struct rule_settings whole, sliced;
	/* A NUL byte has a file refused before it gets here. */
	const char *text = arena_copy(arena, (const char *)data, size);

	size = strlen(text);
	read_all(arena, &subject, rule_keys, text, size, size + 1, &one, &whole);
	read_all(arena, &subject, rule_keys, text, size, 1 + size % 5, &two, &sliced);
	if (!same(whole.gpu.value, sliced.gpu.value) || one.count != two.count ||
		one.mistake_count != two.mistake_count ||
		whole.variable_count != sliced.variable_count)
		abort();
	read_all(arena, NULL, rule_keys, text, size, size + 1, &one, &whole);
	read_all(arena, NULL, machine_keys, text, size, size + 1, &one, &whole);
	read_all(arena, NULL, session_keys, text, size, size + 1, &one, &whole);
	arena_free(arena);
	return 0;
}
