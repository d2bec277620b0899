/* SPDX-License-Identifier: MIT */
/*
 * managers: what display managers run before the greeter. nv-session knows about its own hooks;
 * here are those of others: a LightDM whose display-setup-script cannot be run stops the X server
 * (src/seat.c), which ends in a login loop.
 */
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/tree.h"
#include "nv-gpu/doctor/files.h"

enum { DEADLINE = 5000 };

struct manager {
	const char *name;
	const char *programs[3];
	const char *directories[6]; /* of its configuration, in the order that they are read */
	const char *last; /* the file that is read after them */
	const char *keys[4]; /* settings that are commands */
	const char *why; /* what happens if one cannot be run */
	bool fatal;
};

static const struct manager managers[] = {
	{"LightDM", {"/usr/sbin/lightdm", "/usr/bin/lightdm"},
		{"/usr/share/lightdm/lightdm.conf.d", "/usr/local/share/lightdm/lightdm.conf.d",
			"/etc/xdg/lightdm/lightdm.conf.d", "/etc/lightdm/lightdm.conf.d"},
		"/etc/lightdm/lightdm.conf",
		{"display-setup-script", "greeter-setup-script", "session-setup-script"},
		"LightDM stops the X server when such a command fails: nobody can log in.", true},
	{"SDDM", {"/usr/bin/sddm", "/usr/sbin/sddm"},
		{"/usr/lib/sddm/sddm.conf.d", "/etc/sddm.conf.d"}, "/etc/sddm.conf",
		{"DisplayCommand"}, "SDDM goes on without it: the GPUs are not linked.", false},
};

/* A setting as the file that was read last has it. */
struct setting {
	const char *section, *key, *value, *path;
	unsigned line;
};

struct settings {
	struct setting *list;
	size_t count;
};

static void set(struct doctor *doctor, struct settings *settings, const struct setting *setting)
{
	for (size_t i = 0; i < settings->count; i++) {
		if (str_eq(settings->list[i].key, setting->key) &&
			str_eq(settings->list[i].section, setting->section)) {
			settings->list[i] = *setting;
			return;
		}
	}
	*arena_push(doctor->run->arena, settings->list, settings->count) = *setting;
}

static const char *trimmed(struct arena *arena, const char *text)
{
	size_t length = strlen(text += strspn(text, " \t"));

	while (length && strchr(" \t\r", text[length - 1]))
		length--;
	return arena_copy(arena, text, length);
}

static void read_file(struct doctor *doctor, const struct manager *manager, const char *path,
	struct settings *settings)
{
	struct arena *arena = doctor->run->arena;
	const char *at = doctor_text(doctor, path), *line, *section = "";
	unsigned number = 0;

	while (at && (line = doctor_line(doctor, &at, &number, false)) != NULL) {
		const char *equals = strchr(line, '=');

		if (*line == '[')
			section = arena_copy(arena, line + 1, strcspn(line + 1, "]"));
		for (size_t i = 0; equals && i < 4 && manager->keys[i]; i++) {
			const char *key =
				trimmed(arena, arena_copy(arena, line, (size_t)(equals - line)));

			if (str_eq(key, manager->keys[i]))
				set(doctor, settings,
					&(struct setting){section, manager->keys[i],
						trimmed(arena, equals + 1), path, number});
		}
	}
}

static void read_settings(
	struct doctor *doctor, const struct manager *manager, struct settings *settings)
{
	for (size_t i = 0; i < 6 && manager->directories[i]; i++) {
		struct file_list list;

		if (!hw_root_names(&doctor->run->hw.root, manager->directories[i], &list))
			continue;
		for (size_t j = 0; j < list.count; j++) {
			if (list.names[j][0] != '.')
				read_file(doctor, manager,
					arena_path(doctor->run->arena, manager->directories[i],
						list.names[j]),
					settings);
		}
	}
	read_file(doctor, manager, manager->last, settings);
}

