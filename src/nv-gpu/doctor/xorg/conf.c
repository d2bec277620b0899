/* SPDX-License-Identifier: MIT */
#include "nv-gpu/doctor/xorg/conf.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

struct reader {
	struct arena *arena;
	struct xconf *conf;
	const char *path, *text, *at, *line_start;
	unsigned line;
	struct xconf_section *section;
	const char *subsection;
};

struct token {
	struct xconf_value value;
	bool string; /* in quotes */
};

static char folded(const char **at)
{
	while (**at == '_' || **at == ' ' || **at == '\t')
		(*at)++;
	return (char)tolower((unsigned char)**at);
}

bool xconf_same(const char *a, const char *b)
{
	for (;; a++, b++) {
		char one = folded(&a), other = folded(&b);

		if (one != other)
			return false;
		if (!one)
			return true;
	}
}

static void mistake(struct reader *reader, unsigned line, const char *what)
{
	struct xconf *conf = reader->conf;

	*arena_push(reader->arena, conf->mistakes, conf->mistake_count) =
		(struct xconf_mistake){reader->path, what, line};
}

/* The next word or string; false at the end. */
static bool next(struct reader *reader, struct token *token)
{
	const char *start;

	for (;; reader->at++) {
		reader->at += strspn(reader->at, " \t\r");
		if (*reader->at == '#')
			reader->at = strchrnul(reader->at, '\n');
		if (!*reader->at)
			return false;
		if (*reader->at != '\n')
			break;
		reader->line++;
		reader->line_start = reader->at + 1;
	}
	token->string = *reader->at == '"';
	start = reader->at + token->string;
	reader->at = start + strcspn(start, token->string ? "\"\r\n" : " \t\r\n#");
	token->value = (struct xconf_value){
		.text = arena_copy(reader->arena, start, (size_t)(reader->at - start)),
		.offset = (size_t)(start - reader->text),
		.length = (size_t)(reader->at - start),
		.line = reader->line,
		.column = (unsigned)(start - reader->line_start) + 1,
	};
	if (token->string && *reader->at == '"')
		reader->at++;
	return true;
}

/* Bare words that are no keywords: numbers, signed flags, and where a screen is. */
static bool is_value(const struct token *token)
{
	static const char *const places[] = {
		"LeftOf", "RightOf", "Above", "Below", "Relative", "Absolute"};

	if (token->string || strchr("0123456789+-,.", token->value.text[0]))
		return true;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (xconf_same(token->value.text, places[i]))
			return true;
	}
	return false;
}

static bool is_section(const char *name)
{
	static const char *const names[] = {"Files", "ServerFlags", "Module", "Extensions",
		"InputDevice", "InputClass", "OutputClass", "Device", "VideoAdaptor", "Monitor",
		"Modes", "Screen", "ServerLayout", "DRI", "Vendor", "Keyboard", "Pointer"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (xconf_same(name, names[i]))
			return true;
	}
	return false;
}

static void begin_section(struct reader *reader, const struct xconf_entry *entry)
{
	struct xconf *conf = reader->conf;
	const char *name = xconf_text(entry, 0);

	if (reader->section) {
		mistake(reader, entry->line,
			arena_printf(reader->arena,
				"Section \"%s\" begins before the one of line %u has its "
				"EndSection",
				name, reader->section->line));
	} else if (!is_section(name)) {
		mistake(reader, entry->line,
			arena_printf(reader->arena, "there is no kind of section \"%s\"", name));
	}
	reader->section = arena_push(reader->arena, conf->sections, conf->count);
	*reader->section =
		(struct xconf_section){.path = reader->path, .name = name, .line = entry->line};
	reader->subsection = NULL;
}

static void take(struct reader *reader, struct xconf_entry *entry)
{
	if (xconf_same(entry->key, "Section")) {
		begin_section(reader, entry);
	} else if (!reader->section) {
		mistake(reader, entry->line,
			arena_printf(
				reader->arena, "'%s' stands outside of any section", entry->key));
	} else if (xconf_same(entry->key, "EndSection")) {
		reader->section = NULL;
	} else if (xconf_same(entry->key, "SubSection")) {
		reader->subsection = xconf_text(entry, 0);
	} else if (xconf_same(entry->key, "EndSubSection")) {
		reader->subsection = NULL;
	} else {
		entry->subsection = reader->subsection;
		*arena_push(reader->arena, reader->section->entries, reader->section->count) =
			*entry;
	}
}

void xconf_read(struct arena *arena, struct xconf *conf, const char *path, const char *text)
{
	struct reader reader = {.arena = arena,
		.conf = conf,
		.path = path,
		.text = text,
		.at = text,
		.line_start = text,
		.line = 1};
	struct xconf_entry entry = {0};
	struct token token;

	while (next(&reader, &token)) {
		if (is_value(&token) && entry.key) {
			*arena_push(arena, entry.values, entry.count) = token.value;
			continue;
		}
		if (entry.key)
			take(&reader, &entry);
		entry = (struct xconf_entry){.key = token.value.text, .line = token.value.line};
	}
	if (entry.key)
		take(&reader, &entry);
	if (reader.section)
		mistake(&reader, reader.section->line,
			arena_printf(
				arena, "Section \"%s\" has no EndSection", reader.section->name));
}

const char *xconf_text(const struct xconf_entry *entry, size_t number)
{
	return number < entry->count ? entry->values[number].text : "";
}

const struct xconf_value *xconf_find(const struct xconf_section *section, const char *key)
{
	for (size_t i = section->count; i > 0; i--) {
		const struct xconf_entry *entry = &section->entries[i - 1];

		if (!entry->subsection && xconf_same(entry->key, key) && entry->count)
			return &entry->values[0];
	}
	return NULL;
}

/* As xf86getBoolValue: an empty value is true, what is none of these leaves it alone. */
static bool truth(const char *text, bool otherwise)
{
	static const char *const yes[] = {"", "1", "on", "true", "yes"};
	static const char *const no[] = {"0", "off", "false", "no"};

	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
		if (xconf_same(text, yes[i]))
			return true;
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++) {
		if (xconf_same(text, no[i]))
			return false;
	}
	return otherwise;
}

const struct xconf_entry *xconf_option(
	const struct xconf_section *section, const char *name, bool *on)
{
	for (size_t i = section->count; i > 0; i--) {
		const struct xconf_entry *entry = &section->entries[i - 1];
		const char *own = xconf_text(entry, 0);
		bool negated;

		if (!xconf_same(entry->key, "Option"))
			continue;
		while (*own == ' ' || *own == '\t' || *own == '_')
			own++;
		negated = !xconf_same(own, name) && strncasecmp(own, "no", 2) == 0 &&
			  xconf_same(own + 2, name);
		if (!negated && !xconf_same(own, name))
			continue;
		if (on)
			*on = truth(xconf_text(entry, 1), true) != negated;
		return entry;
	}
	return NULL;
}
