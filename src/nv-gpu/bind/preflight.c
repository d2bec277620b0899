/* SPDX-License-Identifier: MIT */
/* preflight: why a move would hang or harm. A check a function; facts in, findings out. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "nv-gpu/bind/bind.h"
#include "nv-gpu/gpu.h"

static void add(struct bind_findings *findings, struct bind_finding finding)
{
	*arena_push(findings->arena, findings->list, findings->count) = finding;
}

static void refuse(struct bind_findings *findings, const char *what, const char *cure)
{
	add(findings, (struct bind_finding){.what = what, .cure = cure, .refuses = true});
}

/* The same of what may be over in a while. */
static void busy(struct bind_findings *findings, const char *what, const char *cure)
{
	add(findings,
		(struct bind_finding){.what = what, .cure = cure, .refuses = true, .passes = true});
}

static void note(struct bind_findings *findings, const char *what, const char *cure)
{
	add(findings, (struct bind_finding){.what = what, .cure = cure});
}

#define text(...) arena_printf(findings->arena, __VA_ARGS__)

static bool is_display(const struct bind_function *function)
{
	return function->pci.kind == HW_FUNCTION_DISPLAY;
}

/* The GPU's own function, if it is one of those that lose a driver. */
static const struct bind_function *leaving(const struct bind_facts *facts)
{
	for (size_t i = 0; i < facts->count; i++) {
		if (is_display(&facts->functions[i]) && bind_leaves(&facts->functions[i]))
			return &facts->functions[i];
	}
	return NULL;
}

static bool leaves_nvidia(const struct bind_facts *facts)
{
	const struct bind_function *gpu = leaving(facts);

	return gpu && str_eq(gpu->now.driver, "nvidia");
}

static bool to_stub(const struct bind_facts *facts)
{
	for (size_t i = 0; i < facts->count; i++) {
		const struct bind_function *one = &facts->functions[i];

		if (one->asked && bind_is_stub(one->wanted.driver) &&
			!(one->now.driver && str_eq(one->now.driver, one->wanted.driver)))
			return true;
	}
	return false;
}

static bool moves(const struct bind_facts *facts)
{
	struct bind_plan plan;

	bind_plan(facts, false, &plan);
	return plan.count;
}

static void check_root(const struct bind_facts *facts, struct bind_findings *findings)
{
	if (!facts->live || facts->root || !moves(facts))
		return;
	if (facts->dry)
		note(findings, "only root can see all that holds a GPU, and only root can move it",
			"run this as root to be sure");
	else
		refuse(findings, "only root can move a GPU", "run it as root");
}

static void check_slot(const struct bind_facts *facts, struct bind_findings *findings)
{
	bool display = false, asked = false;

	for (size_t i = 0; i < facts->count; i++) {
		display |= is_display(&facts->functions[i]);
		asked |= facts->functions[i].asked;
	}
	if (!facts->count)
		refuse(findings, text("there is no PCI device in slot %s", facts->slot),
			"'nv-gpu list' shows the GPUs that are there; what was removed comes back "
			"with a rescan of the bus, or a reboot");
	else if (!display)
		refuse(findings, text("slot %s has no GPU", facts->slot),
			"'nv-gpu list' shows the slots of GPUs");
	else if (!asked)
		refuse(findings, text("slot %s has no such function", facts->slot),
			"'nv-gpu show' lists the functions of a slot");
}

static void check_stuck(const struct bind_facts *facts, struct bind_findings *findings)
{
	for (size_t i = 0; i < facts->count; i++) {
		if (facts->functions[i].stuck)
			refuse(findings,
				text("the kernel does not answer about %s: taking its driver away "
				     "is under way and does not end",
					facts->functions[i].pci.slot),
				"end the programs that use it and try once more; if that does not "
				"help, only a reboot does");
	}
}

