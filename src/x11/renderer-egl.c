/* SPDX-License-Identifier: MIT */
/* EGL: the display that a program gets, then the devices on offer. */
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <stdio.h>
#include <string.h>

#include "x11/renderer-internal.h"

enum { GL_RENDERER_NAME = 0x1f01, GL_VENDOR_NAME = 0x1f00 };

/* Of EGL_EXT_device_persistent_id and EGL_EXT_device_query_name. */
enum { DRIVER_NAME = 0x335e, RENDERER_NAME = 0x335f };

/* Before EGL_EXT_device_drm_render_node, which is newer than some headers. */
enum { RENDER_NODE_FILE = 0x3377 };

struct egl {
	const struct renderer_listener *to;
	bool careful;
	const char *extensions; /* of the client */
	struct renderer_x x;
	PFNEGLGETPROCADDRESSPROC proc_address;
	PFNEGLINITIALIZEPROC initialize;
	PFNEGLQUERYSTRINGPROC query_string;
	PFNEGLBINDAPIPROC bind_api;
	PFNEGLCHOOSECONFIGPROC choose_config;
	PFNEGLCREATECONTEXTPROC create_context;
	PFNEGLCREATEPBUFFERSURFACEPROC create_pbuffer;
	PFNEGLMAKECURRENTPROC make_current;
	PFNEGLGETPLATFORMDISPLAYEXTPROC platform_display;
	PFNEGLQUERYDEVICESEXTPROC query_devices;
	PFNEGLQUERYDEVICESTRINGEXTPROC device_string;
	PFNEGLQUERYDISPLAYATTRIBEXTPROC display_attribute;
};

static void tell_device(struct egl *egl, EGLDeviceEXT device)
{
	static const struct {
		const char *extension, *key;
		EGLint name;
		bool opens; /* finding out may open the device */
	} strings[] = {
		{"EGL_EXT_device_drm", "card", EGL_DRM_DEVICE_FILE_EXT, false},
		{"EGL_EXT_device_drm_render_node", "render", RENDER_NODE_FILE, false},
		{"EGL_EXT_device_persistent_id", "driver", DRIVER_NAME, true},
		{"EGL_EXT_device_query_name", "vendor", EGL_VENDOR, true},
		{"EGL_EXT_device_query_name", "name", RENDERER_NAME, true},
	};
	const char *extensions;

	if (!egl->device_string)
		return;
	extensions = egl->device_string(device, EGL_EXTENSIONS);
	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++) {
		const char *text = NULL;

		if (renderer_has_word(extensions, strings[i].extension) &&
			!(egl->careful && strings[i].opens))
			text = egl->device_string(device, strings[i].name);
		if (text && *text)
			renderer_tell(egl->to, strings[i].key, "%s", text);
	}
	if (renderer_has_word(extensions, "EGL_MESA_device_software"))
		renderer_tell(egl->to, "software", "yes");
}

static EGLint find_devices(struct egl *egl, EGLDeviceEXT *devices)
{
	EGLint count = 0;

	if (!egl->query_devices || !egl->query_devices(RENDERER_DEVICES, devices, &count))
		return 0;
	return count < RENDERER_DEVICES ? count : RENDERER_DEVICES;
}

static bool begin(struct egl *egl, EGLDisplay display, const char *platform)
{
	EGLint major, minor;

	if (display == EGL_NO_DISPLAY || !egl->initialize(display, &major, &minor))
		return false;
	renderer_tell(egl->to, "platform", "%s", platform);
	return true;
}

/* The display a program gets: on X if there is X, else without a window system. */
static EGLDisplay find_display(struct egl *egl, const char *name)
{
	EGLDeviceEXT devices[RENDERER_DEVICES];
	EGLDisplay display;
	EGLint count;

	if (name && renderer_connect(egl->to, &egl->x, name, "note")) {
		display = egl->platform_display(EGL_PLATFORM_X11_EXT, egl->x.display, NULL);
		if (begin(egl, display, "x11"))
			return display;
		renderer_tell(egl->to, "note", "EGL cannot draw on the X server");
	}
	/* Without a window system, finding a device means to open one after the other. */
	if (egl->careful)
		return EGL_NO_DISPLAY;
	if (renderer_has_word(egl->extensions, "EGL_MESA_platform_surfaceless")) {
		display = egl->platform_display(
			EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL);
		if (begin(egl, display, "surfaceless"))
			return display;
	}
	count = find_devices(egl, devices);
	for (EGLint i = 0; i < count; i++) {
		display = egl->platform_display(EGL_PLATFORM_DEVICE_EXT, devices[i], NULL);
		if (begin(egl, display, "device"))
			return display;
	}
	return EGL_NO_DISPLAY;
}

