/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/xorg/busid.h"
#include "nv-gpu/doctor/xorg/conf.h"
#include "tap.h"

static struct arena *arena;

static void tap_begin(void)
{
	arena = arena_new();
}

static void tap_end(void)
{
	arena_free(arena);
}

static struct xconf read_text(const char *text)
{
	struct xconf conf = {0};

	xconf_read(arena, &conf, "x.conf", text);
	return conf;
}

static void a_value_has_its_line_column_and_place_in_the_file(void)
{
	static const char text[] =
		"# one\nSection \"Device\"\n\tBusID  \"PCI:1:0:0\"\nEndSection\n";
	struct xconf conf = read_text(text);
	const struct xconf_value *value;

	check(conf.count == 1 && !conf.mistake_count);
	value = xconf_find(&conf.sections[0], "busid");
	check(value && value->line == 3 && value->column == 10);
	check(strncmp(text + value->offset, "PCI:1:0:0\"", value->length + 1) == 0);
	check_text(value->text, "PCI:1:0:0");
}

static void names_are_equal_whatever_their_case_blanks_and_underlines(void)
{
	check(xconf_same("BusID", "bus_id"));
	check(xconf_same(" Server Flags", "serverflags"));
	check(!xconf_same("BusID", "BusI"));
	check(!xconf_same("", "a"));
	check(xconf_same("", ""));
}

static void a_remark_ends_a_word_and_not_a_string(void)
{
	struct xconf conf = read_text("Section \"Device\"#x\nDriver \"a#b\" # c\n"
				      "#BusID \"PCI:1:0:0\"\nEndSection#end");

	check(conf.count == 1 && !conf.mistake_count);
	check_text(xconf_find(&conf.sections[0], "Driver")->text, "a#b");
	check(!xconf_find(&conf.sections[0], "BusID"));
}

static void a_string_ends_with_its_line(void)
{
	struct xconf conf = read_text("Section \"Device\"\nDriver \"nvidia\nBusID \"PCI:1:0:0\"\n"
				      "EndSection\n");

	check_text(xconf_find(&conf.sections[0], "Driver")->text, "nvidia");
	check_text(xconf_find(&conf.sections[0], "BusID")->text, "PCI:1:0:0");
}

static void lines_do_not_matter_to_the_server(void)
{
	struct xconf conf = read_text("Section\n\"Device\" Driver\n\"nvidia\" EndSection "
				      "Section \"Files\" EndSection");

	check(conf.count == 2 && !conf.mistake_count);
	check_text(xconf_find(&conf.sections[0], "Driver")->text, "nvidia");
}

static void places_of_screens_are_no_keywords(void)
{
	struct xconf conf = read_text("Section \"ServerLayout\"\n\tScreen 0 \"A\" LeftOf \"B\"\n"
				      "\tInactive \"C\"\nEndSection\n");

	check(conf.sections[0].count == 2 && conf.sections[0].entries[0].count == 4);
	check_text(xconf_find(&conf.sections[0], "inactive")->text, "C");
}

static void what_stands_in_a_subsection_is_not_the_sections(void)
{
	struct xconf conf = read_text("Section \"Screen\"\nSubSection \"Display\"\nDriver \"x\"\n"
				      "Option \"AllowExternalGpus\"\nEndSubSection\nEndSection\n");

	check(!conf.mistake_count);
	check(!xconf_find(&conf.sections[0], "Driver"));
	check(xconf_option(&conf.sections[0], "AllowExternalGpus", NULL));
}

static void options_are_true_off_or_negated(void)
{
	static const struct {
		const char *text;
		bool on;
	} cases[] = {{"\"AutoAddGPU\"", true}, {"\"AutoAddGPU\" \"off\"", false},
		{"\"AutoAddGPU\" \"False\"", false}, {"\"auto_add gpu\" \"0\"", false},
		{"\"NoAutoAddGPU\"", false}, {"\"NoAutoAddGPU\" \"no\"", true},
		{"\"AutoAddGPU\" \"on\"", true}, {"\"AutoAddGPU\" \"what\"", true}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct xconf conf = read_text(arena_printf(
			arena, "Section \"ServerFlags\"\nOption %s\nEndSection\n", cases[i].text));
		bool on = !cases[i].on;

		check(xconf_option(&conf.sections[0], "AutoAddGPU", &on));
		check(on == cases[i].on);
	}
}

static void what_the_server_refuses_is_a_mistake(void)
{
	static const struct {
		const char *text;
		unsigned line;
	} cases[] = {{"Section \"Device\"\n", 1}, {"\nDriver \"nvidia\"\n", 2},
		{"Section \"Devices\"\nEndSection\n", 1},
		{"Section \"Device\"\nSection \"Screen\"\nEndSection\n", 2}, {"EndSection\n", 1},
		{"hello\n", 1}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct xconf conf = read_text(cases[i].text);

		check(conf.mistake_count == 1);
		check(conf.mistakes[0].line == cases[i].line);
	}
}

static void nothing_is_no_mistake(void)
{
	struct xconf conf = read_text("");

	check(!conf.count && !conf.mistake_count);
	conf = read_text("# only\n\n   \t\r\n");
	check(!conf.count && !conf.mistake_count);
}

/* What xf86ParsePciBusString of an X server 21.1.7 says of these texts, printed by a module that
 * the server loaded; a bus is given with its domain on top. */
