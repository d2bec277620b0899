/* SPDX-License-Identifier: MIT */
/*
 * json-read: takes a JSON document apart, as what other programs answer.
 *
 * Any bytes are taken; what is no JSON is NULL. Names and texts are UTF-8 as they were written; \u
 * becomes UTF-8, or '?' where that is no character. Of two members of one name the first counts.
 */
#ifndef NV_BASE_JSON_READ_H
#define NV_BASE_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_value {
	enum json_kind kind;
	const char *name; /* of a member of an object, else NULL */
	const char *text; /* of strings, and numbers as they are written */
	bool yes; /* of truth values */
	struct json_value *items; /* of arrays and objects */
	size_t count;
};

/* The document; NULL if the text is none, or is nested deeper than 64. */
const struct json_value *json_read(struct arena *arena, const char *text);

/* A member of an object; NULL if there is none, and for NULL. */
const struct json_value *json_member(const struct json_value *value, const char *name);

/* The text of a string that is a member; NULL if it is not there, or is none. */
const char *json_text(const struct json_value *value, const char *name);

/* Whether a member is true. */
bool json_is(const struct json_value *value, const char *name);

#endif
