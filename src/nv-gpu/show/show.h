/* SPDX-License-Identifier: MIT */
/*
 * show: everything known of a GPU.
 *
 * show.c    the command: gathers
 * names.c   names of pci.ids, by libpci
 * wake.c    --wake: a child that asks, and how long it is waited for
 * ask.c     --wake: what the child asks, by libdrm and libpci
 * text.c    the answer for people
 * json.c    the answer as JSON
 */
#ifndef NV_GPU_SHOW_H
#define NV_GPU_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/facts.h"
#include "hw/sleep.h"
#include "nv-gpu/gpu.h"

struct names;

struct show_function {
	struct hw_function *at;
	struct hw_ids ids;
	const char *class, *name, *subsystem; /* as lspci says it; subsystem NULL if it has none */
	const char *group; /* of the IOMMU, NULL if in none */
};

/* A function beside the GPU's own slot in its IOMMU group. */
struct show_member {
	const char *slot, *class, *driver;
};

enum { DRM_CAPABILITIES = 11, PCI_CAPABILITIES = 64 };

/* How far the child got; it dies of its driver at worst, and what it knew by then stands. */
enum wake_stage { WAKE_BEGUN, WAKE_NODE, WAKE_CONFIG, WAKE_LINK, WAKE_DONE };

/* What --wake found. In memory shared with the child: no pointers. */
struct wake {
	enum wake_stage stage;
	char node[64]; /* the one opened, "" if libdrm knows none */
	int error; /* errno of opening it */
	bool answered; /* it is a DRM driver */
	char driver[32], description[96], date[32];
	int version[3];
	bool known[DRM_CAPABILITIES];
	uint64_t values[DRM_CAPABILITIES]; /* in the order of show_drm */
	bool config; /* configuration space could be read */
	char trouble[128]; /* else why not */
	unsigned capability_count;
	struct {
		uint16_t id;
		bool extended;
	} capabilities[PCI_CAPABILITIES];
	struct {
		enum hw_link_state state;
		unsigned speed, width, card_speed, card_width, port_speed, port_width;
	} link;
};

struct show {
	struct gpu_run *run;
	struct hw_gpu *gpu;
	struct show_function *functions; /* its own first */
	size_t function_count;
	struct hw_iommu iommu;
	struct show_member *members;
	size_t member_count;
	struct hw_link link;
	struct hw_loaded *modules;
	size_t module_count;
	const char **nodes; /* all nodes of the GPU's slot */
	size_t node_count;
	const char **links; /* and below /dev/dri/by-path */
	size_t link_count;
	const char *library; /* version of NVIDIA's libraries */
	const struct wake *wake; /* NULL if not asked for */
};

/* Names of DRM's capabilities (drm.h), DRM_CAPABILITIES of them. */
extern const struct show_drm {
	uint64_t id;
	const char *name;
} show_drm[];

/* The name of a PCI capability, as lspci has it; NULL if it is not known. */
const char *show_capability(uint16_t id, bool extended);

/* "16.0 GT/s". */
const char *show_speed(struct arena *arena, unsigned tenths);

/* names.c */
struct names *names_open(struct gpu_run *run);
void names_close(struct names *names);
const char *names_class(struct names *names, unsigned class);
const char *names_device(struct names *names, const struct hw_ids *ids);
const char *names_subsystem(struct names *names, const struct hw_ids *ids);

/* wake.c: asks, for ten seconds at most. Never NULL. */
const struct wake *wake_ask(struct gpu_run *run, struct hw_gpu *gpu);

/* What --wake could not find out because the driver did not answer in time; NULL if it did. */
const char *wake_stuck(const struct wake *wake);

/* ask.c: runs in the child. */
void ask(struct gpu_run *run, struct hw_gpu *gpu, struct wake *wake);

void show_text(const struct show *show, struct buf *out);
void show_json(const struct show *show, struct json *json);

#endif
