/* SPDX-License-Identifier: MIT */
#include "x11/renderer.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GL/gl.h>
#include <GL/glx.h>
#include <X11/Xlib.h>
#include <vulkan/vulkan.h>

#include "base/mem.h"

static int answers = -1;

const char *x11_api_name(enum x11_api api)
{
	static const char *const names[] = {"egl", "glx", "vulkan"};

	return names[api];
}

/* One line in one write: the reader sees it even if the next call is the driver's last. */
__attribute__((format(printf, 2, 3))) static void tell(const char *key, const char *format, ...)
{
	char line[512];
	int length = snprintf(line, sizeof(line), "%s ", key);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line + length, sizeof(line) - (size_t)length - 1, format, arguments);
	va_end(arguments);
	for (char *at = line; *at; at++) {
		if (*at == '\n')
			*at = ' ';
	}
	strcat(line, "\n");
	if (write(answers, line, strlen(line)) < 0)
		_exit(1);
}

_Noreturn static void fail(const char *what)
{
	tell("problem", "%s", what);
	_exit(0);
}

/* A library, opened as programs do; says and ends if it is not installed. */
static void *library(const char *name)
{
	void *handle = dlopen(name, RTLD_NOW | RTLD_GLOBAL);

	if (!handle) {
		tell("problem", "%s is not installed", name);
		_exit(0);
	}
	return handle;
}

/* ISO C has no conversion from an object pointer to a function; POSIX' dlsym needs one. */
static void find(void *handle, const char *name, void *function)
{
	void *found = dlsym(handle, name);

	if (!found)
		fail("a function is missing in an installed library");
	memcpy(function, &found, sizeof(found));
}

static bool is_software(const char *renderer)
{
	static const char *const names[] = {"llvmpipe", "softpipe", "swrast", "SWR", "lavapipe",
		"Software Rasterizer", "SwiftShader"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strstr(renderer, names[i]))
			return true;
	}
	return false;
}

static void tell_renderer(const char *renderer)
{
	if (!renderer)
		fail("the driver tells no renderer");
	tell("renderer", "%s", renderer);
	if (is_software(renderer))
		tell("software", "yes");
}

/* --- X */

static void *xlib;

static int x_error(Display *display, XErrorEvent *event)
{
	(void)display;
	tell("problem",
		"the X server refused request %u.%u with error %u: a driver was forced on it that "
		"its GPU is not for",
		event->request_code, event->minor_code, event->error_code);
	_exit(0);
}

static int x_io_error(Display *display)
{
	(void)display;
	fail("the connection to the X server was lost");
}

static Display *open_display(void)
{
	Display *(*open)(const char *name);
	XErrorHandler (*set_error)(XErrorHandler handler);
	XIOErrorHandler (*set_io_error)(XIOErrorHandler handler);
	Display *display;

	xlib = library("libX11.so.6");
	find(xlib, "XOpenDisplay", &open);
	find(xlib, "XSetErrorHandler", &set_error);
	find(xlib, "XSetIOErrorHandler", &set_io_error);
	set_error(x_error);
	set_io_error(x_io_error);
	display = open(NULL);
	if (!display)
		fail("the X server does not let us in");
	return display;
}

/* --- EGL */

struct egl {
	void *handle;
	__typeof__(eglGetProcAddress) *proc;
	__typeof__(eglQueryString) *query;
	PFNEGLQUERYDEVICESTRINGEXTPROC device_string;
};

static void tell_devices(struct egl *egl)
{
	PFNEGLQUERYDEVICESEXTPROC devices =
		(PFNEGLQUERYDEVICESEXTPROC)egl->proc("eglQueryDevicesEXT");
	EGLDeviceEXT list[32];
	EGLint count = 0;

	if (!devices || !egl->device_string || !devices(32, list, &count))
		return;
	for (EGLint i = 0; i < count; i++) {
		const char *node = egl->device_string(list[i], EGL_DRM_DEVICE_FILE_EXT);

		tell("device", "%s", node ? node : "software");
	}
}

static void tell_display_device(struct egl *egl, EGLDisplay display)
{
	PFNEGLQUERYDISPLAYATTRIBEXTPROC query =
		(PFNEGLQUERYDISPLAYATTRIBEXTPROC)egl->proc("eglQueryDisplayAttribEXT");
	EGLAttrib device = 0;
	const char *node;

	if (!query || !egl->device_string || !query(display, EGL_DEVICE_EXT, &device) || !device)
		return;
	node = egl->device_string((EGLDeviceEXT)device, EGL_DRM_DEVICE_FILE_EXT);
	if (node)
		tell("node", "%s", node);
}

