/* SPDX-License-Identifier: MIT */
#include "nv-session/renderer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/session.h"
#include "rule/rule.h"

enum { DEADLINE = 3000, ALL_APIS = (1 << X11_APIS) - 1 };

/* A plan of asking: the children, and what is not asked. */
struct asking {
	struct session *session;
	struct probe probes[RENDERER_WHO * X11_APIS];
	size_t count;
	bool nvidia_sleeps, other_sleeps; /* a GPU of NVIDIA's driver; of any other */
};

static void look_for_sleepers(struct asking *asking)
{
	struct hw *hw = &asking->session->hw;

	hw_scan_all(hw);
	hw_judge(hw);
	for (size_t i = 0; i < hw->count; i++) {
		if (!str_eq(hw_gpu_status(hw, hw->gpus[i]), "suspended"))
			continue;
		if (hw_gpu_is_nvidia(hw->gpus[i]))
			asking->nvidia_sleeps = true;
		else
			asking->other_sleeps = true;
	}
}

static void put(struct arena *arena, char ***environment, size_t *count, const char *entry)
{
	size_t length = strcspn(entry, "=") + 1;

	for (size_t i = 0; i < *count; i++) {
		if (strncmp((*environment)[i], entry, length) == 0) {
			(*environment)[i] = (char *)entry;
			return;
		}
	}
	*arena_push(arena, *environment, *count) = (char *)entry;
}

static char **environment_of(
	struct asking *asking, enum x11_api api, bool plain, char *const *changes)
{
	struct session *session = asking->session;
	struct arena *arena = session->arena;
	const char *mesa = hw_egl_vendor_file(&session->hw, "mesa");
	char **environment = NULL;
	size_t count = 0;

	for (char *const *entry = session->environment; *entry; entry++)
		*arena_push(arena, environment, count) = *entry;
	if (session->options.display)
		put(arena, &environment, &count,
			arena_printf(arena, "DISPLAY=%s", session->options.display));
	for (; changes && *changes; changes++)
		put(arena, &environment, &count, *changes);
	/* What EGL and Vulkan list, they open: NVIDIA's part is kept out while its GPU sleeps. */
	if (plain && asking->nvidia_sleeps && api == X11_EGL && mesa)
		put(arena, &environment, &count,
			arena_printf(arena, "__EGL_VENDOR_LIBRARY_FILENAMES=%s", mesa));
	if (plain && asking->nvidia_sleeps && api == X11_VULKAN)
		put(arena, &environment, &count, "VK_LOADER_DRIVERS_DISABLE=*nvidia*");
	put(arena, &environment, &count,
		arena_printf(arena, RENDERER_PROBE "=%s", x11_api_name(api)));
	*arena_push(arena, environment, count) = NULL;
	return environment;
}

static char **words(struct arena *arena, const char *const *list)
{
	char **arguments = NULL;
	size_t count = 0;

	for (; *list; list++)
		*arena_push(arena, arguments, count) = arena_dup(arena, *list);
	*arena_push(arena, arguments, count) = NULL;
	return arguments;
}

static void ask_plain(
	struct asking *asking, enum x11_api api, char *const *changes, struct finding *into)
{
	struct session *session = asking->session;
	const char *own = hw_own_path(session->arena);
	const char *const list[] = {own, "renderer", NULL};

	/* Mesa's Vulkan drivers open every GPU they know to list them, and so does an EGL whose
	 * Mesa cannot be told apart. */
	if (api == X11_VULKAN && asking->other_sleeps) {
		into->problem = "not asked: that would wake a sleeping GPU; --gpu asks it";
		return;
	}
	if (api == X11_EGL && asking->nvidia_sleeps && !hw_egl_vendor_file(&session->hw, "mesa")) {
		into->problem = "not asked: that would wake the NVIDIA GPU; --gpu asks it";
		return;
	}
	asking->probes[asking->count++] = (struct probe){
		api, words(session->arena, list), environment_of(asking, api, true, changes), into};
}

static void ask_nv_run(
	struct asking *asking, enum x11_api api, const char *gpu, struct finding *into)
{
	struct session *session = asking->session;
	const char *own = hw_own_path(session->arena);
	const char *nv_run = own ? arena_printf(session->arena, "%.*s/nv-run",
					   (int)(str_file_name(own) - own - 1), own)
				 : NULL;
	const char *list[8] = {nv_run, "-q"};
	size_t count = 2;

