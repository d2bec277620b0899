/* SPDX-License-Identifier: MIT */
#include "nv-gpu/record/anonymous.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/collect.h"
#include "nv-gpu/record/rules.h"

enum { SHORT = 3 };

/* Names that say nothing of who has the machine, and that stand for other things elsewhere. */
static const char *const common[] = {"localhost", "localdomain", "root", "user", "debian", "ubuntu",
	"fedora", "arch", "archlinux", "nixos", "gentoo", "opensuse", "suse", "mint", "manjaro",
	"void", "linux", "laptop", "desktop", "server", "workstation", "home", "test", "gnome",
	"kde", "plasma", "wayland", "xorg", "steam", "game", "games", "guest", "nobody", "admin",
	"video", "render", "intel", "amd", "active", "suspended", "auto", "on", "off", "none",
	"unknown", "connected", "disconnected", "enabled", "disabled", "mains", "battery", "live",
	"options", "install", "blacklist", "alias", NULL};

struct anonymous_value *anonymous_value(
	struct anonymous *anonymous, enum anonymous_kind kind, const char *value, size_t length)
{
	struct anonymous_value *known;

	for (size_t i = 0; i < anonymous->count; i++) {
		known = &anonymous->values[i];
		if (known->kind == kind && known->length == length &&
			(kind < ANONYMOUS_UUID ? strncmp : strncasecmp)(
				known->value, value, length) == 0)
			return known;
	}
	known = arena_push(anonymous->arena, anonymous->values, anonymous->count);
	*known = (struct anonymous_value){.kind = kind,
		.value = arena_copy(anonymous->arena, value, length),
		.length = length,
		.number = ++anonymous->counts[kind]};
	return known;
}

static bool is_common(const char *name)
{
	for (size_t i = 0; common[i]; i++) {
		if (strcasecmp(common[i], name) == 0)
			return true;
	}
	return strlen(name) < SHORT || hw_collect_knows(name);
}

void anonymous_name(struct anonymous *anonymous, enum anonymous_kind kind, const char *name)
{
	struct anonymous_value *value;
	struct buf doubled = {0};
	unsigned number;

	if (!*name)
		return;
	value = anonymous_value(anonymous, kind, name, strlen(name));
	value->word = !is_common(name);
	if (!strchr(name, '-') || !value->word)
		return;
	/* As device-mapper writes a name with '-' in it: "my--host-root". */
	number = value->number;
	for (const char *c = name; *c; c++)
		buf_puts(&doubled, *c == '-' ? "--" : (char[]){*c, '\0'});
	value = anonymous_value(anonymous, kind, doubled.text, doubled.length);
	anonymous->counts[kind] -= value->number != number;
	value->number = number;
	value->word = true;
	buf_free(&doubled);
}

/* Names of users are below /home, wherever that stands. */
static void learn_homes(struct anonymous *anonymous, const char *text, size_t length)
{
	static const char home[] = "/home/";
	const char *end = text + length;

	while (text < end && (text = memmem(text, (size_t)(end - text), home, strlen(home)))) {
		size_t name = 0;

		text += strlen(home);
		while (text + name < end && (isalnum((unsigned char)text[name]) ||
						    (text[name] && strchr("._-", text[name]))))
			name++;
		if (name)
			anonymous_name(anonymous, ANONYMOUS_USER,
				arena_copy(anonymous->arena, text, name));
	}
}

static void learn(struct anonymous *anonymous, const struct recording *recording)
{
	for (size_t i = 0; i < recording->count; i++) {
		struct recording_entry *entry = &recording->entries[i];

		if (entry->path)
			learn_homes(anonymous, entry->path, strlen(entry->path));
		learn_homes(anonymous, entry->text, entry->length);
		if (entry->path && entry->kind == RECORDING_FILE &&
			str_ends(entry->path, "/edid")) {
			char *edid = arena_copy(anonymous->arena, entry->text, entry->length);

			anonymous_edid(anonymous, (unsigned char *)edid, entry->length);
			entry->text = edid;
		}
	}
}

const char *anonymous_text(struct anonymous *anonymous, const char *text, size_t *length)
{
	const char *begin = text, *end = text + *length, *done = text;
	struct buf out = {0};

	while (text < end) {
		size_t hidden = rules_match(anonymous, begin, text, end, &out, &done);

		text += hidden ? hidden : 1;
	}
	if (done == begin) {
		buf_free(&out);
		return begin;
	}
	buf_add(&out, done, (size_t)(end - done));
	*length = out.length;
	text = arena_copy(anonymous->arena, out.text, out.length);
	buf_free(&out);
	return text;
}

static void hide(struct anonymous *anonymous, struct recording_entry *entry)
{
	size_t length;

	if (entry->path) {
		length = strlen(entry->path);
		entry->path = anonymous_text(anonymous, entry->path, &length);
	}
	if (entry->path && str_ends(entry->path, "/edid"))
		return;
	if (entry->path && str_ends(entry->path, "/kernel/hostname")) {
		entry->text = "host-1\n";
		entry->length = strlen(entry->text);
	} else if (entry->path && str_ends(entry->path, "/cmdline")) {
		entry->text = rules_cmdline(anonymous, entry->text, &entry->length);
	} else {
		entry->text = anonymous_text(anonymous, entry->text, &entry->length);
	}
}

void anonymous_recording(struct anonymous *anonymous, struct recording *recording)
{
	learn(anonymous, recording);
	for (size_t i = 0; i < recording->count; i++)
		hide(anonymous, &recording->entries[i]);
}
