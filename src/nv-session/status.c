/* SPDX-License-Identifier: MIT */
/* status: what is, in one look. status-show.c prints it. */
#include "nv-session/status.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/display.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/session.h"
#include "offload/offload.h"

enum { TIMEOUT = 20000, FILE_LIMIT = 64 << 10 };

static void problem(struct session *session, struct status *status, const char *what)
{
	*arena_push(session->arena, status->problems, status->problem_count) = what;
}

/* What is linked and lit, whatever was asked for. */
static enum x11_prime mode_in_force(const struct x11_server *server)
{
	const struct x11_provider *screen = x11_screen_provider(server);

	for (size_t i = 0; screen && i < server->output_count; i++) {
		const struct x11_output *output = &server->outputs[i];
		const struct x11_provider *owner = x11_owner(server, output->id);

		if (owner && !owner->screen && owner->output_source && x11_is_lit(server, output))
			return x11_is_nvidia(screen) || (screen->gpu && screen->gpu->discrete)
				       ? X11_SYNC_MODE
				       : X11_REVERSE;
	}
	return X11_OFFLOAD;
}

/* What nv-run reads: there, about this server, and saying what the server says. */
static void look_at_session_file(struct session *session, struct status *status)
{
	const char *directory = session_variable(session, "XDG_RUNTIME_DIR");
	const char *name = display_name(session->arena, status->look.display), *text = NULL;
	struct offload_session told = {0};
	struct display_socket socket;
	int fd;

	if (!directory || !name || !display_socket(session->arena, name, &socket))
		return;
	status->file = display_session_file(session->arena, directory, name);
	fd = open(status->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY);
	if (fd >= 0)
		text = file_text_fd(session->arena, fd, FILE_LIMIT, NULL);
	status->file_fresh = text && offload_session_parse(session->arena, text, &socket, &told) &&
			     told.server != OFFLOAD_SERVER_UNKNOWN;
	if (!status->file_fresh)
		problem(session, status,
			arena_printf(session->arena,
				"nv-run knows nothing of this X server yet (%s is %s): 'nv-session "
				"publish' tells it",
				status->file, text ? "about another" : "not there"));
}

/* NVIDIA's driver runs a GPU that the X server knows nothing of. */
static void look_for_missing(struct session *session, struct status *status)
{
	const struct x11_server *server = status->look.server;

	for (size_t i = 0; i < status->look.gpu_count; i++) {
		const struct x11_gpu *gpu = &status->look.gpus[i];
		bool found = !gpu->driver || !str_eq(gpu->driver, "nvidia");

		for (size_t j = 0; j < server->provider_count && !found; j++)
			found = server->providers[j].gpu == gpu ||
				(!server->providers[j].gpu && x11_is_nvidia(&server->providers[j]));
		if (!found)
			problem(session, status,
				arena_printf(session->arena,
					"%s has no RandR provider: nvidia_drm was not loaded when "
					"the X server started, AutoAddGPU is off, or it is "
					"external "
					"without AllowExternalGpus",
					show_gpu(session->arena, gpu)));
	}
	for (size_t i = 0; i < server->provider_count; i++) {
		const struct x11_provider *provider = &server->providers[i];

		if (status->look.gpu_count && (!provider->gpu || provider->sure == X11_UNSURE))
			problem(session, status,
				arena_printf(session->arena,
					"which GPU provider 0x%x (%s) is cannot be told for sure",
					provider->id, provider->name));
	}
}

static void look_at_sync(struct session *session, struct status *status)
{
	const struct x11_server *server = status->look.server;

	for (size_t i = 0; i < server->output_count; i++) {
		const struct x11_output *output = &server->outputs[i];

		if (output->sync == 0 && x11_is_lit(server, output) &&
			status->decision.config.sync == X11_YES)
			problem(session, status,
				arena_printf(session->arena,
					"%s: PRIME synchronization is off: the picture may tear",
					output->name));
	}
}

static void look_at_mode(struct session *session, struct status *status)
{
	struct decision *decision = &status->decision;
	struct x11_plan plan;

	decide(session, &status->look, decision);
	status->mode = mode_in_force(status->look.server);
	for (size_t i = 0; i < decision->config.mistake_count; i++)
		problem(session, status, decision->config.mistakes[i]);
	if (decision->refused) {
		problem(session, status,
			arena_printf(session->arena, "%s cannot be: %s",
				x11_prime_name(decision->mode), decision->refused));
		return;
	}
	x11_plan_step(session->arena, status->look.server, &decision->wish, &plan);
	if (plan.requests.count)
		problem(session, status,
			arena_printf(session->arena,
				"%s is not set up in full: 'nv-session plan' shows what is "
				"missing, "
				"'nv-session setup' does it",
				x11_prime_name(decision->mode)));
	for (size_t i = 0; i < plan.note_count; i++)
		problem(session, status, plan.notes[i]);
}

static const char *session_type(struct session *session)
{
	struct offload_session guess = {0};

	offload_session_guess(session->arena, session->environment, &guess);
	return offload_type_name(guess.type);
}

int status_run(struct session *session)
{
	struct status status = {0};
	int result;

	session_deadline(session, TIMEOUT);
	status.type = session_type(session);
	status.connected = look_connect(session, &status.look, true);
	if (!status.connected || status.look.kind == X11_XWAYLAND) {
		look_gpus(session, &status.look);
		wayland_look(session, &status.wayland);
	}
	if (status.connected && look_read(session, &status.look, false) &&
		status.look.kind == X11_XORG) {
		look_at_mode(session, &status);
		look_for_missing(session, &status);
		look_at_sync(session, &status);
	} else if (!status.connected && *status.look.display) {
		problem(session, &status,
			arena_printf(session->arena,
				"X server '%s' is not there, or XAUTHORITY does not let us in",
				status.look.display));
	}
	if (status.connected && x11_is_lost(status.look.x11)) {
		log_error("the X server is gone");
		look_close(&status.look);
		return EXIT_FAILED;
	}
	if (status.connected)
		look_at_session_file(session, &status);
	status.nothing = decide_nothing(session, &status.look);
	renderer_ask(session->arena,
		&(struct renderer_question){.hw = &session->hw,
			.environment = session->environment,
			.display = session->options.display},
		&status.renderers);
	result = status_show(session, &status);
	look_close(&status.look);
	return result;
}
