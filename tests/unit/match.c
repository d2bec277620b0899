/* SPDX-License-Identifier: MIT */
/* Which programs a header means, and which GPU a selector. */
#include <stdbool.h>
#include <stdio.h>

#include "base/mem.h"
#include "rule/rule.h"
#include "tap.h"

static struct arena *arena;

static const char *real(void *context)
{
	return context;
}

static void patterns_match_names_paths_and_ids(void)
{
	static const char *const ids[] = {"steam:620", "desktop:org.gimp.GIMP", NULL};
	static char *const args[] = {(char *)"wine", (char *)"Z:\\games\\Portal2.EXE", NULL};
	static const struct rule_subject subject = {
		.name = "wine-stable",
		.path = "/opt/wine/bin/wine-stable",
		.args = args,
		.ids = ids,
		.real_path = real,
		.context = (void *)"/nix/store/x-wine/bin/.wine-wrapped",
	};
	static const struct {
		const char *header;
		bool matches;
	} cases[] = {
		{"[wine-stable]", true},
		{"[wine]", false},
		{"[wine*]", true},
		{"[WINE-STABLE]", false},
		{"[foo, wine-stable]", true},
		{"[foo,wine-stable , bar]", true},
		{"[foo, bar]", false},
		{"[*]", true},
		{"[w[h-j]ne-stable]", true},
		{"[w[a-c]ne-stable]", false},
		{"[\"wine-stable\"]", true},
		{"[\"a,b\", wine-stable]", true},
		{"[\"wine-stable]", false},
		{"[/opt/wine/bin/*]", true},
		{"[/opt/*]", true},
		{"[/nix/store/*/.wine-wrapped]", true},
		{"[/usr/*]", false},
		{"[*/bin/wine-stable]", true},
		{"[bin/wine-stable]", false},
		{"[steam:620]", true},
		{"[steam:*]", true},
		{"[steam:62]", false},
		{"[desktop:org.gimp.*]", true},
		{"[flatpak:*]", false},
		{"[wine:portal2.exe]", true},
		{"[wine:*.exe]", true},
		{"[wine:portal]", false},
		{"[]", false},
		{"[ ]", false},
		{"[wine-stable", false},
		{"[wine-stable] trailing", true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *pattern;
		bool matches = rule_header_matches(arena, &subject, cases[i].header, &pattern);

		if (matches != cases[i].matches)
			printf("# %s\n", cases[i].header);
		check(matches == cases[i].matches);
	}
}

static void selectors_are_read_with_all_their_forms(void)
{
	static const struct {
		const char *text;
		enum rule_selector_kind kind;
		int index;
		const char *slot;
	} cases[] = {
		{"auto", RULE_SELECT_AUTO, -1, NULL},
		{"discrete", RULE_SELECT_DISCRETE, -1, NULL},
		{"nvidia:1", RULE_SELECT_NVIDIA, 1, NULL},
		{"integrated:0", RULE_SELECT_INTEGRATED, 0, NULL},
		{"software", RULE_SELECT_SOFTWARE, -1, NULL},
		{"0000:01:00.0", RULE_SELECT_SLOT, -1, "0000:01:00.0"},
		{"01:00.0", RULE_SELECT_SLOT, -1, "0000:01:00.0"},
		{"1:00.0", RULE_SELECT_SLOT, -1, "0000:01:00.0"},
		{"0001:0A:1f.7", RULE_SELECT_SLOT, -1, "0001:0a:1f.7"},
		{"10000:e1:00.0", RULE_SELECT_SLOT, -1, "10000:e1:00.0"},
		{"0a:00", RULE_SELECT_SLOT, -1, "0000:0a:00.0"},
		{"00000001:0A:00.0", RULE_SELECT_SLOT, -1, "0001:0a:00.0"},
		{"PCI:10:0:0", RULE_SELECT_SLOT, -1, "0000:0a:00.0"},
		{"10de:25a0", RULE_SELECT_ID, -1, NULL},
		{"name=*RTX*", RULE_SELECT_NAME, -1, "*RTX*"},
		{"uuid=GPU-12", RULE_SELECT_UUID, -1, "GPU-12"},
	};
	static const char *const wrong[] = {"", "nvidia:", "nvidia:x", "nvidia:999", "auto:1",
		"none:0", "10de:25", "01:00.8", "01:0g.0", "01:00.00", "name=", "uuid=", "card0",
		"00001:01:00.0.0", "discrete:1:2", "PCI:1", "PCI:256:0:0"};
	struct rule_selector selector;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		check_text(rule_selector_parse(arena, cases[i].text, &selector), NULL);
		check(selector.kind == cases[i].kind);
		check(selector.index == cases[i].index);
		if (cases[i].slot)
			check_text(selector.text, cases[i].slot);
	}
	check(selector.kind == RULE_SELECT_UUID);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		check(rule_selector_parse(arena, wrong[i], &selector) != NULL);
}

static void tap_begin(void)
{
	arena = arena_new();
}

static void tap_end(void)
{
	arena_free(arena);
}

TAP_MAIN(TEST(patterns_match_names_paths_and_ids), TEST(selectors_are_read_with_all_their_forms))
