/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "rule/rule.h"
#include "tap.h"

static struct arena *arena;

/* Bits of enum rule_condition that hold. */
static unsigned holding;

static bool holds(void *context, enum rule_condition condition, const char *value)
{
	(void)context;
	(void)value;
	return holding & 1u << condition;
}

static const char *variable(void *context, const char *name)
{
	(void)context;
	if (str_eq(name, "HOME"))
		return "/home/me";
	if (str_eq(name, "SPACED"))
		return "a b";
	if (str_eq(name, "CARD"))
		return "nvidia";
	if (str_eq(name, "BAD"))
		return "nvdia";
	return NULL;
}

static const struct rule_world world = {holds, variable, NULL};

static const struct rule_subject steam = {.name = "steam", .path = "/usr/bin/steam"};

/* Reads text in pieces of a size, as a window that slides does. */
static void read_pieces(struct rule_reader *reader, const char *text, size_t length, size_t piece)
{
	size_t start = 0, end = 0;

	rule_begin(reader, "t.conf");
	while (end < length) {
		end = end + piece < length ? end + piece : length;
		start += rule_read(reader, text + start, end - start, end == length);
	}
}

static struct rule_reader read_for(const struct rule_subject *subject, const char *text)
{
	struct rule_reader reader;

	rule_reader_init(&reader, arena, rule_keys, subject);
	read_pieces(&reader, text, strlen(text), strlen(text) + 1);
	return reader;
}

static struct rule_settings resolved(struct rule_reader *reader)
{
	struct rule_settings settings;

	rule_resolve(reader, &world, &settings, NULL);
	return settings;
}

static struct rule_settings settings_of(const char *text)
{
	struct rule_reader reader = read_for(&steam, text);

	return resolved(&reader);
}

/* "line:column: text" of all mistakes, one a line. */
static const char *mistakes(const struct rule_reader *reader)
{
	const char *all = "";

	for (size_t i = 0; i < reader->mistake_count; i++)
		all = arena_printf(arena, "%s%u:%u: %s\n", all, reader->mistakes[i].line,
			reader->mistakes[i].column, reader->mistakes[i].text);
	return all;
}

static const char *checked(const char *text)
{
	struct rule_reader reader = read_for(NULL, text);

	return mistakes(&reader);
}

static void later_lines_win_key_by_key(void)
{
	struct rule_settings settings =
		settings_of("[steam]\ngpu = nvidia\nglx = mesa\nset.A = 1\nunset = X\n"
			    "[other]\ngpu = amd\n"
			    "[st*]\ngpu = intel\nset.A = 2\nunset = Y, Z\n");

	check_text(settings.gpu.value, "intel");
	check(settings.gpu.from.line == 9);
	check_text(settings.api[RULE_GLX].value, "mesa");
	check(settings.variable_count == 3);
	check_text(settings.variables[0].name, "A");
	check_text(settings.variables[0].value.value, "2");
	check_text(settings.variables[1].name, "Y");
	check(settings.variables[1].base == RULE_BASE_UNSET);
	check_text(settings.variables[2].name, "Z");
}

static void the_last_word_on_a_variable_decides(void)
{
	struct rule_settings settings =
		settings_of("[steam]\nset.A = 1\nunset = A\n[steam]\nunset = B\nset.B = 2\n"
			    "default.C = 3\nprepend.C = /p\nappend.C = /q\n");

	check(settings.variable_count == 3);
	/* The second unset list took the place of the first, so that A is set again. */
	check_text(settings.variables[0].name, "A");
	check(settings.variables[0].base == RULE_BASE_SET);
	check_text(settings.variables[1].name, "B");
	check(settings.variables[1].base == RULE_BASE_SET);
	check_text(settings.variables[2].name, "C");
	check(settings.variables[2].base == RULE_BASE_DEFAULT);
	check_text(settings.variables[2].prepend.value, "/p");
	check_text(settings.variables[2].append.value, "/q");
}

