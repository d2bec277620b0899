/* SPDX-License-Identifier: MIT */
/*
 * server: an X server's RandR state as plain structs: what randr.c reads and everything else in
 * this folder thinks about.
 *
 * Things are told apart by their X ids. Names repeat ("modesetting" twice), hold blanks and '@',
 * and the order of providers changes when a GPU is added.
 */
#ifndef NV_X11_SERVER_H
#define NV_X11_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct buf;

/* RandR's numbers (randrproto, RRGetProviderInfo). */
enum x11_capability {
	X11_SOURCE_OUTPUT = 1, /* its pictures can be shown by another GPU's outputs */
	X11_SINK_OUTPUT = 2, /* its outputs can show another GPU's pictures */
	X11_SOURCE_OFFLOAD = 4, /* it can render for another GPU's screen (DRI2's way) */
	X11_SINK_OFFLOAD = 8, /* another GPU can render for its screen */
};

enum x11_rotation {
	X11_ROTATE_0 = 1,
	X11_ROTATE_90 = 2,
	X11_ROTATE_180 = 4,
	X11_ROTATE_270 = 8,
	X11_REFLECT_X = 16,
	X11_REFLECT_Y = 32,
};

/* How a provider was matched with a GPU, the surest first. */
enum x11_sure {
	X11_BY_SLOT, /* its name carries the slot */
	X11_BY_EDID, /* its monitors are those of the GPU's connectors */
	X11_BY_CONNECTORS, /* its outputs are called like the GPU's connectors */
	X11_BY_DRIVER, /* the only GPU left that this driver runs */
	X11_BY_EXCLUSION, /* the only GPU left */
	X11_UNSURE, /* a guess between several, or none found */
};

struct x11_ids {
	uint32_t *list;
	size_t count;
};

struct x11_mode {
	uint32_t id;
	unsigned width, height; /* pixels, before rotation */
	double rate; /* Hz */
};

struct x11_gpu;

struct x11_provider {
	uint32_t id;
	const char *name;
	unsigned capabilities;
	bool screen; /* drives an X screen; otherwise a GPU screen */
	struct x11_ids outputs, crtcs;
	uint32_t output_source; /* the provider whose pictures its outputs show, 0 if none */
	uint32_t offload_sink; /* the provider it is set to render for, 0 if none */
	const struct x11_gpu *gpu; /* NULL if unknown */
	enum x11_sure sure;
};

struct x11_output {
	uint32_t id;
	const char *name;
	bool connected;
	bool unplugged; /* for sure; an unknown connection is neither */
	bool listed; /* among the screen's outputs: programs can see it */
	uint32_t crtc; /* 0: dark */
	struct x11_ids crtcs; /* that can drive it */
	struct x11_ids modes; /* the preferred ones first */
	unsigned mm_width, mm_height;
	/* Its "PRIME Synchronization": 0, 1, or -1 if it has none. A change is in force from the
	 * next mode set on; of a dark output this is what will be. */
	int sync;
	const uint8_t *edid;
	size_t edid_length;
};

struct x11_crtc {
	uint32_t id;
	int x, y;
	unsigned width, height; /* of the screen it shows, after rotation */
	uint32_t mode; /* 0: off */
	unsigned rotation, rotations; /* enum x11_rotation: in force, possible */
	struct x11_ids outputs;
};

struct x11_server {
	struct x11_provider *providers; /* as the server lists them */
	size_t provider_count;
	struct x11_output *outputs;
	size_t output_count;
	struct x11_crtc *crtcs;
	size_t crtc_count;
	struct x11_mode *modes;
	size_t mode_count;
	unsigned width, height, mm_width, mm_height;
	unsigned max_width, max_height;
	uint32_t primary; /* output, 0 if none */
};

/* Lookups by X id; NULL if there is none. */
struct x11_provider *x11_provider(const struct x11_server *server, uint32_t id);
struct x11_output *x11_output(const struct x11_server *server, uint32_t id);
struct x11_crtc *x11_crtc(const struct x11_server *server, uint32_t id);
const struct x11_mode *x11_mode(const struct x11_server *server, uint32_t id);

/* The provider of the X screen; NULL if it has none, as with Xvfb. */
struct x11_provider *x11_screen_provider(const struct x11_server *server);

/* The provider that an output, or a CRTC, belongs to; NULL if none does. */
struct x11_provider *x11_owner(const struct x11_server *server, uint32_t id);

bool x11_ids_have(const struct x11_ids *ids, uint32_t id);
void x11_ids_add(struct arena *arena, struct x11_ids *ids, uint32_t id);

/* Whether an output shows something now. */
bool x11_is_lit(const struct x11_server *server, const struct x11_output *output);

/* A copy that can be changed without changing the original. */
struct x11_server *x11_copy(struct arena *arena, const struct x11_server *server);

/* A built-in panel, by the name that every driver gives it: eDP, LVDS, DSI. */
bool x11_is_panel(const struct x11_output *output);

/* "Source Output, Sink Output", or "none". */
const char *x11_capability_names(struct arena *arena, unsigned capabilities);

/* "its name says so": how sure a match is, for people. */
const char *x11_sure_name(enum x11_sure sure);

/* "normal", "left", "inverted", "right": as xrandr calls a rotation without reflection. */
const char *x11_rotation_name(unsigned rotation);
bool x11_rotation_from_name(const char *name, unsigned *rotation);

#endif
