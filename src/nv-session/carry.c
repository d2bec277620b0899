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

void carry_warn(const struct carry *carry)
{
	for (size_t i = 0; i < carry->note_count; i++)
		log_warning("%s", carry->notes[i]);
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

static const char no_time[] = "there is no time left to go on";

/* Sends requests one by one; *failed is the one that went wrong, NULL if there was no time left
 * for the next one. */
static const char *send_all(struct session *session, struct look *look,
	const struct x11_requests *requests, const struct x11_request **failed)
{
	struct x11_server *model = x11_copy(session->arena, look->server);

	for (size_t i = 0; i < requests->count; i++) {
		const struct x11_request *request = &requests->list[i];
		const char *text = text_of(session, look->server, request), *problem;

		*failed = NULL;
		if (i && session_is_late(session))
			return no_time;
		log_info("xrandr %s", text);
		problem = x11_send(session->arena, look->x11, model, request);
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

bool carry_back(struct session *session, struct look *look, const struct x11_server *before,
	const struct x11_server *left)
{
	struct x11_requests requests;
	bool done;

	if (!look_read(session, look, false)) {
		log_error("the X server is gone");
		return false;
	}
	done = x11_plan_back(session->arena, look->server, before, left, &requests);
	if (!done)
		log_error(
			"not all can be taken back: nothing would be lit, as what was lit then has "
			"no monitor now");
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

/*
 * The note in the server: the state before, and behind a line "left" the one that setup left. By it
 * reset undoes what setup did and nothing else, by whomever, whenever.
 */
static const char divider[] = "\nleft\n";

bool carry_note_read(struct session *session, struct look *look, struct x11_server **before,
	struct x11_server **left)
{
	char *text = x11_note_read(session->arena, look->x11);
	char *at = text ? strstr(text, divider) : NULL;

	*before = *left = NULL;
	if (!text)
		return true;
	if (at) {
		*left = x11_state_parse(session->arena, at + sizeof(divider) - 1);
		at[1] = '\0';
	}
	*before = x11_state_parse(session->arena, text);
	return *before && (*left || !at);
}

static void note_write(
	struct look *look, const struct x11_server *before, const struct x11_server *left)
{
	struct buf text = {0};

	x11_state_format(&text, before);
	if (left) {
		buf_puts(&text, divider + 1);
		x11_state_format(&text, left);
	}
	x11_note_write(look->x11, buf_text(&text));
	buf_free(&text);
}

/* Before the first change: if this process ends in between, reset undoes all that it can. */
static void note_begin(struct session *session, struct look *look, struct x11_server **before)
{
	struct x11_server *left;

	if (!carry_note_read(session, look, before, &left) || !*before)
		*before = x11_copy(session->arena, look->server);
	else if (left)
		x11_state_rebase(session->arena, *before, left, look->server);
	note_write(look, *before, NULL);
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
		if (session_is_late(session))
			return no_time;
		if (!carry->before)
			note_begin(session, look, &carry->before);
		problem = send_all(session, look, &plan.requests, failed);
		if (!problem)
			problem = read_back(session, look, &plan.requests, wish, carry, failed);
		if (problem)
			return problem;
		carry->done += plan.requests.count;
	}
	return "the X server does not settle";
}

/* Leaves the outputs out that refused their mode; false if that was not what went wrong. */
static bool leave_out(struct session *session, struct x11_wish *wish, struct carry *carry,
	const struct x11_request *failed)
{
	if (!failed || failed->action != X11_CRTC || !failed->crtc.mode)
		return false;
	for (size_t i = 0; i < failed->crtc.outputs.count; i++) {
		uint32_t id = failed->crtc.outputs.list[i];

		if (x11_ids_have(&wish->refused, id))
			return false;
		x11_ids_add(session->arena, &wish->refused, id);
		x11_ids_add(session->arena, &carry->refused, id);
	}
	return true;
}

static void take_back(struct session *session, struct look *look, const char *old_note,
	const struct x11_server *before, struct carry *carry)
{
	carry->taken_back = carry_back(session, look, before, NULL);
	if (carry->taken_back && !x11_is_lost(look->x11))
		x11_note_write(look->x11, old_note);
	carry->before = NULL;
}

void carry_out(struct session *session, struct look *look, const struct decision *decision,
	bool insist, struct carry *carry)
{
	const struct x11_server *before = look->server;
	const char *old_note = x11_note_read(session->arena, look->x11);
	struct x11_wish wish = decision->wish;

	*carry = (struct carry){0};
	for (;;) {
		const struct x11_request *failed = NULL;
		const char *harm = NULL;
		bool refused;

		carry->done = 0;
		carry->problem = advance(session, look, &wish, carry, &failed);
		/* Without time the last step may be half done. */
		if (carry->problem == no_time && !look_read(session, look, false))
			return;
		if (!x11_is_lost(look->x11))
			harm = x11_harm(session->arena, before, look->server, &wish);
		/* Without time, what does no harm stays. */
		if (!harm && !failed && !x11_is_lost(look->x11)) {
			if (carry->before)
				note_write(look, carry->before, look->server);
			return;
		}
		if (!carry->problem)
			carry->problem = harm;
		if (x11_is_lost(look->x11))
			return;
		take_back(session, look, old_note, before, carry);
		refused = leave_out(session, &wish, carry, failed);
		/* Back to a screen that was dark would lock people out: go on without the output
		 * that refused, if that was it. */
		if (!refused || (is_any_lit(before) && !insist) || session_is_late(session))
			return;
		note(session, carry, carry->problem);
	}
}
