/* SPDX-License-Identifier: MIT */
/* Prints the vendor of every EGL device's display that this process gets from libEGL. */
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <stdio.h>

int main(void)
{
	PFNEGLQUERYDEVICESEXTPROC query_devices = (void *)eglGetProcAddress("eglQueryDevicesEXT");
	PFNEGLGETPLATFORMDISPLAYEXTPROC get_display =
		(void *)eglGetProcAddress("eglGetPlatformDisplayEXT");
	EGLDeviceEXT devices[8];
	EGLint count = 0;

	if (!query_devices || !query_devices(8, devices, &count) || !count) {
		puts("no devices");
		return 0;
	}
	for (EGLint i = 0; i < count; i++) {
		EGLDisplay display = get_display(EGL_PLATFORM_DEVICE_EXT, devices[i], NULL);
		EGLint major, minor;

		if (display && eglInitialize(display, &major, &minor))
			printf("vendor: %s\n", eglQueryString(display, EGL_VENDOR));
	}
	return 0;
}
