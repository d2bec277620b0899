/* SPDX-License-Identifier: MIT */
/*
 * The parts of "renderer":
 *
 * ask.c     what is asked of whom, and what is not, for a GPU that sleeps
 * child.c   processes that may crash, hang, chatter or fork, within a deadline
 * probe.c   in such a process: asks one API and answers in lines
 * answer.c  from lines to a finding, with the GPU's slot
 * show.c    the table and the JSON
 *
 * A probe is this program again: "nv-session renderer --api API -- probe [careful]". Standard
 * output is the way of the answers, as it survives wrappers that close other descriptors; the
 * probe moves it out of the drivers' reach before it loads them. Each answer is a line, "KEY
 * VALUE", with the keys of x11/renderer.h, between "probe API" and "done": what stands before
 * the first is someone else's.
 */
#ifndef NV_SESSION_RENDERER_INTERNAL_H
#define NV_SESSION_RENDERER_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "nv-session/renderer.h"

struct json;
struct session;

struct child {
	const char *path;
	char *const *arguments, *const *environment;
	pid_t pid; /* 0 if it could not be started */
	int out, err; /* pipes, -1 once closed */
	struct buf answer, noise; /* what it wrote to standard output and error */
	bool ended, late, stuck; /* late: killed at the deadline; stuck: not even that helped */
	int code, status; /* of siginfo_t, once ended */
};

/* Starts all, reads what they write, and ends them with all they started. */
void children_run(struct child *children, size_t count, long milliseconds);

/* The finding in what a child wrote. way and milliseconds are for the wording. */
void answer_read(struct arena *arena, struct hw *hw, const struct child *child,
	enum renderer_way way, long milliseconds, struct renderer_finding *finding);

/* Whether a driver that programs load runs it: not one for virtual machines, nor none. */
bool gpu_has_driver(const struct hw_gpu *gpu);

/* Whether the words behind "--" ask for a probe, and the probe: never returns. */
bool probe_wanted(const struct session *session);
_Noreturn void probe_run(struct session *session);

#endif
