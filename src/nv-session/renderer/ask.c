/* SPDX-License-Identifier: MIT */
/*
 * What is asked of whom. Asking EGL or Vulkan opens every GPU that a driver finds; so where one
 * sleeps, its driver is kept out, or the question is not put.
 */
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/renderer/internal.h"
#include "nv-session/session.h"
#include "offload/offload.h"
#include "rule/rule.h"

enum {
	DEADLINE = 3000,
	/* Out of D3cold, with the driver's first initialisation: two to three seconds. */
	DEADLINE_WAKING = 10000,
	GLX = 1 << RENDERER_GLX,
	EGL = 1 << RENDERER_EGL,
	VULKAN = 1 << RENDERER_VULKAN,
};

static const char egl_files[] = "__EGL_VENDOR_LIBRARY_FILENAMES";
static const char vulkan_disable[] = "VK_LOADER_DRIVERS_DISABLE";

struct asking {
	struct arena *arena;
	const struct renderer_question *question;
	struct hw *hw;
	struct renderer_findings *findings;
	const char *own, *nv_run; /* the programs; nv_run NULL if it is not there */
	const char *display;
	struct offload_choice choice; /* of question->gpu */
	struct hw_gpu **sleepers; /* that must go on sleeping */
	size_t sleeper_count;
	const char *mesa; /* its EGL vendor file */
	bool pinned; /* NVIDIA's driver is kept out, for a sleeper */
	long milliseconds;
	struct child children[RENDERER_WAYS * RENDERER_APIS];
	struct {
		enum renderer_way way;
		enum renderer_api api;
	} of[RENDERER_WAYS * RENDERER_APIS];
	size_t count;
};

/* Sets a variable in a NULL-ended array that belongs to the arena. */
static void set(struct arena *arena, char **environment, const char *name, const char *value)
{
	size_t length = strlen(name);

	while (*environment &&
		!(strncmp(*environment, name, length) == 0 && (*environment)[length] == '='))
		environment++;
	*environment = arena_printf(arena, "%s=%s", name, value);
}

/* The environment of a probe: room for the changes is at the end. */
static char **environment_of(struct asking *asking, enum renderer_way way)
{
	const struct renderer_question *question = asking->question;
	char *const *changes = way == RENDERER_PLAIN ? question->changes : NULL;
	size_t count = 0, more = 0;
	char **environment;

	while (question->environment[count])
		count++;
	while (changes && changes[more])
		more++;
	environment = arena_alloc(asking->arena, (count + more + 4) * sizeof(*environment));
	memcpy(environment, question->environment, count * sizeof(*environment));
	if (question->display)
		set(asking->arena, environment, "DISPLAY", question->display);
	for (size_t i = 0; i < more; i++) {
		const char *equals = strchr(changes[i], '=');

		set(asking->arena, environment,
			arena_copy(asking->arena, changes[i], (size_t)(equals - changes[i])),
			equals + 1);
	}
	return environment;
}

static void pin(struct asking *asking, char **environment)
{
	const char *disable = offload_env(environment, vulkan_disable);

	if (!asking->pinned)
		return;
	if (asking->mesa)
		set(asking->arena, environment, egl_files, asking->mesa);
	set(asking->arena, environment, vulkan_disable,
		disable && *disable ? arena_printf(asking->arena, "%s,*nvidia*", disable)
				    : "*nvidia*");
}

/*
 * A variable of the environment that sends an API to a GPU of its own choice, and so perhaps to
 * one that sleeps; NULL if there is none.
 */
static const char *steering(
	const struct asking *asking, enum renderer_api api, char *const *environment)
{
	const struct {
		const char *name;
		unsigned apis;
		const char *harmless; /* a value that does not */
	} variables[] = {
		{"__GLX_VENDOR_LIBRARY_NAME", GLX, "mesa"},
		{"__GLX_FORCE_VENDOR_LIBRARY_0", GLX, "mesa"},
		{"__NV_PRIME_RENDER_OFFLOAD", GLX | EGL | VULKAN, "0"},
		{"__NV_PRIME_RENDER_OFFLOAD_PROVIDER", GLX | EGL, NULL},
		{egl_files, EGL, asking->mesa},
		{"__EGL_VENDOR_LIBRARY_DIRS", EGL, NULL},
		{"DRI_PRIME", GLX | EGL | VULKAN, "0"},
		{"MESA_LOADER_DRIVER_OVERRIDE", GLX | EGL, NULL},
		{"MESA_VK_DEVICE_SELECT", VULKAN, NULL},
		{"VK_DRIVER_FILES", VULKAN, NULL},
		{"VK_ICD_FILENAMES", VULKAN, NULL},
		{"VK_ADD_DRIVER_FILES", VULKAN, NULL},
		{"VK_LOADER_DRIVERS_SELECT", VULKAN, NULL},
	};

	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
		const char *value = offload_env(environment, variables[i].name);

		if (!(variables[i].apis & 1u << api) || !value || !*value ||
			(variables[i].harmless && str_eq(value, variables[i].harmless)))
			continue;
		return variables[i].name;
	}
	return NULL;
}

