/* SPDX-License-Identifier: MIT */
/* explain: who decided what, for a person. */
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-run/run.h"

enum { MARGIN = 10, WIDTH = 96 };

/* "Label     text", continued below with an empty label; long text is folded, blanks in front
 * of it kept. */
static void item(struct buf *out, const char *label, const char *text)
{
	size_t start = out->length, column = MARGIN, indent = strspn(text, " ");

	buf_puts(out, label);
	buf_pad(out, start, MARGIN + indent);
	text += indent;
	while (*text) {
		size_t word = strcspn(text, " ");

		if (column > MARGIN && column + 1 + word > WIDTH) {
			buf_putc(out, '\n');
			start = out->length;
			buf_pad(out, start, MARGIN + indent);
			column = MARGIN;
		} else if (column > MARGIN) {
			buf_putc(out, ' ');
			column++;
		}
		buf_add(out, text, word);
		column += word;
		text += word + (text[word] == ' ');
	}
	buf_putc(out, '\n');
}

static const char *who_chose(struct run *run)
{
	const struct rule_setting *gpu = &run->settings.gpu;

	if (!gpu->value)
		return "auto, as no rule names a GPU";
	return arena_printf(run->arena, "%s, by %s", gpu->value,
		gpu->from.file ? offload_origin(run->arena, gpu->from) : "the command line");
}

static void explain_gpu(struct run *run, struct buf *out)
{
	struct hw_gpu *gpu = run->choice.gpu;
	const char *status;

	if (run->choice.problem) {
		item(out, "GPU", "the default one: what was asked for cannot be used");
		item(out, "", arena_printf(run->arena, "asked for: %s", who_chose(run)));
		item(out, "", run->choice.problem);
		return;
	}
	if (!gpu) {
		item(out, "GPU",
			run->choice.selector.kind == RULE_SELECT_SOFTWARE
				? "none: the CPU draws"
				: arena_printf(run->arena, "not chosen: %s", run->choice.why));
		if (!run->options.undo)
			item(out, "", arena_printf(run->arena, "asked for: %s", who_chose(run)));
		return;
	}
	status = hw_gpu_status(&run->hw, gpu);
	item(out, "GPU", hw_gpu_name(&run->hw, gpu));
	item(out, "",
		arena_printf(run->arena, "%s, driver %s, %s%s, %s", gpu->slot, gpu->driver,
			hw_role_name(gpu->role), gpu->boot ? ", showed the boot" : "",
			str_eq(status, "suspended") ? "asleep until the program uses it"
			: str_eq(status, "active")  ? "awake"
						    : "power state unknown"));
	item(out, "",
		arena_printf(run->arena, "asked for: %s; %s", who_chose(run), run->choice.why));
}

static const char *server(struct run *run)
{
	const struct offload_session *session = &run->session;

	switch (session->server) {
	case OFFLOAD_SERVER_XORG:
		return session->count
			       ? arena_printf(run->arena,
					 "Xorg, screen on %s, other providers: %s%s",
					 session->screen.name ? session->screen.name : "?",
					 session->gpus[0].name, session->count > 1 ? ", ..." : "")
			       : arena_printf(run->arena, "Xorg, screen on %s, no other provider",
					 session->screen.name ? session->screen.name : "?");
	case OFFLOAD_SERVER_XWAYLAND:
		return "Xwayland";
	case OFFLOAD_SERVER_OTHER:
		return "a server without GPUs";
	case OFFLOAD_SERVER_UNKNOWN:
		break;
	}
	return session->login_x11 ? "Xorg" : "an X server of unknown kind";
}

static void explain_session(struct run *run, struct buf *out)
{
	const struct offload_session *session = &run->session;
	const char *type = offload_type_name(session->type);

	if (session->type == OFFLOAD_TTY)
		item(out, "Session", "tty: no display");
	else if (!session->display)
		item(out, "Session", type);
	else if (!session->local)
		item(out, "Session",
			arena_printf(run->arena, "%s, display %s on another machine", type,
				session->display));
	else
		item(out, "Session",
			arena_printf(run->arena, "%s, display %s: %s (%s)", type, session->display,
				server(run), session->source));
}