/* Where a program is: itself, or in the directories that a display manager looks into. */
static const char *find_program(struct doctor *doctor, const char *name)
{
	static const char *const directories[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
		"/usr/bin", "/sbin", "/bin", "/run/current-system/sw/bin", NULL};

	if (strchr(name, '/'))
		return hw_root_exists(&doctor->run->hw.root, name) ? name : NULL;
	for (const char *const *directory = directories; *directory; directory++) {
		const char *path = arena_path(doctor->run->arena, *directory, name);

		if (hw_root_exists(&doctor->run->hw.root, path))
			return path;
	}
	return NULL;
}

/* nv-session's own line runs the command that was there before: it stands behind the shell's. */
static const char *behind_ours(const char *command)
{
	const char *at = strstr(command, "nv-session setup --hook; exec");
	const char *other = at ? strstr(at, " nv-session ") : NULL;

	return other ? other + strlen(" nv-session ") : command;
}

/* The first word of a command, quotes taken off. */
static const char *program_of(struct arena *arena, const char *command)
{
	char quote = *(command = behind_ours(command));

	if (quote == '"' || quote == '\'')
		return arena_copy(arena, command + 1, strcspn(command + 1, (char[]){quote, '\0'}));
	return arena_copy(arena, command, strcspn(command, " \t"));
}

static bool is_executable(struct doctor *doctor, const char *path)
{
	struct stat status;
	cleanup_fd int fd = hw_root_open(&doctor->run->hw.root, path, O_PATH);

	return fd < 0 || fstat(fd, &status) != 0 ||
	       (S_ISREG(status.st_mode) && status.st_mode & 0111);
}

/* A script's line that runs xrandr, 0 if there is none; comments do not count. */
static unsigned runs_xrandr(struct doctor *doctor, const char *path)
{
	const char *at = doctor_text(doctor, path), *line;
	unsigned number = 0;

	if (!at || !str_starts(at, "#!"))
		return 0;
	while ((line = doctor_line(doctor, &at, &number, false)) != NULL) {
		if (*line != '#' && strstr(line, "xrandr"))
			return number;
	}
	return 0;
}