/* Whether a question to an API can be kept away from one sleeping GPU. */
static bool avoidable(const struct asking *asking, enum renderer_way way, enum renderer_api api,
	const struct hw_gpu *gpu)
{
	const struct hw_gpu *chosen = way == RENDERER_NV_RUN ? asking->choice.gpu : NULL;

	/* The X server says which GPU it is: the one of the screen. */
	if (!hw_gpu_is_nvidia(gpu))
		return api == RENDERER_GLX && !gpu->boot && asking->hw->count > 1;
	if (chosen && hw_gpu_is_nvidia(chosen))
		return false;
	/* Without X, Mesa's EGL opens one GPU after the other, NVIDIA's too. */
	return api != RENDERER_EGL || (asking->mesa && asking->display);
}

/* The GPU that a question might wake, and through which variable; NULL if there is none. */
static const struct hw_gpu *at_risk(const struct asking *asking, enum renderer_way way,
	enum renderer_api api, char *const *environment, const char **variable)
{
	*variable = NULL;
	if (!asking->sleeper_count)
		return NULL;
	/* nv-run leaves nothing of these if it chooses a GPU. */
	if (way == RENDERER_PLAIN || !asking->choice.gpu)
		*variable = steering(asking, api, environment);
	if (*variable || (way == RENDERER_NV_RUN && !asking->question->gpu))
		return asking->sleepers[0];
	for (size_t i = 0; i < asking->sleeper_count; i++) {
		if (!avoidable(asking, way, api, asking->sleepers[i]))
			return asking->sleepers[i];
	}
	return NULL;
}

/* Why an API is not asked, for a GPU that sleeps; NULL if it is. */
static const char *asleep(struct asking *asking, enum renderer_way way, enum renderer_api api,
	char *const *environment)
{
	const char *variable;
	const struct hw_gpu *gpu = at_risk(asking, way, api, environment, &variable);

	if (!gpu)
		return NULL;
	return arena_printf(asking->arena, "asleep: not asked, as %s wake %s; --gpu %s asks",
		variable ? arena_printf(asking->arena, "%s may", variable) : "that would",
		gpu->slot, gpu->slot);
}

/* The command line of a probe; see internal.h. */
static char *const *command(struct asking *asking, enum renderer_way way, enum renderer_api api)
{
	struct arena *arena = asking->arena;
	const char *gpu = asking->question->gpu, *sysroot = asking->hw->root.directory;
	const struct hw_gpu *chosen = asking->choice.gpu;
	const char **words = NULL;
	size_t count = 0;

	if (way == RENDERER_NV_RUN) {
		*arena_push(arena, words, count) = asking->nv_run;
		if (sysroot)
			*arena_push(arena, words, count) =
				arena_printf(arena, "--sysroot=%s", sysroot);
		if (gpu)
			*arena_push(arena, words, count) = arena_printf(
				arena, "--gpu=%s", chosen && chosen->pci ? chosen->slot : gpu);
		*arena_push(arena, words, count) = "--";
	}
	*arena_push(arena, words, count) = asking->own;
	*arena_push(arena, words, count) = "renderer";
	*arena_push(arena, words, count) = "--api";
	*arena_push(arena, words, count) = renderer_api_name(api);
	*arena_push(arena, words, count) = "--";
	*arena_push(arena, words, count) = "probe";
	if (asking->pinned)
		*arena_push(arena, words, count) = "careful";
	*arena_push(arena, words, count) = NULL;
	return (char *const *)words;
}

static void prepare(struct asking *asking, enum renderer_way way, enum renderer_api api)
{
	struct renderer_finding *finding = &asking->findings->of[way][api];
	char **environment = environment_of(asking, way);
	struct child *child = &asking->children[asking->count];

	if (way == RENDERER_NV_RUN && !asking->nv_run) {
		finding->state = RENDERER_UNAVAILABLE;
		finding->text =
			arena_printf(asking->arena, "there is no nv-run next to %s", asking->own);
		return;
	}
	finding->text = asleep(asking, way, api, environment);
	if (finding->text) {
		finding->state = RENDERER_ASLEEP;
		return;
	}
	pin(asking, environment);
	*child = (struct child){
		.path = way == RENDERER_NV_RUN ? asking->nv_run : asking->own,
		.arguments = command(asking, way, api),
		.environment = environment,
	};
	asking->of[asking->count].way = way;
	asking->of[asking->count].api = api;
	asking->count++;
}

