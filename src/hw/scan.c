/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"

bool hw_init(struct hw *hw, struct arena *arena, const char *sysroot)
{
	*hw = (struct hw){0};
	return hw_root_init(&hw->root, arena, sysroot);
}

void hw_again(struct hw *hw, struct arena *arena)
{
	struct hw_root root = hw->root;

	root.arena = arena;
	*hw = (struct hw){.root = root};
}

bool hw_is_slot(const char *name, size_t length)
{
	unsigned long part;
	const char *colon = memchr(name, ':', length);
	size_t domain = colon ? (size_t)(colon - name) : 0;

	/* Domains have four digits, or more on machines with many (VMD: 10000:e1:00.0). */
	return domain >= 4 && domain <= 8 && length == domain + 8 && name[domain + 3] == ':' &&
	       name[domain + 6] == '.' && str_number(name, domain, 16, &part) &&
	       str_number(name + domain + 1, 2, 16, &part) &&
	       str_number(name + domain + 4, 2, 16, &part) &&
	       str_number(name + domain + 7, 1, 8, &part);
}

static int by_slot(const void *a, const void *b)
{
	const struct hw_gpu *const *one = a, *const *two = b;
	size_t one_length = strlen((*one)->slot), two_length = strlen((*two)->slot);

	if ((*one)->pci != (*two)->pci)
		return (*two)->pci - (*one)->pci;
	/* A longer domain is a higher one. */
	if ((*one)->pci && one_length != two_length)
		return one_length < two_length ? -1 : 1;
	return strcmp((*one)->slot, (*two)->slot);
}

static void sort_gpus(struct hw *hw)
{
	if (hw->count)
		qsort(hw->gpus, hw->count, sizeof(*hw->gpus), by_slot);
}

static struct hw_gpu *find_path(const struct hw *hw, const char *path, size_t length)
{
	for (size_t i = 0; i < hw->count; i++) {
		const char *known = hw->gpus[i]->path;

		if (strncmp(known, path, length) == 0 && !known[length])
			return hw->gpus[i];
	}
	return NULL;
}

static const char *copy_value(struct hw *hw, const char *text, const char *key)
{
	size_t length;
	const char *value = hw_line_value(text, key, &length);

	return value && length ? arena_copy(hw->root.arena, value, length) : NULL;
}

/* A device's uevent has driver, class and ids in one read: "PCI_ID=10DE:25A0". */
static void read_uevent(struct hw *hw, struct hw_gpu *gpu, const char *uevent)
{
	const char *class = copy_value(hw, uevent, "PCI_CLASS"), *ids;
	unsigned long number;

	if (!gpu->driver)
		gpu->driver = copy_value(hw, uevent, "DRIVER");
	if (class && str_number(class, strlen(class), 16, &number))
		gpu->vga = number >> 8 == 0x0300;
	ids = copy_value(hw, uevent, "PCI_ID");
	if (ids && strlen(ids) == 9 && str_number(ids, 4, 16, &number)) {
		gpu->vendor = (unsigned)number;
		if (str_number(ids + 5, 4, 16, &number))
			gpu->device = (unsigned)number;
	}
}

/* "pci:v000010DEd000025A0sv00001028sd00000B0Abc03sc02i00": numbers of a fixed width. */
static bool read_modalias(struct hw_gpu *gpu, const char *alias)
{
	unsigned long vendor, device, class;

	if (strlen(alias) < 50 || !str_starts(alias, "pci:v") ||
		!str_number(alias + 5, 8, 16, &vendor) || !str_number(alias + 14, 8, 16, &device) ||
		!str_number(alias + 44, 2, 16, &class))
		return false;
	gpu->vendor = (unsigned)vendor;
	gpu->device = (unsigned)device;
	gpu->vga = class == 0x03 && strncmp(alias + 46, "sc00", 4) == 0;
	return true;
}

/* The driver of a device. A recording may have it in uevent alone. */
static const char *driver_of(struct hw *hw, const char *path)
{
	const char *link = hw_root_link(&hw->root, arena_path(hw->root.arena, path, "driver"));

	if (link)
		return str_file_name(link);
	return hw->root.fd < 0 ? NULL
			       : copy_value(hw, hw_root_attr(&hw->root, path, "uevent"), "DRIVER");
}

/*
 * Driver, class and ids, as far as they are not known. Kernels take the device's lock for a read of
 * uevent (uevent_show: since 6.10, and Debian's 6.1): while NVIDIA's driver waits in remove until
 * the GPU is free, whoever reads it waits too, and cannot be killed.
 */
static void read_device(struct hw *hw, struct hw_gpu *gpu)
{
	const char *alias = hw_root_attr(&hw->root, gpu->path, "modalias");

	if (!alias || !read_modalias(gpu, alias))
		read_uevent(hw, gpu, hw_root_attr(&hw->root, gpu->path, "uevent"));
	else if (!gpu->driver)
		gpu->driver = driver_of(hw, gpu->path);
}

static struct hw_gpu *add(struct hw *hw, const char *path, size_t length)
{
	struct hw_gpu *gpu = arena_alloc(hw->root.arena, sizeof(*gpu));

	gpu->path = arena_copy(hw->root.arena, path, length);
	gpu->card = gpu->render = -1;
	*arena_push(hw->root.arena, hw->gpus, hw->count) = gpu;
	return gpu;
}

/* Where the last path component in path[0..length) begins. */
static size_t last_part(const char *path, size_t length)
{
	while (length && path[length - 1] != '/')
		length--;
	return length;
}

