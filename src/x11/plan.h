/* SPDX-License-Identifier: MIT */
/*
 * plan: from what a server is and what is wanted of it to requests. Pure.
 *
 * A plan is made in steps, because the outputs of a GPU screen can be used only once it is linked:
 * make a plan, carry it out, read the server again, and so on until a plan is empty. An empty
 * plan is also what a server gives that has all it should have.
 */
#ifndef NV_X11_PLAN_H
#define NV_X11_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "x11/request.h"
#include "x11/server.h"

struct arena;

enum x11_layout {
	X11_RIGHT_OF,
	X11_LEFT_OF,
	X11_ABOVE,
	X11_BELOW,
	X11_MIRROR,
};

bool x11_layout_from_name(const char *name, enum x11_layout *layout);

enum x11_answer { X11_KEEP = -1, X11_NO, X11_YES };

/* What the configuration says of the outputs whose names match. */
struct x11_output_wish {
	const char *pattern; /* a glob */
	unsigned width, height; /* 0: the preferred mode */
	double rate; /* Hz, 0: the first of that size */
	bool placed;
	int x, y; /* if placed */
	unsigned rotation; /* enum x11_rotation, 0: as it is */
	enum x11_answer primary, enabled, sync;
};

struct x11_wish {
	bool share; /* sync or reverse sync: other GPUs' outputs show the X screen */
	enum x11_layout layout;
	enum x11_answer sync; /* "PRIME Synchronization" of outputs that have it */
	const struct x11_output_wish
		*outputs; /* all that match count, later ones beating earlier */
	size_t output_count;
	struct x11_ids
		left_out; /* outputs that are dark on purpose: to be lit only if nothing else is */
	struct x11_ids refused; /* outputs that refused their mode: never to be lit */
	bool rescue; /* where nothing that is plugged in is lit, light something */
	struct x11_ids unsynced; /* outputs whose synchronization cannot be changed */
	bool drop_unplugged; /* turn off outputs whose monitor is gone */
};

struct x11_plan {
	struct x11_requests requests;
	const char **notes; /* what could not be planned, and why; each for one line */
	size_t note_count;
};

/*
 * The next step. Outputs that are lit keep mode, position, rotation and primary unless an output
 * wish says otherwise; with a layout to the left or above, all of them move together.
 */
void x11_plan_step(struct arena *arena, const struct x11_server *server,
	const struct x11_wish *wish, struct x11_plan *plan);

/*
 * Why what was done must be taken back, or NULL: nothing that is plugged in is lit any more, or an
 * output that was lit is not and the wish did not ask for that.
 */
const char *x11_harm(struct arena *arena, const struct x11_server *before,
	const struct x11_server *after, const struct x11_wish *wish);

/*
 * Requests that lead back to an earlier state, as far as GPUs and outputs are still there. With
 * left, the state that setup left behind, only what is still as in it: what was changed since is
 * somebody else's. False if not all can be taken back, as nothing would be lit any more.
 */
bool x11_plan_back(struct arena *arena, const struct x11_server *now,
	const struct x11_server *before, const struct x11_server *left,
	struct x11_requests *requests);

/* Makes what was changed since setup left a state part of the one to lead back to. */
void x11_state_rebase(struct arena *arena, struct x11_server *before, const struct x11_server *left,
	const struct x11_server *now);

/* The state as text, for as much as x11_plan_back needs of it, and back again. */
void x11_state_format(struct buf *out, const struct x11_server *server);
/* NULL if the text is malformed. */
struct x11_server *x11_state_parse(struct arena *arena, const char *text);

#endif