static void conditions_must_all_hold(void)
{
	static const char text[] = "[steam]\ngpu = nvidia\nwhen.power = ac\nwhen.session = x11\n";

	holding = 1u << RULE_WHEN_POWER;
	check_text(settings_of(text).gpu.value, NULL);
	holding |= 1u << RULE_WHEN_SESSION;
	check_text(settings_of(text).gpu.value, "nvidia");
	holding = 0;
}

static void a_mistaken_condition_never_holds(void)
{
	static const char *const cases[] = {
		"[steam]\nwhen.powr = ac\ngpu = nvidia\n",
		"[steam]\nwhen.power = acc\ngpu = nvidia\n",
		"[steam]\nwhen.power ac\ngpu = nvidia\n",
		"[steam]\ngpu = nvidia\nwhen.power = \"ac\n",
	};

	holding = ~0u;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rule_reader reader = read_for(&steam, cases[i]);

		check_text(resolved(&reader).gpu.value, NULL);
		check(reader.mistake_count == 1);
	}
	holding = 0;
}

static void a_bad_line_is_reported_and_the_others_count(void)
{
	struct rule_reader reader = read_for(&steam, "[steam]\n"
						     "gpu = nvidia\n"
						     "gp = intel\n"
						     "  glx\n"
						     "set.= 1\n"
						     "set.A = \"x\\q\"\n"
						     "set.B = \"x\" y\n"
						     "set.C = \"x\n"
						     "= 3\n"
						     "fallback = wrn\n"
						     "set.D = ${X\n"
						     "set.E = $X\n"
						     "glx = /usr/lib\n"
						     "set.F = fine\n");
	struct rule_settings settings = resolved(&reader);

	check_text(mistakes(&reader),
		"3:1: unknown key 'gp'; did you mean 'gpu'?\n"
		"4:6: expected '=', got the end of the line\n"
		"5:7: expected a variable's name behind 'set.'\n"
		"6:11: unknown escape; known are \\\" \\\\ \\n \\t\n"
		"7:12: expected the end of the line behind the closing quote, got ' y'\n"
		"8:9: the quote is never closed\n"
		"9:1: expected a key, got '= 3'\n"
		"10:12: unknown value 'wrn'; did you mean 'warn'?\n"
		"11:9: expected '}' behind '${'; a dollar sign is written '$$'\n"
		"12:9: expected '${NAME}', or '$$' for a dollar sign\n"
		"13:7: expected a name such as 'nvidia', got the path '/usr/lib'\n");
	check_text(settings.gpu.value, "nvidia");
	check(settings.variable_count == 1);
	check_text(settings.variables[0].name, "F");
}

static void another_programs_mistake_is_not_read(void)
{
	struct rule_reader reader = read_for(
		&steam, "[other]\nnonsense\n= =\n\x01\n[steam]\ngpu = amd\n[last]\nmore nonsense");

	check(reader.mistake_count == 0);
	check_text(resolved(&reader).gpu.value, "amd");
}

static void a_check_reads_everything(void)
{
	check_text(checked("x = 1\n[a\ngpu = 1\n[a] b\n[, b]\n[staem:4]\n[steam:]\n[\"x]\n"),
		"1:1: expected a [header] first, got 'x = 1'\n"
		"2:3: expected ']' at the end of the header\n"
		"3:7: unknown GPU '1'; 'nv-run --list' and 'nv-gpu list' show them, nv-run(1) "
		"tells "
		"how to choose one\n"
		"4:4: expected the end of the line behind ']'; a comment needs a line of its own\n"
		"5:2: expected a pattern, got ','\n"
		"6:2: unknown kind of pattern 'staem:'; did you mean 'steam:'?\n"
		"7:2: nothing behind 'steam:'; 'steam:*' matches all\n"
		"8:2: the quote is never closed\n");
	check_text(checked("# remark\n ; remark\n\n[a]\r\ngpu = nvidia\r\n"), "");
}

