/* SPDX-License-Identifier: MIT */
/* An EGL vendor for libglvnd that does what drivers should not; NV_TEST_BAD says what. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <EGL/egl.h>
#include <glvnd/libeglabi.h>

#include "vendor.h"

EXPORT EGLBoolean __egl_Main(uint32_t version, const __EGLapiExports *exports,
	__EGLvendorInfo *vendor, __EGLapiImports *imports)
{
	const char *what = getenv("NV_TEST_BAD");

	(void)version;
	(void)exports;
	(void)vendor;
	(void)imports;
	if (!what)
		return EGL_FALSE;
	if (strcmp(what, "crash") == 0)
		abort();
	if (strcmp(what, "exit") == 0)
		_exit(0);
	if (strcmp(what, "hang") == 0)
		sleep(60);
	/* A child that lives on with all descriptors open. */
	if (strcmp(what, "fork") == 0 && fork() == 0)
		sleep(60);
	if (strcmp(what, "chatter") == 0) {
		for (int i = 0; i < 100000; i++)
			puts("renderer a driver's own idea of a message");
		fflush(stdout);
	}
	return EGL_FALSE;
}
