/* SPDX-License-Identifier: MIT */
/* lex: bytes to sections and lines. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "rule/internal.h"

void rule_reader_init(struct rule_reader *reader, struct arena *arena, const struct rule_key *keys,
	const struct rule_subject *subject)
{
	*reader = (struct rule_reader){.arena = arena, .keys = keys, .subject = subject};
	if (subject)
		match_prepare(reader);
}

void rule_begin(struct rule_reader *reader, const char *file)
{
	reader->file = file;
	reader->line = 0;
	reader->begun = reader->reading = false;
	reader->file_sections = reader->count;
	reader->file_mistakes = reader->mistake_count;
}

void rule_drop(struct rule_reader *reader)
{
	reader->count = reader->file_sections;
	reader->mistake_count = reader->file_mistakes;
	reader->reading = false;
}

static void add_mistake(struct rule_reader *reader, struct rule_mistake mistake)
{
	*arena_push(reader->arena, reader->mistakes, reader->mistake_count) = mistake;
}

void rule_note(struct rule_reader *reader, const char *file, const char *text)
{
	add_mistake(reader, (struct rule_mistake){.file = file, .text = text});
}

void reader_mistake(struct rule_reader *reader, unsigned column, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	add_mistake(reader, (struct rule_mistake){reader->file, reader->line, column,
				    arena_dup(reader->arena, text)});
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_key_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

/* A byte as it is called in a message. */
static const char *shown(struct arena *arena, const char *at, const char *end)
{
	if (at >= end)
		return "the end of the line";
	if ((unsigned char)*at < 0x20 || (unsigned char)*at == 0x7f)
		return arena_printf(arena, "byte 0x%02x", (unsigned char)*at);
	return arena_printf(arena, "'%.*s'", (int)(end - at < 12 ? end - at : 12), at);
}

/*
 * The text between quotes; *end is moved behind the closing one. NULL if there is none, or at an
 * escape that means nothing, *end then being the place.
 */
static char *unquote(struct arena *arena, const char *at, const char **end)
{
	static const char escapes[] = "\"\"\\\\n\nt\t";
	char *text = arena_alloc(arena, (size_t)(*end - at) + 1), *out = text;

	for (at++; at < *end && *at != '"'; at++) {
		const char *pair = escapes;

		if (*at != '\\') {
			*out++ = *at;
			continue;
		}
		at++;
		while (at < *end && *pair && *pair != *at)
			pair += 2;
		if (at >= *end || !*pair) {
			*end = at - 1;
			return NULL;
		}
		*out++ = pair[1];
	}
	if (at >= *end)
		return NULL;
	*end = at + 1;
	return text;
}

/* The value of a line: to its end, or in quotes. NULL after reporting what is wrong. */
static const char *read_value(struct rule_reader *reader, const struct rule_key *key,
	const char *line, const char *at, const char *end)
{
	const char *close = end;
	char *text;

	if (at >= end || *at != '"')
		return arena_copy(reader->arena, at, (size_t)(end - at));
	text = unquote(reader->arena, at, &close);
	if (text && close == end)
		return text;
	/* A command may begin with a quoted word: split_words takes it apart. */
	if (text && key && key->kind == RULE_WRAP)
		return arena_copy(reader->arena, at, (size_t)(end - at));
	if (text)
		reader_mistake(reader, (unsigned)(close - line) + 1,
			"expected the end of the line behind the closing quote, got %s",
			shown(reader->arena, close, end));
	else if (close < end)
		reader_mistake(reader, (unsigned)(close - line) + 1,
			"unknown escape; known are \\\" \\\\ \\n \\t");
	else
		reader_mistake(reader, (unsigned)(at - line) + 1, "the quote is never closed");
	return NULL;
}

static void unknown_key(struct rule_reader *reader, unsigned column, const char *name)
{
	const char *similar = key_similar(reader->keys, name);

	reader_mistake(reader, column,
		similar ? "unknown key '%s'; did you mean '%s'?" : "unknown key '%s'", name,
		similar);
}

static void add_line(struct rule_reader *reader, struct rule_line line)
{
	struct rule_section *section = &reader->sections[reader->count - 1];

	*arena_push(reader->arena, section->lines, section->count) = line;
}

/* "key = value". A condition that is wrong is kept as one that does not hold: a section must not
 * begin to apply everywhere because of a slip of the pen. */
static void read_assignment(struct rule_reader *reader, const char *line, const char *end)
{
	const char *at = line, *name_end, *name, *value = NULL, *wrong;
	struct rule_line parsed = {.name = "", .from = {reader->file, reader->line}};
	unsigned column;

	while (is_blank(*at))
		at++;
	column = (unsigned)(at - line) + 1;
	name_end = at;
	while (name_end < end && is_key_byte(*name_end))
		name_end++;
	name = arena_copy(reader->arena, at, (size_t)(name_end - at));
	at = name_end;
	while (at < end && is_blank(*at))
		at++;
	if (!*name) {
		reader_mistake(reader, column, "expected a key, got %s",
			shown(reader->arena, name_end, end));
		return;
	}
	parsed.key = key_find(reader->keys, name);
	if (at >= end || *at != '=') {
		reader_mistake(reader, (unsigned)(at - line) + 1, "expected '=', got %s",
			shown(reader->arena, at, end));
	} else {
		at++;
		while (at < end && is_blank(*at))
			at++;
		parsed.column = (unsigned)(at - line) + 1;
		if (parsed.key)
			value = read_value(reader, parsed.key, line, at, end);
		else
			unknown_key(reader, column, name);
	}
	if (value) {
		parsed.value = value;
		if (key_takes_name(parsed.key))
			parsed.name = name + strlen(parsed.key->name);
		wrong = key_check(reader->arena, parsed.key, parsed.name, value);
		if (!wrong) {
			add_line(reader, parsed);
			return;
		}
		reader_mistake(reader, parsed.column, "%s", wrong);
	}
	if (str_starts(name, "when.")) {
		parsed.key = NULL;
		parsed.value = name;
		add_line(reader, parsed);
	}
}

