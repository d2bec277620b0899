/* SPDX-License-Identifier: MIT */
/* plan-back: the way back to an earlier state, and that state as text. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "x11/internal.h"

static const struct x11_crtc off = {0};

/* How a CRTC was; one that was not there was off. */
static struct x11_crtc as_before(
	struct arena *arena, const struct x11_server *before, const struct x11_crtc *now)
{
	const struct x11_crtc *was = x11_crtc(before, now->id);
	struct x11_crtc crtc = was ? *was : off;

	crtc.id = now->id;
	crtc.rotations = now->rotations;
	crtc.outputs = (struct x11_ids){0};
	for (size_t i = 0; was && i < was->outputs.count; i++)
		x11_ids_add(arena, &crtc.outputs, was->outputs.list[i]);
	return crtc;
}

/* Turns off what shows something it did not show before, so that links and size are free. */
static void darken(struct planner *planner, const struct x11_server *before)
{
	for (size_t i = 0; i < planner->server->crtc_count; i++) {
		const struct x11_crtc *now = &planner->server->crtcs[i];
		struct x11_request request = {
			.action = X11_CRTC, .crtc = as_before(planner->arena, before, now)};

		if (!now->mode || x11_holds(planner->server, &request))
			continue;
		request.crtc.mode = 0;
		request.crtc.outputs.count = 0;
		planner_add(planner, &request);
	}
}

static void relink(struct planner *planner, const struct x11_server *before)
{
	for (size_t i = 0; i < planner->server->provider_count; i++) {
		const struct x11_provider *now = &planner->server->providers[i];
		const struct x11_provider *was = x11_provider(before, now->id);
		struct x11_request request = {.action = X11_LINK, .provider = now->id};

		if (!was || now->screen || was->output_source == now->output_source)
			continue;
		request.source = was->output_source;
		planner_add(planner, &request);
	}
}

static void resize(struct planner *planner, const struct x11_server *before)
{
	const struct x11_request request = {
		.action = X11_SIZE,
		.width = before->width,
		.height = before->height,
		.mm_width = before->mm_width,
		.mm_height = before->mm_height,
	};

	if (before->width && !x11_holds(planner->server, &request))
		planner_add(planner, &request);
}

static void relight(struct planner *planner, const struct x11_server *before)
{
	for (size_t i = 0; i < planner->server->crtc_count; i++) {
		const struct x11_crtc *now = &planner->server->crtcs[i];
		const struct x11_request request = {
			.action = X11_CRTC, .crtc = as_before(planner->arena, before, now)};

		if (request.crtc.mode && !x11_holds(planner->server, &request))
			planner_add(planner, &request);
	}
}

static void resync(struct planner *planner, const struct x11_server *before)
{
	for (size_t i = 0; i < planner->server->output_count; i++) {
		const struct x11_output *now = &planner->server->outputs[i];
		const struct x11_output *was = x11_output(before, now->id);

		if (was && was->sync >= 0 && now->sync >= 0 && was->sync != now->sync)
			planner_add(planner,
				&(struct x11_request){
					.action = X11_SYNC, .output = now->id, .value = was->sync});
	}
}

void x11_plan_back(struct arena *arena, const struct x11_server *now,
	const struct x11_server *before, struct x11_requests *requests)
{
	const struct x11_wish nothing = {.sync = X11_KEEP};
	struct x11_plan plan = {0};
	struct planner planner = {
		.arena = arena, .wish = &nothing, .plan = &plan, .server = x11_copy(arena, now)};
	const struct x11_output *primary = x11_output(now, before->primary);

	darken(&planner, before);
	relink(&planner, before);
	resync(&planner, before);
	resize(&planner, before);
	relight(&planner, before);
	if (now->primary != before->primary && (primary || !before->primary))
		planner_add(&planner,
			&(struct x11_request){.action = X11_PRIMARY, .output = before->primary});
	*requests = plan.requests;
}