static void a_bus_id_is_read_as_the_server_reads_it(void)
{
	static const struct {
		const char *text;
		int bus, device, function; /* -1: refused */
	} cases[] = {{"PCI:1:0:0", 1, 0, 0}, {"PCI:0a:00:0", -1, 0, 0}, {"PCI:10@1:0:0", 266, 0, 0},
		{"PCI:1@a:0:0", -1, 0, 0}, {"PCI:266:0:0", 266, 0, 0}, {"1:0:0", 1, 0, 0},
		{"pci: 1:0:0", -1, 0, 0}, {" PCI:1:0:0", 1, 0, 0}, {"PCI:01:00.0", -1, 0, 0},
		{"PCI:0000:01:00.0", -1, 0, 0}, {"PCI:0:1:0:0", 0, 1, 0}, {"PCI::1::0", 1, 0, 0},
		{"PCI:1:0", 1, 0, 0}, {"PCI:1", -1, 0, 0}, {"", -1, 0, 0}, {"PCI", -1, 0, 0},
		{"PCI:", -1, 0, 0}, {"PCI:1@:0:0", 1, 0, 0}, {"PCI:@1:0:0", 256, 0, 0},
		{"AGP:1:0:0", 1, 0, 0}, {"P_CI:1:0:0", 1, 0, 0}, {"PCI 1:0:0", -1, 0, 0},
		{"01:00:0", 1, 0, 0}, {"PCI:1:0:0 ", -1, 0, 0}, {"PCI:1:0:0:", 1, 0, 0},
		{"PCI:1@2@3:0:0", -1, 0, 0}, {"PCI:1@0:0:0:zz", 1, 0, 0}, {"foo:1:0:0", -1, 0, 0},
		{"0x1:0:0", -1, 0, 0}, {"PCI:08:09:0", 8, 9, 0}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct busid id;
		enum busid_kind kind = busid_read(cases[i].text, &id);

		check((kind == BUSID_PCI) == (cases[i].bus >= 0));
		check(kind != BUSID_OTHER);
		if (kind != BUSID_PCI)
			continue;
		check(id.domain * 256 + id.bus == (unsigned)cases[i].bus);
		check(id.device == (unsigned)cases[i].device);
		check(id.function == (unsigned)cases[i].function);
	}
}

static void devices_that_are_not_on_pci_are_left_alone(void)
{
	struct busid id;

	check(busid_read("PLATFORM:0", &id) == BUSID_OTHER);
	check(busid_read("USB:1:2", &id) == BUSID_OTHER);
}

/* The GPUs that mistakes are matched with: 00:02.0, 0a:00.0, 10:00.0, 0001:0b:00.0. */
static const struct busid slots[] = {{0, 0, 2, 0}, {0, 10, 0, 0}, {0, 16, 0, 0}, {1, 11, 0, 0}};
enum { SLOTS = sizeof(slots) / sizeof(*slots) };

static void the_gpu_that_was_meant_is_found(void)
{
	static const struct {
		const char *text;
		size_t meant;
	} cases[] = {
		{"PCI:0a:00:0", 1}, /* hexadecimal */
		{"PCI:0a:00.0", 1}, /* from lspci */
		{"0000:0a:00.0", 1}, /* from lspci -D */
		{"0a:00.0", 1},
		{"PCI:00:02.0", 0},
		{"PCI:0:0:2:0", 0}, /* domain in front */
		{"PCI:0@10:0:0", 1}, /* domain and bus swapped */
		{"PCI:1:11:0:0", 3},
		{"0001:0b:00.0", 3},
		{"PCI:0b@1:0:0", 3},
		{"PCI:1@11:0:0", 3},
		{"PCI:0x0a:0x00:0", 1},
		{"PCI:10:0:1", 1}, /* its sound device */
		{"PCI:99:0:0", SLOTS},
		{"nonsense", SLOTS},
		{"", SLOTS},
		{"PCI:::", SLOTS},
		{"PCI:1:2:3:4:5:6:7", SLOTS},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *why = NULL;
		size_t meant = busid_guess(cases[i].text, slots, SLOTS, &why);

		if (meant != cases[i].meant)
			printf("# %s: %zu\n", cases[i].text, meant);
		check(meant == cases[i].meant);
		check((meant < SLOTS) == (why != NULL));
	}
}

static void a_slot_becomes_the_bus_id_that_is_read_as_that_slot(void)
{
	static const char *const names[] = {
		"0000:01:00.0", "0000:0a:1f.7", "0001:ff:00.0", "10000:e1:00.0"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct busid id, again;

		check(busid_of_slot(names[i], &id));
		check(busid_read(busid_text(arena, &id), &again) == BUSID_PCI);
		check(busid_same(&id, &again));
	}
	check(!busid_of_slot("platform-gpu", &(struct busid){0}));
	check(!busid_of_slot("0000:01:00.0x", &(struct busid){0}));
}

TAP_MAIN(TEST(a_value_has_its_line_column_and_place_in_the_file),
	TEST(names_are_equal_whatever_their_case_blanks_and_underlines),
	TEST(a_remark_ends_a_word_and_not_a_string), TEST(a_string_ends_with_its_line),
	TEST(lines_do_not_matter_to_the_server), TEST(places_of_screens_are_no_keywords),
	TEST(what_stands_in_a_subsection_is_not_the_sections),
	TEST(options_are_true_off_or_negated), TEST(what_the_server_refuses_is_a_mistake),
	TEST(nothing_is_no_mistake), TEST(a_bus_id_is_read_as_the_server_reads_it),
	TEST(devices_that_are_not_on_pci_are_left_alone), TEST(the_gpu_that_was_meant_is_found),
	TEST(a_slot_becomes_the_bus_id_that_is_read_as_that_slot))
