/* SPDX-License-Identifier: MIT */
/* pick: which mode and rotation an output gets. */
#include "x11/internal.h"

/* How far a mode is from the wished one; negative if it is of another size. */
double pick_distance(const struct x11_mode *mode, const struct x11_output_wish *one)
{
	double away = mode->rate - one->rate;

	if (one->width && (mode->width != one->width || mode->height != one->height))
		return -1;
	return one->rate > 0 ? (away < 0 ? -away : away) : 0;
}

/* The wished mode, or NULL: the first of an output's list is what it prefers. */
const struct x11_mode *pick_wished(const struct planner *planner, const struct x11_output *output,
	const struct x11_output_wish *one)
{
	const struct x11_mode *best = NULL, *first = NULL;
	struct x11_output_wish sized = *one;

	for (size_t i = 0; i < output->modes.count && !first; i++)
		first = x11_mode(planner->server, output->modes.list[i]);
	/* A rate alone is one for the preferred size. */
	if (first && !sized.width) {
		sized.width = first->width;
		sized.height = first->height;
	}
	for (size_t i = 0; i < output->modes.count; i++) {
		const struct x11_mode *mode = x11_mode(planner->server, output->modes.list[i]);
		double away = mode ? pick_distance(mode, &sized) : -1;

		if (away >= 0 && away < 1.0 && (!best || away < pick_distance(best, &sized)))
			best = mode;
	}
	return best;
}

const struct x11_mode *pick_mode(const struct planner *planner, const struct x11_output *output,
	const struct x11_output_wish *one)
{
	const struct x11_mode *mode = pick_wished(planner, output, one);
	const struct x11_output_wish preferred = {0};

	return mode ? mode : pick_wished(planner, output, &preferred);
}

void pick_set(struct x11_crtc *crtc, const struct x11_mode *mode, unsigned rotation)
{
	bool sideways = rotation & (X11_ROTATE_90 | X11_ROTATE_270);

	crtc->mode = mode->id;
	crtc->rotation = rotation;
	crtc->width = sideways ? mode->height : mode->width;
	crtc->height = sideways ? mode->width : mode->height;
}

unsigned pick_rotation(const struct x11_crtc *crtc, const struct x11_output_wish *one, unsigned now)
{
	const unsigned reflections = X11_REFLECT_X | X11_REFLECT_Y;

	return one->rotation && crtc->rotations & one->rotation
		       ? one->rotation | (now & reflections)
		       : now;
}

bool pick_is_scaled(const struct x11_crtc *crtc, const struct x11_mode *mode)
{
	struct x11_crtc plain = *crtc;

	pick_set(&plain, mode, crtc->rotation);
	return plain.width != crtc->width || plain.height != crtc->height;
}
