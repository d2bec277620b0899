/* SPDX-License-Identifier: MIT */
/* recorded: which files a recording holds, as a table. What is not in it is not recorded. */
#ifndef NV_HW_RECORDED_H
#define NV_HW_RECORDED_H

#include <stddef.h>

struct arena;
struct buf;
struct hw;

enum recorded_how {
	RECORDED_TITLE, /* no path: what the rows behind it are */
	RECORDED_TEXT, /* what is in it */
	RECORDED_NAME, /* that it is there, and its size */
	RECORDED_POINTS, /* what is in it, and the names of the files whose paths stand there */
	RECORDED_TREE, /* what is in it, and in all below it */
	RECORDED_MENTION, /* what is in it, if it speaks of GPUs; else nothing */
	RECORDED_AWAKE, /* what is in it, if the device that it is of does not sleep */
	RECORDED_HERE, /* what is in it, under this path, links not being resolved */
};

/* Adds what is of interest in a text. */
typedef void recorded_filter(struct hw *hw, const char *text, size_t length, struct buf *out);

/*
 * Of a path, {a,b} is alternatives, then * ? [] match within a part. It may begin with
 * "@function" (/sys/bus/pci/devices/SLOT of each function of a GPU's slot), "@bridge" (of each
 * bridge above one), "@gpu" (a GPU's own directory) or "@home".
 */
struct recorded {
	const char *path;
	enum recorded_how how;
	recorded_filter *filter; /* NULL keeps all */
};

/* Ends with a NULL path. */
extern const struct recorded recorded_table[];

/* recorded-filter.c */
recorded_filter recorded_ids, recorded_cache, recorded_mounts, recorded_module_lines;

#endif
