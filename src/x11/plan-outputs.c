/* SPDX-License-Identifier: MIT */
/* plan-outputs: which outputs are lit, in which mode, by which CRTC and where. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "x11/internal.h"

/* The pictures of a plan: one for each CRTC that is or will be lit. */
struct pictures {
	struct picture *list;
	size_t count;
};

static void turn_off(struct planner *planner, const struct x11_output *output)
{
	struct x11_request request = {.action = X11_CRTC};
	const struct x11_crtc *crtc = x11_crtc(planner->server, output->crtc);

	request.crtc = *crtc;
	request.crtc.outputs = (struct x11_ids){0};
	/* Others that show the same picture go on. */
	for (size_t i = 0; i < crtc->outputs.count; i++) {
		if (crtc->outputs.list[i] != output->id)
			x11_ids_add(planner->arena, &request.crtc.outputs, crtc->outputs.list[i]);
	}
	if (!request.crtc.outputs.count)
		request.crtc.mode = 0;
	planner_add(planner, &request);
}

/* Whether an output that is lit is to be dark: the wish says so, or its monitor is gone. Outputs of
 * the X screen's own GPU are the desktop's affair. */
static bool is_to_go(const struct planner *planner, const struct x11_output *output)
{
	const struct x11_provider *owner = x11_owner(planner->server, output->id);

	if (!x11_is_lit(planner->server, output))
		return false;
	if (planner_wish(planner->wish, output->name).enabled == X11_NO)
		return true;
	return planner->wish->drop_unplugged && output->unplugged && owner && !owner->screen;
}

static bool any_stays(const struct planner *planner)
{
	for (size_t i = 0; i < planner->server->output_count; i++) {
		const struct x11_output *output = &planner->server->outputs[i];

		if (x11_is_lit(planner->server, output) && !output->unplugged &&
			!is_to_go(planner, output))
			return true;
	}
	return false;
}

/* Turns off what is to go; while nothing else is lit, that waits. */
static void plan_darkness(struct planner *planner)
{
	bool stays = any_stays(planner);

	for (size_t i = 0; stays && i < planner->server->output_count; i++) {
		const struct x11_output *output = &planner->server->outputs[i];

		if (!is_to_go(planner, output))
			continue;
		turn_off(planner, output);
		planner->darkened = true;
	}
}

/* How far a mode is from the wished one; negative if it is of another size. */
static double distance(const struct x11_mode *mode, const struct x11_output_wish *one)
{
	double away = mode->rate - one->rate;

	if (one->width && (mode->width != one->width || mode->height != one->height))
		return -1;
	return one->rate > 0 ? (away < 0 ? -away : away) : 0;
}

/* The wished mode, or NULL: the first of an output's list is what it prefers. */
static const struct x11_mode *wished_mode(const struct planner *planner,
	const struct x11_output *output, const struct x11_output_wish *one)
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
		double away = mode ? distance(mode, &sized) : -1;

		if (away >= 0 && away < 1.0 && (!best || away < distance(best, &sized)))
			best = mode;
	}
	return best;
}

static const struct x11_mode *choose_mode(const struct planner *planner,
	const struct x11_output *output, const struct x11_output_wish *one)
{
	const struct x11_mode *mode = wished_mode(planner, output, one);
	const struct x11_output_wish preferred = {0};

	return mode ? mode : wished_mode(planner, output, &preferred);
}

static void set_mode(struct x11_crtc *crtc, const struct x11_mode *mode, unsigned rotation)
{
	bool sideways = rotation & (X11_ROTATE_90 | X11_ROTATE_270);

	crtc->mode = mode->id;
	crtc->rotation = rotation;
	crtc->width = sideways ? mode->height : mode->width;
	crtc->height = sideways ? mode->width : mode->height;
}

static unsigned choose_rotation(
	const struct x11_crtc *crtc, const struct x11_output_wish *one, unsigned now)
{
	const unsigned reflections = X11_REFLECT_X | X11_REFLECT_Y;

	return one->rotation && crtc->rotations & one->rotation
		       ? one->rotation | (now & reflections)
		       : now;
}

static bool is_scaled(const struct x11_crtc *crtc, const struct x11_mode *mode)
{
	struct x11_crtc plain = *crtc;

	set_mode(&plain, mode, crtc->rotation);
	return plain.width != crtc->width || plain.height != crtc->height;
}

