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

/* A line in force, ${NAME} replaced in its value. */
struct current {
	const struct rule_line *line;
	const char *value; /* NULL if it is a command */
	const char **words; /* the command's, NULL-ended */
};

struct lines {
	struct current *items;
	size_t count;
};

/* Words first, then ${NAME} in each: a variable with blanks stays one word. */
static const char *evaluate_words(
	struct arena *arena, const struct rule_world *world, struct current *current)
{
	const char *wrong, **words = split_words(arena, current->line->value, &wrong);

	for (size_t i = 0; words && words[i]; i++) {
		words[i] = expand(arena, world, words[i], &wrong);
		if (!wrong)
			wrong = key_check_length("", words[i]);
		if (wrong)
			return wrong;
	}
	current->words = words;
	return wrong;
}

/* NULL, or what is wrong now that the environment is known. */
static const char *evaluate(
	struct arena *arena, const struct rule_world *world, struct current *current)
{
	const struct rule_line *line = current->line;
	const char *wrong = NULL;

	if (line->key->kind == RULE_WRAP)
		return evaluate_words(arena, world, current);
	current->value = line->literal ? line->value : expand(arena, world, line->value, &wrong);
	if (wrong || current->value == line->value)
		return wrong;
	wrong = key_check_length(line->name, current->value);
	return wrong || !line->key->check ? wrong : line->key->check(arena, current->value);
}

/* A later line takes the place of an earlier one with the same key. */
static void put(struct arena *arena, struct lines *lines, const struct current *current)
{
	const struct rule_line *line = current->line;

	for (size_t i = 0; i < lines->count; i++) {
		const struct rule_line *old = lines->items[i].line;

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
	*arena_push(arena, lines->items, lines->count) = *current;
}

/* A line that turns out wrong leaves the earlier one in force. */
static void add(struct rule_reader *reader, const struct rule_world *world, struct lines *lines,
	const struct rule_line *line)
{
	struct current current = {.line = line};
	const char *wrong;

	if (line->key->kind == RULE_WHEN)
		return;
	wrong = evaluate(reader->arena, world, &current);
	if (wrong)
		mistake_at(reader, line, wrong);
	else
		put(reader->arena, lines, &current);
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

/* -e and -u say what the program gets: nothing of a rule's comes on top. */
static void drop_additions(struct rule_variable *variable)
{
	if (variable->prepend.from.file)
		variable->prepend = (struct rule_setting){0};
	if (variable->append.from.file)
		variable->append = (struct rule_setting){0};
}

static void apply_unset(struct arena *arena, struct rule_settings *settings,
	const struct rule_line *line, const char *names)
{
	if (line->literal) {
		struct rule_variable *one = variable(arena, settings, names);

		one->base = RULE_BASE_UNSET;
		one->value = (struct rule_setting){.from = line->from};
		drop_additions(one);
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
	if (line->literal)
		drop_additions(one);
}

static void apply(
	struct arena *arena, struct rule_settings *settings, const struct current *current)
{
	const struct rule_line *line = current->line;
	const struct rule_setting setting = {current->value, line->from};

	switch (line->key->kind) {
	case RULE_GPU:
		settings->gpu = setting;
		break;
	case RULE_FALLBACK:
		settings->fallback = setting;
		break;
	case RULE_WRAP:
		settings->wrap = current->words && *current->words ? current->words : NULL;
		settings->wrap_from = line->from;
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
	case RULE_WHEN:
	case RULE_ROLE:
	case RULE_SESSION:
		break;
	}
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
		for (size_t j = 0; !failed && j < section->count; j++)
			add(reader, world, &lines, &section->lines[j]);
	}
	for (size_t i = 0; i < lines.count; i++)
		apply(arena, settings, &lines.items[i]);
}
