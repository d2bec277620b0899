/* SPDX-License-Identifier: MIT */
/* plan-back: the way back to an earlier state, and that state as text. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "x11/internal.h"

/* What leads where. */
struct way {
	struct planner planner;
	const struct x11_server *now, *before, *left; /* left may be NULL */
	bool gentle; /* nothing is turned off: it is all that is lit */
};

/* Whether a CRTC is still as setup left it; what is not is somebody else's. */
static bool is_ours(const struct way *way, const struct x11_crtc *now)
{
	struct x11_request request = {.action = X11_CRTC};
	const struct x11_crtc *left = way->left ? x11_crtc(way->left, now->id) : NULL;

	if (!way->left)
		return true;
	if (!left)
		return false;
	request.crtc = *left;
	return x11_holds(way->now, &request);
}

/* How a CRTC was; one that was not there was off. */
static struct x11_crtc as_before(const struct way *way, const struct x11_crtc *now)
{
	const struct x11_crtc *was = x11_crtc(way->before, now->id);
	struct x11_crtc crtc = was ? *was : (struct x11_crtc){0};

	if (!is_ours(way, now))
		return *now;
	crtc.id = now->id;
	crtc.rotations = now->rotations;
	crtc.outputs = (struct x11_ids){0};
	for (size_t i = 0; was && i < was->outputs.count; i++)
		x11_ids_add(way->planner.arena, &crtc.outputs, was->outputs.list[i]);
	return crtc;
}

/* Turns off what was off, so that links are free. */
static void darken(struct way *way)
{
	const struct x11_server *now = way->now;

	for (size_t i = 0; i < now->crtc_count; i++) {
		struct x11_request request = {
			.action = X11_CRTC, .crtc = as_before(way, &now->crtcs[i])};

		if (now->crtcs[i].mode && !request.crtc.mode && !way->gentle)
			planner_add(&way->planner, &request);
	}
}

static bool link_is_ours(const struct way *way, const struct x11_provider *now)
{
	const struct x11_provider *left = way->left ? x11_provider(way->left, now->id) : NULL;

	return !way->left || (left && left->output_source == now->output_source);
}

static void relink(struct way *way)
{
	const struct x11_server *now = way->now;

	for (size_t i = 0; i < now->provider_count; i++) {
		const struct x11_provider *provider = &now->providers[i];
		const struct x11_provider *was = x11_provider(way->before, provider->id);
		struct x11_request request = {.action = X11_LINK, .provider = provider->id};

		if (!was || provider->screen || was->output_source == provider->output_source ||
			!link_is_ours(way, provider))
			continue;
		request.source = was->output_source;
		/* Where somebody lit an output since, the link has to stay. */
		if (!x11_forbidden(way->planner.server, &request))
			planner_add(&way->planner, &request);
	}
}

static void resize(struct way *way, unsigned width, unsigned height)
{
	const struct x11_request request = {
		.action = X11_SIZE,
		.width = width,
		.height = height,
		.mm_width = way->before->mm_width,
		.mm_height = way->before->mm_height,
	};

	if (width && height && !x11_holds(way->planner.server, &request) &&
		!x11_forbidden(way->planner.server, &request))
		planner_add(&way->planner, &request);
}

/* Each from one mode to the other at once: nothing is dark in between. */
static void relight(struct way *way)
{
	const struct x11_server *now = way->now;

	for (size_t i = 0; i < now->crtc_count; i++) {
		const struct x11_request request = {
			.action = X11_CRTC, .crtc = as_before(way, &now->crtcs[i])};

		if (request.crtc.mode && !x11_holds(way->planner.server, &request) &&
			!x11_forbidden(way->planner.server, &request))
			planner_add(&way->planner, &request);
	}
}

static void resync(struct way *way)
{
	const struct x11_server *now = way->now;

	for (size_t i = 0; i < now->output_count; i++) {
		const struct x11_output *output = &now->outputs[i];
		const struct x11_output *was = x11_output(way->before, output->id);

		if (was && was->sync >= 0 && output->sync >= 0 && was->sync != output->sync &&
			x11_output(way->planner.server, output->id)->sync >= 0)
			planner_add(&way->planner, &(struct x11_request){.action = X11_SYNC,
							   .output = output->id,
							   .value = was->sync});
	}
}

static void restore_primary(struct way *way)
{
	const struct x11_server *now = way->now;
	const struct x11_request request = {.action = X11_PRIMARY, .output = way->before->primary};

	if (now->primary == way->before->primary ||
		(way->left && now->primary != way->left->primary) ||
		(request.output && !x11_output(now, request.output)) ||
		x11_forbidden(way->planner.server, &request))
		return;
	planner_add(&way->planner, &request);
}

static void go(struct way *way)
{
	const struct x11_server *now = way->now;
	const struct x11_server *before = way->before;
	bool size_is_ours =
		!way->left || (now->width == way->left->width && now->height == way->left->height);

	darken(way);
	relink(way);
	resync(way);
	/* Room for both first. */
	resize(way, now->width > before->width ? now->width : before->width,
		now->height > before->height ? now->height : before->height);
	relight(way);
	if (size_is_ours)
		resize(way, before->width, before->height);
	else
		resize(way, now->width, now->height);
	restore_primary(way);
}

static bool was_dark(const struct x11_server *before)
{
	for (size_t i = 0; i < before->crtc_count; i++) {
		if (before->crtcs[i].mode)
			return false;
	}
	return true;
}

bool x11_plan_back(struct arena *arena, const struct x11_server *now,
	const struct x11_server *before, const struct x11_server *left,
	struct x11_requests *requests)
{
	static const struct x11_wish nothing = {.sync = X11_KEEP};

	for (int gentle = 0; gentle < 2; gentle++) {
		struct x11_plan plan = {0};
		struct way way = {
			.planner = {arena, &nothing, &plan, x11_copy(arena, now), false},
			.now = now,
			.before = before,
			.left = left,
			.gentle = gentle,
		};

		go(&way);
		*requests = plan.requests;
		/* What was lit then has no monitor now: that is no reason to see nothing. */
		if (gentle || planner_visible(way.planner.server) || !planner_visible(now) ||
			was_dark(before))
			return !gentle;
	}
	return false;
}

void x11_state_rebase(struct arena *arena, struct x11_server *before, const struct x11_server *left,
	const struct x11_server *now)
{
	for (size_t i = 0; i < now->crtc_count; i++) {
		const struct x11_crtc *old = x11_crtc(left, now->crtcs[i].id);
		struct x11_crtc *was = x11_crtc(before, now->crtcs[i].id);
		const struct x11_request request = {.action = X11_CRTC, .crtc = now->crtcs[i]};

		if (old && x11_holds(left, &request))
			continue;
		if (!was)
			was = arena_push(arena, before->crtcs, before->crtc_count);
		*was = now->crtcs[i];
	}
	for (size_t i = 0; i < now->provider_count; i++) {
		const struct x11_provider *one = &now->providers[i];
		const struct x11_provider *old = x11_provider(left, one->id);
		struct x11_provider *was = x11_provider(before, one->id);

		if (old && old->output_source == one->output_source)
			continue;
		if (!was)
			was = arena_push(arena, before->providers, before->provider_count);
		*was = *one;
	}
	if (left->primary != now->primary)
		before->primary = now->primary;
	if (left->width != now->width || left->height != now->height) {
		before->width = now->width;
		before->height = now->height;
	}
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
