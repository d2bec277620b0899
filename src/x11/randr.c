/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "x11/randr-internal.h"

enum { NOTE_LIMIT = 64 << 10 };

/* What is asked of every server at first, all at once. */
enum { NAME_SYNC, NAME_EDID, NAME_NOTE, NAMES };

static const char *const atom_names[NAMES] = {
	[NAME_SYNC] = "PRIME Synchronization",
	[NAME_EDID] = "EDID",
	[NAME_NOTE] = "_NV_SESSION_BEFORE",
};

static bool has_extension(xcb_connection_t *connection, xcb_query_extension_cookie_t cookie)
{
	xcb_query_extension_reply_t *reply = xcb_query_extension_reply(connection, cookie, NULL);
	bool present = reply && reply->present;

	free(reply);
	return present;
}

static xcb_query_extension_cookie_t ask_extension(xcb_connection_t *connection, const char *name)
{
	return xcb_query_extension(connection, (uint16_t)strlen(name), name);
}

static void learn(struct x11 *x11)
{
	xcb_connection_t *connection = x11->connection;
	xcb_intern_atom_cookie_t atoms[NAMES];
	xcb_query_extension_cookie_t xwayland, xfree86;
	xcb_atom_t *const into[NAMES] = {&x11->sync, &x11->edid, &x11->note};
	xcb_randr_query_version_reply_t *version;

	xcb_prefetch_extension_data(connection, &xcb_randr_id);
	xwayland = ask_extension(connection, "XWAYLAND");
	/* Of all servers only Xorg has it, if it was not built without. */
	xfree86 = ask_extension(connection, "XFree86-DGA");
	for (size_t i = 0; i < NAMES; i++)
		atoms[i] = xcb_intern_atom(
			connection, 0, (uint16_t)strlen(atom_names[i]), atom_names[i]);
	x11->xwayland = has_extension(connection, xwayland);
	x11->xfree86 = has_extension(connection, xfree86);
	for (size_t i = 0; i < NAMES; i++) {
		xcb_intern_atom_reply_t *reply = xcb_intern_atom_reply(connection, atoms[i], NULL);

		*into[i] = reply ? reply->atom : XCB_ATOM_NONE;
		free(reply);
	}
	if (x11_is_lost(x11) || !xcb_get_extension_data(connection, &xcb_randr_id)->present)
		return;
	version = xcb_randr_query_version_reply(
		connection, xcb_randr_query_version(connection, 1, 5), NULL);
	if (version) {
		x11->randr = version->major_version > 1 || version->minor_version >= 2;
		x11->providers = version->major_version > 1 || version->minor_version >= 4;
	}
	free(version);
}

struct x11 *x11_open(const char *display)
{
	struct x11 *x11 = mem_resize(NULL, sizeof(*x11));

	*x11 = (struct x11){0};
	x11->connection = xcb_connect(display, &x11->screen);
	if (!x11_is_lost(x11))
		learn(x11);
	if (x11_is_lost(x11)) {
		x11_close(x11);
		return NULL;
	}
	return x11;
}

void x11_close(struct x11 *x11)
{
	if (!x11)
		return;
	xcb_disconnect(x11->connection);
	free(x11);
}

bool x11_is_lost(const struct x11 *x11)
{
	return xcb_connection_has_error(x11->connection) != 0;
}

/* Before 23.1 Xwayland had no extension of its own, but always outputs of this name. */
static bool has_wayland_outputs(struct x11 *x11)
{
	xcb_randr_get_screen_resources_current_reply_t *resources =
		xcb_randr_get_screen_resources_current_reply(x11->connection,
			xcb_randr_get_screen_resources_current(x11->connection, x11_root(x11, -1)),
			NULL);
	bool found = false;
	xcb_randr_output_t *outputs;

	if (resources && xcb_randr_get_screen_resources_current_outputs_length(resources) > 0) {
		xcb_randr_get_output_info_reply_t *info;

		outputs = xcb_randr_get_screen_resources_current_outputs(resources);
		info = xcb_randr_get_output_info_reply(x11->connection,
			xcb_randr_get_output_info(
				x11->connection, outputs[0], resources->config_timestamp),
			NULL);
		found = info && xcb_randr_get_output_info_name_length(info) > 8 &&
			memcmp(xcb_randr_get_output_info_name(info), "XWAYLAND", 8) == 0;
		free(info);
	}
	free(resources);
	return found;
}

