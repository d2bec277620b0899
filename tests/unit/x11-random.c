/* SPDX-License-Identifier: MIT */
/* The plan on random topologies: what must hold whatever the machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tap.h"
#include "x11/plan.h"

enum { TOPOLOGIES = 10000, STEPS = 6, PROVIDERS = 5, OUTPUTS = 6 };

static uint64_t state;

/* xorshift64*: the same numbers everywhere. */
static unsigned number(unsigned below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return below ? (unsigned)((state * 0x2545f4914f6cdd1dull) >> 33) % below : 0;
}

static bool chance(unsigned percent)
{
	return number(100) < percent;
}

static const struct {
	unsigned width, height;
} sizes[] = {{1920, 1080}, {1280, 720}, {2560, 1440}, {3840, 2160}, {1024, 768}, {640, 480}};

static void make_provider(
	struct arena *arena, struct x11_server *server, unsigned index, unsigned *next, bool screen)
{
	static const char *const names[] = {"modesetting", "modesetting", "NVIDIA-G0", "NVIDIA-G1",
		"AMD Radeon RX 6800 @ pci:0000:05:00.0"};
	struct x11_provider provider = {.id = ++*next,
		.name = screen ? "modesetting" : names[index],
		.capabilities = chance(70) ? number(16) | 3 : number(16),
		.screen = screen};
	unsigned outputs = number(OUTPUTS + 1), crtcs = number(OUTPUTS);
	struct x11_provider *primary = x11_screen_provider(server);

	if (screen)
		provider.capabilities |= chance(90) ? X11_SOURCE_OUTPUT : 0;
	else if (primary && outputs && chance(40) && provider.capabilities & X11_SINK_OUTPUT &&
		 primary->capabilities & X11_SOURCE_OUTPUT)
		provider.output_source = primary->id;
	for (unsigned i = 0; i < crtcs; i++) {
		struct x11_crtc crtc = {.id = ++*next, .rotation = 1, .rotations = 15};

		x11_ids_add(arena, &provider.crtcs, crtc.id);
		*arena_push(arena, server->crtcs, server->crtc_count) = crtc;
	}
	for (unsigned i = 0; i < outputs; i++) {
		struct x11_output output = {.id = ++*next,
			.name = arena_printf(arena, "%s-%u-%u", i ? "HDMI" : "eDP", index, i),
			.connected = chance(60),
			.unplugged = false,
			.listed = screen || provider.output_source,
			.sync = provider.output_source ? (int)number(2) : -1};

		output.unplugged = !output.connected && chance(80);
		for (unsigned j = number(5); j && output.connected; j--) {
			unsigned size = number(sizeof(sizes) / sizeof(*sizes));

			if (!x11_ids_have(&output.modes, 1000 + size))
				x11_ids_add(arena, &output.modes, 1000 + size);
		}
		for (size_t j = 0; j < provider.crtcs.count; j++) {
			if (chance(60))
				x11_ids_add(arena, &output.crtcs, provider.crtcs.list[j]);
		}
		x11_ids_add(arena, &provider.outputs, output.id);
		*arena_push(arena, server->outputs, server->output_count) = output;
	}
	*arena_push(arena, server->providers, server->provider_count) = provider;
}

