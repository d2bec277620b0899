/* SPDX-License-Identifier: MIT */
#include "hw/module.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"

/* Where modules are, before the kernel's release; NixOS has them elsewhere. */
static const char *const module_directories[] = {
	"/lib/modules",
	"/usr/lib/modules",
	"/run/booted-system/kernel-modules/lib/modules",
};

/* modprobe.d(5). */
static const char *const config_directories[] = {"/etc/modprobe.d", "/run/modprobe.d",
	"/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d"};

static bool same_module(const char *a, size_t length, const char *b)
{
	for (size_t i = 0; i < length; i++) {
		bool both = strchr("-_", a[i]) && strchr("-_", b[i]);

		if (!b[i] || (a[i] != b[i] && !both))
			return false;
	}
	return !b[length];
}

struct hw_module hw_module(struct hw *hw, const char *module)
{
	const char *path = arena_path(hw->root.arena, HW_MODULE, module);
	const char *uses = hw_root_attr(&hw->root, path, "refcnt");
	struct hw_module found = {.loaded = hw_module_loaded(hw, module), .uses = -1};
	struct file_list names;
	unsigned long number;

	if (uses && str_number(uses, strlen(uses), 10, &number))
		found.uses = (long)number;
	if (hw_root_names(&hw->root, arena_path(hw->root.arena, path, "holders"), &names))
		found.needed_by = names.count;
	return found;
}

/* A file of depmod's for the kernel that runs. */
static const char *module_list(struct hw *hw, const char *file)
{
	const char *release = hw_root_text(&hw->root, HW_RELEASE), *text = NULL;

	for (size_t i = 0; release && !text && i < sizeof(module_directories) / sizeof(char *); i++)
		text = hw_root_text(&hw->root, arena_printf(hw->root.arena, "%s/%s/%s",
						       module_directories[i], release, file));
	return text;
}

/* A line "kernel/drivers/x/vfio-pci.ko.xz: ..." of a module. */
static bool lists(const char *text, const char *name)
{
	while (text && *text) {
		size_t length = strcspn(text, ":\n"), begin = length, end;

		while (begin && text[begin - 1] != '/')
			begin--;
		for (end = begin; end < length && text[end] != '.';)
			end++;
		if (same_module(text + begin, end - begin, name))
			return true;
		text = strchrnul(text, '\n');
		text += *text == '\n';
	}
	return false;
}

/* The next word of a line at *at, which moves behind it; its length, 0 at the end of the line. */
static size_t next_word(const char **at, const char **word)
{
	*at += strspn(*at, " \t");
	*word = *at;
	*at += strcspn(*at, " \t\n");
	return (size_t)(*at - *word);
}

/* What modprobe.d says of a name. */
struct configured {
	const char *module; /* the name, or what it is an alias of */
	const char *forbidden; /* the file with "install NAME /bin/false" */
	bool custom; /* a command of its own loads it: Debian's NVIDIA modules */
};

/* "alias NAME MODULE" and "install NAME COMMAND" of one file. */
static void read_config(struct hw *hw, const char *path, const char *name, struct configured *say)
{
	const char *text = hw_root_text(&hw->root, path);

	while (text && *text) {
		const char *at = text, *key, *first, *second;
		size_t key_length = next_word(&at, &key), first_length = next_word(&at, &first);
		size_t second_length = next_word(&at, &second);

		if (second_length && same_module(first, first_length, name)) {
			const char *what = arena_copy(hw->root.arena, second, second_length);

			if (key_length == 5 && strncmp(key, "alias", 5) == 0)
				say->module = what;
			if (key_length == 7 && strncmp(key, "install", 7) == 0) {
				if (str_ends(what, "/false") || str_ends(what, "/true"))
					say->forbidden = path;
				else
					say->custom = true;
			}
		}
		text = strchrnul(text, '\n');
		text += *text == '\n';
	}
}

/* Of files of one name only that of the first directory counts: an empty one masks the others. */
static bool is_masked(struct hw *hw, size_t directory, const char *name)
{
	for (size_t i = 0; i < directory; i++) {
		if (hw_root_exists(
			    &hw->root, arena_path(hw->root.arena, config_directories[i], name)))
			return true;
	}
	return false;
}

static struct configured configured(struct hw *hw, const char *name)
{
	struct configured say = {.module = name};

	for (size_t i = 0; i < sizeof(config_directories) / sizeof(char *); i++) {
		struct file_list names;

		if (!hw_root_names(&hw->root, config_directories[i], &names))
			continue;
		for (size_t j = 0; j < names.count; j++) {
			if (str_ends(names.names[j], ".conf") && !is_masked(hw, i, names.names[j]))
				read_config(hw,
					arena_path(hw->root.arena, config_directories[i],
						names.names[j]),
					name, &say);
		}
	}
	return say;
}

enum hw_module_file hw_module_find(struct hw *hw, const char *name, const char **why)
{
	const struct configured say = configured(hw, name);
	const char *all = module_list(hw, "modules.dep");

	*why = say.forbidden;
	if (say.forbidden)
		return HW_MODULE_FORBIDDEN;
	if (say.custom || lists(all, say.module) ||
		lists(module_list(hw, "modules.builtin"), say.module))
		return HW_MODULE_THERE;
	return all ? HW_MODULE_MISSING : HW_MODULE_UNKNOWN;
}

int hw_module_knows(struct hw *hw, const char *module, const char *modalias)
{
	const char *text = module_list(hw, "modules.alias");
	const struct configured say = configured(hw, module);
	int known = -1;

	while (text && *text) {
		const char *at = text, *key, *pattern, *name;
		size_t key_length = next_word(&at, &key), length = next_word(&at, &pattern);
		size_t name_length = next_word(&at, &name);

		if (key_length == 5 && name_length && strncmp(pattern, "pci:", 4) == 0 &&
			same_module(name, name_length, say.module)) {
			if (fnmatch(arena_copy(hw->root.arena, pattern, length), modalias, 0) == 0)
				return 1;
			known = 0;
		}
		text = strchrnul(text, '\n');
		text += *text == '\n';
	}
	return known;
}

const char *hw_modprobe(struct hw *hw)
{
	static const char *const usual[] = {"/usr/sbin/modprobe", "/sbin/modprobe",
		"/usr/bin/modprobe", "/run/current-system/sw/bin/modprobe"};
	const char *told = hw_root_text(&hw->root, HW_MODPROBE);

	/* Some set it to /bin/false, so that the kernel loads nothing by itself. */
	if (told && *told && str_eq(str_file_name(told), "modprobe") &&
		hw_root_exists(&hw->root, told))
		return told;
	for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++) {
		if (hw_root_exists(&hw->root, usual[i]))
			return usual[i];
	}
	return usual[0];
}

int hw_module_remove(const char *module)
{
	return syscall(SYS_delete_module, module, O_NONBLOCK) == 0 ? 0 : errno;
}
