/* SPDX-License-Identifier: MIT */
/* layers: Vulkan's implicit layers, NVIDIA's for render offload before all. */
#include <fnmatch.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/user/user.h"

#define OPTIMUS "VK_LAYER_NV_optimus"

/* A layer as it is in "layer", or in the list "layers". */
struct layer {
	const char *name, *library;
};

static struct layer layer_of(struct doctor *doctor, const json_t *json)
{
	return (struct layer){manifest_string(doctor, json, NULL, "name"),
		manifest_string(doctor, json, NULL, "library_path")};
}

static void look_at_layer(struct doctor *doctor, const struct hw_loader *loader, const char *path,
	const json_t *json, bool *optimus)
{
	const struct layer layer = layer_of(doctor, json);
	bool nvidia = str_eq(layer.name, OPTIMUS), here = family_here(doctor) & FAMILY_NVIDIA;
	struct hw_object object;
	const char *what;

	/* A layer may stand for others, without a library. */
	if (!*layer.library ||
		(hw_loader_find_for(loader, path, layer.library, 0, &object) && !object.dangling)) {
		*optimus |= nvidia;
		return;
	}
	what = arena_printf(doctor->run->arena, "%s names %s, which is not there", path,
		gpu_plain(doctor->run, layer.library));
	if (nvidia && here) {
		doctor_problem(doctor, what,
			"Vulkan programs that are sent to the NVIDIA GPU take another one",
			packages_for(doctor, PART_NVIDIA_VULKAN));
		*optimus = true;
	} else {
		doctor_note(doctor, what,
			"The loader tries that layer in every Vulkan program, and complains",
			arena_printf(doctor->run->arena, "rm %s", path));
	}
}

static bool look_at_layers(struct doctor *doctor, const struct hw_loader *loader)
{
	size_t count;
	const char **files = manifest_files(
		doctor, vulkan_directories(doctor, "implicit_layer.d"), ".json", &count);
	bool optimus = false;

	for (size_t i = 0; i < count; i++) {
		const char *wrong;
		json_t *json = manifest_read(doctor, files[i], &wrong);
		const json_t *list = json_object_get(json, "layers");

		if (!json) {
			doctor_problem(doctor, wrong, "The loader passes over that layer",
				"install what brought it again, or remove the file");
			continue;
		}
		if (json_is_object(json_object_get(json, "layer")))
			look_at_layer(
				doctor, loader, files[i], json_object_get(json, "layer"), &optimus);
		for (size_t j = 0; j < json_array_size(list); j++)
			look_at_layer(doctor, loader, files[i], json_array_get(list, j), &optimus);
		json_decref(json);
	}
	return optimus;
}

bool vulkan_disables_layer(struct doctor *doctor, const char *list)
{
	while (*list) {
		size_t length = strcspn(list, ",");
		const char *glob = arena_copy(doctor->run->arena, list, length);

		if (str_eq(glob, "~all~") || str_eq(glob, "~implicit~") ||
			fnmatch(glob, OPTIMUS, 0) == 0)
			return true;
		list += length + (list[length] == ',');
	}
	return false;
}

static void look_at_variables(struct doctor *doctor)
{
	const struct setting *setting;
	struct settings settings;

	settings_read(doctor, &settings, true);
	setting = settings_find(&settings, "DISABLE_LAYER_NV_OPTIMUS_1");
	if (!setting) {
		setting = settings_find(&settings, "VK_LOADER_LAYERS_DISABLE");
		if (!setting || !vulkan_disables_layer(doctor, setting->value))
			return;
	}
	doctor_note(doctor,
		arena_printf(doctor->run->arena, "%s: %s turns off " OPTIMUS, setting->where,
			setting->name),
		"Vulkan programs that are sent to the NVIDIA GPU may take another one",
		"nv-gpu doctor --only session-variables tells more");
}

void check_vulkan_layer(struct doctor *doctor)
{
	size_t before = doctor->count, count, i = 0;
	unsigned here = family_here(doctor);
	bool hybrid = here & FAMILY_NVIDIA && here & ~(unsigned)FAMILY_NVIDIA, optimus;
	struct hw_loader loader;
	const struct icd *drivers;

	hw_loader_begin(&loader, &doctor->run->hw);
	drivers = vulkan_drivers(doctor, &loader, &count);
	while (i < count && !(drivers[i].families & FAMILY_NVIDIA))
		i++;
	optimus = look_at_layers(doctor, &loader);
	/* Without the driver the layer is no loss. It came with 435. */
	if (hybrid && !optimus && i < count && hw_nvidia_major(&doctor->run->hw) >= 435)
		doctor_note(doctor, "no manifest names NVIDIA's layer " OPTIMUS,
			"nv-run chooses between GPUs for Vulkan programs with it; without, the "
			"loader's own order decides",
			packages_for(doctor, PART_NVIDIA_VULKAN));
	if (hybrid)
		look_at_variables(doctor);
	if (doctor->count == before)
		doctor_ok(doctor, optimus  ? "NVIDIA's layer for render offload is there"
				  : hybrid ? "NVIDIA has no Vulkan driver here, and needs no layer"
					   : "no layer is needed to choose between GPUs");
}
