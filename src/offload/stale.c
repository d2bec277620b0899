/* SPDX-License-Identifier: MIT */
/*
 * stale: variables that a session, a launcher or an older wrapper left behind and that would
 * defeat the choice. What each does, and who reads it, is in docs/VARIABLES.md.
 */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "offload/internal.h"

/* When a variable is in the way. */
enum when {
	ALWAYS, /* it names a GPU, and not through us */
	FOREIGN, /* it names drivers, and not the chosen GPU's */
	NVIDIAS, /* it names NVIDIA's driver, and that was not chosen */
	CPU, /* it asks for the CPU, and that was not chosen */
	NO_DEVICE, /* it hides all devices, and NVIDIA was chosen */
};

static const struct stale {
	const char *name;
	unsigned apis;
	enum when when;
} table[] = {
	{"CUDA_VISIBLE_DEVICES", CUDA, NO_DEVICE},
	{"DISABLE_LAYER_NV_OPTIMUS_1", VULKAN, ALWAYS},
	{"DRI_PRIME", GLX | EGL | VULKAN, ALWAYS},
	{"DXVK_FILTER_DEVICE_NAME", VULKAN, ALWAYS},
	{"DXVK_FILTER_DEVICE_UUID", VULKAN, ALWAYS},
	{"GALLIUM_DRIVER", GLX | EGL, CPU},
	{"GBM_BACKEND", GBM, NVIDIAS},
	{"GDK_VULKAN_DEVICE", VULKAN, ALWAYS},
	{"LIBGL_ALWAYS_SOFTWARE", GLX | EGL, CPU},
	{"LIBVA_DRIVER_NAME", VAAPI, NVIDIAS},
	{"MESA_LOADER_DRIVER_OVERRIDE", GLX | EGL, CPU},
	{"MESA_VK_DEVICE_SELECT", VULKAN, ALWAYS},
	{"MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE", VULKAN, ALWAYS},
	{"NODEVICE_SELECT", VULKAN, ALWAYS},
	{"OCL_ICD_VENDORS", OPENCL, NVIDIAS},
	{"QT_VK_PHYSICAL_DEVICE_INDEX", VULKAN, ALWAYS},
	{"VDPAU_DRIVER", VDPAU, NVIDIAS},
	{"VKD3D_FILTER_DEVICE_NAME", VULKAN, ALWAYS},
	{"VKD3D_VULKAN_DEVICE", VULKAN, ALWAYS},
	{"VK_DRIVER_FILES", VULKAN, FOREIGN},
	{"VK_ICD_FILENAMES", VULKAN, FOREIGN},
	{"VK_LOADER_DEVICE_ID_FILTER", VULKAN, ALWAYS},
	{"VK_LOADER_DEVICE_SELECT", VULKAN, ALWAYS},
	{"VK_LOADER_DISABLE_SELECT", VULKAN, ALWAYS},
	{"VK_LOADER_DRIVERS_DISABLE", VULKAN, ALWAYS},
	{"VK_LOADER_DRIVERS_SELECT", VULKAN, ALWAYS},
	{"VK_LOADER_DRIVER_ID_FILTER", VULKAN, ALWAYS},
	{"VK_LOADER_DRIVER_SELECT", VULKAN, ALWAYS}, /* switcheroo-control's slip of the pen */
	{"VK_LOADER_VENDOR_ID_FILTER", VULKAN, ALWAYS},
	{"__EGL_VENDOR_LIBRARY_FILENAMES", EGL, FOREIGN},
	{"__GLX_VENDOR_LIBRARY_NAME", GLX, FOREIGN},
	{"__NV_PRIME_RENDER_OFFLOAD", GLX | EGL | VULKAN, ALWAYS},
	{"__NV_PRIME_RENDER_OFFLOAD_PROVIDER", GLX | EGL, ALWAYS},
	{"__VK_LAYER_NV_optimus", VULKAN, ALWAYS},
};

/* How files and vendors of a kernel driver's user side are called. */
static const struct {
	const char *driver;
	const char *names[4];
} families[] = {
	{"nvidia", {"nvidia"}},
	{"amdgpu", {"mesa", "radeon", "amd"}},
	{"radeon", {"mesa", "radeon", "amd"}},
	{"i915", {"mesa", "intel"}},
	{"xe", {"mesa", "intel"}},
	{"nouveau", {"mesa", "nouveau"}},
	{NULL, {"mesa"}},
};

/* Whether a list of drivers has one for the chosen GPU. */
static bool names_driver(const char *value, const struct hw_gpu *gpu)
{
	size_t family = 0;

	while (families[family].driver && !(gpu && str_eq(gpu->driver, families[family].driver)))
		family++;
	for (size_t i = 0; i < 4 && families[family].names[i]; i++) {
		if (strcasestr(value, families[family].names[i]))
			return true;
	}
	return false;
}

static bool names_cpu(const struct stale *stale, const char *value)
{
	static const char *const drivers[] = {"llvmpipe", "softpipe", "swrast", "swr", NULL};

	if (str_eq(stale->name, "LIBGL_ALWAYS_SOFTWARE"))
		return true;
	for (size_t i = 0; drivers[i]; i++) {
		if (str_eq(value, drivers[i]))
			return true;
	}
	return false;
}

static bool hides_all(const char *value)
{
	return !*value || str_starts(value, "-") || str_eq(value, "NoDevFiles");
}

static bool in_the_way(const struct plan *plan, const struct stale *stale, const char *value)
{
	const struct offload_choice *choice = plan->input->choice;
	bool software = choice->selector.kind == RULE_SELECT_SOFTWARE;
	bool nvidia = choice->gpu && hw_gpu_is_nvidia(choice->gpu);

	switch (stale->when) {
	case ALWAYS:
		return true;
	case FOREIGN:
		return software || !names_driver(value, choice->gpu);
	case NVIDIAS:
		return !nvidia && strcasestr(value, "nvidia");
	case CPU:
		return !software && names_cpu(stale, value);
	case NO_DEVICE:
		return nvidia && hides_all(value);
	}
	return false;
}

static void unset(struct plan *plan, unsigned apis, const char *name, bool way)
{
	if (way && (apis & ~plan->kept))
		plan_put(plan, name, NULL, "default", "inherited, and in the way of the choice");
}

void stale_remove(struct plan *plan)
{
	static const char forced[] = "__GLX_FORCE_VENDOR_LIBRARY_";
	char *const *environment = plan->input->environment;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		const char *value = offload_env(environment, table[i].name);

		if (value)
			unset(plan, table[i].apis, table[i].name,
				in_the_way(plan, &table[i], value));
	}
	/* libglvnd's stronger form of __GLX_VENDOR_LIBRARY_NAME has one variable an X screen. */
	for (; environment && *environment; environment++) {
		const char *equals = strchr(*environment, '=');

		if (str_starts(*environment, forced) && equals)
			unset(plan, GLX,
				arena_copy(
					plan->arena, *environment, (size_t)(equals - *environment)),
				!names_driver(equals + 1, plan->input->choice->gpu));
	}
}
