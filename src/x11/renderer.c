/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "x11/renderer-internal.h"
#include "x11/renderer.h"

/* Xlib's handlers get no context. */
static XErrorEvent first_error;
static const struct renderer_listener *io_listener;

const char *renderer_api_name(enum renderer_api api)
{
	static const char *const names[RENDERER_APIS] = {"egl", "glx", "vulkan"};

	return names[api];
}

void renderer_tell(const struct renderer_listener *to, const char *key, const char *format, ...)
{
	char value[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(value, sizeof(value), format, arguments);
	va_end(arguments);
	to->tell(to->context, key, value);
}

bool renderer_has_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list ? list : ""; *at; at += strspn(at, " ")) {
		size_t here = strcspn(at, " ");

		if (here == length && strncmp(at, word, length) == 0)
			return true;
		at += here;
	}
	return false;
}

bool renderer_load(const struct renderer_listener *to, const char *const *libraries,
	const struct renderer_symbol *symbols)
{
	void *library = NULL;

	for (const char *const *name = libraries; *name && !library; name++) {
		const char *why;

		library = dlopen(*name, RTLD_NOW | RTLD_LOCAL);
		why = library ? NULL : dlerror();
		/* The message names the file that is not there: this one, or one that it needs. */
		if (!library && why && !str_starts(why, *name)) {
			renderer_tell(to, "error", "%s cannot be loaded: %s", *name, why);
			return false;
		}
	}
	if (!library) {
		renderer_tell(to, "missing", "%s is not installed", libraries[0]);
		return false;
	}
	for (; symbols->name; symbols++) {
		void *address = dlsym(library, symbols->name);

		if (!address) {
			renderer_tell(to, "error", "%s has no %s", libraries[0], symbols->name);
			return false;
		}
		memcpy(symbols->pointer, &address, sizeof(address));
	}
	return true;
}

static int on_error(Display *display, XErrorEvent *event)
{
	(void)display;
	if (!first_error.error_code)
		first_error = *event;
	return 0;
}

/* Xlib ends the process when this returns. */
static int on_io_error(Display *display)
{
	(void)display;
	renderer_tell(io_listener, "error", "the X server closed the connection");
	return 0;
}

XErrorEvent renderer_x_error(const struct renderer_x *x)
{
	x->sync(x->display, False);
	return first_error;
}

bool renderer_connect(const struct renderer_listener *to, struct renderer_x *x, const char *display,
	const char *key)
{
	static const char *const libraries[] = {"libX11.so.6", NULL};
	const struct renderer_symbol symbols[] = {
		{"XOpenDisplay", &x->open},
		{"XSetErrorHandler", &x->set_error_handler},
		{"XSetIOErrorHandler", &x->set_io_error_handler},
		{"XQueryExtension", &x->query_extension},
		{"XCreateColormap", &x->create_colormap},
		{"XCreateWindow", &x->create_window},
		{"XSync", &x->sync},
		{NULL, NULL},
	};

	x->display = NULL;
	if (!display) {
		renderer_tell(to, key, "there is no X server: DISPLAY is not set");
		return false;
	}
	if (!renderer_load(to, libraries, symbols))
		return false;
	io_listener = to;
	x->set_error_handler(on_error);
	x->set_io_error_handler(on_io_error);
	x->display = x->open(display);
	if (!x->display)
		renderer_tell(to, key, "the X server %s cannot be reached", display);
	return x->display != NULL;
}

void renderer_probe(enum renderer_api api, const char *display, bool careful,
	const struct renderer_listener *listener)
{
	switch (api) {
	case RENDERER_EGL:
		renderer_egl(listener, display, careful);
		break;
	case RENDERER_GLX:
		renderer_glx(listener, display);
		break;
	default:
		renderer_vulkan(listener, careful);
	}
}
