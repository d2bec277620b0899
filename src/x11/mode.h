/* SPDX-License-Identifier: MIT */
/*
 * mode: which mode a server is to have, and why one cannot be. Pure.
 */
#ifndef NV_X11_MODE_H
#define NV_X11_MODE_H

#include <stdbool.h>

#include "x11/server.h"

enum x11_prime {
	X11_AUTO,
	X11_OFFLOAD, /* programs choose; nothing is linked */
	X11_SYNC_MODE, /* NVIDIA renders; the outputs of others show it */
	X11_REVERSE, /* another GPU renders; NVIDIA's outputs show it */
	X11_NONE, /* hands off */
};

const char *x11_prime_name(enum x11_prime mode);
bool x11_prime_from_name(const char *name, enum x11_prime *mode);

/* A version as numbers: 495.46 is {495, 46, 0}; all 0 if unknown. */
struct x11_version {
	unsigned part[3];
};

struct x11_version x11_version_parse(const char *text);

/* What mode decisions depend on besides the providers. */
struct x11_facts {
	struct x11_version server; /* of an Xorg: {21, 1, 7}, {1, 20, 14} */
	struct x11_version nvidia; /* of the loaded driver */
	bool fine_grained; /* NVreg_DynamicPowerManagement=0x02 is in force */
	enum { X11_MODESET_UNKNOWN, X11_MODESET_OFF, X11_MODESET_ON } modeset; /* nvidia-drm's */
	bool external_only; /* no output of the rendering GPU is connected */
};

/* auto, resolved: NVIDIA drives the X screen: sync; it is a GPU screen with outputs: reverse
 * sync; else offload. Other modes are themselves. */
enum x11_prime x11_mode_resolve(const struct x11_server *server, enum x11_prime mode);

/* Why the (resolved) mode cannot be on this server and what to do, or NULL. */
const char *x11_mode_refused(
	const struct x11_server *server, const struct x11_facts *facts, enum x11_prime mode);

#endif
