/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "nv-session/decide.h"
#include "nv-session/session.h"

enum { TIMEOUT = 10000, STEPS = 6 };

/* What will be done to a server that obeys, step by step: with the modes of outputs that are not
 * linked yet unknown, these get their preferred one. */
static void simulate(struct session *session, const struct look *look,
	const struct decision *decision, struct x11_plan *all, struct buf *commands)
{
	struct x11_server *model = x11_copy(session->arena, look->server);

	for (unsigned step = 0; step < STEPS; step++) {
		struct x11_plan plan;

		x11_plan_step(session->arena, model, &decision->wish, &plan);
		for (size_t i = 0; i < plan.note_count; i++)
			*arena_push(session->arena, all->notes, all->note_count) = plan.notes[i];
		if (!plan.requests.count)
			return;
		for (size_t i = 0; i < plan.requests.count; i++) {
			buf_puts(commands, "xrandr ");
			x11_request_text(commands, model, &plan.requests.list[i]);
			buf_putc(commands, '\n');
			x11_apply(session->arena, model, &plan.requests.list[i]);
			*arena_push(session->arena, all->requests.list, all->requests.count) =
				plan.requests.list[i];
		}
	}
}

static void print_json(struct session *session, const struct decision *decision,
	const struct x11_plan *plan, char *commands)
{
	struct buf out = {0};
	struct json json = {.out = &out};
	char *rest = NULL;

	(void)session;
	json_open(&json, NULL, '{');
	json_string(&json, "mode", x11_prime_name(decision->mode));
	json_string(&json, "asked-by", decision->config.mode_from);
	json_string(&json, "refused", decision->refused);
	json_open(&json, "commands", '[');
	for (char *line = strtok_r(commands, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		json_string(&json, NULL, line);
	json_close(&json, ']');
	json_open(&json, "notes", '[');
	for (size_t i = 0; i < plan->note_count; i++)
		json_string(&json, NULL, plan->notes[i]);
	json_close(&json, ']');
	json_close(&json, '}');
	buf_putc(&out, '\n');
	session_print(&out);
	buf_free(&out);
}

static int show(struct session *session, struct look *look)
{
	struct decision decision;
	struct x11_plan plan = {0};
	struct buf commands = {0};
	int status = 0;

	if (!look_read(session, look, false)) {
		log_error("X server '%s' has no RandR: there is nothing to set up", look->display);
		return EXIT_FAILED;
	}
	decide(session, look, &decision);
	config_warn(&decision.config);
	if (!decision.refused)
		simulate(session, look, &decision, &plan, &commands);
	if (session->options.json) {
		print_json(
			session, &decision, &plan, arena_dup(session->arena, buf_text(&commands)));
	} else {
		for (size_t i = 0; i < plan.note_count; i++)
			log_warning("%s", plan.notes[i]);
		log_info("mode: %s (%s)", x11_prime_name(decision.mode), decision.config.mode_from);
		status = session_print(&commands);
	}
	buf_free(&commands);
	if (decision.refused) {
		log_error("%s cannot be: %s", x11_prime_name(decision.mode), decision.refused);
		return EXIT_FAILED;
	}
	if (!plan.requests.count)
		log_info("nothing to do");
	return status;
}

int plan_run(struct session *session)
{
	struct look look = {0};
	const char *nothing = decide_nothing(session, &look);
	int status = 0;

	session_deadline(session, TIMEOUT);
	if (!look_connect(session, &look, nothing != NULL) && !nothing)
		return EXIT_FAILED;
	nothing = decide_nothing(session, &look);
	if (nothing)
		log_warning("%s", nothing);
	else
		status = show(session, &look);
	look_close(&look);
	return status;
}
