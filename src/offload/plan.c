/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "offload/internal.h"

const char *offload_env(char *const *environment, const char *name)
{
	size_t length = strlen(name);

	for (; environment && *environment; environment++) {
		if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
			return *environment + length + 1;
	}
	return NULL;
}

const char *offload_origin(struct arena *arena, struct rule_origin origin)
{
	return origin.file ? arena_printf(arena, "%s:%u", origin.file, origin.line) : "option";
}

/* A screen of NVIDIA's provider may come without a slot: then it is the only such GPU's. */
static struct hw_gpu *screen_gpu(const struct offload_input *input)
{
	const struct offload_provider *screen = &input->session->screen;
	struct hw_gpu *found = NULL;
	size_t count = 0;

	for (size_t i = 0; i < input->count; i++) {
		struct hw_gpu *gpu = input->gpus[i];

		if (screen->slot && str_eq(gpu->slot, screen->slot))
			return gpu;
		if (!screen->slot && screen->name && str_starts(screen->name, "NVIDIA-") &&
			hw_gpu_is_nvidia(gpu)) {
			found = gpu;
			count++;
		}
	}
	return count == 1 ? found : NULL;
}

static struct hw_gpu *boot_gpu(const struct offload_input *input)
{
	for (size_t i = 0; i < input->count; i++) {
		struct hw_gpu *gpu = input->gpus[i];

		if (gpu && gpu->boot)
			return gpu;
	}
	return NULL;
}

struct hw_gpu *offload_display_gpu(const struct offload_input *input)
{
	struct hw_gpu *screen = screen_gpu(input);

	return screen ? screen : boot_gpu(input);
}

size_t plan_nvidia_count(const struct plan *plan)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->input->count; i++)
		count += hw_gpu_is_nvidia(plan->input->gpus[i]);
	return count;
}

const char *plan_gpu(const struct plan *plan, const struct hw_gpu *gpu)
{
	const char *name = gpu->nvidia && gpu->nvidia->model ? gpu->nvidia->model : gpu->name;

	return arena_printf(
		plan->arena, "%s (%s)", name ? name : gpu->slot, name ? gpu->slot : gpu->driver);
}

static struct plan_entry *find(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->count; i++) {
		if (str_eq(plan->entries[i].name, name))
			return &plan->entries[i];
	}
	return NULL;
}

const char *plan_value(const struct plan *plan, const char *name)
{
	const struct plan_entry *entry = find(plan, name);

	return entry ? entry->value : offload_env(plan->input->environment, name);
}

void plan_put(
	struct plan *plan, const char *name, const char *value, const char *from, const char *why)
{
	struct plan_entry *entry = find(plan, name);

	/* A list grown by prepend and append, or a driver's name made a path. */
	if (value && strlen(name) + 1 + strlen(value) >= RULE_LONGEST) {
		plan_warn(plan,
			"%s: %s stays as it is: no program starts with 128 KiB in a variable", from,
			name);
		return;
	}
	if (!entry)
		entry = arena_push(plan->arena, plan->entries, plan->count);
	*entry = (struct plan_entry){name, value, from, why};
}

void plan_set(
	struct plan *plan, unsigned apis, const char *name, const char *value, const char *why)
{
	if (apis & plan->automatic)
		plan_put(plan, name, value, "default", why);
}

void plan_warn(struct plan *plan, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	*arena_push(plan->arena, plan->result->warnings, plan->result->warning_count) =
		arena_dup(plan->arena, text);
}

static bool is_word(const struct rule_setting *setting, const char *word)
{
	return setting->value && str_eq(setting->value, word);
}

static void sort_apis(struct plan *plan)
{
	const struct rule_settings *settings = plan->input->settings;

	for (unsigned api = 0; api < RULE_APIS; api++) {
		if (!settings->api[api].value || is_word(&settings->api[api], "auto"))
			plan->automatic |= BIT(api);
		else if (is_word(&settings->api[api], "keep"))
			plan->kept |= BIT(api);
	}
	/* A batch system's allocation is not ours to change: its numbers count within a cgroup. */
	if ((plan->automatic & CUDA) && offload_env(plan->input->environment, "SLURM_JOB_ID") &&
		offload_env(plan->input->environment, "CUDA_VISIBLE_DEVICES")) {
		plan->automatic &= ~(unsigned)CUDA;
		plan->kept |= CUDA;
	}
}

