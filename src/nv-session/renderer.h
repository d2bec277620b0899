/* SPDX-License-Identifier: MIT */
/*
 * renderer: which GPU really draws, as programs get it: plainly, and under nv-run.
 *
 * renderer.c    what is asked, and of whom it is not, so that no GPU wakes; the command
 * probe.c       children that ask, and what becomes of them
 */
#ifndef NV_SESSION_RENDERER_H
#define NV_SESSION_RENDERER_H

#include <stdbool.h>
#include <stddef.h>

#include "x11/renderer.h"

struct json;
struct buf;
struct session;

/* One API's answer. */
struct finding {
	const char *renderer, *vendor; /* NULL if not told */
	const char *slot; /* of the GPU that draws, NULL if unknown or the CPU */
	const char *gpu; /* its name */
	bool software; /* the CPU draws */
	const char **devices; /* that the API offers, in its order */
	size_t device_count;
	const char *problem; /* why there is no renderer, NULL if there is */
	const char *node, *ids; /* as the driver told them */
};

enum renderer_who { RENDERER_DESKTOP, RENDERER_NV_RUN, RENDERER_WHO };

struct findings {
	bool asked[RENDERER_WHO]; /* else not wanted */
	struct finding of[RENDERER_WHO][X11_APIS];
};

/* A child to start: what it is to ask, and through what. */
struct probe {
	enum x11_api api;
	char **arguments; /* of the program to execute */
	char **environment;
	struct finding *into;
};

/* The word in the environment that makes "nv-session renderer" a probe: the API's name. */
#define RENDERER_PROBE "NV_SESSION_PROBE"
/* Where a probe writes its answer. */
enum { RENDERER_FD = 3 };

/* probe.c: starts all at once and waits for them; what they do not answer in time is a problem of
 * theirs. */
void probe_all(
	struct session *session, const struct probe *probes, size_t count, long milliseconds);

/*
 * Asks each API in the set (1 << enum x11_api). gpu, unless NULL, is the one to ask, even if that
 * wakes it; changes are NAME=VALUE for the desktop's environment, NULL-ended or NULL. Otherwise no
 * sleeping GPU is woken: what could wake one is not asked, and says so.
 */
void renderer_ask(struct session *session, unsigned apis, const char *gpu, char *const *changes,
	struct findings *findings);

/* "00:02.0 Mesa Intel(R) UHD Graphics 620 (KBL GT2)", or the problem. */
const char *renderer_text(struct session *session, const struct finding *finding);

/* A line for each API and who was asked. */
void renderer_print(
	struct session *session, struct buf *out, unsigned apis, const struct findings *findings);

void renderer_json(
	struct session *session, struct json *json, unsigned apis, const struct findings *findings);

#endif
