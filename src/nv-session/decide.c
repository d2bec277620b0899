/* SPDX-License-Identifier: MIT */
#include "nv-session/decide.h"

#include "base/mem.h"
#include "base/str.h"
#include "nv-session/session.h"

const char *decide_nothing(struct session *session, const struct look *look)
{
	const char *type = session_variable(session, "XDG_SESSION_TYPE");

	if ((look->x11 && look->kind == X11_XWAYLAND) ||
		(!look->x11 && (session_variable(session, "WAYLAND_DISPLAY") ||
				       (type && str_eq(type, "wayland")))))
		return "a Wayland session: its compositor decides which GPU renders and drives the "
		       "outputs, so there is nothing to set up";
	if (look->x11 && look->kind == X11_OTHER)
		return "this X server has no GPU of its own (Xvfb, Xephyr, Xnest, VNC): there is "
		       "nothing to set up";
	return NULL;
}

void decide(struct session *session, const struct look *look, struct decision *decision)
{
	struct x11_facts facts;

	*decision = (struct decision){0};
	config_read(session, &decision->config);
	look_facts(session, look, &facts);
	decision->mode = x11_mode_resolve(look->server, decision->config.mode);
	decision->refused = x11_mode_refused(look->server, &facts, decision->mode);
	/* Nobody asked for what auto cannot have. */
	if (decision->refused && decision->config.mode == X11_AUTO) {
		decision->aside = arena_printf(session->arena, "no %s: %s",
			x11_prime_name(decision->mode), decision->refused);
		decision->mode = X11_OFFLOAD;
		decision->refused = NULL;
	}
	decision->wish = (struct x11_wish){
		.layout = decision->config.layout,
		.sync = X11_KEEP,
	};
	if (decision->refused || decision->mode == X11_NONE)
		return;
	decision->wish.rescue = true;
	decision->wish.share = decision->mode == X11_SYNC_MODE || decision->mode == X11_REVERSE;
	decision->wish.sync = decision->config.sync;
	decision->wish.outputs = decision->config.outputs;
	decision->wish.output_count = decision->config.output_count;
}
