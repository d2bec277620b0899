/* SPDX-License-Identifier: MIT */
/*
 * syntax: what files set, in the words of each kind. A shell's files are no more than looked
 * through: what stands in functions does not count, what stands behind conditions does.
 */
#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/user/user.h"

/* Somebody's file may be anything: lines longer than this and files with more settings than that
 * are not read on. */
enum { LINE = 4096, SETTINGS = 64 };

struct line {
	struct settings *settings;
	const struct setting *file;
	const char *text; /* without blanks in front and at the end */
	size_t begin, length; /* of all of it, in the file */
	unsigned number;
	bool continued; /* a part of a longer line */
	size_t before; /* settings of the file before this line */
	size_t statements; /* commands on the line */
	unsigned *tries; /* assignments in the file */
};

static bool is_name(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)text[i]) && text[i] != '_')
			return false;
	}
	return length && !isdigit((unsigned char)*text);
}

static void add(const struct line *line, const char *name, size_t length, const char *value)
{
	struct settings *settings = line->settings;
	struct arena *arena = settings->doctor->run->arena;
	struct setting *setting;

	name = arena_copy(arena, name, length);
	if (!settings_matter(name))
		return;
	++*line->tries;
	setting = arena_push(arena, settings->list, settings->count);
	*setting = *line->file;
	setting->name = name;
	setting->value = value;
	setting->line = line->number;
	setting->begin = line->begin;
	setting->length = line->length;
	setting->where = arena_printf(arena, "%s:%u", setting->file, line->number);
}

/* A value at *at up to an unquoted character of ends, without its quotes; *at goes behind it. */
static const char *value_of(struct arena *arena, const char **at, const char *ends)
{
	char *value = arena_alloc(arena, strlen(*at) + 1), *to = value, quote = '\0';
	const char *from = *at;

	for (; *from && (quote || !strchr(ends, *from)); from++) {
		if (!quote && (*from == '"' || *from == '\''))
			quote = *from;
		else if (quote && *from == quote)
			quote = '\0';
		else if (*from == '\\' && from[1] && quote != '\'')
			*to++ = *++from;
		else
			*to++ = *from;
	}
	*to = '\0';
	*at = from;
	return value;
}

/* NAME=value, with "export" in front for those who think it is a shell's file. */
static void environment_line(struct line *line)
{
	const char *text = line->text, *equals, *value;

	if (str_starts(text, "export "))
		text += strlen("export ") + strspn(text + strlen("export "), " \t");
	equals = strchr(text, '=');
	if (!equals || !is_name(text, (size_t)(equals - text)))
		return;
	value = equals + 1;
	add(line, text, (size_t)(equals - text),
		value_of(line->settings->doctor->run->arena, &value, ""));
	line->statements = 1;
}

static void pam_line(struct line *line)
{
	struct arena *arena = line->settings->doctor->run->arena;
	size_t length = strcspn(line->text, " \t=");
	const char *value = NULL;

	if (!is_name(line->text, length))
		return;
	if (line->text[length] == '=') {
		environment_line(line);
		return;
	}
	for (const char *at = line->text + length; *at;) {
		at += strspn(at, " \t");
		if (str_starts(at, "DEFAULT=") || str_starts(at, "OVERRIDE=")) {
			at = strchr(at, '=') + 1;
			value = value_of(arena, &at, " \t");
		} else {
			at += strcspn(at, " \t");
		}
	}
	if (value)
		add(line, line->text, length, value);
	line->statements = 1;
}

/* env = NAME,value */
static void hyprland_line(struct line *line)
{
	const char *text = line->text, *comma;

	if (!str_starts(text, "env"))
		return;
	text += strlen("env") + (text[strlen("env")] == 'd');
	text += strspn(text, " \t");
	if (*text++ != '=')
		return;
	text += strspn(text, " \t");
	comma = strchr(text, ',');
	if (comma && is_name(text, (size_t)(comma - text)))
		add(line, text, (size_t)(comma - text), comma + 1 + strspn(comma + 1, " \t"));
	line->statements = 1;
}

/* Environment="A=b c" D=e, in any of three settings. */
static void systemd_line(struct line *line)
{
	static const char *const keys[] = {
		"Environment=", "DefaultEnvironment=", "ManagerEnvironment=", NULL};
	struct arena *arena = line->settings->doctor->run->arena;
	const char *at = NULL;

	for (size_t i = 0; keys[i]; i++) {
		if (str_starts(line->text, keys[i]))
			at = line->text + strlen(keys[i]);
	}
	for (at = at ? at + strspn(at, " \t") : NULL; at && *at; at += strspn(at, " \t")) {
		const char *word = value_of(arena, &at, " \t");
		const char *equals = strchr(word, '=');

		if (equals && is_name(word, (size_t)(equals - word)))
			add(line, word, (size_t)(equals - word), equals + 1);
		line->statements++;
	}
}