/* Pictures that are there; an output's wish changes what it says and nothing else. */
static void add_lit(struct planner *planner, struct pictures *pictures)
{
	for (size_t i = 0; i < planner->server->crtc_count; i++) {
		const struct x11_crtc *crtc = &planner->server->crtcs[i];
		const struct x11_output *output;
		const struct x11_mode *mode;
		struct x11_output_wish one;
		struct picture picture = {.crtc = *crtc};

		if (!crtc->mode || !crtc->outputs.count)
			continue;
		output = x11_output(planner->server, crtc->outputs.list[0]);
		one = planner_wish(planner->wish, output ? output->name : "");
		mode = x11_mode(planner->server, crtc->mode);
		/* A rate alone is one for the size in force. */
		if (mode && one.rate > 0 && !one.width) {
			one.width = mode->width;
			one.height = mode->height;
		}
		/* What is scaled has a size that is not its mode's: it is left as it is. */
		if (mode && is_scaled(crtc, mode))
			one = (struct x11_output_wish){
				.placed = one.placed, .x = one.x, .y = one.y};
		if (output && (one.width || one.rate > 0)) {
			const struct x11_mode *wished = wished_mode(planner, output, &one);

			if (!wished)
				planner_note(
					planner, arena_printf(planner->arena,
							 "%s has no such mode: it keeps its own",
							 output->name));
			/* The mode in force may be as good as the one found first. */
			else if (!mode || distance(mode, &one) < 0 ||
				 distance(mode, &one) > distance(wished, &one))
				mode = wished;
		}
		if (mode && (mode->id != crtc->mode || one.rotation))
			set_mode(&picture.crtc, mode, choose_rotation(crtc, &one, crtc->rotation));
		if (one.placed) {
			picture.fixed = true;
			picture.crtc.x = one.x;
			picture.crtc.y = one.y;
		}
		picture.leaving = output && (output->unplugged || is_to_go(planner, output));
		*arena_push(planner->arena, pictures->list, pictures->count) = picture;
	}
}

/* Whether a dark output could be lit. */
static bool is_ready(const struct planner *planner, const struct x11_output *output)
{
	return output->listed && output->connected && output->modes.count &&
	       !x11_is_lit(planner->server, output) &&
	       !x11_ids_have(&planner->wish->refused, output->id);
}

/* Whether a dark output is one to light. */
static bool is_wanted(struct planner *planner, const struct x11_output *output)
{
	enum x11_answer enabled = planner_wish(planner->wish, output->name).enabled;
	const struct x11_provider *owner = x11_owner(planner->server, output->id);

	if (enabled == X11_YES && output->connected && !output->listed && !planner->wish->share)
		planner_note(planner, arena_printf(planner->arena,
					      "%s stays dark: in this mode its GPU is not linked "
					      "to the X screen's",
					      output->name));
	if (!output->listed || !output->connected || x11_is_lit(planner->server, output) ||
		enabled == X11_NO || x11_ids_have(&planner->wish->left_out, output->id) ||
		x11_ids_have(&planner->wish->refused, output->id))
		return false;
	return enabled == X11_YES ||
	       (planner->wish->share && owner && !owner->screen && owner->output_source);
}

/* An output in need of a CRTC, and the one it has. */
struct need {
	const struct x11_output *output;
	struct x11_crtc *crtc;
	bool tried;
};

struct needs {
	struct need *list;
	size_t count;
};

static struct need *user_of(struct needs *needs, const struct x11_crtc *crtc)
{
	for (size_t i = 0; i < needs->count; i++) {
		if (needs->list[i].crtc == crtc)
			return &needs->list[i];
	}
	return NULL;
}

/* Gives one need a CRTC, making others take another of theirs if need be: as many outputs are
 * served as can be (augmenting paths; each need is tried once a round). */
static bool serve(struct planner *planner, struct needs *needs, struct need *need)
{
	if (need->tried)
		return false;
	need->tried = true;
	for (size_t i = 0; i < need->output->crtcs.count; i++) {
		struct x11_crtc *crtc = x11_crtc(planner->server, need->output->crtcs.list[i]);
		struct need *other = crtc ? user_of(needs, crtc) : NULL;

		if (!crtc || crtc->mode)
			continue;
		if (!other || serve(planner, needs, other)) {
			need->crtc = crtc;
			return true;
		}
	}
	return false;
}

static void assign_crtcs(struct planner *planner, struct needs *needs)
{
	for (size_t i = 0; i < needs->count; i++) {
		for (size_t j = 0; j < needs->count; j++)
			needs->list[j].tried = false;
		serve(planner, needs, &needs->list[i]);
	}
}

