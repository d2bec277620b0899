/* SPDX-License-Identifier: MIT */
/*
 * carry: carries a decision out, looks at what came of it, and takes it back if that did harm.
 */
#ifndef NV_SESSION_CARRY_H
#define NV_SESSION_CARRY_H

#include <stdbool.h>
#include <stddef.h>

#include "nv-session/decide.h"

struct carry {
	size_t done; /* requests that the server carried out */
	const char *problem; /* what went wrong, NULL if nothing did */
	bool taken_back; /* so the state before was restored */
	const char **notes; /* what could not be planned, and outputs that refused their mode */
	size_t note_count;
	struct x11_ids refused; /* those outputs */
};

/* look->server is the state before at first and the state after in the end. */
void carry_out(struct session *session, struct look *look, const struct decision *decision,
	struct carry *carry);

/* Restores an earlier state; what cannot be is said on stderr. False if something could not. */
bool carry_back(struct session *session, struct look *look, const struct x11_server *before);

#endif
