/* SPDX-License-Identifier: MIT */
/* nodes: which device nodes belong to a GPU, and their numbers, without opening one. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/holders.h"
#include "hw/hw.h"
#include "hw/internal.h"

/* The kernel's Documentation/admin-guide/devices.txt; NVIDIA's nv-chardev-numbers.h. */
enum { DRM_MAJOR = 226, NVIDIA_MAJOR = 195, NVIDIA_MODESET = 254, NVIDIA_CONTROL = 255 };

struct nodes {
	struct hw *hw;
	struct hw_node *list;
	size_t count;
};

/*
 * Drivers that answer for fdinfo from what they have in memory. Others may resume the GPU for it,
 * as xe does (xe_drm_client.c).
 */
static bool answers_asleep(const char *driver)
{
	static const char *const drivers[] = {"amdgpu", "i915", "nvidia", "nouveau"};

	for (size_t i = 0; driver && i < sizeof(drivers) / sizeof(*drivers); i++) {
		if (str_eq(driver, drivers[i]))
			return true;
	}
	return false;
}

static bool is_quiet(struct hw *hw, const struct hw_gpu *gpu)
{
	const char *status;

	if (answers_asleep(gpu->driver))
		return false;
	status = hw_root_attr(&hw->root, gpu->path, "power/runtime_status");
	return status && !str_eq(status, "active") && !str_eq(status, "unsupported");
}

static void add(
	struct nodes *nodes, const char *name, unsigned major, unsigned minor, struct hw_gpu *gpu)
{
	bool drm = gpu && str_starts(name, HW_NODES);

	*arena_push(nodes->hw->root.arena, nodes->list, nodes->count) = (struct hw_node){
		name, major, minor, gpu, drm, NULL, drm && is_quiet(nodes->hw, gpu)};
}

/* A node that belongs to all GPUs of a driver. */
static void add_common(
	struct nodes *nodes, const char *name, unsigned major, unsigned minor, const char *driver)
{
	add(nodes, name, major, minor, NULL);
	nodes->list[nodes->count - 1].common = driver;
}

/* A node whose number an attribute "dev" tells. */
static bool add_dev(
	struct nodes *nodes, const char *directory, const char *name, struct hw_gpu *gpu)
{
	const char *text = hw_root_attr(&nodes->hw->root, directory, "dev");
	unsigned major, minor;

	if (!text || sscanf(text, "%u:%u", &major, &minor) != 2)
		return false;
	add(nodes, name, major, minor, gpu);
	return true;
}

static void add_drm(struct nodes *nodes, const char *kind, int number, struct hw_gpu *gpu)
{
	struct arena *arena = nodes->hw->root.arena;
	const char *name;

	if (number < 0)
		return;
	name = hw_node(arena, kind, number);
	if (!add_dev(nodes, arena_printf(arena, HW_CLASS_DRM "/%s%d", kind, number), name, gpu))
		add(nodes, name, DRM_MAJOR, (unsigned)number, gpu);
}

/* Nodes of what stands below a directory of a PCI function: graphics/fb0, sound/card1/pcmC1D3p. */
static void add_below(struct nodes *nodes, const char *directory, const char *prefix,
	struct hw_gpu *gpu, int depth)
{
	struct arena *arena = nodes->hw->root.arena;
	struct file_list names;

	if (!hw_root_names(&nodes->hw->root, directory, &names))
		return;
	for (size_t i = 0; i < names.count; i++) {
		const char *path = arena_path(arena, directory, names.names[i]);

		if (depth)
			add_below(nodes, path, prefix, gpu, depth - 1);
		else
			add_dev(nodes, path, arena_printf(arena, "%s%s", prefix, names.names[i]),
				gpu);
	}
}

/* The nodes of VFIO: a machine's monitor holds the group, or the device itself (iommufd). */
static void add_vfio(struct nodes *nodes, const char *function, struct hw_gpu *gpu)
{
	struct arena *arena = nodes->hw->root.arena;
	const char *link =
		hw_root_link(&nodes->hw->root, arena_path(arena, function, "iommu_group"));
	const char *group = link ? str_file_name(link) : NULL;
	/* The kernel's drivers/vfio/group.c: another name without an IOMMU. */
	static const char *const kinds[] = {"", "noiommu-"};

	for (size_t i = 0; group && i < sizeof(kinds) / sizeof(*kinds); i++) {
		const char *name = arena_printf(arena, "%s%s", kinds[i], group);

		add_dev(nodes, arena_path(arena, HW_CLASS_VFIO, name),
			arena_path(arena, HW_VFIO_NODES, name), gpu);
	}
	add_below(
		nodes, arena_path(arena, function, "vfio-dev"), HW_VFIO_NODES "/devices/", gpu, 0);
}

