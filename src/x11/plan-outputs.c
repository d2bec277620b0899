/* SPDX-License-Identifier: MIT */
/* plan-outputs: which outputs are lit, in which mode, by which CRTC and where. */
#include "base/mem.h"
#include "x11/internal.h"

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
		if (mode && pick_is_scaled(crtc, mode))
			one = (struct x11_output_wish){
				.placed = one.placed, .x = one.x, .y = one.y};
		if (output && (one.width || one.rate > 0)) {
			const struct x11_mode *wished = pick_wished(planner, output, &one);

			if (!wished)
				planner_note(
					planner, arena_printf(planner->arena,
							 "%s has no such mode: it keeps its own",
							 output->name));
			/* The mode in force may be as good as the one found first. */
			else if (!mode || pick_distance(mode, &one) < 0 ||
				 pick_distance(mode, &one) > pick_distance(wished, &one))
				mode = wished;
		}
		if (mode && (mode->id != crtc->mode || one.rotation))
			pick_set(&picture.crtc, mode, pick_rotation(crtc, &one, crtc->rotation));
		if (one.placed) {
			picture.fixed = true;
			picture.crtc.x = one.x;
			picture.crtc.y = one.y;
		}
		picture.leaving = output && (output->unplugged || is_to_go(planner, output));
		*arena_push(planner->arena, pictures->list, pictures->count) = picture;
	}
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
	planner_light(planner, &pictures);
	planner_fit(planner, &pictures);
	if (planner->darkened)
		pictures_pull_back(&pictures);
	note_stay(planner, &pictures);
	pictures_extent(&pictures, &width, &height);
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
