/* SPDX-License-Identifier: MIT */
/* selector: the words that choose a GPU. */
#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/slot.h"
#include "base/str.h"
#include "rule/internal.h"

/* In the order of enum rule_selector_kind. */
const char *const rule_selector_words[] = {
	"auto",
	"discrete",
	"integrated",
	"external",
	"boot",
	"nvidia",
	"amd",
	"intel",
	"software",
	"none",
	NULL,
};

static bool hex(const char *text, size_t length, unsigned long *number)
{
	return str_number(text, length, 16, number);
}

/* Written out in full; a GPU is function 0 unless said. */
static const char *parse_slot(struct arena *arena, const char *text)
{
	int function;
	const char *slot = slot_parse(arena, text, &function);

	return slot ? arena_printf(arena, "%s.%d", slot, function < 0 ? 0 : function) : NULL;
}

static bool parse_id(const char *text, struct rule_selector *selector)
{
	unsigned long vendor, device;

	if (strlen(text) != 9 || text[4] != ':' || !hex(text, 4, &vendor) ||
		!hex(text + 5, 4, &device))
		return false;
	selector->vendor = (unsigned)vendor;
	selector->device = (unsigned)device;
	return true;
}

static bool parse_word(const char *text, struct rule_selector *selector)
{
	const char *colon = strchrnul(text, ':');
	unsigned long index;

	for (int i = 0; rule_selector_words[i]; i++) {
		const char *word = rule_selector_words[i];

		if (strlen(word) != (size_t)(colon - text) || !str_starts(text, word))
			continue;
		selector->kind = (enum rule_selector_kind)i;
		if (!*colon)
			return true;
		if (i == RULE_SELECT_AUTO || i == RULE_SELECT_BOOT || i >= RULE_SELECT_SOFTWARE ||
			!str_number(colon + 1, strlen(colon + 1), 10, &index) || index > 255)
			return false;
		selector->index = (int)index;
		return true;
	}
	return false;
}

const char *rule_selector_parse(
	struct arena *arena, const char *text, struct rule_selector *selector)
{
	const char *similar, *slot;

	*selector = (struct rule_selector){.index = -1, .text = text};
	if (parse_word(text, selector))
		return NULL;
	if (parse_id(text, selector)) {
		selector->kind = RULE_SELECT_ID;
		return NULL;
	}
	if (str_starts(text, "name=") && text[5]) {
		selector->kind = RULE_SELECT_NAME;
		selector->text = text + 5;
		return NULL;
	}
	if (str_starts(text, "uuid=") && text[5]) {
		selector->kind = RULE_SELECT_UUID;
		selector->text = text + 5;
		return NULL;
	}
	slot = parse_slot(arena, text);
	if (slot) {
		selector->kind = RULE_SELECT_SLOT;
		selector->text = slot;
		return NULL;
	}
	if (!*text)
		return "expected a GPU, such as 'discrete' or '01:00.0'";
	if (strchr(text, ':'))
		return arena_printf(arena,
			"'%s' is no GPU; slots are like 01:00.0 or PCI:1:0:0, ids like 10de:25a0, "
			"numbered words like nvidia:1",
			text);
	similar = str_similar(text, rule_selector_words);
	if (similar)
		return arena_printf(arena, "unknown GPU '%s'; did you mean '%s'?", text, similar);
	return arena_printf(arena,
		"unknown GPU '%s'; 'nv-run --list' and 'nv-gpu list' show them, nv-run(1) tells "
		"how "
		"to choose one",
		text);
}
