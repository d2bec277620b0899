/* SPDX-License-Identifier: MIT */
/* preflight: why a move would hang or harm. A check a function; facts in, findings out. */
#include <string.h>

#include "base/str.h"
#include "hw/hw.h"
#include "nv-gpu/bind/bind.h"
#include "nv-gpu/bind/check.h"
#include "nv-gpu/gpu.h"

static void add(struct bind_findings *findings, struct bind_finding finding)
{
	*arena_push(findings->arena, findings->list, findings->count) = finding;
}

void bind_refuse(struct bind_findings *findings, const char *what, const char *cure)
{
	add(findings, (struct bind_finding){.what = what, .cure = cure, .refuses = true});
}

void bind_busy(struct bind_findings *findings, const char *what, const char *cure)
{
	add(findings,
		(struct bind_finding){.what = what, .cure = cure, .refuses = true, .passes = true});
}

void bind_note(struct bind_findings *findings, const char *what, const char *cure)
{
	add(findings, (struct bind_finding){.what = what, .cure = cure});
}

static bool is_display(const struct bind_function *function)
{
	return function->pci.kind == HW_FUNCTION_DISPLAY;
}

const struct bind_function *bind_leaving(const struct bind_facts *facts)
{
	for (size_t i = 0; i < facts->count; i++) {
		if (is_display(&facts->functions[i]) && bind_leaves(&facts->functions[i]))
			return &facts->functions[i];
	}
	return NULL;
}

