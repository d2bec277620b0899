/* SPDX-License-Identifier: MIT */
/*
 * files: configuration that is spread over directories, the first of which wins for a name, as
 * modprobe.d(5) and udev(7) have it.
 */
#ifndef NV_GPU_DOCTOR_FILES_H
#define NV_GPU_DOCTOR_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "nv-gpu/doctor/doctor.h"

struct doctor_file {
	const char *path;
	const char *text; /* NULL if it cannot be read */
};

/*
 * The files with a suffix that count, directory by directory; *count of them. A name that was there
 * already, even as a link to nothing, hides the later ones.
 */
struct doctor_file *doctor_files(
	struct doctor *doctor, const char *const *directories, const char *suffix, size_t *count);

/* The text of a file of configuration, NULL if it is none or cannot be read. */
const char *doctor_text(struct doctor *doctor, const char *path);

/*
 * The next line of a text without blanks in front, copied; NULL at the end. *at and *number go on;
 * begin with the text and 0. Lines that end with a backslash are joined where wanted.
 */
const char *doctor_line(struct doctor *doctor, const char **at, unsigned *number, bool joined);

/* Where modprobe and udev look. */
extern const char *const doctor_modprobe_directories[];
extern const char *const doctor_udev_directories[];

/* blocked.c: the module of NVIDIA that a line of modprobe.d keeps from being loaded; NULL: none. */
const char *blocks_nvidia(const char *line);

/* leftovers.c: the tool that left a file there; NULL if none did. */
const char *leftover_of(struct doctor *doctor, const char *path);

#endif
