/* SPDX-License-Identifier: MIT */
/*
 * randr: the door to an X server. The only files that speak X for setting things up; renderer.c
 * asks drivers who draws.
 *
 * Through XCB: an error belongs to the request that made it, a lost server is a return value
 * and not the end of the process, and the answers to many requests are waited for together.
 */
#ifndef NV_X11_RANDR_H
#define NV_X11_RANDR_H

#include <stdbool.h>
#include <stddef.h>

#include "x11/request.h"
#include "x11/server.h"

struct arena;
struct x11;

enum x11_kind {
	X11_XORG,
	X11_XWAYLAND, /* a Wayland compositor's: it sets GPUs and outputs up, not we */
	X11_OTHER, /* Xvfb, Xephyr, Xnest, VNC: no GPU of its own */
};

/* Connects; NULL if there is no such server or it does not let us in. display is NULL for
 * $DISPLAY. Ends with x11_close. */
struct x11 *x11_open(const char *display);
void x11_close(struct x11 *x11);

/* Whether the server went away. */
bool x11_is_lost(const struct x11 *x11);

enum x11_kind x11_kind(const struct x11 *x11);
/* Version of an Xorg as "21.1.7" or "1.20.14"; "" if the server is of another maker. */
const char *x11_version_text(struct arena *arena, const struct x11 *x11);
int x11_screen_count(const struct x11 *x11);

/* RandR 1.4 or later is there: providers can be asked for. */
bool x11_has_providers(const struct x11 *x11);

/*
 * The state of X screen number (-1: the display's). probe: the server asks its outputs anew,
 * which takes its time and may wake a GPU; else it says what it knows. NULL if the server is
 * lost or has no RandR 1.2. What the server can do but does not know of, such as providers, is
 * empty.
 */
struct x11_server *x11_read(struct arena *arena, struct x11 *x11, int screen, bool probe);

/*
 * Sends one request and waits for the answer. NULL if the server took it, else what it said:
 * whether it did what it took shows only when the state is read again. A request that a check
 * forbids in state server is not sent.
 */
const char *x11_send(struct arena *arena, struct x11 *x11, const struct x11_server *server,
	const struct x11_request *request);

/* A text kept in the server for as long as it lives, for all users; NULL if there is none. */
char *x11_note_read(struct arena *arena, struct x11 *x11);
void x11_note_write(struct x11 *x11, const char *text); /* NULL removes it */

/* From now on the descriptor gets readable when a provider, output or CRTC changes. */
bool x11_watch(struct x11 *x11);
int x11_descriptor(const struct x11 *x11);
/* Takes what is there; whether there was a change. */
bool x11_changed(struct x11 *x11);

#endif
