/* SPDX-License-Identifier: MIT */
/* expand: ${NAME} in values, and the words of a command. */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "rule/internal.h"

static const char *add_variable(struct buf *out, struct arena *arena,
	const struct rule_world *world, const char *at, const char **wrong)
{
	const char *close = strchr(at, '}'), *name, *value;

	if (!close || close == at + 2) {
		*wrong = close ? "expected a variable's name in '${}'"
			       : "expected '}' behind '${'; a dollar sign is written '$$'";
		return NULL;
	}
	name = arena_copy(arena, at + 2, (size_t)(close - at - 2));
	if (!str_is_variable(name)) {
		*wrong = "a variable's name has no '='";
		return NULL;
	}
	value = world ? world->variable(world->context, name) : NULL;
	if (value)
		buf_puts(out, value);
	return close + 1;
}

const char *expand(
	struct arena *arena, const struct rule_world *world, const char *text, const char **wrong)
{
	struct buf out = {0};
	const char *result = NULL;

	*wrong = NULL;
	if (!strchr(text, '$'))
		return text;
	while (text && *text) {
		size_t plain = strcspn(text, "$");

		buf_add(&out, text, plain);
		text += plain;
		if (text[0] != '$')
			continue;
		if (text[1] == '$') {
			buf_putc(&out, '$');
			text += 2;
		} else if (text[1] == '{') {
			text = add_variable(&out, arena, world, text, wrong);
		} else {
			*wrong = "expected '${NAME}', or '$$' for a dollar sign";
			text = NULL;
		}
	}
	if (!*wrong)
		result = arena_copy(arena, buf_text(&out), out.length);
	buf_free(&out);
	return result;
}

const char **split_words(struct arena *arena, const char *text, const char **wrong)
{
	const char **words = NULL;
	size_t count = 0;

	*wrong = NULL;
	for (;;) {
		char *word, *out;

		text += strspn(text, " \t");
		if (!*text)
			break;
		word = out = arena_alloc(arena, strlen(text) + 1);
		for (bool quoted = false; *text && (quoted || !strchr(" \t", *text)); text++) {
			if (*text == '"') {
				quoted = !quoted;
				if (!quoted || strchr(text + 1, '"'))
					continue;
				*wrong = "a quote in the command is never closed";
				return NULL;
			}
			if (quoted && *text == '\\' && (text[1] == '"' || text[1] == '\\'))
				text++;
			*out++ = *text;
		}
		*arena_push(arena, words, count) = word;
	}
	*arena_push(arena, words, count) = NULL;
	return words;
}
