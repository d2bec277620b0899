/* SPDX-License-Identifier: MIT */
/* show: what would be done, as a command and as JSON. */
#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-run/run.h"

void show_command(const struct run *run, struct buf *out)
{
	const struct offload_result *result = &run->result;

	if (result->count)
		buf_puts(out, "env ");
	for (size_t i = 0; i < result->count; i++) {
		const struct offload_change *change = &result->changes[i];

		if (change->unset)
			buf_puts(out, "-u ");
		str_shell_quote(out, change->name);
		if (!change->unset) {
			buf_putc(out, '=');
			if (*change->value)
				str_shell_quote(out, change->value);
		}
		buf_puts(out, " \\\n    ");
	}
	for (char **argument = run->command_arguments; *argument; argument++) {
		if (argument != run->command_arguments)
			buf_putc(out, ' ');
		str_shell_quote(out, *argument);
	}
	buf_putc(out, '\n');
}

static void json_gpu(struct run *run, struct json *json)
{
	const struct hw_gpu *gpu = run->choice.gpu;

	if (!gpu) {
		json_add_null(json, "gpu");
		return;
	}
	json_open(json, "gpu", '{');
	json_add_string(json, "slot", gpu->slot);
	json_add_string(
		json, "vendor", gpu->pci ? arena_printf(run->arena, "%04x", gpu->vendor) : NULL);
	json_add_string(
		json, "device", gpu->pci ? arena_printf(run->arena, "%04x", gpu->device) : NULL);
	json_add_string(json, "driver", gpu->driver);
	json_add_string(json, "role", hw_role_name(gpu->role));
	json_add_bool(json, "boot", gpu->boot);
	json_close(json, '}');
}

static void json_change(struct json *json, const struct offload_change *change)
{
	json_open(json, NULL, '{');
	json_add_string(json, "op", change->unset ? "unset" : "set");
	json_add_string(json, "name", change->name);
	if (!change->unset)
		json_add_string(json, "value", change->value);
	json_add_string(json, "from", change->from);
	json_close(json, '}');
}

void show_json(struct run *run, struct json *json)
{
	json_add_string(json, "program", run->command);
	json_open(json, "argv", '[');
	for (char **argument = run->command_arguments; *argument; argument++)
		json_add_string(json, NULL, *argument);
	json_close(json, ']');
	json_gpu(run, json);
	json_add_string(json, "session", offload_type_name(run->session.type));
	json_open(json, "changes", '[');
	for (size_t i = 0; i < run->result.count; i++)
		json_change(json, &run->result.changes[i]);
	json_close(json, ']');
	json_open(json, "warnings", '[');
	for (size_t i = 0; i < run->warning_count; i++)
		json_add_string(json, NULL, run->warnings[i]);
	json_close(json, ']');
}

int show_dry(struct run *run)
{
	struct buf out = {0};
	struct json json = {.out = &out};
	int status;

	if (run->options.json) {
		json_open(&json, NULL, '{');
		show_json(run, &json);
		json_close(&json, '}');
	} else {
		for (size_t i = 0; i < run->warning_count; i++)
			log_warning("%s", run->warnings[i]);
		show_command(run, &out);
	}
	status = run_print(&out);
	buf_free(&out);
	return status;
}
