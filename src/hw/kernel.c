/* SPDX-License-Identifier: MIT */
#include "hw/kernel.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"

#define RELEASE "/proc/sys/kernel/osrelease"

/* NixOS has its modules in the booted system; elsewhere /lib may not be a link to /usr/lib. */
static const char *const module_directories[] = {
	"/lib/modules", "/usr/lib/modules", "/run/booted-system/kernel-modules/lib/modules", NULL};

/* A file of a name in a directory hides those of the same name in the ones below (modprobe.d(5)).
 */
static const char *const configurations[] = {"/etc/modprobe.d", "/run/modprobe.d",
	"/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d", NULL};

/* One line without its comment, blanks made one. NULL if nothing is left. */
static char *plain_line(struct arena *arena, const char *text, size_t length)
{
	char *line = arena_alloc(arena, length + 1), *end = line;

	for (size_t i = 0; i < length && text[i] != '#'; i++) {
		if (!strchr(" \t\r", text[i]))
			*end++ = text[i];
		else if (end > line && end[-1] != ' ')
			*end++ = ' ';
	}
	end -= end > line && end[-1] == ' ';
	*end = '\0';
	return *line ? line : NULL;
}

static void read_configuration(struct hw *hw, struct hw_kernel *kernel, const char *path)
{
	struct arena *arena = hw->root.arena;
	const char *text = hw_root_text(&hw->root, path);

	while (text && *text) {
		const char *end = strchrnul(text, '\n');
		const char *line = plain_line(arena, text, (size_t)(end - text));

		if (line)
			*arena_push(arena, kernel->lines, kernel->line_count) =
				(struct hw_modprobe_line){path, line};
		text = *end ? end + 1 : end;
	}
}

struct configuration {
	const char *name, *path;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(
		((const struct configuration *)a)->name, ((const struct configuration *)b)->name);
}

static bool hidden(const struct configuration *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (str_eq(list[i].name, name))
			return true;
	}
	return false;
}

/* All files are read in the order of their names, whichever directory they are in. */
static void read_configurations(struct hw *hw, struct hw_kernel *kernel)
{
	struct arena *arena = hw->root.arena;
	struct configuration *list = NULL;
	size_t count = 0;

	for (size_t i = 0; configurations[i]; i++) {
		struct file_list files;
		size_t before = count;

		if (!hw_root_names(&hw->root, configurations[i], &files))
			continue;
		for (size_t j = 0; j < files.count; j++) {
			const char *name = files.names[j];

			if (str_ends(name, ".conf") && !hidden(list, before, name))
				*arena_push(arena, list, count) = (struct configuration){
					name, arena_path(arena, configurations[i], name)};
		}
	}
	if (count)
		qsort(list, count, sizeof(*list), by_name);
	for (size_t i = 0; i < count; i++)
		read_configuration(hw, kernel, list[i].path);
}

void hw_kernel_read(struct hw *hw, struct hw_kernel *kernel)
{
	*kernel = (struct hw_kernel){.release = hw_root_text(&hw->root, RELEASE)};
	for (size_t i = 0; kernel->release && !kernel->depends && module_directories[i]; i++) {
		kernel->modules =
			arena_path(hw->root.arena, module_directories[i], kernel->release);
		kernel->depends = hw_root_attr(&hw->root, kernel->modules, "modules.dep");
	}
	if (!kernel->depends)
		kernel->modules = NULL;
	read_configurations(hw, kernel);
}

bool hw_kernel_at_least(const struct hw_kernel *kernel, unsigned major, unsigned minor)
{
	char *end;
	unsigned long first, second;

	if (!kernel->release)
		return true;
	first = strtoul(kernel->release, &end, 10);
	second = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
	return first > major || (first == major && second >= minor);
}

/* Whether text[0..length) is the module's name, '-' and '_' being the same. */
static bool same_name(const char *text, size_t length, const char *name)
{
	if (strlen(name) != length)
		return false;
	for (size_t i = 0; i < length; i++) {
		if ((text[i] == '-' ? '_' : text[i]) != (name[i] == '-' ? '_' : name[i]))
			return false;
	}
	return true;
}

/* What Debian calls the modules of a series of drivers: "nvidia-current", "nvidia-tesla-470". */
static bool is_series(const char *text, size_t length, const char *name)
{
	static const char *const series[] = {"-current", "-legacy-", "-tesla", NULL};
	size_t start = strlen(name);

	if (!str_eq(name, "nvidia") || length <= start || strncmp(text, name, start) != 0)
		return false;
	for (size_t i = 0; series[i]; i++) {
		if (strncmp(text + start, series[i], strlen(series[i])) == 0) {
			static const char *const others[] = {
				"-drm", "-modeset", "-uvm", "-peermem", NULL};

			for (size_t j = 0; others[j]; j++) {
				size_t tail = strlen(others[j]);

				if (length > tail &&
					memcmp(text + length - tail, others[j], tail) == 0)
					return false;
			}
			return true;
		}
	}
	return false;
}

/* Lines "updates/dkms/nvidia.ko.xz: ..."; the file's name up to ".ko". */
static const char *find_module(struct arena *arena, const char *depends, const char *name)
{
	while (depends && *depends) {
		const char *end = strchrnul(depends, '\n');
		const char *colon = memchr(depends, ':', (size_t)(end - depends));
		const char *file = colon ? memrchr(depends, '/', (size_t)(colon - depends)) : NULL;
		const char *dot;

		file = file ? file + 1 : depends;
		dot = colon ? memmem(file, (size_t)(colon - file), ".ko", 3) : NULL;
		if (dot && (same_name(file, (size_t)(dot - file), name) ||
				   is_series(file, (size_t)(dot - file), name)))
			return arena_copy(arena, file, (size_t)(dot - file));
		depends = *end ? end + 1 : end;
	}
	return NULL;
}