/* The GPUs that must go on sleeping: a driver that a program could load would open them. */
static void find_sleepers(struct asking *asking)
{
	for (size_t i = 0; i < asking->hw->count; i++) {
		struct hw_gpu *gpu = asking->hw->gpus[i];
		const char *status = hw_gpu_status(asking->hw, gpu);

		if (!gpu_has_driver(gpu) ||
			(!str_eq(status, "suspended") && !str_eq(status, "suspending")))
			continue;
		if (gpu == asking->choice.gpu) {
			asking->milliseconds = DEADLINE_WAKING;
			continue;
		}
		*arena_push(asking->arena, asking->sleepers, asking->sleeper_count) = gpu;
		asking->pinned |= hw_gpu_is_nvidia(gpu);
	}
}

/* Precautions are made of what is known of drivers; a GPU that woke all the same is told. */
static void look_again(struct asking *asking)
{
	for (size_t i = 0; i < asking->sleeper_count && asking->count; i++) {
		struct hw_gpu *gpu = asking->sleepers[i];

		gpu->status = NULL;
		if (str_eq(hw_gpu_status(asking->hw, gpu), "active"))
			log_warning(
				"%s woke up while drivers were asked, perhaps by that", gpu->slot);
	}
}

static const char *choose(struct asking *asking)
{
	struct rule_selector selector;
	const char *wrong;

	if (!asking->question->gpu)
		return NULL;
	wrong = rule_selector_parse(asking->arena, asking->question->gpu, &selector);
	if (wrong)
		return wrong;
	for (size_t i = 0; i < asking->hw->count; i++) {
		if (selector.kind == RULE_SELECT_NAME)
			hw_gpu_name(asking->hw, asking->hw->gpus[i]);
		if (selector.kind == RULE_SELECT_UUID)
			hw_gpu_nvidia(asking->hw, asking->hw->gpus[i]);
	}
	offload_choose(
		asking->arena, asking->hw->gpus, asking->hw->count, &selector, &asking->choice);
	return asking->choice.problem;
}

static void find_programs(struct asking *asking)
{
	const char *own = hw_own_path(asking->arena);
	char *nv_run;

	asking->own = own ? own : "nv-session";
	nv_run = arena_printf(asking->arena, "%.*snv-run",
		(int)(str_file_name(asking->own) - asking->own), asking->own);
	asking->nv_run = access(nv_run, X_OK) == 0 ? nv_run : NULL;
}

const char *renderer_ask(struct arena *arena, const struct renderer_question *question,
	struct renderer_findings *findings)
{
	struct asking asking = {.arena = arena,
		.question = question,
		.hw = question->hw,
		.findings = findings,
		.milliseconds = DEADLINE};
	const char *wrong;

	*findings = (struct renderer_findings){0};
	session_gpus(arena, asking.hw);
	wrong = choose(&asking);
	if (wrong)
		return wrong;
	find_programs(&asking);
	find_sleepers(&asking);
	if (asking.pinned)
		asking.mesa = hw_egl_vendor_file(asking.hw, "mesa");
	asking.display = question->display ? question->display
					   : offload_env(question->environment, "DISPLAY");
	if (question->deadline)
		asking.milliseconds = question->deadline;
	for (unsigned i = 0; i < RENDERER_WAYS * RENDERER_APIS; i++) {
		unsigned way = i / RENDERER_APIS, api = i % RENDERER_APIS;

		if ((!question->ways || question->ways & 1u << way) &&
			(!question->apis || question->apis & 1u << api))
			prepare(&asking, way, api);
	}
	children_run(asking.children, asking.count, asking.milliseconds);
	for (size_t i = 0; i < asking.count; i++) {
		struct renderer_finding *finding =
			&findings->of[asking.of[i].way][asking.of[i].api];

		answer_read(arena, asking.hw, &asking.children[i], asking.of[i].way,
			asking.milliseconds, finding);
		if (asking.pinned && asking.of[i].api != RENDERER_GLX)
			*arena_push(arena, finding->notes, finding->note_count) =
				arena_printf(arena, "asked without NVIDIA's driver, as %s sleeps",
					asking.sleepers[0]->slot);
		buf_free(&asking.children[i].answer);
		buf_free(&asking.children[i].noise);
	}
	look_again(&asking);
	return NULL;
}
