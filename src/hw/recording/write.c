/* SPDX-License-Identifier: MIT */
/* recording-write: from entries to text, each in the form that people can read best. */
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "hw/recording.h"

enum { LINE = 57 }; /* bytes in a line of base64: 76 letters */

/* What has to be escaped where bytes can be: control characters and what is not UTF-8. */
static size_t plain_sequence(const char *text, const char *end)
{
	unsigned char byte = (unsigned char)*text;
	size_t length = str_utf8(text);

	if ((byte < ' ' && byte != '\t') || byte == 127 || length > (size_t)(end - text))
		return 0;
	return length;
}

/* extra: more that is to be escaped. */
static void add_escaped(struct buf *out, const char *text, size_t length, const char *extra)
{
	for (const char *end = text + length; text < end;) {
		size_t plain = plain_sequence(text, end);

		if (*text == '\\') {
			buf_puts(out, "\\\\");
			text++;
		} else if (!plain || strchr(extra, *text)) {
			buf_printf(out, "\\x%02x", (unsigned char)*text++);
		} else {
			buf_add(out, text, plain);
			text += plain;
		}
	}
}

/* A ':' at the end would say that text follows. */
static void add_path(struct buf *out, const char *path)
{
	size_t length = strlen(path);
	bool colon = length && path[length - 1] == ':';

	add_escaped(out, path, length - colon, " \t");
	buf_puts(out, colon ? "\\x3a" : "");
}

static size_t count_odd(const char *text, size_t length)
{
	size_t odd = 0;

	for (const char *end = text + length; text < end;) {
		size_t plain = *text == '\n' ? 1 : plain_sequence(text, end);

		odd += !plain;
		text += plain ? plain : 1;
	}
	return odd;
}

static void add_base64(struct buf *out, const unsigned char *bytes, size_t length)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t at = 0; at < length; at += 3) {
		size_t left = length - at < 3 ? length - at : 3;
		unsigned bits = 0;

		if (at % LINE == 0)
			buf_puts(out, at ? "\n\t" : "\t");
		for (size_t i = 0; i < 3; i++)
			bits = bits << 8 | (i < left ? bytes[at + i] : 0U);
		for (size_t i = 0; i < 4; i++) {
			/* Behind what is left there is '='. */
			const char *digit = i <= left ? &digits[bits >> (18 - 6 * i) & 63] : "=";

			buf_putc(out, *digit);
		}
	}
	buf_putc(out, '\n');
}

static void add_lines(struct buf *out, const char *text, size_t length, bool escape)
{
	const char *end = text + length;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;

		buf_putc(out, '\t');
		if (escape)
			add_escaped(out, text, (size_t)(stop - text), "");
		else
			buf_add(out, text, (size_t)(stop - text));
		buf_puts(out, newline ? "\n" : "\\\n");
		text = newline ? newline + 1 : end;
	}
}

static void write_file(struct buf *out, const struct recording_entry *entry)
{
	size_t odd = count_odd(entry->text, entry->length);
	const char *newline = memchr(entry->text, '\n', entry->length);
	bool ended = entry->length && entry->text[entry->length - 1] == '\n';

	if (!entry->length) {
		buf_puts(out, " =\n");
	} else if (odd > entry->length / 8) {
		buf_puts(out, ": base64\n");
		add_base64(out, (const unsigned char *)entry->text, entry->length);
	} else if (odd || !ended) {
		buf_puts(out, ": escaped\n");
		add_lines(out, entry->text, entry->length, true);
	} else if (entry->length > 1 && newline == entry->text + entry->length - 1) {
		buf_puts(out, " = ");
		buf_add(out, entry->text, entry->length);
	} else {
		buf_puts(out, ":\n");
		add_lines(out, entry->text, entry->length, false);
	}
}

/* A blank at the end would not be seen. */
static void write_link(struct buf *out, const struct recording_entry *entry)
{
	bool blank = entry->text[entry->length - 1] == ' ';

	buf_puts(out, " -> ");
	add_escaped(out, entry->text, entry->length - blank, "\t");
	buf_puts(out, blank ? "\\x20\n" : "\n");
}

/* Remarks and the head may quote names of devices, which may hold anything. */
static void add_remark(struct buf *out, const char *text)
{
	buf_puts(out, "# ");
	add_escaped(out, text, strlen(text), "");
	buf_putc(out, '\n');
}

void recording_write_head(struct buf *out, const char *machine)
{
	add_remark(out, machine);
	buf_puts(out, "version 1\n");
}

void recording_write(struct buf *out, const struct recording_entry *entry)
{
	if (entry->kind == RECORDING_REMARK) {
		buf_putc(out, '\n');
		add_remark(out, entry->text);
		return;
	}
	add_path(out, entry->path);
	switch (entry->kind) {
	case RECORDING_FILE:
		write_file(out, entry);
		break;
	case RECORDING_LINK:
		write_link(out, entry);
		break;
	case RECORDING_UNREADABLE:
		buf_printf(out, "%s ! %s\n", entry->directory ? "/" : "", entry->text);
		break;
	case RECORDING_SPECIAL:
		buf_printf(out, " %% %s\n", entry->text);
		break;
	default:
		buf_puts(out, "/\n");
		break;
	}
}
