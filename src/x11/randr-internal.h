/* SPDX-License-Identifier: MIT */
/* What randr.c, randr-read.c and randr-send.c share. */
#ifndef NV_X11_RANDR_INTERNAL_H
#define NV_X11_RANDR_INTERNAL_H

#include <stdbool.h>
#include <xcb/randr.h>
#include <xcb/xcb.h>

#include "x11/randr.h"

struct x11 {
	xcb_connection_t *connection;
	int screen; /* the display's default */
	bool randr, providers; /* RandR 1.2, 1.4 is there */
	bool xwayland, xfree86;
	xcb_atom_t sync, edid, note;
	xcb_timestamp_t configured; /* of the state read last */
};

/* The root window of X screen number. */
xcb_window_t x11_root(const struct x11 *x11, int screen);

#endif
