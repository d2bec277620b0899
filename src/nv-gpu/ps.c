/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/table.h"
#include "hw/holders.h"
#include "nv-gpu/gpu.h"

enum { COLUMNS = 7 };

/* "card0 nvidia0(map)": nodes without /dev and what is below it alike. */
static const char *nodes(struct gpu_run *run, const struct hw_holder *holder)
{
	const char *text = "";

	for (size_t i = 0; i < holder->node_count; i++) {
		const struct hw_held *held = &holder->held[i];

		text = arena_printf(run->arena, "%s%s%s%s", text, *text ? "," : "",
			str_file_name(held->node->name),
			!held->mapped ? ""
			: held->open  ? "+map"
				      : "(map)");
	}
	return text;
}

/* "1.2s" of all engines, "350M" of all memory; "-" where the driver does not count. */
static const char *usage(struct gpu_run *run, const struct hw_holder *holder, bool memory)
{
	unsigned long long sum = 0;
	bool any = false;

	for (size_t i = 0; i < holder->usage_count; i++) {
		if (holder->usage[i].memory == memory) {
			sum += holder->usage[i].amount;
			any = true;
		}
	}
	if (!any)
		return "-";
	if (!memory)
		return arena_printf(
			run->arena, "%llu.%llus", sum / 1000000000, sum / 100000000 % 10);
	return sum < 10 << 20 ? arena_printf(run->arena, "%lluK", sum >> 10)
			      : arena_printf(run->arena, "%lluM", sum >> 20);
}

static void print_rows(
	struct gpu_run *run, const struct hw_holders *holders, bool tied, struct table *table)
{
	for (size_t i = 0; i < holders->count; i++) {
		const struct hw_holder *holder = &holders->list[i];
		const char *cells[COLUMNS] = {
			arena_printf(run->arena, "%ld", holder->pid),
			gpu_user(run, holder->uid),
			holder->unit ? holder->unit : "-",
			*holder->name ? gpu_plain(run, holder->name) : "-",
			nodes(run, holder),
			usage(run, holder, false),
			usage(run, holder, true),
		};

		if (holder->tied == tied)
			table_row(run->arena, table, cells);
	}
}

static void print_table(
	struct gpu_run *run, const struct hw_holders *holders, bool tied, struct buf *out)
{
	static const char *const headings[COLUMNS] = {
		"PID", "USER", "UNIT", "PROGRAM", "NODES", "BUSY", "MEMORY"};
	struct table table = {.columns = COLUMNS};

	table_row(run->arena, &table, headings);
	print_rows(run, holders, tied, &table);
	table_print(&table, out);
}

const char *gpu_unseen(struct gpu_run *run, const struct hw_holders *holders)
{
	const char *cure = geteuid() ? "run it as root to see all"
				     : "root lacks CAP_SYS_PTRACE here, as in a container";

	if (holders->unreadable)
		return "The processes could not be listed.";
	if (!holders->hidden)
		return holders->hidepid ? arena_printf(run->arena,
						  "Processes of other users are hidden from us "
						  "(hidepid); %s.",
						  cure)
					: NULL;
	return arena_printf(run->arena, "%zu process%s could not be inspected: %s; %s.",
		holders->hidden, holders->hidden == 1 ? "" : "es",
		holders->hidepid ? "permission denied, and others are hidden (hidepid)"
				 : "permission denied",
		cure);
}

static void print(struct gpu_run *run, const struct hw_holders *holders, struct buf *out)
{
	const char *unseen = gpu_unseen(run, holders);
	size_t tied = 0;

	for (size_t i = 0; i < holders->count; i++)
		tied += holders->list[i].tied;
	if (tied)
		print_table(run, holders, true, out);
	else
		buf_printf(out, "No process holds %s.\n", run->options.word_count ? "it" : "a GPU");
	if (tied < holders->count) {
		buf_puts(out, "\nNot tied to one GPU:\n");
		print_table(run, holders, false, out);
	}
	if (unseen)
		buf_printf(out, "\n%s\n", unseen);
}

void gpu_json_holder(struct gpu_run *run, struct json *json, const struct hw_holder *holder)
{
	json_open(json, NULL, '{');
	json_number(json, "pid", holder->pid);
	json_string(json, "user", gpu_user(run, holder->uid));
	json_number(json, "uid", (long)holder->uid);
	json_string(json, "unit", holder->unit);
	json_string(json, "name", holder->name);
	json_string(json, "program", holder->program);
	json_bool(json, "tied", holder->tied);
	json_open(json, "nodes", '[');
	for (size_t i = 0; i < holder->node_count; i++) {
		const struct hw_held *held = &holder->held[i];

		json_open(json, NULL, '{');
		json_string(json, "node", held->node->name);
		json_string(json, "gpu", held->node->gpu ? held->node->gpu->slot : NULL);
		json_number(json, "descriptors", (long)held->open);
		json_bool(json, "mapped", held->mapped);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_open(json, "usage", '[');
	for (size_t i = 0; i < holder->usage_count; i++) {
		const struct hw_usage *used = &holder->usage[i];

		json_open(json, NULL, '{');
		json_string(json, "gpu", used->gpu);
		json_string(json, used->memory ? "memory" : "engine", used->name);
		json_number(json, used->memory ? "bytes" : "ns", (long)used->amount);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_close(json, '}');
}

void gpu_json_unseen(struct json *json, const struct hw_holders *holders)
{
	json_number(json, "hidden", (long)holders->hidden);
	json_bool(json, "hidepid", holders->hidepid);
}

static void print_json(struct gpu_run *run, const struct hw_holders *holders, struct buf *out)
{
	struct json json = {.out = out};

	json_open(&json, NULL, '{');
	json_open(&json, "processes", '[');
	for (size_t i = 0; i < holders->count; i++)
		gpu_json_holder(run, &json, &holders->list[i]);
	json_close(&json, ']');
	gpu_json_unseen(&json, holders);
	json_close(&json, '}');
	buf_putc(out, '\n');
}

int ps_run(struct gpu_run *run)
{
	struct hw_holders holders;
	struct hw_gpu **gpus;
	struct buf out = {0};
	size_t count;
	int status;

	if (!gpu_select(run, &gpus, &count))
		return EXIT_FAILED;
	hw_holders_scan(&run->hw, gpus, count, &holders);
	if (run->options.json)
		print_json(run, &holders, &out);
	else
		print(run, &holders, &out);
	status = gpu_print(&out);
	buf_free(&out);
	return status;
}
