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
	{"eglTerminate", yes},
	{"eglGetError", no_error},
	{NULL, NULL},
};

static void *get_address(const char *name)
{
	void *function = vendor_find(entries, name);

	return function ? function : (void *)vendor_nothing;
}

static void *no_dispatch(const char *name)
{
	(void)name;
	return NULL;
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
	imports->getPlatformDisplay = get_display;
	imports->getSupportsAPI = supports;
	imports->getVendorString = vendor_string;
	imports->getProcAddress = get_address;
	imports->getDispatchAddress = no_dispatch;
	imports->setDispatchIndex = ignore_index;
	return EGL_TRUE;
}
