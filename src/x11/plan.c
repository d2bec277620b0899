/* SPDX-License-Identifier: MIT */
#include "x11/plan.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "x11/identify.h"
#include "x11/internal.h"

bool x11_layout_from_name(const char *name, enum x11_layout *layout)
{
	static const char *const names[] = {"right-of", "left-of", "above", "below", "mirror"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!str_eq(name, names[i]))
			continue;
		*layout = (enum x11_layout)i;
		return true;
	}
	return false;
}

void planner_note(struct planner *planner, const char *text)
{
	struct x11_plan *plan = planner->plan;

	*arena_push(planner->arena, plan->notes, plan->note_count) = text;
}

void planner_add(struct planner *planner, const struct x11_request *request)
{
	const struct x11_check *check = x11_forbidden(planner->server, request);

	if (check) {
		/* The rules of planning are such that this is never seen; better a dark output
		 * than a dead server. */
		planner_note(planner, arena_printf(planner->arena, "not asked for: %s (%s)",
					      check->reason, check->name));
		return;
	}
	x11_apply(planner->arena, planner->server, request);
	*arena_push(planner->arena, planner->plan->requests.list, planner->plan->requests.count) =
		*request;
}

struct x11_output_wish planner_wish(const struct x11_wish *wish, const char *name)
{
	struct x11_output_wish one = {.primary = X11_KEEP, .enabled = X11_KEEP, .sync = wish->sync};

	for (size_t i = 0; i < wish->output_count; i++) {
		const struct x11_output_wish *other = &wish->outputs[i];

		if (fnmatch(other->pattern, name, 0) != 0)
			continue;
		if (other->width) {
			one.width = other->width;
			one.height = other->height;
		}
		if (other->rate > 0)
			one.rate = other->rate;
		if (other->placed) {
			one.placed = true;
			one.x = other->x;
			one.y = other->y;
		}
		if (other->rotation)
			one.rotation = other->rotation;
		if (other->primary != X11_KEEP)
			one.primary = other->primary;
		if (other->enabled != X11_KEEP)
			one.enabled = other->enabled;
		if (other->sync != X11_KEEP)
			one.sync = other->sync;
	}
	return one;
}

/* Links every GPU screen whose outputs can show the X screen; false if none was missing. */
static bool plan_links(struct planner *planner)
{
	struct x11_server *server = planner->server;
	const struct x11_provider *screen = x11_screen_provider(server);
	size_t before = planner->plan->requests.count;

	for (size_t i = 0; screen && i < server->provider_count; i++) {
		struct x11_provider *provider = &server->providers[i];
		const struct x11_request request = {
			.action = X11_LINK, .provider = provider->id, .source = screen->id};

		if (provider->screen || provider->output_source || !provider->outputs.count)
			continue;
		if (x11_forbidden(server, &request)) {
			planner_note(planner,
				arena_printf(planner->arena, "%s (0x%x) cannot be linked: %s",
					provider->name, provider->id,
					x11_forbidden(server, &request)->reason));
			continue;
		}
		planner_add(planner, &request);
	}
	return planner->plan->requests.count > before;
}

static void plan_sync(struct planner *planner)
{
	for (size_t i = 0; i < planner->server->output_count; i++) {
		const struct x11_output *output = &planner->server->outputs[i];
		enum x11_answer wanted = planner_wish(planner->wish, output->name).sync;

		if (!output->listed || output->sync < 0 || wanted == X11_KEEP ||
			output->sync == (int)wanted ||
			x11_ids_have(&planner->wish->unsynced, output->id))
			continue;
		planner_add(planner, &(struct x11_request){.action = X11_SYNC,
					     .output = output->id,
					     .value = wanted == X11_YES});
	}
}

/*
 * Whether an output's GPU may go while the server runs. Xorg 21.1.7 dies when the GPU of the
 * primary output does, so that such an output is primary only if somebody asked for it.
 */
static bool may_go(const struct x11_server *server, const struct x11_output *output)
{
	const struct x11_provider *owner = x11_owner(server, output->id);

	if (!owner || owner->screen || x11_is_panel(output))
		return false;
	return !owner->gpu || owner->gpu->external;
}

/* Exactly one lit output is primary: the one the wish names, the one that is, a panel, any. */
static void plan_primary(struct planner *planner)
{
	const struct x11_server *server = planner->server;
	const struct x11_output *best = NULL;
	int best_rank = 0;

	for (size_t i = 0; i < server->output_count; i++) {
		const struct x11_output *output = &server->outputs[i];
		struct x11_output_wish one = planner_wish(planner->wish, output->name);
		int rank = one.primary == X11_YES          ? 4
			   : server->primary == output->id ? 3
			   : x11_is_panel(output)          ? 2
							   : 1;

		if (!output->listed || !x11_is_lit(server, output))
			continue;
		if (one.primary == X11_NO)
			rank = 0;
		if (rank < 3 && may_go(server, output))
			continue;
		if (!best || rank > best_rank) {
			best = output;
			best_rank = rank;
		}
	}
	if (best && best->id != server->primary)
		planner_add(
			planner, &(struct x11_request){.action = X11_PRIMARY, .output = best->id});
}

void x11_plan_step(struct arena *arena, const struct x11_server *server,
	const struct x11_wish *wish, struct x11_plan *plan)
{
	struct planner planner = {
		.arena = arena, .wish = wish, .plan = plan, .server = x11_copy(arena, server)};

	*plan = (struct x11_plan){0};
	if (wish->share && plan_links(&planner))
		return;
	plan_sync(&planner);
	planner_outputs(&planner);
	if (wish->share || wish->output_count)
		plan_primary(&planner);
}

size_t planner_visible(const struct x11_server *server)
{
	size_t count = 0;

	for (size_t i = 0; i < server->output_count; i++)
		count += x11_is_lit(server, &server->outputs[i]) && !server->outputs[i].unplugged;
	return count;
}

const char *x11_harm(struct arena *arena, const struct x11_server *before,
	const struct x11_server *after, const struct x11_wish *wish)
{
	for (size_t i = 0; i < before->output_count; i++) {
		const struct x11_output *was = &before->outputs[i];
		const struct x11_output *now = x11_output(after, was->id);

		if (!x11_is_lit(before, was))
			continue;
		/* What was unplugged in between went dark of itself. */
		if (!now || x11_is_lit(after, now) || now->unplugged)
			continue;
		if (planner_wish(wish, was->name).enabled != X11_NO)
			return arena_printf(arena, "%s went dark", was->name);
	}
	return !planner_visible(after) && planner_visible(before) ? "no output is lit any more"
								  : NULL;
}
