/* SPDX-License-Identifier: MIT */
/*
 * identify: which GPU each provider is. Pure.
 *
 * RandR gives providers a name and nothing else. xf86-video-amdgpu and -ati put the slot into it
 * ("AMD Radeon Graphics @ pci:0000:34:00.0"); NVIDIA's names are NVIDIA-0 for an X screen and
 * NVIDIA-G0, NVIDIA-G1, ... for GPU screens; the modesetting driver calls every one "modesetting".
 */
#ifndef NV_X11_IDENTIFY_H
#define NV_X11_IDENTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "x11/server.h"

/* A connector as the kernel knows it. */
struct x11_connector {
	const char *name; /* "HDMI-A-1", as in sysfs without its card */
	bool connected;
	const uint8_t *edid; /* NULL if there is none */
	size_t edid_length;
};

/* A GPU of the machine. */
struct x11_gpu {
	const char *slot; /* "0000:01:00.0" */
	const char *driver; /* of the kernel: "i915", "nvidia"; NULL if none */
	const char *name; /* for people */
	bool discrete; /* no integrated one */
	bool boot;
	bool external; /* it can be unplugged */
	const struct x11_connector *connectors;
	size_t connector_count;
};

/* Fills gpu and sure of each provider. The GPUs must outlive the server's struct. */
void x11_identify(struct x11_server *server, const struct x11_gpu *gpus, size_t count);

/* Whether NVIDIA's own X driver serves a provider: by its name, or by its GPU's kernel driver. */
bool x11_is_nvidia(const struct x11_provider *provider);

#endif
