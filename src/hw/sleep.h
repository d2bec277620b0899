/* SPDX-License-Identifier: MIT */
/*
 * sleep: what the kernel says of a GPU's runtime power management. All of it is memory of the
 * kernel's (Documentation/ABI/testing/sysfs-devices-power): reading wakes nothing.
 */
#ifndef NV_HW_SLEEP_H
#define NV_HW_SLEEP_H

#include <stdbool.h>

struct hw;
struct hw_connector;
struct hw_gpu;

enum hw_function_kind {
	HW_FUNCTION_DISPLAY,
	HW_FUNCTION_AUDIO,
	HW_FUNCTION_USB,
	HW_FUNCTION_UCSI, /* the controller of a USB-C port */
	HW_FUNCTION_PORT, /* a bridge above the GPU */
	HW_FUNCTION_OTHER
};

/* A PCI function of a GPU's slot; what the kernel does not say is NULL or -1. */
struct hw_function {
	const char *slot, *path, *driver;
	const char
		*vendor; /* "0x10de": an APU's GPU shares its slot with the chipset's functions */
	enum hw_function_kind kind;
	const char *status; /* power/runtime_status */
	const char *control; /* power/control: "auto" may sleep, "on" never does */
	const char *state; /* power_state: "D0", "D3cold" */
	long usage; /* power/runtime_usage, in kernels with CONFIG_PM_ADVANCED_DEBUG */
	long children; /* power/runtime_active_kids: devices below it that are awake; likewise */
	int cold; /* d3cold_allowed */
};

/* The GPU's own function comes first; *count of them, 1 of what is not PCI. */
struct hw_function *hw_functions(struct hw *hw, struct hw_gpu *gpu, unsigned long *count);

/* The PCI ports above the GPU, its own first; *count of them. D3cold needs all of them to sleep. */
struct hw_function *hw_ports(struct hw *hw, struct hw_gpu *gpu, unsigned long *count);

const char *hw_function_kind_name(enum hw_function_kind kind);

/* The line "Runtime D3 status" of NVIDIA's driver: how it is set up, not what is now. Or NULL. */
const char *hw_nvidia_runtime(struct hw *hw, struct hw_gpu *gpu);

/* Whether NVIDIA's persistence daemon has its socket. */
bool hw_nvidia_persistence(struct hw *hw);

/* What NVreg_DynamicPowerManagement is: 0 never, 1 without clients, 2 when idle, 3 as the driver
 * likes; -1 if it is not told. */
int hw_nvidia_dynamic_power(struct hw *hw);

/* Whether the kernel lights an output, by its last mode set; -1 if it does not tell. */
int hw_output_lit(struct hw *hw, const struct hw_connector *connector);

/* Seconds after which snd_hda_intel lets a sound function sleep, 0 for never; -1 if not told. */
long hw_audio_delay(struct hw *hw);
/* The file that has it, to write to. */
const char *hw_audio_delay_file(void);

/* Whether vfio-pci was told to keep idle devices awake. */
bool hw_vfio_keeps_awake(struct hw *hw);

/*
 * The file of the vtconsole that draws on the GPU's framebuffer, to write 0 to; NULL if none. The
 * kernel gives consoles to the first framebuffer, unless fbcon=map: says otherwise.
 */
const char *hw_console(struct hw *hw, struct hw_gpu *gpu);

/* The file of an attribute of a function as one writes it in a shell. */
const char *hw_function_file(struct hw *hw, const struct hw_function *function, const char *name);

/* An attribute of the port above a GPU, and its file; NULL if there is no port. */
const char *hw_port_attribute(struct hw *hw, const struct hw_gpu *gpu, const char *name);
const char *hw_port_file(struct hw *hw, const struct hw_gpu *gpu, const char *name);

/*
 * Whether firmware declares the power resource that D3cold takes (ACPI, _PR3), at the GPU or at the
 * port above: 1, 0, or -1 if the kernel shows no ACPI for them.
 */
int hw_power_resource(struct hw *hw, const struct hw_gpu *gpu);

/* runtime_status, open to be read again and again with pread; -1 with errno set. */
int hw_status_open(struct hw *hw, struct hw_gpu *gpu);

/* Whether it says "suspended"; -1 if it cannot be read any more. */
int hw_status_suspended(int fd);

#endif
