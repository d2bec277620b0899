/* SPDX-License-Identifier: MIT */
/* match: section headers against a program. */
#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "rule/internal.h"

/* Kinds of patterns besides names and paths; all but wine: are compared with the subject's ids. */
static const char *const prefixes[] = {"desktop:", "flatpak:", "steam:", "wine:", NULL};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_windows_program(const char *argument)
{
	size_t length = strlen(argument);

	return length >= 4 && strcasecmp(argument + length - 4, ".exe") == 0;
}

void match_prepare(struct rule_reader *reader)
{
	const struct rule_subject *subject = reader->subject;

	for (const char *byte = "*?[\\\"/"; *byte; byte++)
		reader->first[(unsigned char)*byte] = true;
	reader->first[(unsigned char)subject->name[0]] = true;
	for (size_t i = 0; subject->ids && subject->ids[i]; i++)
		reader->first[(unsigned char)subject->ids[i][0]] = true;
	for (size_t i = 0; subject->args && subject->args[i]; i++)
		reader->first['w'] |= is_windows_program(subject->args[i]);
}

static bool match_ids(const struct rule_subject *subject, const char *pattern)
{
	for (size_t i = 0; subject->ids && subject->ids[i]; i++) {
		if (fnmatch(pattern, subject->ids[i], 0) == 0)
			return true;
	}
	return false;
}

static bool match_windows(const struct rule_subject *subject, const char *pattern)
{
	for (size_t i = 0; subject->args && subject->args[i]; i++) {
		const char *argument = subject->args[i];

		if (is_windows_program(argument) &&
			fnmatch(pattern, str_any_file_name(argument), FNM_CASEFOLD) == 0)
			return true;
	}
	return false;
}

static bool match_path(const struct rule_subject *subject, const char *pattern)
{
	const char *real;

	if (subject->path && fnmatch(pattern, subject->path, 0) == 0)
		return true;
	real = subject->path && subject->real_path ? subject->real_path(subject->context) : NULL;
	return real && fnmatch(pattern, real, 0) == 0;
}

static bool match_pattern(const struct rule_subject *subject, const char *pattern)
{
	for (size_t i = 0; prefixes[i]; i++) {
		if (!str_starts(pattern, prefixes[i]))
			continue;
		if (str_eq(prefixes[i], "wine:"))
			return match_windows(subject, pattern + 5);
		return match_ids(subject, pattern);
	}
	if (strchr(pattern, '/'))
		return match_path(subject, pattern);
	return *pattern && fnmatch(pattern, subject->name, 0) == 0;
}

/*
 * The pattern that begins at *at, trimmed, without quotes; *at is moved to the comma behind it or
 * to the end. NULL if a quote is not closed.
 */
static const char *next_pattern(struct arena *arena, const char **at, const char *end)
{
	const char *start = *at, *stop;
	bool quoted;

	while (start < end && is_blank(*start))
		start++;
	quoted = start < end && *start == '"';
	if (quoted) {
		stop = memchr(start + 1, '"', (size_t)(end - start - 1));
		*at = stop ? memchr(stop, ',', (size_t)(end - stop)) : end;
		if (!*at)
			*at = end;
		return stop ? arena_copy(arena, start + 1, (size_t)(stop - start - 1)) : NULL;
	}
	stop = memchr(start, ',', (size_t)(end - start));
	if (!stop)
		stop = end;
	*at = stop;
	while (stop > start && is_blank(stop[-1]))
		stop--;
	return arena_copy(arena, start, (size_t)(stop - start));
}

bool match_header(
	const struct rule_reader *reader, const char *text, size_t length, const char **pattern)
{
	const char *at = text + 1, *end = text + length, *close = NULL;

	for (;;) {
		while (at < end && is_blank(*at))
			at++;
		if (at >= end)
			return false;
		if (reader->first[(unsigned char)*at]) {
			const char *one;

			if (!close)
				close = memrchr(text, ']', length);
			if (!close || at >= close)
				return false;
			one = next_pattern(reader->arena, &at, close);
			if (one && match_pattern(reader->subject, one)) {
				*pattern = one;
				return true;
			}
		} else {
			at = memchr(at, ',', (size_t)(end - at));
			if (!at)
				return false;
		}
		if (at >= end || *at != ',')
			return false;
		at++;
	}
}

bool rule_header_matches(struct arena *arena, const struct rule_subject *subject,
	const char *header, const char **pattern)
{
	struct rule_reader reader;

	rule_reader_init(&reader, arena, rule_keys, subject);
	return match_header(&reader, header, strlen(header), pattern);
}

/* "staem:620" has a colon and nearly a known word before it. */
static void check_prefix(struct rule_reader *reader, const char *pattern, unsigned column)
{
	const char *colon = strchr(pattern, ':'), *word, *similar;

	if (!colon)
		return;
	for (size_t i = 0; prefixes[i]; i++) {
		if (str_starts(pattern, prefixes[i])) {
			if (!pattern[strlen(prefixes[i])])
				reader_mistake(reader, column,
					"nothing behind '%s'; '%s*' matches all", pattern, pattern);
			return;
		}
	}
	word = arena_copy(reader->arena, pattern, (size_t)(colon - pattern) + 1);
	similar = str_similar(word, prefixes);
	if (similar)
		reader_mistake(reader, column, "unknown kind of pattern '%s'; did you mean '%s'?",
			word, similar);
}

void match_check_header(
	struct rule_reader *reader, const char *text, size_t length, unsigned column)
{
	const char *end = memrchr(text, ']', length), *at = text + 1, *start;

	if (!end) {
		reader_mistake(
			reader, column + (unsigned)length, "expected ']' at the end of the header");
		return;
	}
	if (end + 1 < text + length)
		reader_mistake(reader, column + (unsigned)(end + 1 - text),
			"expected the end of the line behind ']'; a comment needs a line of its "
			"own");
	/* machine.conf's headers are slots, full of colons. */
	if (reader->keys != rule_keys)
		return;
	do {
		const char *pattern;
		unsigned place;

		start = at;
		while (start < end && is_blank(*start))
			start++;
		place = column + (unsigned)(start - text);
		pattern = next_pattern(reader->arena, &at, end);
		if (!pattern)
			reader_mistake(reader, place, "the quote is never closed");
		else if (!*pattern)
			reader_mistake(reader, place, "expected a pattern, got '%c'", *at);
		else
			check_prefix(reader, pattern, place);
	} while (at++ < end);
}
