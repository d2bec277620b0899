/* SPDX-License-Identifier: MIT */
/*
 * vendor: what the GLX and EGL test vendors share.
 *
 * They stand in for NVIDIA's libraries behind the real libglvnd: they draw nothing, but say who
 * they are, so that a test can prove which vendor a program really got. Each load adds a line to
 * the file that NV_TEST_VENDOR_LOG names, and writes "active" to the one of NV_TEST_VENDOR_WAKES.
 * NV_TEST_VENDOR_FAULT has them behave as a bad driver does: "crash", "hang", "print", "fork",
 * "fork-and-stay", "exit".
 */
#ifndef NV_TESTS_VENDOR_H
#define NV_TESTS_VENDOR_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
	const char *path = getenv("NV_TEST_VENDOR_LOG"), *wakes = getenv("NV_TEST_VENDOR_WAKES");
	FILE *log = path ? fopen(path, "a") : NULL;

	if (!log)
		return;
	fprintf(log, "%s\n", api);
	fclose(log);
	log = wakes ? fopen(wakes, "w") : NULL;
	if (!log)
		return;
	fputs("active\n", log);
	fclose(log);
}

static inline int vendor_has_fault(const char *fault)
{
	const char *wanted = getenv("NV_TEST_VENDOR_FAULT");

	return wanted && strcmp(wanted, fault) == 0;
}

static inline void vendor_misbehave(void)
{
	if (vendor_has_fault("crash"))
		raise(SIGSEGV);
	if (vendor_has_fault("exit"))
		_exit(3); /* exit itself hangs in a lock of glvnd */
	if (vendor_has_fault("hang"))
		sleep(60);
	for (int i = 0; vendor_has_fault("print") && i < 20000; i++)
		printf("name of a driver that talks, line %d\n", i);
	/* The child keeps every descriptor, and goes on where its parent was. */
	if (vendor_has_fault("fork") && fork() == 0)
		fork();
	if (vendor_has_fault("fork-and-stay") && fork() == 0)
		sleep(60);
}

static inline const unsigned char *vendor_get_string(unsigned name)
{
	const char *renderer = getenv("NV_TEST_VENDOR_RENDERER");

	switch (name) {
	case GL_VENDOR_NAME:
		return (const unsigned char *)VENDOR_NAME;
	case GL_RENDERER_NAME:
		return (const unsigned char *)(renderer ? renderer : VENDOR_RENDERER);
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
