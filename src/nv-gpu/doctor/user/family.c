/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/user/user.h"

static const struct {
	const char *driver;
	unsigned family;
} drivers[] = {
	{"i915", FAMILY_INTEL},
	{"xe", FAMILY_INTEL},
	{"amdgpu", FAMILY_AMD},
	{"radeon", FAMILY_AMD},
	{"nouveau", FAMILY_NOUVEAU},
	{NULL, 0},
};

/* Parts of names, the first one that fits counting. */
static const struct {
	const char *part;
	unsigned family;
} names[] = {
	{"nvidia", FAMILY_NVIDIA},
	{"lavapipe", FAMILY_CPU},
	{"llvmpipe", FAMILY_CPU},
	{"softpipe", FAMILY_CPU},
	{"swrast", FAMILY_CPU},
	{"lvp", FAMILY_CPU},
	{"nouveau", FAMILY_NOUVEAU},
	{"intel", FAMILY_INTEL},
	{"iHD", FAMILY_INTEL},
	{"i965", FAMILY_INTEL},
	{"i915", FAMILY_INTEL},
	{"iris", FAMILY_INTEL},
	{"crocus", FAMILY_INTEL},
	{"radeon", FAMILY_AMD},
	{"amd", FAMILY_AMD},
	{"r600", FAMILY_AMD},
	{"r300", FAMILY_AMD},
	{"mesa", FAMILY_MESA},
	{"dri", FAMILY_MESA}, /* GBM's backend of Mesa */
	{NULL, 0},
};

static const struct {
	unsigned family;
	const char *name;
} shown[] = {
	{FAMILY_NVIDIA, "NVIDIA"},
	{FAMILY_INTEL, "Intel"},
	{FAMILY_AMD, "AMD"},
	{FAMILY_NOUVEAU, "nouveau"},
	{FAMILY_OTHER, "Mesa"},
	{FAMILY_CPU, "CPU"},
	{0, NULL},
};

unsigned family_of(const struct hw_gpu *gpu)
{
	if (hw_gpu_is_nvidia(gpu))
		return FAMILY_NVIDIA;
	if (gpu->render < 0 || !gpu->driver)
		return 0;
	for (size_t i = 0; drivers[i].driver; i++) {
		if (str_eq(gpu->driver, drivers[i].driver))
			return drivers[i].family;
	}
	return FAMILY_OTHER;
}

unsigned family_here(const struct doctor *doctor)
{
	const struct hw *hw = &doctor->run->hw;
	unsigned families = 0;

	for (size_t i = 0; i < hw->count; i++)
		families |= family_of(hw->gpus[i]);
	return families;
}

unsigned family_desktop(const struct doctor *doctor)
{
	const struct hw *hw = &doctor->run->hw;

	for (size_t i = 0; i < hw->count; i++) {
		if (hw->gpus[i]->boot && family_of(hw->gpus[i]))
			return family_of(hw->gpus[i]);
	}
	return family_here(doctor);
}

unsigned family_named(const char *name)
{
	for (size_t i = 0; names[i].part; i++) {
		if (strcasestr(name, names[i].part))
			return names[i].family;
	}
	return 0;
}

const char *family_names(struct doctor *doctor, unsigned families)
{
	const char *text = "";

	for (size_t i = 0; shown[i].name; i++) {
		if (families & shown[i].family)
			text = arena_printf(doctor->run->arena, "%s%s%s", text, *text ? ", " : "",
				shown[i].name);
	}
	return text;
}

struct hw_gpu *family_gpu(const struct doctor *doctor, unsigned families)
{
	const struct hw *hw = &doctor->run->hw;

	for (size_t i = 0; i < hw->count; i++) {
		if (family_of(hw->gpus[i]) & families)
			return hw->gpus[i];
	}
	return NULL;
}

static bool has_monitor(struct hw *hw, const struct hw_gpu *gpu)
{
	hw_connectors(hw);
	for (size_t i = 0; gpu->card >= 0 && i < hw->connector_count; i++) {
		if (hw->connectors[i].card == gpu->card && hw->connectors[i].connected)
			return true;
	}
	return false;
}

/* CUDA's library says that to compute is what the GPU is for; but it may be in containers only. */
bool family_compute_only(const struct hw_loader *loader)
{
	struct hw *hw = loader->hw;
	struct hw_object object;
	bool cuda = hw_loader_find(loader, "libcuda.so.1", 64, &object);

	if (hw_loader_find(loader, "libGLX_nvidia.so.0", 64, &object) ||
		hw_loader_find(loader, "libEGL_nvidia.so.0", 64, &object) ||
		(!cuda && hw_is_laptop(hw)))
		return false;
	for (size_t i = 0; i < hw->count; i++) {
		if (hw_gpu_is_nvidia(hw->gpus[i]) &&
			((hw->gpus[i]->boot && !cuda) || has_monitor(hw, hw->gpus[i])))
			return false;
	}
	return true;
}

const char *library_version(const char *file)
{
	const char *at = strstr(str_file_name(file), ".so.");
	const char *version = at ? at + 4 : NULL;

	if (!version || !strchr(version, '.') || version[strspn(version, "0123456789.")])
		return NULL;
	return version;
}
