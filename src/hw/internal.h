/* SPDX-License-Identifier: MIT */
/* internal: what the files of hw/ share, and the kernel's paths. */
#ifndef NV_HW_INTERNAL_H
#define NV_HW_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#define HW_SYS "/sys/"
#define HW_DEVICES "/dev"
#define HW_NODES "/dev/dri"
#define HW_NODES_BY_PATH "/dev/dri/by-path"
#define HW_VFIO_NODES "/dev/vfio"
#define HW_CLASS_DRM "/sys/class/drm"
#define HW_PCI_DEVICES "/sys/bus/pci/devices"
#define HW_CLASS_VFIO "/sys/class/vfio"
#define HW_CLASS_GRAPHICS "/sys/class/graphics"
#define HW_CLASS_VTCONSOLE "/sys/class/vtconsole"
#define HW_CLASS_KFD "/sys/class/kfd/kfd"
#define HW_CLASS_I2C "/sys/class/i2c-dev"
#define HW_CLASS_DP_AUX "/sys/class/drm_dp_aux_dev"
#define HW_CLASS_BLOCK "/sys/class/block"
#define HW_PCI_DRIVERS "/sys/bus/pci/drivers"
#define HW_PCI_PROBE "/sys/bus/pci/drivers_probe"
#define HW_USB_DEVICES "/sys/bus/usb/devices"
#define HW_MEDIATED "/sys/bus/mdev/devices"
#define HW_IOMMU_GROUPS "/sys/kernel/iommu_groups"
#define HW_POWER_SUPPLY "/sys/class/power_supply"
#define HW_MODULE "/sys/module"
#define HW_NVIDIA_GPUS "/proc/driver/nvidia/gpus"
#define HW_NVIDIA_VERSION "/proc/driver/nvidia/version"
#define HW_NVIDIA_PARAMETERS "/proc/driver/nvidia/params"
#define HW_PROCESSES "/proc"
#define HW_CHARACTER_DEVICES "/proc/devices"
#define HW_OWN_FILES "/proc/self/fd"
#define HW_OWN_PROGRAM "/proc/self/exe"
#define HW_OWN_PROCESS_NAMESPACE "/proc/self/ns/pid"
#define HW_OWN_DESCRIPTORS "/proc/self/fd"
#define HW_HOSTNAME "/proc/sys/kernel/hostname"
#define HW_RELEASE "/proc/sys/kernel/osrelease"
#define HW_CMDLINE "/proc/cmdline"
#define HW_MODPROBE "/proc/sys/kernel/modprobe"
#define HW_MOUNTS "/proc/self/mountinfo"
#define HW_SWAPS "/proc/swaps"
#define HW_BTRFS "/sys/fs/btrfs"
#define HW_BOOT_ID "/proc/sys/kernel/random/boot_id"
#define HW_STATISTICS "/proc/stat"

/* The minor of a node that stands for all of its major. */
#define HW_ANY_MINOR (~0U)

struct arena;
struct hw;
struct hw_gpu;

/* stack.c: where distributions put NVIDIA's libraries; NULL-ended. */
extern const char *const hw_library_directories[];

/* The GPU of "card0", its number filled in; NULL if it is none's. */
struct hw_gpu *hw_card_gpu(struct hw *hw, const char *card);

/* Whether name[0..length) is a PCI address as the kernel writes it, 0000:01:00.0. */
bool hw_is_slot(const char *name, size_t length);

struct hw_holder;
struct hw_node;

/* Fills in unit, user_unit, session and container from the text of /proc/PID/cgroup, may be NULL.
 */
void hw_cgroup_read(struct arena *arena, const char *text, struct hw_holder *holder);

/* Adds what the text of a DRM descriptor's fdinfo counts; seen has the clients counted already. */
struct hw_clients {
	const char **list; /* "slot client" */
	size_t count;
};
void hw_fdinfo_add(struct hw *hw, const char *text, const struct hw_node *node,
	struct hw_holder *holder, struct hw_clients *seen);

#endif
