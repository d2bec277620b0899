/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/user/user.h"

enum { FILES = 256 };

/*
 * Where variables of sessions are set. A path that ends with '/' is a directory with the files of
 * a suffix; one that begins with "~/" is of each home.
 */
static const struct {
	const char *path, *suffix;
	enum syntax syntax;
} sources[] = {
	{"/etc/environment", NULL, SYNTAX_ENVIRONMENT},
	{"/etc/security/pam_env.conf", NULL, SYNTAX_PAM},
	{"/etc/pam/environment", NULL, SYNTAX_PAM}, /* NixOS */
	{"~/.pam_environment", NULL, SYNTAX_PAM},
	{"/etc/set-environment", NULL, SYNTAX_SHELL}, /* NixOS */
	{"/etc/profile", NULL, SYNTAX_SHELL},
	{"/etc/profile.local", NULL, SYNTAX_SHELL}, /* openSUSE */
	{"/etc/profile.d/", ".sh", SYNTAX_SHELL},
	{"/etc/bash.bashrc", NULL, SYNTAX_SHELL},
	{"/etc/bash.bashrc.local", NULL, SYNTAX_SHELL},
	{"/etc/bashrc", NULL, SYNTAX_SHELL},
	{"/etc/zshenv", NULL, SYNTAX_SHELL},
	{"/etc/zprofile", NULL, SYNTAX_SHELL},
	{"/etc/zsh/zshenv", NULL, SYNTAX_SHELL},
	{"/etc/zsh/zprofile", NULL, SYNTAX_SHELL},
	{"/etc/xprofile", NULL, SYNTAX_SHELL},
	{"/etc/X11/Xsession.d/", "", SYNTAX_SHELL},
	{"/etc/X11/xinit/xinitrc.d/", "", SYNTAX_SHELL},
	{"/etc/X11/xinit/xinitrc", NULL, SYNTAX_SHELL},
	{"/etc/systemd/system.conf", NULL, SYNTAX_SYSTEMD},
	{"/etc/systemd/system.conf.d/", ".conf", SYNTAX_SYSTEMD},
	{"/etc/systemd/user.conf", NULL, SYNTAX_SYSTEMD},
	{"/etc/systemd/user.conf.d/", ".conf", SYNTAX_SYSTEMD},
	{"/etc/systemd/system/user@.service.d/", ".conf", SYNTAX_SYSTEMD},
	{"/etc/systemd/system/display-manager.service.d/", ".conf", SYNTAX_SYSTEMD},
	{"/etc/xdg/uwsm/env", NULL, SYNTAX_SHELL},
	{"/etc/xdg/plasma-workspace/env/", ".sh", SYNTAX_SHELL},
	{"~/.profile", NULL, SYNTAX_SHELL},
	{"~/.bash_profile", NULL, SYNTAX_SHELL},
	{"~/.bash_login", NULL, SYNTAX_SHELL},
	{"~/.bashrc", NULL, SYNTAX_SHELL},
	{"~/.zshenv", NULL, SYNTAX_SHELL},
	{"~/.zprofile", NULL, SYNTAX_SHELL},
	{"~/.zshrc", NULL, SYNTAX_SHELL},
	{"~/.zlogin", NULL, SYNTAX_SHELL},
	{"~/.xprofile", NULL, SYNTAX_SHELL},
	{"~/.xsessionrc", NULL, SYNTAX_SHELL},
	{"~/.xsession", NULL, SYNTAX_SHELL},
	{"~/.xinitrc", NULL, SYNTAX_SHELL},
	{"~/.config/uwsm/", "", SYNTAX_SHELL},
	{"~/.config/uwsm/env.d/", "", SYNTAX_SHELL},
	{"~/.config/plasma-workspace/env/", ".sh", SYNTAX_SHELL},
	{"~/.config/hypr/", ".conf", SYNTAX_HYPRLAND},
	{NULL, NULL, SYNTAX_NONE},
};

/* environment.d(5): a name in an earlier one hides the later ones. The home's comes first. */
static const char *const environment_directories[] = {"/etc/environment.d", "/run/environment.d",
	"/usr/local/lib/environment.d", "/usr/lib/environment.d", "/lib/environment.d"};

enum { ENVIRONMENT_DIRECTORIES = sizeof(environment_directories) / sizeof(char *) };

/* Files are linked to each other: /usr/lib/environment.d/99-environment.conf is /etc/environment.
 */
static bool was_read(struct settings *settings, const char *path)
{
	const char *file = hw_loader_resolve(&settings->doctor->run->hw.root, path);

	for (size_t i = 0; file && i < settings->read_count; i++) {
		if (str_eq(settings->read[i], file))
			return true;
	}
	if (file)
		*arena_push(settings->doctor->run->arena, settings->read, settings->read_count) =
			file;
	return !file;
}

static void read_file(
	struct settings *settings, const char *path, enum syntax syntax, const struct home *home)
{
	struct setting file = {.file = path, .syntax = syntax, .own = !home || home->own};
	size_t length;

	if (!hw_root_exists(&settings->doctor->run->hw.root, path) || was_read(settings, path))
		return;
	file.text = user_text(settings->doctor, path, &length);
	if (file.text)
		syntax_read(settings, &file, length);
	else if (errno == EACCES || errno == EPERM)
		*arena_push(settings->doctor->run->arena, settings->unreadable,
			settings->unreadable_count) = path;
}

