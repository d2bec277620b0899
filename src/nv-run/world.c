/* SPDX-License-Identifier: MIT */
/* world: facts of the machine, read when something first depends on them. */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-run/run.h"

static const char *const machine_file = NV_MACHINE_CONF;

static void read_machine(struct run *run)
{
	int fd = hw_root_open(&run->hw.root, machine_file, O_RDONLY);

	rule_reader_init(&run->machine, run->arena, machine_keys, NULL);
	if (fd < 0 && errno == ENOENT)
		return;
	rules_read_file(run, &run->machine, fd, machine_file);
	if (run->options.action != RUN_CHECK)
		rules_warn(run, &run->machine);
}

void world_gpus(struct run *run, bool all)
{
	if (!run->hw_ready)
		read_machine(run);
	run->hw_ready = true;
	if (all)
		hw_scan_all(&run->hw);
	else
		hw_scan_drm(&run->hw);
	offload_roles(run->arena, &run->machine, run->hw.gpus, run->hw.count);
	hw_judge(&run->hw);
}

/* Fills what offload_choose compares besides the fields of the scan. */
static void fill(struct run *run, const struct rule_selector *selector)
{
	for (size_t i = 0; i < run->hw.count; i++) {
		if (selector->kind == RULE_SELECT_NAME)
			hw_gpu_name(&run->hw, run->hw.gpus[i]);
		if (selector->kind == RULE_SELECT_UUID)
			hw_gpu_nvidia(&run->hw, run->hw.gpus[i]);
	}
}

void world_choose(
	struct run *run, const struct rule_selector *selector, struct offload_choice *choice)
{
	bool needs_gpus =
		selector->kind != RULE_SELECT_NONE && selector->kind != RULE_SELECT_SOFTWARE;

	for (int all = 0; all < 2; all++) {
		if (needs_gpus) {
			world_gpus(run, all);
			fill(run, selector);
		}
		offload_choose(run->arena, run->hw.gpus, run->hw.count, selector, choice);
		if (!choice->unsure)
			break;
	}
}

static bool gpu_is_present(struct run *run, const char *text)
{
	struct rule_selector selector;

	if (rule_selector_parse(run->arena, text, &selector))
		return false;
	for (int all = 0; all < 2; all++) {
		world_gpus(run, all);
		fill(run, &selector);
		if (offload_present(run->hw.gpus, run->hw.count, &selector))
			return true;
	}
	return false;
}

static bool discrete_is_awake(struct run *run)
{
	world_gpus(run, false);
	for (size_t i = 0; i < run->hw.count; i++) {
		struct hw_gpu *gpu = run->hw.gpus[i];
		const char *status;

		if (gpu->role == HW_INTEGRATED)
			continue;
		status = hw_gpu_status(&run->hw, gpu);
		/* "unsupported": it cannot sleep. */
		if (str_eq(status, "active") || str_eq(status, "unsupported"))
			return true;
	}
	return false;
}

bool world_holds(void *context, enum rule_condition condition, const char *value)
{
	struct run *run = context;

	switch (condition) {
	case RULE_WHEN_POWER:
		return str_eq(value, hw_on_mains(&run->hw) ? "ac" : "battery");
	case RULE_WHEN_SESSION:
		return str_eq(value, offload_type_name(run->session.type));
	case RULE_WHEN_GPU:
		return gpu_is_present(run, value);
	case RULE_WHEN_AWAKE:
		return str_eq(value, discrete_is_awake(run) ? "yes" : "no");
	case RULE_WHEN_DISPLAY:
		return hw_external_display(&run->hw);
	case RULE_WHEN_HOST:
		return fnmatch(value, hw_hostname(&run->hw), 0) == 0;
	}
	return false;
}

const char *world_variable(void *context, const char *name)
{
	const struct run *run = context;

	return offload_env(run->environment, name);
}
