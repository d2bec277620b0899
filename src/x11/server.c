/* SPDX-License-Identifier: MIT */
#include "x11/server.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

struct x11_provider *x11_provider(const struct x11_server *server, uint32_t id)
{
	for (size_t i = 0; i < server->provider_count; i++) {
		if (server->providers[i].id == id)
			return &server->providers[i];
	}
	return NULL;
}

struct x11_output *x11_output(const struct x11_server *server, uint32_t id)
{
	for (size_t i = 0; i < server->output_count; i++) {
		if (server->outputs[i].id == id)
			return &server->outputs[i];
	}
	return NULL;
}

struct x11_crtc *x11_crtc(const struct x11_server *server, uint32_t id)
{
	for (size_t i = 0; id && i < server->crtc_count; i++) {
		if (server->crtcs[i].id == id)
			return &server->crtcs[i];
	}
	return NULL;
}

const struct x11_mode *x11_mode(const struct x11_server *server, uint32_t id)
{
	for (size_t i = 0; id && i < server->mode_count; i++) {
		if (server->modes[i].id == id)
			return &server->modes[i];
	}
	return NULL;
}

struct x11_provider *x11_screen_provider(const struct x11_server *server)
{
	for (size_t i = 0; i < server->provider_count; i++) {
		if (server->providers[i].screen)
			return &server->providers[i];
	}
	return NULL;
}

struct x11_provider *x11_owner(const struct x11_server *server, uint32_t id)
{
	for (size_t i = 0; i < server->provider_count; i++) {
		struct x11_provider *provider = &server->providers[i];

		if (x11_ids_have(&provider->outputs, id) || x11_ids_have(&provider->crtcs, id))
			return provider;
	}
	return NULL;
}

bool x11_ids_have(const struct x11_ids *ids, uint32_t id)
{
	for (size_t i = 0; i < ids->count; i++) {
		if (ids->list[i] == id)
			return true;
	}
	return false;
}

void x11_ids_add(struct arena *arena, struct x11_ids *ids, uint32_t id)
{
	*arena_push(arena, ids->list, ids->count) = id;
}

bool x11_is_lit(const struct x11_server *server, const struct x11_output *output)
{
	const struct x11_crtc *crtc = x11_crtc(server, output->crtc);

	return crtc && crtc->mode;
}

static void *copy(struct arena *arena, const void *items, size_t count, size_t size)
{
	void *copied = arena_alloc(arena, count * size + 1);

	if (count)
		memcpy(copied, items, count * size);
	return copied;
}

static void copy_ids(struct arena *arena, struct x11_ids *ids)
{
	ids->list = copy(arena, ids->list, ids->count, sizeof(*ids->list));
}

struct x11_server *x11_copy(struct arena *arena, const struct x11_server *server)
{
	struct x11_server *to = copy(arena, server, 1, sizeof(*server));

	to->providers = copy(arena, to->providers, to->provider_count, sizeof(*to->providers));
	to->outputs = copy(arena, to->outputs, to->output_count, sizeof(*to->outputs));
	to->crtcs = copy(arena, to->crtcs, to->crtc_count, sizeof(*to->crtcs));
	/* The lists that requests change; what a GPU has and can do does not change. */
	for (size_t i = 0; i < to->crtc_count; i++)
		copy_ids(arena, &to->crtcs[i].outputs);
	return to;
}

bool x11_is_panel(const struct x11_output *output)
{
	static const char *const names[] = {"eDP", "LVDS", "DSI", NULL};

	for (size_t i = 0; names[i]; i++) {
		if (strncasecmp(output->name, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}

const char *x11_capability_names(struct arena *arena, unsigned capabilities)
{
	static const char *const names[] = {
		"Source Output", "Sink Output", "Source Offload", "Sink Offload"};
	const char *text = "";

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (capabilities & 1u << i)
			text = arena_printf(arena, "%s%s%s", text, *text ? ", " : "", names[i]);
	}
	return *text ? text : "none";
}

const char *x11_sure_name(enum x11_sure sure)
{
	static const char *const names[] = {
		[X11_BY_SLOT] = "its name carries the slot",
		[X11_BY_EDID] = "its monitors are the GPU's",
		[X11_BY_CONNECTORS] = "its outputs are called like the GPU's connectors",
		[X11_BY_DRIVER] = "the only GPU left with such a driver",
		[X11_BY_EXCLUSION] = "the only GPU left",
		[X11_UNSURE] = "unsure",
	};

	return names[sure];
}

static const struct {
	const char *name;
	unsigned rotation;
} rotations[] = {
	{"normal", X11_ROTATE_0},
	{"left", X11_ROTATE_90},
	{"inverted", X11_ROTATE_180},
	{"right", X11_ROTATE_270},
};

const char *x11_rotation_name(unsigned rotation)
{
	for (size_t i = 0; i < sizeof(rotations) / sizeof(*rotations); i++) {
		if (rotation & rotations[i].rotation)
			return rotations[i].name;
	}
	return rotations[0].name;
}

bool x11_rotation_from_name(const char *name, unsigned *rotation)
{
	for (size_t i = 0; i < sizeof(rotations) / sizeof(*rotations); i++) {
		if (!str_eq(rotations[i].name, name))
			continue;
		*rotation = rotations[i].rotation;
		return true;
	}
	return false;
}
