/* SPDX-License-Identifier: MIT */
/* preflight-use: whoever and whatever uses the functions that are to lose their drivers. */
#include <string.h>

#include "base/str.h"
#include "hw/hw.h"
#include "nv-gpu/bind/check.h"
#include "nv-gpu/gpu.h"

static bool leaves_nvidia(const struct bind_facts *facts)
{
	const struct bind_function *gpu = bind_leaving(facts);

	return gpu && str_eq(gpu->now.driver, "nvidia");
}

/* What a node is of tells the function that it goes with. */
bool bind_is_held(const struct bind_facts *facts, const struct hw_holder *holder,
	const struct bind_function *function)
{
	for (size_t i = 0; i < holder->node_count; i++) {
		const struct hw_node *node = holder->held[i].node;
		bool sound = strstr(node->name, "/snd/") != NULL;
		bool vfio = strstr(node->name, "/vfio/") != NULL;

		if (!node->gpu || !str_starts(node->gpu->slot, facts->slot))
			continue;
		if (sound      ? function->pci.kind == HW_FUNCTION_AUDIO
			: vfio ? bind_is_stub(function->now.driver)
			       : function->pci.kind == HW_FUNCTION_DISPLAY)
			return true;
	}
	return false;
}

static const char *nodes_of(
	const struct bind_facts *facts, const struct hw_holder *holder, const char *kind)
{
	const char *nodes = "";

	for (size_t i = 0; i < holder->node_count; i++) {
		const struct hw_held *held = &holder->held[i];
		bool own = held->node->gpu && str_starts(held->node->gpu->slot, facts->slot);

		if ((own || !held->node->gpu) && strstr(held->node->name, kind))
			nodes = arena_printf(facts->arena, "%s%s%s%s", nodes, *nodes ? ", " : "",
				held->node->name, held->open ? "" : " (mapped, no longer open)");
	}
	return nodes;
}

/* The GPU of the slot that it holds; NULL if it holds only what is common to all. */
static const struct hw_gpu *gpu_of(const struct bind_facts *facts, const struct hw_holder *holder)
{
	for (size_t i = 0; i < holder->node_count; i++) {
		const struct hw_gpu *gpu = holder->held[i].node->gpu;

		if (gpu && str_starts(gpu->slot, facts->slot))
			return gpu;
	}
	return NULL;
}

/* A sound server keeps the control open even of a card whose profile is off. */
static const char *silence(
	const struct bind_facts *facts, const struct hw_holder *holder, const struct hw_gpu *gpu)
{
	const char *let_go = gpu ? gpu_let_go(facts->run, gpu, holder) : NULL;

	if (!*nodes_of(facts, holder, "/snd/control") || !let_go)
		return arena_printf(facts->arena,
			"switch the profile of this card off in the sound settings, or end %ld",
			holder->pid);
	return arena_printf(facts->arena,
		"%s, and start it again afterwards: switching the card off in the sound settings "
		"is not enough, as a sound server keeps its control open",
		let_go);
}

static const char *cure_of(const struct bind_facts *facts, const struct hw_holder *holder)
{
	const struct hw_gpu *gpu = gpu_of(facts, holder);
	struct arena *arena = facts->arena;
	const char *let_go, *keep_off;

	if (*nodes_of(facts, holder, "/vfio/"))
		return "shut the virtual machine down";
	if (str_starts(holder->name, "nvidia-persiste"))
		return "systemctl stop nvidia-persistenced; it may be started again afterwards";
	if (*nodes_of(facts, holder, "/snd/"))
		return silence(facts, holder, gpu);
	if (!gpu)
		return arena_printf(arena, "end it (kill %ld)", holder->pid);
	let_go = gpu_let_go(facts->run, gpu, holder);
	keep_off = gpu_keep_off(facts->run, gpu, holder);
	return keep_off ? arena_printf(arena, "%s; if it comes back: %s", let_go, keep_off)
			: let_go;
}