/*
 * Nodes of a class whose devices are below a function of the slot or its connectors: the busses of
 * its monitors. A driver waits in remove until the last of them is closed (i2c_del_adapter).
 */
static void add_class(struct nodes *nodes, const char *class, struct hw_gpu *gpu)
{
	struct arena *arena = nodes->hw->root.arena;
	const char *below = arena_printf(
		arena, "/%.*s", (int)(strcspn(gpu->slot, ".") + (gpu->pci ? 1 : 0)), gpu->slot);
	struct file_list names;

	if (!hw_root_names(&nodes->hw->root, class, &names))
		return;
	for (size_t i = 0; i < names.count; i++) {
		const char *path = arena_path(arena, class, names.names[i]);
		const char *link = hw_root_link(&nodes->hw->root, path);

		if (link && strstr(link, below))
			add_dev(nodes, path, arena_path(arena, HW_DEVICES, names.names[i]), gpu);
	}
}

static void add_functions(struct nodes *nodes, struct hw_gpu *gpu)
{
	struct arena *arena = nodes->hw->root.arena;
	const char *dot = strrchr(gpu->path, '.');

	add_below(nodes, arena_path(arena, gpu->path, "graphics"), HW_DEVICES "/", gpu, 0);
	add_class(nodes, HW_CLASS_I2C, gpu);
	add_class(nodes, HW_CLASS_DP_AUX, gpu);
	for (int i = 0; gpu->pci && dot && i < 8; i++) {
		const char *function =
			arena_printf(arena, "%.*s.%d", (int)(dot - gpu->path), gpu->path, i);

		if (!hw_root_exists(&nodes->hw->root, function))
			continue;
		add_below(nodes, arena_path(arena, function, "sound"), HW_DEVICES "/snd/", gpu, 1);
		add_vfio(nodes, function, gpu);
	}
}

/* Those of NVIDIA's that belong to all its GPUs; the majors are made up as modules come. */
static void add_nvidia(struct nodes *nodes)
{
	static const char *const dynamic[] = {"nvidia-uvm", "nvidia-caps",
		"nvidia-caps-imex-channels", "nvidia-nvswitch", "nvidia-nvlink"};
	const char *text = hw_root_text(&nodes->hw->root, HW_CHARACTER_DEVICES);

	add_common(nodes, HW_DEVICES "/nvidiactl", NVIDIA_MAJOR, NVIDIA_CONTROL, "nvidia");
	add_common(nodes, HW_DEVICES "/nvidia-modeset", NVIDIA_MAJOR, NVIDIA_MODESET, "nvidia");
	while (text && *text) {
		const char *end = strchrnul(text, '\n');
		char name[64];
		unsigned major;

		if (sscanf(text, "%u %63s", &major, name) == 2) {
			for (size_t i = 0; i < sizeof(dynamic) / sizeof(*dynamic); i++) {
				if (str_eq(name, dynamic[i]))
					add_common(nodes,
						arena_printf(nodes->hw->root.arena,
							HW_DEVICES "/%s", name),
						major, HW_ANY_MINOR, "nvidia");
			}
		}
		text = *end ? end + 1 : end;
	}
}

/* AMD's for computing, through which a program reaches all its GPUs (amdkfd). */
static void add_kfd(struct nodes *nodes)
{
	size_t before = nodes->count;

	add_dev(nodes, HW_CLASS_KFD, HW_DEVICES "/kfd", NULL);
	if (nodes->count > before)
		nodes->list[before].common = "amdgpu";
}

struct hw_node *hw_nodes(struct hw *hw, size_t *count)
{
	struct nodes nodes = {.hw = hw};
	bool nvidia = false;

	for (size_t i = 0; i < hw->count; i++) {
		struct hw_gpu *gpu = hw->gpus[i];
		int minor = hw_gpu_nvidia(hw, gpu)->minor;

		add_drm(&nodes, "card", gpu->card, gpu);
		add_drm(&nodes, "renderD", gpu->render, gpu);
		if (minor >= 0)
			add(&nodes, arena_printf(hw->root.arena, HW_DEVICES "/nvidia%d", minor),
				NVIDIA_MAJOR, (unsigned)minor, gpu);
		nvidia |= minor >= 0 || hw_gpu_is_nvidia(gpu);
		add_functions(&nodes, gpu);
	}
	if (nvidia)
		add_nvidia(&nodes);
	add_kfd(&nodes);
	*count = nodes.count;
	return nodes.list;
}

bool hw_node_is_at(const struct hw_node *node, const char *path, size_t length)
{
	size_t known = strlen(node->name);
	const char *at;

	if (length >= known && memcmp(path + length - known, node->name, known) == 0)
		return true;
	if (node->minor != HW_ANY_MINOR)
		return false;
	at = memmem(path, length, node->name, known);
	return at && (at[known] == '-' || at[known] == '/');
}
