/* SPDX-License-Identifier: MIT */
/* power: mains or battery, and what is plugged in: the facts of rules' conditions. */
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"

#include <string.h>

/*
 * A charger that is online settles it (type Mains, or USB and its kinds). Without one, a battery
 * that discharges does; a mouse's or keyboard's battery has the scope Device and does not count
 * (Documentation/ABI/testing/sysfs-class-power).
 */
bool hw_on_mains(struct hw *hw)
{
	struct file_list supplies;
	bool discharging = false;

	if (!hw_root_names(&hw->root, HW_POWER_SUPPLY, &supplies))
		return true;
	for (size_t i = 0; i < supplies.count; i++) {
		const char *path =
			arena_printf(hw->root.arena, HW_POWER_SUPPLY "/%s", supplies.names[i]);
		const char *type = hw_root_attr(&hw->root, path, "type");
		const char *scope, *state;

		if (!type)
			continue;
		scope = hw_root_attr(&hw->root, path, "scope");
		if (scope && str_eq(scope, "Device"))
			continue;
		if (str_eq(type, "Battery")) {
			state = hw_root_attr(&hw->root, path, "status");
			discharging |= state && str_eq(state, "Discharging");
			continue;
		}
		state = hw_root_attr(&hw->root, path, "online");
		if (state && state[0] != '0' && state[0])
			return true;
	}
	return !discharging;
}

bool hw_external_display(struct hw *hw)
{
	static const char *const built_in[] = {"eDP", "LVDS", "DSI", "DPI", "Writeback", NULL};

	hw_scan_drm(hw);
	for (size_t i = 0; i < hw->connector_count; i++) {
		const struct hw_connector *connector = &hw->connectors[i];
		const char *status;
		bool panel = false;

		for (size_t j = 0; built_in[j]; j++)
			panel |= str_starts(connector->name, built_in[j]);
		if (panel)
			continue;
		status = hw_root_text(
			&hw->root, arena_printf(hw->root.arena, HW_CLASS_DRM "/card%d-%s/status",
					   connector->card, connector->name));
		if (status && str_eq(status, "connected"))
			return true;
	}
	return false;
}