const char *hw_kernel_module(struct hw *hw, const struct hw_kernel *kernel, const char *name)
{
	return find_module(hw->root.arena, kernel->depends, name);
}

const char *hw_kernel_nvidia(struct hw *hw, const struct hw_kernel *kernel, const char *module)
{
	const char *series = hw_kernel_module(hw, kernel, "nvidia");

	if (!series || str_eq(series, "nvidia"))
		return module;
	return str_eq(module, "nvidia")
		       ? series
		       : arena_printf(hw->root.arena, "%s-%s", series, module + strlen("nvidia_"));
}

bool hw_is_nixos(const struct hw *hw)
{
	return hw_root_exists(&hw->root, "/etc/NIXOS");
}

const char *hw_kernel_others(struct hw *hw, const struct hw_kernel *kernel, const char *name)
{
	struct arena *arena = hw->root.arena;
	const char *found = NULL;
	struct file_list names;

	for (size_t i = 0; module_directories[i] && !found; i++) {
		if (!hw_root_names(&hw->root, module_directories[i], &names))
			continue;
		for (size_t j = 0; j < names.count; j++) {
			const char *path = arena_printf(
				arena, "%s/%s/modules.dep", module_directories[i], names.names[j]);

			if (kernel->release && str_eq(names.names[j], kernel->release))
				continue;
			if (find_module(arena, hw_root_text(&hw->root, path), name))
				found = arena_printf(arena, "%s%s%s", found ? found : "",
					found ? ", " : "", names.names[j]);
		}
	}
	return found;
}

/* Whether a comma separated list has the module. */
static bool listed(const char *list, const char *module)
{
	while (list && *list) {
		size_t length = strcspn(list, ",");

		if (same_name(list, length, module))
			return true;
		list += length + (list[length] == ',');
	}
	return false;
}

/* The next word of a line; *at goes behind it. */
static const char *word(const char **at, size_t *length)
{
	const char *start = *at + strspn(*at, " \t");

	*length = strcspn(start, " \t\r\n");
	*at = start + *length;
	return start;
}

static bool is_word(const char *text, size_t length, const char *other)
{
	return strlen(other) == length && strncmp(text, other, length) == 0;
}

/* Commands that "install" names to load nothing. */
static bool does_nothing(const char *command, size_t length)
{
	static const char *const commands[] = {
		"/bin/false", "/bin/true", "/usr/bin/false", "/usr/bin/true", "false", "true", ":"};

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (is_word(command, length, commands[i]))
			return true;
	}
	return false;
}

bool hw_modprobe_blocks(const char *line, const char *module)
{
	size_t command_length, name_length, value_length;
	const char *command = word(&line, &command_length);
	const char *name = word(&line, &name_length);
	const char *value = word(&line, &value_length);

	if (!same_name(name, name_length, module))
		return false;
	return is_word(command, command_length, "blacklist") ||
	       (is_word(command, command_length, "install") && does_nothing(value, value_length)) ||
	       (is_word(command, command_length, "alias") && is_word(value, value_length, "off"));
}

const char *hw_kernel_blacklisted(struct hw *hw, const struct hw_kernel *kernel, const char *module)
{
	static const char *const words[] = {
		"modprobe.blacklist", "module_blacklist", "rd.driver.blacklist", NULL};

	for (size_t i = 0; words[i]; i++) {
		if (listed(hw_cmdline(hw, words[i]), module))
			return "the kernel command line";
	}
	for (size_t i = 0; i < kernel->line_count; i++) {
		if (hw_modprobe_blocks(kernel->lines[i].text, module))
			return kernel->lines[i].file;
	}
	return NULL;
}

const char *hw_kernel_option(struct hw *hw, const struct hw_kernel *kernel, const char *module,
	const char *option, const char **file)
{
	const char *value = NULL;

	for (size_t i = 0; i < kernel->line_count; i++) {
		const char *text = kernel->lines[i].text;
		const char *at;

		if (!str_starts(text, "options "))
			continue;
		at = text + strlen("options ");
		if (!same_name(at, strcspn(at, " "), module))
			continue;
		while (*(at = strchrnul(at, ' '))) {
			size_t length = strcspn(++at, "= ");

			if (!same_name(at, length, option) || at[length] != '=')
				continue;
			value = arena_copy(
				hw->root.arena, at + length + 1, strcspn(at + length + 1, " "));
			if (file)
				*file = kernel->lines[i].file;
		}
	}
	return value;
}

const char *hw_module_taint(struct hw *hw, const char *module)
{
	return hw_root_text(&hw->root, arena_printf(hw->root.arena, HW_MODULE "/%s/taint", module));
}

const char *hw_module_parameter(struct hw *hw, const char *module, const char *name)
{
	return hw_root_text(&hw->root,
		arena_printf(hw->root.arena, HW_MODULE "/%s/parameters/%s", module, name));
}

bool hw_module_has_parameter(struct hw *hw, const char *module, const char *name)
{
	return hw_root_exists(&hw->root,
		arena_printf(hw->root.arena, HW_MODULE "/%s/parameters/%s", module, name));
}
