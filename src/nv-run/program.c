/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-run/run.h"

/* As execvp: a directory or a file that may not be executed does not end the search. */
static bool can_execute(const char *path)
{
	const mode_t everybody = S_IXUSR | S_IXGRP | S_IXOTH;
	struct stat status;

	if (stat(path, &status) != 0)
		return false;
	if (S_ISREG(status.st_mode) &&
		((status.st_mode & everybody) == everybody || access(path, X_OK) == 0))
		return true;
	errno = EACCES;
	return false;
}

static const char *absolute(struct run *run, const char *path)
{
	char directory[PATH_MAX];

	if (*path == '/' || !getcwd(directory, sizeof(directory)))
		return path;
	while (str_starts(path, "./"))
		path += 2;
	return arena_printf(run->arena, "%s/%s", str_eq(directory, "/") ? "" : directory, path);
}

const char *program_path(struct run *run, const char *command)
{
	const char *path = offload_env(run->inherited, "PATH");
	int error = ENOENT;

	if (!*command) {
		errno = ENOENT;
		return NULL;
	}
	if (strchr(command, '/'))
		return can_execute(command) ? absolute(run, command) : NULL;
	if (!path)
		path = "/bin:/usr/bin";
	for (;; path++) {
		size_t length = strcspn(path, ":");
		const char *candidate = arena_printf(
			run->arena, "%.*s%s%s", (int)length, path, length ? "/" : "./", command);

		if (can_execute(candidate))
			return absolute(run, candidate);
		if (errno == EACCES)
			error = EACCES;
		path += length;
		if (!*path)
			break;
	}
	errno = error;
	return NULL;
}

bool program_is_self(struct arena *arena, const char *path)
{
	const char *own = hw_own_path(arena);
	struct stat self, other;

	return own && stat(own, &self) == 0 && stat(path, &other) == 0 &&
	       self.st_dev == other.st_dev && self.st_ino == other.st_ino;
}

static const char *real_path(void *context)
{
	struct run *run = context;
	char *resolved = realpath(run->program, NULL);
	const char *copy = resolved ? arena_dup(run->arena, resolved) : NULL;

	free(resolved);
	return copy;
}

struct ids {
	const char **items;
	size_t count;
};

static void add_id(
	struct run *run, struct ids *ids, const char *kind, const char *id, size_t length)
{
	if (length)
		*arena_push(run->arena, ids->items, ids->count) =
			arena_printf(run->arena, "%s:%.*s", kind, (int)length, id);
}

/* Steam gives a game its number; 0 is a program that is not from Steam. */
static void add_steam(struct run *run, struct ids *ids)
{
	static const char *const variables[] = {"SteamAppId", "SteamGameId", NULL};

	for (size_t i = 0; variables[i]; i++) {
		const char *id = offload_env(run->environment, variables[i]);

		if (id && !str_eq(id, "0"))
			add_id(run, ids, "steam", id, strlen(id));
	}
}

/*
 * "flatpak run [OPTION...] ID[/ARCH/BRANCH]"; Flatpak's options have their values behind '='.
 * The wrappers that Flatpak exports (.../flatpak/exports/bin/ID) do the same.
 */
static void add_flatpak(struct run *run, struct ids *ids)
{
	const char *inside = offload_env(run->environment, "FLATPAK_ID");
	char **argument = run->arguments;

	if (inside)
		add_id(run, ids, "flatpak", inside, strlen(inside));
	if (strstr(run->program, "/flatpak/exports/bin/"))
		add_id(run, ids, "flatpak", run->subject.name, strlen(run->subject.name));
	if (!str_eq(run->subject.name, "flatpak"))
		return;
	while (*++argument && (*argument)[0] == '-')
		;
	if (!*argument || !str_eq(*argument, "run"))
		return;
	while (*++argument && (*argument)[0] == '-')
		;
	if (*argument)
		add_id(run, ids, "flatpak", *argument, strcspn(*argument, "/"));
}

/* GLib tells a program that it starts from a desktop entry which one it was. */
static void add_desktop(struct run *run, struct ids *ids)
{
	const char *file = offload_env(run->environment, "GIO_LAUNCHED_DESKTOP_FILE");
	const char *pid = offload_env(run->environment, "GIO_LAUNCHED_DESKTOP_FILE_PID");
	unsigned long number;

	if (!file || !pid || !str_number(pid, strlen(pid), 10, &number) ||
		(pid_t)number != getpid())
		return;
	file = str_file_name(file);
	if (str_ends(file, ".desktop"))
		add_id(run, ids, "desktop", file, strlen(file) - strlen(".desktop"));
}

/* Told by the path alone: links and scripts that lead to a snap would cost every start a look. */
static bool starts_sandbox(const struct run *run)
{
	return str_eq(run->subject.name, "flatpak") || str_eq(run->subject.name, "snap") ||
	       strstr(run->program, "/flatpak/exports/bin/") ||
	       str_starts(run->program, "/snap/") ||
	       /* Where the root directory is not for snapd: Arch, Fedora, openSUSE. */
	       str_starts(run->program, "/var/lib/snapd/snap/");
}

int program_find(struct run *run)
{
	struct ids ids = {0};

	run->arguments = run->options.arguments;
	run->program = program_path(run, run->arguments[0]);
	if (!run->program) {
		log_error("cannot start '%s': %s", run->arguments[0],
			errno == ENOENT && !strchr(run->arguments[0], '/') ? "not found in PATH"
									   : strerror(errno));
		return errno == ENOENT || errno == ENOTDIR ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
	}
	run->subject = (struct rule_subject){
		.name = str_file_name(run->program),
		.path = run->program,
		.args = run->arguments,
		.real_path = real_path,
		.context = run,
	};
	run->sandboxed = starts_sandbox(run);
	for (size_t i = 0; i < run->options.id_count; i++)
		*arena_push(run->arena, ids.items, ids.count) = run->options.ids[i];
	add_steam(run, &ids);
	add_flatpak(run, &ids);
	add_desktop(run, &ids);
	*arena_push(run->arena, ids.items, ids.count) = NULL;
	run->subject.ids = ids.items;
	return 0;
}
