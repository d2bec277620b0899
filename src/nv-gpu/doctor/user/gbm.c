/* SPDX-License-Identifier: MIT */
/* gbm: NVIDIA's backend of Mesa's libgbm (README, chapter 40), what Wayland compositors use. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "hw/tree.h"
#include "nv-gpu/doctor/user/user.h"

#define BACKEND "nvidia-drm_gbm.so"
#define ALLOCATOR "libnvidia-allocator.so.1"

enum { FIRST = 495 }; /* the first driver that has it */

static void link_backend(struct doctor *doctor, const struct hw_object *gbm,
	const struct hw_object *allocator, const char *backend)
{
	struct arena *arena = doctor->run->arena;
	const char *slash = strrchr(gbm->path, '/');
	const char *directory = arena_copy(arena, gbm->path, (size_t)(slash - gbm->path));
	static const char why[] = "Wayland compositors cannot show anything on the NVIDIA GPU, and "
				  "programs on Wayland cannot draw with it";
	bool beside = str_starts(allocator->path, directory) &&
		      str_eq(allocator->path + strlen(directory), "/" ALLOCATOR);
	struct finding *finding;

	if (backend)
		finding = doctor_problem(doctor,
			arena_printf(arena, "%s is a link to %s, which is not there", backend,
				tree_read_link(&doctor->run->hw.root, backend)),
			why, NULL);
	else
		finding = doctor_problem(doctor,
			arena_printf(arena, "NVIDIA's backend for GBM, %s/gbm/%s, is missing",
				directory, BACKEND),
			why, NULL);
	doctor_change_link(doctor, finding,
		backend ? backend : arena_printf(arena, "%s/gbm/%s", directory, BACKEND),
		beside ? "../" ALLOCATOR : allocator->path);
}

/* With libgbm there and a driver that has a backend. */
static void look_at_backend(
	struct doctor *doctor, const struct hw_loader *loader, const struct hw_object *gbm)
{
	const char *backend = hw_loader_plugin(loader, "gbm", BACKEND);
	struct hw_object allocator;
	bool there = hw_loader_find(loader, ALLOCATOR, 64, &allocator) && !allocator.dangling;

	if (backend && hw_root_exists(&doctor->run->hw.root, backend))
		doctor_ok(doctor, arena_printf(doctor->run->arena, "%s is there", backend));
	else if (there)
		link_backend(doctor, gbm, &allocator, backend);
	else
		doctor_problem(doctor, "NVIDIA's allocator, " ALLOCATOR ", is not installed",
			"Wayland compositors cannot show anything on the NVIDIA GPU, and programs "
			"on Wayland cannot draw with it",
			packages_for(doctor, PART_NVIDIA_GBM));
}

void check_gbm_backend(struct doctor *doctor)
{
	unsigned major = hw_nvidia_major(&doctor->run->hw);
	struct hw_object gbm, egl;
	struct hw_loader loader;

	hw_loader_begin(&loader, &doctor->run->hw);
	if (!(family_here(doctor) & FAMILY_NVIDIA))
		doctor_ok(doctor, "NVIDIA's driver has no GPU here");
	else if (!hw_loader_find(&loader, "libgbm.so.1", 64, &gbm) || gbm.dangling)
		doctor_ok(doctor, "there is no libgbm that would want a backend");
	else if (!hw_loader_find(&loader, "libEGL_nvidia.so.0", 64, &egl))
		doctor_ok(doctor, "NVIDIA's libraries for graphics are not installed");
	else if (major && major < FIRST)
		doctor_ok(doctor, arena_printf(doctor->run->arena,
					  "driver %u has no backend for GBM, which came with %d",
					  major, FIRST));
	else
		look_at_backend(doctor, &loader, &gbm);
}
