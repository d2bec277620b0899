/* SPDX-License-Identifier: MIT */
#include "nv-gpu/show/show.h"

#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/holders.h"

const char *show_speed(struct arena *arena, unsigned tenths)
{
	return arena_printf(arena, "%u.%u GT/s", tenths / 10, tenths % 10);
}

static struct show_function describe(
	struct show *show, struct names *names, struct hw_function *function)
{
	struct hw_iommu iommu;
	struct show_function shown = {.at = function};

	if (!show->gpu->pci)
		return shown;
	shown.ids = hw_function_ids(&show->run->hw, function->path);
	shown.class = names_class(names, shown.ids.class);
	shown.name = names_device(names, &shown.ids);
	shown.subsystem = names_subsystem(names, &shown.ids);
	hw_iommu(&show->run->hw, function->path, &iommu);
	shown.group = iommu.group;
	if (function->path == show->gpu->path)
		show->iommu = iommu;
	return shown;
}

static bool is_own(const struct show *show, const char *slot)
{
	for (size_t i = 0; i < show->function_count; i++) {
		if (str_eq(show->functions[i].at->slot, slot))
			return true;
	}
	return false;
}

static void add_members(struct show *show, struct names *names)
{
	struct hw *hw = &show->run->hw;
	struct arena *arena = show->run->arena;

	for (size_t i = 0; i < show->iommu.count; i++) {
		const char *slot = show->iommu.members[i], *path, *driver;

		if (is_own(show, slot))
			continue;
		path = arena_printf(arena, "%s/iommu_group/devices/%s", show->gpu->path, slot);
		driver = hw_root_link(&hw->root, arena_path(arena, path, "driver"));
		*arena_push(arena, show->members, show->member_count) = (struct show_member){
			.slot = slot,
			.class = names_class(names, hw_function_ids(hw, path).class),
			.driver = driver ? str_file_name(driver) : NULL,
		};
	}
}

static void add_nodes(struct show *show)
{
	struct hw *hw = &show->run->hw;
	size_t count;
	const struct hw_node *nodes = hw_nodes(hw, &count);

	for (size_t i = 0; i < count; i++) {
		if (nodes[i].gpu == show->gpu)
			*arena_push(show->run->arena, show->nodes, show->node_count) =
				nodes[i].name;
	}
	show->links = hw_node_links(hw, show->gpu, &show->link_count);
}

/* What the child found goes before what could be had without. */
static void wake(struct show *show)
{
	const struct wake *found = show->wake = wake_ask(show->run, show->gpu);

	if (found->stage != WAKE_DONE || found->link.state == HW_LINK_NONE)
		return;
	show->link.state = found->link.state;
	show->link.speed = found->link.speed;
	show->link.width = found->link.width;
	show->link.card.speed = found->link.card_speed;
	show->link.card.width = found->link.card_width;
	show->link.port.speed = found->link.port_speed;
	show->link.port.width = found->link.port_width;
}

static void gather(struct show *show, struct names *names)
{
	struct gpu_run *run = show->run;
	struct hw_function *functions;

	functions = hw_functions(&run->hw, show->gpu, &show->function_count);
	show->functions = arena_alloc(run->arena, show->function_count * sizeof(*show->functions));
	for (size_t i = 0; i < show->function_count; i++)
		show->functions[i] = describe(show, names, &functions[i]);
	add_members(show, names);
	show->modules = hw_gpu_modules(&run->hw, show->gpu, &show->module_count);
	if (hw_gpu_is_nvidia(show->gpu))
		show->library = hw_nvidia_library(&run->hw);
	add_nodes(show);
	hw_link(&run->hw, show->gpu, false, &show->link);
	if (run->options.wake)
		wake(show);
}

int show_run(struct gpu_run *run)
{
	struct buf out = {0};
	struct json json = {.out = &out};
	struct hw_gpu **gpus;
	struct names *names;
	size_t count;
	int status;

	if (run->options.wake && run->options.sysroot) {
		log_error("--wake asks the GPUs of this machine; a recording has none to wake");
		return EXIT_USAGE;
	}
	if (!gpu_select(run, &gpus, &count))
		return EXIT_FAILED;
	hw_connectors(&run->hw);
	names = names_open(run);
	if (run->options.json)
		json_open(&json, NULL, '[');
	for (size_t i = 0; i < count; i++) {
		struct show show = {.run = run, .gpu = gpus[i]};

		gather(&show, names);
		if (run->options.json)
			show_json(&show, &json);
		else
			show_text(&show, &out);
		if (!run->options.json && i + 1 < count)
			buf_putc(&out, '\n');
	}
	names_close(names);
	if (run->options.json) {
		json_close(&json, ']');
	} else if (!count) {
		buf_puts(&out, "There is no GPU on this machine.\n");
	}
	status = gpu_print(&out);
	buf_free(&out);
	return status;
}
