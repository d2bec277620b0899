/* SPDX-License-Identifier: MIT */
/* The text of recordings: read, written, and read again. */
#include <stdbool.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/recording.h"
#include "tap.h"

static struct arena *arena;
static struct recording recording;
static struct recording_error error;

static void tap_begin(void)
{
	arena = arena_new();
}

static void tap_end(void)
{
	arena_free(arena);
}

static bool read_bytes(const char *text, size_t length)
{
	error = (struct recording_error){0};
	return recording_read(arena, text, length, &recording, &error);
}

static bool read_text(const char *text)
{
	return read_bytes(text, strlen(text));
}

static bool is(size_t i, enum recording_kind kind, const char *path, const char *text)
{
	const struct recording_entry *entry = &recording.entries[i];

	return i < recording.count && entry->kind == kind && str_eq(entry->path, path) &&
	       entry->length == strlen(text) && str_eq(entry->text, text);
}

static bool is_wrong(const char *text, unsigned line, unsigned column)
{
	if (read_text(text))
		return false;
	if (error.line != line || error.column != column)
		printf("# %u:%u: %s\n", error.line, error.column, error.what);
	return error.what && error.line == line && error.column == column;
}

static void every_kind_of_line_is_read(void)
{
	check(read_text("# a machine\nversion 1\n\n/a = b c\n/b =\n/c:\n\tone\n\t\n\ttwo\n"
			"/d -> ../x y (deleted)\n/e/\n/f ! EACCES\n/g/ ! EPERM\n"
			"/h % char 195:0 666\n/i % socket\n/j % file 12\n"));
	check(recording.count == 10);
	check(is(0, RECORDING_FILE, "/a", "b c\n"));
	check(is(1, RECORDING_FILE, "/b", ""));
	check(is(2, RECORDING_FILE, "/c", "one\n\ntwo\n"));
	check(is(3, RECORDING_LINK, "/d", "../x y (deleted)"));
	check(is(4, RECORDING_DIRECTORY, "/e", ""));
	check(is(5, RECORDING_UNREADABLE, "/f", "EACCES") && !recording.entries[5].directory);
	check(is(6, RECORDING_UNREADABLE, "/g", "EPERM") && recording.entries[6].directory);
	check(is(7, RECORDING_SPECIAL, "/h", "char 195:0 666"));
	check(is(8, RECORDING_SPECIAL, "/i", "socket"));
	check(is(9, RECORDING_SPECIAL, "/j", "file 12"));
	check(recording.entries[3].line == 10);
}

static void a_text_may_look_like_an_operator(void)
{
	check(read_text("/a = b -> c\n/b = = x\n/c =  two\n/d = \n/e -> a = b\n/f = x:\n"));
	check(is(0, RECORDING_FILE, "/a", "b -> c\n"));
	check(is(1, RECORDING_FILE, "/b", "= x\n"));
	check(is(2, RECORDING_FILE, "/c", " two\n"));
	check(is(3, RECORDING_FILE, "/d", "\n"));
	check(is(4, RECORDING_LINK, "/e", "a = b"));
	check(is(5, RECORDING_FILE, "/f", "x:\n"));
}

static void a_path_with_colons_is_no_block(void)
{
	check(read_text("/sys/0000:01:00.0/x = 1\n/a\\x3a = 2\n/b\\x3a:\n\t3\n"));
	check(is(0, RECORDING_FILE, "/sys/0000:01:00.0/x", "1\n"));
	check(is(1, RECORDING_FILE, "/a:", "2\n"));
	check(is(2, RECORDING_FILE, "/b:", "3\n"));
}

static void escapes_are_bytes(void)
{
	check(read_text("/a\\x20\\x5cb: escaped\n\tone\\x00two\\\\\n\t\\xFf\\\n"));
	check_text(recording.entries[0].path, "/a \\b");
	check(recording.entries[0].length == 10);
	check(memcmp(recording.entries[0].text, "one\0two\\\n\xff", 10) == 0);
}

static void base64_is_bytes(void)
{
	check(read_text("/e: base64\n\tAP///////wA=\n/f: base64\n\tYWJj\n\tZA==\n"));
	check(recording.entries[0].length == 8);
	check(memcmp(recording.entries[0].text, "\0\xff\xff\xff\xff\xff\xff\0", 8) == 0);
	check(is(1, RECORDING_FILE, "/f", "abcd"));
}

