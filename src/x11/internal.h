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

/* One picture on the X screen: a CRTC that is lit, or an output that is to be. */
struct picture {
	struct x11_crtc crtc; /* as it shall be */
	bool is_new; /* dark now */
	bool fixed; /* x and y are given, in the coordinates of the whole */
	bool leaving; /* it will be dark as soon as something else is lit */
};

struct pictures {
	struct picture *list;
	size_t count;
};

/* pick.c */

/* How far a mode is from the wished one, in Hz; negative if it is of another size. */
double pick_distance(const struct x11_mode *mode, const struct x11_output_wish *one);
/* The wished mode, or NULL: the first of an output's list is what it prefers. */
const struct x11_mode *pick_wished(const struct planner *planner, const struct x11_output *output,
	const struct x11_output_wish *one);
/* The wished mode, or else the preferred one; NULL if the output has none. */
const struct x11_mode *pick_mode(const struct planner *planner, const struct x11_output *output,
	const struct x11_output_wish *one);
void pick_set(struct x11_crtc *crtc, const struct x11_mode *mode, unsigned rotation);
unsigned pick_rotation(
	const struct x11_crtc *crtc, const struct x11_output_wish *one, unsigned now);
/* Whether a CRTC shows more or less than its mode's size. */
bool pick_is_scaled(const struct x11_crtc *crtc, const struct x11_mode *mode);

/* light.c: adds pictures of dark outputs that are to be lit. */
void planner_light(struct planner *planner, struct pictures *pictures);

/* place.c */

/* The X screen that pictures need. */
void pictures_extent(const struct pictures *pictures, unsigned *width, unsigned *height);
/* Moves all to the corner of the X screen, unless one has a place of its own. */
void pictures_pull_back(const struct pictures *pictures);
/* Finds places for the new pictures, and moves all so that none has a negative one. Gives one up
 * after the other while the X screen would be too large. */
void planner_fit(struct planner *planner, struct pictures *pictures);

#endif
