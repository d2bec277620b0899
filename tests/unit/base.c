/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/opts.h"
#include "base/slot.h"
#include "base/str.h"
#include "tap.h"

static void file_names_are_behind_the_last_separator(void)
{
	check_text(str_file_name("/usr/bin/steam"), "steam");
	check_text(str_file_name("steam"), "steam");
	check_text(str_file_name("/usr/bin/"), "");
	check_text(str_any_file_name("Z:\\games/Foo\\Bar.EXE"), "Bar.EXE");
	check_text(str_any_file_name("C:\\a/b.exe"), "b.exe");
}

static void numbers_are_whole_words_in_their_base(void)
{
	unsigned long number;

	check(str_number("0a", 2, 16, &number) && number == 10);
	check(str_number("0A", 2, 16, &number) && number == 10);
	check(str_number("12x", 2, 10, &number) && number == 12);
	check(!str_number("12x", 3, 10, &number));
	check(!str_number("", 0, 10, &number));
	check(!str_number("9", 1, 8, &number));
	check(!str_number("-1", 2, 10, &number));
	check(!str_number("99999999999999999999", 20, 10, &number));
}

static void a_slip_finds_the_word_that_was_meant(void)
{
	static const char *const words[] = {"discrete", "integrated", "nvidia", "gpu", NULL};

	check_text(str_similar("discreet", words), "discrete");
	check_text(str_similar("nvida", words), "nvidia");
	check_text(str_similar("nvdiia", words), "nvidia");
	check_text(str_similar("gup", words), "gpu");
	check_text(str_similar("NVIDIA", words), "nvidia");
	check_text(str_similar("banana", words), NULL);
	check_text(str_similar("x", words), NULL);
	check(str_distance("ab", "ba") == 1);
	check(str_distance("kitten", "sitting") == 3);
	check(str_distance("", "abc") == 3);
}

static void columns_count_characters_not_bytes(void)
{
	check(str_columns("abc") == 3);
	check(str_columns("\xc3\xa4\xe2\x86\x92") == 2);
	check(str_columns("") == 0);
}

static void words_are_quoted_for_a_shell_only_if_they_must(void)
{
	static const struct {
		const char *text, *quoted;
	} cases[] = {
		{"plain-word.1", "plain-word.1"},
		{"", "''"},
		{"two words", "'two words'"},
		{"*nvidia*", "'*nvidia*'"},
		{"it's", "'it'\\''s'"},
		{"$HOME", "'$HOME'"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf out = {0};
		char copy[64];

		str_shell_quote(&out, cases[i].text);
		snprintf(copy, sizeof(copy), "%s", buf_text(&out));
		buf_free(&out);
		check_text(copy, cases[i].quoted);
	}
}

static void json_escapes_what_is_no_plain_text(void)
{
	struct buf out = {0};
	struct json json = {.out = &out};
	char copy[256];

	json_open(&json, NULL, '{');
	json_add_string(&json, "a", "q\" b\\ n\n t\t c\x01 \xc3\xa4 \xff \xc0\x80 \xed\xa0\x80");
	json_add_string(&json, "none", NULL);
	json_open(&json, "list", '[');
	json_close(&json, ']');
	json_add_bool(&json, "yes", true);
	json_add_number(&json, "n", -3);
	json_close(&json, '}');
	snprintf(copy, sizeof(copy), "%s", buf_text(&out));
	buf_free(&out);
	check_text(copy,
		"{\n  \"a\": \"q\\\" b\\\\ n\\n t\\t c\\u0001 \xc3\xa4 \\ufffd \\ufffd\\ufffd "
		"\\ufffd\\ufffd\\ufffd\",\n  \"none\": null,\n  \"list\": [],\n  \"yes\": "
		"true,\n  \"n\": -3\n}\n");
}

static const struct opt table[] = {
	{'g', "gpu", "GPU", "choose", false},
	{'n', "dry-run", NULL, "dry", false},
	{300, "no-rules", NULL, "none", false},
	{301, "rules", "PATH", "some", false},
	{0, NULL, NULL, NULL, false},
};

/* The options of argv as "g=x;n=;", then what is left or wrong. */
static const char *parsed(const char *const *argv)
{
	static char text[512];
	struct opts opts;
	int argc = 0, id;
	size_t at = 0;

	while (argv[argc])
		argc++;
	opts_begin(&opts, table, argc, (char **)argv);
	while ((id = opts_next(&opts)) >= 0)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%d=%s;", id,
			opts.argument ? opts.argument : "");
	if (id == OPTS_WRONG)
		snprintf(text + at, sizeof(text) - at, "wrong: %s", opts.wrong);
	else
		snprintf(text + at, sizeof(text) - at, "rest: %s",
			opts.index < argc ? argv[opts.index] : "-");
	return text;
}