static void check_driver(const struct bind_facts *facts, struct bind_findings *findings)
{
	for (size_t i = 0; i < facts->driver_count; i++) {
		const struct bind_driver *driver = &facts->drivers[i];

		if (driver->registered)
			continue;
		if (driver->file == HW_MODULE_FORBIDDEN)
			refuse(findings,
				text("driver %s is not loaded, and %s forbids to load it",
					driver->name, driver->why),
				text("take the line 'install %s' out of it", driver->module));
		else if (driver->file == HW_MODULE_MISSING)
			refuse(findings,
				text("there is no driver %s: it is not loaded, and this kernel has "
				     "no module of that name",
					driver->name),
				"install it for the kernel that runs, or check the spelling");
		else if (driver->file == HW_MODULE_UNKNOWN)
			note(findings,
				text("whether this kernel has a module %s cannot be seen",
					driver->module),
				"none: loading it will show");
	}
}

static void check_match(const struct bind_facts *facts, struct bind_findings *findings)
{
	for (size_t i = 0; i < facts->driver_count; i++) {
		const struct bind_driver *driver = &facts->drivers[i];

		/* With driver_override a driver is given a device that it does not know, and may
		 * take it for one that it does. */
		if (driver->knows == 0)
			refuse(findings, text("driver %s does not know this GPU", driver->name),
				"choose a driver that does, or vfio-pci");
	}
}

static void check_shared(const struct bind_facts *facts, struct bind_findings *findings)
{
	for (size_t i = 0; i < facts->count; i++) {
		const struct bind_function *one = &facts->functions[i];

		if (!bind_leaves(one))
			continue;
		if (one->pci.vfs)
			busy(findings,
				text("%s has %lu virtual functions switched on", one->pci.slot,
					one->pci.vfs),
				text("end the virtual machines that use them, then echo 0 > %s",
					hw_pci_file(
						findings->arena, one->pci.slot, "sriov_numvfs")));
		for (size_t j = 0; j < one->mediated.count; j++)
			busy(findings,
				text("%s is shared as mediated device %s", one->pci.slot,
					one->mediated.list[j]),
				"end the virtual machine that uses it, and remove the device");
	}
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
		return arena_printf(arena,
			"switch the profile of this card off in the sound settings, or end %ld",
			holder->pid);
	if (!gpu)
		return arena_printf(arena, "end it (kill %ld)", holder->pid);
	let_go = gpu_let_go(facts->run, gpu, holder);
	keep_off = gpu_keep_off(facts->run, gpu, holder);
	return keep_off ? arena_printf(arena, "%s; if it comes back: %s", let_go, keep_off)
			: let_go;
}

