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
	const char **notes; /* what could not be planned or had no effect, and who refused a mode */
	size_t note_count;
	struct x11_ids refused; /* those outputs */
	struct x11_server
		*before; /* what reset will lead back to; NULL while nothing was changed */
};

/*
 * look->server is the state before at first and the state after in the end. If an output refuses
 * its mode, all is taken back, unless insist is set or nothing was lit before: then it is left
 * out.
 */
void carry_out(struct session *session, struct look *look, const struct decision *decision,
	bool insist, struct carry *carry);

/* Prints notes as warnings. */
void carry_warn(const struct carry *carry);

/* Restores an earlier state, as x11_plan_back; what cannot be is said on stderr. False then. */
bool carry_back(struct session *session, struct look *look, const struct x11_server *before,
	const struct x11_server *left);

/* What setup noted in the server: the state before it, NULL without a note, and the one it left,
 * NULL if it did not end well. False if the note makes no sense. */
bool carry_note_read(struct session *session, struct look *look, struct x11_server **before,
	struct x11_server **left);

#endif
