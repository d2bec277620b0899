/* SPDX-License-Identifier: MIT */
/* recording-read: from text to entries. Anybody may have written the text. */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/recording.h"

struct reader {
	struct arena *arena;
	const char *at, *end; /* what is left of the text */
	const char *line; /* the line that was taken last, without its newline */
	size_t length;
	unsigned number;
	struct buf text; /* of the file at hand */
	struct recording *recording;
	struct recording_error *error;
};

static bool wrong(struct reader *reader, const char *at, const char *what)
{
	*reader->error =
		(struct recording_error){reader->number, (unsigned)(at - reader->line) + 1, what};
	return false;
}

static bool take_line(struct reader *reader)
{
	const char *newline;

	if (reader->at == reader->end)
		return false;
	newline = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
	reader->line = reader->at;
	reader->length = (size_t)((newline ? newline : reader->end) - reader->at);
	reader->at = newline ? newline + 1 : reader->end;
	reader->number++;
	return true;
}

/* Only the forms that escape bytes may hold control characters. */
static bool check_line(struct reader *reader)
{
	for (size_t i = 0; i < reader->length; i++) {
		unsigned char byte = (unsigned char)reader->line[i];

		if (byte == '\r' && i + 1 == reader->length)
			return wrong(reader, reader->line + i,
				"a line that ends as on Windows; convert it with dos2unix");
		if ((byte < ' ' && byte != '\t') || byte == 127)
			return wrong(reader, reader->line + i,
				arena_printf(reader->arena,
					"the control character 0x%02x; is this a recording?",
					byte));
	}
	return true;
}

static int digit(char byte)
{
	unsigned long number;

	return str_number(&byte, 1, 16, &number) ? (int)number : -1;
}

/* Adds text[0..length) with its escapes resolved; a '\' at the end says that no newline follows. */
static bool unescape(struct reader *reader, const char *text, size_t length, bool *open)
{
	*open = false;
	for (const char *end = text + length; text < end; text++) {
		int high = -1, low = -1;

		if (*text != '\\') {
			buf_putc(&reader->text, *text);
			continue;
		}
		if (text + 1 == end) {
			*open = true;
			return true;
		}
		if (end - text > 1 && text[1] == '\\') {
			buf_putc(&reader->text, *text++);
			continue;
		}
		if (end - text > 3 && text[1] == 'x') {
			high = digit(text[2]);
			low = digit(text[3]);
		}
		if (high < 0 || low < 0)
			return wrong(reader, text,
				"a '\\' begins neither '\\\\' nor '\\xHH', two hex digits");
		buf_putc(&reader->text, (char)(high << 4 | low));
		text += 3;
	}
	return true;
}

static char *text_of(struct reader *reader)
{
	return arena_copy(reader->arena, buf_text(&reader->text), reader->text.length);
}

/* Makes out the path in line[0..length); escapes count as the bytes that they are. */
static bool read_path(
	struct reader *reader, size_t length, struct recording_entry *entry, const char **path)
{
	size_t part = 0;
	bool open;
	const char *text;

	reader->text.length = 0;
	if (!unescape(reader, reader->line, length, &open))
		return false;
	if (open)
		return wrong(reader, reader->line + length - 1, "a path ends with '\\'");
	text = text_of(reader);
	length = reader->text.length;
	if (strlen(text) != length)
		return wrong(reader, reader->line, "a path has no NUL byte");
	entry->directory = length > 1 && text[length - 1] == '/';
	length -= entry->directory;
	if (length > RECORDING_PATH)
		return wrong(reader, reader->line, "a path has 4095 bytes at most");
	for (size_t i = 1; i <= length; i++) {
		if (i < length && text[i] != '/') {
			part++;
			continue;
		}
		if (!part || (part == 1 && text[i - 1] == '.') ||
			(part == 2 && text[i - 1] == '.' && text[i - 2] == '.'))
			return wrong(reader, reader->line,
				"a path has no empty part, '.' or '..'; write it in full");
		if (part > RECORDING_NAME)
			return wrong(reader, reader->line, "a name has 255 bytes at most");
		part = 0;
	}
	*path = arena_copy(reader->arena, text, length);
	return true;
}

static bool block_plain(struct reader *reader)
{
	buf_add(&reader->text, reader->line + 1, reader->length - 1);
	buf_putc(&reader->text, '\n');
	return check_line(reader);
}