static void a_last_line_without_newline_counts(void)
{
	check(read_text("/a = b"));
	check(is(0, RECORDING_FILE, "/a", "b\n"));
	check(read_text("/a:\n\tb"));
	check(is(0, RECORDING_FILE, "/a", "b\n"));
}

static void mistakes_are_told_with_their_place(void)
{
	check(is_wrong("/a = b\nfoo\n", 2, 1));
	check(is_wrong("\ttext\n", 1, 1));
	check(is_wrong("/a\n", 1, 3));
	check(is_wrong("/a  = b\n", 1, 4));
	check(is_wrong("/a + b\n", 1, 4));
	check(is_wrong("/a: hex\n", 1, 4));
	check(is_wrong("/a/ = b\n", 1, 5));
	check(is_wrong("/a/:\n", 1, 4));
	check(is_wrong("/\n", 1, 1));
	check(is_wrong("/a ->\n", 1, 6));
	check(is_wrong("/a -> \n", 1, 7));
	check(is_wrong("/a ! eacces\n", 1, 6));
	check(is_wrong("/a ! \n", 1, 6));
	check(is_wrong("/a % pipe\n", 1, 6));
	check(is_wrong("/a % char 1:2\n", 1, 6));
	check(is_wrong("/a % char 1:2 999\n", 1, 6));
	check(is_wrong("/a % file x\n", 1, 6));
	check(is_wrong("/a: escaped\n\tb\\n\n", 2, 3));
	check(is_wrong("/a: escaped\n\t\\x0g\n", 2, 2));
	check(is_wrong("/a: base64\n\tabc\n", 2, 2));
	check(is_wrong("/a: base64\n\tab=c\n", 2, 4));
	check(is_wrong("/a: base64\n\tYQ==YQ==\n", 2, 2));
	check(is_wrong("/a = b\r\n", 1, 7));
	check(is_wrong("/a:\n\tx\033[2J\n", 2, 3));
}

static void paths_lead_nowhere_else(void)
{
	check(is_wrong("/../a = b\n", 1, 1));
	check(is_wrong("/a/.. = b\n", 1, 1));
	check(is_wrong("/a/./b = c\n", 1, 1));
	check(is_wrong("/a//b = c\n", 1, 1));
	check(is_wrong("//a = c\n", 1, 1));
	check(is_wrong("/a/\\x2e\\x2e/b = c\n", 1, 1));
	check(is_wrong("/a\\x2f..\\x2fb = c\n", 1, 1));
	check(is_wrong("/a\\x00b = c\n", 1, 1));
	check(is_wrong("/a\\ = c\n", 1, 3));
	check(read_text("/..a/...  = b\n") == false);
	check(read_text("/..a/.../.b = c\n"));
}

static void long_names_are_refused(void)
{
	char text[5000];

	memset(text, 'a', sizeof(text));
	text[0] = '/';
	strcpy(text + 1 + RECORDING_NAME, " = b");
	check(read_text(text));
	strcpy(text + 2 + RECORDING_NAME, " = b");
	text[1 + RECORDING_NAME] = 'a';
	check(!read_text(text));
	for (size_t i = 0; i < 4096; i++)
		text[i] = i % 2 ? 'a' : '/';
	strcpy(text + 4096, " = b");
	check(!read_text(text));
	strcpy(text + 4094, " = b");
	check(read_text(text));
}

static void a_later_version_is_refused(void)
{
	check(is_wrong("# x\nversion 2\n/a ? b\n", 2, 9));
	check(is_wrong("version one\n", 1, 9));
	check(is_wrong("version 0\n", 1, 9));
	check(is_wrong("/a = b\nversion 1\n", 2, 1));
}

static void nul_bytes_are_refused(void)
{
	check(!read_bytes("/a = b\0c\n", 9));
	check(error.line == 1 && error.column == 7);
	check(!read_bytes("\0", 1));
	check(!read_bytes("/a:\n\t\0\n", 7));
}

/* What is written is what was meant, and is chosen for people. */
static bool round_trip(struct recording_entry entry, const char *expected)
{
	struct buf out = {0};
	bool same;

	recording_write(&out, &entry);
	if (expected && !str_eq(buf_text(&out), expected))
		printf("# got %s", buf_text(&out));
	same = (!expected || str_eq(buf_text(&out), expected)) &&
	       read_bytes(arena_copy(arena, out.text, out.length), out.length) &&
	       recording.count == 1 && recording.entries[0].kind == entry.kind &&
	       recording.entries[0].directory == entry.directory &&
	       str_eq(recording.entries[0].path, entry.path) &&
	       recording.entries[0].length == entry.length &&
	       memcmp(recording.entries[0].text, entry.text, entry.length) == 0;
	buf_free(&out);
	return same;
}

