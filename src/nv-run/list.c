/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/table.h"
#include "nv-run/run.h"

enum { COLUMNS = 8 };

static const char *const headings[COLUMNS] = {
	"SLOT",
	"ID",
	"NAME",
	"DRIVER",
	"ROLE",
	"NODES",
	"BOOT",
	"POWER",
};

static const char *nodes(struct run *run, const struct hw_gpu *gpu)
{
	const char *text = "-";

	if (gpu->card >= 0)
		text = arena_printf(run->arena, "card%d", gpu->card);
	if (gpu->render >= 0)
		text = arena_printf(run->arena, "%s%srenderD%d", gpu->card >= 0 ? text : "",
			gpu->card >= 0 ? "," : "", gpu->render);
	return text;
}

static void describe(struct run *run, struct hw_gpu *gpu, const char *cells[COLUMNS])
{
	cells[0] = gpu->slot;
	cells[1] = gpu->pci ? arena_printf(run->arena, "%04x:%04x", gpu->vendor, gpu->device) : "-";
	cells[2] = hw_gpu_name(&run->hw, gpu);
	cells[3] = gpu->driver ? gpu->driver : "-";
	cells[4] = hw_role_name(gpu->role);
	cells[5] = nodes(run, gpu);
	cells[6] = gpu->boot ? "yes" : "-";
	cells[7] = hw_gpu_status(&run->hw, gpu);
}

static void print_table(struct run *run, struct buf *out)
{
	struct table table = {.columns = COLUMNS};

	table_row(run->arena, &table, headings);
	for (size_t i = 0; i < run->hw.count; i++) {
		const char *cells[COLUMNS];

		describe(run, run->hw.gpus[i], cells);
		table_row(run->arena, &table, cells);
	}
	table_print(&table, out);
}

static void print_json(struct run *run, struct buf *out)
{
	struct json json = {.out = out};

	json_open(&json, NULL, '[');
	for (size_t i = 0; i < run->hw.count; i++) {
		struct hw_gpu *gpu = run->hw.gpus[i];

		json_open(&json, NULL, '{');
		json_add_string(&json, "slot", gpu->slot);
		json_add_string(&json, "vendor",
			gpu->pci ? arena_printf(run->arena, "%04x", gpu->vendor) : NULL);
		json_add_string(&json, "device",
			gpu->pci ? arena_printf(run->arena, "%04x", gpu->device) : NULL);
		json_add_string(&json, "name", hw_gpu_name(&run->hw, gpu));
		json_add_string(&json, "driver", gpu->driver);
		json_add_string(&json, "role", hw_role_name(gpu->role));
		json_add_string(&json, "role_why", gpu->role_why);
		json_add_bool(&json, "boot", gpu->boot);
		json_add_bool(&json, "external", gpu->role == HW_EXTERNAL);
		json_add_string(&json, "card", hw_node(run->arena, "card", gpu->card));
		json_add_string(&json, "render", hw_node(run->arena, "renderD", gpu->render));
		json_add_string(&json, "runtime_status", hw_gpu_status(&run->hw, gpu));
		json_add_string(&json, "uuid", hw_gpu_nvidia(&run->hw, gpu)->uuid);
		json_add_string(&json, "unusable", hw_gpu_unusable(gpu));
		json_close(&json, '}');
	}
	json_close(&json, ']');
}

int list_gpus(struct run *run)
{
	struct buf out = {0};
	int status;

	world_gpus(run, true);
	for (size_t i = 0; i < run->warning_count; i++)
		log_warning("%s", run->warnings[i]);
	if (run->options.json)
		print_json(run, &out);
	else if (run->hw.count)
		print_table(run, &out);
	else
		buf_puts(&out, "There is no GPU on this machine.\n");
	status = run_print(&out);
	buf_free(&out);
	return status;
}

/* "word<TAB>description" lines. */
int list_completions(struct run *run)
{
	struct buf out = {0};
	int status;

	if (str_eq(run->options.complete, "keys")) {
		for (const struct rule_key *key = rule_keys; key->name; key++)
			if (key->kind != RULE_WHEN)
				buf_printf(&out, "%s\t%s\n", key->name, key->help);
	} else if (str_eq(run->options.complete, "gpus")) {
		for (size_t i = 0; rule_selector_words[i]; i++)
			buf_printf(&out, "%s\t\n", rule_selector_words[i]);
		world_gpus(run, true);
		for (size_t i = 0; i < run->hw.count; i++)
			buf_printf(&out, "%s\t%s\n", run->hw.gpus[i]->slot,
				hw_gpu_name(&run->hw, run->hw.gpus[i]));
	} else {
		log_error("--complete takes gpus or keys, not '%s'", run->options.complete);
		return EXIT_NV_RUN;
	}
	status = run_print(&out);
	buf_free(&out);
	return status;
}
