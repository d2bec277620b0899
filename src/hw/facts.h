/* SPDX-License-Identifier: MIT */
/*
 * facts: what is read of one GPU for who asks for everything. None of it wakes a GPU, but for
 * hw_link, which says when it would.
 */
#ifndef NV_HW_FACTS_H
#define NV_HW_FACTS_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct hw;
struct hw_connector;
struct hw_gpu;

/* What a PCI function is, as the kernel read it when it found the function; 0 where it does not
 * say. */
struct hw_ids {
	unsigned vendor, device, subvendor, subdevice;
	unsigned class; /* base class, sub-class, interface: 0x030200 */
	unsigned revision;
};

/* path is the function's directory below /sys. */
struct hw_ids hw_function_ids(struct hw *hw, const char *path);

/* The functions that can only be given to a virtual machine together. */
struct hw_iommu {
	const char *group; /* its number as text; NULL if the function is in none: no IOMMU */
	const char *type; /* "DMA", "DMA-FQ", "identity"; NULL if the kernel does not say */
	const char **members; /* slots, in order; the function itself too */
	size_t count;
};

void hw_iommu(struct hw *hw, const char *path, struct hw_iommu *iommu);

enum hw_link_state {
	HW_LINK_NONE, /* it has no PCI Express link of its own: part of the CPU or board, or not PCI
		       */
	HW_LINK_ASLEEP, /* not read: the GPU sleeps */
	HW_LINK_UNKNOWN, /* the kernel does not say */
	HW_LINK_KNOWN,
};

/* An end of a link and the most that it can do: tenths of GT/s, lanes; 0 if not known. */
struct hw_link_end {
	const char *slot, *path;
	unsigned speed, width;
};

struct hw_link {
	enum hw_link_state state;
	unsigned speed, width; /* now */
	struct hw_link_end
		card; /* the GPU, or the switch on its card (AMD's and Intel's have one) */
	struct hw_link_end port; /* the other end, on the board; slot is NULL if that is hidden */
};

/*
 * The link that a judged GPU's card is plugged in with. The attributes read PCI configuration
 * space. Since Linux 6.18 and the stable kernels of autumn 2025 that resumes the function
 * ("PCI/sysfs: Ensure devices are powered for config reads"); before, what sleeps in D3cold answers
 * nonsense, 63 lanes. So they are read only of a GPU that is awake, or with wake.
 */
void hw_link(struct hw *hw, struct hw_gpu *gpu, bool wake, struct hw_link *link);

/* A kernel module, as it runs. */
struct hw_parameter {
	const char *name, *value; /* value NULL: not ours to read */
};

struct hw_loaded {
	const char *name; /* with underscores */
	const char *version; /* NULL if it has none */
	const char *taint; /* "P" proprietary, "O" not of the kernel's tree, "E" unsigned, ... */
	struct hw_parameter *parameters; /* by name */
	size_t count;
};

/*
 * The module of the GPU's driver, then those that belong to it (NVIDIA's modeset, drm, uvm); *count
 * of them, 0 where the driver is built into the kernel or there is none.
 *
 * NVIDIA's own parameters are not in /sys; /proc/driver/nvidia/params has them, without NVreg_.
 */
struct hw_loaded *hw_gpu_modules(struct hw *hw, struct hw_gpu *gpu, size_t *count);

enum hw_nvidia_build { HW_NVIDIA_UNKNOWN, HW_NVIDIA_PROPRIETARY, HW_NVIDIA_OPEN };

/* Which of NVIDIA's two kernel modules is loaded: by what it calls itself, else by its taint. */
enum hw_nvidia_build hw_nvidia_build(struct hw *hw);

/* The version of NVIDIA's libraries that a program gets, "550.163.01"; "" if their names do not
 * tell it, NULL if there are none. */
const char *hw_nvidia_library(struct hw *hw);

/* Names below /dev/dri/by-path of the GPU's nodes, in full; *count of them. */
const char **hw_node_links(struct hw *hw, const struct hw_gpu *gpu, size_t *count);

/* An attribute of a connector: "status", "enabled", "dpms"; NULL if it has none. No probe. */
const char *hw_connector_attr(
	struct hw *hw, const struct hw_connector *connector, const char *name);

/* What a monitor calls itself in its EDID, else maker and number, "DEL a0b1"; NULL without. */
const char *hw_monitor_name(struct arena *arena, const unsigned char *edid, size_t length);

/* A pci.ids that can be opened by this name for as long as the program runs; NULL if there is
 * none. */
const char *hw_ids_file(struct hw *hw);

#endif
