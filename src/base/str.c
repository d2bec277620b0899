/* SPDX-License-Identifier: MIT */
#include "base/str.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"

bool str_eq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

bool str_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *text, const char *suffix)
{
	size_t length = strlen(text), tail = strlen(suffix);

	return length >= tail && str_eq(text + length - tail, suffix);
}

const char *str_file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

const char *str_any_file_name(const char *path)
{
	const char *name = path;

	for (; *path; path++) {
		if (*path == '/' || *path == '\\')
			name = path + 1;
	}
	return name;
}

size_t str_columns(const char *text)
{
	size_t columns = 0;

	for (; *text; text++)
		columns += ((unsigned char)*text & 0xc0) != 0x80;
	return columns;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 10;
	return 99;
}

bool str_number(const char *text, size_t length, int base, unsigned long *number)
{
	unsigned long value = 0;

	if (!length || length > 15)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (digit(text[i]) >= base)
			return false;
		value = value * (unsigned long)base + (unsigned long)digit(text[i]);
	}
	*number = value;
	return true;
}

bool str_is_variable(const char *name)
{
	return *name && !strchr(name, '=');
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

enum { WORD = 40 };

size_t str_distance(const char *a, const char *b)
{
	size_t rows[3][WORD + 1], *before = rows[0], *last = rows[1], *now = rows[2];
	size_t alen = strlen(a), blen = strlen(b);

	if (alen > WORD || blen > WORD)
		return alen > blen ? alen : blen;
	memset(rows, 0, sizeof(rows));
	for (size_t j = 0; j <= blen; j++)
		last[j] = j;
	for (size_t i = 1; i <= alen; i++) {
		size_t *oldest = before;

		now[0] = i;
		for (size_t j = 1; j <= blen; j++) {
			bool same = tolower((unsigned char)a[i - 1]) ==
				    tolower((unsigned char)b[j - 1]);

			now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + !same);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
		before = last;
		last = now;
		now = oldest;
	}
	return last[blen];
}

const char *str_similar(const char *name, const char *const *list)
{
	size_t allowed = strlen(name) / 3 + 1, best = allowed + 1;
	const char *nearest = NULL;

	for (; *list; list++) {
		size_t distance = str_distance(name, *list);

		/* A word of which nothing is left is not near. */
		if (distance < best && distance < strlen(*list)) {
			best = distance;
			nearest = *list;
		}
	}
	return nearest;
}

void str_shell_quote(struct buf *buf, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789@%+=:,./_-";

	if (*text && strspn(text, plain) == strlen(text)) {
		buf_puts(buf, text);
		return;
	}
	buf_putc(buf, '\'');
	for (; *text; text++) {
		if (*text == '\'')
			buf_puts(buf, "'\\''");
		else
			buf_putc(buf, *text);
	}
	buf_putc(buf, '\'');
}

/* Unicode 15, table 3-7. */
size_t str_utf8(const char *bytes)
{
	const unsigned char *text = (const unsigned char *)bytes;
	size_t length = text[0] < 0x80   ? 1
			: text[0] < 0xc2 ? 0
			: text[0] < 0xe0 ? 2
			: text[0] < 0xf0 ? 3
			: text[0] < 0xf5 ? 4
					 : 0;

	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
		(text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	return length;
}
