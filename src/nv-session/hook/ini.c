/* SPDX-License-Identifier: MIT */
/*
 * ini: LightDM and SDDM, which read many files of sections and let the last one win.
 *
 * Ours is a drop-in that is read after the others. What is read even later is not fought from
 * there: our block goes right behind the line that would win. A command that was there is run
 * after ours, by the same line: a shell is started in any case, so that nobody is locked out
 * when nv-session itself is gone or cannot be loaded. What becomes of the other command is told
 * to the display manager as before.
 *
 * LightDM: src/configuration.c (order of files), src/seat.c (display-setup-script).
 * SDDM: src/common/ConfigReader.cpp, src/common/Configuration.h.
 */
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/hook/hook.h"

struct ini {
	const char *const *directories; /* in the order they are read, the drop-in's last */
	const char *last; /* the file that is read after all of them */
	const char *drop_in, *key, *section;
	bool (*is_section)(const char *section);
	const char *usual; /* the command if no file says one */
	const char *alone, *before; /* our command; what stands before the other command */
	bool any_name; /* of drop-ins, else *.conf */
	bool any_order; /* names are sorted by locale: one that is later by any order counts */
};

struct setting {
	const char *section, *value, *path;
	unsigned line;
	size_t end; /* where the next line begins */
};

struct settings {
	struct setting *items;
	size_t count;
};

static char *trimmed(struct arena *arena, const char *text, size_t length)
{
	while (length && strchr(" \t\r", *text)) {
		text++;
		length--;
	}
	while (length && strchr(" \t\r", text[length - 1]))
		length--;
	return arena_copy(arena, text, length);
}

static void read_file(
	struct plan *plan, const struct ini *ini, const char *path, struct settings *settings)
{
	const char *text = plan_read(plan, path), *section = "", *line, *end;
	unsigned number = 0;

	for (line = text; line && *line; line = *end ? end + 1 : end) {
		const char *equals, *bare;

		end = strchrnul(line, '\n');
		bare = trimmed(plan->arena, line, (size_t)(end - line));
		equals = strchr(bare, '=');
		number++;
		if (*bare == '[' && strchr(bare, ']')) {
			section = arena_copy(
				plan->arena, bare + 1, (size_t)(strchr(bare, ']') - bare) - 1);
			/* What [Seat:*] was called before LightDM 1.12; still read as that. */
			if (str_eq(section, "SeatDefaults"))
				section = "Seat:*";
		} else if (equals && ini->is_section(section) &&
			   str_eq(trimmed(plan->arena, bare, (size_t)(equals - bare)), ini->key)) {
			*arena_push(plan->arena, settings->items, settings->count) =
				(struct setting){section,
					trimmed(plan->arena, equals + 1, strlen(equals + 1)), path,
					number, (size_t)(*end ? end + 1 - text : end - text)};
		}
	}
}

static void read_all(struct plan *plan, const struct ini *ini, struct settings *settings)
{
	for (const char *const *directory = ini->directories; *directory; directory++) {
		struct file_list list;

		if (!hw_root_names(plan->root, *directory, &list))
			continue;
		for (size_t i = 0; i < list.count; i++) {
			const char *path = arena_path(plan->arena, *directory, list.names[i]);

			if (list.names[i][0] == '.' || str_eq(path, ini->drop_in) ||
				!(ini->any_name || str_ends(list.names[i], ".conf")))
				continue;
			read_file(plan, ini, path, settings);
		}
	}
	read_file(plan, ini, ini->last, settings);
}

/* Whether a file is read after the drop-in. */
static bool beats(const struct ini *ini, const char *path)
{
	size_t directory = (size_t)(str_file_name(ini->drop_in) - ini->drop_in);

	if (str_eq(path, ini->last))
		return true;
	if (strncmp(path, ini->drop_in, directory) != 0)
		return false;
	return strcmp(path, ini->drop_in) > 0 ||
	       (ini->any_order && strcasecmp(path, ini->drop_in) > 0);
}

