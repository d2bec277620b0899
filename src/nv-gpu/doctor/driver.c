/* SPDX-License-Identifier: MIT */
/* driver: the version of NVIDIA's kernel driver, and that of what works with it. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "hw/parts.h"
#include "nv-gpu/doctor/doctor.h"

static bool dkms_has(struct doctor *doctor, const char *version)
{
	size_t count;
	const char **versions = hw_driver_dkms(&doctor->run->hw, &count);

	for (size_t i = 0; i < count; i++) {
		if (str_eq(versions[i], version))
			return true;
	}
	return false;
}

static void differ(struct doctor *doctor, const char *loaded, const struct hw_library *library)
{
	struct arena *arena = doctor->run->arena;

	doctor_problem(doctor,
		arena_printf(arena, "the kernel driver is %s, %s is %s", loaded, library->path,
			library->version),
		"NVIDIA's libraries work with the kernel driver of exactly their version: programs "
		"that use them end with 'Driver/library version mismatch' or draw on another GPU.",
		dkms_has(doctor, library->version)
			? arena_printf(arena,
				  "reboot: the module %s is built, the one that is loaded is older",
				  library->version)
			: arena_printf(arena,
				  "reboot; if it stays so, install the kernel module of version "
				  "%s, "
				  "or the libraries of %s",
				  library->version, loaded));
}

/* Flatpak brings the libraries itself, a runtime for each version of the driver. */
static void flatpak(struct doctor *doctor, const char *loaded)
{
	struct arena *arena = doctor->run->arena;
	char *name = arena_dup(arena, loaded);
	size_t count;
	const char **versions = hw_driver_flatpak(&doctor->run->hw, &count);

	for (char *c = name; *c; c++) {
		if (*c == '.')
			*c = '-';
	}
	for (size_t i = 0; i < count; i++) {
		if (str_eq(versions[i], name))
			return;
	}
	if (count)
		doctor_problem(doctor,
			arena_printf(arena, "flatpak has the driver's libraries of %s, not of %s",
				versions[count - 1], name),
			"Flatpaks see no NVIDIA GPU, or draw with the CPU.",
			arena_printf(arena,
				"flatpak update, or flatpak install "
				"org.freedesktop.Platform.GL.nvidia-%s",
				name));
}

static bool same_place(const struct hw_library *a, const struct hw_library *b)
{
	size_t length = (size_t)(strrchr(a->path, '/') - a->path) + 1;

	return str_eq(a->version, b->version) && strncmp(a->path, b->path, length) == 0 &&
	       !strchr(b->path + length, '/');
}

void check_driver_version(struct doctor *doctor)
{
	struct arena *arena = doctor->run->arena;
	const char *loaded = hw_driver_version(&doctor->run->hw);
	size_t count, before = doctor->count;
	struct hw_library *libraries;

	if (!loaded) {
		doctor_ok(doctor, "NVIDIA's kernel driver is not loaded");
		return;
	}
	libraries = hw_driver_libraries(&doctor->run->hw, &count);
	for (size_t i = 0; i < count; i++) {
		bool told = false;

		/* Once for a directory: its libraries come from one package. */
		for (size_t j = 0; j < i; j++)
			told |= same_place(&libraries[i], &libraries[j]);
		if (!told && !str_eq(libraries[i].version, loaded))
			differ(doctor, loaded, &libraries[i]);
	}
	flatpak(doctor, loaded);
	if (doctor->count != before)
		return;
	if (count)
		doctor_ok(
			doctor, arena_printf(arena, "kernel driver and libraries are %s", loaded));
	else
		doctor_unknown(doctor, arena_printf(arena,
					       "the kernel driver is %s; no library of the driver "
					       "tells its version",
					       loaded));
}