static void values_are_trimmed_quoted_and_expanded(void)
{
	static const struct {
		const char *value, *expected;
	} cases[] = {
		{"  plain  ", "plain"},
		{"\" kept \"", " kept "},
		{"\"a\\\"b\\\\c\\nd\\te\"", "a\"b\\c\nd\te"},
		{"${HOME}/x", "/home/me/x"},
		{"${NONE}x", "x"},
		{"$$HOME $$", "$HOME $"},
		{"a # no remark ; here", "a # no remark ; here"},
		{"", ""},
		{"\"\"", ""},
		{"x=y", "x=y"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rule_settings settings = settings_of(
			arena_printf(arena, "[steam]\r\nset.A =%s\r\n", cases[i].value));

		check(settings.variable_count == 1);
		check_text(settings.variables[0].value.value, cases[i].expected);
	}
}

static void a_value_wrong_once_expanded_is_a_mistake(void)
{
	struct rule_reader reader = read_for(&steam, "[steam]\ngpu = ${CARD}\n");

	check_text(resolved(&reader).gpu.value, "nvidia");
	reader = read_for(&steam, "[steam]\ngpu = ${BAD}\n");
	check_text(resolved(&reader).gpu.value, NULL);
	check_text(mistakes(&reader), "2:7: unknown GPU 'nvdia'; did you mean 'nvidia'?\n");
}

static void vulkan_takes_drivers_and_gpus(void)
{
	check_text(checked("[a]\nvulkan = radeon\nvulkan = discrete\nvulkan = off\n"), "");
	check(strstr(checked("[a]\nvulkan = none\n"), "2:10: 'none' is no driver"));
	check(strstr(checked("[a]\nvulkan = software\n"), "2:10: 'software' is no driver"));
}

static void a_value_with_which_no_program_starts_is_a_mistake(void)
{
	char *most = arena_alloc(arena, RULE_LONGEST);
	struct rule_reader reader;

	/* "A=" and the NUL leave room for this much. */
	memset(most, 'x', RULE_LONGEST - 3);
	check_text(checked(arena_printf(arena, "[steam]\nset.A = %s\n", most)), "");
	check(strstr(checked(arena_printf(arena, "[steam]\nset.A = %sx\n", most)),
		"2:9: too long: no program starts"));
	check(*checked(arena_printf(arena, "[steam]\nprepend.AB = %s\n", most)));
	reader = read_for(&steam,
		arena_printf(arena, "[steam]\nset.A = 1\nset.A = ${CARD}%s\nwrap = ${CARD}%s\n",
			most, most));
	check_text(resolved(&reader).variables[0].value.value, "1");
	check(reader.mistake_count == 2);
}

static void a_line_that_fails_leaves_the_one_before_in_force(void)
{
	struct rule_reader reader = read_for(&steam,
		"[*]\ngpu = integrated\nwrap = a\nfallback = fail\n[steam]\ngpu = ${UNSET}\n"
		"wrap = ${\nfallback = ${BAD}\n");
	struct rule_settings settings = resolved(&reader);

	check_text(settings.gpu.value, "integrated");
	check_text(settings.fallback.value, "fail");
	check_text(settings.wrap[0], "a");
	check(settings.gpu.from.line == 2);
	check(reader.mistake_count == 3);
}

static void wrappers_are_words(void)
{
	struct rule_settings settings =
		settings_of("[steam]\nwrap = \"my tool\" --a=\"b c\" ${SPACED} d\n");

	check(settings.wrap != NULL);
	check_text(settings.wrap[0], "my tool");
	check_text(settings.wrap[1], "--a=b c");
	check_text(settings.wrap[2], "a b");
	check_text(settings.wrap[3], "d");
	check_text(settings.wrap[4], NULL);
	settings = settings_of("[steam]\nwrap = \"game mode\"\n");
	check_text(settings.wrap[0], "game");
	settings = settings_of("[steam]\nwrap = x\n[steam]\nwrap =\n");
	check(settings.wrap == NULL);
}

static void options_beat_rules_and_are_taken_literally(void)
{
	struct rule_reader reader = read_for(&steam, "[steam]\ngpu = amd\nset.A = 1\nset.B = 2\n");
	struct rule_settings settings;

	check(!rule_add(&reader, "gpu", "intel", true));
	check(!rule_add(&reader, "set.A", "$x ${y", true));
	check(!rule_add(&reader, "unset", "B", true));
	check(!rule_add(&reader, "unset", "C", true));
	check_text(rule_add(&reader, "gpu", "intle", true),
		"unknown GPU 'intle'; did you mean 'intel'?");
	check_text(rule_add(&reader, "vulkn", "off", false),
		"unknown key 'vulkn'; did you mean 'vulkan'?");
	settings = resolved(&reader);
	check_text(settings.gpu.value, "intel");
	check(settings.gpu.from.file == NULL);
	for (size_t i = 0; i < settings.variable_count; i++) {
		if (str_eq(settings.variables[i].name, "A"))
			check_text(settings.variables[i].value.value, "$x ${y");
		else
			check(settings.variables[i].base == RULE_BASE_UNSET);
	}
	check(settings.variable_count == 3);
}

static void a_variable_of_the_command_line_has_nothing_on_top(void)
{
	struct rule_reader reader = read_for(
		&steam, "[steam]\nprepend.A = r\nappend.A = r\nprepend.B = r\nprepend.C = r\n");
	struct rule_settings settings;

	check(!rule_add(&reader, "append.A", "mine", false));
	check(!rule_add(&reader, "set.A", "1", true));
	check(!rule_add(&reader, "unset", "B", true));
	check(!rule_add(&reader, "set.C", "1", false));
	settings = resolved(&reader);
	check(settings.variable_count == 3);
	for (size_t i = 0; i < settings.variable_count; i++) {
		const struct rule_variable *one = &settings.variables[i];

		check_text(one->prepend.value, str_eq(one->name, "C") ? "r" : NULL);
		check_text(one->append.value, str_eq(one->name, "A") ? "mine" : NULL);
	}
}

static void keys_are_sorted_and_describe_themselves(void)
{
	for (const struct rule_key *key = rule_keys; key->name; key++) {
		check(key->help && *key->help);
		check(!key[1].name || strcmp(key->name, key[1].name) < 0);
	}
	for (int api = 0; api < RULE_APIS; api++)
		check(*rule_api_name((enum rule_api)api));
}

static void a_dropped_file_leaves_nothing(void)
{
	static const char text[] = "[steam]\ngpu = intel\nx\n";
	struct rule_reader reader = read_for(&steam, "[steam]\ngpu = amd\n");

	rule_begin(&reader, "second");
	rule_read(&reader, text, strlen(text), true);
	check(reader.count == 2 && reader.mistake_count == 1);
	rule_drop(&reader);
	check(reader.count == 1 && reader.mistake_count == 0);
	check_text(resolved(&reader).gpu.value, "amd");
}

static void a_byte_order_mark_is_passed_over(void)
{
	check_text(settings_of("\xef\xbb\xbf[steam]\ngpu = amd\n").gpu.value, "amd");
	check_text(checked("\xef\xbb\xbf[steam]\ngpu = amd\n"), "");
	/* Only one, however the bytes arrive. */
	check(read_for(&steam, "\xef\xbb\xbf\xef\xbb\xbf[steam]\n").count == 0);
}

/* The same settings and mistakes however the bytes arrive, and whether other sections are read
 * or skipped. */
static const char *const pieces[] = {"[steam]\n", "[other]\n", "  [st*, x]\r\n", "[\"a,b\"]\n",
	"gpu = nvidia\n", "gpu = intel", "\n", "set.A = [steam]\n", "\t[x\n", "# [steam]\n",
	"unset = A, B\n", "when.power = ac\n", "nonsense\n", "set.L = long long long long\n",
	"[/usr/*]\n", "[[a-z]team]\n", "vulkan = off\n", "]\n", "[", "wrap = a b\n", "\r\n",
	"\xef\xbb\xbf"};

static unsigned long state = 88172645463325252ul;

static size_t next_random(size_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

static bool same(const char *a, const char *b)
{
	return a && b ? str_eq(a, b) : a == b;
}

static bool same_settings(const struct rule_settings *a, const struct rule_settings *b)
{
	bool equal = same(a->gpu.value, b->gpu.value) && a->gpu.from.line == b->gpu.from.line &&
		     a->variable_count == b->variable_count && !a->wrap == !b->wrap &&
		     same(a->api[RULE_VULKAN].value, b->api[RULE_VULKAN].value);

	for (size_t i = 0; equal && i < a->variable_count; i++)
		equal = same(a->variables[i].name, b->variables[i].name) &&
			a->variables[i].base == b->variables[i].base &&
			same(a->variables[i].value.value, b->variables[i].value.value) &&
			a->variables[i].value.from.line == b->variables[i].value.from.line;
	return equal;
}

/* Keeps of a reader that read everything the sections whose header matches. */
static void keep_matching(struct rule_reader *reader)
{
	size_t kept = 0;

	for (size_t i = 0; i < reader->count; i++) {
		const char *pattern;

		if (rule_header_matches(arena, &steam, reader->sections[i].header, &pattern))
			reader->sections[kept++] = reader->sections[i];
	}
	reader->count = kept;
}

static void skipping_gives_what_reading_everything_gives(void)
{
	for (unsigned round = 0; round < 20000; round++) {
		struct rule_reader skipping, all, sliced;
		struct rule_settings one, two, three;
		char text[600] = "";
		size_t length;

		for (size_t i = next_random(16); i > 0; i--)
			strcat(text, pieces[next_random(sizeof(pieces) / sizeof(*pieces))]);
		length = strlen(text);
		holding = (unsigned)next_random(2) << RULE_WHEN_POWER;
		skipping = read_for(&steam, text);
		all = read_for(NULL, text);
		rule_reader_init(&sliced, arena, rule_keys, &steam);
		read_pieces(&sliced, text, length, 1 + next_random(7));
		keep_matching(&all);
		one = resolved(&skipping);
		two = resolved(&all);
		three = resolved(&sliced);
		if (!same_settings(&one, &two) || !same_settings(&one, &three))
			printf("# --- %s\n", text);
		check(same_settings(&one, &two));
		check(same_settings(&one, &three));
		check_text(mistakes(&skipping), mistakes(&sliced));
		if (round % 100 == 0) {
			arena_free(arena);
			arena = arena_new();
		}
	}
	holding = 0;
}

static void tap_begin(void)
{
	arena = arena_new();
}

static void tap_end(void)
{
	arena_free(arena);
}

TAP_MAIN(TEST(later_lines_win_key_by_key), TEST(the_last_word_on_a_variable_decides),
	TEST(conditions_must_all_hold), TEST(a_mistaken_condition_never_holds),
	TEST(a_bad_line_is_reported_and_the_others_count),
	TEST(another_programs_mistake_is_not_read), TEST(a_check_reads_everything),
	TEST(values_are_trimmed_quoted_and_expanded),
	TEST(a_value_wrong_once_expanded_is_a_mistake), TEST(vulkan_takes_drivers_and_gpus),
	TEST(a_value_with_which_no_program_starts_is_a_mistake),
	TEST(a_line_that_fails_leaves_the_one_before_in_force), TEST(wrappers_are_words),
	TEST(options_beat_rules_and_are_taken_literally),
	TEST(a_variable_of_the_command_line_has_nothing_on_top),
	TEST(keys_are_sorted_and_describe_themselves), TEST(a_dropped_file_leaves_nothing),
	TEST(a_byte_order_mark_is_passed_over), TEST(skipping_gives_what_reading_everything_gives))
