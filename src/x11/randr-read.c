/* SPDX-License-Identifier: MIT */
/* randr-read: a server's state, in as few round trips as its answers allow. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "x11/randr-internal.h"

enum { EDID_LIMIT = 32 << 10 };

struct reading {
	struct arena *arena;
	struct x11 *x11;
	xcb_connection_t *connection;
	struct x11_server *server;
	xcb_timestamp_t configured;
};

static struct x11_ids copy_ids(struct arena *arena, const uint32_t *list, int count)
{
	struct x11_ids ids = {0};

	for (int i = 0; i < count; i++)
		x11_ids_add(arena, &ids, list[i]);
	return ids;
}

static double rate_of(const xcb_randr_mode_info_t *info)
{
	double lines = info->vtotal;

	if (info->mode_flags & XCB_RANDR_MODE_FLAG_DOUBLE_SCAN)
		lines *= 2;
	if (info->mode_flags & XCB_RANDR_MODE_FLAG_INTERLACE)
		lines /= 2;
	return info->htotal && lines > 0 ? info->dot_clock / (info->htotal * lines) : 0;
}

static void add_modes(struct reading *reading, const xcb_randr_mode_info_t *modes, int count)
{
	struct x11_server *server = reading->server;

	for (int i = 0; i < count; i++)
		*arena_push(reading->arena, server->modes, server->mode_count) = (struct x11_mode){
			.id = modes[i].id,
			.width = modes[i].width,
			.height = modes[i].height,
			.rate = rate_of(&modes[i]),
		};
}

/* The ids that the X screen lists; what is behind each is asked for later. */
static void add_listed(struct reading *reading, const xcb_randr_output_t *outputs, int output_count,
	const xcb_randr_crtc_t *crtcs, int crtc_count)
{
	struct x11_server *server = reading->server;

	for (int i = 0; i < output_count; i++)
		*arena_push(reading->arena, server->outputs, server->output_count) =
			(struct x11_output){
				.id = outputs[i], .name = "", .listed = true, .sync = -1};
	for (int i = 0; i < crtc_count; i++)
		*arena_push(reading->arena, server->crtcs, server->crtc_count) =
			(struct x11_crtc){.id = crtcs[i]};
}

static bool read_resources(struct reading *reading, xcb_window_t root, bool probe)
{
	/* Both replies have the same fields, not the same type. */
	if (probe) {
		xcb_randr_get_screen_resources_reply_t *reply =
			xcb_randr_get_screen_resources_reply(reading->connection,
				xcb_randr_get_screen_resources(reading->connection, root), NULL);

		if (!reply)
			return false;
		reading->configured = reply->config_timestamp;
		add_modes(reading, xcb_randr_get_screen_resources_modes(reply),
			xcb_randr_get_screen_resources_modes_length(reply));
		add_listed(reading, xcb_randr_get_screen_resources_outputs(reply),
			xcb_randr_get_screen_resources_outputs_length(reply),
			xcb_randr_get_screen_resources_crtcs(reply),
			xcb_randr_get_screen_resources_crtcs_length(reply));
		free(reply);
	} else {
		xcb_randr_get_screen_resources_current_reply_t *reply =
			xcb_randr_get_screen_resources_current_reply(reading->connection,
				xcb_randr_get_screen_resources_current(reading->connection, root),
				NULL);

		if (!reply)
			return false;
		reading->configured = reply->config_timestamp;
		add_modes(reading, xcb_randr_get_screen_resources_current_modes(reply),
			xcb_randr_get_screen_resources_current_modes_length(reply));
		add_listed(reading, xcb_randr_get_screen_resources_current_outputs(reply),
			xcb_randr_get_screen_resources_current_outputs_length(reply),
			xcb_randr_get_screen_resources_current_crtcs(reply),
			xcb_randr_get_screen_resources_current_crtcs_length(reply));
		free(reply);
	}
	return true;
}

