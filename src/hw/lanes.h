/* SPDX-License-Identifier: MIT */
/*
 * lanes: what joins a GPU to the CPU: PCI Express links, switches, IOMMU, Thunderbolt.
 */
#ifndef NV_HW_LANES_H
#define NV_HW_LANES_H

#include <stdbool.h>
#include <stddef.h>

struct hw;
struct hw_gpu;

/* A PCI Express link; widths in lanes, 0 if not told. */
struct hw_lanes {
	const char *here, *above; /* slots of its two ends */
	unsigned width; /* as it is */
	unsigned width_here, width_above; /* what each end can do */
	const char *speed; /* as it is, "16.0 GT/s PCIe" */
	unsigned rate, rate_here, rate_above; /* the same, and what each end can do: tenths of GT/s,
						 0 if not told */
};

/*
 * The links from a GPU up to the CPU: a card with a switch of its own (AMD, Intel) has several,
 * and the one to the slot is not the GPU's. *count of them.
 *
 * The kernel reads PCI configuration space for these attributes, and resumes the device for it
 * (drivers/pci/pci-sysfs.c, current_link_width; before Linux 6.18 it reads nonsense of a device
 * that sleeps). So for a GPU that is not active this is NULL with *count 1, and nothing is read.
 */
struct hw_lanes *hw_lanes(struct hw *hw, const struct hw_gpu *gpu, size_t *count);

/* Whether the kernel has no IOMMU groups; false if it does not show where they would be. */
bool hw_iommu_off(struct hw *hw);

/* How many NVSwitches are on the bus: NVIDIA's bridges of class 0x0680 (H100: 10de:22a3). */
size_t hw_nvidia_switches(struct hw *hw);

/* A device plugged into Thunderbolt or USB4 (Documentation/ABI/testing/sysfs-bus-thunderbolt). */
struct hw_box {
	const char *port; /* "0-1" */
	const char *vendor, *name, *id; /* NULL if not told; id is what boltctl(1) takes */
	bool authorized; /* its PCI Express tunnel may be made */
};
struct hw_box *hw_boxes(struct hw *hw, size_t *count);

#endif
