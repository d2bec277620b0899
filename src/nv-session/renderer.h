/* SPDX-License-Identifier: MIT */
/*
 * renderer: who really renders, asked of EGL, GLX and Vulkan in processes of their own: for a
 * program as the desktop starts it, and for one that nv-run starts.
 *
 * A driver that crashes, hangs, prints, forks or exits is a finding. A sleeping GPU goes on
 * sleeping unless it is the one asked for.
 */
#ifndef NV_SESSION_RENDERER_H
#define NV_SESSION_RENDERER_H

#include <stdbool.h>
#include <stddef.h>

#include "hw/hw.h"
#include "x11/renderer.h"

struct arena;

enum renderer_way { RENDERER_PLAIN, RENDERER_NV_RUN, RENDERER_WAYS };

enum renderer_state {
	RENDERER_UNASKED, /* the question left it out */
	RENDERER_TOLD, /* .device is who renders */
	RENDERER_NONE, /* the API is there and offers nothing */
	RENDERER_UNAVAILABLE, /* no library, no X server, no nv-run: cannot be asked */
	RENDERER_ASLEEP, /* not asked, as that would wake a GPU */
	RENDERER_FAILED, /* the driver crashed, hung, ended the program, ... */
};

/* What a driver says; each text is NULL if it does not. renderer.h of x11/ has their meaning. */
struct renderer_device {
	const char *name, *vendor, *version, *driver, *platform, *direct;
	const char *card, *render, *pci, *ids, *type;
	const char *software_said; /* "yes" */
	bool software; /* draws with the CPU: as it says, or by its name */
	const struct hw_gpu *gpu; /* whose it is; NULL if that is not to be told */
};

struct renderer_finding {
	enum renderer_state state;
	/* In a line, for people: the renderer's name, or what stands in the way. */
	const char *text;
	struct renderer_device device; /* filled as far as it was told, even if asking failed */
	struct renderer_device *devices; /* all on offer, in the API's order */
	size_t device_count;
	const char **notes; /* in a line each: what nv-run warned of, ... */
	size_t note_count;
};

struct renderer_question {
	struct hw *hw; /* renderer_ask scans and judges it */
	char *const *environment;
	const char *display; /* the X server; NULL: as in environment */
	char *const *changes; /* NULL-ended NAME=VALUE for RENDERER_PLAIN; NULL for none */
	const char *gpu; /* what nv-run's -g gets, and may be woken; NULL: as rules choose */
	unsigned apis; /* bits 1 << enum renderer_api; 0 is all */
	unsigned ways; /* bits 1 << enum renderer_way; 0 is all */
	long deadline; /* milliseconds for all together; 0: 3 s, more where a GPU has to wake */
};

struct renderer_findings {
	struct renderer_finding of[RENDERER_WAYS][RENDERER_APIS];
};

/*
 * Asks all at once and returns within the deadline and half a second. NULL, or what is wrong with
 * the question (the GPU). Findings belong to the arena.
 */
const char *renderer_ask(struct arena *arena, const struct renderer_question *question,
	struct renderer_findings *findings);

struct buf;
struct json;

/* A table with a line for each question, and its notes. */
void renderer_show(struct buf *out, const struct renderer_findings *findings);

/* Members "plain" and "nv-run" of an object that is open. */
void renderer_json(struct json *json, const struct renderer_findings *findings);

/* "told", "none", "unavailable", "asleep", "failed". */
const char *renderer_state_name(enum renderer_state state);

/* "EGL", "GLX", "Vulkan". */
const char *renderer_api_title(enum renderer_api api);

/* "software", a slot, or "-". */
const char *renderer_device_place(const struct renderer_device *device);

#endif
