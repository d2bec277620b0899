/* SPDX-License-Identifier: MIT */
#include "base/command.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

long command_milliseconds(const char *text, long most)
{
	char *end;
	double seconds = strtod(text, &end);

	return *text && !*end && seconds >= 0.01 && seconds <= (double)most ? (long)(seconds * 1000)
									    : 0;
}

bool command_is_one_of(const char *word, const char *const *list)
{
	while (*list && !str_eq(*list, word))
		list++;
	return *list;
}

const char *command_expected(
	struct arena *arena, const char *option, const char *const *list, const char *word)
{
	const char *words = "";

	for (; *list; list++)
		words = arena_printf(arena, "%s%s%s", words, *words ? ", " : "", *list);
	return arena_printf(arena, "--%s takes one of %s, not '%s'", option, words, word);
}

void command_help(const struct command_line *line, struct buf *out)
{
	buf_puts(out, "Commands:\n");
	for (const struct command *one = line->commands; one->name; one++) {
		size_t start = out->length;

		buf_printf(out, "  %s", one->name);
		if (one->words)
			buf_printf(out, " %s", one->words);
		if (out->length - start >= 36) {
			buf_putc(out, '\n');
			start = out->length;
		}
		buf_pad(out, start, 36);
		buf_printf(out, "%s\n", one->help);
	}
	buf_putc(out, '\n');
	opts_help(line->options, out);
}

/* Whether a list of words holds one. */
static bool has_word(const char *list, const char *word)
{
	size_t wanted = strlen(word);

	for (const char *at = list; *at;) {
		size_t length;

		at += strspn(at, " ");
		length = strcspn(at, " ");
		if (length == wanted && strncmp(at, word, length) == 0)
			return true;
		at += length;
	}
	return false;
}

static const char *unknown(struct arena *arena, const struct command_line *line, const char *name)
{
	const char *names[32] = {0}, *meant;

	for (size_t i = 0; line->commands[i].name && i + 1 < sizeof(names) / sizeof(*names); i++)
		names[i] = line->commands[i].name;
	meant = str_similar(name, names);
	return arena_printf(arena, "unknown command '%s'%s%s%s", name,
		meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
}

/* Whether the number of words is what "SLOT DRIVER", "[GPU]" or "VERB [DM...]" says. */
static const char *count_words(struct arena *arena, const struct command_line *line)
{
	const struct command *command = line->command;
	size_t least = 0, most = 0;

	for (const char *at = command->words; *at; at += strcspn(at, " "), at += strspn(at, " ")) {
		least += *at != '[';
		most++;
	}
	if (line->word_count < least)
		return arena_printf(
			arena, "too few words for '%s %s'", command->name, command->words);
	if (line->word_count > most && !strstr(command->words, "..."))
		return arena_printf(arena, "'%s' is too much for '%s %s'", line->words[most],
			command->name, command->words);
	return NULL;
}

static const char *check(struct arena *arena, const struct command_line *line, const bool *given)
{
	const struct command *command = line->command;
	bool takes_rest = command->words && str_starts(command->words, "[--");

	if (line->word_count && (!command->words || takes_rest))
		return arena_printf(
			arena, "%s takes no argument '%s'", command->name, line->words[0]);
	if (line->rest && !takes_rest)
		return arena_printf(arena, "%s takes nothing behind '--'", command->name);
	for (size_t i = 0; line->options[i].name; i++) {
		const char *name = line->options[i].name;

		if (given[i] && !has_word(command->options, name) && !has_word(line->common, name))
			return arena_printf(arena, "%s takes no option --%s", command->name, name);
	}
	return command->words && !takes_rest ? count_words(arena, line) : NULL;
}

static void find(struct arena *arena, struct command_line *line, const char *name)
{
	const struct command *command = line->commands;

	while (command->name && !str_eq(command->name, name))
		command++;
	line->command = command->name ? command : NULL;
	if (!command->name)
		line->wrong = unknown(arena, line, name);
}

int command_parse(struct arena *arena, struct command_line *line, int argc, char **argv,
	int (*apply)(void *context, int id, const char *argument), void *context)
{
	bool given[64] = {0};
	struct opts opts;
	bool done = false;

	opts_begin(&opts, line->options, argc, argv);
	while (!done && !line->wrong) {
		int id, status;

		while ((id = opts_next(&opts)) >= 0) {
			for (size_t i = 0; i < sizeof(given) && line->options[i].name; i++)
				given[i] |= line->options[i].id == id;
			status = apply(context, id, opts.argument);
			if (status)
				return status;
		}
		if (id == OPTS_WRONG) {
			line->wrong = arena_dup(arena, opts.wrong);
		} else if (str_eq(argv[opts.index - 1], "--")) {
			line->rest = argv + opts.index;
			done = true;
		} else if (opts.index >= argc) {
			done = true;
		} else if (!line->command) {
			find(arena, line, argv[opts.index++]);
		} else {
			*arena_push(arena, line->words, line->word_count) = argv[opts.index++];
		}
	}
	*arena_push(arena, line->words, line->word_count) = NULL;
	line->word_count--;
	if (!line->wrong)
		line->wrong = line->command ? check(arena, line, given) : "no command given";
	return 0;
}