/* Whether a function goes to VFIO; pci-stub and pciback ask nothing of the IOMMU. */
static bool to_vfio(const struct bind_facts *facts)
{
	for (size_t i = 0; i < facts->count; i++) {
		const struct bind_function *one = &facts->functions[i];

		if (one->asked && one->wanted.driver && strstr(one->wanted.driver, "vfio") &&
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
		bind_note(findings,
			"only root can see all that holds a GPU, and only root can move it",
			"run this as root to be sure");
	else
		bind_refuse(findings, "only root can move a GPU", "run it as root");
}

static void check_slot(const struct bind_facts *facts, struct bind_findings *findings)
{
	bool display = false, asked = false;

	for (size_t i = 0; i < facts->count; i++) {
		display |= is_display(&facts->functions[i]);
		asked |= facts->functions[i].asked;
	}
	if (facts->kept && (!facts->count || !display) && facts->action == BIND_RESTORE)
		bind_note(findings, "--persist is still on for a GPU that was in this slot",
			text("if it does not come back here: rm %s", facts->kept));
	if (!facts->count)
		bind_refuse(findings, text("there is no PCI device in slot %s", facts->slot),
			"'nv-gpu list' shows the GPUs that are there; what was removed comes back "
			"with a rescan of the bus, or a reboot");
	else if (!display)
		bind_refuse(findings, text("slot %s has no GPU", facts->slot),
			"'nv-gpu list' shows the slots of GPUs");
	else if (!asked)
		bind_refuse(findings, text("slot %s has no such function", facts->slot),
			"'nv-gpu show' lists the functions of a slot");
}

static void check_stuck(const struct bind_facts *facts, struct bind_findings *findings)
{
	for (size_t i = 0; i < facts->count; i++) {
		if (facts->functions[i].stuck)
			bind_refuse(findings,
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
			bind_refuse(findings,
				text("driver %s is not loaded, and %s forbids to load it",
					driver->name, driver->why),
				text("take the line 'install %s' out of it", driver->module));
		else if (driver->file == HW_MODULE_MISSING)
			bind_refuse(findings,
				text("there is no driver %s: it is not loaded, and this kernel has "
				     "no module of that name",
					driver->name),
				"install it for the kernel that runs, or check the spelling");
		else if (driver->file == HW_MODULE_UNKNOWN)
			bind_note(findings,
				text("whether this kernel has a module %s cannot be seen",
					driver->module),
				"nothing to do: loading it will show");
	}
}

static void check_match(const struct bind_facts *facts, struct bind_findings *findings)
{
	for (size_t i = 0; i < facts->driver_count; i++) {
		const struct bind_driver *driver = &facts->drivers[i];

		/* With driver_override a driver is given a device that it does not know, and may
		 * take it for one that it does. */
		if (driver->knows == 0)
			bind_refuse(findings,
				text("driver %s does not know this GPU", driver->name),
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
			bind_busy(findings,
				text("%s has %lu virtual functions switched on", one->pci.slot,
					one->pci.vfs),
				text("end the virtual machines that use them, then echo 0 > %s",
					hw_pci_file(
						findings->arena, one->pci.slot, "sriov_numvfs")));
		for (size_t j = 0; j < one->mediated.count; j++)
			bind_busy(findings,
				text("%s is shared as mediated device %s", one->pci.slot,
					one->mediated.list[j]),
				"end the virtual machine that uses it, and remove the device");
	}
}

static void check_console(const struct bind_facts *facts, struct bind_findings *findings)
{
	if (bind_leaving(facts) && facts->console)
		bind_busy(findings, "the text console draws on its framebuffer",
			text("echo 0 > %s", facts->console));
}

static void check_outputs(const struct bind_facts *facts, struct bind_findings *findings)
{
	for (size_t i = 0; bind_leaving(facts) && i < facts->light_count; i++) {
		const struct hw_light *light = &facts->lights[i];

		if (light->lit)
			bind_busy(findings, text("%s shows a picture", light->name),
				"end the session that it belongs to, or switch the output off in "
				"the desktop's settings");
		else if (light->connected)
			bind_note(findings, text("a monitor is plugged into %s", light->name),
				"nothing to do: it shows no picture now");
	}
}

static void check_boot(const struct bind_facts *facts, struct bind_findings *findings)
{
	if (!bind_leaving(facts))
		return;
	if (!facts->other_gpus)
		bind_note(findings, "it is the only GPU: this machine shows nothing without it",
			"make sure that you can log in over the network");
	else if (facts->boot && to_vfio(facts))
		bind_note(findings,
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
			bind_busy(findings,
				text("%s behind %s is in use", one->storage.list[j], one->pci.slot),
				text("umount %s", one->storage.list[j]));
		for (size_t j = 0; j < one->usb.count; j++)
			names = text("%s%s%s", names, j ? ", " : "", one->usb.list[j]);
		if (one->usb.count)
			bind_note(findings,
				text("these USB devices are behind %s and go with it: %s",
					one->pci.slot, gpu_plain(facts->run, names)),
				"plug them in elsewhere if they are needed");
	}
}

/* The slot of an AMD APU has the machine's own devices too: security processor, sound, USB. */
static void check_others(const struct bind_facts *facts, struct bind_findings *findings)
{
	for (size_t i = 0; i < facts->count; i++) {
		const struct bind_function *one = &facts->functions[i];

		/* Class 0x0c80 is UCSI. */
		if (bind_leaves(one) && one->pci.kind == HW_FUNCTION_OTHER &&
			one->pci.class >> 8 != 0x0c80)
			bind_note(findings,
				text("%s (%s) is no usual part of a graphics card, and goes with "
				     "it",
					one->pci.slot, one->now.driver),
				"if it is the machine's own, as with a processor that has a GPU: "
				"move the GPU by --only=0, and other functions one by one");
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
	if (!to_vfio(facts))
		return;
	for (size_t i = 0; i < facts->mate_count; i++) {
		const struct bind_mate *mate = &facts->mates[i];

		if (mate->driver && !mate->bridge && !bind_is_stub(mate->driver) &&
			!str_eq(mate->driver, "pcieport") && in_group(facts, mate->group))
			bind_refuse(findings,
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
			bind_note(findings,
				text("%s (%s) stays in the same IOMMU group", one->pci.slot,
					one->now.driver),
				"a virtual machine cannot start before it is moved too");
	}
}

static void check_iommu(const struct bind_facts *facts, struct bind_findings *findings)
{
	for (size_t i = 0; to_vfio(facts) && i < facts->count; i++) {
		const struct bind_function *one = &facts->functions[i];

		if (!one->asked || one->pci.group)
			continue;
		if (facts->without_iommu)
			bind_note(findings,
				"there is no IOMMU: a virtual machine may overwrite all "
				"memory",
				"switch it on (Intel VT-d, AMD-Vi) in the firmware's setup");
		else
			bind_refuse(findings,
				text("%s is in no IOMMU group: the IOMMU is off", one->pci.slot),
				"switch it on (Intel VT-d, AMD-Vi) in the firmware's setup, and "
				"boot with intel_iommu=on on Intel");
		return;
	}
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
	{"others", check_others},
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
