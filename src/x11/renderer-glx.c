/* SPDX-License-Identifier: MIT */
/* GLX: a context on a window that is never shown, as a program makes one. */
#include <GL/glx.h>
#include <GL/glxext.h>
#include <X11/Xutil.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "x11/renderer-internal.h"

struct glx {
	const struct renderer_listener *to;
	struct renderer_x x;
	__typeof__(&glXQueryExtension) query_extension;
	__typeof__(&glXQueryExtensionsString) extensions;
	__typeof__(&glXGetClientString) client_string;
	__typeof__(&glXChooseVisual) choose_visual;
	__typeof__(&glXCreateContext) create_context;
	__typeof__(&glXMakeCurrent) make_current;
	__typeof__(&glXIsDirect) is_direct;
	__typeof__(&glXGetProcAddressARB) proc_address;
};

/* The GLX requests that make a context, by minor opcode (GL/glxproto.h). */
static const char *request_name(int minor)
{
	return minor == 3    ? "glXCreateContext"
	       : minor == 24 ? "glXCreateNewContext"
	       : minor == 34 ? "glXCreateContextAttribsARB"
			     : NULL;
}

/*
 * BadValue at the making of a context is what a program dies of when NVIDIA's library is forced
 * on a server that has no NVIDIA provider: glvnd does not ask a forced vendor whether it can
 * serve the screen.
 */
static bool server_refused(struct glx *glx)
{
	XErrorEvent error = renderer_x_error(&glx->x);
	const char *vendor, *request;
	int major = 0, event, first;

	if (!error.error_code)
		return false;
	glx->x.query_extension(glx->x.display, "GLX", &major, &event, &first);
	request = error.request_code == major ? request_name(error.minor_code) : NULL;
	vendor = glx->client_string(glx->x.display, GLX_VENDOR);
	if (error.error_code == BadValue && request && vendor && str_starts(vendor, "NVIDIA"))
		renderer_tell(glx->to, "error",
			"BadValue at %s: NVIDIA's GLX library was forced on an X server without "
			"its provider",
			request);
	else if (request)
		renderer_tell(glx->to, "error", "X error %d at %s", error.error_code, request);
	else
		renderer_tell(glx->to, "error", "X error %d at request %d.%d", error.error_code,
			error.request_code, error.minor_code);
	return true;
}

static Window make_window(struct glx *glx, XVisualInfo *visual)
{
	Display *display = glx->x.display;
	Window parent = RootWindow(display, visual->screen);
	XSetWindowAttributes attributes = {
		.colormap = glx->x.create_colormap(display, parent, visual->visual, AllocNone),
	};

	return glx->x.create_window(display, parent, 0, 0, 1, 1, 0, visual->depth, InputOutput,
		visual->visual, CWColormap | CWBorderPixel, &attributes);
}

static void tell_strings(struct glx *glx)
{
	__typeof__(&glGetString) get_string = NULL;
	static const struct {
		const char *key;
		GLenum name;
	} strings[] = {{"name", GL_RENDERER}, {"vendor", GL_VENDOR}, {"version", GL_VERSION}};

	get_string = (__typeof__(get_string))glx->proc_address((const GLubyte *)"glGetString");
	for (size_t i = 0; get_string && i < sizeof(strings) / sizeof(*strings); i++) {
		const GLubyte *text = get_string(strings[i].name);

		if (text && *text)
			renderer_tell(glx->to, strings[i].key, "%s", (const char *)text);
	}
}

static void tell_mesa(struct glx *glx)
{
	PFNGLXQUERYCURRENTRENDERERINTEGERMESAPROC query;
	unsigned vendor = 0, device = 0, accelerated = 1;

	if (!renderer_has_word(glx->extensions(glx->x.display, DefaultScreen(glx->x.display)),
		    "GLX_MESA_query_renderer"))
		return;
	query = (PFNGLXQUERYCURRENTRENDERERINTEGERMESAPROC)glx->proc_address(
		(const GLubyte *)"glXQueryCurrentRendererIntegerMESA");
	if (!query)
		return;
	/* Software renderers have ids of all ones. */
	if (query(GLX_RENDERER_VENDOR_ID_MESA, &vendor) &&
		query(GLX_RENDERER_DEVICE_ID_MESA, &device) && vendor && vendor <= 0xffff)
		renderer_tell(glx->to, "ids", "%04x:%04x", vendor, device);
	if (query(GLX_RENDERER_ACCELERATED_MESA, &accelerated) && !accelerated)
		renderer_tell(glx->to, "software", "yes");
}

static void ask(struct glx *glx)
{
	int attributes[] = {GLX_RGBA, GLX_DOUBLEBUFFER, None};
	int single[] = {GLX_RGBA, None};
	Display *display = glx->x.display;
	GLXContext context;
	XVisualInfo *visual;
	int error, event;

	if (!glx->query_extension(display, &error, &event)) {
		renderer_tell(glx->to, "none", "the X server has no GLX");
		return;
	}
	visual = glx->choose_visual(display, DefaultScreen(display), attributes);
	if (!visual)
		visual = glx->choose_visual(display, DefaultScreen(display), single);
	if (!visual) {
		if (!server_refused(glx))
			renderer_tell(glx->to, "none", "GLX offers no visual to draw with");
		return;
	}
	context = glx->create_context(display, visual, NULL, True);
	if (server_refused(glx))
		return;
	if (!context || !glx->make_current(display, make_window(glx, visual), context)) {
		if (!server_refused(glx))
			renderer_tell(glx->to, "error", "GLX made no context");
		return;
	}
	tell_strings(glx);
	renderer_tell(glx->to, "direct", glx->is_direct(display, context) ? "yes" : "no");
	tell_mesa(glx);
	server_refused(glx);
}

void renderer_glx(const struct renderer_listener *to, const char *display)
{
	static const char *const libraries[] = {"libGL.so.1", "libGLX.so.0", NULL};
	struct glx glx = {.to = to};
	const struct renderer_symbol symbols[] = {
		{"glXQueryExtension", &glx.query_extension},
		{"glXQueryExtensionsString", &glx.extensions},
		{"glXGetClientString", &glx.client_string},
		{"glXChooseVisual", &glx.choose_visual},
		{"glXCreateContext", &glx.create_context},
		{"glXMakeCurrent", &glx.make_current},
		{"glXIsDirect", &glx.is_direct},
		{"glXGetProcAddressARB", &glx.proc_address},
		{NULL, NULL},
	};

	if (renderer_connect(to, &glx.x, display, "missing") &&
		renderer_load(to, libraries, symbols))
		ask(&glx);
}