static void read_directory(struct settings *settings, const char *directory, const char *suffix,
	enum syntax syntax, const struct home *home)
{
	struct arena *arena = settings->doctor->run->arena;
	struct file_list files;

	if (!hw_root_names(&settings->doctor->run->hw.root, directory, &files))
		return;
	for (size_t i = 0; i < files.count && i < FILES; i++) {
		if (str_ends(files.names[i], suffix) && files.names[i][0] != '.')
			read_file(settings, arena_path(arena, directory, files.names[i]), syntax,
				home);
	}
}

static void read_sources(struct settings *settings, const struct home *home)
{
	struct arena *arena = settings->doctor->run->arena;

	for (size_t i = 0; sources[i].path; i++) {
		const char *path = sources[i].path;

		if (str_starts(path, "~/") != (home != NULL))
			continue;
		if (home)
			path = arena_path(arena, home->path, path + 2);
		if (str_ends(path, "/"))
			read_directory(settings, arena_copy(arena, path, strlen(path) - 1),
				sources[i].suffix, sources[i].syntax, home);
		else
			read_file(settings, path, sources[i].syntax, home);
	}
}

static bool is_hidden(struct settings *settings, size_t before, const char *name)
{
	for (size_t i = 0; i < before; i++) {
		if (hw_root_exists(&settings->doctor->run->hw.root,
			    arena_path(settings->doctor->run->arena, environment_directories[i],
				    name)))
			return true;
	}
	return false;
}

static void read_environment_d(struct settings *settings)
{
	struct arena *arena = settings->doctor->run->arena;

	for (size_t i = 0; i < ENVIRONMENT_DIRECTORIES; i++) {
		const char *directory = environment_directories[i];
		struct file_list files;

		if (!hw_root_names(&settings->doctor->run->hw.root, directory, &files))
			continue;
		for (size_t j = 0; j < files.count && j < FILES; j++) {
			if (str_ends(files.names[j], ".conf") &&
				!is_hidden(settings, i, files.names[j]))
				read_file(settings, arena_path(arena, directory, files.names[j]),
					SYNTAX_ENVIRONMENT, NULL);
		}
	}
}

/* One's own, but for what nv-run set for a child: that is what it is for. */
static void read_own(struct settings *settings)
{
	struct arena *arena = settings->doctor->run->arena;

	if (settings_own(settings->doctor, "NV_RUN_SAVED"))
		return;
	for (char *const *entry = settings->doctor->run->environment; *entry; entry++) {
		const char *equals = strchr(*entry, '=');

		const char *name =
			equals ? arena_copy(arena, *entry, (size_t)(equals - *entry)) : "";

		if (settings_matter(name))
			*arena_push(arena, settings->list, settings->count) =
				(struct setting){.name = name,
					.value = equals + 1,
					.where = "this session",
					.syntax = SYNTAX_NONE};
	}
}

void settings_read(struct doctor *doctor, struct settings *settings, bool now)
{
	size_t count;
	const struct home *homes = homes_read(doctor, &count);

	*settings = (struct settings){.doctor = doctor};
	read_sources(settings, NULL);
	read_environment_d(settings);
	for (size_t i = 0; i < count; i++) {
		read_directory(settings,
			arena_path(doctor->run->arena, homes[i].path, ".config/environment.d"),
			".conf", SYNTAX_ENVIRONMENT, &homes[i]);
		read_sources(settings, &homes[i]);
	}
	if (!now || doctor->run->options.sysroot)
		return;
	manager_read(settings);
	read_own(settings);
}

const struct setting *settings_find(const struct settings *settings, const char *name)
{
	for (size_t i = settings->count; i > 0; i--) {
		if (str_eq(settings->list[i - 1].name, name))
			return &settings->list[i - 1];
	}
	return NULL;
}

const char *settings_own(const struct doctor *doctor, const char *name)
{
	size_t length = strlen(name);

	if (doctor->run->options.sysroot)
		return NULL;
	for (char *const *entry = doctor->run->environment; *entry; entry++) {
		if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
			return *entry + length + 1;
	}
	return NULL;
}

/* In a shell an empty branch is a mistake, ':' is none. */
static const char *remark(const struct setting *setting)
{
	return setting->syntax == SYNTAX_SHELL ? ": #nv-gpu: " : "#nv-gpu: ";
}

void settings_take_out(struct settings *settings, struct finding *finding, struct setting *setting)
{
	struct arena *arena = settings->doctor->run->arena;
	const char *at = setting->text;
	struct buf text = {0}, command = {0};

	setting->out = true;
	for (size_t i = 0; i < settings->count; i++) {
		const struct setting *other = &settings->list[i];

		if (!other->out || !str_eq(other->file, setting->file))
			continue;
		buf_add(&text, at, (size_t)(setting->text + other->begin - at));
		buf_puts(&text, remark(other));
		at = setting->text + other->begin;
	}
	buf_puts(&text, at);
	buf_printf(
		&command, "sed -i --follow-symlinks '%us/^/%s/' ", setting->line, remark(setting));
	str_shell_quote(&command, setting->file);
	doctor_change_edit(settings->doctor, finding, setting->file,
		arena_dup(arena, buf_text(&text)), arena_dup(arena, buf_text(&command)));
	buf_free(&text);
	buf_free(&command);
}
