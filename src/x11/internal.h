/* SPDX-License-Identifier: MIT */
/* What the files of x11/ share. */
#ifndef NV_X11_INTERNAL_H
#define NV_X11_INTERNAL_H

#include "x11/plan.h"

/* A plan in the making. server is a copy that each planned request is applied to. */
struct planner {
	struct arena *arena;
	const struct x11_wish *wish;
	struct x11_plan *plan;
	struct x11_server *server;
	bool darkened; /* some output was turned off: the X screen may get smaller */
};

/* plan.c */

/* How many outputs are lit that have a monitor for all that is known. */
size_t planner_visible(const struct x11_server *server);

/* Adds a request that no check forbids, and applies it. */
void planner_add(struct planner *planner, const struct x11_request *request);
void planner_note(struct planner *planner, const char *text);

/* All that is wished of the output of that name. */
struct x11_output_wish planner_wish(const struct x11_wish *wish, const char *name);

/* plan-outputs.c: modes, places and the X screen's size. */
void planner_outputs(struct planner *planner);

/* place.c */

/* One picture on the X screen: a CRTC that is lit, or an output that is to be. */
struct picture {
	struct x11_crtc crtc; /* as it shall be */
	bool is_new; /* dark now */
	bool fixed; /* x and y are given, in the coordinates of the whole */
	bool leaving; /* it will be dark as soon as something else is lit */
};

/* Finds places for the new pictures and moves all so that none has a negative place. */
void place_pictures(struct picture *pictures, size_t count, enum x11_layout layout);

#endif
