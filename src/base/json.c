/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include "base/buf.h"
#include "base/str.h"

static void quoted(struct buf *out, const char *value)
{
	static const char escapes[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	const unsigned char *text = (const unsigned char *)value;

	buf_putc(out, '"');
	while (*text) {
		size_t length = str_utf8((const char *)text);
		const char *escape = NULL;

		for (const char *pair = escapes; *pair; pair += 2) {
			if (*pair == (char)*text)
				escape = pair + 1;
		}
		if (escape)
			buf_printf(out, "\\%c", *escape);
		else if (*text < 0x20 || *text == 0x7f)
			buf_printf(out, "\\u%04x", *text);
		else if (!length)
			buf_puts(out, "\\ufffd");
		else
			buf_add(out, (const char *)text, length);
		text += length ? length : 1;
	}
	buf_putc(out, '"');
}

static void member(struct json *json, const char *name)
{
	if (json->started)
		buf_putc(json->out, ',');
	if (json->depth) {
		buf_putc(json->out, '\n');
		for (unsigned i = 0; i < json->depth; i++)
			buf_puts(json->out, "  ");
	}
	if (name) {
		quoted(json->out, name);
		buf_puts(json->out, ": ");
	}
	json->started = true;
}

void json_open(struct json *json, const char *name, char bracket)
{
	member(json, name);
	buf_putc(json->out, bracket);
	json->depth++;
	json->started = false;
}

void json_close(struct json *json, char bracket)
{
	json->depth--;
	if (json->started) {
		buf_putc(json->out, '\n');
		for (unsigned i = 0; i < json->depth; i++)
			buf_puts(json->out, "  ");
	}
	buf_putc(json->out, bracket);
	json->started = true;
	if (!json->depth)
		buf_putc(json->out, '\n');
}

void json_add_string(struct json *json, const char *name, const char *value)
{
	if (!value) {
		json_add_null(json, name);
		return;
	}
	member(json, name);
	quoted(json->out, value);
}

void json_add_bool(struct json *json, const char *name, bool value)
{
	member(json, name);
	buf_puts(json->out, value ? "true" : "false");
}

void json_add_number(struct json *json, const char *name, long value)
{
	member(json, name);
	buf_printf(json->out, "%ld", value);
}

void json_add_count(struct json *json, const char *name, long value)
{
	if (value < 0)
		json_add_null(json, name);
	else
		json_add_number(json, name, value);
}

void json_add_null(struct json *json, const char *name)
{
	member(json, name);
	buf_puts(json->out, "null");
}
