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

/* What is shown: of which GPUs, and who has them. */
struct view {
	struct gpu_run *run;
	struct hw_gpu **gpus;
	size_t count;
	struct hw_holders holders;
};

static bool is_shown(const struct view *view, const char *slot)
{
	for (size_t i = 0; i < view->count; i++) {
		if (str_eq(view->gpus[i]->slot, slot))
			return true;
	}
	return false;
}

/* "card0", "vfio/12": a number alone would say nothing. */
static const char *short_name(const char *path)
{
	return str_starts(path, "/dev/vfio/") ? path + strlen("/dev/") : str_file_name(path);
}

/* "card0 nvidia0(map)": nodes without /dev and what is below it alike. */
static const char *nodes(struct gpu_run *run, const struct hw_holder *holder)
{
	const char *text = "";

	for (size_t i = 0; i < holder->node_count; i++) {
		const struct hw_held *held = &holder->held[i];

		text = arena_printf(run->arena, "%s%s%s%s", text, *text ? "," : "",
			short_name(held->node->name),
			!held->mapped ? ""
			: held->open  ? "+map"
				      : "(map)");
	}
	return text;
}

/*
 * "1.2s" of all engines, "350M" of all memory; "-" where the driver does not count, "asleep" where
 * it would wake the GPU for that.
 */
static const char *usage(const struct view *view, const struct hw_holder *holder, bool memory)
{
	struct arena *arena = view->run->arena;
	unsigned long long sum = 0;
	bool any = false;

	for (size_t i = 0; i < holder->usage_count; i++) {
		if (holder->usage[i].memory == memory && is_shown(view, holder->usage[i].gpu)) {
			sum += holder->usage[i].amount;
			any = true;
		}
	}
	if (!any)
		return holder->uncounted ? "asleep" : "-";
	if (!memory)
		return arena_printf(arena, "%llu.%llus", sum / 1000000000, sum / 100000000 % 10);
	return sum < 10 << 20 ? arena_printf(arena, "%lluK", sum >> 10)
			      : arena_printf(arena, "%lluM", sum >> 20);
}

/* Whose it is: what one may stop. */
static const char *unit(struct gpu_run *run, const struct hw_holder *holder)
{
	if (holder->container)
		return gpu_plain(run, holder->container);
	return holder->unit ? gpu_plain(run, holder->unit) : "-";
}

static void print_rows(const struct view *view, bool tied, struct table *table)
{
	struct gpu_run *run = view->run;

	for (size_t i = 0; i < view->holders.count; i++) {
		const struct hw_holder *holder = &view->holders.list[i];
		const char *cells[COLUMNS] = {
			arena_printf(run->arena, "%ld", holder->pid),
			gpu_user(run, holder->uid),
			unit(run, holder),
			*holder->name ? gpu_plain(run, holder->name) : "-",
			nodes(run, holder),
			usage(view, holder, false),
			usage(view, holder, true),
		};

		if (holder->tied == tied)
			table_row(run->arena, table, cells);
	}
}

static void print_table(const struct view *view, bool tied, struct buf *out)
{
	static const char *const headings[COLUMNS] = {
		"PID", "USER", "UNIT", "PROGRAM", "NODES", "BUSY", "MEMORY"};
	struct table table = {.columns = COLUMNS};

	table_row(view->run->arena, &table, headings);
	print_rows(view, tied, &table);
	table_print(&table, out);
}

const char *gpu_unseen(struct gpu_run *run, const struct hw_holders *holders)
{
	const char *cure = geteuid() ? "run it as root to see all"
				     : "root may not look at them here: a container, or a security "
				       "module";
	const char *text = "";

	if (holders->unreadable)
		return "The processes could not be listed.";
	if (holders->hidden)
		text = arena_printf(run->arena,
			"%zu process%s could not be inspected: permission denied; %s.",
			holders->hidden, holders->hidden == 1 ? "" : "es", cure);
	if (holders->hidepid)
		text = arena_printf(run->arena,
			"%s%sThe processes of others are hidden (hidepid); %s.", text,
			*text ? " " : "", cure);
	if (holders->contained)
		text = arena_printf(run->arena,
			"%s%sOnly the processes of this container are seen; run it on the host to "
			"see all.",
			text, *text ? " " : "");
	return *text ? text : NULL;
}

