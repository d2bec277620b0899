/* SPDX-License-Identifier: MIT */
/*
 * hw: the GPUs of a machine, from /sys and /proc, without waking any.
 *
 * Fields that cost nothing extra are filled by the scan; the rest is behind functions that read
 * on first use. Everything belongs to the arena given to hw_init.
 */
#ifndef NV_HW_H
#define NV_HW_H

#include <stdbool.h>
#include <stddef.h>

#include "hw/root.h"

/* PCI vendor ids. */
enum hw_vendor { HW_AMD = 0x1002, HW_NVIDIA = 0x10de, HW_INTEL = 0x8086 };

enum hw_role {
	HW_ROLE_GUESS, /* not said by the administrator: to be worked out */
	HW_INTEGRATED, /* part of the CPU, the chipset or the board */
	HW_DISCRETE,
	HW_EXTERNAL, /* in a box that can be unplugged */
};

struct hw_gpu {
	const char *slot; /* "0000:01:00.0"; of a device that is not PCI, its name */
	const char *path; /* its directory below /sys/devices */
	bool pci;
	bool vga; /* PCI class 0x0300: a VGA controller, may be the boot display */
	unsigned vendor, device; /* PCI ids, 0 if it is not PCI */
	const char *driver; /* the kernel driver bound to it, NULL if none */
	int card, render; /* N of /dev/dri/cardN (filled by hw_scan_all) and renderDN, -1 if none */
	enum hw_role role;
	const char *role_why; /* why it is that, for people */
	bool boot; /* firmware and early boot were shown by it */
	const struct hw_nvidia *nvidia;
	const char *name, *status; /* lazy: hw_gpu_name, hw_gpu_status */
	const char *version; /* lazy: hw_gpu_version, "" if it has none */
};

/* What the proprietary driver tells of a GPU in /proc/driver/nvidia/gpus/SLOT/information. */
struct hw_nvidia {
	const char *model; /* NULL if not told */
	const char *uuid; /* "GPU-...", NULL until the GPU was initialised once */
	int minor; /* N of /dev/nvidiaN, -1 if not told */
	const char *bios; /* "94.06.14.00.A1", NULL until then */
	const char
		*firmware; /* version of the GSP's firmware, "" if it runs none, NULL if not told */
};

struct hw_connector {
	const char *name; /* "HDMI-A-1", as in sysfs without its card */
	int card;
	/* Filled by hw_connectors. */
	bool connected;
	const unsigned char *edid; /* NULL if the monitor gave none */
	size_t edid_length;
};

struct hw {
	struct hw_root root;
	struct hw_gpu **gpus; /* by slot */
	size_t count;
	const char **cards; /* "card0", ... */
	size_t card_count;
	struct hw_connector *connectors;
	size_t connector_count;
	struct hw_ids_block *ids; /* what pci.ids has of the vendors asked for so far (names.c) */
	size_t id_count;
	bool drm_scanned, pci_scanned, judged;
};

/* sysroot is NULL for this machine. False with errno set if it cannot be opened. */
bool hw_init(struct hw *hw, struct arena *arena, const char *sysroot);

/* Forgets all that was read, to read it anew into another arena; the root stays open. */
void hw_again(struct hw *hw, struct arena *arena);

/*
 * The GPUs with DRM nodes: all that a program can render on. One listing of /sys/class/drm, then
 * a few reads for each.
 */
void hw_scan_drm(struct hw *hw);

/* Also those that no DRM driver serves (vfio-pci, no driver): reads every PCI device's class. */
void hw_scan_all(struct hw *hw);

/*
 * Fills role, role_why and boot of each GPU scanned so far that does not have them. A role that
 * machine.conf gives is set before.
 *
 * Roles are told by what a device is and where it sits, never by the order of cards. The boot
 * GPU is the one with boot_display (Linux 6.18), else boot_vga (set by the x86 VGA arbiter),
 * else the only VGA controller.
 */
void hw_judge(struct hw *hw);

const char *hw_role_name(enum hw_role role);
bool hw_role_from_name(const char *name, enum hw_role *role);

/* Whether NVIDIA's own kernel driver (not nouveau) runs the GPU. */
bool hw_gpu_is_nvidia(const struct hw_gpu *gpu);

/* The name for people: NVIDIA's, else that of pci.ids, else vendor and ids. Never NULL. */
const char *hw_gpu_name(struct hw *hw, struct hw_gpu *gpu);

/* What lspci calls it: vendor and device as in pci.ids, numbers where they are not in it; NULL if
 * it is not PCI. */
const char *hw_gpu_pci_name(struct hw *hw, struct hw_gpu *gpu);

/*
 * The version of its driver, NULL where that means nothing: drivers of the kernel's own tree have
 * none, those that vendors deliver beside it do.
 */
const char *hw_gpu_version(struct hw *hw, struct hw_gpu *gpu);

/* power/runtime_status: "active", "suspended", ...; "unknown" if the kernel does not say. */
const char *hw_gpu_status(struct hw *hw, struct hw_gpu *gpu);

/* power_state, what PCI calls it: "D0", "D3hot", "D3cold" (without power); NULL if the kernel does
 * not say (before 5.11). */
