/* SPDX-License-Identifier: MIT */
/* resolve: sections to settings. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "rule/internal.h"

/* Mistakes found here belong to lines read long ago. */
static void mistake_at(struct rule_reader *reader, const struct rule_line *line, const char *text)
{
	*arena_push(reader->arena, reader->mistakes, reader->mistake_count) =
		(struct rule_mistake){line->from.file, line->from.line, line->column, text};
}

/* The first condition of a section that does not hold, or NULL. */
static const struct rule_line *failing(const struct rule_section *section,
	struct rule_reader *reader, const struct rule_world *world)
{
	for (size_t i = 0; i < section->count; i++) {
		const struct rule_line *line = &section->lines[i];
		const char *value, *wrong;

		if (!line->key)
			return line;
		if (line->key->kind != RULE_WHEN)
			continue;
		value = expand(reader->arena, world, line->value, &wrong);
		if (!value || !world->holds(world->context, line->key->detail, value))
			return line;
	}
	return NULL;
}

/* The lines in force: a later line takes the place of an earlier one with the same key. */
struct lines {
	const struct rule_line **items;
	size_t count;
};

static void put(struct arena *arena, struct lines *lines, const struct rule_line *line)
{
	for (size_t i = 0; i < lines->count; i++) {
		const struct rule_line *old = lines->items[i];

		if (old->key != line->key || !str_eq(old->name, line->name))
			continue;
		/* Several -u options add up; a rule's list replaces the one before. */
		if (line->literal && old->literal && line->key->kind == RULE_UNSET)
			continue;
		memmove(&lines->items[i], &lines->items[i + 1],
			(lines->count - i - 1) * sizeof(*lines->items));
		lines->count--;
		break;
	}
	*arena_push(arena, lines->items, lines->count) = line;
}

static struct rule_variable *variable(
	struct arena *arena, struct rule_settings *settings, const char *name)
{
	struct rule_variable *found;

	for (size_t i = 0; i < settings->variable_count; i++) {
		if (str_eq(settings->variables[i].name, name))
			return &settings->variables[i];
	}
	found = arena_push(arena, settings->variables, settings->variable_count);
	*found = (struct rule_variable){.name = name};
	return found;
}

static void apply_unset(struct arena *arena, struct rule_settings *settings,
	const struct rule_line *line, const char *names)
{
	if (line->literal) {
		struct rule_variable *one = variable(arena, settings, names);

		one->base = RULE_BASE_UNSET;
		one->value = (struct rule_setting){.from = line->from};
		return;
	}
	for (;;) {
		size_t length;
		struct rule_variable *one;

		names += strspn(names, ", \t");
		length = strcspn(names, ", \t");
		if (!length)
			return;
		one = variable(arena, settings, arena_copy(arena, names, length));
		one->base = RULE_BASE_UNSET;
		one->value = (struct rule_setting){.from = line->from};
		names += length;
	}
}

/* Words first, then ${NAME} in each: a variable with blanks stays one word. */
static const char *apply_wrap(struct arena *arena, const struct rule_world *world,
	struct rule_settings *settings, const struct rule_line *line)
{
	const char *wrong, **words = split_words(arena, line->value, &wrong);

	if (!words)
		return wrong;
	for (size_t i = 0; words[i]; i++) {
		words[i] = expand(arena, world, words[i], &wrong);
		if (wrong)
			return wrong;
	}
	settings->wrap = words[0] ? words : NULL;
	settings->wrap_from = line->from;
	return NULL;
}

static void apply_variable(struct arena *arena, struct rule_settings *settings,
	const struct rule_line *line, struct rule_setting setting)
{
	struct rule_variable *one = variable(arena, settings, line->name);

	if (line->key->kind == RULE_PREPEND) {
		one->prepend = setting;
	} else if (line->key->kind == RULE_APPEND) {
		one->append = setting;
	} else {
		one->base = line->key->kind == RULE_SET ? RULE_BASE_SET : RULE_BASE_DEFAULT;
		one->value = setting;
	}
}

/* NULL, or what is wrong. */
static const char *apply(struct arena *arena, const struct rule_world *world,
	struct rule_settings *settings, const struct rule_line *line)
{
	struct rule_setting setting = {.from = line->from};
	const char *wrong = NULL;

	if (line->key->kind == RULE_WRAP)
		return apply_wrap(arena, world, settings, line);
	setting.value = line->literal ? line->value : expand(arena, world, line->value, &wrong);
	if (!wrong && setting.value != line->value && line->key->check)
		wrong = line->key->check(arena, setting.value);
	if (wrong)
		return wrong;
	switch (line->key->kind) {
	case RULE_GPU:
		settings->gpu = setting;
		break;
	case RULE_FALLBACK:
		settings->fallback = setting;
		break;
	case RULE_API:
		settings->api[line->key->detail] = setting;
		break;
	case RULE_UNSET:
		apply_unset(arena, settings, line, setting.value);
		break;
	case RULE_SET:
	case RULE_DEFAULT:
	case RULE_PREPEND:
	case RULE_APPEND:
		apply_variable(arena, settings, line, setting);
		break;
	case RULE_WRAP:
	case RULE_WHEN:
	case RULE_ROLE:
	case RULE_SESSION:
		break;
	}
	return NULL;
}

void rule_resolve(struct rule_reader *reader, const struct rule_world *world,
	struct rule_settings *settings, struct rule_outcome **outcomes)
{
	struct arena *arena = reader->arena;
	struct lines lines = {0};

	*settings = (struct rule_settings){0};
	if (outcomes)
		*outcomes = arena_alloc(arena, (reader->count + 1) * sizeof(**outcomes));
	for (size_t i = 0; i < reader->count; i++) {
		const struct rule_section *section = &reader->sections[i];
		const struct rule_line *failed = failing(section, reader, world);

		if (outcomes)
			(*outcomes)[i] = (struct rule_outcome){section, failed};
		for (size_t j = 0; !failed && j < section->count; j++) {
			if (section->lines[j].key->kind != RULE_WHEN)
				put(arena, &lines, &section->lines[j]);
		}
	}
	for (size_t i = 0; i < lines.count; i++) {
		const char *wrong = apply(arena, world, settings, lines.items[i]);

		if (wrong)
			mistake_at(reader, lines.items[i], wrong);
	}
}
