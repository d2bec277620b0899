/* SPDX-License-Identifier: MIT */
#include "hw/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"

static unsigned number_of(const char *text, int base)
{
	unsigned long number;

	if (text && base == 16 && str_starts(text, "0x"))
		text += 2;
	return text && str_number(text, strlen(text), base, &number) ? (unsigned)number : 0;
}

static enum hw_function_kind kind_of(unsigned class)
{
	if (class >> 16 == 0x03)
		return HW_FUNCTION_DISPLAY;
	if (class >> 8 == 0x0403)
		return HW_FUNCTION_AUDIO;
	return class >> 8 == 0x0c03 ? HW_FUNCTION_USB : HW_FUNCTION_OTHER;
}

static const char *name_of_link(struct hw *hw, const char *directory, const char *name)
{
	const char *link = hw_root_link(&hw->root, arena_path(hw->root.arena, directory, name));

	return link ? str_file_name(link) : NULL;
}

/* By their links: a read of sriov_numvfs takes the device's lock, and waits as long as a driver
 * that does not leave (drivers/pci/iov.c, sriov_numvfs_show). */
static unsigned long virtual_functions(struct hw *hw, const char *path)
{
	unsigned long count = 0;
	struct file_list names;

	if (!hw_root_names(&hw->root, path, &names))
		return 0;
	for (size_t i = 0; i < names.count; i++)
		count += str_starts(names.names[i], "virtfn");
	return count;
}

static struct hw_pci read_function(struct hw *hw, const char *slot)
{
	const struct hw_root *root = &hw->root;
	const char *device = arena_path(root->arena, HW_PCI_DEVICES, slot);
	const char *link = hw_root_link(root, device);
	const char *below = link ? strstr(link, "/devices/") : NULL;
	const char *path = below ? arena_path(root->arena, "/sys", below + 1) : device;
	const char *driver = name_of_link(hw, path, "driver");
	unsigned class = number_of(hw_root_attr(root, path, "class"), 16);

	return (struct hw_pci){
		.slot = slot,
		.path = path,
		.driver = driver,
		.module =
			driver ? name_of_link(hw, arena_path(root->arena, path, "driver"), "module")
			       : NULL,
		.control = hw_root_attr(root, path, "power/control"),
		.modalias = hw_root_attr(root, path, "modalias"),
		.group = name_of_link(hw, path, "iommu_group"),
		.class = class,
		.vendor = number_of(hw_root_attr(root, path, "vendor"), 16),
		.device = number_of(hw_root_attr(root, path, "device"), 16),
		.kind = kind_of(class),
		.vfs = virtual_functions(hw, path),
	};
}

struct hw_pci *hw_slot_functions(struct hw *hw, const char *slot, size_t *count)
{
	struct arena *arena = hw->root.arena;
	struct hw_pci *list = NULL;

	*count = 0;
	for (int i = 0; i < 8; i++) {
		const char *name = arena_printf(arena, "%s.%d", slot, i);
		const char *path = arena_path(arena, HW_PCI_DEVICES, name);

		/* A virtual function may have a number in its parent's slot. */
		if (hw_root_exists(&hw->root, path) &&
			!hw_root_exists(&hw->root, arena_path(arena, path, "physfn")))
			*arena_push(arena, list, *count) = read_function(hw, name);
	}
	return list;
}

struct hw_pci *hw_group_members(struct hw *hw, const char *group, size_t *count)
{
	struct arena *arena = hw->root.arena;
	struct hw_pci *list = NULL;
	struct file_list names;

	*count = 0;
	if (!hw_root_names(
		    &hw->root, arena_printf(arena, HW_IOMMU_GROUPS "/%s/devices", group), &names))
		return NULL;
	for (size_t i = 0; i < names.count; i++) {
		if (hw_is_slot(names.names[i], strlen(names.names[i])))
			*arena_push(arena, list, *count) = read_function(hw, names.names[i]);
	}
	return list;
}

const char *hw_pci_override(struct hw *hw, const char *function)
{
	const char *text =
		hw_root_text(&hw->root, hw_pci_file(hw->root.arena, function, "driver_override"));

	return text && str_eq(text, "(null)") ? "" : text;
}

const char *hw_pci_driver(struct hw *hw, const char *function)
{
	return name_of_link(hw, arena_path(hw->root.arena, HW_PCI_DEVICES, function), "driver");
}

bool hw_pci_has_driver(struct hw *hw, const char *driver)
{
	return hw_root_exists(&hw->root, arena_path(hw->root.arena, HW_PCI_DRIVERS, driver));
}

const char *hw_pci_file(struct arena *arena, const char *function, const char *name)
{
	return arena_printf(arena, HW_PCI_DEVICES "/%s/%s", function, name);
}

const char *hw_pci_probe_file(void)
{
	return HW_PCI_PROBE;
}

int hw_attribute_write(const char *path, const char *text)
{
	size_t length = strlen(text);
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY), error;

	if (fd < 0)
		return errno;
	/* Never in parts, never twice. */
	error = write(fd, text, length) == (ssize_t)length ? 0 : errno ? errno : EIO;
	close(fd);
	return error;
}

/* Whether the device that a link of a class or bus leads to is below a function. */
static const char *behind(
	struct hw *hw, const char *directory, const char *name, const char *function)
{
	const char *link = hw_root_link(&hw->root, arena_path(hw->root.arena, directory, name));
	const char *between = arena_printf(hw->root.arena, "/%s/", function);

	return link && strstr(link, between) ? link : NULL;
}

