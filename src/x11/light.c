/* SPDX-License-Identifier: MIT */
/* light: which dark outputs are lit, and by which CRTC. */
#include "base/mem.h"
#include "x11/internal.h"

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
		mode = pick_mode(planner, need->output, &one);
	if (mode && one.width && (mode->width != one.width || mode->height != one.height))
		planner_note(
			planner, arena_printf(planner->arena, "%s has no mode %ux%u: it gets %ux%u",
					 need->output->name, one.width, one.height, mode->width,
					 mode->height));
	picture.crtc = *need->crtc;
	picture.crtc.outputs = (struct x11_ids){0};
	x11_ids_add(planner->arena, &picture.crtc.outputs, need->output->id);
	pick_set(&picture.crtc, mode, pick_rotation(need->crtc, &one, X11_ROTATE_0));
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

void planner_light(struct planner *planner, struct pictures *pictures)
{
	const struct x11_output *rescue = NULL;
	struct needs needs = {0};

	for (size_t i = 0; i < planner->server->output_count; i++) {
		const struct x11_output *output = &planner->server->outputs[i];

		if (!is_wanted(planner, output))
			continue;
		if (!pick_mode(planner, output, &(struct x11_output_wish){0}))
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
