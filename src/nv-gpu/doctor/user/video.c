/* SPDX-License-Identifier: MIT */
/* video: drivers that decode video on a GPU. Without, all works, on the CPU. */
#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/user/user.h"

static const struct {
	unsigned family;
	const char *names[3]; /* VA-API's, as NAME_drv_video.so; any will do */
	enum part part;
} drivers[] = {
	{FAMILY_NVIDIA, {"nvidia"}, PART_NVIDIA_VIDEO},
	{FAMILY_INTEL, {"iHD", "i965"}, PART_INTEL_VIDEO},
	{FAMILY_AMD, {"radeonsi", "r600"}, PART_AMD_VIDEO},
	{FAMILY_NOUVEAU, {"nouveau"}, PART_AMD_VIDEO},
};

/* Fedora has what patents forbid in directories of its own. */
static const char *const folders[] = {"dri", "dri-freeworld", "dri-nonfree", "va/drivers"};

static const char *find(
	struct doctor *doctor, const struct hw_loader *loader, const char *const *names)
{
	for (size_t i = 0; i < 3 && names[i]; i++) {
		const char *file = arena_printf(doctor->run->arena, "%s_drv_video.so", names[i]);

		for (size_t j = 0; j < sizeof(folders) / sizeof(*folders); j++) {
			const char *path = hw_loader_plugin(loader, folders[j], file);

			if (path && hw_root_exists(&doctor->run->hw.root, path))
				return path;
		}
	}
	return NULL;
}

static void look_at_vaapi(struct doctor *doctor, const struct hw_loader *loader)
{
	struct arena *arena = doctor->run->arena;

	for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++) {
		struct hw_gpu *gpu = family_gpu(doctor, drivers[i].family);
		const char *path = gpu ? find(doctor, loader, drivers[i].names) : NULL;

		if (path)
			doctor_ok(doctor, arena_printf(arena, "VA-API has %s for %s", path,
						  gpu_title(doctor->run, gpu)));
		else if (gpu)
			doctor_note(doctor,
				arena_printf(arena, "VA-API has no driver for %s",
					gpu_title(doctor->run, gpu)),
				"Browsers and players decode video on the CPU, or on another GPU",
				packages_for(doctor, drivers[i].part));
	}
}

void check_video_drivers(struct doctor *doctor)
{
	static const char vdpau[] = "libvdpau_nvidia.so.1";
	size_t before = doctor->count;
	struct hw_object object;
	struct hw_loader loader;

	hw_loader_begin(&loader, &doctor->run->hw);
	if (hw_loader_find(&loader, "libva.so.2", 64, &object))
		look_at_vaapi(doctor, &loader);
	/* Mesa gave VDPAU up; NVIDIA's players have it. */
	if (hw_loader_find(&loader, "libvdpau.so.1", 64, &object) &&
		family_here(doctor) & FAMILY_NVIDIA && !family_compute_only(&loader) &&
		!hw_loader_plugin(&loader, "vdpau", vdpau) &&
		!hw_loader_find(&loader, vdpau, 64, &object))
		doctor_note(doctor, "VDPAU has no driver for the NVIDIA GPU",
			"Players that use VDPAU decode video on the CPU",
			packages_for(doctor, PART_NVIDIA_GL));
	if (doctor->count == before)
		doctor_ok(doctor, "no library that would want a driver for video is installed");
}
