/* SPDX-License-Identifier: MIT */
/* vulkan: the manifests of Vulkan's drivers, as the loader finds them (LoaderDriverInterface). */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/user/user.h"

/* What stands in front of "vulkan/icd.d", in the loader's order; "~" is a home. */
static const char *const bases[] = {"~/.config", "/etc/xdg", "/etc", "/usr/local/etc",
	"~/.local/share", "/run/opengl-driver/share", "/run/opengl-driver-32/share",
	"/usr/local/share", "/usr/share", NULL};

const char **vulkan_directories(struct doctor *doctor, const char *folder)
{
	struct arena *arena = doctor->run->arena;
	const char **directories = NULL;
	size_t count = 0, home_count;
	const struct home *homes = homes_read(doctor, &home_count);

	for (size_t i = 0; bases[i]; i++) {
		if (*bases[i] != '~') {
			*arena_push(arena, directories, count) =
				arena_printf(arena, "%s/vulkan/%s", bases[i], folder);
			continue;
		}
		for (size_t j = 0; j < home_count; j++)
			*arena_push(arena, directories, count) = arena_printf(
				arena, "%s%s/vulkan/%s", homes[j].path, bases[i] + 1, folder);
	}
	*arena_push(arena, directories, count) = NULL;
	return directories;
}

/* A file says it (library_arch), or its name does, as packages have it. */
static int bits_of(const char *path, const char *arch)
{
	const char *name = str_file_name(path);

	if (str_eq(arch, "64") || strstr(name, "x86_64") || strstr(name, "aarch64"))
		return 64;
	if (str_eq(arch, "32") || strstr(name, "i686") || strstr(name, "i386") ||
		str_starts(path, "/run/opengl-driver-32/"))
		return 32;
	return 0;
}

static struct icd read_driver(
	struct doctor *doctor, const struct hw_loader *loader, const char *path)
{
	struct arena *arena = doctor->run->arena;
	struct icd icd = {.path = path, .families = family_named(str_file_name(path))};
	json_t *json = manifest_read(doctor, path, &icd.wrong);

	if (!json)
		return icd;
	icd.library = manifest_string(doctor, json, "ICD", "library_path");
	icd.bits = bits_of(path, manifest_string(doctor, json, "ICD", "library_arch"));
	if (family_named(str_file_name(icd.library)))
		icd.families = family_named(str_file_name(icd.library));
	json_decref(json);
	if (!*icd.library) {
		icd.wrong = arena_printf(arena, "%s names no library (ICD.library_path)", path);
		return icd;
	}
	if (!hw_loader_find_for(loader, path, icd.library, icd.bits, &icd.object))
		icd.wrong = arena_printf(arena, "%s names %s, which is not there", path,
			gpu_plain(doctor->run, icd.library));
	else if (icd.object.dangling)
		icd.wrong = arena_printf(arena, "%s names %s, a link to %s, which is not there",
			path, gpu_plain(doctor->run, icd.library), icd.object.file);
	return icd;
}

struct icd *vulkan_drivers(struct doctor *doctor, const struct hw_loader *loader, size_t *count)
{
	size_t file_count;
	const char **files =
		manifest_files(doctor, vulkan_directories(doctor, "icd.d"), ".json", &file_count);
	struct icd *drivers = NULL;

	*count = 0;
	for (size_t i = 0; i < file_count; i++)
		*arena_push(doctor->run->arena, drivers, *count) =
			read_driver(doctor, loader, files[i]);
	return drivers;
}

/* Packages of the drivers, and what is known of GPUs without any. */
static const struct {
	unsigned family;
	enum part part;
	const char *why;
} needs[] = {
	{FAMILY_INTEL, PART_INTEL_VULKAN,
		"Vulkan programs cannot use that GPU. Intel's from before 2012 have no driver"},
	{FAMILY_AMD, PART_AMD_VULKAN, "Vulkan programs cannot use that GPU"},
};

static void missing(struct doctor *doctor, const struct hw_loader *loader, unsigned well)
{
	struct arena *arena = doctor->run->arena;
	unsigned here = family_here(doctor);

	if (here & FAMILY_NVIDIA && !(well & FAMILY_NVIDIA) && !family_compute_only(loader))
		doctor_problem(doctor, "no manifest names NVIDIA's Vulkan driver",
			"Vulkan programs, and games through Proton, cannot use the NVIDIA GPU",
			packages_for(doctor, PART_NVIDIA_VULKAN));
	for (size_t i = 0; i < sizeof(needs) / sizeof(*needs); i++) {
		struct hw_gpu *gpu = family_gpu(doctor, needs[i].family);

		/* radeon's GPUs have none, but under amdgpu. */
		if (!gpu || well & needs[i].family || str_eq(gpu->driver, "radeon"))
			continue;
		doctor_note(doctor,
			arena_printf(arena, "no manifest names a Vulkan driver for %s",
				gpu_title(doctor->run, gpu)),
			needs[i].why, packages_for(doctor, needs[i].part));
	}
}

static bool is_twin(const struct icd *a, const struct icd *b)
{
	return !a->wrong && !b->wrong && a->object.bits == b->object.bits &&
	       str_eq(a->object.file, b->object.file);
}

