/* SPDX-License-Identifier: MIT */
/*
 * request: what can be asked of an X server about its GPUs, and what never may be.
 *
 * Some requests abort real servers. Every request, planned or restored, passes x11_forbidden
 * before it is sent; there is no other way to randr.c.
 */
#ifndef NV_X11_REQUEST_H
#define NV_X11_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "x11/server.h"

enum x11_action {
	X11_LINK, /* provider's outputs show source's pictures; source 0 takes that back */
	X11_SYNC, /* value of an output's "PRIME Synchronization" */
	X11_SIZE, /* the X screen's size */
	X11_CRTC, /* a CRTC: mode 0 turns it off */
	X11_PRIMARY, /* the primary output, 0 for none */
};

struct x11_request {
	enum x11_action action;
	uint32_t provider, source; /* X11_LINK */
	uint32_t output; /* X11_SYNC, X11_PRIMARY */
	int value; /* X11_SYNC */
	unsigned width, height, mm_width, mm_height; /* X11_SIZE */
	struct x11_crtc crtc; /* X11_CRTC: as it shall be */
};

struct x11_requests {
	struct x11_request *list;
	size_t count;
};

/* One rule about what may be asked. */
struct x11_check {
	const char *name; /* "source-is-the-screen" */
	const char *reason; /* what would happen else, for people */
	bool (*broken)(const struct x11_server *server, const struct x11_request *request);
};

/* All of them, ending with a NULL name. */
extern const struct x11_check x11_checks[];

/* The check that forbids a request in this state; NULL if it may be sent. */
const struct x11_check *x11_forbidden(
	const struct x11_server *server, const struct x11_request *request);

/* What the request does to a server that obeys: the model that planning and tests go by. */
void x11_apply(struct arena *arena, struct x11_server *server, const struct x11_request *request);

/* Whether the state is as the request wanted it. */
bool x11_holds(const struct x11_server *server, const struct x11_request *request);

/* The equivalent xrandr command's arguments, "--output HDMI-1 --mode 1920x1080 --pos 1920x0". */
void x11_request_text(
	struct buf *out, const struct x11_server *server, const struct x11_request *request);

#endif