	if (!nv_run || access(nv_run, X_OK) != 0) {
		into->problem = "there is no nv-run beside this program";
		return;
	}
	if (!gpu && (asking->nvidia_sleeps || asking->other_sleeps)) {
		into->problem = "asleep: not asked; --gpu asks, and wakes it";
		return;
	}
	if (gpu) {
		list[count++] = "-g";
		list[count++] = gpu;
	}
	list[count++] = "--";
	list[count++] = own;
	list[count++] = "renderer";
	asking->probes[asking->count++] = (struct probe){
		api, words(session->arena, list), environment_of(asking, api, false, NULL), into};
}

/* The GPU behind a node, ids or slot; ids only if one GPU has them. */
static const struct hw_gpu *find_gpu(const struct hw *hw, const struct finding *finding)
{
	const struct hw_gpu *found = NULL;
	unsigned vendor = 0, device = 0;
	const char *number;

	for (size_t i = 0; i < hw->count && finding->slot; i++) {
		if (str_eq(hw->gpus[i]->slot, finding->slot))
			return hw->gpus[i];
	}
	number = finding->node ? strpbrk(finding->node, "0123456789") : NULL;
	for (size_t i = 0; i < hw->count && number; i++) {
		bool render = strstr(finding->node, "renderD");
		int own = render ? hw->gpus[i]->render : hw->gpus[i]->card, wanted;

		if (sscanf(number, "%d", &wanted) == 1 && own == wanted)
			return hw->gpus[i];
	}
	if (!finding->ids || sscanf(finding->ids, "%x:%x", &vendor, &device) != 2)
		return NULL;
	for (size_t i = 0; i < hw->count; i++) {
		if (hw->gpus[i]->vendor != vendor || hw->gpus[i]->device != device)
			continue;
		if (found)
			return NULL;
		found = hw->gpus[i];
	}
	return found;
}

/* NVIDIA's GLX tells no ids; where it has one GPU, that draws. */
static const struct hw_gpu *only_nvidia(const struct hw *hw, const struct finding *finding)
{
	const struct hw_gpu *found = NULL;

	if (!finding->vendor || !str_starts(finding->vendor, "NVIDIA"))
		return NULL;
	for (size_t i = 0; i < hw->count; i++) {
		if (!hw_gpu_is_nvidia(hw->gpus[i]))
			continue;
		if (found)
			return NULL;
		found = hw->gpus[i];
	}
	return found;
}

static void name_gpu(struct session *session, struct finding *finding)
{
	const struct hw_gpu *gpu = NULL;

	if (finding->renderer && !finding->software) {
		gpu = find_gpu(&session->hw, finding);
		if (!gpu)
			gpu = only_nvidia(&session->hw, finding);
	}
	finding->slot = gpu ? gpu->slot : NULL;
	finding->gpu = gpu ? hw_gpu_name(&session->hw, (struct hw_gpu *)gpu) : NULL;
}

void renderer_ask(struct session *session, unsigned apis, const char *gpu, char *const *changes,
	struct findings *findings)
{
	struct asking asking = {.session = session};

	*findings = (struct findings){0};
	look_for_sleepers(&asking);
	/* Asked for one GPU, the desktop's is not of interest. */
	findings->asked[RENDERER_DESKTOP] = !gpu;
	findings->asked[RENDERER_NV_RUN] = !changes;
	for (int api = 0; api < X11_APIS; api++) {
		if (!(apis & 1u << api))
			continue;
		if (findings->asked[RENDERER_DESKTOP])
			ask_plain(&asking, (enum x11_api)api, changes,
				&findings->of[RENDERER_DESKTOP][api]);
		if (findings->asked[RENDERER_NV_RUN])
			ask_nv_run(&asking, (enum x11_api)api, gpu,
				&findings->of[RENDERER_NV_RUN][api]);
	}
	probe_all(session, asking.probes, asking.count, DEADLINE);
	for (size_t i = 0; i < asking.count; i++)
		name_gpu(session, asking.probes[i].into);
}

const char *renderer_text(struct session *session, const struct finding *finding)
{
	const char *slot = finding->slot;

	if (!finding->renderer)
		return finding->problem ? finding->problem : "not asked";
	if (finding->software)
		return arena_printf(session->arena, "%s: the CPU draws", finding->renderer);
	if (slot && str_starts(slot, "0000:"))
		slot += 5;
	return arena_printf(
		session->arena, "%s%s%s", slot ? slot : "", slot ? " " : "", finding->renderer);
}