/* A mirror shows the same part of the X screen: a mode of the picture's size, if there is one. */
static const struct x11_mode *mirror_mode(const struct planner *planner,
	const struct pictures *pictures, const struct x11_output *output)
{
	for (size_t i = 0; pictures->count && i < output->modes.count; i++) {
		const struct x11_mode *mode = x11_mode(planner->server, output->modes.list[i]);

		if (mode && mode->width == pictures->list[0].crtc.width &&
			mode->height == pictures->list[0].crtc.height)
			return mode;
	}
	return NULL;
}

static void add_new(struct planner *planner, struct pictures *pictures, const struct need *need)
{
	struct x11_output_wish one = planner_wish(planner->wish, need->output->name);
	const struct x11_mode *mode = NULL;
	struct picture picture = {.is_new = true};

	if (planner->wish->layout == X11_MIRROR && !one.width && !one.placed)
		mode = mirror_mode(planner, pictures, need->output);
	if (!mode)
		mode = choose_mode(planner, need->output, &one);
	if (mode && one.width && (mode->width != one.width || mode->height != one.height))
		planner_note(
			planner, arena_printf(planner->arena, "%s has no mode %ux%u: it gets %ux%u",
					 need->output->name, one.width, one.height, mode->width,
					 mode->height));
	picture.crtc = *need->crtc;
	picture.crtc.outputs = (struct x11_ids){0};
	x11_ids_add(planner->arena, &picture.crtc.outputs, need->output->id);
	set_mode(&picture.crtc, mode, choose_rotation(need->crtc, &one, X11_ROTATE_0));
	if (one.placed) {
		picture.fixed = true;
		picture.crtc.x = one.x;
		picture.crtc.y = one.y;
	}
	*arena_push(planner->arena, pictures->list, pictures->count) = picture;
}

/* The output that people see something on where else they would see nothing: a panel, or any. */
static const struct x11_output *find_rescue(const struct planner *planner)
{
	const struct x11_output *best = NULL;

	for (size_t i = 0; i < planner->server->output_count; i++) {
		const struct x11_output *output = &planner->server->outputs[i];

		if (is_ready(planner, output) &&
			(!best || (x11_is_panel(output) && !x11_is_panel(best))))
			best = output;
	}
	return best;
}

static void add_dark(struct planner *planner, struct pictures *pictures)
{
	const struct x11_output *rescue = NULL;
	struct needs needs = {0};

	for (size_t i = 0; i < planner->server->output_count; i++) {
		const struct x11_output *output = &planner->server->outputs[i];

		if (!is_wanted(planner, output))
			continue;
		if (!choose_mode(planner, output, &(struct x11_output_wish){0}))
			planner_note(
				planner, arena_printf(planner->arena,
						 "%s stays dark: it has no mode", output->name));
		else
			*arena_push(planner->arena, needs.list, needs.count) =
				(struct need){.output = output};
	}
	if (!needs.count && planner->wish->rescue && !planner_visible(planner->server))
		rescue = find_rescue(planner);
	if (rescue)
		*arena_push(planner->arena, needs.list, needs.count) =
			(struct need){.output = rescue};
	assign_crtcs(planner, &needs);
	for (size_t i = 0; i < needs.count; i++) {
		if (needs.list[i].crtc)
			add_new(planner, pictures, &needs.list[i]);
		else
			planner_note(
				planner, arena_printf(planner->arena,
						 "%s stays dark: its GPU has no CRTC left for it",
						 needs.list[i].output->name));
	}
}

static void extent(const struct pictures *pictures, unsigned *width, unsigned *height)
{
	for (size_t i = 0; i < pictures->count; i++) {
		const struct x11_crtc *crtc = &pictures->list[i].crtc;

		if ((unsigned)crtc->x + crtc->width > *width)
			*width = (unsigned)crtc->x + crtc->width;
		if ((unsigned)crtc->y + crtc->height > *height)
			*height = (unsigned)crtc->y + crtc->height;
	}
}

static bool is_changed(const struct planner *planner, const struct picture *picture)
{
	const struct x11_request request = {.action = X11_CRTC, .crtc = picture->crtc};

	return !x11_holds(planner->server, &request);
}

/*
 * Gives up the last new picture, or else the last change to one that is there; false if there is
 * nothing to give up.
 */
