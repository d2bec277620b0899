/* SPDX-License-Identifier: MIT */
/*
 * glvnd: what libglvnd finds of the drivers for GLX and EGL, and NVIDIA's EGL library of its
 * platforms.
 */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/user/user.h"

/* Built-in defaults of libglvnd (src/EGL/libeglvendor.c), NixOS's, and those of one built by hand.
 */
static const char *const egl_directories[] = {"/run/opengl-driver/share/glvnd/egl_vendor.d",
	"/etc/glvnd/egl_vendor.d", "/usr/share/glvnd/egl_vendor.d",
	"/usr/local/etc/glvnd/egl_vendor.d", "/usr/local/share/glvnd/egl_vendor.d", NULL};

#define NVIDIA_FILE "/etc/glvnd/egl_vendor.d/10_nvidia.json"
#define NVIDIA_TEXT                                                                                \
	"{\n    \"file_format_version\": \"1.0.0\",\n    \"ICD\": {\n"                             \
	"        \"library_path\": \"libEGL_nvidia.so.0\"\n    }\n}\n"

/* The same of NVIDIA's EGL library (README, chapter 5). */
static const char *const platform_directories[] = {
	"/run/opengl-driver/share/egl/egl_external_platform.d", "/etc/egl/egl_external_platform.d",
	"/usr/share/egl/egl_external_platform.d", "/usr/local/share/egl/egl_external_platform.d",
	NULL};

static bool has_glvnd(const struct hw_loader *loader)
{
	struct hw_object object;

	return hw_loader_find(loader, "libGLdispatch.so.0", 0, &object);
}

/* What is wrong with a vendor's file; NULL if nothing is. *families it is about are filled in. */
static const char *vendor_problem(
	struct doctor *doctor, const struct hw_loader *loader, const char *path, unsigned *families)
{
	struct arena *arena = doctor->run->arena;
	const char *wrong, *library, *version;
	json_t *json = manifest_read(doctor, path, &wrong);
	struct hw_object object;

	*families = family_named(str_file_name(path));
	if (!json)
		return wrong;
	library = manifest_string(doctor, json, "ICD", "library_path");
	version = manifest_string(doctor, json, NULL, "file_format_version");
	json_decref(json);
	if (!*library)
		return arena_printf(arena, "%s names no library (ICD.library_path)", path);
	if (family_named(str_file_name(library)))
		*families = family_named(str_file_name(library));
	library = gpu_plain(doctor->run, library);
	if (!str_starts(version, "1.0"))
		return arena_printf(arena, "%s is of format '%s', which glvnd does not read", path,
			gpu_plain(doctor->run, version));
	if (!hw_loader_find_for(loader, path, library, 64, &object))
		return arena_printf(arena, "%s names %s, which is not there", path, library);
	if (object.dangling)
		return arena_printf(arena, "%s names %s, a link to %s, which is not there", path,
			library, object.file);
	return NULL;
}

/* The families that have a vendor's file without fault; those with a fault are added to told. */
static unsigned look_at_vendors(
	struct doctor *doctor, const struct hw_loader *loader, unsigned *told)
{
	unsigned well = 0, here = family_here(doctor);
	size_t count;
	const char **files = manifest_files(doctor, egl_directories, ".json", &count);

	for (size_t i = 0; i < count; i++) {
		unsigned families;
		const char *wrong = vendor_problem(doctor, loader, files[i], &families);

		*told |= wrong ? families : 0;
		if (!wrong)
			well |= families;
		else if (families & here || !families)
			doctor_problem(doctor, wrong,
				"EGL programs cannot use that driver: glvnd passes over the file",
				families & FAMILY_NVIDIA ? packages_for(doctor, PART_NVIDIA_GL)
							 : packages_for(doctor, PART_MESA_EGL));
		else
			doctor_note(doctor, wrong,
				"It is of no GPU here: glvnd tries it, and goes on",
				arena_printf(doctor->run->arena, "rm %s", files[i]));
	}
	return well;
}

static void missing_nvidia(struct doctor *doctor, const struct hw_loader *loader)
{
	static const char what[] = "no file of glvnd names NVIDIA's EGL library";
	static const char why[] = "EGL programs, and all on Wayland, cannot use the NVIDIA GPU";
	struct hw_object object;
	struct finding *finding;

	if (family_compute_only(loader)) {
		doctor_ok(doctor, "NVIDIA's libraries for graphics are not installed");
		return;
	}
	if (!hw_loader_find(loader, "libEGL_nvidia.so.0", 64, &object) || object.dangling) {
		doctor_problem(doctor, "NVIDIA's EGL library is not installed", why,
			packages_for(doctor, PART_NVIDIA_GL));
		return;
	}
	finding = doctor_problem(doctor, what, why, NULL);
	/* One that is there is broken, and was told of: its package is to mend it. */
	if (!hw_root_exists(&doctor->run->hw.root, NVIDIA_FILE))
		doctor_change_file(doctor, finding, NVIDIA_FILE, NVIDIA_TEXT);
}