/* The X screen as a whole: resources, providers, size and primary output. */
static bool read_screen(struct reading *reading, xcb_window_t root, bool probe)
{
	xcb_connection_t *connection = reading->connection;
	struct x11_server *server = reading->server;
	xcb_randr_get_providers_cookie_t providers = {0};
	xcb_randr_get_output_primary_cookie_t primary =
		xcb_randr_get_output_primary(connection, root);
	xcb_randr_get_screen_size_range_cookie_t range =
		xcb_randr_get_screen_size_range(connection, root);
	xcb_get_geometry_cookie_t geometry = xcb_get_geometry(connection, root);
	xcb_randr_get_providers_reply_t *list = NULL;
	xcb_randr_get_output_primary_reply_t *first;
	xcb_randr_get_screen_size_range_reply_t *limits;
	xcb_get_geometry_reply_t *size;
	bool done;

	if (reading->x11->providers)
		providers = xcb_randr_get_providers(connection, root);
	done = read_resources(reading, root, probe);
	first = xcb_randr_get_output_primary_reply(connection, primary, NULL);
	limits = xcb_randr_get_screen_size_range_reply(connection, range, NULL);
	size = xcb_get_geometry_reply(connection, geometry, NULL);
	if (reading->x11->providers)
		list = xcb_randr_get_providers_reply(connection, providers, NULL);
	if (first)
		server->primary = first->output;
	if (limits) {
		server->max_width = limits->max_width;
		server->max_height = limits->max_height;
	}
	if (size) {
		server->width = size->width;
		server->height = size->height;
	}
	for (int i = 0; list && i < xcb_randr_get_providers_providers_length(list); i++)
		*arena_push(reading->arena, server->providers, server->provider_count) =
			(struct x11_provider){
				.id = xcb_randr_get_providers_providers(list)[i], .name = ""};
	free(first);
	free(limits);
	free(size);
	free(list);
	return done;
}

/* What a provider is linked with. */
struct association {
	uint32_t from, to;
	uint32_t kind; /* enum x11_capability of the other one, several at once */
};

struct associations {
	struct association *list;
	size_t count;
};

static void fill_provider(struct reading *reading, struct x11_provider *provider,
	const xcb_randr_get_provider_info_reply_t *info, struct associations *links)
{
	const uint32_t *peers = xcb_randr_get_provider_info_associated_providers(info);
	const uint32_t *kinds = xcb_randr_get_provider_info_associated_capability(info);

	provider->name = arena_copy(reading->arena, xcb_randr_get_provider_info_name(info),
		(size_t)xcb_randr_get_provider_info_name_length(info));
	provider->capabilities = info->capabilities;
	provider->outputs = copy_ids(
		reading->arena, xcb_randr_get_provider_info_outputs(info), info->num_outputs);
	provider->crtcs =
		copy_ids(reading->arena, xcb_randr_get_provider_info_crtcs(info), info->num_crtcs);
	for (int i = 0; i < info->num_associated_providers; i++)
		*arena_push(reading->arena, links->list, links->count) =
			(struct association){provider->id, peers[i], kinds[i]};
}

/*
 * Links are read from the side of the X screen's provider. From that of a GPU screen they should
 * be told too, as Source Output and Sink Offload, but Xorg 21.1.7 sends the kinds byte-swapped,
 * and where both go to the same provider an id in the place of a kind.
 */
static bool is_told_by_screen(const struct association *link)
{
	return link->kind < 16 && link->kind & (X11_SINK_OUTPUT | X11_SOURCE_OFFLOAD);
}

static void link_providers(struct x11_server *server, const struct associations *links)
{
	for (size_t i = 0; i < links->count; i++) {
		const struct association *link = &links->list[i];
		struct x11_provider *sink = x11_provider(server, link->to);

		if (!is_told_by_screen(link) || !sink)
			continue;
		x11_provider(server, link->from)->screen = true;
		if (link->kind & X11_SINK_OUTPUT)
			sink->output_source = link->from;
		if (link->kind & X11_SOURCE_OFFLOAD)
			sink->offload_sink = link->from;
	}
}

/*
 * Without any link: the server lists the X screen's own provider first, if there is one; the
 * outputs of a GPU screen are not among the X screen's until it is linked; and NVIDIA says in
 * the name what it is.
 */
static void find_screen(struct x11_server *server, const struct associations *links)
{
	struct x11_provider *first = server->providers;
	bool listed = false;

	if (!server->provider_count || x11_screen_provider(server))
		return;
	for (size_t i = 0; i < links->count; i++) {
		if (links->list[i].from == first->id)
			return;
	}
	for (size_t i = 0; i < first->outputs.count; i++) {
		const struct x11_output *output = x11_output(server, first->outputs.list[i]);

		listed |= output && output->listed;
	}
	first->screen = !str_starts(first->name, "NVIDIA-G") && (listed || !first->outputs.count);
}

