/* SPDX-License-Identifier: MIT */
/* driver: the kernel modules that run a GPU, and the libraries that go with NVIDIA's. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/facts.h"
#include "hw/hw.h"
#include "hw/internal.h"

static const char *const nvidia_modules[] = {"nvidia_modeset", "nvidia_drm", "nvidia_uvm"};

static void add_parameter(
	struct hw *hw, struct hw_loaded *module, const char *name, const char *value)
{
	*arena_push(hw->root.arena, module->parameters, module->count) =
		(struct hw_parameter){name, value};
}

static struct hw_loaded read_module(struct hw *hw, const char *name)
{
	struct arena *arena = hw->root.arena;
	const char *path = arena_path(arena, HW_MODULE, name);
	const char *parameters = arena_path(arena, path, "parameters");
	struct hw_loaded module = {
		.name = name,
		.version = hw_root_attr(&hw->root, path, "version"),
		.taint = hw_root_attr(&hw->root, path, "taint"),
	};
	struct file_list files;

	if (!hw_root_names(&hw->root, parameters, &files))
		return module;
	for (size_t i = 0; i < files.count; i++)
		add_parameter(hw, &module, files.names[i],
			hw_root_attr(&hw->root, parameters, files.names[i]));
	return module;
}

/* "DynamicPowerManagement: 3" lines. */
static void add_nvidia_parameters(struct hw *hw, struct hw_loaded *module)
{
	struct arena *arena = hw->root.arena;
	const char *text = hw_root_text(&hw->root, HW_NVIDIA_PARAMETERS);

	while (text && *text) {
		const char *end = strchrnul(text, '\n'),
			   *colon = memchr(text, ':', (size_t)(end - text));

		if (colon && colon > text && colon + 1 < end)
			add_parameter(hw, module,
				arena_printf(arena, "NVreg_%.*s", (int)(colon - text), text),
				arena_copy(arena, colon + 2, (size_t)(end - colon - 2)));
		text = *end ? end + 1 : end;
	}
}

struct hw_loaded *hw_gpu_modules(struct hw *hw, struct hw_gpu *gpu, size_t *count)
{
	struct arena *arena = hw->root.arena;
	struct hw_loaded *list = NULL;
	const char *link = hw_root_link(&hw->root, arena_path(arena, gpu->path, "driver/module"));
	/* Recordings may lack the link; names of drivers are those of modules, dashes apart. */
	char *name = link          ? arena_dup(arena, str_file_name(link))
		     : gpu->driver ? arena_dup(arena, gpu->driver)
				   : NULL;

	*count = 0;
	for (char *c = name; c && *c; c++) {
		if (*c == '-')
			*c = '_';
	}
	if (!name || !hw_module_loaded(hw, name))
		return NULL;
	*arena_push(arena, list, *count) = read_module(hw, name);
	if (!hw_gpu_is_nvidia(gpu))
		return list;
	add_nvidia_parameters(hw, &list[0]);
	for (size_t i = 0; i < sizeof(nvidia_modules) / sizeof(*nvidia_modules); i++) {
		if (hw_module_loaded(hw, nvidia_modules[i]))
			*arena_push(arena, list, *count) = read_module(hw, nvidia_modules[i]);
	}
	return list;
}

enum hw_nvidia_build hw_nvidia_build(struct hw *hw)
{
	const char *text = hw_root_text(&hw->root, HW_NVIDIA_VERSION), *taint;

	if (text && str_starts(text, "NVRM version:"))
		return strstr(text, "Open Kernel Module") ? HW_NVIDIA_OPEN : HW_NVIDIA_PROPRIETARY;
	taint = hw_root_text(&hw->root, HW_MODULE "/nvidia/taint");
	if (!taint)
		return HW_NVIDIA_UNKNOWN;
	return strchr(taint, 'P') ? HW_NVIDIA_PROPRIETARY : HW_NVIDIA_OPEN;
}

/* "libnvidia-ml.so.550.163.01": the part behind ".so." if it is a version and no number of ABI. */
static const char *version_in(const char *name)
{
	const char *so = strstr(name, ".so.");

	so = so ? so + 4 : NULL;
	return so && strchr(so, '.') && strspn(so, "0123456789.") == strlen(so) ? so : NULL;
}

/* Where a library's links end, by their names: Debian's pass through /etc/alternatives. */
static const char *follow(struct hw *hw, const char *path)
{
	struct arena *arena = hw->root.arena;

	for (int hops = 0; hops < 8; hops++) {
		const char *target = hw_root_link(&hw->root, path);
		const char *version;

		if (!target)
			return NULL;
		version = version_in(str_file_name(target));
		if (version)
			return version;
		path = *target == '/'
			       ? target
			       : arena_printf(arena, "%.*s/%s",
					 (int)(str_file_name(path) - path - 1), path, target);
	}
	return NULL;
}

/* Where there are no links, as in a container that was given the files alone. */
static const char *newest(struct hw *hw, const char *directory)
{
	const char *best = NULL;
	struct file_list files;

	if (!hw_root_names(&hw->root, directory, &files))
		return NULL;
	for (size_t i = 0; i < files.count; i++) {
		const char *name = files.names[i];
		const char *version = str_starts(name, "libnvidia-ml.so.") ||
						      str_starts(name, "libGLX_nvidia.so.") ||
						      str_starts(name, "libcuda.so.")
					      ? version_in(name)
					      : NULL;

		if (version && (!best || strverscmp(version, best) > 0))
			best = version;
	}
	return best;
}

const char *hw_nvidia_library(struct hw *hw)
{
	static const char *const libraries[] = {
		"libnvidia-ml.so.1", "libGLX_nvidia.so.0", "libcuda.so.1", NULL};
	const char *version = NULL;

	for (const char *const *place = hw_library_directories; *place && !version; place++) {
		for (const char *const *library = libraries; *library && !version; library++)
			version = follow(hw, arena_path(hw->root.arena, *place, *library));
	}
	for (const char *const *place = hw_library_directories; *place && !version; place++)
		version = newest(hw, *place);
	for (const char *const *place = hw_library_directories; *place && !version; place++) {
		if (hw_root_exists(
			    &hw->root, arena_path(hw->root.arena, *place, "libGLX_nvidia.so.0")))
			version = "";
	}
	return version;
}

const char **hw_node_links(struct hw *hw, const struct hw_gpu *gpu, size_t *count)
{
	struct arena *arena = hw->root.arena;
	const char **list = NULL;
	struct file_list links;

	*count = 0;
	if (!hw_root_names(&hw->root, HW_NODES_BY_PATH, &links))
		return NULL;
	for (size_t i = 0; i < links.count; i++) {
		const char *path = arena_path(arena, HW_NODES_BY_PATH, links.names[i]);
		const char *target = hw_root_link(&hw->root, path);
		const char *node = target ? str_file_name(target) : "";

		if ((gpu->card >= 0 && str_eq(node, arena_printf(arena, "card%d", gpu->card))) ||
			(gpu->render >= 0 &&
				str_eq(node, arena_printf(arena, "renderD%d", gpu->render))))
			*arena_push(arena, list, *count) = path;
	}
	return list;
}
