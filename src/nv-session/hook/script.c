/* SPDX-License-Identifier: MIT */
/* script: display managers that run shell scripts: ours goes into theirs, before what they do. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-session/hook/hook.h"

/* Whatever happens to it, also under "set -e", the script goes on. */
#define SETUP "[ ! -x " NV_SESSION_PROGRAM " ] || " NV_SESSION_PROGRAM " setup --hook || :\n"
#define LOGIN "[ ! -x " NV_SESSION_PROGRAM " ] || " NV_SESSION_PROGRAM " hook login || :\n"

static bool is_shell_script(const char *text)
{
	static const char *const shells[] = {"sh", "bash", "dash", "ash", "ksh", "zsh", NULL};
	char first[128];
	const char *word;
	size_t length = strcspn(text, "\n");

	/* Without such a line, display managers give it to /bin/sh. */
	if (!str_starts(text, "#!"))
		return true;
	if (length >= sizeof(first))
		return false;
	memcpy(first, text, length);
	first[length] = '\0';
	for (word = strtok(first + 2, " \t\r"); word; word = strtok(NULL, " \t\r")) {
		const char *name = str_file_name(word);

		for (const char *const *shell = shells; *shell; shell++) {
			if (str_eq(name, *shell))
				return true;
		}
	}
	return false;
}

/* Puts body at the top of a script, which is made if it is not there. */
static void place_script(struct plan *plan, const char *path, const char *body)
{
	const char *text = plan_read(plan, path);
	struct tree_file file;
	struct place *place;

	for (size_t i = 0; i < plan->place_count; i++) {
		if (str_eq(plan->places[i].path, path))
			return;
	}
	place = plan_add(plan, path, body);
	place->head = "#!/bin/sh\n";
	place->mode = 0755;
	if (!text)
		return;
	if (str_starts(text, "#!"))
		place->at = (size_t)(strchrnul(text, '\n') - text);
	place->at += text[place->at] == '\n' && place->at;
	if (!is_shell_script(text))
		plan->problem = arena_printf(plan->arena,
			"%s is not a shell script; call '" NV_SESSION_PROGRAM
			" setup --hook' in it by hand",
			path);
	else if (tree_read(plan->root, path, &file) && file.text && !(file.status.st_mode & 0111))
		plan->problem = arena_printf(plan->arena,
			"%s is not executable, so it is not run; if it should be: chmod 755 %s",
			path, path);
}

/*
 * "DisplayManager*setup", "DisplayManager._0.setup", ...: the program that xdm runs before its
 * greeter (xdm(1)). A name without "_" is a remote display's, where we have no business.
 */
static bool is_setup(const char *name)
{
	const char *display;

	if (!str_starts(name, "DisplayManager") || !strchr(".*", name[strlen("DisplayManager")]))
		return false;
	display = name + strcspn(name, ".*");
	display += strspn(display, ".*");
	if (str_eq(display, "setup"))
		return true;
	return (*display == '_' || *display == '?') && str_ends(display, "setup") &&
	       strchr(".*", display[strlen(display) - strlen("setup") - 1]);
}

void script_plan_xdm(struct plan *plan)
{
	static const char *const configs[] = {"/etc/X11/xdm/xdm-config",
		"/usr/lib/X11/xdm/xdm-config", "/usr/lib64/X11/xdm/xdm-config", NULL};
	const char *const *config = configs;
	char *text = NULL, *line, *next;
	const char *start;

	while (*config && !(text = plan_read(plan, *config)))
		config++;
	if (!text) {
		plan->problem = "there is no /etc/X11/xdm/xdm-config; reinstall xdm";
		return;
	}
	start = arena_dup(plan->arena, text);
	for (line = text; *line; line = next) {
		char *colon, *value;
		size_t length = strcspn(line, "\n");

		next = line + length + (line[length] == '\n');
		line[length] = '\0';
		colon = strchr(line, ':');
		if (*line == '!' || !colon)
			continue;
		value = colon + 1 + strspn(colon + 1, " \t");
		while (colon > line && strchr(" \t", colon[-1]))
			colon--;
		*colon = '\0';
		if (!is_setup(line + strspn(line, " \t")))
			continue;
		value[strcspn(value, " \t\r")] = '\0';
		if (*value == '/')
			place_script(plan, arena_dup(plan->arena, value), SETUP);
	}
	if (!plan->place_count) {
		struct place *place = plan_add(plan, *config,
			"DisplayManager*setup: " NV_SESSION_PROGRAM " setup --hook\n");

		place->at = strlen(start);
		place->comment = '!';
		place->why = "it names no setup program";
	}
}

void script_plan_lxdm(struct plan *plan)
{
	place_script(plan, "/etc/lxdm/LoginReady", SETUP);
	place_script(plan, "/etc/lxdm/PreLogin", LOGIN);
}

/* Read by a shell with ".", or run: neither must be ended by them. */
void script_plan_startx(struct plan *plan)
{
	static const struct {
		const char *directory, *name, *head;
		mode_t mode;
	} places[] = {
		/* Debian's names have no dot (run-parts); Arch and Fedora want one and the bit. */
		{"/etc/X11/Xsession.d", "19nv-session", "", 0644},
		{"/etc/X11/xinit/xinitrc.d", "50-nv-session.sh", "#!/bin/sh\n", 0755},
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		const char *path = arena_path(plan->arena, places[i].directory, places[i].name);
		struct place *place;

		plan_read(plan, path);
		if (!hw_root_exists(plan->root, places[i].directory))
			continue;
		place = plan_add(plan, path, SETUP LOGIN);
		place->head = places[i].head;
		place->mode = places[i].mode;
		place->at = strlen(places[i].head);
	}
	if (!plan->place_count)
		plan->problem =
			"there is neither /etc/X11/Xsession.d nor /etc/X11/xinit/xinitrc.d; "
			"call '" NV_SESSION_PROGRAM " setup --hook' in ~/.xinitrc";
}

#define ENTRY(name, command)                                                                       \
	"[Desktop Entry]\nType=Application\nName=" name "\nExec=" command "\nNoDisplay=true\n"

/*
 * Up to GDM 49 the greeter can have an X server of its own, and starts what is in its autostart
 * directory; since 50 it is always on Wayland. A user's X server is the session's affair in all.
 */
void script_plan_gdm(struct plan *plan)
{
	static const char greeter[] = "/usr/share/gdm/greeter/autostart";
	static const char session[] = "/etc/xdg/autostart/nv-session.desktop";
	struct place *place;
	const char *path = arena_path(plan->arena, greeter, "nv-session.desktop");

	plan_read(plan, path);
	if (hw_root_exists(plan->root, greeter))
		plan_add(plan, path,
			ENTRY("GPU setup of the greeter", NV_SESSION_PROGRAM
				" setup --hook") "X-GNOME-Autostart-Phase=DisplayServer\n"
						 "X-GNOME-AutoRestart=false\n");
	else
		plan->note = "the greeter of GDM 50 and later runs on Wayland and needs no hook; "
			     "the session's is enough";
	plan_read(plan, session);
	place = plan_add(plan, session,
		ENTRY("GPU setup", "/bin/sh -c \"" NV_SESSION_PROGRAM
				   " setup --hook; exec " NV_SESSION_PROGRAM " hook login\""));
	place->any = true;
}