static bool give_up(struct planner *planner, struct pictures *pictures, const char *why)
{
	struct picture *picture;
	size_t i = pictures->count;

	while (i && !pictures->list[i - 1].is_new && !is_changed(planner, &pictures->list[i - 1]))
		i--;
	if (!i)
		return false;
	picture = &pictures->list[i - 1];
	planner_note(
		planner, arena_printf(planner->arena, "%s %s: %s",
				 x11_output(planner->server, picture->crtc.outputs.list[0])->name,
				 picture->is_new ? "stays dark"
						 : "keeps its mode and place, not the wished one",
				 why));
	if (picture->is_new)
		pictures->count--;
	else
		*picture = (struct picture){.crtc = *x11_crtc(planner->server, picture->crtc.id)};
	return true;
}

/* memcpy takes no NULL, not even for nothing. */
static void copy_pictures(struct picture *to, const struct picture *from, size_t count)
{
	if (count)
		memcpy(to, from, count * sizeof(*to));
}

/* Where something was taken away, what is left moves to the corner, so that no part of the X
 * screen is shown by nobody. Places that were asked for stay. */
static void pull_back(const struct pictures *pictures)
{
	int left = INT_MAX, top = INT_MAX;

	for (size_t i = 0; i < pictures->count; i++) {
		const struct picture *picture = &pictures->list[i];

		if (picture->fixed)
			return;
		left = picture->crtc.x < left ? picture->crtc.x : left;
		top = picture->crtc.y < top ? picture->crtc.y : top;
	}
	for (size_t i = 0; i < pictures->count; i++) {
		pictures->list[i].crtc.x -= left;
		pictures->list[i].crtc.y -= top;
	}
}

/* Places pictures; gives up one after the other while the X screen would be too large. */
static void fit(struct planner *planner, struct pictures *pictures)
{
	const struct x11_server *server = planner->server;
	struct picture *wished = arena_alloc(planner->arena, pictures->count * sizeof(*wished) + 1);
	unsigned width, height;

	do {
		copy_pictures(wished, pictures->list, pictures->count);
		width = height = 0;
		place_pictures(pictures->list, pictures->count, planner->wish->layout);
		extent(pictures, &width, &height);
		if (width <= server->max_width && height <= server->max_height)
			return;
		copy_pictures(pictures->list, wished, pictures->count);
	} while (give_up(planner, pictures,
		arena_printf(planner->arena,
			"with it the X screen would be %ux%u, the server's limit is %ux%u", width,
			height, server->max_width, server->max_height)));
}

static void plan_size(struct planner *planner, unsigned width, unsigned height)
{
	struct x11_server *server = planner->server;
	struct x11_request request = {.action = X11_SIZE};

	if (width == server->width && height == server->height)
		return;
	request.width = width;
	request.height = height;
	/* The same dots per inch as before. */
	request.mm_width =
		server->width ? (unsigned)((unsigned long)server->mm_width * width / server->width)
			      : 0;
	request.mm_height =
		server->height
			? (unsigned)((unsigned long)server->mm_height * height / server->height)
			: 0;
	planner_add(planner, &request);
}

/* An output that should be dark and is the last one. */
static void note_stay(struct planner *planner, const struct pictures *pictures)
{
	for (size_t i = 0; i < pictures->count; i++) {
		if (pictures->list[i].is_new || !pictures->list[i].leaving)
			return;
	}
	for (size_t i = 0; i < planner->server->output_count; i++) {
		const struct x11_output *output = &planner->server->outputs[i];

		if (x11_is_lit(planner->server, output) &&
			planner_wish(planner->wish, output->name).enabled == X11_NO)
			planner_note(
				planner, arena_printf(planner->arena,
						 "%s stays on: nothing else is lit", output->name));
	}
}

void planner_outputs(struct planner *planner)
{
	struct pictures pictures = {0};
	unsigned width = 0, height = 0, wide = planner->server->width,
		 high = planner->server->height;

	plan_darkness(planner);
	add_lit(planner, &pictures);
	add_dark(planner, &pictures);
	fit(planner, &pictures);
	if (planner->darkened)
		pull_back(&pictures);
	note_stay(planner, &pictures);
	extent(&pictures, &width, &height);
	/* Room first; what has become too much goes when nothing is there any more. */
	plan_size(planner, width > wide ? width : wide, height > high ? height : high);
	for (size_t i = 0; i < pictures.count; i++) {
		const struct x11_request request = {
			.action = X11_CRTC, .crtc = pictures.list[i].crtc};

		if (!x11_holds(planner->server, &request))
			planner_add(planner, &request);
	}
	if (planner->darkened && width && height)
		plan_size(planner, width, height);
}