#define PARSED(...) parsed((const char *const[]){"nv-run", __VA_ARGS__, NULL})

static void options_end_where_the_program_begins(void)
{
	check_text(PARSED("-g", "intel", "glxinfo", "-n"), "103=intel;rest: glxinfo");
	check_text(PARSED("-ngintel", "x"), "110=;103=intel;rest: x");
	check_text(PARSED("--gpu=a", "--gpu", "b", "--", "-n"), "103=a;103=b;rest: -n");
	check_text(PARSED("-", "x"), "rest: -");
	check_text(PARSED("--dry", "x"), "110=;rest: x");
}

static void wrong_options_are_named(void)
{
	check_text(PARSED("-z"), "wrong: unknown option '-z'");
	check_text(PARSED("--zz"), "wrong: unknown option '--zz'");
	check_text(PARSED("-g"), "wrong: missing argument of option '-g'");
	check_text(PARSED("--gpu"), "wrong: missing argument of option '--gpu'");
	check_text(PARSED("--dry-run=1"), "wrong: option takes no argument: '--dry-run=1'");
	check_text(PARSED("--"), "rest: -");
}

static void a_slot_is_read_as_lspci_nvidia_smi_and_xorg_conf_write_it(void)
{
	static const struct {
		const char *word, *slot;
		int function;
	} words[] = {
		{"0a:00", "0000:0a:00", -1},
		{"0000:0a:00.1", "0000:0a:00", 1},
		{"a:0.7", "0000:0a:00", 7},
		{"10000:e1:1f.0", "10000:e1:1f", 0},
		{"00000000:0A:00.0", "0000:0a:00", 0},
		{"PCI:10:0:0", "0000:0a:00", 0},
		{"PCI:10@1:0:1", "0001:0a:00", 1},
		{"pci:10:31", "0000:0a:1f", -1},
		{"PCI:256:0:0", NULL, -1},
		{"PCI:10:32:0", NULL, -1},
		{"PCI:10:0:8", NULL, -1},
		{"PCI:0a:0:0", NULL, -1},
		{"PCI:10", NULL, -1},
		{"PCI:", NULL, -1},
		{"0a:00.", NULL, -1},
		{"0a:00.8", NULL, -1},
		{"0a:20", NULL, -1},
		{"0a", NULL, -1},
		{":", NULL, -1},
		{"0a:", NULL, -1},
		{"", NULL, -1},
		{"0a:00.0x", NULL, -1},
		{"0a:00:00:00", NULL, -1},
		{"/../0a:00", NULL, -1},
	};

	struct arena *arena = arena_new();

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		int function = -1;

		check_text(slot_parse(arena, words[i].word, &function), words[i].slot);
		check(!words[i].slot || function == words[i].function);
	}
	arena_free(arena);
}

static void arenas_grow_arrays_and_keep_their_items(void)
{
	struct arena *arena = arena_new();
	unsigned *numbers = NULL;
	size_t count = 0;
	bool right = true, aligned;

	for (unsigned i = 0; i < 5000; i++)
		*arena_push(arena, numbers, count) = i;
	for (unsigned i = 0; i < 5000; i++)
		right &= numbers[i] == i;
	arena_alloc(arena, 1);
	aligned = (uintptr_t)arena_alloc(arena, 100000) % 16 == 0;
	arena_free(arena);
	arena_free(NULL);
	check(right && count == 5000);
	check(aligned);
}

static void tap_begin(void)
{
}

static void tap_end(void)
{
}

TAP_MAIN(TEST(file_names_are_behind_the_last_separator),
	TEST(numbers_are_whole_words_in_their_base), TEST(a_slip_finds_the_word_that_was_meant),
	TEST(columns_count_characters_not_bytes),
	TEST(words_are_quoted_for_a_shell_only_if_they_must),
	TEST(json_escapes_what_is_no_plain_text), TEST(options_end_where_the_program_begins),
	TEST(wrong_options_are_named),
	TEST(a_slot_is_read_as_lspci_nvidia_smi_and_xorg_conf_write_it),
	TEST(arenas_grow_arrays_and_keep_their_items))