/* Of servers that are no Xorg, none has a provider. */
static bool has_any_provider(struct x11 *x11)
{
	xcb_randr_get_providers_reply_t *reply = NULL;
	bool found;

	if (x11->providers)
		reply = xcb_randr_get_providers_reply(x11->connection,
			xcb_randr_get_providers(x11->connection, x11_root(x11, -1)), NULL);
	found = reply && reply->num_providers;
	free(reply);
	return found;
}

enum x11_kind x11_kind(const struct x11 *x11)
{
	if (x11->xwayland)
		return X11_XWAYLAND;
	if (x11->xfree86)
		return X11_XORG;
	if (x11->randr && has_wayland_outputs((struct x11 *)x11))
		return X11_XWAYLAND;
	/* An Xorg can be built without DGA. */
	return has_any_provider((struct x11 *)x11) ? X11_XORG : X11_OTHER;
}

const char *x11_version_text(struct arena *arena, const struct x11 *x11)
{
	const xcb_setup_t *setup = xcb_get_setup(x11->connection);
	unsigned release = setup->release_number;
	unsigned major = release / 10000000, minor = release / 100000 % 100,
		 patch = release / 1000 % 100;

	if (!x11->xfree86)
		return "";
	/* 21.1.7 is 1.21.1.7 on the wire: 12101007; before, 1.20.14 was 12014000. */
	if (major == 1 && minor >= 21)
		return arena_printf(arena, "%u.%u.%u", minor, patch, release % 1000);
	return arena_printf(arena, "%u.%u.%u", major, minor, patch);
}

int x11_screen_count(const struct x11 *x11)
{
	return xcb_setup_roots_length(xcb_get_setup(x11->connection));
}

bool x11_has_providers(const struct x11 *x11)
{
	return x11->providers;
}

xcb_window_t x11_root(const struct x11 *x11, int screen)
{
	xcb_screen_iterator_t roots = xcb_setup_roots_iterator(xcb_get_setup(x11->connection));

	for (int i = screen < 0 ? x11->screen : screen; i > 0 && roots.rem > 1; i--)
		xcb_screen_next(&roots);
	return roots.data->root;
}

char *x11_note_read(struct arena *arena, struct x11 *x11)
{
	xcb_get_property_reply_t *reply = xcb_get_property_reply(x11->connection,
		xcb_get_property(x11->connection, 0, x11_root(x11, -1), x11->note, XCB_ATOM_STRING,
			0, NOTE_LIMIT / 4),
		NULL);
	char *text = NULL;

	if (reply && reply->format == 8 && !reply->bytes_after)
		text = arena_copy(arena, xcb_get_property_value(reply),
			(size_t)xcb_get_property_value_length(reply));
	free(reply);
	return text;
}

void x11_note_write(struct x11 *x11, const char *text)
{
	xcb_window_t root = x11_root(x11, -1);
	xcb_void_cookie_t cookie;

	if (text && strlen(text) < NOTE_LIMIT)
		cookie = xcb_change_property_checked(x11->connection, XCB_PROP_MODE_REPLACE, root,
			x11->note, XCB_ATOM_STRING, 8, (uint32_t)strlen(text), text);
	else
		cookie = xcb_delete_property_checked(x11->connection, root, x11->note);
	/* Xorg does not read any more what was sent just before the connection is closed. */
	free(xcb_request_check(x11->connection, cookie));
}

bool x11_watch(struct x11 *x11)
{
	const uint16_t changes =
		XCB_RANDR_NOTIFY_MASK_SCREEN_CHANGE | XCB_RANDR_NOTIFY_MASK_CRTC_CHANGE |
		XCB_RANDR_NOTIFY_MASK_OUTPUT_CHANGE | XCB_RANDR_NOTIFY_MASK_PROVIDER_CHANGE |
		XCB_RANDR_NOTIFY_MASK_RESOURCE_CHANGE;
	xcb_generic_error_t *error;

	if (!x11->randr)
		return false;
	error = xcb_request_check(x11->connection,
		xcb_randr_select_input_checked(x11->connection, x11_root(x11, -1), changes));
	free(error);
	return !error;
}

int x11_descriptor(const struct x11 *x11)
{
	return xcb_get_file_descriptor(x11->connection);
}

bool x11_changed(struct x11 *x11)
{
	xcb_generic_event_t *event;
	bool changed = false;

	while ((event = xcb_poll_for_event(x11->connection))) {
		changed |= event->response_type != 0;
		free(event);
	}
	return changed;
}
