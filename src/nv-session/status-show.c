/* SPDX-License-Identifier: MIT */
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "nv-session/session.h"
#include "nv-session/status.h"

static void line(struct buf *out, const char *label, const char *text)
{
	size_t start = out->length;

	buf_puts(out, label);
	buf_pad(out, start, 12);
	buf_printf(out, "%s\n", text);
}

static const char *server_text(struct session *session, const struct status *status)
{
	const char *version;

	if (!status->connected)
		return "none";
	version = x11_version_text(session->arena, status->look.x11);
	return arena_printf(session->arena, "%s on %s%s%s", look_kind_name(status->look.kind),
		status->look.display, *version ? ", version " : "", version);
}

static const char *driven_by(
	struct session *session, const struct x11_server *server, const struct x11_output *output)
{
	const struct x11_provider *owner = x11_owner(server, output->id);

	if (!x11_is_lit(server, output) || !owner)
		return "";
	return arena_printf(session->arena, ", scanned out by %s%s",
		owner->gpu ? show_gpu(session->arena, owner->gpu) : owner->name,
		owner->screen       ? ""
		: output->sync == 1 ? " (PRIME synchronization on)"
		: output->sync == 0 ? " (PRIME synchronization off)"
				    : "");
}

static void outputs(struct session *session, struct buf *out, const struct x11_server *server)
{
	for (size_t i = 0; i < server->output_count; i++) {
		const struct x11_output *output = &server->outputs[i];

		line(out, i ? "" : "outputs",
			arena_printf(session->arena, "%s: %s%s", output->name,
				show_output(session->arena, server, output),
				driven_by(session, server, output)));
	}
}

static void xorg(struct session *session, struct buf *out, const struct status *status)
{
	const struct x11_server *server = status->look.server;
	const struct x11_provider *screen = x11_screen_provider(server);
	struct arena *arena = session->arena;

	line(out, "mode",
		arena_printf(arena, "%s in force; asked for: %s (%s)", x11_prime_name(status->mode),
			x11_prime_name(status->decision.config.mode),
			status->decision.config.mode_from));
	line(out, "X screen",
		arena_printf(arena, "%ux%u, rendered by %s", server->width, server->height,
			!screen       ? "no GPU"
			: screen->gpu ? show_gpu(arena, screen->gpu)
				      : screen->name));
	for (size_t i = 0; i < server->provider_count; i++) {
		const struct x11_provider *provider = &server->providers[i];

		line(out, i ? "" : "providers",
			arena_printf(arena, "0x%x %s: %s; %s", provider->id, provider->name,
				show_gpu(arena, provider->gpu),
				show_links(arena, server, provider)));
	}
	if (!server->provider_count)
		line(out, "providers", "none");
	outputs(session, out, server);
}

static void wayland(struct session *session, struct buf *out, const struct status *status)
{
	const struct wayland *seen = &status->wayland;

	if (seen->compositor)
		line(out, "compositor", seen->compositor);
	for (int i = 0; i < seen->count; i++)
		line(out, i ? "" : "its GPUs",
			arena_printf(session->arena, "%s %s", seen->gpus[i]->slot,
				hw_gpu_name(&session->hw, seen->gpus[i])));
	if (seen->compositor && seen->count < 0)
		line(out, "its GPUs", "not ours to see: try as root");
	for (size_t i = 0; seen->compositor && i < session->hw.count; i++) {
		const char *change = wayland_change(session, seen, session->hw.gpus[i]);

		if (change)
			line(out, i ? "" : "to change",
				arena_printf(session->arena, "%s: %s", session->hw.gpus[i]->slot,
					change));
	}
}

static void print(struct session *session, struct buf *out, const struct status *status)
{
	line(out, "session", status->type);
	line(out, "X server", server_text(session, status));
	if (status->nothing)
		line(out, "mode", status->nothing);
	if (status->connected && status->look.kind == X11_XORG && status->look.server)
		xorg(session, out, status);
	else
		wayland(session, out, status);
	for (size_t i = 0; i < status->problem_count; i++)
		line(out, i ? "" : "problems", status->problems[i]);
	buf_putc(out, '\n');
	renderer_show(out, &status->renderers);
	if (isatty(STDOUT_FILENO) && status->connected && status->look.kind == X11_XORG &&
		status->look.server && status->look.server->provider_count) {
		buf_putc(out, '\n');
		draw(session->arena, out, status->look.server);
	}
}

static void wayland_json(struct session *session, struct json *json, const struct status *status)
{
	const struct wayland *seen = &status->wayland;

	json_add_string(json, "compositor", seen->compositor);
	json_open(json, "compositor-gpus", '[');
	for (int i = 0; i < seen->count; i++)
		json_add_string(json, NULL, seen->gpus[i]->slot);
	json_close(json, ']');
	json_open(json, "compositor-changes", '[');
	for (size_t i = 0; seen->compositor && i < session->hw.count; i++) {
		json_open(json, NULL, '{');
		json_add_string(json, "slot", session->hw.gpus[i]->slot);
		json_add_string(json, "how", wayland_change(session, seen, session->hw.gpus[i]));
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void print_json(struct session *session, struct buf *out, const struct status *status)
{
	static const struct x11_server none;
	const bool is_xorg = status->connected && status->look.kind == X11_XORG;
	const struct x11_server *server = status->look.server ? status->look.server : &none;
	const struct x11_provider *screen = x11_screen_provider(server);
	struct json json = {.out = out};

	json_open(&json, NULL, '{');
	json_add_string(&json, "session", status->type);
	json_add_string(&json, "display", *status->look.display ? status->look.display : NULL);
	json_add_string(
		&json, "server", status->connected ? look_kind_name(status->look.kind) : NULL);
	json_add_string(&json, "server-version",
		status->connected ? x11_version_text(session->arena, status->look.x11) : NULL);
	json_add_string(&json, "nothing-to-set-up", status->nothing);
	json_add_string(&json, "mode", is_xorg ? x11_prime_name(status->mode) : NULL);
	json_add_string(
		&json, "mode-asked", is_xorg ? x11_prime_name(status->decision.config.mode) : NULL);
	json_add_string(&json, "mode-asked-by", is_xorg ? status->decision.config.mode_from : NULL);
	json_add_string(&json, "screen-slot", screen && screen->gpu ? screen->gpu->slot : NULL);
	show_providers_json(session->arena, &json, "providers", server);
	show_outputs_json(session->arena, &json, "outputs", server);
	wayland_json(session, &json, status);
	json_open(&json, "renderers", '{');
	renderer_json(&json, &status->renderers);
	json_close(&json, '}');
	json_add_string(&json, "session-file", status->file);
	json_add_bool(&json, "session-file-fresh", status->file_fresh);
	json_open(&json, "problems", '[');
	for (size_t i = 0; i < status->problem_count; i++)
		json_add_string(&json, NULL, status->problems[i]);
	json_close(&json, ']');
	json_close(&json, '}');
	buf_putc(out, '\n');
}

int status_show(struct session *session, const struct status *status)
{
	struct buf out = {0};
	int result;

	if (session->options.json)
		print_json(session, &out, status);
	else
		print(session, &out, status);
	result = session_print(&out);
	buf_free(&out);
	return result;
}