/* Lights some outputs somewhere on the X screen. */
static void light(struct arena *arena, struct x11_server *server)
{
	unsigned width = 320, height = 200;

	for (size_t i = 0; i < server->output_count; i++) {
		struct x11_output *output = &server->outputs[i];
		struct x11_crtc *crtc = NULL;
		const struct x11_mode *mode;

		if (!output->listed || !output->modes.count || !output->crtcs.count || chance(40))
			continue;
		crtc = x11_crtc(server, output->crtcs.list[number((unsigned)output->crtcs.count)]);
		if (crtc->mode)
			continue;
		mode = x11_mode(server, output->modes.list[number((unsigned)output->modes.count)]);
		crtc->mode = mode->id;
		crtc->rotation = 1u << number(4);
		crtc->width = crtc->rotation & 10 ? mode->height : mode->width;
		crtc->height = crtc->rotation & 10 ? mode->width : mode->height;
		crtc->x = (int)number(4000);
		crtc->y = (int)number(1000);
		output->crtc = crtc->id;
		x11_ids_add(arena, &crtc->outputs, output->id);
		width = (unsigned)crtc->x + crtc->width > width ? (unsigned)crtc->x + crtc->width
								: width;
		height = (unsigned)crtc->y + crtc->height > height
				 ? (unsigned)crtc->y + crtc->height
				 : height;
		/* Pulled out since, or of a kind that cannot tell. */
		if (chance(10)) {
			output->connected = false;
			output->unplugged = chance(50);
		}
		if (chance(30))
			server->primary = output->id;
	}
	server->width = width;
	server->height = height;
	server->max_width = width + number(16384);
	server->max_height = height + number(8192);
	server->mm_width = width / 4;
	server->mm_height = height / 4;
}

static struct x11_server *make(struct arena *arena)
{
	struct x11_server *server = arena_alloc(arena, sizeof(*server));
	unsigned next = 0, providers = number(PROVIDERS + 1);

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		*arena_push(arena, server->modes, server->mode_count) =
			(struct x11_mode){1000 + i, sizes[i].width, sizes[i].height, 60};
	for (unsigned i = 0; i < providers; i++)
		make_provider(arena, server, i, &next, i == 0 && chance(90));
	light(arena, server);
	return server;
}

static void make_wish(struct arena *arena, const struct x11_server *server, struct x11_wish *wish)
{
	struct x11_output_wish *outputs = NULL;
	size_t count = 0;

	*wish = (struct x11_wish){.share = chance(80),
		.layout = (enum x11_layout)number(5),
		.sync = (enum x11_answer)((int)number(3) - 1),
		.rescue = chance(80),
		.drop_unplugged = chance(20)};
	for (size_t i = 0; i < server->output_count; i++) {
		struct x11_output_wish one = {.pattern = server->outputs[i].name,
			.primary = (enum x11_answer)((int)number(3) - 1),
			.enabled = (enum x11_answer)((int)number(3) - 1),
			.sync = X11_KEEP};

		if (chance(10))
			x11_ids_add(arena, &wish->left_out, server->outputs[i].id);
		if (chance(5))
			x11_ids_add(arena, &wish->refused, server->outputs[i].id);
		if (chance(80))
			continue;
		if (chance(50)) {
			unsigned size = number(sizeof(sizes) / sizeof(*sizes));

			one.width = sizes[size].width;
			one.height = sizes[size].height;
		}
		if (chance(30)) {
			one.placed = true;
			one.x = (int)number(3000);
			one.y = (int)number(2000);
		}
		if (chance(30))
			one.rotation = 1u << number(4);
		*arena_push(arena, outputs, count) = one;
	}
	wish->outputs = outputs;
	wish->output_count = count;
}

static enum x11_answer enabled(const struct x11_wish *wish, const char *name)
{
	enum x11_answer answer = X11_KEEP;

	for (size_t i = 0; i < wish->output_count; i++) {
		if (!strcmp(wish->outputs[i].pattern, name) && wish->outputs[i].enabled != X11_KEEP)
			answer = wish->outputs[i].enabled;
	}
	return answer;
}