const char *hw_gpu_state(struct hw *hw, const struct hw_gpu *gpu);

/* NVIDIA's facts; all unknown for other drivers. Never NULL. */
const struct hw_nvidia *hw_gpu_nvidia(struct hw *hw, struct hw_gpu *gpu);

/*
 * Why no program can render on it, as in "0000:01:00.0 ...", or NULL if one can: it is bound to
 * vfio-pci, has no driver, or has no render node.
 */
const char *hw_gpu_unusable(const struct hw_gpu *gpu);

/* Mesa's tag for DRI_PRIME: "pci-0000_01_00_0" (Mesa src/loader/loader.c, compared literally). */
const char *hw_gpu_tag(struct arena *arena, const struct hw_gpu *gpu);

/*
 * A slot as xorg.conf's BusID has it: "0001:0a:00.0" is "PCI:10@1:0:0", all decimal, the domain
 * behind the bus (xf86pciBus.c). NULL if it is no PCI slot.
 */
const char *hw_bus_id(struct arena *arena, const char *slot);

/* Whether a driver from before render offload may be running it, so that the version matters. */
bool hw_gpu_is_legacy(const struct hw_gpu *gpu);

/* Path of a DRM node, "/dev/dri/renderD128", for people; NULL if number is -1. */
const char *hw_node(struct arena *arena, const char *kind, int number);

/* Version of the loaded NVIDIA kernel driver, major number; 0 if not loaded or not told. */
unsigned hw_nvidia_major(struct hw *hw);

/* The same in full, "550.163.01"; NULL if not loaded or not told. */
const char *hw_nvidia_version(struct hw *hw);

/* Whether NVreg_DynamicPowerManagement=0x02 was asked for: the GPU may sleep while X has it. */
bool hw_nvidia_fine_grained(struct hw *hw);

/* nvidia-drm's modeset parameter: 0, 1, or -1 if it is not loaded or only root may know. */
int hw_nvidia_modeset(struct hw *hw);

/* Whether a kernel module of that name is loaded (underscores). */
bool hw_module_loaded(struct hw *hw, const char *module);

/* True on mains power, or where there is no battery. */
bool hw_on_mains(struct hw *hw);

/* A connected connector that is not a built-in panel; the last state the kernel saw, no probe. */
bool hw_external_display(struct hw *hw);

/* Fills in what is plugged into each connector, as the kernel saw it last: no probe. */
void hw_connectors(struct hw *hw);

/* The machine's name, "" if unknown. */
const char *hw_hostname(struct hw *hw);

/* What a process is called (the kernel keeps 15 bytes), or NULL. */
const char *hw_process_name(struct hw *hw, long pid);

/* Whether a process was started with a variable, set to anything but nothing; false if that is not
 * ours to see. */
bool hw_process_has_variable(struct hw *hw, long pid, const char *name);

/*
 * The GPUs whose DRM nodes a process has open, each once, in order of descriptors; *count of
 * them. NULL and -1 if that is not ours to see. The GPUs must have been scanned.
 */
struct hw_gpu **hw_process_gpus(struct hw *hw, long pid, int *count);

/*
 * The value of a word of the kernel command line, the last one counting: "off" of
 * "nv-session=off", "" of a bare "nv-session"; NULL if it is not there.
 */
const char *hw_cmdline(struct hw *hw, const char *word);

/* Changes with every boot; NULL if the kernel does not say. */
const char *hw_boot_id(struct hw *hw);

/* Where the running program's file is, on this machine; NULL if the kernel does not say. */
const char *hw_own_path(struct arena *arena);

/* The drivers' user side: what the loaders will find. */
struct hw_stack {
	bool nvidia_glx; /* libGLX_nvidia.so.0, NVIDIA's GLX vendor and Vulkan driver */
	bool nvidia_xorg; /* NVIDIA's driver for the X server, nvidia_drv.so */
	const char *nvidia_egl; /* glvnd's EGL vendor file of NVIDIA, NULL if not found */
	const char *mesa_egl; /* and of Mesa */
	const char
		*opencl_other; /* the only OpenCL ICD that is not NVIDIA's, NULL if none or many */
	bool opencl_nvidia; /* NVIDIA's OpenCL ICD is registered */
	bool lavapipe; /* a Vulkan manifest of Mesa's CPU driver */
};

enum hw_stack_part {
	HW_STACK_GLX_NVIDIA = 1,
	HW_STACK_EGL_NVIDIA = 2,
	HW_STACK_EGL_MESA = 4,
	HW_STACK_OPENCL = 8,
	HW_STACK_LAVAPIPE = 16,
	HW_STACK_XORG_NVIDIA = 32,
};

/* Looks for the wanted parts only. library_path is LD_LIBRARY_PATH, may be NULL. */
void hw_stack_probe(
	struct hw *hw, struct hw_stack *stack, unsigned parts, const char *library_path);

/* The EGL vendor file whose name holds a vendor, "mesa"; NULL if there is none. */
const char *hw_egl_vendor_file(struct hw *hw, const char *vendor);

#endif
