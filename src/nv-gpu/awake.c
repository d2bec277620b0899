/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/holders.h"
#include "hw/sleep.h"
#include "nv-gpu/gpu.h"

/* Why it is awake, and what to do. */
struct reason {
	const char *id, *what, *cure;
};

struct inquiry {
	struct gpu_run *run;
	struct hw_gpu *gpu;
	struct hw_function *functions;
	size_t function_count;
	struct hw_holders holders;
	struct reason *reasons;
	size_t count;
	bool asleep;
};

static void add(struct inquiry *inquiry, const char *id, const char *what, const char *cure)
{
	*arena_push(inquiry->run->arena, inquiry->reasons, inquiry->count) =
		(struct reason){id, what, cure};
}

static void holders(struct inquiry *inquiry)
{
	struct arena *arena = inquiry->run->arena;

	for (size_t i = 0; i < inquiry->holders.count; i++) {
		const struct hw_holder *holder = &inquiry->holders.list[i];
		const char *nodes = "", *unit = holder->unit;

		/* What is not tied to a GPU keeps none awake by itself. */
		if (!holder->tied)
			continue;
		for (size_t j = 0; j < holder->node_count; j++) {
			const struct hw_held *held = &holder->held[j];

			if (!held->node->gpu || held->node->gpu == inquiry->gpu)
				nodes = arena_printf(arena, "%s%s%s%s", nodes, *nodes ? ", " : "",
					held->node->name,
					held->open ? "" : " (mapped, no longer open)");
		}
		/* The kernel keeps 15 bytes of a name. */
		if (str_starts(holder->name, "nvidia-persiste")) {
			add(inquiry, "persistence",
				arena_printf(arena,
					"nvidia-persistenced (%ld) keeps it initialised",
					holder->pid),
				"systemctl disable --now nvidia-persistenced");
			continue;
		}
		add(inquiry, holder->mapped ? "mapping" : "holder",
			arena_printf(arena, "%s (%ld, %s) holds %s",
				gpu_plain(inquiry->run, holder->name), holder->pid,
				gpu_user(inquiry->run, holder->uid), nodes),
			unit && str_ends(unit, ".service") && !str_starts(unit, "user@")
				? arena_printf(arena, "systemctl %sstop %s",
					  holder->uid >= 1000 ? "--user " : "", unit)
				: arena_printf(arena,
					  "kill %ld; begin it again on another GPU with nv-run",
					  holder->pid));
	}
}

static void functions(struct inquiry *inquiry)
{
	struct arena *arena = inquiry->run->arena;

	for (size_t i = 0; i < inquiry->function_count; i++) {
		const struct hw_function *function = &inquiry->functions[i];
		struct hw *hw = &inquiry->run->hw;

		if (function->control && str_eq(function->control, "on"))
			add(inquiry, "control",
				arena_printf(arena,
					"power/control of %s (%s) is on: it never sleeps",
					function->slot, hw_function_kind_name(function->kind)),
				arena_printf(arena, "echo auto > %s",
					hw_function_file(hw, function, "power/control")));
		if (function->cold == 0)
			add(inquiry, "d3cold",
				arena_printf(arena, "%s may not enter D3cold", function->slot),
				arena_printf(arena, "echo 1 > %s",
					hw_function_file(hw, function, "d3cold_allowed")));
		if (i && !inquiry->asleep && function->status &&
			str_eq(function->status, "active") && function->control &&
			str_eq(function->control, "auto"))
			add(inquiry, "function",
				arena_printf(arena, "its %s function %s (%s) is active",
					hw_function_kind_name(function->kind), function->slot,
					function->driver ? function->driver : "no driver"),
				function->kind == HW_FUNCTION_AUDIO ? "end what plays sound there"
				: function->kind == HW_FUNCTION_USB ? "unplug what is in its port"
								    : "wait a few seconds");
	}
}

static void outputs(struct inquiry *inquiry)
{
	struct hw *hw = &inquiry->run->hw;

	for (size_t i = 0; inquiry->gpu->card >= 0 && i < hw->connector_count; i++) {
		const struct hw_connector *connector = &hw->connectors[i];

		if (connector->card == inquiry->gpu->card && connector->connected)
			add(inquiry, "output",
				arena_printf(inquiry->run->arena, "a monitor is plugged into %s",
					connector->name),
				"unplug it, or switch the output off in the desktop's settings");
	}
}

static void kernel_side(struct inquiry *inquiry)
{
	struct arena *arena = inquiry->run->arena;
	struct hw *hw = &inquiry->run->hw;
	const char *console = hw_console(hw, inquiry->gpu);
	const char *runtime = hw_nvidia_runtime(hw, inquiry->gpu);
	bool daemon = false;

	for (size_t i = 0; i < inquiry->count; i++)
		daemon |= str_eq(inquiry->reasons[i].id, "persistence");
	if (hw_gpu_is_nvidia(inquiry->gpu) && !daemon && inquiry->holders.hidden &&
		hw_nvidia_persistence(hw))
		add(inquiry, "persistence", "nvidia-persistenced runs",
			"systemctl disable --now nvidia-persistenced");
	if (console)
		add(inquiry, "console", "the text console draws on its framebuffer",
			arena_printf(arena, "echo 0 > %s", console));
	if (runtime && (str_starts(runtime, "Disabled") || str_starts(runtime, "Not ")))
		add(inquiry, "module",
			arena_printf(arena, "NVIDIA's driver says of runtime D3: %s", runtime),
			str_starts(runtime, "Disabled")
				? "echo 'options nvidia NVreg_DynamicPowerManagement=0x02' > "
				  "/etc/modprobe.d/nvidia-power.conf, then reboot"
				: "nothing: GPU, firmware or driver cannot");
}