static bool block_escaped(struct reader *reader)
{
	bool open;

	if (!check_line(reader) || !unescape(reader, reader->line + 1, reader->length - 1, &open))
		return false;
	if (!open)
		buf_putc(&reader->text, '\n');
	return true;
}

static int sextet(char byte)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = byte ? strchr(digits, byte) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* Each line is a whole number of groups of four; only the last may be filled up with '='. */
static bool block_base64(struct reader *reader)
{
	const char *text = reader->line + 1, *end = reader->line + reader->length;

	if (!check_line(reader))
		return false;
	if ((end - text) % 4 || text == end)
		return wrong(reader, text, "a line of base64 has groups of four letters");
	for (; text < end; text += 4) {
		int padding = text[3] != '=' ? 0 : text[2] != '=' ? 1 : 2;
		unsigned bits = 0;

		if (padding && text + 4 != end)
			return wrong(reader, text, "base64 goes on behind its end");
		for (int i = 0; i < 4; i++) {
			int value = i < 4 - padding ? sextet(text[i]) : 0;

			if (value < 0)
				return wrong(reader, text + i, "no letter of base64");
			bits = bits << 6 | (unsigned)value;
		}
		for (int i = 0; i < 3 - padding; i++)
			buf_putc(&reader->text, (char)(bits >> (16 - 8 * i)));
	}
	return true;
}

static bool read_block(
	struct reader *reader, const char *form, size_t length, struct recording_entry *entry)
{
	static const struct {
		const char *name;
		bool (*add)(struct reader *reader);
	} forms[] = {{"", block_plain}, {" escaped", block_escaped}, {" base64", block_base64}};
	bool (*add)(struct reader * reader) = NULL;

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		if (strlen(forms[i].name) == length && memcmp(form, forms[i].name, length) == 0)
			add = forms[i].add;
	}
	if (!add)
		return wrong(reader, form, "behind ':' stands nothing, 'escaped' or 'base64'");
	reader->text.length = 0;
	while (reader->at < reader->end && *reader->at == '\t') {
		take_line(reader);
		if (!add(reader))
			return false;
	}
	entry->text = text_of(reader);
	entry->length = reader->text.length;
	return true;
}

static bool all_of(const char *text, const char *bytes)
{
	return *text && !text[strspn(text, bytes)];
}

/* "char 195:0 666", "block 8:0 660", "socket", "fifo", "file 1234". */
static bool is_special(struct arena *arena, const char *text)
{
	const char *blank = strchr(text, ' '), *mode, *colon;
	char *numbers;

	if (!blank)
		return str_eq(text, "socket") || str_eq(text, "fifo");
	if (str_starts(text, "file "))
		return strlen(blank + 1) < 20 && all_of(blank + 1, "0123456789");
	if (!str_starts(text, "char ") && !str_starts(text, "block "))
		return false;
	numbers = arena_dup(arena, blank + 1);
	mode = strchr(numbers, ' ');
	if (!mode)
		return false;
	numbers[mode - numbers] = '\0';
	colon = strchr(numbers, ':');
	return colon && colon > numbers && strlen(numbers) < 20 && all_of(numbers, "0123456789:") &&
	       all_of(colon + 1, "0123456789") && strlen(mode + 1) == 3 &&
	       all_of(mode + 1, "01234567");
}

static bool rest_file(struct reader *reader, const char *value)
{
	if (value) {
		buf_add(&reader->text, value, (size_t)(reader->line + reader->length - value));
		buf_putc(&reader->text, '\n');
	}
	return true;
}

static bool rest_link(struct reader *reader, const char *value)
{
	const char *end = reader->line + reader->length;
	bool open = false;

	if (value && !unescape(reader, value, (size_t)(end - value), &open))
		return false;
	if (open || !reader->text.length || reader->text.length > RECORDING_PATH ||
		memchr(reader->text.text, '\0', reader->text.length))
		return wrong(reader, value ? value : end,
			"a link's target has 1 to 4095 bytes, and no NUL");
	return true;
}

static bool rest_error(struct reader *reader, const char *value)
{
	const char *end = reader->line + reader->length;

	if (value)
		buf_add(&reader->text, value, (size_t)(end - value));
	if (!all_of(buf_text(&reader->text), "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"))
		return wrong(reader, value ? value : end,
			"behind '!' stands the name of an error, as EACCES");
	return true;
}

