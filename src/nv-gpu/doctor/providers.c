/* SPDX-License-Identifier: MIT */
/*
 * providers: whether the X server has a RandR provider for each GPU of NVIDIA's driver.
 *
 * The server that runs is asked by nv-session, the only program here that speaks X. Without one, or
 * of a recorded machine, the log of the last server tells: NVIDIA's driver writes "NVIDIA(0)" where
 * it drives an X screen and "NVIDIA(G0)" where it has a GPU screen.
 */
#include <jansson.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/xorg/xorg.h"
#include "offload/offload.h"

enum { DEADLINE = 5000 };

/* Whether a driver speaks of a screen of its own. */
static bool has_screen(const char *log, const char *driver)
{
	size_t length = strlen(driver);

	for (const char *at = log; (at = strstr(at, driver)) != NULL; at += length) {
		const char *number = at + length;

		if (*number++ != '(')
			continue;
		number += *number == 'G';
		if (*number >= '0' && *number <= '9')
			return true;
	}
	return false;
}

/* Whether monitors can be plugged into it. A GPU whose driver shows no connectors may have some. */
static bool has_outputs(const struct hw *hw, const struct hw_gpu *gpu)
{
	for (size_t i = 0; i < hw->connector_count; i++) {
		if (gpu->card >= 0 && hw->connectors[i].card == gpu->card)
			return true;
	}
	return gpu->vga;
}

/* Why NVIDIA's driver has no screen, as far as configuration and log tell. */
static const char *cause(
	struct doctor *doctor, const struct xorg *xorg, const struct hw_gpu *gpu, const char **fix)
{
	struct arena *arena = doctor->run->arena;

	*fix = "nv-gpu doctor --only xorg-log\nnv-gpu doctor --only xorg-modulepath";
	if (!xorg->log)
		return "The server's log is not there to tell why.";
	if (strstr(xorg->log, "Not automatically adding GPU devices")) {
		*fix = "nv-gpu doctor --only xorg-autoaddgpu";
		return "The server was told not to add GPUs (AutoAddGPU).";
	}
	if (strstr(xorg->log, "is an external GPU")) {
		*fix = "nv-gpu doctor --only xorg-autoaddgpu";
		return "NVIDIA's X driver was not allowed to use an external GPU.";
	}
	/* "Platform probe for .../0000:01:00.0/drm/card0": the DRM devices that it met. */
	if (!strstr(xorg->log, arena_printf(arena, "%s/drm/", gpu->slot))) {
		*fix = "Have nvidia-drm loaded before: echo nvidia-drm > "
		       "/etc/modules-load.d/nvidia-drm.conf\n"
		       "Then end the X server by logging out, or reboot.";
		return "The server met no DRM device of it: nvidia-drm was loaded later than the "
		       "server started, or is not loaded.";
	}
	*fix = "nv-gpu doctor --only xorg-modulepath\n"
	       "The file nvidia-drm-outputclass.conf that comes with NVIDIA's X driver makes the "
	       "server use it.";
	return "The server saw the GPU, and did not give it to NVIDIA's X driver.";
}

static void report(struct doctor *doctor, struct hw_gpu *gpu)
{
	struct arena *arena = doctor->run->arena;
	const char *fix, *why = cause(doctor, xorg_read(doctor), gpu, &fix);
	const char *what = arena_printf(
		arena, "the X server has no provider for %s", gpu_title(doctor->run, gpu));

	if (has_outputs(&doctor->run->hw, gpu))
		doctor_problem(doctor, what,
			arena_printf(arena,
				"Its outputs stay dark, and GLX programs cannot be rendered on "
				"it.\n%s",
				why),
			fix);
	else
		doctor_note(doctor, what,
			arena_printf(arena, "GLX programs cannot be rendered on it.\n%s", why),
			fix);
}

/* Whether an answer of nv-session has a provider of a GPU; by name where it knows no slots. */
static bool is_provided(const json_t *answer, const struct hw_gpu *gpu)
{
	const json_t *providers = json_object_get(answer, "providers");

	for (size_t i = 0; i < json_array_size(providers); i++) {
		const json_t *one = json_array_get(providers, i);
		const char *slot = json_string_value(json_object_get(one, "slot"));
		const char *name = json_string_value(json_object_get(one, "name"));

		if (slot ? str_eq(slot, gpu->slot) : name && str_starts(name, "NVIDIA-"))
			return true;
	}
	return false;
}

/* What kind of server an answer is of, NULL if it does not say. */
static const char *server_of(const json_t *answer)
{
	return json_string_value(json_object_get(answer, "server"));
}

/* What the server that runs says, to be given back; NULL if there is none to ask. */
static json_t *ask(struct doctor *doctor)
{
	static const char *const words[] = {"nv-session", "providers", "--json", NULL};
	struct gpu_run *run = doctor->run;
	const char *display = offload_env(run->environment, "DISPLAY"), *text;
	json_t *answer;

	if (run->options.sysroot || !display || !*display)
		return NULL;
	text = doctor_ask(doctor, words, DEADLINE);
	answer = text ? json_loads(text, 0, NULL) : NULL;
	if (server_of(answer))
		return answer;
	json_decref(answer);
	return NULL;
}

static void check_answer(struct doctor *doctor, const json_t *answer)
{
	size_t before = doctor->count;

	if (!str_eq(server_of(answer), "xorg")) {
		doctor_ok(doctor, "the X server of this session has no GPUs of its own");
		return;
	}
	for (size_t i = 0; i < doctor->run->hw.count; i++) {
		struct hw_gpu *gpu = doctor->run->hw.gpus[i];

		if (hw_gpu_is_nvidia(gpu) && !is_provided(answer, gpu))
			report(doctor, gpu);
	}
	if (doctor->count == before)
		doctor_ok(doctor, "the X server has a provider for each GPU of NVIDIA's driver");
}

/* A log does not tell GPUs apart: one is enough to be told of. */
static void check_log(struct doctor *doctor, const struct xorg *xorg)
{
	if (has_screen(xorg->log, "NVIDIA")) {
		doctor_ok(
			doctor, arena_printf(doctor->run->arena,
					"NVIDIA's X driver has a screen, says %s", xorg->log_path));
		return;
	}
	for (size_t i = 0; i < doctor->run->hw.count; i++) {
		if (hw_gpu_is_nvidia(doctor->run->hw.gpus[i])) {
			report(doctor, doctor->run->hw.gpus[i]);
			return;
		}
	}
}

void check_provider(struct doctor *doctor)
{
	const struct xorg *xorg = xorg_read(doctor);
	json_t *answer;

	if (!xorg->uses_nvidia) {
		doctor_ok(doctor, "NVIDIA's driver runs no GPU that the X server could use");
		return;
	}
	answer = ask(doctor);
	if (answer)
		check_answer(doctor, answer);
	else if (xorg->log)
		check_log(doctor, xorg);
	else if (xorg->installed)
		doctor_unknown(doctor, "there is no X server to ask, and no log of one");
	else
		doctor_ok(doctor, "there is no X server");
	json_decref(answer);
}
