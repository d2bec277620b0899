/* SPDX-License-Identifier: MIT */
#include "hw/parts.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"

#define NVIDIA "/proc/driver/nvidia"
#define LOADER_CACHE "/etc/ld.so.cache"
#define DKMS "/var/lib/dkms"

/* Libraries that come with every version, and that others load by these names. */
static const char *const names[] = {
	"libnvidia-ml.so.1", "libGLX_nvidia.so.0", "libcuda.so.1", NULL};

static const char *const directories[] = {
	"/usr/lib/x86_64-linux-gnu", /* Debian, Ubuntu */
	"/usr/lib/aarch64-linux-gnu",
	"/usr/lib64", /* Fedora, openSUSE */
	"/usr/lib", /* Arch; 32 bits of Fedora */
	"/run/opengl-driver/lib", /* NixOS */
	"/usr/local/lib", /* by hand */
	"/usr/local/nvidia/lib64", /* containers */
	"/usr/lib/i386-linux-gnu", /* and for programs of 32 bits */
	"/usr/lib32",
	"/run/opengl-driver-32/lib",
	NULL,
};

/* "550.163.01" out of "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.163.01  Tue ...": the
 * first word of digits and dots, as the text before it differs. */
static const char *version_in(struct arena *arena, const char *text)
{
	const char *start = text;

	while (start && *start && *start != '\n') {
		size_t length = strspn(start, "0123456789.");

		if (length > 2 && isdigit((unsigned char)*start) && memchr(start, '.', length) &&
			(start == text || strchr(" \t", start[-1])) &&
			strchr(" \t\n", start[length]))
			return arena_copy(arena, start, length);
		start += length ? length : 1;
	}
	return NULL;
}

const char *hw_driver_version(struct hw *hw)
{
	const char *version = hw_nvidia_version(hw);
	const char *text;

	if (version && *version)
		return version;
	text = hw_root_text(&hw->root, NVIDIA "/version");
	return text ? version_in(hw->root.arena, text) : NULL;
}

int hw_driver_open(struct hw *hw)
{
	const char *text = hw_root_text(&hw->root, NVIDIA "/version");

	return text ? strstr(text, "Open Kernel Module") != NULL : -1;
}

/* The value of a line "NAME: value"; blanks before the name are not part of it. */
static const char *line_of(struct arena *arena, const char *text, const char *name)
{
	size_t length = strlen(name);

	while (text && *text) {
		const char *end = strchrnul(text, '\n'), *last = end;

		text += strspn(text, " \t");
		if (strncmp(text, name, length) == 0 && text[length] == ':') {
			text += length + 1;
			text += strspn(text, " \t");
			while (last > text && isspace((unsigned char)last[-1]))
				last--;
			return last > text ? arena_copy(arena, text, (size_t)(last - text)) : "";
		}
		text = *end ? end + 1 : end;
	}
	return NULL;
}

const char *hw_driver_text(struct hw *hw, const char *name)
{
	const char *value =
		line_of(hw->root.arena, hw_root_text(&hw->root, HW_NVIDIA_PARAMETERS), name);
	size_t length = value ? strlen(value) : 0;

	if (length >= 2 && *value == '"' && value[length - 1] == '"')
		return arena_copy(hw->root.arena, value + 1, length - 2);
	return value;
}

long hw_driver_number(struct hw *hw, const char *name)
{
	const char *value = hw_driver_text(hw, name);
	unsigned long number;

	return value && str_number(value, strlen(value), 10, &number) ? (long)number : -1;
}

const char *hw_driver_line(
	struct hw *hw, const struct hw_gpu *gpu, const char *file, const char *name)
{
	return line_of(hw->root.arena,
		hw_root_text(&hw->root,
			arena_printf(hw->root.arena, HW_NVIDIA_GPUS "/%s/%s", gpu->slot, file)),
		name);
}

bool hw_driver_took(struct hw *hw, const struct hw_gpu *gpu)
{
	return hw_root_exists(
		&hw->root, arena_printf(hw->root.arena, HW_NVIDIA_GPUS "/%s", gpu->slot));
}

/* The name of the file that links lead to in the end, as the kernel knows it. */
static const char *real_name(struct hw *hw, const char *path)
{
	int fd = hw_root_open(&hw->root, path, O_PATH);
	const struct hw_root here = {.arena = hw->root.arena, .fd = -1};
	const char *target;

	if (fd < 0)
		return NULL;
	target = hw_root_link(&here, arena_printf(here.arena, HW_OWN_DESCRIPTORS "/%d", fd));
	close(fd);
	return target ? str_file_name(target) : NULL;
}