/*
 * The GPU behind a DRM node's link, "../../devices/pci0000:00/0000:01:00.0/drm/card1". A virtio
 * GPU sits one level below its PCI device. What is not on PCI counts if it renders (an SoC's
 * GPU), and is otherwise a framebuffer or a virtual display (simpledrm, vkms, evdi).
 */
static struct hw_gpu *from_link(struct hw *hw, const char *link, bool render)
{
	struct arena *arena = hw->root.arena;
	const char *devices = strstr(link, "/devices/"), *drm = strstr(link, "/drm/");
	const char *path, *driver = NULL;
	struct hw_gpu *gpu;
	size_t length, name;

	if (!devices || !drm || drm < devices)
		return NULL;
	path = arena_printf(arena, "/sys%.*s", (int)(drm - devices), devices);
	length = strlen(path);
	name = last_part(path, length);
	if (str_starts(path + name, "virtio") && name > 1) {
		driver = driver_of(hw, path);
		length = name - 1;
		name = last_part(path, length);
	}
	gpu = find_path(hw, path, length);
	if (gpu)
		return gpu;
	if (!hw_is_slot(path + name, length - name) &&
		(!render || strstr(path, "/vgem") || strstr(path, "/vkms")))
		return NULL;
	gpu = add(hw, path, length);
	gpu->slot = gpu->path + name;
	gpu->pci = hw_is_slot(gpu->slot, strlen(gpu->slot));
	gpu->driver = driver;
	read_device(hw, gpu);
	return gpu;
}

static bool node_number(const char *name, const char *prefix, unsigned long *number)
{
	size_t length = strlen(prefix);

	return str_starts(name, prefix) &&
	       str_number(name + length, strlen(name + length), 10, number) && *number < 1 << 20;
}

static void add_connector(struct hw *hw, const char *name)
{
	const char *dash = strchr(name, '-');
	unsigned long card;

	if (str_starts(name, "card") && dash &&
		str_number(name + 4, (size_t)(dash - name - 4), 10, &card))
		*arena_push(hw->root.arena, hw->connectors, hw->connector_count) =
			(struct hw_connector){dash + 1, (int)card};
}

/* Makes out which GPU a node belongs to. */
static void add_node(struct hw *hw, const char *name, bool render, unsigned long number)
{
	const char *link =
		hw_root_link(&hw->root, arena_printf(hw->root.arena, HW_CLASS_DRM "/%s", name));
	struct hw_gpu *gpu = link ? from_link(hw, link, render) : NULL;

	if (gpu)
		*(render ? &gpu->render : &gpu->card) = (int)number;
}

struct hw_gpu *hw_card_gpu(struct hw *hw, const char *card)
{
	unsigned long number;

	if (!node_number(card, "card", &number))
		return NULL;
	add_node(hw, card, false, number);
	for (size_t i = 0; i < hw->count; i++) {
		if (hw->gpus[i]->card == (int)number)
			return hw->gpus[i];
	}
	return NULL;
}

/* A GPU whose card has no render node is found by its card only. */
static void add_cards(struct hw *hw)
{
	for (size_t i = 0; i < hw->card_count; i++)
		hw_card_gpu(hw, hw->cards[i]);
	sort_gpus(hw);
}

void hw_scan_drm(struct hw *hw)
{
	struct file_list nodes;
	unsigned long number;
	size_t renders = 0;

	if (hw->drm_scanned)
		return;
	hw->drm_scanned = true;
	if (!hw_root_names(&hw->root, HW_CLASS_DRM, &nodes))
		return;
	for (size_t i = 0; i < nodes.count; i++) {
		const char *name = nodes.names[i];

		if (node_number(name, "renderD", &number)) {
			add_node(hw, name, true, number);
			renders++;
		} else if (node_number(name, "card", &number)) {
			*arena_push(hw->root.arena, hw->cards, hw->card_count) = name;
		} else {
			add_connector(hw, name);
		}
	}
	/* Where each card has its render node, there is nothing more to find: two reads saved. */
	if (renders == hw->card_count)
		sort_gpus(hw);
	else
		add_cards(hw);
}

static bool known_slot(const struct hw *hw, const char *slot)
{
	for (size_t i = 0; i < hw->count; i++) {
		if (str_eq(hw->gpus[i]->slot, slot))
			return true;
	}
	return false;
}

static void add_pci(struct hw *hw, const char *slot)
{
	const char *device = arena_path(hw->root.arena, HW_PCI_DEVICES, slot);
	const char *class = hw_root_attr(&hw->root, device, "class"), *link;
	struct hw_gpu *gpu;

	/* 0x03: display controllers; what /sys shows of them is cached by the kernel. */
	if (!class || !str_starts(class, "0x03"))
		return;
	/* The virtual functions of a GPU that is shared among VMs are not GPUs of this machine. */
	if (hw_root_exists(&hw->root, arena_path(hw->root.arena, device, "physfn")))
		return;
	link = hw_root_link(&hw->root, device);
	link = link ? strstr(link, "/devices/") : NULL;
	device = link ? arena_printf(hw->root.arena, "/sys%s", link) : device;
	gpu = add(hw, device, strlen(device));
	gpu->slot = slot;
	gpu->pci = true;
	read_device(hw, gpu);
}

void hw_scan_all(struct hw *hw)
{
	struct file_list devices;

	hw_scan_drm(hw);
	if (hw->pci_scanned)
		return;
	hw->pci_scanned = true;
	hw->judged = false;
	add_cards(hw);
	if (!hw_root_names(&hw->root, HW_PCI_DEVICES, &devices))
		return;
	for (size_t i = 0; i < devices.count; i++) {
		const char *slot = devices.names[i];

		if (hw_is_slot(slot, strlen(slot)) && !known_slot(hw, slot))
			add_pci(hw, slot);
	}
	sort_gpus(hw);
}
