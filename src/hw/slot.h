/* SPDX-License-Identifier: MIT */
/*
 * slot: the PCI functions of a slot, what hangs on them, and the attributes by which the kernel
 * moves them from driver to driver (Documentation/ABI/testing/sysfs-bus-pci).
 */
#ifndef NV_HW_SLOT_H
#define NV_HW_SLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "hw/sleep.h"

struct arena;
struct hw;
struct hw_gpu;

/* A PCI function; what the kernel does not say is NULL or 0. */
struct hw_pci {
	const char *slot, *path; /* "0000:0a:00.1", its directory below /sys/devices */
	const char *driver, *module; /* the driver's name, and the module that has it */
	const char *control; /* power/control */
	const char *modalias;
	const char *group; /* number of its IOMMU group */
	unsigned class, vendor, device; /* 0x030000, PCI ids */
	enum hw_function_kind kind;
	unsigned long vfs; /* virtual functions that are switched on */
};

/* The functions of "0000:0a:00", ascending, without the virtual ones; *count of them. */
struct hw_pci *hw_slot_functions(struct hw *hw, const char *slot, size_t *count);

/* The members of an IOMMU group. */
struct hw_pci *hw_group_members(struct hw *hw, const char *group, size_t *count);

/*
 * What driver_override says, "" if it is not set, NULL if it cannot be read. The kernel takes the
 * device's lock for it, so this waits forever where an unbind of the function is stuck.
 */
const char *hw_pci_override(struct hw *hw, const char *function);

/* The name of the driver bound to a function now, NULL if none. */
const char *hw_pci_driver(struct hw *hw, const char *function);

/* Whether a driver is registered with the PCI bus. */
bool hw_pci_has_driver(struct hw *hw, const char *driver);

/* The file of an attribute of a function, "driver/unbind", and of the bus's drivers_probe. */
const char *hw_pci_file(struct arena *arena, const char *function, const char *name);
const char *hw_pci_probe_file(void);

/*
 * Writes an attribute of this machine in one system call: 0, or errno. May wait forever: NVIDIA's
 * driver leaves an unbind only once the last user is gone, and no signal ends that.
 */
int hw_attribute_write(const char *path, const char *text);

/* Names of the USB devices behind a function that is a USB controller. */
const char **hw_usb_behind(struct hw *hw, const char *function, size_t *count);

/* Names of the block devices behind a function that are mounted, swapped on or part of others. */
const char **hw_storage_behind(struct hw *hw, const char *function, size_t *count);

/* Mediated devices made of a function (vGPU). */
const char **hw_mediated_of(struct hw *hw, const char *function, size_t *count);

/* A connector of a GPU's card as the kernel last saw it. */
struct hw_light {
	const char *name;
	bool connected; /* a monitor is plugged in */
	bool lit; /* it is shown a picture: enabled, and not switched off by DPMS */
};
struct hw_light *hw_lights(struct hw *hw, const struct hw_gpu *gpu, size_t *count);

/* Whether VFIO may do without an IOMMU (enable_unsafe_noiommu_mode). */
bool hw_vfio_without_iommu(struct hw *hw);

/* The number of NVIDIA's persistence daemon as its file says, 0 if there is none or it is gone. */
long hw_nvidia_persistence_process(struct hw *hw);

#endif
