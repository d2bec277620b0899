/* SPDX-License-Identifier: MIT */
/*
 * awake: why a GPU is asleep or not.
 *
 * awake.c           the command, for people and as JSON
 * awake-reasons.c   the reasons, and what to do about each
 * awake-watch.c     --watch
 */
#ifndef NV_GPU_AWAKE_H
#define NV_GPU_AWAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "hw/holders.h"
#include "hw/sleep.h"
#include "nv-gpu/gpu.h"

struct reason {
	const char *id; /* for programs; nv-gpu(1) lists them */
	const char *what; /* a line */
	const char *cure; /* what to do, a line */
	const char *later; /* what keeps it from coming back, lines; NULL if there is nothing */
	bool keeps; /* it keeps the GPU awake; else it makes sleep less deep */
};

struct inquiry {
	struct gpu_run *run;
	struct hw_gpu *gpu;
	const struct hw_holders *holders; /* of all GPUs asked for */
	struct hw_function *functions, *ports;
	size_t function_count, port_count;
	struct reason *reasons;
	size_t count;
	bool asleep;
};

/* Fills in all that is behind holders. Connectors must have been read (hw_connectors). */
void awake_inquire(struct inquiry *inquiry);

/* Stays until SIGINT or SIGTERM and names what woke the GPUs: the exit status. */
int awake_watch(struct gpu_run *run, struct hw_gpu **gpus, size_t count);

#endif