/* One line each: "size W H MMW MMH", "primary OUTPUT", "link PROVIDER SOURCE",
 * "sync OUTPUT VALUE", "crtc ID MODE X Y W H ROTATION OUTPUT...". Ids are hexadecimal. */
void x11_state_format(struct buf *out, const struct x11_server *server)
{
	buf_puts(out, "nv-session 1\n");
	buf_printf(out, "size %u %u %u %u\n", server->width, server->height, server->mm_width,
		server->mm_height);
	buf_printf(out, "primary %" PRIx32 "\n", server->primary);
	for (size_t i = 0; i < server->provider_count; i++)
		buf_printf(out, "link %" PRIx32 " %" PRIx32 "\n", server->providers[i].id,
			server->providers[i].output_source);
	for (size_t i = 0; i < server->output_count; i++)
		buf_printf(out, "sync %" PRIx32 " %d\n", server->outputs[i].id,
			server->outputs[i].sync);
	for (size_t i = 0; i < server->crtc_count; i++) {
		const struct x11_crtc *crtc = &server->crtcs[i];

		buf_printf(out, "crtc %" PRIx32 " %" PRIx32 " %d %d %u %u %x", crtc->id, crtc->mode,
			crtc->x, crtc->y, crtc->width, crtc->height, crtc->rotation);
		for (size_t j = 0; j < crtc->outputs.count; j++)
			buf_printf(out, " %" PRIx32, crtc->outputs.list[j]);
		buf_putc(out, '\n');
	}
}

static bool parse_crtc(struct arena *arena, const char *rest, struct x11_server *server)
{
	struct x11_crtc crtc = {0};
	uint32_t output;
	int used = 0;

	if (sscanf(rest, "%" SCNx32 " %" SCNx32 " %d %d %u %u %x%n", &crtc.id, &crtc.mode, &crtc.x,
		    &crtc.y, &crtc.width, &crtc.height, &crtc.rotation, &used) < 7)
		return false;
	for (rest += used; *rest; rest += used) {
		if (sscanf(rest, " %" SCNx32 "%n", &output, &used) < 1)
			return false;
		x11_ids_add(arena, &crtc.outputs, output);
	}
	*arena_push(arena, server->crtcs, server->crtc_count) = crtc;
	return true;
}

static bool parse_line(struct arena *arena, const char *line, struct x11_server *server)
{
	struct x11_provider provider = {.name = ""};
	struct x11_output output = {.name = ""};

	if (str_starts(line, "size "))
		return sscanf(line + 5, "%u %u %u %u", &server->width, &server->height,
			       &server->mm_width, &server->mm_height) == 4;
	if (str_starts(line, "primary "))
		return sscanf(line + 8, "%" SCNx32, &server->primary) == 1;
	if (str_starts(line, "link ")) {
		*arena_push(arena, server->providers, server->provider_count) = provider;
		return sscanf(line + 5, "%" SCNx32 " %" SCNx32,
			       &server->providers[server->provider_count - 1].id,
			       &server->providers[server->provider_count - 1].output_source) == 2;
	}
	if (str_starts(line, "sync ")) {
		*arena_push(arena, server->outputs, server->output_count) = output;
		return sscanf(line + 5, "%" SCNx32 " %d",
			       &server->outputs[server->output_count - 1].id,
			       &server->outputs[server->output_count - 1].sync) == 2;
	}
	return str_starts(line, "crtc ") && parse_crtc(arena, line + 5, server);
}

struct x11_server *x11_state_parse(struct arena *arena, const char *text)
{
	struct x11_server *server = arena_alloc(arena, sizeof(*server));
	bool first = true;

	while (*text) {
		const char *end = strchr(text, '\n'), *line;

		if (!end)
			return NULL;
		line = arena_copy(arena, text, (size_t)(end - text));
		if (first ? !str_eq(line, "nv-session 1") : !parse_line(arena, line, server))
			return NULL;
		first = false;
		text = end + 1;
	}
	return first ? NULL : server;
}
