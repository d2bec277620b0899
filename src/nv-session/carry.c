/* SPDX-License-Identifier: MIT */
#include "nv-session/carry.h"

#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/session.h"

/* Links, then outputs, then what they change: more steps than these lead nowhere. */
enum { STEPS = 6 };

static void note(struct session *session, struct carry *carry, const char *text)
{
	for (size_t i = 0; i < carry->note_count; i++) {
		if (str_eq(carry->notes[i], text))
			return;
	}
	*arena_push(session->arena, carry->notes, carry->note_count) = text;
}

static const char *text_of(
	struct session *session, const struct x11_server *server, const struct x11_request *request)
{
	struct buf out = {0};
	const char *text;

	x11_request_text(&out, server, request);
	text = arena_dup(session->arena, buf_text(&out));
	buf_free(&out);
	return text;
}

/* Sends requests one by one; *failed is the one that went wrong. */
static const char *send_all(struct session *session, struct look *look,
	const struct x11_requests *requests, const struct x11_request **failed)
{
	struct x11_server *model = x11_copy(session->arena, look->server);

	for (size_t i = 0; i < requests->count; i++) {
		const struct x11_request *request = &requests->list[i];
		const char *text = text_of(session, look->server, request), *problem;

		log_info("xrandr %s", text);
		problem = x11_send(session->arena, look->x11, model, request);
		if (!problem && session_is_late(session))
			problem = "there is no time left";
		if (problem) {
			*failed = request;
			return arena_printf(session->arena, "'xrandr %s': %s", text, problem);
		}
		x11_apply(session->arena, model, request);
	}
	return NULL;
}

/* Whether a later request is about the same thing, so that this one need not hold any more. */
static bool is_replaced(const struct x11_requests *requests, size_t number)
{
	const struct x11_request *one = &requests->list[number];

	for (size_t i = number + 1; i < requests->count; i++) {
		const struct x11_request *other = &requests->list[i];

		if (one->action == other->action && one->provider == other->provider &&
			one->output == other->output && one->crtc.id == other->crtc.id)
			return true;
	}
	return false;
}

/* The server says yes to requests it does not carry out. */
static const char *read_back(struct session *session, struct look *look,
	const struct x11_requests *requests, struct x11_wish *wish, struct carry *carry,
	const struct x11_request **failed)
{
	const struct x11_server *asked = look->server;

	if (!look_read(session, look, false))
		return "the X server is gone";
	for (size_t i = 0; i < requests->count; i++) {
		const struct x11_request *request = &requests->list[i];
		const char *text;

		if (x11_holds(look->server, request) || is_replaced(requests, i))
			continue;
		text = text_of(session, asked, request);
		if (request->action == X11_SYNC) {
			/* The server turns it off itself where a driver cannot do it. To ask again
			 * would set the mode again. */
			x11_ids_add(session->arena, &wish->unsynced, request->output);
			note(session, carry,
				arena_printf(session->arena, "'xrandr %s' had no effect", text));
			continue;
		}
		*failed = request;
		return arena_printf(session->arena,
			"'xrandr %s': the server took it, and nothing came of it", text);
	}
	return NULL;
}

bool carry_back(struct session *session, struct look *look, const struct x11_server *before)
{
	struct x11_requests requests;
	bool done = true;

	if (!look_read(session, look, false)) {
		log_error("the X server is gone");
		return false;
	}
	x11_plan_back(session->arena, look->server, before, &requests);
	for (size_t i = 0; i < requests.count; i++) {
		const struct x11_requests one = {&requests.list[i], 1};
		const struct x11_request *failed;
		const char *problem = send_all(session, look, &one, &failed);

		if (problem)
			log_error("could not be taken back: %s", problem);
		done &= !problem;
		/* Each step frees what the next one needs. */
		if (!look_read(session, look, false))
			return false;
	}
	return done;
}

static bool is_any_lit(const struct x11_server *server)
{
	for (size_t i = 0; i < server->output_count; i++) {
		if (x11_is_lit(server, &server->outputs[i]))
			return true;
	}
	return false;
}

/* A GPU's outputs that are linked, none of which has a monitor as far as the server knows. */
static bool wants_probe(const struct x11_server *server, const struct x11_wish *wish)
{
	for (size_t i = 0; wish->share && i < server->provider_count; i++) {
		const struct x11_provider *provider = &server->providers[i];
		bool connected = false;

		if (!provider->output_source || !provider->outputs.count)
			continue;
		for (size_t j = 0; j < provider->outputs.count; j++) {
			const struct x11_output *output =
				x11_output(server, provider->outputs.list[j]);

			connected |= output && output->connected;
		}
		if (!connected)
			return true;
	}
	return false;
}

/* What setup finds at first is kept in the server, for reset: by whomever, whenever. */
static void keep_state(struct session *session, struct look *look)
{
	struct buf text = {0};

	if (!x11_note_read(session->arena, look->x11)) {
		x11_state_format(&text, look->server);
		x11_note_write(look->x11, buf_text(&text));
	}
	buf_free(&text);
}

/* Steps until there is nothing left to do. */
static const char *advance(struct session *session, struct look *look, struct x11_wish *wish,
	struct carry *carry, const struct x11_request **failed)
{
	bool probed = false;

	for (unsigned step = 0; step < STEPS; step++) {
		struct x11_plan plan;
		const char *problem;

		x11_plan_step(session->arena, look->server, wish, &plan);
		for (size_t i = 0; i < plan.note_count; i++)
			note(session, carry, plan.notes[i]);
		if (!plan.requests.count && (probed || !wants_probe(look->server, wish)))
			return NULL;
		if (!plan.requests.count) {
			probed = true;
			if (!look_read(session, look, true))
				return "the X server is gone";
			continue;
		}
		keep_state(session, look);
		problem = send_all(session, look, &plan.requests, failed);
		if (!problem)
			problem = read_back(session, look, &plan.requests, wish, carry, failed);
		if (problem)
			return problem;
		carry->done += plan.requests.count;
	}
	return "the X server does not settle";
}

void carry_out(struct session *session, struct look *look, const struct decision *decision,
	struct carry *carry)
{
	const struct x11_server *before = look->server;
	struct x11_wish wish = decision->wish;

	*carry = (struct carry){0};
	for (;;) {
		const struct x11_request *failed = NULL;

		carry->done = 0;
		carry->problem = advance(session, look, &wish, carry, &failed);
		if (!carry->problem)
			carry->problem = x11_harm(session->arena, before, look->server, &wish);
		if (!carry->problem || x11_is_lost(look->x11))
			return;
		carry->taken_back = carry_back(session, look, before);
		/* Back to a screen that was dark would lock people out: go on without the output
		 * that refused, if that was it. */
		if (!failed || failed->action != X11_CRTC || !failed->crtc.mode ||
			is_any_lit(before) || session_is_late(session))
			return;
		for (size_t i = 0; i < failed->crtc.outputs.count; i++) {
			uint32_t id = failed->crtc.outputs.list[i];

			if (x11_ids_have(&wish.left_out, id))
				return;
			x11_ids_add(session->arena, &wish.left_out, id);
			x11_ids_add(session->arena, &carry->refused, id);
		}
		note(session, carry, carry->problem);
	}
}