static void twins(struct doctor *doctor, const struct icd *drivers, size_t count)
{
	struct arena *arena = doctor->run->arena;

	for (size_t i = 0; i < count; i++) {
		for (size_t j = i + 1; j < count; j++) {
			if (!is_twin(&drivers[i], &drivers[j]))
				continue;
			doctor_note(doctor,
				arena_printf(arena, "%s and %s name the same driver",
					drivers[i].path, drivers[j].path),
				"Programs may see each of its GPUs twice, and numbers of GPUs are "
				"off",
				"keep the one that a package brings; 'dpkg -S', 'rpm -qf' or "
				"'pacman -Qo' FILE tells");
			break;
		}
	}
}

/* RADV and AMD's own, AMDVLK. */
static void rivals(struct doctor *doctor, const struct icd *drivers, size_t count)
{
	const struct icd *mesa = NULL, *amd = NULL;

	for (size_t i = 0; i < count; i++) {
		if (drivers[i].wrong || drivers[i].object.bits == 32 ||
			drivers[i].families != FAMILY_AMD)
			continue;
		if (strstr(str_file_name(drivers[i].library), "radeon"))
			mesa = &drivers[i];
		else
			amd = &drivers[i];
	}
	if (mesa && amd)
		doctor_note(doctor,
			arena_printf(doctor->run->arena,
				"AMD GPUs have two Vulkan drivers: %s and %s", mesa->path,
				amd->path),
			"Which one a program takes depends on it; numbers of GPUs are off",
			"AMD_VULKAN_ICD=RADV chooses Mesa's; or remove the package of the other");
}

static void broken(struct doctor *doctor, const struct icd *icd)
{
	unsigned here = family_here(doctor);

	/* Packages bring all of Mesa's manifests; what matters is a GPU's own. */
	if (icd->families && !(icd->families & here))
		doctor_note(doctor, icd->wrong,
			"It is of no GPU here: the loader tries it, complains and goes on",
			arena_printf(doctor->run->arena, "install what brought it again, or rm %s",
				icd->path));
	else if (icd->bits == 32)
		doctor_note(doctor, icd->wrong, "32-bit Vulkan programs cannot use that driver",
			icd->families & FAMILY_NVIDIA ? packages_for(doctor, PART_NVIDIA_GL_32)
						      : "install it again");
	else
		doctor_problem(doctor, icd->wrong, "Vulkan programs cannot use that driver",
			icd->families & FAMILY_NVIDIA  ? packages_for(doctor, PART_NVIDIA_VULKAN)
			: icd->families & FAMILY_INTEL ? packages_for(doctor, PART_INTEL_VULKAN)
			: icd->families & FAMILY_AMD   ? packages_for(doctor, PART_AMD_VULKAN)
						       : "install what brought it again");
}

/* Variables that replace all that was found: is a GPU's driver left? */
static void shadows(struct doctor *doctor, unsigned well)
{
	static const char *const names[] = {"VK_DRIVER_FILES", "VK_ICD_FILENAMES"};
	struct arena *arena = doctor->run->arena;
	unsigned here = family_here(doctor) & well;
	struct settings settings;

	settings_read(doctor, &settings, true);
	for (size_t i = 0; i < 2; i++) {
		const struct setting *setting = settings_find(&settings, names[i]);
		unsigned left = 0;

		if (!setting || !*setting->value)
			continue;
		for (const char *at = setting->value; *at;) {
			size_t length = strcspn(at, ":");

			left |= family_named(str_file_name(arena_copy(arena, at, length)));
			at += length + (at[length] == ':');
		}
		if (!left || !(here & ~left))
			continue;
		doctor_note(doctor,
			arena_printf(arena, "%s: %s hides the Vulkan drivers of %s", setting->where,
				names[i], family_names(doctor, here & ~left)),
			"The manifests found do not count in such a session",
			"nv-gpu doctor --only session-variables tells more");
		return;
	}
}

void check_vulkan_driver(struct doctor *doctor)
{
	struct arena *arena = doctor->run->arena;
	size_t count, before = doctor->count;
	struct hw_loader loader;
	struct icd *drivers;
	struct hw_object object;
	unsigned well = 0, told = 0;

	hw_loader_begin(&loader, &doctor->run->hw);
	drivers = vulkan_drivers(doctor, &loader, &count);
	for (size_t i = 0; i < count; i++) {
		if (!drivers[i].wrong) {
			well |= drivers[i].object.bits == 32 ? 0 : drivers[i].families;
			continue;
		}
		if (drivers[i].bits != 32)
			told |= drivers[i].families;
		broken(doctor, &drivers[i]);
	}
	/* Where nothing can use Vulkan, nothing is missing. */
	if (count || hw_loader_find(&loader, "libvulkan.so.1", 64, &object))
		missing(doctor, &loader, well | told);
	twins(doctor, drivers, count);
	rivals(doctor, drivers, count);
	shadows(doctor, well);
	if (doctor->count == before)
		doctor_ok(doctor, well ? arena_printf(arena, "there are Vulkan drivers of %s",
						 family_names(doctor, well))
				       : "no Vulkan driver is needed here");
}