static void explain_changes(struct run *run, struct buf *out)
{
	const char *label = "Changes";

	if (!run->result.count)
		item(out, label,
			run->choice.nothing_to_do ? "none: there is nothing to do"
						  : "none: this is what the program gets anyway");
	for (size_t i = 0; i < run->result.count; i++) {
		const struct offload_change *change = &run->result.changes[i];
		struct buf line = {0};

		buf_printf(&line, "%s%s%s%s", change->unset ? "unset " : "", change->name,
			change->unset ? "" : "=", change->unset ? "" : change->value);
		item(out, label, buf_text(&line));
		buf_free(&line);
		item(out, "",
			arena_printf(run->arena, "    %s%s%s%s", change->why ? change->why : "",
				change->why ? " (" : "", change->from, change->why ? ")" : ""));
		label = "";
	}
}

static const char *failed_condition(struct run *run, const struct rule_line *line)
{
	if (!line->key)
		return arena_printf(
			run->arena, "line %u, %s, is a mistake", line->from.line, line->value);
	return arena_printf(run->arena, "line %u, %s = %s, does not hold", line->from.line,
		line->key->name, line->value);
}

static void explain_rules(struct run *run, struct buf *out)
{
	const char *label = "Rules";
	size_t shown = 0;

	for (size_t i = 0; !run->options.undo && i < run->reader.count && run->outcomes; i++) {
		const struct rule_outcome *outcome = &run->outcomes[i];
		const struct rule_section *section = outcome->section;

		if (!section->from.file)
			continue;
		item(out, label,
			arena_printf(run->arena, "%s %s:%u %s%s%s",
				outcome->failed ? "skipped" : "used", section->from.file,
				section->from.line, section->header, outcome->failed ? ": " : "",
				outcome->failed ? failed_condition(run, outcome->failed) : ""));
		label = "";
		shown++;
	}
	if (!shown && !run->file_count)
		item(out, label, "there are no rule files");
	else if (!shown)
		item(out, label,
			arena_printf(run->arena, "none of %zu file%s has one for %s",
				run->file_count, run->file_count == 1 ? "" : "s",
				run->subject.name));
}

static void explain_text(struct run *run, struct buf *out)
{
	struct buf command = {0};
	const char *line, *label = "Command";

	item(out, "Program", run->program);
	explain_gpu(run, out);
	explain_session(run, out);
	explain_changes(run, out);
	explain_rules(run, out);
	for (size_t i = 0; i < run->warning_count; i++)
		item(out, i ? "" : "Warnings", run->warnings[i]);
	show_command(run, &command);
	for (line = buf_text(&command); *line; label = "") {
		size_t start = out->length, length = strcspn(line, "\n");

		buf_puts(out, label);
		buf_pad(out, start, MARGIN);
		buf_add(out, line, length);
		buf_putc(out, '\n');
		line += length + (line[length] == '\n');
	}
	buf_free(&command);
}

static void explain_json(struct run *run, struct buf *out)
{
	struct json json = {.out = out};

	json_open(&json, NULL, '{');
	show_json(run, &json);
	json_open(&json, "reasons", '[');
	for (size_t i = 0; i < run->result.count; i++) {
		json_open(&json, NULL, '{');
		json_add_string(&json, "name", run->result.changes[i].name);
		json_add_string(&json, "why", run->result.changes[i].why);
		json_close(&json, '}');
	}
	json_close(&json, ']');
	json_add_string(
		&json, "gpu_why", run->choice.problem ? run->choice.problem : run->choice.why);
	json_add_string(&json, "gpu_from",
		run->settings.gpu.value ? offload_origin(run->arena, run->settings.gpu.from)
					: "default");
	json_add_string(&json, "session_why", run->session.source);
	json_open(&json, "rules", '[');
	for (size_t i = 0; !run->options.undo && i < run->reader.count && run->outcomes; i++) {
		const struct rule_outcome *outcome = &run->outcomes[i];

		if (!outcome->section->from.file)
			continue;
		json_open(&json, NULL, '{');
		json_add_string(&json, "header", outcome->section->header);
		json_add_string(&json, "from", offload_origin(run->arena, outcome->section->from));
		json_add_string(&json, "pattern", outcome->section->pattern);
		json_add_bool(&json, "used", !outcome->failed);
		json_add_string(&json, "skipped",
			outcome->failed ? failed_condition(run, outcome->failed) : NULL);
		json_close(&json, '}');
	}
	json_close(&json, ']');
	json_close(&json, '}');
}

int show_explain(struct run *run)
{
	struct buf out = {0};
	int status;

	if (run->options.json)
		explain_json(run, &out);
	else
		explain_text(run, &out);
	status = run_print(&out);
	buf_free(&out);
	return status;
}