static EGLDisplay egl_display(struct egl *egl, bool has_x)
{
	__typeof__(eglGetDisplay) *get;
	PFNEGLGETPLATFORMDISPLAYEXTPROC get_platform =
		(PFNEGLGETPLATFORMDISPLAYEXTPROC)egl->proc("eglGetPlatformDisplayEXT");

	/* Without an X server: the Wayland compositor, or none at all, as EGL sees fit. */
	if (has_x && get_platform)
		return get_platform(EGL_PLATFORM_X11_KHR, open_display(), NULL);
	find(egl->handle, "eglGetDisplay", &get);
	return get(EGL_DEFAULT_DISPLAY);
}

static void probe_egl(bool has_x)
{
	static const EGLint wanted[] = {
		EGL_RENDERABLE_TYPE, EGL_OPENGL_BIT, EGL_SURFACE_TYPE, EGL_PBUFFER_BIT, EGL_NONE};
	static const EGLint size[] = {EGL_WIDTH, 16, EGL_HEIGHT, 16, EGL_NONE};
	struct egl egl = {.handle = library("libEGL.so.1")};
	__typeof__(eglInitialize) *initialize;
	__typeof__(eglBindAPI) *bind;
	__typeof__(eglChooseConfig) *choose;
	__typeof__(eglCreatePbufferSurface) *surface_of;
	__typeof__(eglCreateContext) *create;
	__typeof__(eglMakeCurrent) *make_current;
	const GLubyte *(*string)(GLenum name);
	EGLDisplay display;
	EGLSurface surface;
	EGLContext context;
	EGLConfig config;
	EGLint count = 0;

	find(egl.handle, "eglGetProcAddress", &egl.proc);
	find(egl.handle, "eglQueryString", &egl.query);
	find(egl.handle, "eglInitialize", &initialize);
	find(egl.handle, "eglBindAPI", &bind);
	find(egl.handle, "eglChooseConfig", &choose);
	find(egl.handle, "eglCreatePbufferSurface", &surface_of);
	find(egl.handle, "eglCreateContext", &create);
	find(egl.handle, "eglMakeCurrent", &make_current);
	egl.device_string = (PFNEGLQUERYDEVICESTRINGEXTPROC)egl.proc("eglQueryDeviceStringEXT");
	tell_devices(&egl);
	display = egl_display(&egl, has_x);
	if (!display || !initialize(display, NULL, NULL))
		fail("no EGL vendor serves this display");
	tell("vendor", "%s", egl.query(display, EGL_VENDOR));
	tell_display_device(&egl, display);
	bind(EGL_OPENGL_API);
	if (!choose(display, wanted, &config, 1, &count) || !count)
		fail("no EGL configuration for OpenGL");
	surface = surface_of(display, config, size);
	context = create(display, config, EGL_NO_CONTEXT, NULL);
	if (!context || !make_current(display, surface, surface, context))
		fail("no OpenGL context through EGL");
	string = (const GLubyte *(*)(GLenum))egl.proc("glGetString");
	tell_renderer(string ? (const char *)string(GL_RENDERER) : NULL);
}

/* --- GLX */

static void tell_glx_ids(__typeof__(glXGetProcAddressARB) *proc)
{
	PFNGLXQUERYCURRENTRENDERERINTEGERMESAPROC query =
		(PFNGLXQUERYCURRENTRENDERERINTEGERMESAPROC)proc(
			(const GLubyte *)"glXQueryCurrentRendererIntegerMESA");
	unsigned vendor = 0, device = 0;

	if (query && query(GLX_RENDERER_VENDOR_ID_MESA, &vendor) &&
		query(GLX_RENDERER_DEVICE_ID_MESA, &device) && vendor < 0xffff && vendor)
		tell("ids", "%04x:%04x", vendor, device);
}

static void probe_glx(bool has_x)
{
	static int wanted[] = {
		GLX_RENDER_TYPE, GLX_RGBA_BIT, GLX_DRAWABLE_TYPE, GLX_WINDOW_BIT, None};
	__typeof__(glXChooseFBConfig) *choose;
	__typeof__(glXCreateNewContext) *create;
	__typeof__(glXMakeCurrent) *make_current;
	__typeof__(glXGetVisualFromFBConfig) *visual_of;
	__typeof__(glXGetClientString) *client_string;
	__typeof__(glXGetProcAddressARB) *proc;
	__typeof__(XCreateColormap) *colormap_of;
	__typeof__(XCreateWindow) *window_of;
	const GLubyte *(*string)(GLenum name);
	XSetWindowAttributes attributes = {0};
	GLXFBConfig *configs;
	XVisualInfo *visual;
	GLXContext context;
	Display *display;
	Window window;
	void *handle;
	int count = 0;

	if (!has_x)
		fail("there is no X server");
	handle = library("libGL.so.1");
	display = open_display();
	find(handle, "glXChooseFBConfig", &choose);
	find(handle, "glXCreateNewContext", &create);
	find(handle, "glXMakeCurrent", &make_current);
	find(handle, "glXGetVisualFromFBConfig", &visual_of);
	find(handle, "glXGetClientString", &client_string);
	find(handle, "glXGetProcAddressARB", &proc);
	find(xlib, "XCreateColormap", &colormap_of);
	find(xlib, "XCreateWindow", &window_of);
	configs = choose(display, DefaultScreen(display), wanted, &count);
	visual = configs && count ? visual_of(display, configs[0]) : NULL;
	if (!visual)
		fail("the X server has no GLX, or no visual for it");
	/* Never mapped: nobody sees it. */
	attributes.colormap =
		colormap_of(display, DefaultRootWindow(display), visual->visual, AllocNone);
	window = window_of(display, DefaultRootWindow(display), 0, 0, 16, 16, 0, visual->depth,
		InputOutput, visual->visual, CWColormap | CWBorderPixel, &attributes);
	context = create(display, configs[0], GLX_RGBA_TYPE, NULL, True);
	if (!context || !make_current(display, window, context))
		fail("no OpenGL context through GLX");
	tell("vendor", "%s", client_string(display, GLX_VENDOR));
	string = (const GLubyte *(*)(GLenum))proc((const GLubyte *)"glGetString");
	tell_glx_ids(proc);
	tell_renderer(string ? (const char *)string(GL_RENDERER) : NULL);
}

