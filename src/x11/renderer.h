/* SPDX-License-Identifier: MIT */
/*
 * renderer: asks the drivers, in this process, who renders: EGL, GLX and Vulkan.
 *
 * The libraries are opened when they are asked and never linked: a machine without one has an
 * answer too. What is behind them is other people's code, which may crash, hang, print, fork or
 * exit, and which opens GPUs: call this in a process that may be lost, and on GPUs that may wake.
 */
#ifndef NV_X11_RENDERER_H
#define NV_X11_RENDERER_H

#include <stdbool.h>

enum renderer_api { RENDERER_EGL, RENDERER_GLX, RENDERER_VULKAN, RENDERER_APIS };

/*
 * Facts, told as they are found, so that what was told before a crash is not lost. First those
 * of what a program gets, then "device" and those of one device, for each device on offer; with
 * Vulkan there are only devices, the loader's first one first. Keys, and what the value is:
 *
 *	name       GL_RENDERER, the Vulkan device's name
 *	vendor     GL_VENDOR, EGL_VENDOR; "EGL_VENDOR, GL_VENDOR" where they differ
 *	version    of the API, and what the driver says of itself
 *	driver     name of the driver, where there is a way to ask for it
 *	platform   EGL: "x11", "surfaceless" or "device"
 *	direct     GLX: "yes" or "no"
 *	card       a DRM device file, as EGL_EXT_device_drm gives it
 *	render     a DRM render node, as EGL_EXT_device_drm_render_node gives it
 *	pci        "0000:01:00.0", of VK_EXT_pci_bus_info
 *	ids        "10de:25a2", PCI ids
 *	type       Vulkan: "discrete", "integrated", "virtual", "cpu" or "other"
 *	software   "yes": the driver says that it draws with the CPU
 *	device     the number of a device, from 0
 *
 *	missing    cannot be asked: a library or an X server that is not there, in a sentence
 *	none       the API is there and offers nothing, in a sentence
 *	error      the question failed, in a sentence
 *	note       worth knowing besides, in a sentence
 */
struct renderer_listener {
	void (*tell)(void *context, const char *key, const char *value);
	void *context;
};

/*
 * display is the X server's name, NULL for none. careful: the environment keeps a driver from
 * being loaded, because its GPU sleeps; nothing is asked that would open the GPU all the same.
 */
void renderer_probe(enum renderer_api api, const char *display, bool careful,
	const struct renderer_listener *listener);

/* "egl", "glx", "vulkan". */
const char *renderer_api_name(enum renderer_api api);

#endif
