/* SPDX-License-Identifier: MIT */
/* nvidia: a GPU of NVIDIA's own driver was chosen (README of the driver, chapter 35). */
#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "offload/internal.h"

enum { OFFLOAD_DRIVER = 435 };

/* The X server's provider of the GPU: by slot, else the only one that has NVIDIA's name. */
static const struct offload_provider *find_provider(
	const struct plan *plan, const struct hw_gpu *gpu)
{
	const struct offload_session *session = plan->input->session;
	const struct offload_provider *named = NULL;
	size_t count = 0;

	for (size_t i = 0; i < session->count; i++) {
		const struct offload_provider *provider = &session->gpus[i];

		if (provider->slot && gpu && str_eq(provider->slot, gpu->slot))
			return provider;
		if (!provider->slot && str_starts(provider->name, "NVIDIA-G")) {
			named = provider;
			count++;
		}
	}
	return count == 1 && plan_nvidia_count(plan) == 1 ? named : NULL;
}

static bool has_provider(const struct offload_session *session)
{
	if (session->screen.name && str_starts(session->screen.name, "NVIDIA-"))
		return true;
	for (size_t i = 0; i < session->count; i++) {
		if (str_starts(session->gpus[i].name, "NVIDIA-"))
			return true;
	}
	return false;
}

/*
 * NVIDIA's GLX library ends a program with BadValue on an X server that has no NVIDIA provider,
 * Xwayland excepted; libglvnd does not check before it obeys the variable.
 */
const char *nvidia_glx_refused(const struct plan *plan)
{
	const struct offload_session *session = plan->input->session;

	if (!plan->input->stack->nvidia_glx)
		return "libGLX_nvidia.so.0 is not installed (it comes with NVIDIA's OpenGL "
		       "libraries)";
	if (session->type == OFFLOAD_TTY)
		return "there is no display";
	if (session->display && !session->local)
		return arena_printf(
			plan->arena, "display %s is not on this machine", session->display);
	switch (session->server) {
	case OFFLOAD_SERVER_XWAYLAND:
		return NULL;
	case OFFLOAD_SERVER_XORG:
		if (has_provider(session))
			return NULL;
		return arena_printf(
			plan->arena, "X server %s has no NVIDIA provider", session->display);
	case OFFLOAD_SERVER_OTHER:
		return arena_printf(
			plan->arena, "X server %s has no GPUs of its own", session->display);
	case OFFLOAD_SERVER_UNKNOWN:
		break;
	}
	if (!session->display || (session->login_x11 && plan->input->stack->nvidia_xorg))
		return NULL;
	return arena_printf(plan->arena,
		"whether X server %s has an NVIDIA provider is not known (nv-session did not "
		"tell), "
		"and a wrong guess would end GLX programs",
		session->display);
}

/* Another GPU shows the picture, this one is to draw it. */
static void plan_offload(struct plan *plan, const struct hw_gpu *gpu)
{
	const struct offload_provider *provider = find_provider(plan, gpu);
	const char *refused = nvidia_glx_refused(plan);
	const struct hw_gpu *display = offload_display_gpu(plan->input);

	if (plan->input->nvidia_major && plan->input->nvidia_major < OFFLOAD_DRIVER) {
		plan_warn(plan,
			"NVIDIA's driver %u is older than render offload (%d): GLX, EGL and "
			"Vulkan stay on the default GPU",
			plan->input->nvidia_major, OFFLOAD_DRIVER);
		return;
	}
	plan_set(plan, GLX | EGL | VULKAN, "__NV_PRIME_RENDER_OFFLOAD", "1",
		"GLX, EGL and Vulkan draw on the NVIDIA GPU, another one shows it");
	plan_set(plan, VULKAN, "__VK_LAYER_NV_optimus", "NVIDIA_only",
		"Vulkan lists the NVIDIA GPU first");
	if (!refused)
		plan_set(plan, GLX, "__GLX_VENDOR_LIBRARY_NAME", "nvidia",
			"GLX loads NVIDIA's library");
	else if (plan->automatic & GLX && plan->input->session->type != OFFLOAD_TTY)
		plan_warn(plan, "GLX programs stay on %s: %s",
			display ? plan_gpu(plan, display) : "the default GPU", refused);
	/* Sole GPU screens are found without a name; of several, only a name picks one. */
	if (provider && plan_nvidia_count(plan) > 1)
		plan_set(plan, GLX | EGL, "__NV_PRIME_RENDER_OFFLOAD_PROVIDER", provider->name,
			"GLX and EGL use this one of several NVIDIA GPUs");
}