/* --- Vulkan */

static bool has_bus_info(
	PFN_vkGetInstanceProcAddr proc, VkInstance instance, VkPhysicalDevice device)
{
	PFN_vkEnumerateDeviceExtensionProperties enumerate =
		(PFN_vkEnumerateDeviceExtensionProperties)proc(
			instance, "vkEnumerateDeviceExtensionProperties");
	VkExtensionProperties *list;
	uint32_t count = 0;
	bool found = false;

	enumerate(device, NULL, &count, NULL);
	list = mem_resize(NULL, (count + 1) * sizeof(*list));
	enumerate(device, NULL, &count, list);
	for (uint32_t i = 0; i < count; i++)
		found |= strcmp(list[i].extensionName, VK_EXT_PCI_BUS_INFO_EXTENSION_NAME) == 0;
	free(list);
	return found;
}

static void tell_vulkan_slot(
	PFN_vkGetInstanceProcAddr proc, VkInstance instance, VkPhysicalDevice device)
{
	PFN_vkGetPhysicalDeviceProperties2 properties = (PFN_vkGetPhysicalDeviceProperties2)proc(
		instance, "vkGetPhysicalDeviceProperties2");
	VkPhysicalDevicePCIBusInfoPropertiesEXT bus = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PCI_BUS_INFO_PROPERTIES_EXT};
	VkPhysicalDeviceProperties2 all = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &bus};

	if (!properties || !has_bus_info(proc, instance, device))
		return;
	properties(device, &all);
	tell("slot", "%04x:%02x:%02x.%u", bus.pciDomain, bus.pciBus, bus.pciDevice,
		bus.pciFunction);
}

static void probe_vulkan(void)
{
	void *handle = library("libvulkan.so.1");
	const VkApplicationInfo application = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_1};
	const VkInstanceCreateInfo wanted = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &application};
	PFN_vkGetInstanceProcAddr proc;
	PFN_vkCreateInstance create;
	PFN_vkEnumeratePhysicalDevices enumerate;
	PFN_vkGetPhysicalDeviceProperties properties;
	VkPhysicalDevice devices[32];
	VkInstance instance;
	uint32_t count = 32;

	find(handle, "vkGetInstanceProcAddr", &proc);
	find(handle, "vkCreateInstance", &create);
	if (create(&wanted, NULL, &instance) != VK_SUCCESS)
		fail("no Vulkan driver");
	enumerate = (PFN_vkEnumeratePhysicalDevices)proc(instance, "vkEnumeratePhysicalDevices");
	properties =
		(PFN_vkGetPhysicalDeviceProperties)proc(instance, "vkGetPhysicalDeviceProperties");
	if (enumerate(instance, &count, devices) < 0 || !count)
		fail("no Vulkan device");
	for (uint32_t i = 0; i < count; i++) {
		VkPhysicalDeviceProperties one;

		properties(devices[i], &one);
		tell("device", "%s", one.deviceName);
		if (i)
			continue;
		/* Programs take the first, if they do not choose. */
		if (one.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU)
			tell("software", "yes");
		tell("ids", "%04x:%04x", one.vendorID & 0xffff, one.deviceID & 0xffff);
		tell_vulkan_slot(proc, instance, devices[i]);
		tell("renderer", "%s", one.deviceName);
	}
}

void x11_renderer_probe(enum x11_api api, bool has_x, int fd)
{
	answers = fd;
	switch (api) {
	case X11_EGL:
		probe_egl(has_x);
		break;
	case X11_GLX:
		probe_glx(has_x);
		break;
	case X11_VULKAN:
	case X11_APIS:
		probe_vulkan();
		break;
	}
	/* Drivers' own clean-up at the exit is not what was asked about. */
	_exit(0);
}
