/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/running.h"
#include "hw/tree.h"
#include "nv-gpu/doctor/xorg/xorg.h"

/* The first one that is there counts (hw/xfree86/parser/scan.c). */
static const char *const main_files[] = {"/etc/X11/xorg.conf", "/etc/xorg.conf",
	"/usr/etc/X11/xorg.conf", "/usr/lib/X11/xorg.conf", NULL};

static const char *const directories[] = {
	"/usr/share/X11/xorg.conf.d", "/usr/lib/X11/xorg.conf.d", "/etc/X11/xorg.conf.d", NULL};

/* What an X server that is not Xwayland is called; NixOS starts "X". */
static const char *const server_names[] = {"Xorg", "X", "Xorg.bin", NULL};

static const char *const servers[] = {"/usr/bin/Xorg", "/usr/lib/xorg/Xorg", "/usr/lib/Xorg",
	"/usr/libexec/Xorg", "/usr/libexec/Xorg.bin", "/usr/local/bin/Xorg",
	"/run/current-system/sw/bin/Xorg", NULL};

static const char *const module_directories[] = {"/usr/lib/xorg/modules", "/usr/lib64/xorg/modules",
	"/usr/lib/x86_64-linux-gnu/xorg/modules", "/usr/lib/aarch64-linux-gnu/xorg/modules",
	"/usr/local/lib/xorg/modules", "/run/current-system/sw/lib/xorg/modules",
	"/run/opengl-driver/lib/xorg/modules", NULL};

/* Where packages put NVIDIA's driver beside those: Ubuntu, Debian, openSUSE, Slackware. */
static const char *const nvidia_directories[] = {"/usr/lib/x86_64-linux-gnu/nvidia/xorg",
	"/usr/lib/aarch64-linux-gnu/nvidia/xorg", "/usr/lib/nvidia", "/usr/lib/nvidia/xorg",
	"/usr/lib64/nvidia/xorg", "/usr/lib64/opengl/nvidia/extensions", NULL};

const char *xorg_place(struct doctor *doctor, const char *path, unsigned line, unsigned column)
{
	struct arena *arena = doctor->run->arena;

	return column ? arena_printf(arena, "%s:%u:%u", path, line, column)
		      : arena_printf(arena, "%s:%u", path, line);
}

bool xorg_is(const struct xconf_section *section, const char *kind)
{
	return xconf_same(section->name, kind);
}

static void read_file(struct doctor *doctor, struct xorg *xorg, const char *path)
{
	struct arena *arena = doctor->run->arena;
	struct tree_file file;

	for (size_t i = 0; i < xorg->file_count; i++) {
		if (str_eq(xorg->files[i], path))
			return;
	}
	/* What is no file of text, as a link to /dev/null, says nothing. */
	if (!tree_read(&doctor->run->hw.root, path, &file)) {
		if (errno != EISDIR)
			*arena_push(arena, xorg->unreadable, xorg->unreadable_count) = path;
		return;
	}
	if (!file.text)
		return;
	*arena_push(arena, xorg->files, xorg->file_count) = path;
	xconf_read(arena, &xorg->conf, path, file.text);
}

/* The server reads what ends with ".conf" and is not hidden. */
static void read_directory(struct doctor *doctor, struct xorg *xorg, const char *directory)
{
	struct file_list list;

	if (!hw_root_names(&doctor->run->hw.root, directory, &list))
		return;
	for (size_t i = 0; i < list.count; i++) {
		if (list.names[i][0] != '.' && str_ends(list.names[i], ".conf"))
			read_file(doctor, xorg,
				arena_path(doctor->run->arena, directory, list.names[i]));
	}
}

/* "(++) Using config file: "/nix/store/...": what a log says was read. */
static void read_logged(struct doctor *doctor, struct xorg *xorg, const char *text)
{
	static const struct {
		const char *words;
		bool directory;
	} marks[] = {{"Using config file: \"", false}, {"Using config directory: \"", true},
		{"Using system config directory \"", true}};

	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		for (const char *at = text; (at = strstr(at, marks[i].words)) != NULL;) {
			size_t length;

			at += strlen(marks[i].words);
			length = strcspn(at, "\"\n");
			if (*at != '/' || at[length] != '"')
				continue;
			(marks[i].directory ? read_directory : read_file)(
				doctor, xorg, arena_copy(doctor->run->arena, at, length));
		}
	}
}

/* A server may have been told to read other files: NixOS makes one, and keeps no log. */
static void read_commands(struct doctor *doctor, struct xorg *xorg)
{
	size_t count;
	const struct hw_command *commands = hw_commands(&doctor->run->hw, server_names, &count);

	for (size_t i = 0; i < count; i++) {
		xorg->installed = true;
		for (size_t j = 0; j + 1 < commands[i].count; j++) {
			const char *word = commands[i].words[j], *value = commands[i].words[j + 1];

			if (*value == '/' &&
				(str_eq(word, "-config") || str_eq(word, "-xf86config")))
				read_file(doctor, xorg, value);
			else if (*value == '/' && str_eq(word, "-configdir"))
				read_directory(doctor, xorg, value);
			else if (str_eq(word, "-modulepath"))
				*arena_push(doctor->run->arena, xorg->module_paths,
					xorg->module_path_count) = value;
		}
	}
}

