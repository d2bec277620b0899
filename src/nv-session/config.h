/* SPDX-License-Identifier: MIT */
/*
 * config: what the administrator and the user want: nv-run-session.conf(5).
 *
 * In this order, later ones winning: /etc/nv-run/session.conf; the user's own, but not for a
 * display manager's hook; nv-session.mode= on the kernel command line; options.
 */
#ifndef NV_SESSION_CONFIG_H
#define NV_SESSION_CONFIG_H

#include <stddef.h>

#include "x11/mode.h"
#include "x11/plan.h"

struct session;

struct config {
	enum x11_prime mode; /* as asked for: may be X11_AUTO */
	const char *mode_from; /* "option", "/etc/nv-run/session.conf:3", ... */
	enum x11_layout layout;
	enum x11_answer sync;
	struct x11_output_wish *outputs;
	size_t output_count;
	const char **mistakes; /* "file:line:column: what"; what they are about is as if not said */
	size_t mistake_count;
};

/* Never fails: what cannot be read or understood becomes a mistake. */
void config_read(struct session *session, struct config *config);

/* Prints the mistakes as warnings. */
void config_warn(const struct config *config);

#endif
