/* SPDX-License-Identifier: MIT */
/*
 * renderer: asks a graphics API which GPU draws, by drawing with it.
 *
 * Drivers crash, hang, print, and end the process: this is for a child that may do all that. Its
 * libraries are opened when it runs, so that programs start quickly and without them too.
 */
#ifndef NV_X11_RENDERER_H
#define NV_X11_RENDERER_H

#include <stdbool.h>

enum x11_api { X11_EGL, X11_GLX, X11_VULKAN, X11_APIS };

/* "egl", "glx", "vulkan". */
const char *x11_api_name(enum x11_api api);

/*
 * Asks and writes lines "KEY VALUE" to a descriptor, as soon as each is known:
 *
 * problem TEXT    why there is no answer, the last line then
 * renderer TEXT   GL_RENDERER, or the name of Vulkan's first device
 * vendor TEXT     of the API's implementation
 * node PATH       the DRM node that draws (EGL)
 * ids VVVV:DDDD   PCI ids of the GPU that draws (GLX through Mesa, Vulkan)
 * slot SLOT       its slot (Vulkan)
 * software yes    the CPU draws
 * device TEXT     one that the API offers: EGL's DRM node, Vulkan's name; in the API's order
 *
 * has_x: DISPLAY names an X server to ask with. Ends the process.
 */
_Noreturn void x11_renderer_probe(enum x11_api api, bool has_x, int fd);

#endif