/* Whether a text of a shell exports a name somewhere: "export A NAME". */
static bool is_exported(const char *text, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = text; (at = strstr(at, name)); at += length) {
		const char *begin = at;

		if (at == text || !strchr(" \t", at[-1]) || !strchr(" \t\n;&", at[length]))
			continue;
		while (begin > text && begin[-1] != '\n' && begin[-1] != ';')
			begin--;
		begin += strspn(begin, " \t");
		if (str_starts(begin, "export ") || str_starts(begin, "export\t"))
			return true;
	}
	return false;
}

/* Words that stand before a command and are none. */
static const char *skip_words(const char *text)
{
	static const char *const words[] = {"then", "else", "do", "{", "!", "builtin", NULL};

	for (size_t i = 0; words[i]; i++) {
		size_t length = strlen(words[i]);

		if (strncmp(text, words[i], length) == 0 && strchr(" \t", text[length]) &&
			text[length]) {
			text += length;
			text += strspn(text, " \t");
			i = (size_t)-1;
		}
	}
	return text;
}

/* Behind "export " or its like; NULL where there is nothing like it. */
static const char *behind_export(const char *text)
{
	static const char *const words[] = {
		"export", "declare -x", "declare -gx", "typeset -x", "typeset -gx", NULL};

	for (size_t i = 0; words[i]; i++) {
		size_t length = strlen(words[i]);

		if (strncmp(text, words[i], length) == 0 &&
			(text[length] == ' ' || text[length] == '\t'))
			return text + length + strspn(text + length, " \t");
	}
	return NULL;
}

/* One command; at goes behind it and what ends it. */
static const char *shell_command(struct line *line, const char *at)
{
	static const char ends[] = " \t;&|";
	struct arena *arena = line->settings->doctor->run->arena;
	size_t before = line->settings->count, assignments = 0;
	const char *words = skip_words(at), *exported = behind_export(words);
	bool only = true;

	for (at = exported ? exported : words; *at && !strchr(";&|", *at) && *at != '#';) {
		size_t length = strcspn(at, "= \t;&|\"'$`");

		if (at[length] == '=' && is_name(at, length)) {
			const char *name = at;

			assignments++;
			at += length + 1;
			add(line, name, length, value_of(arena, &at, ends));
		} else {
			only = false;
			value_of(arena, &at, ends);
		}
		at += strspn(at, " \t");
	}
	/* NAME=value COMMAND is for that command alone. */
	for (size_t i = before; i < line->settings->count; i++) {
		if (!exported &&
			(!only || !is_exported(line->file->text, line->settings->list[i].name)))
			line->settings->count = before;
	}
	/* "if" is a command too, and each assignment of a line is worth as much as one. */
	line->statements += assignments > 1 ? assignments : 1;
	if (*at == '#')
		at += strlen(at);
	return at + strspn(at, "; \t&|");
}

static void shell_line(struct line *line)
{
	for (const char *at = line->text; *at;)
		at = shell_command(line, at);
}

/* A function begins: "name() {", "function name". */
static bool opens_function(const char *text)
{
	size_t length = strcspn(text, " \t(");

	if (str_starts(text, "function "))
		return !strchr(text, '}');
	return length && text[length + strspn(text + length, " \t")] == '(' && strstr(text, ")") &&
	       !strchr(text, '}') && !strchr(text, '=');
}

static void (*const readers[])(struct line *line) = {
	[SYNTAX_ENVIRONMENT] = environment_line,
	[SYNTAX_PAM] = pam_line,
	[SYNTAX_SHELL] = shell_line,
	[SYNTAX_HYPRLAND] = hyprland_line,
	[SYNTAX_SYSTEMD] = systemd_line,
};

void syntax_read(struct settings *settings, const struct setting *file, size_t length)
{
	struct arena *arena = settings->doctor->run->arena;
	bool continued = false, function = false;
	unsigned number = 0, tries = 0;

	/* Not text. */
	if (memchr(file->text, '\0', length))
		return;
	for (const char *at = file->text; *at && tries < SETTINGS;) {
		const char *end = strchrnul(at, '\n');
		size_t size = (size_t)(end - at), blanks = strspn(at, " \t");
		struct line line = {settings, file, NULL, (size_t)(at - file->text), size, ++number,
			continued, settings->count, 0, &tries};
		bool more = size && end[-1] == '\\';

		while (size > blanks && strchr(" \t\r\\", at[size - 1]))
			size--;
		line.text = blanks < size && size < LINE
				    ? arena_copy(arena, at + blanks, size - blanks)
				    : "";
		line.continued |= more;
		if (file->syntax == SYNTAX_SHELL && !continued && opens_function(line.text))
			function = true;
		if (!function && *line.text != '#' && *line.text != ';')
			readers[file->syntax](&line);
		/* What is alone on its line can be taken out with it. */
		if (line.statements == 1 && settings->count == line.before + 1)
			settings->list[line.before].alone = !line.continued;
		if (*line.text == '}')
			function = false;
		continued = more;
		at = *end ? end + 1 : end;
	}
}