static void read_providers(struct reading *reading)
{
	struct x11_server *server = reading->server;
	xcb_randr_get_provider_info_cookie_t *asked =
		arena_alloc(reading->arena, (server->provider_count + 1) * sizeof(*asked));
	struct associations links = {0};
	size_t kept = 0;

	for (size_t i = 0; i < server->provider_count; i++)
		asked[i] = xcb_randr_get_provider_info(
			reading->connection, server->providers[i].id, reading->configured);
	for (size_t i = 0; i < server->provider_count; i++) {
		xcb_randr_get_provider_info_reply_t *info =
			xcb_randr_get_provider_info_reply(reading->connection, asked[i], NULL);

		/* One that was removed in between is left out. */
		if (info) {
			server->providers[kept].id = server->providers[i].id;
			fill_provider(reading, &server->providers[kept++], info, &links);
		}
		free(info);
	}
	server->provider_count = kept;
	link_providers(server, &links);
	find_screen(server, &links);
}

/* Outputs and CRTCs of GPU screens that are not linked: only their providers know of them. */
static void add_unlisted(struct reading *reading)
{
	struct x11_server *server = reading->server;

	for (size_t i = 0; i < server->provider_count; i++) {
		const struct x11_provider *provider = &server->providers[i];

		for (size_t j = 0; j < provider->outputs.count; j++) {
			if (!x11_output(server, provider->outputs.list[j]))
				*arena_push(reading->arena, server->outputs,
					server->output_count) = (struct x11_output){
					.id = provider->outputs.list[j], .name = "", .sync = -1};
		}
		for (size_t j = 0; j < provider->crtcs.count; j++) {
			if (!x11_crtc(server, provider->crtcs.list[j]))
				*arena_push(reading->arena, server->crtcs, server->crtc_count) =
					(struct x11_crtc){.id = provider->crtcs.list[j]};
		}
	}
}

struct output_asked {
	xcb_randr_get_output_info_cookie_t info;
	xcb_randr_get_output_property_cookie_t edid, sync, pending;
};

static void fill_output(struct reading *reading, struct x11_output *output,
	const xcb_randr_get_output_info_reply_t *info)
{
	output->name =
		arena_copy(reading->arena, (const char *)xcb_randr_get_output_info_name(info),
			(size_t)xcb_randr_get_output_info_name_length(info));
	/* "Unknown" is what VGA without DDC, switches and some docks say. */
	output->connected = info->connection == XCB_RANDR_CONNECTION_CONNECTED;
	output->unplugged = info->connection == XCB_RANDR_CONNECTION_DISCONNECTED;
	output->crtc = info->crtc;
	output->crtcs =
		copy_ids(reading->arena, xcb_randr_get_output_info_crtcs(info), info->num_crtcs);
	output->modes =
		copy_ids(reading->arena, xcb_randr_get_output_info_modes(info), info->num_modes);
	output->mm_width = info->mm_width;
	output->mm_height = info->mm_height;
}

static void fill_edid(struct reading *reading, struct x11_output *output,
	const xcb_randr_get_output_property_reply_t *reply)
{
	size_t length = (size_t)xcb_randr_get_output_property_data_length(reply);

	if (reply->format != 8 || length < 128)
		return;
	output->edid = (const uint8_t *)arena_copy(
		reading->arena, (const char *)xcb_randr_get_output_property_data(reply), length);
	output->edid_length = length;
}

/* The driver gives it as 8 bits (randr/rrcrtc.c); others may set it as 32. */
static int sync_value(const xcb_randr_get_output_property_reply_t *reply)
{
	const uint8_t *data = xcb_randr_get_output_property_data(reply);

	if (!reply->num_items || !reply->format)
		return -1;
	return *data != 0;
}

static void take_output(
	struct reading *reading, struct x11_output *output, const struct output_asked *asked)
{
	xcb_connection_t *connection = reading->connection;
	xcb_randr_get_output_info_reply_t *info =
		xcb_randr_get_output_info_reply(connection, asked->info, NULL);
	xcb_randr_get_output_property_reply_t *edid =
		xcb_randr_get_output_property_reply(connection, asked->edid, NULL);
	xcb_randr_get_output_property_reply_t *sync =
		xcb_randr_get_output_property_reply(connection, asked->sync, NULL);
	xcb_randr_get_output_property_reply_t *pending =
		xcb_randr_get_output_property_reply(connection, asked->pending, NULL);

