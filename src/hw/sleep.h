/* SPDX-License-Identifier: MIT */
/*
 * sleep: what the kernel says of a GPU's runtime power management. All of it is memory of the
 * kernel's (Documentation/ABI/testing/sysfs-devices-power): reading wakes nothing.
 */
#ifndef NV_HW_SLEEP_H
#define NV_HW_SLEEP_H

#include <stdbool.h>

struct hw;
struct hw_gpu;

enum hw_function_kind {
	HW_FUNCTION_DISPLAY,
	HW_FUNCTION_AUDIO,
	HW_FUNCTION_USB,
	HW_FUNCTION_OTHER
};

/* A PCI function of a GPU's slot; what the kernel does not say is NULL or -1. */
struct hw_function {
	const char *slot, *path, *driver;
	enum hw_function_kind kind;
	const char *status; /* power/runtime_status */
	const char *control; /* power/control: "auto" may sleep, "on" never does */
	const char *state; /* power_state: "D0", "D3cold" */
	long usage; /* power/runtime_usage, in kernels with CONFIG_PM_ADVANCED_DEBUG */
	int cold; /* d3cold_allowed */
};

/* The GPU's own function comes first; *count of them, 1 of what is not PCI. */
struct hw_function *hw_functions(struct hw *hw, struct hw_gpu *gpu, unsigned long *count);

const char *hw_function_kind_name(enum hw_function_kind kind);

/* The line "Runtime D3 status" of NVIDIA's driver: how it is set up, not what is now. Or NULL. */
const char *hw_nvidia_runtime(struct hw *hw, struct hw_gpu *gpu);

/* Whether NVIDIA's persistence daemon has its socket. */
bool hw_nvidia_persistence(struct hw *hw);

/* The file of the vtconsole that draws on the GPU's framebuffer, to write 0 to; NULL if none. */
const char *hw_console(struct hw *hw, struct hw_gpu *gpu);

/* The file of an attribute of a function as one writes it in a shell. */
const char *hw_function_file(struct hw *hw, const struct hw_function *function, const char *name);

/* runtime_status, open to be read again and again with pread; -1 with errno set. */
int hw_status_open(struct hw *hw, struct hw_gpu *gpu);

/* Whether it says "suspended"; -1 if it cannot be read any more. */
int hw_status_suspended(int fd);

#endif