/* "550.163.01" of libcuda.so.550.163.01; NULL of libcuda.so.1. */
static const char *suffix(const char *name)
{
	const char *at = name ? strstr(name, ".so.") : NULL;

	return at && strchr(at + 4, '.') && isdigit((unsigned char)at[4]) ? at + 4 : NULL;
}

struct libraries {
	struct hw *hw;
	struct hw_library *list;
	size_t count;
};

static void add_library(struct libraries *libraries, const char *path)
{
	const char *version = suffix(real_name(libraries->hw, path));

	for (size_t i = 0; version && i < libraries->count; i++) {
		if (str_eq(libraries->list[i].path, path))
			return;
	}
	if (version)
		*arena_push(libraries->hw->root.arena, libraries->list, libraries->count) =
			(struct hw_library){path, version};
}

/* Paths in the loader's own index, which has all directories that it searches. */
static void from_cache(struct libraries *libraries, const char *name)
{
	struct hw *hw = libraries->hw;
	int fd = hw_root_open(&hw->root, LOADER_CACHE, O_RDONLY);
	size_t length, size = strlen(name) + 1;
	const char *cache, *at, *end;

	if (fd < 0)
		return;
	cache = file_text_fd(hw->root.arena, fd, 16 << 20, &length);
	end = cache ? cache + length : NULL;
	for (at = cache; at && (at = memmem(at, (size_t)(end - at), name, size)); at += size) {
		const char *start = at;

		while (start > cache && start[-1])
			start--;
		if (*start == '/' && at[-1] == '/')
			add_library(libraries, start);
	}
}

struct hw_library *hw_driver_libraries(struct hw *hw, size_t *count)
{
	struct libraries libraries = {.hw = hw};

	for (size_t i = 0; names[i]; i++) {
		for (size_t j = 0; directories[j]; j++)
			add_library(
				&libraries, arena_path(hw->root.arena, directories[j], names[i]));
		from_cache(&libraries, names[i]);
	}
	*count = libraries.count;
	return libraries.list;
}

/* What is in the directories below one whose names begin so. */
static const char **below(
	struct hw *hw, const char *path, const char *start, bool inside, size_t *count)
{
	struct arena *arena = hw->root.arena;
	struct file_list files, versions;
	const char **found = NULL;

	*count = 0;
	if (!hw_root_names(&hw->root, path, &files))
		return NULL;
	for (size_t i = 0; i < files.count; i++) {
		const char *name = files.names[i];

		if (!str_starts(name, start))
			continue;
		if (!inside) {
			*arena_push(arena, found, *count) = name + strlen(start);
			continue;
		}
		if (!hw_root_names(&hw->root, arena_path(arena, path, name), &versions))
			continue;
		for (size_t j = 0; j < versions.count; j++) {
			if (isdigit((unsigned char)*versions.names[j]))
				*arena_push(arena, found, *count) = versions.names[j];
		}
	}
	return found;
}

const char **hw_driver_dkms(struct hw *hw, size_t *count)
{
	return below(hw, DKMS, "nvidia", true, count);
}

const char **hw_driver_flatpak(struct hw *hw, size_t *count)
{
	return below(hw, "/var/lib/flatpak/runtime", "org.freedesktop.Platform.GL.nvidia-", false,
		count);
}

const char *hw_driver_firmware(struct hw *hw, const char *version, bool *known)
{
	/* Documentation/driver-api/firmware/fw_search_path.rst, and NixOS's. */
	static const char *const places[] = {"/lib/firmware/updates", "/lib/firmware",
		"/usr/lib/firmware", "/run/current-system/firmware", NULL};
	const char *parameter =
		hw_root_text(&hw->root, HW_MODULE "/firmware_class/parameters/path");

	*known = false;
	for (int i = -1; i < 0 || places[i]; i++) {
		const char *place = i < 0 ? parameter : places[i];
		const char *path;

		if (!place || !*place || !hw_root_exists(&hw->root, place))
			continue;
		*known = true;
		path = arena_printf(hw->root.arena, "%s/nvidia/%s", place, version);
		if (hw_root_exists(&hw->root, path))
			return path;
	}
	return NULL;
}