	if (info)
		fill_output(reading, output, info);
	if (edid)
		fill_edid(reading, output, edid);
	if (sync)
		output->sync = sync_value(sync);
	/* Of a dark output counts what it will be when it is lit. */
	if (pending && !output->crtc && sync_value(pending) >= 0)
		output->sync = sync_value(pending);
	free(info);
	free(edid);
	free(sync);
	free(pending);
}

static void take_crtc(
	struct reading *reading, struct x11_crtc *crtc, xcb_randr_get_crtc_info_cookie_t asked)
{
	xcb_randr_get_crtc_info_reply_t *info =
		xcb_randr_get_crtc_info_reply(reading->connection, asked, NULL);

	if (info) {
		crtc->x = info->x;
		crtc->y = info->y;
		/* After rotation and transform, as the server tells it. */
		crtc->width = info->width;
		crtc->height = info->height;
		crtc->mode = info->mode;
		crtc->rotation = info->rotation;
		crtc->rotations = info->rotations;
		crtc->outputs = copy_ids(
			reading->arena, xcb_randr_get_crtc_info_outputs(info), info->num_outputs);
	}
	free(info);
}

static struct output_asked ask_output(const struct reading *reading, uint32_t id)
{
	const struct x11 *x11 = reading->x11;

	return (struct output_asked){
		xcb_randr_get_output_info(x11->connection, id, reading->configured),
		xcb_randr_get_output_property(
			x11->connection, id, x11->edid, XCB_ATOM_ANY, 0, EDID_LIMIT / 4, 0, 0),
		xcb_randr_get_output_property(
			x11->connection, id, x11->sync, XCB_ATOM_ANY, 0, 1, 0, 0),
		xcb_randr_get_output_property(
			x11->connection, id, x11->sync, XCB_ATOM_ANY, 0, 1, 0, 1),
	};
}

/* All at once: one round trip, however many there are. */
static void read_details(struct reading *reading)
{
	struct x11_server *server = reading->server;
	struct output_asked *outputs =
		arena_alloc(reading->arena, (server->output_count + 1) * sizeof(*outputs));
	xcb_randr_get_crtc_info_cookie_t *crtcs =
		arena_alloc(reading->arena, (server->crtc_count + 1) * sizeof(*crtcs));

	for (size_t i = 0; i < server->output_count; i++)
		outputs[i] = ask_output(reading, server->outputs[i].id);
	for (size_t i = 0; i < server->crtc_count; i++)
		crtcs[i] = xcb_randr_get_crtc_info(
			reading->connection, server->crtcs[i].id, reading->configured);
	for (size_t i = 0; i < server->output_count; i++)
		take_output(reading, &server->outputs[i], &outputs[i]);
	for (size_t i = 0; i < server->crtc_count; i++)
		take_crtc(reading, &server->crtcs[i], crtcs[i]);
}

/* Millimetres are not to be asked for: the setup has them as of the connection's start. */
static void read_millimetres(struct reading *reading, int screen)
{
	xcb_screen_iterator_t roots = xcb_setup_roots_iterator(xcb_get_setup(reading->connection));
	struct x11_server *server = reading->server;

	for (int i = screen < 0 ? reading->x11->screen : screen; i > 0 && roots.rem > 1; i--)
		xcb_screen_next(&roots);
	if (!roots.data->width_in_pixels || !roots.data->height_in_pixels)
		return;
	/* Sizes change; dots per inch seldom do. */
	server->mm_width = (unsigned)((unsigned long)roots.data->width_in_millimeters *
				      server->width / roots.data->width_in_pixels);
	server->mm_height = (unsigned)((unsigned long)roots.data->height_in_millimeters *
				       server->height / roots.data->height_in_pixels);
}

struct x11_server *x11_read(struct arena *arena, struct x11 *x11, int screen, bool probe)
{
	struct reading reading = {
		.arena = arena,
		.x11 = x11,
		.connection = x11->connection,
		.server = arena_alloc(arena, sizeof(*reading.server)),
	};

	if (!x11->randr || !read_screen(&reading, x11_root(x11, screen), probe))
		return NULL;
	read_millimetres(&reading, screen);
	read_providers(&reading);
	add_unlisted(&reading);
	read_details(&reading);
	x11->configured = reading.configured;
	return x11_is_lost(x11) ? NULL : reading.server;
}
