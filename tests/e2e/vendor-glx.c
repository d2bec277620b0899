/* SPDX-License-Identifier: MIT */
/*
 * A GLX vendor for libglvnd, as libGLX_nvidia.so.0: enough of GLX for glxinfo -B. Further values of
 * NV_TEST_VENDOR_FAULT: "BadValue", which NVIDIA's gets for a context where the server has no
 * provider, and "disconnect", the end of the server.
 */
#include <GL/glx.h>
#include <X11/Xlib.h>
#include <X11/Xlibint.h>
#include <X11/Xutil.h>
#include <glvnd/libglxabi.h>
#include <sys/socket.h>

#include "vendor.h"

static int config;

static const char *client_string(Display *display, int name)
{
	(void)display;
	return name == GLX_VENDOR    ? VENDOR_NAME
	       : name == GLX_VERSION ? "1.4"
				     : "GLX_ARB_create_context";
}

static const char *server_string(Display *display, int screen, int name)
{
	(void)screen;
	return client_string(display, name);
}

static const char *extensions(Display *display, int screen)
{
	(void)display;
	(void)screen;
	return "";
}

static XVisualInfo *choose_visual(Display *display, int screen, int *attributes)
{
	XVisualInfo wanted = {
		.visualid = XVisualIDFromVisual(DefaultVisual(display, screen)),
	};
	int count;

	(void)attributes;
	return XGetVisualInfo(display, VisualIDMask, &wanted, &count);
}

static XVisualInfo *config_visual(Display *display, GLXFBConfig one)
{
	(void)one;
	return choose_visual(display, DefaultScreen(display), NULL);
}

static GLXFBConfig *choose_config(Display *display, int screen, const int *attributes, int *count)
{
	GLXFBConfig *configs = malloc(sizeof(*configs));

	(void)display;
	(void)screen;
	(void)attributes;
	*count = configs != NULL;
	if (configs)
		configs[0] = (GLXFBConfig)&config;
	return configs;
}

static GLXFBConfig *all_configs(Display *display, int screen, int *count)
{
	return choose_config(display, screen, NULL, count);
}

static int config_attribute(Display *display, GLXFBConfig one, int name, int *value)
{
	(void)one;
	*value = name == GLX_VISUAL_ID ? (int)XVisualIDFromVisual(DefaultVisual(display, 0)) : 8;
	return 0;
}

static int visual_attribute(Display *display, XVisualInfo *visual, int name, int *value)
{
	(void)display;
	(void)visual;
	*value = name == GLX_USE_GL || name == GLX_RGBA || name == GLX_DOUBLEBUFFER ? 1 : 8;
	return 0;
}

/* glXCreateContext (minor opcode 3 of GLX) for a visual that there is not. */
static void provoke_bad_value(Display *display)
{
	int major, event, error;
	CARD32 *words;
	xReq *request;

	XQueryExtension(display, "GLX", &major, &event, &error);
	LockDisplay(display);
	request = _XGetRequest(display, (CARD8)major, 24);
	request->data = 3;
	words = (CARD32 *)request;
	words[1] = (CARD32)XAllocID(display);
	words[2] = 0x7fffff;
	words[3] = (CARD32)DefaultScreen(display);
	words[4] = words[5] = 0;
	UnlockDisplay(display);
}

static void *create_context(Display *display)
{
	if (vendor_has_fault("BadValue"))
		provoke_bad_value(display);
	if (vendor_has_fault("disconnect"))
		shutdown(ConnectionNumber(display), SHUT_RDWR);
	return calloc(1, 64);
}

static int yes(void)
{
	return 1;
}

static int query_version(Display *display, int *major, int *minor)
{
	(void)display;
	*major = 1;
	*minor = 4;
	return 1;
}

static GLXWindow create_window(Display *display, GLXFBConfig one, Window window, const int *list)
{
	(void)display;
	(void)one;
	(void)list;
	return window;
}

static const struct vendor_entry entries[] = {
	{"glGetString", vendor_get_string},
	{"glGetIntegerv", vendor_get_integer},
	{"glXGetClientString", client_string},
	{"glXQueryServerString", server_string},
	{"glXQueryExtensionsString", extensions},
	{"glXChooseVisual", choose_visual},
	{"glXGetVisualFromFBConfig", config_visual},
	{"glXChooseFBConfig", choose_config},
	{"glXGetFBConfigs", all_configs},
	{"glXGetFBConfigAttrib", config_attribute},
	{"glXGetConfig", visual_attribute},
	{"glXCreateContext", create_context},
	{"glXCreateNewContext", create_context},
	{"glXCreateContextAttribsARB", create_context},
	{"glXMakeCurrent", yes},
	{"glXMakeContextCurrent", yes},
	{"glXIsDirect", yes},
	{"glXQueryVersion", query_version},
	{"glXCreateWindow", create_window},
	{NULL, NULL},
};

static void *get_address(const GLubyte *name)
{
	void *function = vendor_find(entries, (const char *)name);

	return function ? function : (void *)vendor_nothing;
}

static Bool supports_screen(Display *display, int screen)
{
	(void)display;
	(void)screen;
	return True;
}

static void *no_dispatch(const GLubyte *name)
{
	(void)name;
	return NULL;
}

static void ignore_index(const GLubyte *name, int index)
{
	(void)name;
	(void)index;
}

EXPORT Bool __glx_Main(uint32_t version, const __GLXapiExports *exports, __GLXvendorInfo *vendor,
	__GLXapiImports *imports)
{
	(void)exports;
	(void)vendor;
	if (GLX_VENDOR_ABI_GET_MAJOR_VERSION(version) != GLX_VENDOR_ABI_MAJOR_VERSION)
		return False;
	vendor_log("glx");
	vendor_misbehave();
	imports->isScreenSupported = supports_screen;
	imports->getProcAddress = get_address;
	imports->getDispatchAddress = no_dispatch;
	imports->setDispatchIndex = ignore_index;
	return True;
}
