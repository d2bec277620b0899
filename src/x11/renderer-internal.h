/* SPDX-License-Identifier: MIT */
/* What the files of the renderer's probes share; see renderer.h for the keys that are told. */
#ifndef NV_X11_RENDERER_INTERNAL_H
#define NV_X11_RENDERER_INTERNAL_H

#include <X11/Xlib.h>
#include <stdbool.h>
#include <stddef.h>

#include "x11/renderer.h"

enum { RENDERER_DEVICES = 16 }; /* more than this many devices are not told */

struct renderer_symbol {
	const char *name;
	void *pointer; /* where the function's address goes */
};

/* The functions of libX11 that are used, and one connection. */
struct renderer_x {
	__typeof__(&XOpenDisplay) open;
	__typeof__(&XSetErrorHandler) set_error_handler;
	__typeof__(&XSetIOErrorHandler) set_io_error_handler;
	__typeof__(&XQueryExtension) query_extension;
	__typeof__(&XCreateColormap) create_colormap;
	__typeof__(&XCreateWindow) create_window;
	__typeof__(&XSync) sync;
	Display *display;
};

void renderer_tell(const struct renderer_listener *to, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Opens the first library that is there and finds its functions; false after telling why not. */
bool renderer_load(const struct renderer_listener *to, const char *const *libraries,
	const struct renderer_symbol *symbols);

/* Connects; false after telling, under this key, why there is no X server. */
bool renderer_connect(const struct renderer_listener *to, struct renderer_x *x, const char *display,
	const char *key);

/* The first error that the X server sent on the connection, error_code 0 if none. */
XErrorEvent renderer_x_error(const struct renderer_x *x);

/* Whether a list of words separated by spaces, as extensions are given, has a word. */
bool renderer_has_word(const char *list, const char *word);

void renderer_egl(const struct renderer_listener *to, const char *display, bool careful);
void renderer_glx(const struct renderer_listener *to, const char *display);
void renderer_vulkan(const struct renderer_listener *to, bool careful);

#endif
