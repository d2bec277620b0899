/* SPDX-License-Identifier: MIT */
/* nvidia: what NVIDIA's kernel driver says of itself, to users too. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"

const char *hw_nvidia_version(struct hw *hw)
{
	return hw_root_text(&hw->root, HW_MODULE "/nvidia/version");
}

unsigned hw_nvidia_major(struct hw *hw)
{
	const char *version = hw_nvidia_version(hw);
	unsigned long major = 0;

	if (version && str_number(version, strcspn(version, "."), 10, &major))
		return (unsigned)major;
	return 0;
}

bool hw_nvidia_fine_grained(struct hw *hw)
{
	static const char name[] = "\nDynamicPowerManagement: ";
	const char *text = hw_root_text(&hw->root, HW_NVIDIA_PARAMETERS);
	const char *at;

	if (!text)
		return false;
	at = strstr(arena_printf(hw->root.arena, "\n%s", text), name);
	/* 3 is what it says where nobody asked: the driver decides. */
	return at && at[sizeof(name) - 1] == '2';
}

int hw_nvidia_modeset(struct hw *hw)
{
	const char *value = hw_root_text(&hw->root, HW_MODULE "/nvidia_drm/parameters/modeset");

	if (!value)
		return -1;
	return *value == 'Y' || *value == '1';
}