static void check_holders(const struct bind_facts *facts, struct bind_findings *findings)
{
	for (size_t i = 0; i < facts->holders.count; i++) {
		const struct hw_holder *holder = &facts->holders.list[i];
		bool held = false;

		for (size_t j = 0; j < facts->count; j++)
			held |= bind_leaves(&facts->functions[j]) &&
				bind_is_held(facts, holder, &facts->functions[j]);
		if (held)
			busy(findings,
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
static void check_common(const struct bind_facts *facts, struct bind_findings *findings)
{
	for (size_t i = 0; leaves_nvidia(facts) && i < facts->holders.count; i++) {
		const struct hw_holder *holder = &facts->holders.list[i];
		bool doubt = false;

		for (size_t j = 0; !holder->tied && j < holder->node_count; j++)
			doubt |= str_ends(holder->nodes[j], "nvidia-modeset") ||
				 str_ends(holder->nodes[j], "nvidia-uvm");
		if (doubt)
			busy(findings,
				text("%s (%ld, %s) holds %s, and may hold the GPU through it",
					gpu_plain(facts->run, holder->name), holder->pid,
					gpu_user(facts->run, holder->uid),
					nodes_of(facts, holder, "")),
				cure_of(facts, holder));
	}
}

static void check_unseen(const struct bind_facts *facts, struct bind_findings *findings)
{
	bool any = false;

	for (size_t i = 0; i < facts->count; i++)
		any |= bind_leaves(&facts->functions[i]);
	/* Without root, check_root has said it. */
	if (!any || !facts->unseen || (facts->live && !facts->root))
		return;
	if (facts->dry || !facts->live)
		note(findings, facts->unseen, "none: what they hold is not known");
	else
		refuse(findings, facts->unseen,
			"run it where all processes can be seen: one of them may hold the GPU");
}

/* Its socket alone counts where the daemon itself is not seen: in another namespace, perhaps. */
static void check_persistence(const struct bind_facts *facts, struct bind_findings *findings)
{
	if (leaves_nvidia(facts) && facts->daemon_socket && !facts->daemon)
		busy(findings,
			"nvidia-persistenced has its socket, but is not seen: it may hold the GPU",
			"systemctl stop nvidia-persistenced; if it does not run, remove its folder "
			"/run/nvidia-persistenced");
}

static void check_console(const struct bind_facts *facts, struct bind_findings *findings)
{
	if (leaving(facts) && facts->console)
		busy(findings, "the text console draws on its framebuffer",
			text("echo 0 > %s", facts->console));
}

static void check_outputs(const struct bind_facts *facts, struct bind_findings *findings)
{
	for (size_t i = 0; leaving(facts) && i < facts->light_count; i++) {
		const struct hw_light *light = &facts->lights[i];

		if (light->lit)
			busy(findings, text("%s shows a picture", light->name),
				"end the session that it belongs to, or switch the output off in "
				"the desktop's settings");
		else if (light->connected)
			note(findings, text("a monitor is plugged into %s", light->name),
				"none: it shows nothing now");
	}
}

static void check_boot(const struct bind_facts *facts, struct bind_findings *findings)
{
	if (!leaving(facts))
		return;
	if (!facts->other_gpus)
		note(findings, "it is the only GPU: this machine shows nothing without it",
			"make sure that you can log in over the network");
	else if (facts->boot && to_stub(facts))
		note(findings,
			"firmware booted with it: a framebuffer of the firmware's may still have "
			"its memory, and the virtual machine may need a copy of its ROM",
			"make another GPU the first one in the firmware's setup");
}

static void check_storage(const struct bind_facts *facts, struct bind_findings *findings)
{
	for (size_t i = 0; i < facts->count; i++) {
		const struct bind_function *one = &facts->functions[i];
		const char *names = "";

		if (!bind_leaves(one))
			continue;
		for (size_t j = 0; j < one->storage.count; j++)
			busy(findings,
				text("%s behind %s is in use", one->storage.list[j], one->pci.slot),
				text("umount %s", one->storage.list[j]));
		for (size_t j = 0; j < one->usb.count; j++)
			names = text("%s%s%s", names, j ? ", " : "", one->usb.list[j]);
		if (one->usb.count)
			note(findings,
				text("these USB devices are behind %s and go with it: %s",
					one->pci.slot, gpu_plain(facts->run, names)),
				"plug them in elsewhere if they are needed");
	}
}

static bool in_group(const struct bind_facts *facts, const char *group)
{
	for (size_t i = 0; i < facts->count; i++) {
		const struct bind_function *one = &facts->functions[i];

		if (one->asked && one->pci.group && str_eq(one->pci.group, group))
			return true;
	}
	return false;
}

/* VFIO gives a group away whole; ports of the bus may stay (drivers/vfio, driver_managed_dma). */
static void check_group(const struct bind_facts *facts, struct bind_findings *findings)
{
	if (!to_stub(facts))
		return;
	for (size_t i = 0; i < facts->mate_count; i++) {
		const struct bind_mate *mate = &facts->mates[i];

		if (mate->driver && !mate->bridge && !bind_is_stub(mate->driver) &&
			!str_eq(mate->driver, "pcieport") && in_group(facts, mate->group))
			refuse(findings,
				text("%s (%s) is in IOMMU group %s too, and a group can only be "
				     "given away whole",
					mate->slot, mate->driver, mate->group),
				"put the card into another PCIe slot, or take that device's driver "
				"away as well");
	}
	for (size_t i = 0; i < facts->count; i++) {
		const struct bind_function *one = &facts->functions[i];

		if (!one->asked && one->now.driver && !bind_is_stub(one->now.driver) &&
			one->pci.group && in_group(facts, one->pci.group))
			note(findings,
				text("%s (%s) stays in the same IOMMU group", one->pci.slot,
					one->now.driver),
				"a virtual machine cannot start before it is moved too");
	}
}

static void check_iommu(const struct bind_facts *facts, struct bind_findings *findings)
{
	for (size_t i = 0; to_stub(facts) && i < facts->count; i++) {
		const struct bind_function *one = &facts->functions[i];

		if (!one->asked || one->pci.group)
			continue;
		if (facts->without_iommu)
			note(findings,
				"there is no IOMMU: a virtual machine may overwrite all "
				"memory",
				"switch it on (Intel VT-d, AMD-Vi) in the firmware's setup");
		else
			refuse(findings,
				text("%s is in no IOMMU group: the IOMMU is off", one->pci.slot),
				"switch it on (Intel VT-d, AMD-Vi) in the firmware's setup, and "
				"boot with intel_iommu=on on Intel");
		return;
	}
}

/* What keeps the GPUs of NVIDIA's driver in use without any process. */
static void check_modeset(const struct bind_facts *facts, struct bind_findings *findings)
{
	const struct hw_module *drm = &facts->drm;
	const char *modeset = facts->drm_modeset > 0
				      ? "nvidia_drm with modeset=1 keeps the GPU in use"
				      : "nvidia_drm may keep the GPU in use";

	if (!leaves_nvidia(facts) || !drm->loaded || facts->drm_modeset == 0)
		return;
	if (facts->nvidia_gpus > 1)
		refuse(findings, text("%s, and another NVIDIA GPU needs that module", modeset),
			"boot with nvidia_drm.modeset=0, or move the others away from the driver "
			"nvidia first");
	else if (drm->uses > 0)
		busy(findings,
			text("%s, and cannot be unloaded: it counts %ld uses", modeset, drm->uses),
			"end what shows pictures by it: desktop, login screen, text console");
	else if (drm->uses < 0)
		refuse(findings,
			text("%s, and whether it can be unloaded is not to be seen", modeset),
			"boot with nvidia_drm.modeset=0");
}

/* Each open node counts, and each module that needs it; what is left nobody is seen to have. */
static void check_uses(const struct bind_facts *facts, struct bind_findings *findings)
{
	if (leaves_nvidia(facts) && !facts->holders.count && facts->nvidia_gpus == 1 &&
		facts->nvidia.uses > (long)facts->nvidia.needed_by)
		busy(findings,
			text("the driver nvidia counts %ld uses more than there are modules that "
			     "need it, by processes that are not seen",
				facts->nvidia.uses - (long)facts->nvidia.needed_by),
			"nvidia-smi -pm 0; look for containers and virtual machines that use it");
}

const struct bind_check bind_checks[] = {
	{"root", check_root},
	{"slot", check_slot},
	{"stuck", check_stuck},
	{"driver", check_driver},
	{"match", check_match},
	{"shared", check_shared},
	{"holder", check_holders},
	{"common", check_common},
	{"unseen", check_unseen},
	{"persistence", check_persistence},
	{"console", check_console},
	{"output", check_outputs},
	{"boot", check_boot},
	{"usb", check_storage},
	{"group", check_group},
	{"iommu", check_iommu},
	{"modeset", check_modeset},
	{"uses", check_uses},
	{NULL, NULL},
};

void bind_preflight(const struct bind_facts *facts, struct bind_findings *findings)
{
	*findings = (struct bind_findings){.arena = facts->arena};
	for (const struct bind_check *check = bind_checks; check->id; check++) {
		size_t first = findings->count;

		check->run(facts, findings);
		for (size_t i = first; i < findings->count; i++)
			findings->list[i].id = check->id;
		/* Without a GPU there is nothing to ask about. */
		if (check->run == check_slot && findings->count > first)
			return;
	}
}

bool bind_refused(const struct bind_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		if (findings->list[i].refuses)
			return true;
	}
	return false;
}

bool bind_may_pass(const struct bind_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		if (findings->list[i].refuses && !findings->list[i].passes)
			return false;
	}
	return true;
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
			       : is_display(function))
			return true;
	}
	return false;
}
