/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "nv-session/session.h"
#include "nv-session/show.h"

enum { TIMEOUT = 10000 };

static void line(struct buf *out, const char *label, const char *text)
{
	size_t start = out->length;

	buf_printf(out, "    %s", label);
	buf_pad(out, start, 18);
	buf_printf(out, "%s\n", text);
}

static void print(struct session *session, struct buf *out, const struct x11_server *server,
	const struct x11_provider *provider)
{
	struct arena *arena = session->arena;

	buf_printf(out, "0x%x %s: %s\n", provider->id, provider->name,
		provider->screen ? "drives the X screen" : "a GPU screen");
	line(out, "GPU",
		provider->gpu ? arena_printf(arena, "%s (%s)", show_gpu(arena, provider->gpu),
					x11_sure_name(provider->sure))
			      : "unknown");
	line(out, "capabilities", x11_capability_names(arena, provider->capabilities));
	line(out, "links", show_links(arena, server, provider));
	for (size_t i = 0; i < provider->outputs.count; i++) {
		const struct x11_output *output = x11_output(server, provider->outputs.list[i]);

		if (output)
			line(out, i ? "" : "outputs",
				arena_printf(arena, "%s: %s", output->name,
					show_output(arena, server, output)));
	}
	if (!provider->outputs.count)
		line(out, "outputs", "none");
}

int providers_run(struct session *session)
{
	static const struct x11_server none;
	struct look look = {0};
	const struct x11_server *server = &none;
	struct buf out = {0};
	int status;

	session_deadline(session, TIMEOUT);
	if (!look_connect(session, &look, false))
		return EXIT_FAILED;
	/* A server without RandR has no providers; that is no mistake. */
	if (look_read(session, &look, false))
		server = look.server;
	else if (x11_is_lost(look.x11)) {
		log_error("the X server is gone");
		look_close(&look);
		return EXIT_FAILED;
	}
	if (session->options.json) {
		struct json json = {.out = &out};

		json_open(&json, NULL, '{');
		json_add_string(&json, "server", look_kind_name(look.kind));
		show_providers_json(session->arena, &json, "providers", server);
		show_outputs_json(session->arena, &json, "outputs", server);
		json_close(&json, '}');
		buf_putc(&out, '\n');
	} else {
		for (size_t i = 0; i < server->provider_count; i++)
			print(session, &out, server, &server->providers[i]);
		if (!server->provider_count)
			buf_puts(&out, "no providers\n");
	}
	look_close(&look);
	status = session_print(&out);
	buf_free(&out);
	return status;
}
