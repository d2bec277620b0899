/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/user/user.h"

#define NVIDIA_FILE "/etc/OpenCL/vendors/nvidia.icd"

static const char *const directories[] = {
	"/etc/OpenCL/vendors", "/run/opengl-driver/etc/OpenCL/vendors", NULL};

/* What is wrong with an ICD file; NULL if nothing is. */
static const char *problem(
	struct doctor *doctor, const struct hw_loader *loader, const char *path, unsigned *families)
{
	struct arena *arena = doctor->run->arena;
	size_t length;
	const char *text = user_text(doctor, path, &length), *library;
	struct hw_object object;

	*families = family_named(str_file_name(path));
	if (!text)
		return arena_printf(arena, "%s cannot be read", path);
	text += strspn(text, " \t\r\n");
	length = strcspn(text, "\r\n");
	while (length && strchr(" \t", text[length - 1]))
		length--;
	if (!length)
		return arena_printf(arena, "%s is empty", path);
	library = arena_copy(arena, text, length);
	if (family_named(str_file_name(library)))
		*families = family_named(str_file_name(library));
	if (!hw_loader_find_for(loader, path, library, 0, &object) || object.dangling)
		return arena_printf(arena, "%s names %s, which is not there", path,
			gpu_plain(doctor->run, library));
	return NULL;
}

void check_opencl(struct doctor *doctor)
{
	size_t count, before = doctor->count;
	const char **files = manifest_files(doctor, directories, ".icd", &count);
	unsigned here = family_here(doctor), seen = 0;
	struct hw_object object;
	struct hw_loader loader;

	hw_loader_begin(&loader, &doctor->run->hw);
	for (size_t i = 0; i < count; i++) {
		unsigned families;
		const char *wrong = problem(doctor, &loader, files[i], &families);

		seen |= families;
		if (wrong && families & here)
			doctor_problem(doctor, wrong, "OpenCL programs cannot use that GPU",
				families & FAMILY_NVIDIA ? packages_for(doctor, PART_NVIDIA_OPENCL)
							 : "install what brought it again");
		else if (wrong)
			doctor_note(doctor, wrong, "OpenCL's loader tries it, and goes on",
				arena_printf(doctor->run->arena, "rm %s", files[i]));
	}
	if (here & FAMILY_NVIDIA && !(seen & FAMILY_NVIDIA) &&
		hw_loader_find(&loader, "libnvidia-opencl.so.1", 64, &object) && !object.dangling)
		doctor_change_file(doctor,
			doctor_note(doctor, "NVIDIA's OpenCL driver is there, but no file names it",
				"OpenCL programs do not see the NVIDIA GPU", NULL),
			NVIDIA_FILE, "libnvidia-opencl.so.1\n");
	if (doctor->count != before)
		return;
	if (count)
		doctor_ok(doctor, arena_printf(doctor->run->arena,
					  "OpenCL drivers with their libraries: %zu", count));
	else
		doctor_ok(doctor, "there are no OpenCL drivers, nor one that no file names");
}