/* What ends or darkens real servers, said again in other words than the plan's. */
static bool is_sound(const struct x11_server *server, const struct x11_request *request)
{
	const struct x11_crtc *crtc = &request->crtc;
	const struct x11_provider *sink, *source;

	switch (request->action) {
	case X11_LINK:
		sink = x11_provider(server, request->provider);
		source = x11_provider(server, request->source);
		if (!sink || sink->screen)
			return false;
		if (request->source)
			return source && source->screen && sink->capabilities & X11_SINK_OUTPUT &&
			       source->capabilities & X11_SOURCE_OUTPUT;
		for (size_t i = 0; i < server->crtc_count; i++) {
			if (x11_ids_have(&sink->crtcs, server->crtcs[i].id) &&
				server->crtcs[i].mode)
				return false;
		}
		return true;
	case X11_SIZE:
		return request->width && request->height && request->width <= server->max_width &&
		       request->height <= server->max_height;
	case X11_CRTC:
		if (!crtc->mode)
			return x11_crtc(server, crtc->id);
		for (size_t i = 0; i < crtc->outputs.count; i++) {
			const struct x11_output *output = x11_output(server, crtc->outputs.list[i]);

			if (!output->listed || !x11_ids_have(&output->crtcs, crtc->id) ||
				!x11_ids_have(&output->modes, crtc->mode))
				return false;
		}
		return crtc->outputs.count && crtc->x >= 0 && crtc->y >= 0 &&
		       (unsigned)crtc->x + crtc->width <= server->width &&
		       (unsigned)crtc->y + crtc->height <= server->height;
	case X11_SYNC:
		return x11_output(server, request->output)->sync >= 0;
	case X11_PRIMARY:
		return !request->output || x11_output(server, request->output);
	}
	return false;
}

/* Carries requests out on a model; false if one is not sound. */
static bool obey(
	struct arena *arena, struct x11_server *server, const struct x11_requests *requests)
{
	for (size_t i = 0; i < requests->count; i++) {
		if (!is_sound(server, &requests->list[i]) ||
			x11_forbidden(server, &requests->list[i]))
			return false;
		x11_apply(arena, server, &requests->list[i]);
	}
	return true;
}

static size_t lit(const struct x11_server *server)
{
	size_t count = 0;

	for (size_t i = 0; i < server->output_count; i++)
		count += x11_is_lit(server, &server->outputs[i]);
	return count;
}

static bool has_wish(const struct x11_wish *wish, const char *name)
{
	for (size_t i = 0; i < wish->output_count; i++) {
		if (!strcmp(wish->outputs[i].pattern, name))
			return true;
	}
	return false;
}

/* An output that was lit is, unless it was to go; and keeps its mode unless it was to change. */
static bool kept(const struct x11_server *before, const struct x11_server *after,
	const struct x11_wish *wish)
{
	for (size_t i = 0; i < before->output_count; i++) {
		const struct x11_output *was = &before->outputs[i], *now = &after->outputs[i];
		const struct x11_crtc *old = x11_crtc(before, was->crtc);
		const struct x11_crtc *new = x11_crtc(after, now->crtc);
		bool may_go = enabled(wish, was->name) == X11_NO ||
			      (wish->drop_unplugged && was->unplugged);

		if (!x11_is_lit(before, was))
			continue;
		if (!x11_is_lit(after, now)) {
			if (!may_go)
				return false;
		} else if (!has_wish(wish, was->name) &&
			   (new->mode != old->mode || new->rotation != old->rotation)) {
			return false;
		}
	}
	return lit(after) || !lit(before);
}

static bool same(const struct x11_server *one, const struct x11_server *other)
{
	for (size_t i = 0; i < one->provider_count; i++) {
		if (one->providers[i].output_source != other->providers[i].output_source)
			return false;
	}
	for (size_t i = 0; i < one->crtc_count; i++) {
		const struct x11_crtc *a = &one->crtcs[i], *b = &other->crtcs[i];

		if (a->mode != b->mode ||
			(a->mode && (a->x != b->x || a->y != b->y || a->rotation != b->rotation ||
					    a->outputs.count != b->outputs.count)))
			return false;
	}
	return one->width == other->width && one->height == other->height &&
	       one->primary == other->primary;
}

/* A plan that has to leave out what a check forbids was made wrongly. */
static bool leaves_out(const struct x11_plan *plan)
{
	for (size_t i = 0; i < plan->note_count; i++) {
		if (strncmp(plan->notes[i], "not asked for", 13) == 0 &&
			printf("# %s\n", plan->notes[i]))
			return true;
	}
	return false;
}