static const char *const who_names[] = {"desktop", "nv-run"};
static const char *const api_titles[] = {"EGL", "GLX", "Vulkan"};

void renderer_json(
	struct session *session, struct json *json, unsigned apis, const struct findings *findings)
{
	(void)session;
	json_open(json, "renderers", '[');
	for (int i = 0; i < RENDERER_WHO * X11_APIS; i++) {
		const struct finding *finding = &findings->of[i / X11_APIS][i % X11_APIS];

		if (!findings->asked[i / X11_APIS] || !(apis & 1u << i % X11_APIS))
			continue;
		json_open(json, NULL, '{');
		json_string(json, "who", who_names[i / X11_APIS]);
		json_string(json, "api", x11_api_name((enum x11_api)(i % X11_APIS)));
		json_string(json, "renderer", finding->renderer);
		json_string(json, "vendor", finding->vendor);
		json_string(json, "slot", finding->slot);
		json_string(json, "gpu", finding->gpu);
		json_bool(json, "software", finding->software);
		json_string(json, "problem", finding->problem);
		json_open(json, "devices", '[');
		for (size_t j = 0; j < finding->device_count; j++)
			json_string(json, NULL, finding->devices[j]);
		json_close(json, ']');
		json_close(json, '}');
	}
	json_close(json, ']');
}

void renderer_print(
	struct session *session, struct buf *out, unsigned apis, const struct findings *findings)
{
	for (int who = 0; who < RENDERER_WHO; who++) {
		bool first = true;

		for (int api = 0; api < X11_APIS && findings->asked[who]; api++) {
			size_t start = out->length;

			if (!(apis & 1u << api))
				continue;
			buf_puts(out, first ? who_names[who] : "");
			buf_pad(out, start, 12);
			buf_puts(out, api_titles[api]);
			buf_pad(out, start, 20);
			buf_printf(out, "%s\n", renderer_text(session, &findings->of[who][api]));
			first = false;
		}
	}
}

static unsigned wanted_apis(const char *name)
{
	for (int api = 0; name && api < X11_APIS; api++) {
		if (str_eq(name, x11_api_name((enum x11_api)api)))
			return 1u << api;
	}
	return ALL_APIS;
}

static int check(struct session *session)
{
	struct rule_selector selector;
	const char *gpu = session->options.gpu;
	const char *wrong = gpu ? rule_selector_parse(session->arena, gpu, &selector) : NULL;

	if (wrong) {
		log_error("--gpu %s: %s", gpu, wrong);
		return EXIT_USAGE;
	}
	for (char **word = session->options.rest; word && *word; word++) {
		if (!strchr(*word, '=') || **word == '=') {
			log_error("expected NAME=VALUE behind '--', got '%s'", *word);
			return EXIT_USAGE;
		}
	}
	if (gpu && session->options.rest && *session->options.rest) {
		log_error("--gpu goes with no NAME=VALUE: nv-run sets what the GPU needs");
		return EXIT_USAGE;
	}
	return 0;
}

static bool any_answer(const struct findings *findings)
{
	for (int i = 0; i < RENDERER_WHO * X11_APIS; i++) {
		if (findings->of[i / X11_APIS][i % X11_APIS].renderer)
			return true;
	}
	return false;
}

int renderer_run(struct session *session)
{
	unsigned apis = wanted_apis(session->options.api);
	const char *probe = session_variable(session, RENDERER_PROBE);
	char *const *changes = session->options.rest;
	struct findings findings;
	struct buf out = {0};
	int status;

	if (probe)
		x11_renderer_probe((enum x11_api)__builtin_ctz(wanted_apis(probe)),
			session_variable(session, "DISPLAY"), RENDERER_FD);
	status = check(session);
	if (status)
		return status;
	renderer_ask(session, apis, session->options.gpu, changes && *changes ? changes : NULL,
		&findings);
	if (session->options.json) {
		struct json json = {.out = &out};

		json_open(&json, NULL, '{');
		renderer_json(session, &json, apis, &findings);
		json_close(&json, '}');
		buf_putc(&out, '\n');
	} else {
		renderer_print(session, &out, apis, &findings);
	}
	status = session_print(&out);
	buf_free(&out);
	return status ? status : any_answer(&findings) ? 0 : EXIT_FAILED;
}
