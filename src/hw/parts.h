/* SPDX-License-Identifier: MIT */
/*
 * parts: NVIDIA's driver in full: what the kernel module says of itself in /proc/driver/nvidia
 * (nv-procfs.c of NVIDIA/open-gpu-kernel-modules), and the versions of its other parts. Nothing of
 * it wakes a GPU.
 */
#ifndef NV_HW_PARTS_H
#define NV_HW_PARTS_H

#include <stdbool.h>
#include <stddef.h>

struct hw;
struct hw_gpu;

/* The version of the loaded kernel module, by /sys/module or else by /proc; NULL if not loaded. */
const char *hw_driver_version(struct hw *hw);

/* Whether the loaded kernel module is the open one; -1 if it is not loaded or not told. */
int hw_driver_open(struct hw *hw);

/* A parameter as it is in force, from /proc/driver/nvidia/params: -1 or NULL if it is not told. */
long hw_driver_number(struct hw *hw, const char *name);
const char *hw_driver_text(struct hw *hw, const char *name);

/* A line of a GPU's information ("GPU Firmware") or power ("Video Memory"); NULL if not told. */
const char *hw_driver_line(
	struct hw *hw, const struct hw_gpu *gpu, const char *file, const char *name);

/* Whether the module made its directory for the GPU: it took it. */
bool hw_driver_took(struct hw *hw, const struct hw_gpu *gpu);

/* A library of the driver that a loader would take, with the version in its real file's name. */
struct hw_library {
	const char *path; /* "/usr/lib/x86_64-linux-gnu/libcuda.so.1" */
	const char *version;
};
struct hw_library *hw_driver_libraries(struct hw *hw, size_t *count);

/* Versions of the driver that DKMS knows, "550.163.01", newest last; *count of them. */
const char **hw_driver_dkms(struct hw *hw, size_t *count);

/* Versions of flatpak's runtime of the driver, as in its name: "550-163-01". */
const char **hw_driver_flatpak(struct hw *hw, size_t *count);

/* The directory with the firmware of a version; NULL if there is none. *known is false if no
 * directory with firmware can be seen at all. */
const char *hw_driver_firmware(struct hw *hw, const char *version, bool *known);

#endif