static bool file_as(const char *text, size_t length, const char *expected)
{
	return round_trip(
		(struct recording_entry){
			.path = "/f", .text = arena_copy(arena, text, length), .length = length},
		expected);
}

static void each_text_gets_the_form_that_fits(void)
{
	check(file_as("", 0, "/f =\n"));
	check(file_as("a b\n", 4, "/f = a b\n"));
	check(file_as("\n", 1, "/f:\n\t\n"));
	check(file_as("a\nb\n", 4, "/f:\n\ta\n\tb\n"));
	check(file_as("a\n\n", 3, "/f:\n\ta\n\t\n"));
	check(file_as("a", 1, "/f: escaped\n\ta\\\n"));
	check(file_as("a\\\nb", 4, "/f: escaped\n\ta\\\\\n\tb\\\n"));
	check(file_as("back\\slash\n", 11, "/f = back\\slash\n"));
	check(file_as("gr\303\274n\n", 6, "/f = gr\303\274n\n"));
	check(file_as("long enough \xff text\n", 19, "/f: escaped\n\tlong enough \\xff text\n"));
	check(file_as("carriage return\r\n", 17, "/f: escaped\n\tcarriage return\\x0d\n"));
	check(file_as("\0\1\2", 3, "/f: base64\n\tAAEC\n"));
	check(file_as("\0", 1, "/f: base64\n\tAA==\n"));
	check(file_as("\377\376", 2, "/f: base64\n\t//4=\n"));
}

static void odd_names_come_back(void)
{
	check(round_trip((struct recording_entry){.path = "/a b\t\n\\c\xff/d:", .text = ""},
		"/a\\x20b\\x09\\x0a\\\\c\\xff/d\\x3a =\n"));
	check(round_trip((struct recording_entry){.kind = RECORDING_LINK,
				 .path = "/l",
				 .text = "/dev/nvidia0 (deleted)",
				 .length = 22},
		"/l -> /dev/nvidia0 (deleted)\n"));
	check(round_trip(
		(struct recording_entry){
			.kind = RECORDING_LINK, .path = "/l", .text = "a\n\\ ", .length = 4},
		"/l -> a\\x0a\\\\\\x20\n"));
	check(round_trip((struct recording_entry){.kind = RECORDING_UNREADABLE,
				 .directory = true,
				 .path = "/d",
				 .text = "EACCES",
				 .length = 6},
		"/d/ ! EACCES\n"));
	check(round_trip(
		(struct recording_entry){
			.kind = RECORDING_DIRECTORY, .directory = true, .path = "/d:", .text = ""},
		"/d\\x3a/\n"));
}

static void all_bytes_come_back_in_all_lengths(void)
{
	char bytes[600];
	unsigned state = 1;

	for (size_t length = 0; length < sizeof(bytes); length++) {
		bytes[length] = (char)((state = state * 1103515245 + 12345) >> 16);
		check(file_as(bytes, length, NULL));
	}
	for (size_t length = 0; length < sizeof(bytes); length++) {
		bytes[length] = (char)('\n' + (state = state * 1103515245 + 12345) % 90);
		check(file_as(bytes, length, NULL));
	}
}

static void remarks_stay_remarks(void)
{
	struct buf out = {0};

	recording_write_head(&out, "a\n/etc/passwd = x");
	recording_write(&out,
		&(struct recording_entry){.kind = RECORDING_REMARK, .text = "b\n/etc/passwd = x"});
	check(read_text(buf_text(&out)));
	check(!recording.count);
	buf_free(&out);
}

TAP_MAIN(TEST(every_kind_of_line_is_read), TEST(a_text_may_look_like_an_operator),
	TEST(a_path_with_colons_is_no_block), TEST(escapes_are_bytes), TEST(base64_is_bytes),
	TEST(a_last_line_without_newline_counts), TEST(mistakes_are_told_with_their_place),
	TEST(paths_lead_nowhere_else), TEST(long_names_are_refused),
	TEST(a_later_version_is_refused), TEST(nul_bytes_are_refused),
	TEST(each_text_gets_the_form_that_fits), TEST(odd_names_come_back),
	TEST(all_bytes_come_back_in_all_lengths), TEST(remarks_stay_remarks))
