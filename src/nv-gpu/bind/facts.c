/* SPDX-License-Identifier: MIT */
/* facts: all that a move has to know, without waking the GPU and without writing anything. */
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "nv-gpu/bind/bind.h"
#include "nv-gpu/gpu.h"

/*
 * The host's drivers of what is on a graphics card beside the GPU: class >> 8, driver, module; of
 * a vendor where each has one of its own, as UCSI does (drivers/i2c/busses/i2c-nvidia-gpu.c; the
 * kernel knows best which one AMD's needs). A driver_override gives a device to any driver that is
 * named.
 */
static const struct {
	unsigned class, vendor;
	const char *driver, *module;
} naturals[] = {
	{0x0403, 0, "snd_hda_intel", "snd_hda_intel"},
	{0x0c03, 0, "xhci_hcd", "xhci_pci"},
	{0x0c80, 0x10de, "nvidia-gpu", "i2c_nvidia_gpu"},
};

static void find_natural(struct hw *hw, struct bind_function *one)
{
	for (size_t i = 0; i < sizeof(naturals) / sizeof(*naturals); i++) {
		const char *why;

		if (naturals[i].class != one->pci.class >> 8 ||
			(naturals[i].vendor && naturals[i].vendor != one->pci.vendor))
			continue;
		if (hw_pci_has_driver(hw, naturals[i].driver) ||
			hw_module_find(hw, naturals[i].module, &why) == HW_MODULE_THERE) {
			one->natural = naturals[i].driver;
			one->natural_module = naturals[i].module;
		}
	}
}

static void gather_function(struct bind_facts *facts, const struct bind_request *request,
	const struct hw_pci *pci, struct bind_function *one)
{
	struct gpu_run *run = facts->run;
	int number = pci->slot[strlen(pci->slot) - 1] - '0';

	one->pci = *pci;
	one->asked = request->only < 0 || request->only == number;
	one->now = (struct bind_state){
		.driver = pci->driver, .module = pci->module, .control = pci->control};
	one->stuck = !kernel_override(run, pci->slot, &one->now.override);
	find_natural(&run->hw, one);
	one->mediated.list = hw_mediated_of(&run->hw, pci->slot, &one->mediated.count);
	if (pci->kind != HW_FUNCTION_USB)
		return;
	one->usb.list = hw_usb_behind(&run->hw, pci->slot, &one->usb.count);
	one->storage.list = hw_storage_behind(&run->hw, pci->slot, &one->storage.count);
}

static void gather_functions(struct bind_facts *facts, const struct bind_request *request)
{
	const struct hw_pci *list = hw_slot_functions(&facts->run->hw, facts->slot, &facts->count);

	facts->functions =
		arena_alloc(facts->arena, (facts->count + 1) * sizeof(*facts->functions));
	for (size_t i = 0; i < facts->count; i++)
		gather_function(facts, request, &list[i], &facts->functions[i]);
}

/* Another card in the slot was never moved. Records without ids are of any. */
static bool is_of(const struct bind_function *noted, const struct hw_pci *pci)
{
	return str_eq(noted->pci.slot, pci->slot) &&
	       (!noted->pci.vendor ||
		       (noted->pci.vendor == pci->vendor && noted->pci.device == pci->device));
}

/* What an earlier move noted; after a reboot, what the record of --persist says. */
static void gather_record(struct bind_facts *facts)
{
	struct gpu_run *run = facts->run;
	const char *kept = persist_files(run, facts->slot);
	struct bind_record record;

	facts->kept = *kept ? kept : NULL;
	if (!journal_read(run, facts->slot, &record) && !persist_read(run, facts->slot, &record))
		return;
	facts->earlier = record.path;
	facts->unloaded = record.unloaded;
	for (size_t i = 0; i < facts->count; i++) {
		for (size_t j = 0; j < record.count; j++) {
			struct bind_function *one = &facts->functions[i];

			if (!is_of(&record.functions[j], &one->pci))
				continue;
			one->recorded = true;
			one->before = record.functions[j].before;
		}
	}
}