static void print(const struct view *view, struct buf *out)
{
	const struct hw_holders *holders = &view->holders;
	const char *unseen = gpu_unseen(view->run, holders);
	size_t tied = 0;

	for (size_t i = 0; i < holders->count; i++)
		tied += holders->list[i].tied;
	if (tied)
		print_table(view, true, out);
	else if (view->run->hw.count)
		buf_printf(out, "No process %sholds %s.\n", unseen ? "that is seen " : "",
			view->run->options.word_count ? "it" : "a GPU");
	else
		buf_puts(out, "There is no GPU on this machine.\n");
	if (tied < holders->count) {
		buf_puts(out, "\nNot tied to one GPU:\n");
		print_table(view, false, out);
	}
	if (unseen)
		buf_printf(out, "\n%s\n", unseen);
}

void gpu_json_holder(struct gpu_run *run, struct json *json, const struct hw_holder *holder)
{
	json_open(json, NULL, '{');
	json_add_number(json, "pid", holder->pid);
	json_add_string(json, "user", gpu_user(run, holder->uid));
	json_add_number(json, "uid", (long)holder->uid);
	json_add_string(json, "unit", holder->unit);
	json_add_string(json, "container", holder->container);
	json_add_string(json, "name", *holder->name ? holder->name : NULL);
	json_add_string(json, "program", holder->program);
	json_add_bool(json, "tied", holder->tied);
	json_open(json, "nodes", '[');
	for (size_t i = 0; i < holder->node_count; i++) {
		const struct hw_held *held = &holder->held[i];

		json_open(json, NULL, '{');
		json_add_string(json, "node", held->node->name);
		json_add_string(json, "gpu", held->node->gpu ? held->node->gpu->slot : NULL);
		json_add_number(json, "descriptors", (long)held->open);
		json_add_bool(json, "mapped", held->mapped);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_open(json, "usage", '[');
	for (size_t i = 0; i < holder->usage_count; i++) {
		const struct hw_usage *used = &holder->usage[i];

		json_open(json, NULL, '{');
		json_add_string(json, "gpu", used->gpu);
		json_add_string(json, used->memory ? "memory" : "engine", used->name);
		json_add_number(json, used->memory ? "bytes" : "ns", (long)used->amount);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_add_bool(json, "asleep", holder->uncounted);
	json_close(json, '}');
}

void gpu_json_unseen(struct gpu_run *run, struct json *json, const struct hw_holders *holders)
{
	json_add_number(json, "hidden", (long)holders->hidden);
	json_add_bool(json, "hidepid", holders->hidepid);
	json_add_bool(json, "contained", holders->contained);
	json_add_string(json, "unseen", gpu_unseen(run, holders));
}

static void print_json(const struct view *view, struct buf *out)
{
	struct json json = {.out = out};

	json_open(&json, NULL, '{');
	json_open(&json, "processes", '[');
	for (size_t i = 0; i < view->holders.count; i++)
		gpu_json_holder(view->run, &json, &view->holders.list[i]);
	json_close(&json, ']');
	gpu_json_unseen(view->run, &json, &view->holders);
	json_close(&json, '}');
}

int ps_run(struct gpu_run *run)
{
	struct view view = {.run = run};
	struct buf out = {0};
	int status;

	if (!gpu_select(run, &view.gpus, &view.count))
		return EXIT_FAILED;
	hw_holders_scan(&run->hw, view.gpus, view.count, &view.holders);
	if (run->options.json)
		print_json(&view, &out);
	else
		print(&view, &out);
	status = gpu_print(&out);
	buf_free(&out);
	return status;
}
