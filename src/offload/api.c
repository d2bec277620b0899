/* SPDX-License-Identifier: MIT */
/* api: what a rule says of one API: off, or a value in that API's own words. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "offload/internal.h"

/* No such driver exists, which is the only "off" that libva and libvdpau know. */
#define NO_DRIVER "none"

/* How an API is told to find nothing; name NULL: it cannot be told. */
static const struct {
	const char *name, *value;
} off[RULE_APIS] = {
	[RULE_EGL] = {"__EGL_VENDOR_LIBRARY_FILENAMES", ""},
	[RULE_VULKAN] = {"VK_LOADER_DRIVERS_DISABLE", "*"},
	[RULE_VAAPI] = {"LIBVA_DRIVER_NAME", NO_DRIVER},
	[RULE_VDPAU] = {"VDPAU_DRIVER", NO_DRIVER},
	[RULE_CUDA] = {"CUDA_VISIBLE_DEVICES", ""},
	[RULE_OPENCL] = {"OCL_ICD_VENDORS", "/nonexistent"},
};

struct request {
	struct plan *plan;
	const char *value, *from;
};

static void put(const struct request *request, const char *name, const char *value)
{
	plan_put(request->plan, name, value, request->from, NULL);
}

static void plan_glx(const struct request *request)
{
	const char *refused =
		str_eq(request->value, "nvidia") ? nvidia_glx_refused(request->plan) : NULL;

	if (refused)
		plan_warn(request->plan, "%s: glx = nvidia is not obeyed: %s", request->from,
			refused);
	else
		put(request, "__GLX_VENDOR_LIBRARY_NAME", request->value);
}

/* A file of this system is not in a sandbox; one that a rule names in full may be. */
static bool is_out_of_reach(const struct request *request, const char *key)
{
	if (!request->plan->input->sandboxed || *request->value == '/')
		return false;
	plan_warn(request->plan,
		"%s: %s = %s is not obeyed: in a sandbox its file is elsewhere; name it in full",
		request->from, key, request->value);
	return true;
}

static void plan_egl(const struct request *request)
{
	const struct hw_stack *stack = request->plan->input->stack;
	const char *file = str_eq(request->value, "nvidia") ? stack->nvidia_egl
			   : str_eq(request->value, "mesa") ? stack->mesa_egl
							    : request->value;

	if (is_out_of_reach(request, "egl"))
		return;
	if (file)
		put(request, "__EGL_VENDOR_LIBRARY_FILENAMES", file);
	else
		plan_warn(request->plan,
			"%s: egl = %s is not obeyed: no such EGL vendor file is installed",
			request->from, request->value);
}

/* The GPU that a selector in an API's value means. */
static struct hw_gpu *select_gpu(const struct request *request, bool *is_selector)
{
	const struct offload_input *input = request->plan->input;
	struct offload_choice choice;
	struct rule_selector selector;

	*is_selector = !rule_selector_parse(request->plan->arena, request->value, &selector) &&
		       selector.kind != RULE_SELECT_SOFTWARE && selector.kind != RULE_SELECT_NONE;
	if (!*is_selector)
		return NULL;
	offload_choose(request->plan->arena, input->gpus, input->count, &selector, &choice);
	if (!choice.gpu)
		plan_warn(request->plan, "%s: %s", request->from,
			choice.problem ? choice.problem : choice.why);
	return choice.gpu;
}

/* Makers are in the names of drivers too, other words for a GPU are not. */
static bool names_gpu(const struct request *request)
{
	struct rule_selector selector;

	if (strpbrk(request->value, ":=."))
		return true;
	return !rule_selector_parse(request->plan->arena, request->value, &selector) &&
	       selector.kind != RULE_SELECT_NVIDIA && selector.kind != RULE_SELECT_AMD &&
	       selector.kind != RULE_SELECT_INTEL;
}