static void read_header(
	struct rule_reader *reader, const char *line, const char *at, const char *end)
{
	const char *pattern = NULL, *close;

	reader->reading =
		!reader->subject || match_header(reader, at, (size_t)(end - at), &pattern);
	if (!reader->reading)
		return;
	close = memrchr(at, ']', (size_t)(end - at));
	*arena_push(reader->arena, reader->sections, reader->count) = (struct rule_section){
		.header = arena_copy(
			reader->arena, at, close ? (size_t)(close - at) + 1 : (size_t)(end - at)),
		.pattern = pattern,
		.from = {reader->file, reader->line},
	};
	match_check_header(reader, at, (size_t)(end - at), (unsigned)(at - line) + 1);
}

static void read_line(struct rule_reader *reader, const char *line, const char *end)
{
	const char *at = line;

	while (end > line && (is_blank(end[-1]) || end[-1] == '\r'))
		end--;
	while (at < end && is_blank(*at))
		at++;
	if (at == end)
		return;
	if (*at == '[')
		read_header(reader, line, at, end);
	else if (*at == '#' || *at == ';')
		return;
	else if (reader->reading)
		read_assignment(reader, line, end);
	else if (!reader->subject)
		reader_mistake(reader, (unsigned)(at - line) + 1,
			"expected a [header] first, got %s", shown(reader->arena, at, end));
}

/* In lanes of bytes, which compilers turn into vector instructions; a lane holds 255 at most. */
static unsigned count_lines(const char *at, const char *end)
{
	enum { LANES = 32, ROUNDS = 255 };
	unsigned count = 0;

	while (end - at >= LANES) {
		unsigned char lanes[LANES] = {0};

		for (int round = 0; round < ROUNDS && end - at >= LANES; round++, at += LANES) {
			for (int i = 0; i < LANES; i++)
				lanes[i] += at[i] == '\n';
		}
		for (int i = 0; i < LANES; i++)
			count += lanes[i];
	}
	for (; at < end; at++)
		count += *at == '\n';
	return count;
}

/* The line from at on, itself the beginning of one, whose first byte but blanks is '['; NULL if
 * there is none before end. */
static const char *next_header(const char *at, const char *end)
{
	const char *bracket = at;

	while ((bracket = memchr(bracket, '[', (size_t)(end - bracket)))) {
		const char *line = bracket;

		while (line > at && is_blank(line[-1]))
			line--;
		if (line == at || line[-1] == '\n')
			return line;
		bracket++;
	}
	return NULL;
}

/*
 * Where reading goes on when sections are skipped: at the next header that matches, else behind
 * the last complete line.
 */
static const char *skip(
	const struct rule_reader *reader, const char *at, const char *end, bool last)
{
	const char *line, *newline, *pattern;

	while ((line = next_header(at, end))) {
		const char *bracket = line;

		while (is_blank(*bracket))
			bracket++;
		newline = memchr(bracket, '\n', (size_t)(end - bracket));
		if (!newline && !last)
			return line;
		if (!newline)
			newline = end;
		if (match_header(reader, bracket, (size_t)(newline - bracket), &pattern))
			return line;
		at = newline;
	}
	newline = last ? end : memrchr(at, '\n', (size_t)(end - at));
	return !newline ? at : newline + !last;
}

size_t rule_read(struct rule_reader *reader, const char *text, size_t length, bool last)
{
	const char *at = text, *end = text + length, *counted, *newline;

	/* Some editors mark UTF-8 with three bytes at the beginning. */
	if (!reader->begun && length < 3 && !last)
		return 0;
	if (!reader->begun && length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		at += 3;
	reader->begun = true;
	/* reader->line counts the lines before counted: in one go for all that is skipped. */
	for (counted = at; at < end; counted = at) {
		if (!reader->reading && reader->subject)
			at = skip(reader, at, end, last);
		reader->line += count_lines(counted, at);
		newline = memchr(at, '\n', (size_t)(end - at));
		if (at == end || (!newline && !last))
			break;
		reader->line++;
		read_line(reader, at, newline ? newline : end);
		at = newline ? newline + 1 : end;
	}
	return (size_t)(at - text);
}

const char *rule_add(struct rule_reader *reader, const char *key, const char *value, bool literal)
{
	struct rule_line line = {.name = "", .value = value, .literal = literal};
	const char *wrong;

	line.key = key_find(reader->keys, key);
	if (!line.key || line.key->kind == RULE_WHEN) {
		const char *similar = line.key ? NULL : key_similar(reader->keys, key);

		return arena_printf(reader->arena,
			similar ? "unknown key '%s'; did you mean '%s'?" : "unknown key '%s'", key,
			similar);
	}
	if (key_takes_name(line.key))
		line.name = key + strlen(line.key->name);
	/* On the command line a value is taken as it is, whatever it looks like. */
	if (literal && line.key->kind == RULE_SET)
		wrong = key_check_variable(line.name);
	else if (literal && line.key->kind == RULE_UNSET)
		wrong = key_check_variable(value);
	else
		wrong = key_check(reader->arena, line.key, line.name, value);
	if (wrong)
		return wrong;
	if (!reader->count || reader->sections[reader->count - 1].from.file)
		*arena_push(reader->arena, reader->sections, reader->count) =
			(struct rule_section){.header = "the command line", .pattern = ""};
	add_line(reader, line);
	return NULL;
}
