/* SPDX-License-Identifier: MIT */
/*
 * conf: what is written in files of xorg.conf(5)'s syntax: sections, lines, words with places.
 *
 * Bytes in, structs out. It takes words apart as the X server does (hw/xfree86/parser/scan.c):
 * "#" begins a comment outside of a string, a string ends at its quote or at the end of the line, a
 * line's end is a blank like others, and names are equal whatever their case, blanks and "_".
 */
#ifndef NV_GPU_XORG_CONF_H
#define NV_GPU_XORG_CONF_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

struct xconf_value {
	const char *text; /* without its quotes */
	size_t offset, length; /* of it in the file, in bytes */
	unsigned line, column; /* from 1 */
};

/* A keyword and what stands behind it: Option "Name" "value". */
struct xconf_entry {
	const char *key;
	const char *subsection; /* its name, NULL outside of one */
	unsigned line;
	struct xconf_value *values;
	size_t count;
};

struct xconf_section {
	const char *path, *name;
	unsigned line;
	struct xconf_entry *entries;
	size_t count;
};

/* What the X server does not accept: it does not start with such a file. */
struct xconf_mistake {
	const char *path, *what;
	unsigned line;
};

struct xconf {
	struct xconf_section *sections; /* of all files read, in order */
	size_t count;
	struct xconf_mistake *mistakes;
	size_t mistake_count;
};

/* Adds the sections of a file; text ends at its NUL. The path is kept by reference. */
void xconf_read(struct arena *arena, struct xconf *conf, const char *path, const char *text);

/* xf86nameCompare: whether two names are one to the X server. */
bool xconf_same(const char *a, const char *b);

/* The text of a value, "" if there is none of that number. */
const char *xconf_text(const struct xconf_entry *entry, size_t number);

/* The last value of a keyword in a section, NULL if it is not there. */
const struct xconf_value *xconf_find(const struct xconf_section *section, const char *key);

/*
 * The entry of an option in a section, NULL if it is not there; the last one wins. NoName counts as
 * Name; *on, unless NULL, is then what a truth value comes to (a bare Option is true).
 */
const struct xconf_entry *xconf_option(
	const struct xconf_section *section, const char *name, bool *on);

#endif
