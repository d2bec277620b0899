/* SPDX-License-Identifier: MIT */
/* randr-send: carries requests out. */
#include <stdlib.h>

#include "base/mem.h"
#include "x11/randr-internal.h"

/* What an error of a request means; BadValue is also how a missing capability is told. */
static const char *error_text(struct arena *arena, const xcb_generic_error_t *error)
{
	switch (error->error_code) {
	case XCB_VALUE:
		return "the server refused it (BadValue: a capability may be missing)";
	case XCB_MATCH:
		return "the server refused it (BadMatch)";
	case XCB_ALLOC:
		return "the server has no memory for it (BadAlloc)";
	case XCB_ACCESS:
		return "the server does not let us (BadAccess)";
	default:
		return arena_printf(arena, "the server refused it (error %u)", error->error_code);
	}
}

static const char *wait_checked(struct arena *arena, struct x11 *x11, xcb_void_cookie_t cookie)
{
	xcb_generic_error_t *error = xcb_request_check(x11->connection, cookie);
	const char *text = error ? error_text(arena, error) : NULL;

	free(error);
	return text;
}

static const char *send_crtc(struct arena *arena, struct x11 *x11, const struct x11_crtc *crtc)
{
	static const char *const problems[] = {
		[XCB_RANDR_SET_CONFIG_SUCCESS] = NULL,
		[XCB_RANDR_SET_CONFIG_INVALID_CONFIG_TIME] = "outputs changed in between",
		[XCB_RANDR_SET_CONFIG_INVALID_TIME] = "another program changed it in between",
		[XCB_RANDR_SET_CONFIG_FAILED] = "the driver refused the mode",
	};
	xcb_generic_error_t *error = NULL;
	xcb_randr_set_crtc_config_reply_t *reply = xcb_randr_set_crtc_config_reply(x11->connection,
		xcb_randr_set_crtc_config(x11->connection, crtc->id, XCB_CURRENT_TIME,
			x11->configured, (int16_t)crtc->x, (int16_t)crtc->y, crtc->mode,
			(uint16_t)(crtc->mode ? crtc->rotation : XCB_RANDR_ROTATION_ROTATE_0),
			crtc->mode ? (uint32_t)crtc->outputs.count : 0, crtc->outputs.list),
		&error);
	const char *problem = NULL;

	if (error)
		problem = error_text(arena, error);
	else if (reply && reply->status < sizeof(problems) / sizeof(*problems))
		problem = problems[reply->status];
	free(error);
	free(reply);
	return problem;
}

/* It is in force from the next mode set on: what is lit is set once more as it is. */
static const char *send_sync(struct arena *arena, struct x11 *x11, const struct x11_server *server,
	const struct x11_request *request)
{
	const struct x11_output *output = x11_output(server, request->output);
	const struct x11_crtc *crtc = output ? x11_crtc(server, output->crtc) : NULL;
	const uint8_t value = request->value != 0;
	const char *problem = wait_checked(arena, x11,
		xcb_randr_change_output_property_checked(x11->connection, request->output,
			x11->sync, XCB_ATOM_INTEGER, 8, XCB_PROP_MODE_REPLACE, 1, &value));

	return problem || !crtc || !crtc->mode ? problem : send_crtc(arena, x11, crtc);
}

static const char *send(struct arena *arena, struct x11 *x11, const struct x11_server *server,
	const struct x11_request *request)
{
	xcb_connection_t *connection = x11->connection;
	xcb_window_t root = x11_root(x11, -1);

	switch (request->action) {
	case X11_LINK:
		return wait_checked(arena, x11,
			xcb_randr_set_provider_output_source_checked(
				connection, request->provider, request->source, x11->configured));
	case X11_SYNC:
		return send_sync(arena, x11, server, request);
	case X11_SIZE:
		return wait_checked(arena, x11,
			xcb_randr_set_screen_size_checked(connection, root,
				(uint16_t)request->width, (uint16_t)request->height,
				request->mm_width, request->mm_height));
	case X11_CRTC:
		return send_crtc(arena, x11, &request->crtc);
	case X11_PRIMARY:
		return wait_checked(arena, x11,
			xcb_randr_set_output_primary_checked(connection, root, request->output));
	}
	return NULL;
}

const char *x11_send(struct arena *arena, struct x11 *x11, const struct x11_server *server,
	const struct x11_request *request)
{
	const struct x11_check *check = x11_forbidden(server, request);
	const char *problem;

	if (check)
		return arena_printf(arena, "not sent: %s (%s)", check->reason, check->name);
	problem = send(arena, x11, server, request);
	return x11_is_lost(x11) ? "the X server is gone" : problem;
}