static void add_driver(struct bind_facts *facts, const struct bind_function *one)
{
	struct hw *hw = &facts->run->hw;
	const char *name = one->wanted.driver, *module = one->wanted.module;
	struct bind_driver *driver;

	for (size_t i = 0; i < facts->driver_count; i++) {
		if (str_eq(facts->drivers[i].name, name))
			return;
	}
	driver = arena_push(facts->arena, facts->drivers, facts->driver_count);
	*driver = (struct bind_driver){.name = name,
		.module = module ? module : name,
		.registered = hw_pci_has_driver(hw, name),
		.knows = -1};
	driver->file = hw_module_find(hw, driver->module, &driver->why);
	if (one->pci.kind == HW_FUNCTION_DISPLAY && one->pci.modalias && !bind_is_stub(name))
		driver->knows = hw_module_knows(hw, driver->module, one->pci.modalias);
}

static void gather_drivers(struct bind_facts *facts)
{
	for (size_t i = 0; i < facts->count; i++) {
		const struct bind_function *one = &facts->functions[i];

		if (one->asked && one->wanted.driver &&
			!(one->now.driver && str_eq(one->now.driver, one->wanted.driver)))
			add_driver(facts, one);
	}
}

/* The GPUs of the slot, and what is only known of GPUs. */
static void gather_gpus(struct bind_facts *facts)
{
	struct gpu_run *run = facts->run;
	struct hw *hw = &run->hw;
	struct hw_gpu **own = NULL;
	size_t count = 0;

	facts->title = facts->slot;
	for (size_t i = 0; i < hw->count; i++) {
		struct hw_gpu *gpu = hw->gpus[i];

		facts->nvidia_gpus += hw_gpu_is_nvidia(gpu);
		if (!gpu->pci || !str_starts(gpu->slot, facts->slot)) {
			facts->other_gpus++;
			continue;
		}
		*arena_push(facts->arena, own, count) = gpu;
		facts->boot |= gpu->boot;
		if (!facts->console)
			facts->console = hw_console(hw, gpu);
		if (!facts->light_count)
			facts->lights = hw_lights(hw, gpu, &facts->light_count);
	}
	if (count)
		facts->title = gpu_title(run, own[0]);
	hw_holders_scan(hw, own, count, &facts->holders);
	facts->unseen = gpu_unseen(run, &facts->holders);
}

static void gather_mates(struct bind_facts *facts)
{
	struct bind_names groups = {0};

	for (size_t i = 0; i < facts->count; i++) {
		const char *group = facts->functions[i].pci.group;
		struct hw_pci *list;
		size_t count;
		bool known = !group;

		for (size_t j = 0; j < groups.count && !known; j++)
			known = str_eq(groups.list[j], group);
		if (known)
			continue;
		*arena_push(facts->arena, groups.list, groups.count) = group;
		list = hw_group_members(&facts->run->hw, group, &count);
		for (size_t j = 0; j < count; j++) {
			if (str_starts(list[j].slot, facts->slot))
				continue;
			*arena_push(facts->arena, facts->mates, facts->mate_count) =
				(struct bind_mate){
					list[j].slot, list[j].driver, group,
					list[j].class >> 16 == 0x06, /* bridges */
				};
		}
	}
}

void facts_gather(struct gpu_run *run, const struct bind_request *request, struct bind_facts *facts)
{
	struct hw *hw = &run->hw;

	*facts = (struct bind_facts){
		.arena = hw->root.arena,
		.action = request->action,
		.slot = request->slot,
		.target = request->target,
		.root = geteuid() == 0,
		.live = !run->options.sysroot,
		.dry = run->options.dry_run,
		.run = run,
	};
	gather_functions(facts, request);
	gather_record(facts);
	hw_scan_all(hw);
	hw_judge(hw);
	bind_wants(facts);
	gather_drivers(facts);
	gather_gpus(facts);
	gather_mates(facts);
	facts->daemon_socket = hw_nvidia_persistence(hw);
	facts->daemon = hw_nvidia_persistence_process(hw);
	facts->without_iommu = hw_vfio_without_iommu(hw);
	facts->nvidia = hw_module(hw, "nvidia");
	facts->drm = hw_module(hw, "nvidia_drm");
	facts->modeset = hw_module(hw, "nvidia_modeset");
	facts->drm_modeset = hw_nvidia_modeset(hw);
}