static bool rest_special(struct reader *reader, const char *value)
{
	const char *end = reader->line + reader->length;

	if (value)
		buf_add(&reader->text, value, (size_t)(end - value));
	if (!is_special(reader->arena, buf_text(&reader->text)))
		return wrong(reader, value ? value : end,
			"behind '%' stands 'char MAJOR:MINOR MODE', 'block ...', 'socket', 'fifo' "
			"or 'file SIZE'");
	return true;
}

/* What stands behind a path and a blank: an operator, and maybe a blank and a value. */
static bool read_rest(struct reader *reader, const char *rest, struct recording_entry *entry)
{
	static const struct {
		const char *operator;
		enum recording_kind kind;
		bool (*read)(struct reader *reader, const char *value);
	} operators[] = {
		{"=", RECORDING_FILE, rest_file},
		{"->", RECORDING_LINK, rest_link},
		{"!", RECORDING_UNREADABLE, rest_error},
		{"%", RECORDING_SPECIAL, rest_special},
	};
	const char *end = reader->line + reader->length;
	const char *blank = memchr(rest, ' ', (size_t)(end - rest));
	size_t length = (size_t)((blank ? blank : end) - rest);

	for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++) {
		if (strlen(operators[i].operator) != length ||
			memcmp(operators[i].operator, rest, length) != 0)
			continue;
		entry->kind = operators[i].kind;
		if (entry->directory && entry->kind != RECORDING_UNREADABLE)
			break;
		reader->text.length = 0;
		if (!operators[i].read(reader, blank ? blank + 1 : NULL))
			return false;
		entry->text = text_of(reader);
		entry->length = reader->text.length;
		return true;
	}
	return wrong(reader, rest,
		entry->directory ? "behind a directory stands nothing, or '! ERROR'"
				 : "behind a path stands '= TEXT', '-> TARGET', '! ERROR' or "
				   "'% KIND', or it ends with ':' or '/'");
}

static bool read_entry(struct reader *reader)
{
	struct recording_entry entry = {.line = reader->number};
	const char *line = reader->line, *end = line + reader->length;
	const char *blank = memchr(line, ' ', reader->length);
	size_t length = blank ? (size_t)(blank - line) : reader->length;
	bool block = length && line[length - 1] == ':', read = true;

	if (*line != '/' && *line == '\t')
		return wrong(
			reader, line, "text that belongs to no file; 'PATH:' stands before it");
	if (*line != '/')
		return wrong(reader, line, "a line begins with '/', '#' or 'version'");
	if (!check_line(reader))
		return false;
	if (!read_path(reader, length - block, &entry, &entry.path))
		return false;
	if (!entry.path[1])
		return wrong(reader, line, "'/' itself is always there");
	if (block && entry.directory)
		return wrong(reader, line + length - 1, "a directory has no text");
	if (block) {
		entry.kind = RECORDING_FILE;
		read = read_block(reader, line + length, (size_t)(end - line) - length, &entry);
	} else if (entry.directory && !blank) {
		entry.kind = RECORDING_DIRECTORY;
		entry.text = "";
	} else {
		read = read_rest(reader, blank ? blank + 1 : end, &entry);
	}
	if (entry.kind != RECORDING_UNREADABLE)
		entry.directory = entry.kind == RECORDING_DIRECTORY;
	if (read)
		*arena_push(reader->arena, reader->recording->entries, reader->recording->count) =
			entry;
	return read;
}

static bool read_version(struct reader *reader)
{
	const char *number = reader->line + strlen("version ");
	size_t length = reader->length - strlen("version ");
	unsigned long version;

	if (!str_number(number, length, 10, &version) || !version)
		return wrong(reader, number, "behind 'version' stands a number");
	if (version > 1)
		return wrong(reader, number,
			"a recording of a later version; replay it with a newer nv-gpu");
	if (reader->recording->count)
		return wrong(reader, reader->line, "'version' stands before all files");
	return true;
}

bool recording_read(struct arena *arena, const char *text, size_t length,
	struct recording *recording, struct recording_error *error)
{
	struct reader reader = {.arena = arena,
		.at = text,
		.end = text + length,
		.recording = recording,
		.error = error};
	bool read = true;

	*recording = (struct recording){0};
	while (read && take_line(&reader)) {
		if (!reader.length || *reader.line == '#')
			continue;
		if (reader.length > strlen("version ") && str_starts(reader.line, "version "))
			read = read_version(&reader);
		else
			read = read_entry(&reader);
	}
	buf_free(&reader.text);
	return read;
}