void check_egl_vendor(struct doctor *doctor)
{
	size_t before = doctor->count;
	unsigned here = family_here(doctor), told = 0, well;
	struct hw_loader loader;

	hw_loader_begin(&loader, &doctor->run->hw);
	well = look_at_vendors(doctor, &loader, &told);
	if (here & FAMILY_NVIDIA && !((well | told) & FAMILY_NVIDIA))
		missing_nvidia(doctor, &loader);
	/* Without glvnd, Mesa's libEGL is what programs link. */
	if (here & FAMILY_MESA && !((well | told) & FAMILY_MESA) && (has_glvnd(&loader) || well))
		doctor_problem(doctor,
			arena_printf(doctor->run->arena,
				"no file of glvnd names Mesa's EGL library, which %s needs",
				gpu_title(doctor->run, family_gpu(doctor, FAMILY_MESA))),
			"EGL programs, and all on Wayland, cannot use that GPU",
			packages_for(doctor, PART_MESA_EGL));
	if (doctor->count == before)
		doctor_ok(doctor,
			!here  ? "there is no GPU that EGL programs could use"
			: well ? arena_printf(doctor->run->arena, "glvnd finds EGL of %s",
					 family_names(doctor, well & (here | FAMILY_NVIDIA)))
			       : "there is no glvnd here: programs use Mesa's EGL");
}

/* The first of the versions that a library of NVIDIA has here, and another one that differs. */
struct versions {
	const char *name, *version, *other_name, *other;
};

static void compare(
	struct doctor *doctor, struct versions *versions, const struct hw_object *object)
{
	const char *version = object->path ? library_version(object->file) : NULL;
	const char *name;

	if (!version)
		return;
	name = arena_printf(
		doctor->run->arena, "%s (%d bit)", str_file_name(object->path), object->bits);
	if (!versions->version) {
		versions->name = name;
		versions->version = version;
	} else if (!str_eq(versions->version, version) && !versions->other) {
		versions->other_name = name;
		versions->other = version;
	}
}

static void missing_glx(
	struct doctor *doctor, const struct hw_loader *loader, const struct hw_object *object)
{
	if (object->dangling)
		doctor_problem(doctor,
			arena_printf(doctor->run->arena, "%s is a link to %s, which is not there",
				object->path, object->file),
			"OpenGL and Vulkan programs cannot use the NVIDIA GPU",
			packages_for(doctor, PART_NVIDIA_GL));
	else if (family_compute_only(loader))
		doctor_note(doctor, "NVIDIA's libraries for graphics are not installed",
			"The GPU can compute (CUDA), but not draw. On a server that is as it "
			"should be",
			packages_for(doctor, PART_NVIDIA_GL));
	else
		doctor_problem(doctor, "NVIDIA's GLX library, libGLX_nvidia.so.0, is not installed",
			"OpenGL and Vulkan programs cannot use the NVIDIA GPU",
			packages_for(doctor, PART_NVIDIA_GL));
}

static void nvidia_glx(struct doctor *doctor, const struct hw_loader *loader)
{
	static const char *const names[] = {"libGLX_nvidia.so.0", "libEGL_nvidia.so.0"};
	struct versions versions = {0};
	struct hw_object object, glx[2] = {{0}};

	for (int i = 0; i < 4; i++) {
		hw_loader_find(loader, names[i / 2], i % 2 ? 32 : 64, &object);
		compare(doctor, &versions, &object);
		if (i < 2)
			glx[i] = object;
	}
	if (!glx[0].path || glx[0].dangling)
		missing_glx(doctor, loader, &glx[0]);
	else if ((!glx[1].path || glx[1].dangling) && hw_loader_runs_32_bit(&doctor->run->hw))
		doctor_note(doctor, "NVIDIA's libraries for 32-bit programs are not installed",
			"Steam, many of its games and Wine's 32-bit programs draw without the "
			"NVIDIA GPU, or not at all",
			packages_for(doctor, PART_NVIDIA_GL_32));
	if (versions.other)
		doctor_problem(doctor,
			arena_printf(doctor->run->arena, "%s is of version %s, but %s of %s",
				versions.name, versions.version, versions.other_name,
				versions.other),
			"The kernel driver works with libraries of its own version only",
			"install the same version of all packages of the driver; after an update, "
			"reboot");
}

