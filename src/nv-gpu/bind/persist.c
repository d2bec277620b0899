/* SPDX-License-Identifier: MIT */
/*
 * persist: what makes a move outlive a reboot. A udev rule sets driver_override as a function is
 * announced, which is before udev loads the driver that would take it; the record beside it tells
 * restore how things were.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "hw/tree.h"
#include "nv-gpu/bind/bind.h"
#include "nv-gpu/gpu.h"

#define RULES "/etc/udev/rules.d"
#define RECORDS "/etc/nv-run/bind.d"

static const char *rule_path(struct arena *arena, const char *slot)
{
	/* Early: before any rule that loads a driver by the device's ids. */
	return arena_printf(arena, RULES "/05-nv-gpu-%s.rules", slot);
}

static const char *record_path(struct arena *arena, const char *slot)
{
	return arena_path(arena, RECORDS, slot);
}

bool persist_read(struct gpu_run *run, const char *slot, struct bind_record *record)
{
	struct tree_file file;

	*record = (struct bind_record){.path = record_path(run->hw.root.arena, slot)};
	if (!tree_read(&run->hw.root, record->path, &file) || !file.text)
		return false;
	journal_parse(run->hw.root.arena, file.text, record);
	return true;
}

/*
 * By slot and by ids: another card may be in the slot one day, or the numbers of busses change.
 * A driver that is part of the kernel has its function already; that of the GPU itself is left
 * alone then, as an unbind in the middle of the boot might not come back.
 */
static const char *function_rule(struct arena *arena, const struct bind_function *one)
{
	const char *match = arena_printf(arena,
		"ACTION==\"add\", SUBSYSTEM==\"pci\", KERNEL==\"%s\", ATTR{vendor}==\"0x%04x\", "
		"ATTR{device}==\"0x%04x\"",
		one->pci.slot, one->pci.vendor, one->pci.device);
	const char *unbind = "", *override = one->wanted.override;

	if (one->pci.kind != HW_FUNCTION_DISPLAY)
		unbind = arena_printf(arena,
			"%s, DRIVER==\"?*\", DRIVER!=\"%s\", ATTR{driver/unbind}=\"%s\"\n", match,
			override, one->pci.slot);
	return arena_printf(arena,
		"%s, ATTR{driver_override}=\"%s\"\n"
		"%s"
		"%s, IMPORT{builtin}=\"kmod load %s\"\n"
		"%s, ATTR{[subsystem/pci]drivers_probe}=\"%s\"\n",
		match, override, unbind, match, override, match, one->pci.slot);
}

const char *persist_rule(const struct bind_facts *facts)
{
	const char *text = arena_printf(facts->arena,
		"# Written by 'nv-gpu bind %s %s --persist'; 'nv-gpu restore %s' removes it.\n",
		facts->slot, facts->target, facts->slot);

	for (size_t i = 0; i < facts->count; i++) {
		const struct bind_function *one = &facts->functions[i];

		if (one->asked && one->wanted.override && *one->wanted.override)
			text = arena_printf(
				facts->arena, "%s%s", text, function_rule(facts->arena, one));
	}
	return text;
}

bool persist_write(const struct bind_facts *facts, const char **path)
{
	const struct hw_root *root = &facts->run->hw.root;
	const char *rule = persist_rule(facts), *record = journal_text(facts);

	*path = record_path(facts->arena, facts->slot);
	if (!tree_directory(root, RECORDS) ||
		!tree_write(root, *path, record, strlen(record), NULL, 0644))
		return false;
	*path = rule_path(facts->arena, facts->slot);
	return tree_directory(root, RULES) &&
	       tree_write(root, *path, rule, strlen(rule), NULL, 0644);
}

const char *persist_files(struct gpu_run *run, const char *slot)
{
	const struct hw_root *root = &run->hw.root;
	const char *rule = rule_path(root->arena, slot), *record = record_path(root->arena, slot);
	bool rule_there = hw_root_exists(root, rule), record_there = hw_root_exists(root, record);

	return arena_printf(root->arena, "%s%s%s", rule_there ? rule : "",
		rule_there && record_there ? " " : "", record_there ? record : "");
}

/* What is not there needs no removing: a folder that is read-only would refuse even that. */
static bool removed(const struct hw_root *root, const char *path)
{
	return !hw_root_exists(root, path) || tree_remove(root, path) || errno == ENOENT;
}

bool persist_remove(struct gpu_run *run, const char *slot, bool *fine)
{
	const struct hw_root *root = &run->hw.root;
	bool there = *persist_files(run, slot);

	/* The record last: as long as there is a rule, restore must know what it did. */
	*fine = removed(root, rule_path(root->arena, slot)) &&
		removed(root, record_path(root->arena, slot));
	return there;
}
