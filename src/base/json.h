/* SPDX-License-Identifier: MIT */
/*
 * json: writes one JSON document into a buf, commas and escapes included.
 *
 * Begin with a zeroed struct json and a buf. A name of NULL adds an array element. Strings that
 * are not UTF-8 (paths and variables may hold any byte) keep their valid parts; each other byte
 * becomes U+FFFD.
 */
#ifndef NV_BASE_JSON_H
#define NV_BASE_JSON_H

#include <stdbool.h>

struct buf;

struct json {
	struct buf *out;
	unsigned depth;
	bool started; /* the innermost object or array has a member already */
};

void json_open(struct json *json, const char *name, char bracket); /* '{' or '[' */
void json_close(struct json *json, char bracket); /* '}' or ']' */
void json_add_string(struct json *json, const char *name, const char *value); /* NULL gives null */
void json_add_bool(struct json *json, const char *name, bool value);
void json_add_number(struct json *json, const char *name, long value);
void json_add_count(struct json *json, const char *name, long value); /* negative gives null */
void json_add_null(struct json *json, const char *name);

#endif
