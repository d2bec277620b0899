/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-run/run.h"

/* Options become the topmost section. */
static bool add_options(struct run *run)
{
	for (size_t i = 0; i < run->options.line_count; i++) {
		const struct run_line *line = &run->options.lines[i];
		const char *wrong = rule_add(&run->reader, line->key, line->value, line->literal);

		if (wrong) {
			log_usage(wrong);
			return false;
		}
	}
	return true;
}

static bool read_settings(struct run *run)
{
	const struct rule_world world = {world_holds, world_variable, run};

	rule_reader_init(&run->reader, run->arena, rule_keys, &run->subject);
	if (!rules_read(run) || !add_options(run))
		return false;
	rule_resolve(&run->reader, &world, &run->settings, &run->outcomes);
	rules_warn(run, &run->reader);
	return true;
}

/* The GPU asked for is not to be had: fallback says what then. */
static int fall_back(struct run *run)
{
	const struct rule_setting *fallback = &run->settings.fallback;
	const char *problem = run->choice.problem;

	if (fallback->value && str_eq(fallback->value, "fail")) {
		log_error("%s; not starting '%s', as fallback = fail (%s)", problem,
			run->arguments[0], offload_origin(run->arena, fallback->from));
		return EXIT_NV_RUN;
	}
	if (!fallback->value || !str_eq(fallback->value, "quiet"))
		run_warn(run, "%s; starting on the default GPU", problem);
	return 0;
}

static void choose(struct run *run)
{
	struct rule_selector selector = {.kind = RULE_SELECT_AUTO, .index = -1, .text = "auto"};

	if (run->settings.gpu.value)
		rule_selector_parse(run->arena, run->settings.gpu.value, &selector);
	world_choose(run, &selector, &run->choice);
}

struct offload_input decide_input(const struct run *run)
{
	return (struct offload_input){
		.settings = &run->settings,
		.gpus = run->hw.gpus,
		.count = run->hw.count,
		.choice = &run->choice,
		.session = &run->session,
		.stack = &run->stack,
		.sandboxed = run->sandboxed,
		.environment = run->environment,
	};
}

static size_t nvidia_gpus(const struct run *run)
{
	size_t count = 0;

	for (size_t i = 0; i < run->hw.count; i++)
		count += hw_gpu_is_nvidia(run->hw.gpus[i]);
	return count;
}

/* A rule for CUDA or Vulkan may name a GPU although none was chosen, and by what is read only on
 * demand. */
static void look_for_named(struct run *run)
{
	static const enum rule_api apis[] = {RULE_CUDA, RULE_VULKAN};

	for (size_t i = 0; i < sizeof(apis) / sizeof(*apis); i++) {
		const char *value = run->settings.api[apis[i]].value;
		struct rule_selector selector;
		struct offload_choice found;

		if (value && !rule_selector_parse(run->arena, value, &selector) &&
			selector.kind != RULE_SELECT_AUTO)
			world_choose(run, &selector, &found);
	}
}

/* What the plan will ask about, and no more. */
static void plan(struct run *run)
{
	struct offload_input input;
	unsigned parts;

	look_for_named(run);
	/* Its driver without DRM nodes is out of sight, and still to be kept asleep. */
	if (run->choice.gpu && !nvidia_gpus(run) && hw_module_loaded(&run->hw, "nvidia"))
		world_gpus(run, true);
	input = decide_input(run);
	if (offload_wants_session(&input))
		session_read(run);
	parts = offload_wants(&input);
	hw_stack_probe(
		&run->hw, &run->stack, parts, offload_env(run->environment, "LD_LIBRARY_PATH"));
	/* What cannot be kept from NVIDIA's GPU is worth a warning only where there is one. */
	if (run->choice.selector.kind == RULE_SELECT_SOFTWARE && !run->stack.mesa_egl) {
		world_gpus(run, true);
		input = decide_input(run);
	}
	/* A server with a provider to offload to settles that the driver is not too old for it. */
	if (run->choice.gpu && hw_gpu_is_legacy(run->choice.gpu) && !run->session.count)
		input.nvidia_major = hw_nvidia_major(&run->hw);
	for (size_t i = 0; nvidia_gpus(run) > 1 && i < run->hw.count; i++)
		hw_gpu_nvidia(&run->hw, run->hw.gpus[i]);
	offload_plan(run->arena, &input, &run->result);
	for (size_t i = 0; i < run->result.warning_count; i++)
		run_warn(run, "%s", run->result.warnings[i]);
}

/* Says which program has which wrapper. */
static const char *mark(const struct run *run)
{
	const char *text = run->program;

	for (const char **word = run->settings.wrap; *word; word++)
		text = arena_printf(run->arena, "%s\n%s", text, *word);
	return text;
}

/* Why a wrapper found in PATH is left out, or NULL. */
static const char *needless(struct run *run, const char *wrapper)
{
	const char *before = environ_mark(run->arena, run->inherited);

	if (program_is_self(run->arena, wrapper))
		return "it is nv-run itself";
	run->mark = mark(run);
	return before && str_eq(before, run->mark) ? "an outer nv-run has started it" : NULL;
}

/* The wrapper's words go before PROGRAM as it was typed. A wrapper that is missing, or nv-run
 * itself without end, is left out: the program shall start. */
static void command(struct run *run)
{
	const char **wrap = run->settings.wrap, *wrapper;
	const char *from = offload_origin(run->arena, run->settings.wrap_from);
	const char *problem;
	char **arguments = NULL;
	size_t count = 0;

	run->command = run->program;
	run->command_arguments = run->arguments;
	if (!wrap)
		return;
	wrapper = program_path(run, wrap[0]);
	problem = wrapper           ? needless(run, wrapper)
		  : errno == ENOENT ? "not found"
				    : strerror(errno);
	if (problem) {
		run->mark = NULL;
		run_warn(run, "%s: the wrapper '%s' is left out: %s", from, wrap[0], problem);
		return;
	}
	for (; *wrap; wrap++)
		*arena_push(run->arena, arguments, count) = (char *)*wrap;
	for (char **argument = run->arguments; *argument; argument++)
		*arena_push(run->arena, arguments, count) = *argument;
	*arena_push(run->arena, arguments, count) = NULL;
	run->command = wrapper;
	run->command_arguments = arguments;
}

/* Warnings are shown in a dry run's own words; here they go before the program's output. */
static int tell_warnings(const struct run *run)
{
	bool shown = run->options.action == RUN_START || run->options.strict;

	for (size_t i = 0; i < run->warning_count && shown; i++) {
		if (run->options.strict)
			log_error("%s", run->warnings[i]);
		else
			log_warning("%s", run->warnings[i]);
	}
	return run->options.strict && run->warning_count ? run_refuse(run) : 0;
}

int decide(struct run *run)
{
	int status;

	offload_session_guess(run->arena, run->environment, &run->session);
	if (run->options.undo) {
		run->choice.nothing_to_do = true;
		run->choice.why = "--undo gives the environment back";
		environ_compare(run->arena, run->inherited, run->environment, &run->result);
		command(run);
		return tell_warnings(run);
	}
	if (!read_settings(run))
		return EXIT_NV_RUN;
	choose(run);
	if (run->choice.problem) {
		status = fall_back(run);
		if (status)
			return status;
	}
	plan(run);
	command(run);
	return tell_warnings(run);
}
