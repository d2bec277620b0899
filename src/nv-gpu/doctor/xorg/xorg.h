/* SPDX-License-Identifier: MIT */
/*
 * xorg: the X server's configuration and log, and what is wrong with them.
 *
 * conf.c      the syntax of its files
 * busid.c     what a BusID means
 * read.c      which files there are; which drivers are installed
 * busids.c modules.c servers.c options.c log.c
 *             the checks
 */
#ifndef NV_GPU_XORG_H
#define NV_GPU_XORG_H

#include <stdbool.h>
#include <stddef.h>

#include "nv-gpu/doctor/doctor.h"
#include "nv-gpu/doctor/xorg/conf.h"

struct xorg {
	struct xconf conf;
	const char **files; /* that were read */
	size_t file_count;
	const char **unreadable;
	size_t unreadable_count;
	bool installed; /* there is an X server, or what only one leaves */
	bool uses_nvidia; /* NVIDIA's kernel driver runs a GPU */

	/* The log of the last server; NULL if there is none that counts. */
	const char *log, *log_path;
	const char *log_stale; /* a log that does not count, and why: a sentence */

	/* Where it looks for modules: as configured, and its own places unless these replace them.
	 */
	const char **module_paths;
	size_t module_path_count;
};

/* Reads all of it, once. */
const struct xorg *xorg_read(struct doctor *doctor);

/* log.c: the log that counts, or why none does. */
void xorg_find_log(struct doctor *doctor, struct xorg *xorg);

/* A place of configuration: "/etc/X11/xorg.conf:12:8"; column 0 leaves that away. */
const char *xorg_place(struct doctor *doctor, const char *path, unsigned line, unsigned column);

/* Whether the server finds "NAME_drv.so" in its own directories or in those configured. */
bool xorg_has_driver(struct doctor *doctor, const char *name);

/* Whether any directory of modules is there to look into. */
bool xorg_has_modules(struct doctor *doctor);

/* Where NVIDIA's nvidia_drv.so is beside those directories, NULL if nowhere. */
const char *xorg_nvidia_elsewhere(struct doctor *doctor);

/* Whether a directory has modules that come with the server itself. */
bool xorg_is_standard(struct doctor *doctor, const char *directory);

/* Whether a section is of the kind. */
bool xorg_is(const struct xconf_section *section, const char *kind);

/* Says unknown for each file that could not be read; whether there was one. */
bool xorg_say_unreadable(struct doctor *doctor, const struct xorg *xorg);

/* How many GPUs a server could use. */
size_t xorg_gpus(struct doctor *doctor);

#endif
