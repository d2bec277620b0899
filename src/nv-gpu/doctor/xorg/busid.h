/* SPDX-License-Identifier: MIT */
/*
 * busid: the BusID of a Device section, as the X server reads it, and what was meant.
 *
 * "PCI:bus@domain:device:function", all decimal; domain and function may be left out (and are 0).
 * Anything that is no digit makes it none at all; what stands behind a fourth ":" is not looked at
 * (hw/xfree86/common/xf86pciBus.c, xf86ParsePciBusString).
 */
#ifndef NV_GPU_XORG_BUSID_H
#define NV_GPU_XORG_BUSID_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

struct busid {
	unsigned domain, bus, device, function;
};

enum busid_kind {
	BUSID_PCI,
	BUSID_WRONG, /* of PCI, and not readable: it fits no GPU */
	BUSID_OTHER, /* "PLATFORM:...", "USB:...", "SBUS:...": no PCI device */
};

/* What the X server makes of the text; *id is filled for BUSID_PCI. */
enum busid_kind busid_read(const char *text, struct busid *id);

/* "0000:01:00.0"; false if it is no PCI slot. */
bool busid_of_slot(const char *slot, struct busid *id);

/* "PCI:10@1:0:0" */
const char *busid_text(struct arena *arena, const struct busid *id);

/*
 * Which of some slots was probably meant by a text that fits none: hexadecimal numbers, as lspci
 * prints them, a domain in the wrong place, or a function too much. Its number, and *why: "its
 * numbers are hexadecimal"; count if none or more than one could be.
 */
size_t busid_guess(const char *text, const struct busid *slots, size_t count, const char **why);

bool busid_same(const struct busid *a, const struct busid *b);

#endif
