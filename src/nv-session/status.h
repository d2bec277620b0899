/* SPDX-License-Identifier: MIT */
/* status: what the status command gathers, and how it is shown. */
#ifndef NV_SESSION_STATUS_H
#define NV_SESSION_STATUS_H

#include <stdbool.h>
#include <stddef.h>

#include "nv-session/decide.h"
#include "nv-session/look.h"
#include "nv-session/renderer.h"
#include "nv-session/show.h"
#include "nv-session/wayland.h"

struct status {
	const char *type; /* "x11", "wayland" or "tty": the session the environment tells of */
	bool connected; /* to an X server */
	struct look look;
	struct decision decision; /* for an Xorg */
	enum x11_prime mode; /* that is in force there */
	struct wayland wayland;
	const char *nothing; /* why there is nothing to set up; NULL if there may be */
	struct renderer_findings renderers; /* of the desktop, and of nv-run's programs */
	const char *file; /* the session file, NULL if it has no place */
	bool file_fresh;
	const char **problems; /* with what to do about each */
	size_t problem_count;
};

/* status-show.c: the exit status. */
int status_show(struct session *session, const struct status *status);

#endif
