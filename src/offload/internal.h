/* SPDX-License-Identifier: MIT */
/* internal: the plan while it is made. */
#ifndef NV_OFFLOAD_INTERNAL_H
#define NV_OFFLOAD_INTERNAL_H

#include "offload/offload.h"

/* Sets of APIs: bits numbered by enum rule_api. */
#define BIT(api) (1u << (api))
enum {
	GLX = BIT(RULE_GLX),
	EGL = BIT(RULE_EGL),
	VULKAN = BIT(RULE_VULKAN),
	GBM = BIT(RULE_GBM),
	VAAPI = BIT(RULE_VAAPI),
	VDPAU = BIT(RULE_VDPAU),
	CUDA = BIT(RULE_CUDA),
	OPENCL = BIT(RULE_OPENCL),
	ALL_APIS = BIT(RULE_APIS) - 1,
};

/* A variable as the program shall get it. */
struct plan_entry {
	const char *name, *value; /* value NULL: not set */
	const char *from, *why;
};

struct plan {
	struct arena *arena;
	const struct offload_input *input;
	struct offload_result *result;
	struct plan_entry *entries;
	size_t count;
	unsigned automatic; /* APIs that are "auto": the families decide */
	unsigned kept; /* APIs that are "keep": theirs stay as they are */
};

/* Several NVIDIA GPUs? Then each API must be told which. Counts usable ones on its driver. */
size_t plan_nvidia_count(const struct plan *plan);

/* The variable's value so far: planned, else inherited. */
const char *plan_value(const struct plan *plan, const char *name);

/* A family's default for a variable that some of apis read; nothing if none of them is auto. */
void plan_set(
	struct plan *plan, unsigned apis, const char *name, const char *value, const char *why);

/* Sets or, with value NULL, unsets without regard to APIs, for the given origin. */
void plan_put(
	struct plan *plan, const char *name, const char *value, const char *from, const char *why);

void plan_warn(struct plan *plan, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "NVIDIA GeForce RTX 3050 (0000:01:00.0)", or "0000:01:00.0 (nvidia)" if the name was not read. */
const char *plan_gpu(const struct plan *plan, const struct hw_gpu *gpu);

/* stale.c: unsets inherited variables that would defeat the choice. */
void stale_remove(struct plan *plan);

/* nvidia.c */
void nvidia_plan(struct plan *plan);
/* NULL if programs may be sent to NVIDIA's GLX vendor library, else why they must not. */
const char *nvidia_glx_refused(const struct plan *plan);

/* mesa.c */
void mesa_plan(struct plan *plan);
void software_plan(struct plan *plan);

/* api.c: the APIs that settings do not leave to the families. */
void api_plan(struct plan *plan);
/* How CUDA is to call a GPU: by UUID, else by its number in PCI order; NULL if it has none. */
const char *api_cuda_name(const struct plan *plan, struct hw_gpu *gpu);

#endif
