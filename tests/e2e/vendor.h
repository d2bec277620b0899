/* SPDX-License-Identifier: MIT */
/*
 * vendor: what the GLX and EGL test vendors share.
 *
 * They stand in for NVIDIA's libraries behind the real libglvnd: they draw nothing, but say who
 * they are, so that a test can prove which vendor a program really got. Each load adds a line to
 * the file that NV_TEST_VENDOR_LOG names.
 */
#ifndef NV_TESTS_VENDOR_H
#define NV_TESTS_VENDOR_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

#define VENDOR_NAME "NVIDIA test vendor"
#define VENDOR_RENDERER "NVIDIA test GPU"

enum { GL_VENDOR_NAME = 0x1f00, GL_RENDERER_NAME = 0x1f01, GL_VERSION_NAME = 0x1f02 };
enum { GL_SHADING_VERSION_NAME = 0x8b8c, GL_MAJOR = 0x821b, GL_MINOR = 0x821c };

struct vendor_entry {
	const char *name;
	void *function;
};

static inline void *vendor_find(const struct vendor_entry *entries, const char *name)
{
	for (; entries->name; entries++) {
		if (strcmp(entries->name, name) == 0)
			return entries->function;
	}
	return NULL;
}

static inline void vendor_log(const char *api)
{
	const char *path = getenv("NV_TEST_VENDOR_LOG");
	FILE *log = path ? fopen(path, "a") : NULL;

	if (!log)
		return;
	fprintf(log, "%s\n", api);
	fclose(log);
}

static inline const unsigned char *vendor_get_string(unsigned name)
{
	switch (name) {
	case GL_VENDOR_NAME:
		return (const unsigned char *)VENDOR_NAME;
	case GL_RENDERER_NAME:
		return (const unsigned char *)VENDOR_RENDERER;
	case GL_VERSION_NAME:
		return (const unsigned char *)"4.6.0";
	case GL_SHADING_VERSION_NAME:
		return (const unsigned char *)"4.60";
	default:
		return (const unsigned char *)"";
	}
}

static inline void vendor_get_integer(unsigned name, int *value)
{
	*value = name == GL_MAJOR ? 4 : name == GL_MINOR ? 6 : 0;
}

static inline long vendor_nothing(void)
{
	return 0;
}

#endif