/* The file with a line made a remark. */
static const char *remarked(struct doctor *doctor, const char *path, unsigned line)
{
	const char *text = doctor_text(doctor, path), *at = text;

	while (at && --line) {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	return at ? arena_printf(doctor->run->arena, "%.*s#%s", (int)(at - text), text, at) : NULL;
}

static struct finding *report(struct doctor *doctor, const struct manager *manager,
	const struct setting *setting, const char *what, const char *fix)
{
	what = arena_printf(doctor->run->arena, "%s:%u: %s of %s: %s", setting->path, setting->line,
		setting->key, manager->name, what);
	return manager->fatal ? doctor_problem(doctor, what, manager->why, fix)
			      : doctor_note(doctor, what, manager->why, fix);
}

static bool check_setting(
	struct doctor *doctor, const struct manager *manager, const struct setting *setting)
{
	struct arena *arena = doctor->run->arena;
	const char *name = program_of(arena, setting->value);
	const char *path = find_program(doctor, name);
	unsigned line;

	if (!*setting->value)
		return false;
	if (!path) {
		struct finding *finding = report(doctor, manager, setting,
			arena_printf(arena, "%s is not there", gpu_plain(doctor->run, name)), NULL);
		const char *text = remarked(doctor, setting->path, setting->line);

		if (text)
			doctor_change_edit(doctor, finding, setting->path, text,
				arena_printf(arena, "sed -i '%u s/^/#/' %s", setting->line,
					setting->path));
		return true;
	}
	if (!is_executable(doctor, path)) {
		report(doctor, manager, setting, arena_printf(arena, "%s is not executable", path),
			arena_printf(arena, "chmod 755 %s", path));
		return true;
	}
	line = runs_xrandr(doctor, path);
	if (!line || find_program(doctor, "xrandr"))
		return false;
	report(doctor, manager, setting,
		arena_printf(
			arena, "line %u of %s runs xrandr, which is not installed", line, path),
		"Install xrandr (x11-xserver-utils, xorg-xrandr, xrandr).");
	return true;
}

/* A recording need not hold the programs of its machine. */
static bool has_programs(struct doctor *doctor)
{
	return find_program(doctor, "sh");
}

static bool check_others(struct doctor *doctor)
{
	bool wrong = false;

	for (size_t i = 0; i < sizeof(managers) / sizeof(*managers); i++) {
		const struct manager *manager = &managers[i];
		struct settings settings = {0};
		bool installed = false;

		for (size_t j = 0; j < 3 && manager->programs[j]; j++)
			installed |= hw_root_exists(&doctor->run->hw.root, manager->programs[j]);
		if (!installed)
			continue;
		read_settings(doctor, manager, &settings);
		if (settings.count && !has_programs(doctor)) {
			doctor_unknown(
				doctor, arena_printf(doctor->run->arena,
						"%s runs %s, and this recording has no programs",
						manager->name, settings.list[0].value));
			return true;
		}
		for (size_t j = 0; j < settings.count; j++)
			wrong |= check_setting(doctor, manager, &settings.list[j]);
	}
	return wrong;
}

/* What nv-session says of its own, to be given back; NULL if it cannot be asked. */
static json_t *ask(struct doctor *doctor)
{
	const char *words[7] = {"nv-session", "hook", "check", "--json"};
	const char *text;

	if (doctor->run->options.sysroot) {
		words[4] = "--sysroot";
		words[5] = doctor->run->options.sysroot;
	}
	text = doctor_ask(doctor, words, DEADLINE);
	return text ? json_loads(text, 0, NULL) : NULL;
}

/* A member's text, kept; NULL if it is none. */
static const char *text_of(struct doctor *doctor, const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text ? arena_dup(doctor->run->arena, text) : NULL;
}

static bool is_true(const json_t *json, const char *name)
{
	return json_is_true(json_object_get(json, name));
}

/* A hook that is there and does not win; how many hooks there are. */
static bool check_own(struct doctor *doctor, const json_t *answer, size_t *hooks)
{
	const json_t *list = json_object_get(answer, "managers");
	bool wrong = false;

	*hooks = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *name = text_of(doctor, one, "name"),
			   *problem = text_of(doctor, one, "problem");

		if (!is_true(one, "hook") || !name)
			continue;
		++*hooks;
		if (is_true(one, "wins") || !is_true(one, "installed"))
			continue;
		doctor_problem(doctor,
			arena_printf(doctor->run->arena, "nv-session's hook in %s is not run: %s",
				name, problem ? problem : "it does not win"),
			"The GPUs are not linked at the start: the outputs of the other GPU stay "
			"dark "
			"until somebody runs nv-session setup.",
			arena_printf(doctor->run->arena,
				"nv-session hook install %s\nnv-session hook check", name));
		wrong = true;
	}
	return wrong;
}

static bool check_state(struct doctor *doctor, const json_t *answer)
{
	const json_t *state = json_object_get(answer, "state");
	const char *problem = text_of(doctor, answer, "program_problem");
	const char *since = text_of(doctor, state, "disarmed_since");

	if (problem)
		doctor_problem(doctor, problem, "A hook is installed that starts this program.",
			"Install nv-run again, or take its hooks away: nv-session hook remove");
	else if (since)
		doctor_problem(doctor,
			arena_printf(doctor->run->arena, "nv-session's hook does nothing since %s",
				since),
			"Too many starts of the X server in a row did not reach a login: it may "
			"have "
			"been what broke them.",
			"nv-session hook check");
	else if (is_true(state, "off"))
		doctor_note(doctor, "nv-session=off on the kernel command line turns its hooks off",
			"The GPUs are not linked at the start.",
			"Take the word out of the boot loader's configuration.");
	return problem || since || is_true(state, "off");
}

void check_dm_hooks(struct doctor *doctor)
{
	json_t *answer = ask(doctor);
	size_t hooks;
	bool wrong = check_others(doctor);

	wrong |= check_own(doctor, answer, &hooks);
	if (hooks)
		wrong |= check_state(doctor, answer);
	if (!answer)
		doctor_unknown(doctor, "nv-session, which knows about its hooks, does not answer");
	else if (!wrong)
		doctor_ok(doctor, hooks ? "what display managers run is there, and nv-session's "
					  "hook wins"
					: "what display managers run is there");
	json_decref(answer);
}
