/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/table.h"
#include "nv-gpu/gpu.h"

enum { COLUMNS = 8 };

static const char *nodes(struct gpu_run *run, struct hw_gpu *gpu)
{
	const struct hw_nvidia *nvidia = hw_gpu_nvidia(&run->hw, gpu);
	const char *text = "";

	if (gpu->card >= 0)
		text = arena_printf(run->arena, "card%d", gpu->card);
	if (gpu->render >= 0)
		text = arena_printf(
			run->arena, "%s%srenderD%d", text, *text ? "," : "", gpu->render);
	if (nvidia->minor >= 0)
		text = arena_printf(
			run->arena, "%s%snvidia%d", text, *text ? "," : "", nvidia->minor);
	return *text ? text : "-";
}

/* Connectors with something plugged in, as the kernel knows. */
static const char *outputs(struct gpu_run *run, const struct hw_gpu *gpu)
{
	const char *text = "";

	for (size_t i = 0; gpu->card >= 0 && i < run->hw.connector_count; i++) {
		const struct hw_connector *connector = &run->hw.connectors[i];

		if (connector->card == gpu->card && connector->connected)
			text = arena_printf(
				run->arena, "%s%s%s", text, *text ? "," : "", connector->name);
	}
	return *text ? text : "-";
}

/* "active", "suspended (D3cold)": how deep one sleeps says whether it has power. */
static const char *power(struct gpu_run *run, struct hw_gpu *gpu)
{
	const char *status = hw_gpu_status(&run->hw, gpu), *state = NULL;

	if (str_eq(status, "suspended"))
		state = hw_gpu_state(&run->hw, gpu);
	return state ? arena_printf(run->arena, "%s (%s)", status, state) : status;
}

static void print(struct gpu_run *run, struct buf *out)
{
	static const char *const headings[COLUMNS] = {
		"SLOT", "NAME", "DRIVER", "VERSION", "ROLE", "NODES", "OUTPUTS", "POWER"};
	struct table table = {.columns = COLUMNS};

	table_row(run->arena, &table, headings);
	for (size_t i = 0; i < run->hw.count; i++) {
		struct hw_gpu *gpu = run->hw.gpus[i];
		const char *version = hw_gpu_version(&run->hw, gpu);
		const char *cells[COLUMNS] = {
			gpu->slot,
			hw_gpu_name(&run->hw, gpu),
			gpu->driver ? gpu->driver : "-",
			version ? version : "-",
			hw_role_name(gpu->role),
			nodes(run, gpu),
			outputs(run, gpu),
			power(run, gpu),
		};

		for (size_t j = 0; j < COLUMNS; j++)
			cells[j] = gpu_plain(run, cells[j]);
		table_row(run->arena, &table, cells);
	}
	table_print(&table, out);
}

static void print_gpu(struct gpu_run *run, struct json *json, struct hw_gpu *gpu)
{
	const struct hw_nvidia *nvidia = hw_gpu_nvidia(&run->hw, gpu);

	json_open(json, NULL, '{');
	json_add_string(json, "slot", gpu->slot);
	json_add_string(json, "ids",
		gpu->pci ? arena_printf(run->arena, "%04x:%04x", gpu->vendor, gpu->device) : NULL);
	json_add_string(json, "name", hw_gpu_name(&run->hw, gpu));
	json_add_string(json, "pci-name", hw_gpu_pci_name(&run->hw, gpu));
	json_add_string(json, "driver", gpu->driver);
	json_add_string(json, "driver-version", hw_gpu_version(&run->hw, gpu));
	json_add_string(json, "role", hw_role_name(gpu->role));
	json_add_string(json, "role-why", gpu->role_why);
	json_add_bool(json, "boot", gpu->boot);
	json_add_string(json, "card", hw_node(run->arena, "card", gpu->card));
	json_add_string(json, "render", hw_node(run->arena, "renderD", gpu->render));
	json_add_count(json, "nvidia-minor", nvidia->minor);
	json_add_string(json, "uuid", nvidia->uuid);
	json_open(json, "outputs", '[');
	for (size_t i = 0; gpu->card >= 0 && i < run->hw.connector_count; i++) {
		if (run->hw.connectors[i].card == gpu->card && run->hw.connectors[i].connected)
			json_add_string(json, NULL, run->hw.connectors[i].name);
	}
	json_close(json, ']');
	json_add_string(json, "power", hw_gpu_status(&run->hw, gpu));
	json_add_string(json, "power-state", hw_gpu_state(&run->hw, gpu));
	json_add_string(json, "unusable", hw_gpu_unusable(gpu));
	json_close(json, '}');
}

static void print_json(struct gpu_run *run, struct buf *out)
{
	struct json json = {.out = out};

	json_open(&json, NULL, '[');
	for (size_t i = 0; i < run->hw.count; i++)
		print_gpu(run, &json, run->hw.gpus[i]);
	json_close(&json, ']');
}

int list_run(struct gpu_run *run)
{
	struct buf out = {0};
	int status;

	gpu_scan(run);
	hw_connectors(&run->hw);
	if (run->options.json)
		print_json(run, &out);
	else if (run->hw.count)
		print(run, &out);
	else
		buf_puts(&out, "There is no GPU on this machine.\n");
	status = gpu_print(&out);
	buf_free(&out);
	return status;
}