const char **hw_usb_behind(struct hw *hw, const char *function, size_t *count)
{
	struct arena *arena = hw->root.arena;
	const char **list = NULL;
	struct file_list names;

	*count = 0;
	if (!hw_root_names(&hw->root, HW_USB_DEVICES, &names))
		return NULL;
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names.names[i], *product;

		/* usbN are the controller's own hubs, 1-2:1.0 a device's interfaces. */
		if (str_starts(name, "usb") || strchr(name, ':') ||
			!behind(hw, HW_USB_DEVICES, name, function))
			continue;
		product =
			hw_root_attr(&hw->root, arena_path(arena, HW_USB_DEVICES, name), "product");
		*arena_push(arena, list, *count) = product && *product ? product : name;
	}
	return list;
}

/* btrfs has numbers of its own in mountinfo, but lists the devices that it has mounted. */
static bool is_of_btrfs(struct hw *hw, const char *name)
{
	struct arena *arena = hw->root.arena;
	struct file_list systems;

	if (!hw_root_names(&hw->root, HW_BTRFS, &systems))
		return false;
	for (size_t i = 0; i < systems.count; i++) {
		if (hw_root_exists(&hw->root,
			    arena_printf(arena, HW_BTRFS "/%s/devices/%s", systems.names[i], name)))
			return true;
	}
	return false;
}

/* " 8:1 " in mountinfo, or a name in swaps; or another block device is made of it. */
static bool is_used(struct hw *hw, const char *name)
{
	struct arena *arena = hw->root.arena;
	const char *path = arena_path(arena, HW_CLASS_BLOCK, name);
	const char *number = hw_root_attr(&hw->root, path, "dev");
	const char *mounts = hw_root_text(&hw->root, HW_MOUNTS);
	const char *swaps = hw_root_text(&hw->root, HW_SWAPS);
	struct file_list holders;

	return (number && mounts && strstr(mounts, arena_printf(arena, " %s ", number))) ||
	       is_of_btrfs(hw, name) ||
	       (swaps && strstr(swaps, arena_printf(arena, HW_DEVICES "/%s ", name))) ||
	       (hw_root_names(&hw->root, arena_path(arena, path, "holders"), &holders) &&
		       holders.count);
}

const char **hw_storage_behind(struct hw *hw, const char *function, size_t *count)
{
	const char **list = NULL;
	struct file_list names;

	*count = 0;
	if (!hw_root_names(&hw->root, HW_CLASS_BLOCK, &names))
		return NULL;
	for (size_t i = 0; i < names.count; i++) {
		if (behind(hw, HW_CLASS_BLOCK, names.names[i], function) &&
			is_used(hw, names.names[i]))
			*arena_push(hw->root.arena, list, *count) =
				arena_path(hw->root.arena, HW_DEVICES, names.names[i]);
	}
	return list;
}

const char **hw_mediated_of(struct hw *hw, const char *function, size_t *count)
{
	const char **list = NULL;
	struct file_list names;

	*count = 0;
	if (!hw_root_names(&hw->root, HW_MEDIATED, &names))
		return NULL;
	for (size_t i = 0; i < names.count; i++) {
		if (behind(hw, HW_MEDIATED, names.names[i], function))
			*arena_push(hw->root.arena, list, *count) = names.names[i];
	}
	return list;
}

struct hw_light *hw_lights(struct hw *hw, const struct hw_gpu *gpu, size_t *count)
{
	struct arena *arena = hw->root.arena;
	struct hw_light *list = NULL;

	*count = 0;
	for (size_t i = 0; gpu->card >= 0 && i < hw->connector_count; i++) {
		const struct hw_connector *connector = &hw->connectors[i];
		const char *path, *status, *enabled, *dpms;

		if (connector->card != gpu->card)
			continue;
		path = arena_printf(
			arena, HW_CLASS_DRM "/card%d-%s", connector->card, connector->name);
		status = hw_root_attr(&hw->root, path, "status");
		enabled = hw_root_attr(&hw->root, path, "enabled");
		dpms = hw_root_attr(&hw->root, path, "dpms");
		*arena_push(arena, list, *count) = (struct hw_light){
			.name = connector->name,
			.connected = status && str_eq(status, "connected"),
			/* What the kernel does not tell counts as lit: a desktop may be there. */
			.lit = enabled ? str_eq(enabled, "enabled") &&
						 !(dpms && str_eq(dpms, "Off"))
				       : status && str_eq(status, "connected"),
		};
	}
	return list;
}

bool hw_vfio_without_iommu(struct hw *hw)
{
	const char *value =
		hw_root_text(&hw->root, HW_MODULE "/vfio/parameters/enable_unsafe_noiommu_mode");

	return value && (*value == 'Y' || *value == '1');
}

long hw_nvidia_persistence_process(struct hw *hw)
{
	static const char *const files[] = {"/run/nvidia-persistenced/nvidia-persistenced.pid",
		"/var/run/nvidia-persistenced/nvidia-persistenced.pid"};
	const char *text = NULL, *name;
	unsigned long pid;

	for (size_t i = 0; !text && i < sizeof(files) / sizeof(*files); i++)
		text = hw_root_text(&hw->root, files[i]);
	if (!text || !str_number(text, strlen(text), 10, &pid))
		return 0;
	name = hw_process_name(hw, (long)pid);
	/* The kernel keeps 15 bytes of a name. */
	return name && str_starts(name, "nvidia-persiste") ? (long)pid : 0;
}
