/* SPDX-License-Identifier: MIT */
/* wayland: the compositor of a Wayland session: which GPU it has, and what would change that. */
#ifndef NV_SESSION_WAYLAND_H
#define NV_SESSION_WAYLAND_H

struct hw_gpu;
struct session;

struct wayland {
	const char *compositor; /* its process' name, NULL if unknown */
	struct hw_gpu **gpus; /* whose nodes it has open, in the order it opened them */
	int count; /* -1 if that is not ours to see */
};

/* Asks the kernel who listens at WAYLAND_DISPLAY; says nothing to the compositor. */
void wayland_look(struct session *session, struct wayland *wayland);

/* What would make the compositor use this GPU, as a line to put somewhere; NULL if unknown. */
const char *wayland_change(
	struct session *session, const struct wayland *wayland, const struct hw_gpu *gpu);

#endif