/* Steps until nothing is left; false if a request is not sound or there is no end. */
static bool settle(struct arena *arena, struct x11_server *server, const struct x11_wish *wish)
{
	for (int step = 0; step < STEPS; step++) {
		struct x11_plan plan;

		x11_plan_step(arena, server, wish, &plan);
		if (leaves_out(&plan))
			return false;
		if (!plan.requests.count)
			return true;
		if (!obey(arena, server, &plan.requests))
			return false;
	}
	return false;
}

/* Whether something can be seen: lit, and with a monitor for all that is known. */
static bool visible(const struct x11_server *server)
{
	for (size_t i = 0; i < server->output_count; i++) {
		if (x11_is_lit(server, &server->outputs[i]) && !server->outputs[i].unplugged)
			return true;
	}
	return false;
}

/* Back to the same, unless nothing could be seen then: then something still can. */
static bool leads_back(
	struct arena *arena, const struct x11_server *now, const struct x11_server *before)
{
	struct x11_server *again = x11_copy(arena, now);
	struct x11_requests back;
	bool all = x11_plan_back(arena, now, before, NULL, &back);

	if (!obey(arena, again, &back))
		return false;
	return all ? same(again, before) : visible(again);
}

/* Stops in the middle, and goes back from there. */
static bool interrupted(
	struct arena *arena, const struct x11_server *before, const struct x11_wish *wish)
{
	struct x11_server *server = x11_copy(arena, before);
	struct x11_plan plan;

	for (unsigned step = number(3); step; step--) {
		x11_plan_step(arena, server, wish, &plan);
		if (!obey(arena, server, &plan.requests))
			return false;
	}
	x11_plan_step(arena, server, wish, &plan);
	plan.requests.count = number((unsigned)plan.requests.count + 1);
	if (!obey(arena, server, &plan.requests))
		return false;
	return leads_back(arena, server, before);
}

static void tap_begin(void)
{
}

static void tap_end(void)
{
}

static void ten_thousand_topologies_settle_without_harm_and_lead_back(void)
{
	state = 0x9e3779b97f4a7c15ull;
	for (unsigned i = 0; i < TOPOLOGIES; i++) {
		struct arena *arena = arena_new();
		struct x11_server *before = make(arena), *after = x11_copy(arena, before);
		struct x11_wish wish;
		const char *wrong = NULL;

		make_wish(arena, before, &wish);
		if (!settle(arena, after, &wish))
			wrong = "settles by sound requests";
		else if (!kept(before, after, &wish))
			wrong = "what was lit is kept";
		else if (x11_harm(arena, before, after, &wish))
			wrong = "no harm is seen";
		else if (!leads_back(arena, after, before))
			wrong = "the way back leads back";
		else if (!interrupted(arena, before, &wish))
			wrong = "the way back leads back from the middle";
		if (wrong)
			printf("# topology %u: it should be that %s\n", i, wrong);
		arena_free(arena);
		check(!wrong);
		if (wrong)
			return;
	}
}

/* The state before is kept where any client can write: every byte of it may be a lie. */
static void hostile_states_lead_nowhere_that_is_not_sound(void)
{
	state = 0x2545f4914f6cdd1dull;
	for (unsigned i = 0; i < TOPOLOGIES; i++) {
		struct arena *arena = arena_new();
		struct x11_server *now = make(arena), *before;
		struct buf text = {0};
		struct x11_requests back;
		bool sound = true;

		x11_state_format(&text, make(arena));
		for (unsigned j = number(12); j; j--)
			text.text[number((unsigned)text.length)] =
				"0123456789abcdef -\n"[number(19)];
		if (chance(20))
			text.text[number((unsigned)text.length)] = '\0';
		before = x11_state_parse(arena, text.text);
		if (before) {
			x11_plan_back(arena, now, before, chance(50) ? before : NULL, &back);
			sound = obey(arena, x11_copy(arena, now), &back);
		}
		buf_free(&text);
		arena_free(arena);
		check(sound);
	}
}

TAP_MAIN(TEST(hostile_states_lead_nowhere_that_is_not_sound),
	TEST(ten_thousand_topologies_settle_without_harm_and_lead_back))