/* A word such as "radeon" is part of a manifest's name; ids, slots and roles are GPUs. */
static void plan_vulkan(const struct request *request)
{
	bool is_selector = false;
	const struct hw_gpu *gpu;
	const char *id;

	if (*request->value == '/') {
		put(request, "VK_DRIVER_FILES", request->value);
		return;
	}
	gpu = names_gpu(request) ? select_gpu(request, &is_selector) : NULL;
	if (gpu) {
		id = arena_printf(request->plan->arena, "%04x:%04x", gpu->vendor, gpu->device);
		put(request, "VK_LOADER_DEVICE_SELECT", id);
		put(request, "MESA_VK_DEVICE_SELECT", id);
	} else if (!is_selector) {
		put(request, "VK_LOADER_DRIVERS_SELECT",
			arena_printf(request->plan->arena, "*%s*", request->value));
		put(request, "VK_LOADER_DRIVERS_DISABLE", "*");
	}
}

const char *api_cuda_name(const struct plan *plan, struct hw_gpu *gpu)
{
	unsigned index = 0;

	if (gpu->nvidia && gpu->nvidia->uuid)
		return gpu->nvidia->uuid;
	for (size_t i = 0; i < plan->input->count; i++) {
		const struct hw_gpu *other = plan->input->gpus[i];

		if (other == gpu)
			return arena_printf(plan->arena, "%u", index);
		index += hw_gpu_is_nvidia(other);
	}
	return NULL;
}

static void plan_cuda(const struct request *request)
{
	bool is_selector = false;
	struct hw_gpu *gpu = NULL;

	if (!isdigit((unsigned char)*request->value) || strpbrk(request->value, ":."))
		gpu = select_gpu(request, &is_selector);
	if (gpu && !hw_gpu_is_nvidia(gpu)) {
		plan_warn(request->plan, "%s: CUDA needs a GPU of NVIDIA's driver, %s is none",
			request->from, plan_gpu(request->plan, gpu));
		return;
	}
	if (is_selector && !gpu)
		return;
	put(request, "CUDA_DEVICE_ORDER", "PCI_BUS_ID");
	put(request, "CUDA_VISIBLE_DEVICES",
		gpu ? api_cuda_name(request->plan, gpu) : request->value);
}

static void plan_opencl(const struct request *request)
{
	if (is_out_of_reach(request, "opencl"))
		return;
	put(request, "OCL_ICD_VENDORS",
		*request->value == '/' ? request->value
				       : arena_printf(request->plan->arena,
						 "/etc/OpenCL/vendors/%s.icd", request->value));
}

static void plan_gbm(const struct request *request)
{
	put(request, "GBM_BACKEND", request->value);
}

static void plan_vaapi(const struct request *request)
{
	put(request, "LIBVA_DRIVER_NAME", request->value);
}

static void plan_vdpau(const struct request *request)
{
	put(request, "VDPAU_DRIVER", request->value);
}

static void (*const explicit[RULE_APIS])(const struct request *) = {
	[RULE_GLX] = plan_glx,
	[RULE_EGL] = plan_egl,
	[RULE_VULKAN] = plan_vulkan,
	[RULE_GBM] = plan_gbm,
	[RULE_VAAPI] = plan_vaapi,
	[RULE_VDPAU] = plan_vdpau,
	[RULE_CUDA] = plan_cuda,
	[RULE_OPENCL] = plan_opencl,
};

void api_plan(struct plan *plan)
{
	for (int api = 0; api < RULE_APIS; api++) {
		const struct rule_setting *setting = &plan->input->settings->api[api];
		struct request request = {plan, setting->value, NULL};

		if (!setting->value || (plan->automatic | plan->kept) & BIT(api))
			continue;
		request.from = offload_origin(plan->arena, setting->from);
		if (!str_eq(setting->value, "off"))
			explicit[api](&request);
		else if (off[api].name)
			put(&request, off[api].name, off[api].value);
		else
			plan_warn(plan, "%s: %s cannot be switched off; its variables are left out",
				request.from, rule_api_name((enum rule_api)api));
	}
}
