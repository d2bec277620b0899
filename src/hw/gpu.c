/* SPDX-License-Identifier: MIT */
/* gpu: what is read of one GPU only when it is asked for. */
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

bool hw_gpu_is_nvidia(const struct hw_gpu *gpu)
{
	return gpu->driver && str_eq(gpu->driver, "nvidia");
}

const char *hw_gpu_unusable(const struct hw_gpu *gpu)
{
	if (!gpu->driver)
		return "has no driver bound to it";
	if (str_eq(gpu->driver, "vfio-pci"))
		return "is bound to vfio-pci, for a virtual machine";
	if (gpu->render < 0 && hw_gpu_is_nvidia(gpu))
		return "has no render node; 'modprobe nvidia_drm' makes one";
	if (gpu->render < 0)
		return "has no render node: it can show pictures, not draw them";
	return NULL;
}

const char *hw_gpu_status(struct hw *hw, struct hw_gpu *gpu)
{
	if (!gpu->status)
		gpu->status = hw_root_attr(&hw->root, gpu->path, "power/runtime_status");
	if (!gpu->status)
		gpu->status = "unknown";
	return gpu->status;
}

const char *hw_gpu_state(struct hw *hw, const struct hw_gpu *gpu)
{
	return gpu->pci ? hw_root_attr(&hw->root, gpu->path, "power_state") : NULL;
}

const char *hw_gpu_version(struct hw *hw, struct hw_gpu *gpu)
{
	static const char *const drivers[] = {"nvidia", "amdgpu", "i915", "xe"};
	size_t which = 0, drivers_count = sizeof(drivers) / sizeof(*drivers);

	while (which < drivers_count && (!gpu->driver || !str_eq(gpu->driver, drivers[which])))
		which++;
	if (which == drivers_count)
		return NULL;
	for (size_t i = 0; i < hw->count && !gpu->version; i++) {
		if (hw->gpus[i]->version && str_eq(hw->gpus[i]->driver, gpu->driver))
			gpu->version = hw->gpus[i]->version;
	}
	if (!gpu->version)
		gpu->version = hw_root_text(&hw->root,
			arena_printf(hw->root.arena, HW_MODULE "/%s/version", gpu->driver));
	if (!gpu->version)
		gpu->version = "";
	return *gpu->version ? gpu->version : NULL;
}

const char *hw_gpu_tag(struct arena *arena, const struct hw_gpu *gpu)
{
	char *tag = arena_printf(arena, "%s-%s", gpu->pci ? "pci" : "platform", gpu->slot);

	for (char *c = tag; *c; c++) {
		if (*c == ':' || *c == '.')
			*c = '_';
	}
	return tag;
}

/* "Model: \t\t NVIDIA ...": the text behind the name, blanks skipped. */
static const char *information(struct hw *hw, const char *text, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = text; line && *line;) {
		const char *end = strchrnul(line, '\n');

		if (strncmp(line, name, length) == 0 && line[length] == ':') {
			line += length + 1;
			while (line < end && isspace((unsigned char)*line))
				line++;
			while (end > line && isspace((unsigned char)end[-1]))
				end--;
			return end > line ? arena_copy(hw->root.arena, line, (size_t)(end - line))
					  : NULL;
		}
		line = *end ? end + 1 : end;
	}
	return NULL;
}

/* The file answers from what the driver has cached; reading it does not wake the GPU. */
const struct hw_nvidia *hw_gpu_nvidia(struct hw *hw, struct hw_gpu *gpu)
{
	struct hw_nvidia *facts;
	const char *text, *minor;
	unsigned long number;

	if (gpu->nvidia)
		return gpu->nvidia;
	facts = arena_alloc(hw->root.arena, sizeof(*facts));
	facts->minor = -1;
	gpu->nvidia = facts;
	if (!hw_gpu_is_nvidia(gpu))
		return facts;
	text = hw_root_text(&hw->root,
		arena_printf(hw->root.arena, HW_NVIDIA_GPUS "/%s/information", gpu->slot));
	facts->model = information(hw, text, "Model");
	if (facts->model && str_eq(facts->model, "Unknown"))
		facts->model = NULL;
	/* "GPU-????????-..." until the GPU was initialised once. */
	facts->uuid = information(hw, text, "GPU UUID");
	if (facts->uuid && (strchr(facts->uuid, '?') || !str_starts(facts->uuid, "GPU-")))
		facts->uuid = NULL;
	facts->bios = information(hw, text, "Video BIOS");
	if (facts->bios && strchr(facts->bios, '?'))
		facts->bios = NULL;
	facts->firmware = information(hw, text, "GPU Firmware");
	if (facts->firmware && str_eq(facts->firmware, "N/A"))
		facts->firmware = "";
	if (facts->firmware && strchr(facts->firmware, '?'))
		facts->firmware = NULL;
	minor = information(hw, text, "Device Minor");
	if (minor && str_number(minor, strlen(minor), 10, &number))
		facts->minor = (int)number;
	return facts;
}

const char *hw_node(struct arena *arena, const char *kind, int number)
{
	return number < 0 ? NULL : arena_printf(arena, HW_NODES "/%s%d", kind, number);
}

/* Drivers 390 and 340 run Fermi GPUs and older ones; Maxwell, which no driver before 435 that is
 * still in use runs, begins at device 0x1340 (NVIDIA's list of legacy GPUs). */
bool hw_gpu_is_legacy(const struct hw_gpu *gpu)
{
	return gpu->vendor == HW_NVIDIA && gpu->device < 0x1340;
}

bool hw_module_loaded(struct hw *hw, const char *module)
{
	return hw_root_exists(&hw->root, arena_printf(hw->root.arena, HW_MODULE "/%s", module));
}

const char *hw_hostname(struct hw *hw)
{
	const char *name = hw_root_text(&hw->root, HW_HOSTNAME);

	return name ? name : "";
}
