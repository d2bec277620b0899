/* SPDX-License-Identifier: MIT */
/* board: firmware, chassis, processes and file systems: what hw/kernel.h tells beside modules. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"
#include "hw/kernel.h"

#define FIRMWARE "/sys/firmware"
#define EFI "/sys/firmware/efi"
#define EFI_VARIABLES "/sys/firmware/efi/efivars"
/* The name of the variable with the GUID of UEFI's global ones (UEFI specification, 3.3). */
#define SECURE_BOOT EFI_VARIABLES "/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define LOCKDOWN "/sys/kernel/security/lockdown"
#define CHASSIS "/sys/class/dmi/id/chassis_type"
#define POWER_STATES "/sys/power/state"
#define MOUNTS "/proc/mounts"

int hw_secure_boot(struct hw *hw)
{
	int fd = hw_root_open(&hw->root, SECURE_BOOT, O_RDONLY);
	struct file_list names;
	size_t length;
	const char *bytes;

	if (fd >= 0) {
		bytes = file_text_fd(hw->root.arena, fd, 64, &length);
		/* Four bytes of attributes come first (Documentation/filesystems/efivarfs.rst). */
		return bytes && length >= 5 ? bytes[4] == 1 : -1;
	}
	if (errno != ENOENT && errno != ENOTDIR)
		return -1;
	if (!hw_root_exists(&hw->root, EFI))
		return hw_root_exists(&hw->root, FIRMWARE) ? 0 : -1;
	/* Firmware without Secure Boot has other variables; without any they are not mounted. */
	return hw_root_names(&hw->root, EFI_VARIABLES, &names) && names.count ? 0 : -1;
}

const char *hw_lockdown(struct hw *hw)
{
	const char *text = hw_root_text(&hw->root, LOCKDOWN);
	const char *start = text ? strchr(text, '[') : NULL;
	const char *end = start ? strchr(start, ']') : NULL;

	return end ? arena_copy(hw->root.arena, start + 1, (size_t)(end - start) - 1) : NULL;
}

static bool has_battery(struct hw *hw)
{
	struct file_list supplies;

	if (!hw_root_names(&hw->root, HW_POWER_SUPPLY, &supplies))
		return false;
	for (size_t i = 0; i < supplies.count; i++) {
		const char *path = arena_path(hw->root.arena, HW_POWER_SUPPLY, supplies.names[i]);
		const char *type = hw_root_attr(&hw->root, path, "type");
		const char *scope = hw_root_attr(&hw->root, path, "scope");

		/* A mouse's battery has the scope Device. */
		if (type && str_eq(type, "Battery") && !(scope && str_eq(scope, "Device")))
			return true;
	}
	return false;
}

bool hw_is_laptop(struct hw *hw)
{
	/* SMBIOS, table "System Enclosure or Chassis Types": portable ... detachable. */
	static const char *const portable[] = {"8", "9", "10", "11", "14", "30", "31", "32", NULL};
	/* Desktop ... all in one, server: a UPS has a battery too. */
	static const char *const others[] = {
		"3", "4", "5", "6", "7", "13", "15", "16", "17", "23", "24", NULL};
	const char *type = hw_root_text(&hw->root, CHASSIS);

	for (size_t i = 0; type && portable[i]; i++) {
		if (str_eq(type, portable[i]))
			return true;
	}
	for (size_t i = 0; type && others[i]; i++) {
		if (str_eq(type, others[i]))
			return false;
	}
	return has_battery(hw);
}

bool hw_can_suspend(struct hw *hw)
{
	const char *states = hw_root_text(&hw->root, POWER_STATES);

	return !states || strstr(states, "mem");
}

/* The processes of a name, one after the other: the first behind *at; 0 at the end. */
static long next_process(struct hw *hw, const struct file_list *names, const char *name, size_t *at)
{
	while (*at < names->count) {
		const char *text = names->names[(*at)++], *found;
		unsigned long pid;

		if (!str_number(text, strlen(text), 10, &pid))
			continue;
		found = hw_process_name(hw, (long)pid);
		if (found && strncmp(found, name, 15) == 0)
			return (long)pid;
	}
	return 0;
}

int hw_runs(struct hw *hw, const char *name)
{
	struct file_list names;
	size_t at = 0, number = 0;

	if (!hw_root_names(&hw->root, HW_PROCESSES, &names))
		return -1;
	if (next_process(hw, &names, name, &at))
		return 1;
	while (number < names.count && !strchr("123456789", *names.names[number]))
		number++;
	return number < names.count ? 0 : -1;
}

bool hw_runs_with(struct hw *hw, const char *name, const char *word)
{
	struct file_list names;
	size_t at = 0, length;
	long pid;

	if (!hw_root_names(&hw->root, HW_PROCESSES, &names))
		return false;
	while ((pid = next_process(hw, &names, name, &at))) {
		int fd = hw_root_open(&hw->root,
			arena_printf(hw->root.arena, HW_PROCESSES "/%ld/cmdline", pid), O_RDONLY);
		const char *text =
			fd < 0 ? NULL : file_text_fd(hw->root.arena, fd, 1 << 16, &length);

		/* Words end with a NUL each. */
		if (text && memmem(text, length, word, strlen(word) + 1))
			return true;
	}
	return false;
}

const char *hw_filesystem(struct hw *hw, const char *path)
{
	const char *text = hw_root_text(&hw->root, MOUNTS), *type = NULL;
	size_t longest = 0;

	/* "DEVICE PLACE TYPE ...": the longest place that leads to the path, the last one counting.
	 */
	while (text && *text) {
		const char *end = strchrnul(text, '\n');
		const char *place = memchr(text, ' ', (size_t)(end - text));
		const char *kind = place ? memchr(place + 1, ' ', (size_t)(end - place) - 1) : NULL;
		size_t length = kind ? (size_t)(kind - place) - 1 : 0;
		bool root = length == 1;

		if (kind && length >= longest && strncmp(path, place + 1, length) == 0 &&
			(root || path[length] == '/' || !path[length])) {
			longest = length;
			type = arena_copy(hw->root.arena, kind + 1, strcspn(kind + 1, " \n"));
		}
		text = *end ? end + 1 : end;
	}
	return type;
}

bool hw_has_nodes(struct hw *hw)
{
	return hw_root_exists(&hw->root, HW_DEVICES "/null");
}

bool hw_has_node(struct hw *hw, const char *name)
{
	return hw_root_exists(&hw->root, arena_path(hw->root.arena, HW_DEVICES, name));
}
