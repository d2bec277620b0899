/* SPDX-License-Identifier: MIT */
#include "nv-gpu/doctor/doctor.h"

const struct check checks[] = {
	/* kernel and driver */
	{"module-loaded", "whether each NVIDIA GPU has its driver, and that its nodes",
		check_module_loaded},
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
	{"competing", "drivers that take a GPU before NVIDIA's", check_competing},
	{"legacy-gpu", "GPUs that the driver is too new or too old for", check_legacy_gpu},
	{"module-flavour", "open or proprietary kernel module, against what the GPU needs",
		check_module_flavour},
	{"gsp", "the firmware that newer GPUs and the open kernel module need", check_gsp},
	{"secure-boot", "Secure Boot, and whether NVIDIA's modules are signed", check_secure_boot},
	{"drm-modeset", "parameters modeset and fbdev of nvidia-drm", check_drm_modeset},
	/* power */
	{"runtime-pm", "whether a laptop's NVIDIA GPU may fall asleep", check_runtime_pm},
	{"suspend", "whether video memory outlives suspend and hibernation", check_suspend},
	{"persistenced", "NVIDIA's persistence daemon: wanted, and running", check_persistenced},
	{"powerd", "NVIDIA's daemon for Dynamic Boost: wanted, and running", check_powerd},
	{"fabric-manager", "NVIDIA's fabric manager, where there are NVSwitches",
		check_fabric_manager},
	/* the bus */
	{"pcie-link", "PCI Express links narrower than both ends can do", check_pcie_link},
	{"vfio", "GPUs for virtual machines: all functions, and an IOMMU", check_vfio},
	{"egpu", "external boxes that are not authorised", check_egpu},
	{NULL, NULL, NULL},
};
