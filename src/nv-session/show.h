/* SPDX-License-Identifier: MIT */
/*
 * show: words, tables and JSON for what look.c found.
 */
#ifndef NV_SESSION_SHOW_H
#define NV_SESSION_SHOW_H

#include <stdbool.h>

#include "nv-session/look.h"

struct arena;
struct buf;
struct json;

/* "01:00.0 NVIDIA GeForce GTX 1650": a slot without domain 0000, and the name. */
const char *show_gpu(struct arena *arena, const struct x11_gpu *gpu);

/* "1920x1080+0+0 59.93 Hz, primary, left", "connected, dark" or "nothing plugged in". */
const char *show_output(
	struct arena *arena, const struct x11_server *server, const struct x11_output *output);

/* "shows 0x42's pictures" and the like; "none". */
const char *show_links(
	struct arena *arena, const struct x11_server *server, const struct x11_provider *provider);

/* A member called name: an array of one object for each. */
void show_providers_json(
	struct arena *arena, struct json *json, const char *name, const struct x11_server *server);
void show_outputs_json(
	struct arena *arena, struct json *json, const char *name, const struct x11_server *server);

/* GPUs as boxes with arrows to what they feed, for a terminal. */
void draw(struct arena *arena, struct buf *out, const struct x11_server *server);

#endif