static void add_module_paths(struct doctor *doctor, struct xorg *xorg, const char *list)
{
	struct arena *arena = doctor->run->arena;

	for (size_t length; *list; list += length + (list[length] == ',')) {
		length = strcspn(list, ",");
		if (length)
			*arena_push(arena, xorg->module_paths, xorg->module_path_count) =
				arena_copy(arena, list, length);
	}
}

static void find_modules(struct doctor *doctor, struct xorg *xorg)
{
	bool replaced = xorg->module_path_count;

	for (size_t i = 0; i < xorg->conf.count; i++) {
		const struct xconf_section *section = &xorg->conf.sections[i];

		if (!xorg_is(section, "Files") && !xorg_is(section, "OutputClass"))
			continue;
		for (size_t j = 0; j < section->count; j++) {
			if (!xconf_same(section->entries[j].key, "ModulePath"))
				continue;
			add_module_paths(doctor, xorg, xconf_text(&section->entries[j], 0));
			/* The path of an OutputClass is tried before the others. */
			replaced |= xorg_is(section, "Files");
		}
	}
	for (const char *const *directory = module_directories; !replaced && *directory;
		directory++)
		add_module_paths(doctor, xorg, *directory);
}

static void find_server(struct doctor *doctor, struct xorg *xorg)
{
	const struct hw_root *root = &doctor->run->hw.root;

	for (const char *const *server = servers; *server; server++)
		xorg->installed |= hw_root_exists(root, *server);
	for (const char *const *directory = module_directories; *directory; directory++)
		xorg->installed |= hw_root_exists(root, *directory);
	xorg->installed |= xorg->log || xorg->log_stale;
	for (size_t i = 0; i < doctor->run->hw.count; i++)
		xorg->uses_nvidia |= hw_gpu_is_nvidia(doctor->run->hw.gpus[i]);
}

const struct xorg *xorg_read(struct doctor *doctor)
{
	struct xorg *xorg = doctor->xorg;

	if (xorg)
		return xorg;
	xorg = doctor->xorg = arena_alloc(doctor->run->arena, sizeof(*xorg));
	xorg_find_log(doctor, xorg);
	for (const char *const *path = main_files; *path && !xorg->file_count; path++)
		read_file(doctor, xorg, *path);
	for (const char *const *directory = directories; *directory; directory++)
		read_directory(doctor, xorg, *directory);
	if (xorg->log)
		read_logged(doctor, xorg, xorg->log);
	read_commands(doctor, xorg);
	find_modules(doctor, xorg);
	find_server(doctor, xorg);
	return xorg;
}

static bool has(struct doctor *doctor, const char *directory, const char *file)
{
	return hw_root_exists(
		&doctor->run->hw.root, arena_path(doctor->run->arena, directory, file));
}

bool xorg_has_driver(struct doctor *doctor, const char *name)
{
	const struct xorg *xorg = xorg_read(doctor);
	const char *file = arena_printf(doctor->run->arena, "%s_drv.so", name);
	const char *below = arena_printf(doctor->run->arena, "drivers/%s", file);

	for (size_t i = 0; i < xorg->module_path_count; i++) {
		if (has(doctor, xorg->module_paths[i], file) ||
			has(doctor, xorg->module_paths[i], below))
			return true;
	}
	return false;
}

bool xorg_is_standard(struct doctor *doctor, const char *directory)
{
	static const char *const files[] = {"drivers/modesetting_drv.so", "libglamoregl.so",
		"libwfb.so", "extensions/libglx.so", NULL};

	for (const char *const *file = files; *file; file++) {
		if (has(doctor, directory, *file))
			return true;
	}
	return false;
}

bool xorg_has_modules(struct doctor *doctor)
{
	const struct xorg *xorg = xorg_read(doctor);

	for (size_t i = 0; i < xorg->module_path_count; i++) {
		if (xorg_is_standard(doctor, xorg->module_paths[i]))
			return true;
	}
	return false;
}

const char *xorg_nvidia_elsewhere(struct doctor *doctor)
{
	for (const char *const *directory = nvidia_directories; *directory; directory++) {
		if (has(doctor, *directory, "nvidia_drv.so") ||
			has(doctor, *directory, "drivers/nvidia_drv.so"))
			return *directory;
	}
	return NULL;
}

bool xorg_say_unreadable(struct doctor *doctor, const struct xorg *xorg)
{
	for (size_t i = 0; i < xorg->unreadable_count; i++)
		doctor_unknown(doctor,
			arena_printf(doctor->run->arena, "%s cannot be read; try again as root",
				xorg->unreadable[i]));
	return xorg->unreadable_count;
}

size_t xorg_gpus(struct doctor *doctor)
{
	size_t count = 0;

	for (size_t i = 0; i < doctor->run->hw.count; i++) {
		const struct hw_gpu *gpu = doctor->run->hw.gpus[i];

		count += gpu->card >= 0 || hw_gpu_is_nvidia(gpu);
	}
	return count;
}
