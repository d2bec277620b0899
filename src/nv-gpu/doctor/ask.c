/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/parts.h"
#include "nv-gpu/doctor/doctor.h"

struct hw_gpu *doctor_next_nvidia(struct doctor *doctor, const struct hw_gpu *after)
{
	const struct hw *hw = &doctor->run->hw;
	bool passed = !after;

	for (size_t i = 0; i < hw->count; i++) {
		if (passed && hw->gpus[i]->pci && hw->gpus[i]->vendor == HW_NVIDIA)
			return hw->gpus[i];
		passed |= hw->gpus[i] == after;
	}
	return NULL;
}

bool doctor_has_module(struct doctor *doctor)
{
	struct hw *hw = &doctor->run->hw;

	return hw_driver_version(hw) || hw_module_loaded(hw, "nvidia") ||
	       hw_kernel_module(hw, &doctor->kernel, "nvidia");
}

unsigned doctor_driver(struct doctor *doctor, const char **version)
{
	struct hw *hw = &doctor->run->hw;
	unsigned long major = 0;
	size_t count;

	*version = hw_driver_version(hw);
	if (!*version) {
		struct hw_library *libraries = hw_driver_libraries(hw, &count);

		*version = count ? libraries[0].version : NULL;
	}
	if (!*version) {
		const char **built = hw_driver_dkms(hw, &count);

		*version = count ? built[count - 1] : NULL;
	}
	if (!*version || !str_number(*version, strcspn(*version, "."), 10, &major))
		return 0;
	return (unsigned)major;
}

const char *doctor_initramfs(struct doctor *doctor)
{
	static const struct {
		const char *file, *command;
	} makers[] = {
		{"/etc/NIXOS", "nixos-rebuild boot; "},
		{"/usr/sbin/update-initramfs", "update-initramfs -u; "},
		{"/usr/bin/mkinitcpio", "mkinitcpio -P; "},
		{"/usr/bin/dracut", "dracut --force; "},
		{"/usr/sbin/dracut", "dracut --force; "},
	};

	for (size_t i = 0; i < sizeof(makers) / sizeof(*makers); i++) {
		if (hw_root_exists(&doctor->run->hw.root, makers[i].file))
			return makers[i].command;
	}
	return "";
}

const char *doctor_option_text(struct doctor *doctor, const char *module, const char *setting)
{
	return arena_printf(doctor->run->arena, "options %s %s\n",
		hw_kernel_nvidia(&doctor->run->hw, &doctor->kernel, module), setting);
}

const char *doctor_option(
	struct doctor *doctor, const char *module, const char *option, const char **where)
{
	struct hw *hw = &doctor->run->hw;
	struct arena *arena = doctor->run->arena;
	char *dashed = arena_printf(arena, "%s.%s", module, option);
	const char *value = hw_cmdline(hw, dashed);

	for (char *c = dashed; !value && *c && *c != '.'; c++) {
		if (*c == '_')
			*c = '-';
	}
	if (!value)
		value = hw_cmdline(hw, dashed);
	if (value) {
		*where = "the kernel command line";
		return value;
	}
	value = hw_kernel_option(
		hw, &doctor->kernel, hw_kernel_nvidia(hw, &doctor->kernel, module), option, where);
	return value ? value : hw_kernel_option(hw, &doctor->kernel, module, option, where);
}

/* In systemd's order (systemd.unit(5)); a unit of the same name in an earlier one hides others. */
static const char *const unit_directories[] = {"/etc/systemd/system", "/run/systemd/system",
	"/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system", NULL};

const char *doctor_unit(struct doctor *doctor, const char *unit)
{
	const struct hw_root *root = &doctor->run->hw.root;

	for (size_t i = 0; unit_directories[i]; i++) {
		const char *path = arena_path(doctor->run->arena, unit_directories[i], unit);
		const char *target = hw_root_link(root, path);

		if (target && str_eq(target, "/dev/null"))
			return NULL;
		if (target || hw_root_exists(root, path))
			return path;
	}
	return NULL;
}

const char *doctor_unit_link(struct doctor *doctor, const char *unit, const char *with)
{
	const struct hw_root *root = &doctor->run->hw.root;
	struct arena *arena = doctor->run->arena;
	struct file_list names;

	for (size_t i = 0; unit_directories[i]; i++) {
		if (!hw_root_names(root, unit_directories[i], &names))
			continue;
		for (size_t j = 0; j < names.count; j++) {
			const char *name = names.names[j], *path;

			if (!str_ends(name, ".wants") && !str_ends(name, ".requires"))
				continue;
			if (with && !(str_starts(name, with) && name[strlen(with)] == '.'))
				continue;
			path = arena_printf(arena, "%s/%s/%s", unit_directories[i], name, unit);
			if (hw_root_link(root, path) || hw_root_exists(root, path))
				return path;
		}
	}
	return NULL;
}

const char *doctor_unit_place(
	struct doctor *doctor, const char *unit, const char *with, const char *kind)
{
	return arena_printf(
		doctor->run->arena, "%s/%s.%s/%s", unit_directories[0], with, kind, unit);
}