void check_glx_vendor(struct doctor *doctor)
{
	size_t before = doctor->count;
	unsigned here = family_here(doctor);
	struct hw_object object;
	struct hw_loader loader;

	hw_loader_begin(&loader, &doctor->run->hw);
	if (here & FAMILY_NVIDIA)
		nvidia_glx(doctor, &loader);
	if (here & FAMILY_MESA && hw_loader_find(&loader, "libGLX.so.0", 64, &object) &&
		!object.dangling &&
		(!hw_loader_find(&loader, "libGLX_mesa.so.0", 64, &object) || object.dangling))
		doctor_problem(doctor,
			arena_printf(doctor->run->arena,
				"Mesa's GLX library, libGLX_mesa.so.0, is not installed; %s needs "
				"it",
				gpu_title(doctor->run, family_gpu(doctor, FAMILY_MESA))),
			"OpenGL programs on X11 and Xwayland cannot use that GPU",
			packages_for(doctor, PART_MESA_GLX));
	if (doctor->count == before)
		doctor_ok(doctor,
			here ? arena_printf(doctor->run->arena, "no GLX library of %s is missing",
				       family_names(doctor, here))
			     : "there is no GPU that OpenGL programs could use");
}

/* Which platforms a file is for, by the library it names. */
static const struct {
	const char *part; /* of the library's name */
	const char *name;
} platforms[] = {
	{"egl-wayland", "Wayland"},
	{"egl-gbm", "GBM"},
	{"egl-xcb", "X11 (XCB)"},
	{"egl-xlib", "X11 (Xlib)"},
};

enum { PLATFORMS = sizeof(platforms) / sizeof(*platforms) };

/* The platforms that work, as bits. */
static unsigned look_at_platforms(struct doctor *doctor, const struct hw_loader *loader)
{
	struct arena *arena = doctor->run->arena;
	unsigned well = 0;
	size_t count;
	const char **files = manifest_files(doctor, platform_directories, ".json", &count);

	for (size_t i = 0; i < count; i++) {
		const char *wrong, *library;
		json_t *json = manifest_read(doctor, files[i], &wrong);
		struct hw_object object = {0};

		library = json ? manifest_string(doctor, json, "ICD", "library_path") : "";
		json_decref(json);
		if (!wrong && (!hw_loader_find_for(loader, files[i], library, 64, &object) ||
				      object.dangling))
			wrong = arena_printf(arena, "%s names '%s', which is not there", files[i],
				gpu_plain(doctor->run, library));
		if (wrong)
			doctor_problem(doctor, wrong,
				"NVIDIA's EGL passes over the file, and that platform does not "
				"work",
				packages_for(doctor, PART_NVIDIA_WAYLAND));
		for (size_t j = 0; !wrong && j < PLATFORMS; j++) {
			if (strstr(str_file_name(library), platforms[j].part))
				well |= 1U << j;
		}
	}
	return well;
}

void check_egl_platform(struct doctor *doctor)
{
	size_t before = doctor->count;
	struct hw_object object;
	struct hw_loader loader;
	const char *text = "";
	unsigned well;

	hw_loader_begin(&loader, &doctor->run->hw);
	if (!(family_here(doctor) & FAMILY_NVIDIA) ||
		!hw_loader_find(&loader, "libEGL_nvidia.so.0", 64, &object) || object.dangling) {
		doctor_ok(doctor, "there is no EGL library of NVIDIA for an NVIDIA GPU here");
		return;
	}
	well = look_at_platforms(doctor, &loader);
	if (doctor->count != before)
		return;
	if (!(well & 1)) {
		doctor_note(doctor, "NVIDIA's EGL library has no platform for Wayland",
			"In a Wayland session programs cannot draw on the NVIDIA GPU by EGL",
			packages_for(doctor, PART_NVIDIA_WAYLAND));
		return;
	}
	for (size_t j = 0; j < PLATFORMS; j++) {
		if (well & 1U << j)
			text = arena_printf(doctor->run->arena, "%s%s%s", text, *text ? ", " : "",
				platforms[j].name);
	}
	doctor_ok(doctor,
		arena_printf(doctor->run->arena, "NVIDIA's EGL has platforms for %s", text));
}
