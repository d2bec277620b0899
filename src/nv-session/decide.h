/* SPDX-License-Identifier: MIT */
/*
 * decide: from configuration and server to a mode and what it wishes for.
 */
#ifndef NV_SESSION_DECIDE_H
#define NV_SESSION_DECIDE_H

#include "nv-session/config.h"
#include "nv-session/look.h"
#include "x11/plan.h"

struct decision {
	struct config config;
	enum x11_prime mode; /* in force: never X11_AUTO */
	const char *refused; /* why it cannot be, and what to do; NULL if it can */
	const char *aside; /* what auto would have been but cannot; NULL else */
	struct x11_wish wish; /* empty if refused */
};

/* look must have a server. */
void decide(struct session *session, const struct look *look, struct decision *decision);

/* Why there is nothing to set up with this kind of server, as a sentence; NULL if there may be. */
const char *decide_nothing(struct session *session, const struct look *look);

#endif