static void choose_family(struct plan *plan)
{
	const struct offload_choice *choice = plan->input->choice;

	if (choice->nothing_to_do)
		return;
	stale_remove(plan);
	if (choice->selector.kind == RULE_SELECT_SOFTWARE)
		software_plan(plan);
	else if (choice->gpu && hw_gpu_is_nvidia(choice->gpu))
		nvidia_plan(plan);
	else if (choice->gpu)
		mesa_plan(plan);
}

/* "a:b" around a list that may be empty or missing. */
static const char *joined(struct arena *arena, const char *a, const char *b)
{
	if (!a || !*a)
		return b;
	return b && *b ? arena_printf(arena, "%s:%s", a, b) : a;
}

static void put_variable(struct plan *plan, const struct rule_variable *variable)
{
	struct arena *arena = plan->arena;
	const char *from = offload_origin(arena, variable->value.from), *value;

	if (variable->base == RULE_BASE_SET || variable->base == RULE_BASE_UNSET ||
		(variable->base == RULE_BASE_DEFAULT && !plan_value(plan, variable->name)))
		plan_put(plan, variable->name, variable->value.value, from, NULL);
	value = plan_value(plan, variable->name);
	if (variable->prepend.value)
		plan_put(plan, variable->name, joined(arena, variable->prepend.value, value),
			offload_origin(arena, variable->prepend.from), NULL);
	value = plan_value(plan, variable->name);
	if (variable->append.value)
		plan_put(plan, variable->name, joined(arena, value, variable->append.value),
			offload_origin(arena, variable->append.from), NULL);
}

/* Only what differs from the environment is a change. */
static void collect(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_entry *entry = &plan->entries[i];
		const char *old = offload_env(plan->input->environment, entry->name);

		if (entry->value ? old && str_eq(old, entry->value) : !old)
			continue;
		*arena_push(plan->arena, plan->result->changes, plan->result->count) =
			(struct offload_change){
				!entry->value, entry->name, entry->value, entry->from, entry->why};
	}
}

void offload_plan(
	struct arena *arena, const struct offload_input *input, struct offload_result *result)
{
	struct plan plan = {.arena = arena, .input = input, .result = result};

	*result = (struct offload_result){0};
	sort_apis(&plan);
	choose_family(&plan);
	api_plan(&plan);
	for (size_t i = 0; i < input->settings->variable_count; i++)
		put_variable(&plan, &input->settings->variables[i]);
	collect(&plan);
}

static bool has_nvidia(const struct offload_input *input)
{
	for (size_t i = 0; i < input->count; i++) {
		if (hw_gpu_is_nvidia(input->gpus[i]))
			return true;
	}
	return false;
}

unsigned offload_wants(const struct offload_input *input)
{
	const struct offload_choice *choice = input->choice;
	const struct rule_settings *settings = input->settings;
	unsigned parts = 0, guess = 0;

	if (input->session->server == OFFLOAD_SERVER_UNKNOWN && input->session->login_x11)
		guess = HW_STACK_XORG_NVIDIA;
	if (is_word(&settings->api[RULE_GLX], "nvidia"))
		parts |= HW_STACK_GLX_NVIDIA | guess;
	if (is_word(&settings->api[RULE_EGL], "nvidia"))
		parts |= HW_STACK_EGL_NVIDIA;
	if (is_word(&settings->api[RULE_EGL], "mesa"))
		parts |= HW_STACK_EGL_MESA;
	if (choice->nothing_to_do)
		return parts;
	if (choice->selector.kind == RULE_SELECT_SOFTWARE)
		return parts | HW_STACK_EGL_MESA | HW_STACK_LAVAPIPE;
	if (choice->gpu && hw_gpu_is_nvidia(choice->gpu) &&
		choice->gpu != offload_display_gpu(input))
		return parts | HW_STACK_GLX_NVIDIA | guess;
	if (choice->gpu && !hw_gpu_is_nvidia(choice->gpu) && has_nvidia(input))
		return parts | HW_STACK_EGL_MESA | HW_STACK_OPENCL;
	return parts;
}

bool offload_wants_session(const struct offload_input *input)
{
	const struct hw_gpu *gpu = input->choice->gpu;

	if (!input->session->local || input->choice->nothing_to_do)
		return false;
	if (is_word(&input->settings->api[RULE_GLX], "nvidia"))
		return true;
	return gpu &&
	       (hw_gpu_is_nvidia(gpu)
			       ? !gpu->boot || plan_nvidia_count(&(struct plan){.input = input}) > 1
			       : has_nvidia(input) && !gpu->boot);
}
