/* SPDX-License-Identifier: MIT */
/* mesa: a GPU of a Mesa driver was chosen, or the CPU, which Mesa draws with too. */
#include "base/mem.h"
#include "base/str.h"
#include "offload/internal.h"

static bool other_mesa(const struct plan *plan, const struct hw_gpu *gpu, bool *twin)
{
	bool found = false;

	*twin = false;
	for (size_t i = 0; i < plan->input->count; i++) {
		const struct hw_gpu *other = plan->input->gpus[i];

		if (other == gpu || hw_gpu_is_nvidia(other) || hw_gpu_unusable(other))
			continue;
		found = true;
		*twin |= other->vendor == gpu->vendor && other->device == gpu->device;
	}
	return found;
}

/* GLX and EGL load Mesa's libraries and never open NVIDIA's. */
static void pin_mesa(struct plan *plan)
{
	const char *egl = plan->input->stack->mesa_egl;

	plan_set(plan, GLX, "__GLX_VENDOR_LIBRARY_NAME", "mesa", "GLX loads Mesa's library only");
	/* In a sandbox the file is elsewhere, and a list of files that are not there is the end of
	 * EGL. */
	if (plan->input->sandboxed)
		return;
	if (egl)
		plan_set(plan, EGL, "__EGL_VENDOR_LIBRARY_FILENAMES", egl,
			"EGL loads Mesa's library only, and does not wake the NVIDIA GPU");
	else if (plan->automatic & EGL && plan_nvidia_count(plan))
		plan_warn(plan,
			"EGL may use or wake the NVIDIA GPU: no vendor file of Mesa was found");
}

static void hide_compute(struct plan *plan)
{
	const struct hw_stack *stack = plan->input->stack;

	plan_set(plan, CUDA, "CUDA_VISIBLE_DEVICES", "", "CUDA sees no GPU");
	if (stack->opencl_nvidia && stack->opencl_other && !plan->input->sandboxed)
		plan_set(plan, OPENCL, "OCL_ICD_VENDORS", stack->opencl_other,
			"OpenCL does not load NVIDIA's library");
}

/* The "stay asleep" set: nothing that the program enumerates opens NVIDIA's device. */
static void avoid_nvidia(struct plan *plan, const struct hw_gpu *display)
{
	bool stuck = plan->input->session->type == OFFLOAD_X11 && display &&
		     hw_gpu_is_nvidia(display) && plan->input->session->local &&
		     plan->input->session->server != OFFLOAD_SERVER_OTHER;

	if (stuck && plan->automatic & (GLX | EGL))
		plan_warn(plan,
			"GLX and EGL stay on %s, which drives X screen %s; Vulkan can leave it",
			plan_gpu(plan, display), plan->input->session->display);
	else
		pin_mesa(plan);
	plan_set(plan, VULKAN, "VK_LOADER_DRIVERS_DISABLE", "*nvidia*",
		"Vulkan does not load NVIDIA's driver");
	/* Beside a card that draws, another one may compute; beside the one to save power, not. */
	if (plan->input->choice->gpu->role == HW_INTEGRATED)
		hide_compute(plan);
}

/*
 * Vulkan programs like to pick the discrete GPU of a list by themselves, so an integrated one is
 * shown alone ("!"); its ids tell it apart unless the other GPU is of the same model.
 */
static void plan_vulkan(struct plan *plan, const struct hw_gpu *gpu, bool twin)
{
	if (gpu->role == HW_INTEGRATED && gpu->pci && !twin)
		plan_set(plan, VULKAN, "MESA_VK_DEVICE_SELECT",
			arena_printf(plan->arena, "%04x:%04x!", gpu->vendor, gpu->device),
			"Vulkan shows this GPU only");
}

void mesa_plan(struct plan *plan)
{
	const struct hw_gpu *gpu = plan->input->choice->gpu;
	const struct hw_gpu *display = offload_display_gpu(plan->input);
	bool twin, mesa = other_mesa(plan, gpu, &twin);

	if (mesa || (display && display != gpu))
		plan_set(plan, GLX | EGL | VULKAN, "DRI_PRIME", hw_gpu_tag(plan->arena, gpu),
			"Mesa draws on the GPU in this slot");
	if (plan_nvidia_count(plan))
		avoid_nvidia(plan, display);
	if (mesa)
		plan_vulkan(plan, gpu, twin);
}

void software_plan(struct plan *plan)
{
	plan_set(plan, GLX | EGL, "LIBGL_ALWAYS_SOFTWARE", "1", "Mesa draws with the CPU");
	pin_mesa(plan);
	if (plan->input->stack->lavapipe)
		plan_set(plan, VULKAN, "VK_LOADER_DRIVERS_SELECT", "*lvp*",
			"Vulkan loads Mesa's CPU driver only");
	else if (plan->automatic & VULKAN)
		plan_warn(plan, "Vulkan has no CPU driver here: Mesa's lavapipe is not installed");
	plan_set(plan, VULKAN, "VK_LOADER_DRIVERS_DISABLE", "*", "and no driver of a GPU");
	hide_compute(plan);
}
