/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/decide.h"
#include "nv-session/session.h"

enum { TIMEOUT = 10000, STEPS = 6 };

/*
 * Modes of outputs that are not linked yet are not to be had: placeholders of no size stand for
 * them. Returns whether there are any.
 */
static bool stand_in(struct session *session, struct x11_server *model)
{
	bool any = false;

	for (size_t i = 0; i < model->output_count; i++) {
		const struct x11_output *output = &model->outputs[i];

		if (output->listed || !output->modes.count ||
			x11_mode(model, output->modes.list[0]))
			continue;
		*arena_push(session->arena, model->modes, model->mode_count) =
			(struct x11_mode){.id = output->modes.list[0]};
		any = true;
	}
	return any;
}

/* "--output HDMI-1-0 --preferred --right-of eDP-1": xrandr works the place out. */
static void print_relative(struct buf *out, const struct x11_server *model,
	const struct x11_request *request, enum x11_layout layout, const char *previous)
{
	static const char *const options[] = {
		"--right-of", "--left-of", "--above", "--below", "--same-as"};

	buf_puts(out, "--output ");
	str_shell_quote(out, x11_output(model, request->crtc.outputs.list[0])->name);
	buf_puts(out, " --preferred");
	if (previous) {
		buf_printf(out, " %s ", options[layout]);
		str_shell_quote(out, previous);
	}
}

static const char *first_lit(const struct x11_server *server)
{
	const struct x11_output *best = x11_output(server, server->primary);

	for (size_t i = 0; i < server->output_count && !(best && x11_is_lit(server, best)); i++)
		best = x11_is_lit(server, &server->outputs[i]) ? &server->outputs[i] : NULL;
	return best ? best->name : NULL;
}

/* Commands as they are printed. */
struct script {
	struct buf *out;
	const char *previous; /* the output that the next new one is placed by */
	enum x11_layout layout;
	bool vague; /* sizes of new outputs are not known */
	bool open; /* the last line lists outputs */
};

static void end_line(struct script *script)
{
	if (script->open)
		buf_putc(script->out, '\n');
	script->open = false;
}

/*
 * Outputs that are set one after the other are one command: xrandr moves what it sees to the
 * corner of the X screen, and would move the first back before there is the second. It also makes
 * the X screen as small as the outputs allow, unless it is told a size.
 */
static void print_output(
	struct script *script, const struct x11_server *model, const struct x11_request *request)
{
	bool lights = request->crtc.mode;

	if (!script->open)
		buf_puts(script->out, "xrandr");
	if (!script->open && !script->vague)
		buf_printf(script->out, " --fb %ux%u", model->width, model->height);
	script->open = true;
	buf_putc(script->out, ' ');
	if (script->vague && lights && !request->crtc.width)
		print_relative(script->out, model, request, script->layout, script->previous);
	else
		x11_request_text(script->out, model, request);
	if (lights)
		script->previous = x11_output(model, request->crtc.outputs.list[0])->name;
}

static void print_other(
	struct script *script, const struct x11_server *model, const struct x11_request *request)
{
	end_line(script);
	buf_puts(script->out, "xrandr ");
	x11_request_text(script->out, model, request);
	buf_putc(script->out, '\n');
}

/* Steps of a server that obeys, as far as can be told before the first one is done. */
static void simulate(struct session *session, const struct look *look,
	const struct decision *decision, struct x11_plan *all, struct buf *commands)
{
	struct x11_server *model = x11_copy(session->arena, look->server);
	struct script script = {
		commands, first_lit(model), decision->wish.layout, stand_in(session, model), false};

	for (unsigned step = 0; step < STEPS; step++) {
		struct x11_plan plan;

		x11_plan_step(session->arena, model, &decision->wish, &plan);
		for (size_t i = 0; i < plan.note_count; i++)
			*arena_push(session->arena, all->notes, all->note_count) = plan.notes[i];
		if (!plan.requests.count)
			return;
		for (size_t i = 0; i < plan.requests.count; i++) {
			const struct x11_request *request = &plan.requests.list[i];
			bool output_follows =
				i + 1 < plan.requests.count && request[1].action == X11_CRTC;

			*arena_push(session->arena, all->requests.list, all->requests.count) =
				*request;
			if (request->action == X11_CRTC)
				print_output(&script, model, request);
			else if (request->action != X11_SIZE)
				print_other(&script, model, request);
			/* The size is told with the outputs. */
			else if (!script.vague && !output_follows)
				print_other(&script, model, request);
			else
				end_line(&script);
			x11_apply(session->arena, model, request);
		}
		end_line(&script);
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
	json_add_string(&json, "mode", x11_prime_name(decision->mode));
	json_add_string(&json, "asked-by", decision->config.mode_from);
	json_add_string(&json, "refused", decision->refused);
	json_open(&json, "commands", '[');
	for (char *line = strtok_r(commands, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		json_add_string(&json, NULL, line);
	json_close(&json, ']');
	json_open(&json, "notes", '[');
	for (size_t i = 0; i < plan->note_count; i++)
		json_add_string(&json, NULL, plan->notes[i]);
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
