/* SPDX-License-Identifier: MIT */
#include "base/json-read.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { DEPTH = 64 };

struct reader {
	struct arena *arena;
	const char *at;
	unsigned depth;
};

static bool read_value(struct reader *reader, struct json_value *value);

static void skip(struct reader *reader)
{
	reader->at += strspn(reader->at, " \t\r\n");
}

static bool take(struct reader *reader, const char *word)
{
	if (!str_starts(reader->at, word))
		return false;
	reader->at += strlen(word);
	return true;
}

/* A code point as UTF-8; halves of pairs and NUL are no characters. */
static char *put_character(char *out, unsigned long code)
{
	if (!code || (code >= 0xd800 && code < 0xe000)) {
		*out++ = '?';
	} else if (code < 0x80) {
		*out++ = (char)code;
	} else if (code < 0x800) {
		*out++ = (char)(0xc0 | code >> 6);
		*out++ = (char)(0x80 | (code & 0x3f));
	} else {
		*out++ = (char)(0xe0 | code >> 12);
		*out++ = (char)(0x80 | (code >> 6 & 0x3f));
		*out++ = (char)(0x80 | (code & 0x3f));
	}
	return out;
}

static bool read_escape(struct reader *reader, char **out)
{
	static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
	unsigned long code;

	if (*reader->at == 'u') {
		if (strnlen(reader->at, 5) < 5 || !str_number(reader->at + 1, 4, 16, &code))
			return false;
		*out = put_character(*out, code);
		reader->at += 5;
		return true;
	}
	for (const char *pair = escapes; *pair; pair += 2) {
		if (*pair == *reader->at) {
			*(*out)++ = pair[1];
			reader->at++;
			return true;
		}
	}
	return false;
}

/* No escape is shorter than what it stands for. */
static const char *read_string(struct reader *reader)
{
	size_t length;
	char *text, *out;

	if (!take(reader, "\""))
		return NULL;
	for (length = 0; reader->at[length] && reader->at[length] != '"'; length++)
		length += reader->at[length] == '\\' && reader->at[length + 1];
	text = out = arena_alloc(reader->arena, length + 1);
	while (*reader->at != '"') {
		if ((unsigned char)*reader->at < ' ')
			return NULL;
		if (*reader->at != '\\')
			*out++ = *reader->at++;
		else if (reader->at++, !read_escape(reader, &out))
			return NULL;
	}
	reader->at++;
	return text;
}

/* The members of an array or object, behind its bracket. */
static bool read_items(struct reader *reader, struct json_value *value, char end)
{
	bool object = value->kind == JSON_OBJECT;

	skip(reader);
	if (*reader->at == end)
		return reader->at++;
	for (;;) {
		struct json_value item = {0};

		skip(reader);
		if (object) {
			item.name = read_string(reader);
			skip(reader);
			if (!item.name || !take(reader, ":"))
				return false;
		}
		if (!read_value(reader, &item))
			return false;
		*arena_push(reader->arena, value->items, value->count) = item;
		skip(reader);
		if (*reader->at == end)
			return reader->at++;
		if (!take(reader, ","))
			return false;
	}
}

static bool read_number(struct reader *reader, struct json_value *value)
{
	size_t length = strspn(reader->at, "0123456789+-.eE");

	value->kind = JSON_NUMBER;
	value->text = arena_copy(reader->arena, reader->at, length);
	reader->at += length;
	return length;
}

static bool read_value(struct reader *reader, struct json_value *value)
{
	bool well = true;

	skip(reader);
	if (++reader->depth > DEPTH)
		return false;
	if (take(reader, "{")) {
		value->kind = JSON_OBJECT;
		well = read_items(reader, value, '}');
	} else if (take(reader, "[")) {
		value->kind = JSON_ARRAY;
		well = read_items(reader, value, ']');
	} else if (*reader->at == '"') {
		value->kind = JSON_STRING;
		value->text = read_string(reader);
		well = value->text;
	} else if (take(reader, "true")) {
		value->kind = JSON_BOOL;
		value->yes = true;
	} else if (take(reader, "false")) {
		value->kind = JSON_BOOL;
	} else if (!take(reader, "null")) {
		well = read_number(reader, value);
	}
	reader->depth--;
	return well;
}

const struct json_value *json_read(struct arena *arena, const char *text)
{
	struct reader reader = {.arena = arena, .at = text};
	struct json_value *value = arena_alloc(arena, sizeof(*value));

	if (!read_value(&reader, value))
		return NULL;
	skip(&reader);
	return *reader.at ? NULL : value;
}

const struct json_value *json_member(const struct json_value *value, const char *name)
{
	for (size_t i = 0; value && value->kind == JSON_OBJECT && i < value->count; i++) {
		if (str_eq(value->items[i].name, name))
			return &value->items[i];
	}
	return NULL;
}

const char *json_text(const struct json_value *value, const char *name)
{
	const struct json_value *member = json_member(value, name);

	return member && member->kind == JSON_STRING ? member->text : NULL;
}

bool json_is(const struct json_value *value, const char *name)
{
	const struct json_value *member = json_member(value, name);

	return member && member->kind == JSON_BOOL && member->yes;
}
