/* SPDX-License-Identifier: MIT */
#include "nv-gpu/awake.h"

#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

/* What runtime_status says, in words. */
static const char *state_of(const struct inquiry *inquiry)
{
	static const struct {
		const char *status, *words;
	} states[] = {
		{"suspended", "asleep"},
		{"active", "awake"},
		{"suspending", "falling asleep"},
		{"resuming", "waking up"},
		{"unsupported", "awake"},
		{"error", "in an error of its power management"},
	};
	const char *status = inquiry->functions[0].status;

	for (size_t i = 0; status && i < sizeof(states) / sizeof(*states); i++) {
		if (str_eq(states[i].status, status))
			return states[i].words;
	}
	return "awake or asleep: the kernel does not tell";
}

static void print_function(
	struct inquiry *inquiry, const struct hw_function *function, struct buf *out)
{
	struct gpu_run *run = inquiry->run;

	buf_printf(out, "  %s %s, control %s", function->slot,
		function->status ? gpu_plain(run, function->status) : "unknown",
		function->control ? gpu_plain(run, function->control) : "unknown");
	if (function->usage >= 0)
		buf_printf(out, ", %ld use%s", function->usage, function->usage == 1 ? "" : "s");
	buf_putc(out, '\n');
}

/* Each line of a text, indented. */
static void print_lines(const char *text, struct buf *out)
{
	while (text && *text) {
		size_t length = strcspn(text, "\n");

		buf_printf(out, "      %.*s\n", (int)length, text);
		text += length + (text[length] == '\n');
	}
}

static void print(struct inquiry *inquiry, struct buf *out)
{
	const char *state = inquiry->functions[0].state;

	buf_printf(out, "%s is %s", gpu_title(inquiry->run, inquiry->gpu), state_of(inquiry));
	if (state)
		buf_printf(out, " (%s)", gpu_plain(inquiry->run, state));
	buf_putc(out, '\n');
	for (size_t i = 0; i < inquiry->function_count; i++)
		print_function(inquiry, &inquiry->functions[i], out);
	if (inquiry->asleep && inquiry->count)
		buf_puts(out, "  What could keep it awake later, or its sleep from being deep:\n");
	for (size_t i = 0; i < inquiry->count; i++) {
		const struct reason *reason = &inquiry->reasons[i];

		buf_printf(out, "  * %s\n", reason->what);
		print_lines(reason->cure, out);
		print_lines(reason->later, out);
	}
}

static void json_function(
	struct json *json, const char *name, const struct hw_function *functions, size_t count)
{
	json_open(json, name, '[');
	for (size_t i = 0; i < count; i++) {
		const struct hw_function *function = &functions[i];

		json_open(json, NULL, '{');
		json_add_string(json, "slot", function->slot);
		json_add_string(json, "kind", hw_function_kind_name(function->kind));
		json_add_string(json, "driver", function->driver);
		json_add_string(json, "status", function->status);
		json_add_string(json, "control", function->control);
		json_add_string(json, "state", function->state);
		json_add_count(json, "usage", function->usage);
		json_add_count(json, "active-children", function->children);
		if (function->cold < 0)
			json_add_null(json, "d3cold-allowed");
		else
			json_add_bool(json, "d3cold-allowed", function->cold);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static bool is_of(const struct inquiry *inquiry, const struct hw_holder *holder)
{
	for (size_t i = 0; i < holder->node_count; i++) {
		if (holder->held[i].node->gpu == inquiry->gpu)
			return true;
	}
	return false;
}

static void print_json(struct inquiry *inquiry, struct json *json)
{
	const char *status = inquiry->functions[0].status;

	json_open(json, NULL, '{');
	json_add_string(json, "slot", inquiry->gpu->slot);
	json_add_string(json, "name", hw_gpu_name(&inquiry->run->hw, inquiry->gpu));
	if (status)
		json_add_bool(json, "asleep", inquiry->asleep);
	else
		json_add_null(json, "asleep");
	json_function(json, "functions", inquiry->functions, inquiry->function_count);
	json_function(json, "ports", inquiry->ports, inquiry->port_count);
	json_open(json, "reasons", '[');
	for (size_t i = 0; i < inquiry->count; i++) {
		const struct reason *reason = &inquiry->reasons[i];

		json_open(json, NULL, '{');
		json_add_string(json, "id", reason->id);
		json_add_bool(json, "keeps-awake", reason->keeps);
		json_add_string(json, "what", reason->what);
		json_add_string(json, "do", reason->cure);
		json_add_string(json, "later", reason->later);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_open(json, "processes", '[');
	for (size_t i = 0; i < inquiry->holders->count; i++) {
		if (is_of(inquiry, &inquiry->holders->list[i]))
			gpu_json_holder(inquiry->run, json, &inquiry->holders->list[i]);
	}
	json_close(json, ']');
	gpu_json_unseen(inquiry->run, json, inquiry->holders);
	json_close(json, '}');
}

static void answer(struct gpu_run *run, struct hw_gpu **gpus, size_t count, struct buf *out)
{
	struct json json = {.out = out};
	struct hw_holders holders;
	const char *unseen;

	hw_connectors(&run->hw);
	hw_holders_scan(&run->hw, gpus, count, &holders);
	if (run->options.json)
		json_open(&json, NULL, '[');
	for (size_t i = 0; i < count; i++) {
		struct inquiry inquiry = {.run = run, .gpu = gpus[i], .holders = &holders};

		awake_inquire(&inquiry);
		if (run->options.json)
			print_json(&inquiry, &json);
		else
			print(&inquiry, out);
	}
	unseen = gpu_unseen(run, &holders);
	if (run->options.json)
		json_close(&json, ']');
	else if (!count)
		buf_puts(out, "There is no GPU on this machine.\n");
	else if (unseen)
		buf_printf(out, "\n%s\n", unseen);
}

int awake_run(struct gpu_run *run)
{
	struct buf out = {0};
	struct hw_gpu **gpus;
	size_t count;
	int status;

	if (!gpu_select(run, &gpus, &count))
		return EXIT_FAILED;
	if (run->options.watch)
		return awake_watch(run, gpus, count);
	answer(run, gpus, count, &out);
	status = gpu_print(&out);
	buf_free(&out);
	return status;
}
