/* SPDX-License-Identifier: MIT */
#include "bind-card.h"

#include "hw/hw.h"
#include "nv-gpu/gpu.h"

static const char *const slots[] = {"0000:0a:00.0", "0000:0a:00.1", "0000:0a:00.2", "0000:0a:00.3"};
static const char *const hosts[] = {"nvidia", "snd_hda_intel", "xhci_hcd", "nvidia-gpu"};
static const unsigned classes[] = {0x030000, 0x040300, 0x0c0330, 0x0c8000};
static const enum hw_function_kind kinds[] = {
	HW_FUNCTION_DISPLAY, HW_FUNCTION_AUDIO, HW_FUNCTION_USB, HW_FUNCTION_OTHER};

struct bind_facts bind_card(struct arena *arena)
{
	static struct gpu_run run;
	static struct bind_function functions[4];
	static struct bind_driver drivers[1];
	struct bind_facts facts = {.arena = arena,
		.action = BIND_TO,
		.slot = "0000:0a:00",
		.target = "vfio-pci",
		.root = true,
		.live = true,
		.run = &run,
		.functions = functions,
		.count = 4,
		.drivers = drivers,
		.driver_count = 1,
		.other_gpus = 1,
		.nvidia_gpus = 1,
		.nvidia = {true, 1, 1},
		.drm = {true, 0, 0},
		.modeset = {true, 1, 1},
		.drm_modeset = 1};

	run.arena = arena;
	for (int i = 0; i < 4; i++)
		functions[i] = (struct bind_function){.pci = {.slot = slots[i],
							      .driver = hosts[i],
							      .class = classes[i],
							      .kind = kinds[i],
							      .group = "14"},
			.now = {.driver = hosts[i], .override = "", .control = "auto"},
			.asked = true};
	drivers[0] = (struct bind_driver){
		.name = "vfio-pci", .module = "vfio-pci", .file = HW_MODULE_THERE, .knows = -1};
	return facts;
}
