/* SPDX-License-Identifier: MIT */
#include "nv-gpu/doctor/doctor.h"

const struct check checks[] = {
	{"driver-version", "versions of NVIDIA's kernel driver and of its libraries",
		check_driver_version},
	/* The X server, display managers, other tools. */
	{"xorg-syntax", "the syntax of the X server's configuration", check_xorg_syntax},
	{"xorg-busid", "BusIDs in the X server's configuration", check_xorg_busid},
	{"xorg-modulepath", "where the X server looks for its drivers", check_xorg_modulepath},
	{"xorg-autoaddgpu", "whether the X server may add GPUs", check_xorg_autoaddgpu},
	{"xorg-options", "drivers and options in the X server's configuration", check_xorg_options},
	{"xorg-log", "the log of the last X server", check_xorg_log},
	{"provider", "RandR providers of NVIDIA's GPUs", check_provider},
	{"dm-hooks", "what display managers run at the start", check_dm_hooks},
	{"wayland-session", "what keeps Wayland from NVIDIA's GPUs", check_wayland_session},
	{"leftovers", "what other tools for GPUs left behind", check_leftovers},
	{"module-blocked", "what keeps NVIDIA's modules from being loaded", check_module_blocked},
	{"card-removed", "udev rules that take NVIDIA's devices away", check_card_removed},
	{NULL, NULL, NULL},
};