static const char *dxvk_uuid(struct arena *arena, const char *uuid)
{
	char *hex = arena_dup(arena, uuid + strlen("GPU-")), *out = hex;

	for (const char *in = hex; *in; in++) {
		if (isxdigit((unsigned char)*in))
			*out++ = (char)tolower((unsigned char)*in);
	}
	*out = '\0';
	return strlen(hex) == 32 ? hex : NULL;
}

static bool has_twin(const struct plan *plan, const struct hw_gpu *gpu)
{
	for (size_t i = 0; i < plan->input->count; i++) {
		const struct hw_gpu *other = plan->input->gpus[i];

		if (other != gpu && other->vendor == gpu->vendor && other->device == gpu->device &&
			hw_gpu_is_nvidia(other))
			return true;
	}
	return false;
}

/* Who named no GPU may compute on all that are alike, or on what a batch system or the user
 * allotted. */
static void plan_cuda(struct plan *plan, struct hw_gpu *gpu, bool twin)
{
	const char *name = api_cuda_name(plan, gpu);

	if (!plan->input->choice->named && (twin || plan_value(plan, "CUDA_VISIBLE_DEVICES")))
		return;
	plan_set(plan, CUDA, "CUDA_DEVICE_ORDER", "PCI_BUS_ID", "CUDA counts GPUs by slot");
	if (name)
		plan_set(plan, CUDA, "CUDA_VISIBLE_DEVICES", name, "CUDA sees this GPU only");
}

/* Several NVIDIA GPUs: each API is told which in its own words, or the user that it cannot be. */
static void plan_which(struct plan *plan, struct hw_gpu *gpu, bool second)
{
	const char *id = arena_printf(plan->arena, "%04x:%04x", gpu->vendor, gpu->device);
	const char *dxvk =
		gpu->nvidia && gpu->nvidia->uuid ? dxvk_uuid(plan->arena, gpu->nvidia->uuid) : NULL;
	bool twin = has_twin(plan, gpu);
	bool shows = plan->input->session->type != OFFLOAD_TTY;
	unsigned blind = twin ? VULKAN : 0;

	plan_cuda(plan, gpu, twin);
	if (dxvk)
		plan_set(plan, VULKAN, "DXVK_FILTER_DEVICE_UUID", dxvk,
			"Direct3D games (DXVK) use this GPU");
	if (!twin) {
		plan_set(
			plan, VULKAN, "VK_LOADER_DEVICE_SELECT", id, "Vulkan lists this GPU first");
		plan_set(plan, VULKAN, "MESA_VK_DEVICE_SELECT", id,
			"and so does Mesa's Vulkan layer, where it is installed");
	}
	if (shows && second && !find_provider(plan, gpu))
		blind |= GLX | EGL;
	blind &= plan->automatic;
	if (blind && plan->input->choice->named)
		plan_warn(plan,
			"%s cannot be told which of %zu NVIDIA GPUs to use; it may not be %s",
			!(blind & GLX)      ? "Vulkan"
			: !(blind & VULKAN) ? "GLX and EGL"
					    : "GLX, EGL and Vulkan",
			plan_nvidia_count(plan), plan_gpu(plan, gpu));
}

static bool all_nvidia(const struct plan *plan)
{
	for (size_t i = 0; i < plan->input->count; i++) {
		const struct hw_gpu *gpu = plan->input->gpus[i];

		if (!hw_gpu_is_nvidia(gpu) && !hw_gpu_unusable(gpu))
			return false;
	}
	return true;
}

void nvidia_plan(struct plan *plan)
{
	struct hw_gpu *gpu = plan->input->choice->gpu;
	const struct hw_gpu *display = offload_display_gpu(plan->input);
	/* No display and nothing but NVIDIA's: a server. Its GPUs need no offload. */
	bool second = display ? gpu != display : !all_nvidia(plan);

	/* In a sync session NVIDIA's provider drives the X screen: everything is there already. */
	if (second && !find_provider(plan, gpu) && display && hw_gpu_is_nvidia(display) &&
		plan->input->session->type != OFFLOAD_TTY)
		plan_warn(plan,
			"GLX and EGL stay on %s, which shows the session: there is no "
			"provider of %s to offload to",
			plan_gpu(plan, display), plan_gpu(plan, gpu));
	else if (second)
		plan_offload(plan, gpu);
	if (plan_nvidia_count(plan) > 1)
		plan_which(plan, gpu, second && !(display && hw_gpu_is_nvidia(display)));
}