/* A context tells the renderer's name; that a vendor has none is no reason to complain. */
static bool make_context(struct egl *egl, EGLDisplay display)
{
	static const EGLint wanted[] = {EGL_RENDERABLE_TYPE, EGL_OPENGL_ES2_BIT, EGL_SURFACE_TYPE,
		EGL_PBUFFER_BIT, EGL_NONE};
	static const EGLint version[] = {EGL_CONTEXT_CLIENT_VERSION, 2, EGL_NONE};
	static const EGLint size[] = {EGL_WIDTH, 1, EGL_HEIGHT, 1, EGL_NONE};
	EGLSurface surface = EGL_NO_SURFACE;
	EGLContext context;
	EGLConfig config;
	EGLint count = 0;

	if (!egl->bind_api(EGL_OPENGL_ES_API) ||
		!egl->choose_config(display, wanted, &config, 1, &count) || count < 1)
		return false;
	context = egl->create_context(display, config, EGL_NO_CONTEXT, version);
	if (context == EGL_NO_CONTEXT)
		return false;
	if (!renderer_has_word(
		    egl->query_string(display, EGL_EXTENSIONS), "EGL_KHR_surfaceless_context"))
		surface = egl->create_pbuffer(display, config, size);
	return egl->make_current(display, surface, surface, context);
}

static void tell_display(struct egl *egl, EGLDisplay display)
{
	const char *vendor = egl->query_string(display, EGL_VENDOR), *maker = NULL;
	const char *version = egl->query_string(display, EGL_VERSION), *name, *driver;
	const unsigned char *(*get_string)(unsigned) = NULL;
	PFNEGLGETDISPLAYDRIVERNAMEPROC driver_name;
	EGLAttrib device = 0;

	if (make_context(egl, display))
		get_string = (__typeof__(get_string))egl->proc_address("glGetString");
	if (get_string) {
		name = (const char *)get_string(GL_RENDERER_NAME);
		maker = (const char *)get_string(GL_VENDOR_NAME);
		if (name && *name)
			renderer_tell(egl->to, "name", "%s", name);
	}
	if (vendor && maker && *maker && strcmp(vendor, maker) != 0)
		renderer_tell(egl->to, "vendor", "%s, %s", vendor, maker);
	else if (vendor)
		renderer_tell(egl->to, "vendor", "%s", vendor);
	if (version)
		renderer_tell(egl->to, "version", "%s", version);
	driver_name = (PFNEGLGETDISPLAYDRIVERNAMEPROC)egl->proc_address("eglGetDisplayDriverName");
	driver = driver_name && renderer_has_word(egl->query_string(display, EGL_EXTENSIONS),
					"EGL_MESA_query_driver")
			 ? driver_name(display)
			 : NULL;
	if (driver)
		renderer_tell(egl->to, "driver", "%s", driver);
	if (egl->display_attribute && egl->display_attribute(display, EGL_DEVICE_EXT, &device) &&
		device)
		tell_device(egl, (EGLDeviceEXT)device);
}

static void ask(struct egl *egl, const char *name)
{
	EGLDeviceEXT devices[RENDERER_DEVICES];
	EGLDisplay display = find_display(egl, name);
	EGLint count;

	if (display != EGL_NO_DISPLAY)
		tell_display(egl, display);
	else
		renderer_tell(egl->to, "none", "EGL offers no display here");
	/* A program would have died of it. */
	if (egl->x.display && renderer_x_error(&egl->x).error_code)
		renderer_tell(egl->to, "error", "X error %d at request %d.%d",
			renderer_x_error(&egl->x).error_code,
			renderer_x_error(&egl->x).request_code,
			renderer_x_error(&egl->x).minor_code);
	count = find_devices(egl, devices);
	for (EGLint i = 0; i < count; i++) {
		renderer_tell(egl->to, "device", "%d", i);
		tell_device(egl, devices[i]);
	}
}

void renderer_egl(const struct renderer_listener *to, const char *display, bool careful)
{
	static const char *const libraries[] = {"libEGL.so.1", NULL};
	struct egl egl = {.to = to, .careful = careful};
	const struct renderer_symbol symbols[] = {
		{"eglGetProcAddress", &egl.proc_address},
		{"eglInitialize", &egl.initialize},
		{"eglQueryString", &egl.query_string},
		{"eglBindAPI", &egl.bind_api},
		{"eglChooseConfig", &egl.choose_config},
		{"eglCreateContext", &egl.create_context},
		{"eglCreatePbufferSurface", &egl.create_pbuffer},
		{"eglMakeCurrent", &egl.make_current},
		{NULL, NULL},
	};

	if (!renderer_load(to, libraries, symbols))
		return;
	egl.extensions = egl.query_string(EGL_NO_DISPLAY, EGL_EXTENSIONS);
	egl.platform_display =
		(PFNEGLGETPLATFORMDISPLAYEXTPROC)egl.proc_address("eglGetPlatformDisplayEXT");
	egl.query_devices = (PFNEGLQUERYDEVICESEXTPROC)egl.proc_address("eglQueryDevicesEXT");
	egl.device_string =
		(PFNEGLQUERYDEVICESTRINGEXTPROC)egl.proc_address("eglQueryDeviceStringEXT");
	egl.display_attribute =
		(PFNEGLQUERYDISPLAYATTRIBEXTPROC)egl.proc_address("eglQueryDisplayAttribEXT");
	if (!egl.platform_display) {
		renderer_tell(to, "none", "this EGL is older than its platforms");
		return;
	}
	ask(&egl, display);
}