void check_holders(const struct bind_facts *facts, struct bind_findings *findings)
{
	for (size_t i = 0; i < facts->holders.count; i++) {
		const struct hw_holder *holder = &facts->holders.list[i];
		bool held = false;

		for (size_t j = 0; j < facts->count; j++)
			held |= bind_leaves(&facts->functions[j]) &&
				bind_is_held(facts, holder, &facts->functions[j]);
		if (held)
			bind_busy(findings,
				text("%s (%ld, %s) holds %s", gpu_plain(facts->run, holder->name),
					holder->pid, gpu_user(facts->run, holder->uid),
					nodes_of(facts, holder, "")),
				cure_of(facts, holder));
	}
}

/*
 * Through these the modules hold GPUs for a process that has none of a GPU's own nodes: NVKMS
 * opens the GPUs for its clients, UVM keeps those that it maps.
 */
void check_common(const struct bind_facts *facts, struct bind_findings *findings)
{
	for (size_t i = 0; leaves_nvidia(facts) && i < facts->holders.count; i++) {
		const struct hw_holder *holder = &facts->holders.list[i];
		bool doubt = false;

		for (size_t j = 0; !holder->tied && j < holder->node_count; j++)
			doubt |= str_ends(holder->nodes[j], "nvidia-modeset") ||
				 str_ends(holder->nodes[j], "nvidia-uvm");
		if (doubt)
			bind_busy(findings,
				text("%s (%ld, %s) holds %s, and may hold the GPU through it",
					gpu_plain(facts->run, holder->name), holder->pid,
					gpu_user(facts->run, holder->uid),
					nodes_of(facts, holder, "")),
				cure_of(facts, holder));
	}
}

void check_unseen(const struct bind_facts *facts, struct bind_findings *findings)
{
	bool any = false;

	for (size_t i = 0; i < facts->count; i++)
		any |= bind_leaves(&facts->functions[i]);
	/* Without root, check_root has said it. */
	if (!any || !facts->unseen || (facts->live && !facts->root))
		return;
	if (facts->dry || !facts->live)
		bind_note(findings, facts->unseen,
			"nothing to do now; the move itself is refused where they cannot be seen");
	else
		bind_refuse(findings, facts->unseen,
			"run it where all processes can be seen: one of them may hold the GPU");
}

/* Its socket alone counts where the daemon itself is not seen: in another namespace, perhaps. */
void check_persistence(const struct bind_facts *facts, struct bind_findings *findings)
{
	if (leaves_nvidia(facts) && facts->daemon_socket && !facts->daemon)
		bind_busy(findings,
			"nvidia-persistenced has its socket, but is not seen: it may hold the GPU",
			"systemctl stop nvidia-persistenced; if it does not run, remove its folder "
			"/run/nvidia-persistenced");
}

/* What keeps the GPUs of NVIDIA's driver in use without any process. */
void check_modeset(const struct bind_facts *facts, struct bind_findings *findings)
{
	const struct hw_module *drm = &facts->drm;
	const char *modeset = facts->drm_modeset > 0
				      ? "nvidia_drm with modeset=1 keeps the GPU in use"
				      : "nvidia_drm may keep the GPU in use";

	if (!leaves_nvidia(facts) || !drm->loaded || facts->drm_modeset == 0)
		return;
	if (facts->nvidia_gpus > 1)
		bind_refuse(findings, text("%s, and another NVIDIA GPU needs that module", modeset),
			"boot with nvidia_drm.modeset=0, or move the others away from the driver "
			"nvidia first");
	else if (drm->uses > 0)
		bind_busy(findings,
			text("%s, and cannot be unloaded: it counts %ld uses", modeset, drm->uses),
			"end what shows pictures through it: desktop, login screen, text console");
	else if (drm->uses < 0)
		bind_refuse(findings,
			text("%s, and whether it can be unloaded is not to be seen", modeset),
			"boot with nvidia_drm.modeset=0");
}

/* Each open node counts, and each module that needs it; what is left nobody is seen to have. */
void check_uses(const struct bind_facts *facts, struct bind_findings *findings)
{
	if (leaves_nvidia(facts) && !facts->holders.count && facts->nvidia_gpus == 1 &&
		facts->nvidia.uses > (long)facts->nvidia.needed_by)
		bind_busy(findings,
			text("the driver nvidia counts %ld uses more than there are modules that "
			     "need it, by processes that are not seen",
				facts->nvidia.uses - (long)facts->nvidia.needed_by),
			"nvidia-smi -pm 0; look for containers and virtual machines that use it");
}