/* The driver's own uses: they are left when all that can be seen is told. */
static void beyond(struct inquiry *inquiry)
{
	const struct hw_function *function = &inquiry->functions[0];
	struct arena *arena = inquiry->run->arena;
	bool held = false;

	for (size_t i = 0; i < inquiry->count; i++)
		held |= !str_eq(inquiry->reasons[i].id, "d3cold");
	if (inquiry->asleep || held)
		return;
	if (inquiry->holders.hidden)
		add(inquiry, "hidden", "what keeps it awake is not to be seen by this user",
			"run nv-gpu awake as root");
	else if (function->status && str_eq(function->status, "unsupported"))
		add(inquiry, "unsupported", "it has no runtime power management",
			"nothing: the driver or the machine cannot");
	else if (function->usage > 0)
		add(inquiry, "driver",
			arena_printf(arena, "the kernel counts %ld uses beyond the holders seen",
				function->usage),
			"look at i2c, audio and console users: nv-gpu show");
	else if (function->status && str_eq(function->status, "active"))
		add(inquiry, "driver",
			"nothing seen holds it: the driver itself, or not idle for long enough",
			"wait a few seconds, then ask again");
}

static void inquire(struct inquiry *inquiry)
{
	struct hw *hw = &inquiry->run->hw;

	inquiry->functions = hw_functions(hw, inquiry->gpu, &inquiry->function_count);
	inquiry->asleep =
		inquiry->functions[0].status && str_eq(inquiry->functions[0].status, "suspended");
	hw_holders_scan(hw, &inquiry->gpu, 1, &inquiry->holders);
	functions(inquiry);
	holders(inquiry);
	outputs(inquiry);
	kernel_side(inquiry);
	beyond(inquiry);
}

static const char *status_of(const struct hw_function *function)
{
	return function->status ? function->status : "unknown";
}

static void print(struct inquiry *inquiry, struct buf *out)
{
	const struct hw_function *own = &inquiry->functions[0];
	const char *unseen = gpu_unseen(inquiry->run, &inquiry->holders);

	buf_printf(out, "%s is %s", gpu_title(inquiry->run, inquiry->gpu),
		inquiry->asleep                    ? "asleep"
		: str_eq(status_of(own), "active") ? "awake"
						   : status_of(own));
	if (own->state)
		buf_printf(out, " (%s)", own->state);
	buf_putc(out, '\n');
	for (size_t i = 0; i < inquiry->function_count; i++) {
		const struct hw_function *function = &inquiry->functions[i];

		buf_printf(out, "  %s %s, control %s", function->slot, status_of(function),
			function->control ? function->control : "unknown");
		if (function->usage >= 0)
			buf_printf(out, ", %ld uses", function->usage);
		buf_putc(out, '\n');
	}
	if (inquiry->asleep && inquiry->count)
		buf_puts(out, "  What could keep it awake later:\n");
	for (size_t i = 0; i < inquiry->count; i++)
		buf_printf(out, "  * %s\n      %s\n", inquiry->reasons[i].what,
			inquiry->reasons[i].cure);
	if (unseen)
		buf_printf(out, "  %s\n", unseen);
}

static void print_json(struct inquiry *inquiry, struct json *json)
{
	json_open(json, NULL, '{');
	json_string(json, "slot", inquiry->gpu->slot);
	json_string(json, "name", hw_gpu_name(&inquiry->run->hw, inquiry->gpu));
	json_bool(json, "asleep", inquiry->asleep);
	json_open(json, "functions", '[');
	for (size_t i = 0; i < inquiry->function_count; i++) {
		const struct hw_function *function = &inquiry->functions[i];

		json_open(json, NULL, '{');
		json_string(json, "slot", function->slot);
		json_string(json, "kind", hw_function_kind_name(function->kind));
		json_string(json, "driver", function->driver);
		json_string(json, "status", function->status);
		json_string(json, "control", function->control);
		json_string(json, "state", function->state);
		json_number(json, "usage", function->usage);
		json_number(json, "d3cold-allowed", function->cold);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_open(json, "reasons", '[');
	for (size_t i = 0; i < inquiry->count; i++) {
		json_open(json, NULL, '{');
		json_string(json, "id", inquiry->reasons[i].id);
		json_string(json, "what", inquiry->reasons[i].what);
		json_string(json, "do", inquiry->reasons[i].cure);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_open(json, "processes", '[');
	for (size_t i = 0; i < inquiry->holders.count; i++)
		gpu_json_holder(inquiry->run, json, &inquiry->holders.list[i]);
	json_close(json, ']');
	gpu_json_unseen(json, &inquiry->holders);
	json_close(json, '}');
}

int awake_run(struct gpu_run *run)
{
	struct buf out = {0};
	struct json json = {.out = &out};
	struct hw_gpu **gpus;
	size_t count;
	int status;

	if (!gpu_select(run, &gpus, &count))
		return EXIT_FAILED;
	if (run->options.watch)
		return awake_watch(run, gpus, count);
	hw_connectors(&run->hw);
	if (run->options.json)
		json_open(&json, NULL, '[');
	for (size_t i = 0; i < count; i++) {
		struct inquiry inquiry = {.run = run, .gpu = gpus[i]};

		inquire(&inquiry);
		if (run->options.json)
			print_json(&inquiry, &json);
		else
			print(&inquiry, &out);
	}
	if (run->options.json) {
		json_close(&json, ']');
		buf_putc(&out, '\n');
	} else if (!count) {
		buf_puts(&out, "There is no GPU on this machine.\n");
	}
	status = gpu_print(&out);
	buf_free(&out);
	return status;
}
