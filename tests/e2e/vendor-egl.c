/* SPDX-License-Identifier: MIT */
/* An EGL vendor for libglvnd, as libEGL_nvidia.so.0: one device, one display. */
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <glvnd/libeglabi.h>

#include "vendor.h"

static int display_mark, device_mark;

static EGLDisplay get_display(EGLenum platform, void *native, const EGLAttrib *attributes)
{
	(void)attributes;
	if (platform == EGL_PLATFORM_DEVICE_EXT && native != &device_mark)
		return EGL_NO_DISPLAY;
	return &display_mark;
}

static EGLBoolean supports(EGLenum api)
{
	(void)api;
	return EGL_TRUE;
}

static const char *vendor_string(int name)
{
	return name == __EGL_VENDOR_STRING_PLATFORM_EXTENSIONS ? "EGL_EXT_platform_device" : NULL;
}

static EGLBoolean initialize(EGLDisplay display, EGLint *major, EGLint *minor)
{
	(void)display;
	if (major)
		*major = 1;
	if (minor)
		*minor = 5;
	return EGL_TRUE;
}

static const char *query_string(EGLDisplay display, EGLint name)
{
	if (display == EGL_NO_DISPLAY)
		return name == EGL_EXTENSIONS ? "EGL_EXT_device_base EGL_EXT_device_enumeration "
						"EGL_EXT_device_query "
						"EGL_EXT_platform_base EGL_EXT_platform_device"
					      : NULL;
	return name == EGL_VENDOR ? VENDOR_NAME : name == EGL_VERSION ? "1.5" : "";
}

static EGLBoolean query_devices(EGLint most, EGLDeviceEXT *devices, EGLint *count)
{
	if (devices && most > 0)
		devices[0] = &device_mark;
	*count = 1;
	return EGL_TRUE;
}

/* Its DRM nodes are those of NV_TEST_VENDOR_NODES, "card0 renderD129". */
static const char *device_string(EGLDeviceEXT device, EGLint name)
{
	static char card[32], render[32];
	const char *nodes = getenv("NV_TEST_VENDOR_NODES");

	if (device != &device_mark || !nodes || sscanf(nodes, "%31s %31s", card, render) != 2)
		return name == EGL_EXTENSIONS ? "" : NULL;
	return name == EGL_EXTENSIONS ? "EGL_EXT_device_drm EGL_EXT_device_drm_render_node"
	       : name == EGL_DRM_DEVICE_FILE_EXT ? card
	       : name == 0x3377                  ? render /* EGL_DRM_RENDER_NODE_FILE_EXT */
						 : NULL;
}

static EGLBoolean display_attribute(EGLDisplay display, EGLint name, EGLAttrib *value)
{
	(void)display;
	if (name != EGL_DEVICE_EXT)
		return EGL_FALSE;
	*value = (EGLAttrib)&device_mark;
	return EGL_TRUE;
}

static EGLBoolean yes(void)
{
	return EGL_TRUE;
}

static EGLint no_error(void)
{
	return EGL_SUCCESS;
}

static const struct vendor_entry entries[] = {
	{"eglInitialize", initialize},
	{"eglQueryString", query_string},
	{"eglQueryDevicesEXT", query_devices},
	{"eglQueryDeviceStringEXT", device_string},
	{"eglQueryDisplayAttribEXT", display_attribute},
	{"eglQueryDisplayAttribKHR", display_attribute},
	{"eglTerminate", yes},
	{"eglGetError", no_error},
	{NULL, NULL},
};

static void *get_address(const char *name)
{
	void *function = vendor_find(entries, name);

	return function ? function : (void *)vendor_nothing;
}

/* libEGL has this one from its vendors. */
static void *get_dispatch(const char *name)
{
	return strcmp(name, "eglQueryDeviceStringEXT") == 0 ? (void *)device_string : NULL;
}

static void ignore_index(const char *name, int index)
{
	(void)name;
	(void)index;
}

EXPORT EGLBoolean __egl_Main(uint32_t version, const __EGLapiExports *exports,
	__EGLvendorInfo *vendor, __EGLapiImports *imports)
{
	(void)exports;
	(void)vendor;
	if (EGL_VENDOR_ABI_GET_MAJOR_VERSION(version) != EGL_VENDOR_ABI_MAJOR_VERSION)
		return EGL_FALSE;
	vendor_log("egl");
	vendor_misbehave();
	imports->getPlatformDisplay = get_display;
	imports->getSupportsAPI = supports;
	imports->getVendorString = vendor_string;
	imports->getProcAddress = get_address;
	imports->getDispatchAddress = get_dispatch;
	imports->setDispatchIndex = ignore_index;
	return EGL_TRUE;
}