static const char *command(struct plan *plan, const struct ini *ini, const char *other)
{
	if (!other || !*other)
		return ini->alone;
	plan->then = other;
	return arena_printf(plan->arena, "%s %s", ini->before, other);
}

static void place_section(struct plan *plan, const struct ini *ini, const char *section,
	const struct settings *settings, struct buf *drop_in)
{
	const struct setting *last = NULL;
	const char *line;

	for (size_t i = 0; i < settings->count; i++) {
		if (str_eq(settings->items[i].section, section))
			last = &settings->items[i];
	}
	line = arena_printf(plan->arena, "%s=%s\n", ini->key,
		command(plan, ini, last ? last->value : ini->usual));
	if (last && beats(ini, last->path)) {
		struct place *place = plan_add(plan, last->path, line);

		place->at = last->end;
		place->why = arena_printf(plan->arena, "%s:%u sets %s in [%s] and wins over %s",
			last->path, last->line, ini->key, section, ini->drop_in);
		return;
	}
	buf_printf(drop_in, "[%s]\n%s", section, line);
}

static void plan_ini(struct plan *plan, const struct ini *ini)
{
	struct settings settings = {0};
	struct buf drop_in = {0};

	read_all(plan, ini, &settings);
	plan_read(plan, ini->drop_in);
	place_section(plan, ini, ini->section, &settings, &drop_in);
	for (size_t i = 0; i < settings.count; i++) {
		const char *section = settings.items[i].section;
		bool done = str_eq(section, ini->section);

		for (size_t j = 0; j < i; j++)
			done |= str_eq(section, settings.items[j].section);
		if (!done)
			place_section(plan, ini, section, &settings, &drop_in);
	}
	if (drop_in.length)
		plan_add(plan, ini->drop_in, arena_dup(plan->arena, drop_in.text));
	buf_free(&drop_in);
}

static bool is_seat(const char *section)
{
	return str_starts(section, "Seat:");
}

void ini_plan_lightdm(struct plan *plan)
{
	static const char *const directories[] = {"/usr/share/lightdm/lightdm.conf.d",
		"/usr/local/share/lightdm/lightdm.conf.d", "/etc/xdg/lightdm/lightdm.conf.d",
		"/etc/lightdm/lightdm.conf.d", NULL};
	static const struct ini lightdm = {
		.directories = directories,
		.last = "/etc/lightdm/lightdm.conf",
		.drop_in = "/etc/lightdm/lightdm.conf.d/zz-nv-session.conf",
		.key = "display-setup-script",
		.section = "Seat:*",
		.is_section = is_seat,
		/* GLib takes the line apart as a shell would. */
		.alone = "/bin/sh -c '" NV_SESSION_PROGRAM " setup --hook; exit 0'",
		.before =
			"/bin/sh -c '" NV_SESSION_PROGRAM " setup --hook; exec \"$@\"' nv-session",
	};

	plan_ini(plan, &lightdm);
}

static bool is_x11(const char *section)
{
	return str_eq(section, "X11");
}

void ini_plan_sddm(struct plan *plan)
{
	static const char *const directories[] = {
		"/usr/lib/sddm/sddm.conf.d", "/etc/sddm.conf.d", NULL};
	static const char script[] = "/usr/share/sddm/scripts/Xsetup";
	struct ini sddm = {
		.directories = directories,
		.last = "/etc/sddm.conf",
		.drop_in = "/etc/sddm.conf.d/zz-nv-session.conf",
		.key = "DisplayCommand",
		.section = "X11",
		.is_section = is_x11,
		.usual = hw_root_exists(plan->root, script) ? script : NULL,
		.alone = NV_SESSION_PROGRAM " setup --hook",
		/* Qt takes the line apart: only double quotes quote, and three are one. */
		.before = "/bin/sh -c \"" NV_SESSION_PROGRAM
			  " setup --hook; exec \"\"\"$@\"\"\"\" nv-session",
		.any_name = true,
		.any_order = true,
	};

	plan_ini(plan, &sddm);
}
