/* SPDX-License-Identifier: MIT */
/*
 * cuda: whether the driver can run what the installed toolkits make, and what CUDA opens.
 *
 * Versions are those of CUDA's release notes and of "CUDA Compatibility" (minor version
 * compatibility: a driver runs programs of all toolkits of a major version).
 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/user/user.h"

struct version {
	unsigned major, minor, patch;
};

/* The oldest driver for Linux that programs of a toolkit run with; the newest first. */
static const struct {
	unsigned major, minor;
	struct version driver;
} needs[] = {
	{13, 0, {580, 0, 0}},
	{12, 0, {525, 60, 13}},
	{11, 0, {450, 80, 2}},
	{10, 2, {440, 33, 0}},
	{10, 1, {418, 39, 0}},
	{10, 0, {410, 48, 0}},
	{9, 2, {396, 26, 0}},
	{9, 1, {390, 46, 0}},
	{9, 0, {384, 81, 0}},
	{8, 0, {375, 26, 0}},
};

/* The newest CUDA that a branch of the driver knows by itself; the newest first. */
static const struct {
	unsigned branch, major, minor;
} knows[] = {
	{580, 13, 0},
	{575, 12, 9},
	{570, 12, 8},
	{565, 12, 7},
	{560, 12, 6},
	{555, 12, 5},
	{550, 12, 4},
	{545, 12, 3},
	{535, 12, 2},
	{530, 12, 1},
	{525, 12, 0},
	{520, 11, 8},
	{515, 11, 7},
	{510, 11, 6},
	{495, 11, 5},
	{470, 11, 4},
	{465, 11, 3},
	{460, 11, 2},
	{455, 11, 1},
	{450, 11, 0},
};

/* Where toolkits are: NVIDIA's own, Arch's, Debian's. */
static const char *const places[] = {
	"/usr/local/cuda", "/opt/cuda", "/usr/lib/cuda", "/usr/lib/nvidia-cuda-toolkit", NULL};

struct toolkit {
	const char *path; /* as it is called */
	const char *file; /* behind links */
	struct version version;
	bool usual; /* programs get it without asking */
};

struct cuda {
	struct doctor *doctor;
	struct hw_loader loader;
	struct toolkit *toolkits;
	size_t count;
	bool nvidia; /* NVIDIA's driver has a GPU */
	bool library; /* libcuda.so.1 is there */
};

static bool older(struct version a, struct version b)
{
	if (a.major != b.major)
		return a.major < b.major;
	return a.minor != b.minor ? a.minor < b.minor : a.patch < b.patch;
}

/* "550.54.14" or "12.4"; what is missing is 0. A major of 0: none. */
static struct version version_of(const char *text)
{
	struct version version = {0, 0, 0};

	if (text && sscanf(text, "%5u.%5u.%5u", &version.major, &version.minor, &version.patch) < 1)
		version.major = 0;
	return version;
}

/* CUDA_VERSION of cuda.h: 12040 is 12.4. */
static struct version from_header(struct doctor *doctor, const char *directory)
{
	static const char key[] = "#define CUDA_VERSION ";
	size_t length;
	const char *path = arena_path(doctor->run->arena, directory, "include/cuda.h");
	const char *text = user_text(doctor, path, &length);
	const char *at = text ? strstr(text, key) : NULL;
	unsigned number;

	if (!at || sscanf(at + strlen(key), "%7u", &number) != 1)
		return (struct version){0, 0, 0};
	return (struct version){number / 1000, number % 1000 / 10, 0};
}

static struct version toolkit_version(struct doctor *doctor, const char *directory)
{
	static const char words[] = "CUDA Version ";
	struct arena *arena = doctor->run->arena;
	const char *path = arena_path(arena, directory, "version.json"), *wrong, *text;
	json_t *json = manifest_read(doctor, path, &wrong);
	struct version version = {0, 0, 0};
	size_t length;

	if (json) {
		version = version_of(manifest_string(doctor, json, "cuda", "version"));
		json_decref(json);
	}
	text = version.major
		       ? NULL
		       : user_text(doctor, arena_path(arena, directory, "version.txt"), &length);
	if (text && str_starts(text, words))
		version = version_of(text + strlen(words));
	return version.major ? version : from_header(doctor, directory);
}

static void add(struct cuda *cuda, const char *path, bool usual)
{
	struct doctor *doctor = cuda->doctor;
	struct toolkit toolkit = {.path = path, .usual = usual};

	if (!hw_root_exists(&doctor->run->hw.root, path))
		return;
	toolkit.file = hw_loader_resolve(&doctor->run->hw.root, path);
	for (size_t i = 0; i < cuda->count; i++) {
		if (str_eq(cuda->toolkits[i].file, toolkit.file))
			return;
	}
	toolkit.version = toolkit_version(doctor, path);
	if (toolkit.version.major)
		*arena_push(doctor->run->arena, cuda->toolkits, cuda->count) = toolkit;
}

static void find_toolkits(struct cuda *cuda)
{
	const struct hw_root *root = &cuda->doctor->run->hw.root;
	struct file_list files;

	for (size_t i = 0; places[i]; i++)
		add(cuda, places[i], true);
	/* Debian's is spread over /usr. */
	if (hw_root_exists(root, "/usr/bin/nvcc"))
		add(cuda, "/usr", true);
	if (!hw_root_names(root, "/usr/local", &files))
		return;
	for (size_t i = 0; i < files.count; i++) {
		if (str_starts(files.names[i], "cuda-"))
			add(cuda, arena_path(root->arena, "/usr/local", files.names[i]), false);
	}
}

/* CUDA_PATH and CUDA_HOME, which builds go by. */
static void look_at_variables(struct cuda *cuda)
{
	static const char *const names[] = {"CUDA_PATH", "CUDA_HOME"};
	struct doctor *doctor = cuda->doctor;
	struct arena *arena = doctor->run->arena;
	struct settings settings;

	settings_read(doctor, &settings, true);
	for (size_t i = 0; i < settings.count; i++) {
		const struct setting *setting = &settings.list[i];

		if (!str_eq(setting->name, names[0]) && !str_eq(setting->name, names[1]))
			continue;
		if (*setting->value != '/' || strchr(setting->value, '$'))
			continue;
		if (hw_root_exists(&doctor->run->hw.root, setting->value)) {
			add(cuda, setting->value, true);
			continue;
		}
		doctor_problem(doctor,
			arena_printf(arena, "%s: %s is %s, which is not there", setting->where,
				setting->name, gpu_plain(doctor->run, setting->value)),
			"Builds that use CUDA do not find it, or take another version",
			cuda->count ? arena_printf(arena, "set %s to %s there, or take it out",
					      setting->name, cuda->toolkits[0].path)
				    : "take it out there, or install that toolkit");
	}
}

static void too_old(struct cuda *cuda, const struct toolkit *toolkit, const struct version *need)
{
	struct arena *arena = cuda->doctor->run->arena;
	const struct version *version = &toolkit->version;
	const char *oldest = need->minor ? arena_printf(arena, "%u.%02u.%02u", need->major,
						   need->minor, need->patch)
					 : arena_printf(arena, "%u", need->major);
	const char *what = arena_printf(arena,
		"%s is CUDA %u.%u, which needs driver %s at least; loaded is %s", toolkit->path,
		version->major, version->minor, oldest, hw_nvidia_version(&cuda->doctor->run->hw));
	const char *fix = arena_printf(arena,
		"install driver %u or newer, or a toolkit of CUDA %u\n"
		"on data center GPUs also: the package cuda-compat-%u-%u",
		need->major, version->major - 1, version->major, version->minor);
	static const char why[] = "Its programs end with \"CUDA driver version is insufficient for "
				  "CUDA runtime version\"";

	if (toolkit->usual)
		doctor_problem(cuda->doctor, what, why, fix);
	else
		doctor_note(cuda->doctor, what, why, fix);
}

static void look_at_toolkit(
	struct cuda *cuda, const struct toolkit *toolkit, const struct version *driver)
{
	const struct version *version = &toolkit->version;
	size_t i = 0, j = 0;

	while (i < sizeof(needs) / sizeof(*needs) &&
		(version->major < needs[i].major ||
			(version->major == needs[i].major && version->minor < needs[i].minor)))
		i++;
	if (i < sizeof(needs) / sizeof(*needs) && older(*driver, needs[i].driver)) {
		too_old(cuda, toolkit, &needs[i].driver);
		return;
	}
	while (j < sizeof(knows) / sizeof(*knows) && driver->major < knows[j].branch)
		j++;
	/* Newer branches than the table know more than it. */
	if (j == 0 || j == sizeof(knows) / sizeof(*knows) || version->major != knows[j].major ||
		version->minor <= knows[j].minor)
		return;
	doctor_note(cuda->doctor,
		arena_printf(cuda->doctor->run->arena,
			"%s is CUDA %u.%u, but driver %s knows %u.%u", toolkit->path,
			version->major, version->minor, hw_nvidia_version(&cuda->doctor->run->hw),
			knows[j].major, knows[j].minor),
		"Programs run, but what they compile while running (PTX, NVRTC) does not: "
		"\"the provided PTX was compiled with an unsupported toolchain\"",
		arena_printf(cuda->doctor->run->arena,
			"build with -arch=native, install driver %u.x of CUDA %u.%u or newer, or "
			"an "
			"older toolkit",
			driver->major, version->major, version->minor));
}

static void look_at_library(struct cuda *cuda)
{
	struct doctor *doctor = cuda->doctor;
	struct hw_object object;
	bool found = hw_loader_find(&cuda->loader, "libcuda.so.1", 64, &object);

	cuda->library = found && !object.dangling;
	if (!found && cuda->count)
		doctor_problem(doctor, "CUDA's library libcuda.so.1 is not installed",
			"There is a toolkit, but its programs cannot find the driver",
			packages_for(doctor, PART_NVIDIA_CUDA));
	else if (!found)
		doctor_note(doctor, "CUDA's library libcuda.so.1 is not installed",
			"Programs cannot compute on the NVIDIA GPU, nor decode video with it",
			packages_for(doctor, PART_NVIDIA_CUDA));
	else if (object.dangling)
		doctor_problem(doctor,
			arena_printf(doctor->run->arena, "%s is a link to %s, which is not there",
				object.path, object.file),
			"CUDA programs cannot find the driver",
			packages_for(doctor, PART_NVIDIA_CUDA));
	else if (strstr(object.path, "/stubs/"))
		doctor_problem(doctor,
			arena_printf(doctor->run->arena,
				"the loader takes %s, which is there to link with only",
				object.path),
			"CUDA programs end with \"CUDA driver is a stub library\"",
			"take the directory out of /etc/ld.so.conf.d and run ldconfig");
}

static void look_at_uvm(struct cuda *cuda)
{
	struct doctor *doctor = cuda->doctor;
	struct hw *hw = &doctor->run->hw;
	static const char why[] =
		"CUDA programs end with \"no CUDA-capable device is detected\" or "
		"\"unknown error\"";
	bool helper = hw_root_exists(&hw->root, "/usr/bin/nvidia-modprobe") ||
		      hw_root_exists(&hw->root, "/run/current-system/sw/bin/nvidia-modprobe") ||
		      hw_root_exists(&hw->root, "/usr/sbin/nvidia-modprobe");
	struct hw_uvm uvm;

	hw_uvm_look(hw, &uvm);
	if (!hw_module_loaded(hw, "nvidia_uvm")) {
		/* It is loaded by the first CUDA program, through a helper with root's rights. */
		if (!helper)
			doctor_change_file(doctor,
				doctor_problem(doctor, "the module nvidia_uvm is not loaded",
					arena_printf(doctor->run->arena,
						"%s. nvidia-modprobe, which loads it on demand, is "
						"missing",
						why),
					"modprobe nvidia_uvm"),
				"/etc/modules-load.d/nvidia-uvm.conf", "nvidia-uvm\n");
	} else if (uvm.wrong) {
		doctor_problem(doctor,
			arena_printf(doctor->run->arena,
				"%s is of another device than the module's, which is %u", uvm.path,
				uvm.major),
			why,
			arena_printf(doctor->run->arena, "rm %s && mknod -m 666 %s c %u 0",
				uvm.path, uvm.path, uvm.major));
	} else if (!uvm.there && uvm.nodes && !helper) {
		doctor_problem(doctor,
			arena_printf(doctor->run->arena,
				"the module nvidia_uvm is loaded, but there is no %s", uvm.path),
			why,
			uvm.major ? arena_printf(doctor->run->arena, "mknod -m 666 %s c %u 0",
					    uvm.path, uvm.major)
				  : packages_for(doctor, PART_NVIDIA_MODPROBE));
	}
}

void check_cuda(struct doctor *doctor)
{
	struct cuda cuda = {.doctor = doctor};
	size_t before = doctor->count;
	const char *loaded = hw_nvidia_version(&doctor->run->hw);
	const struct version driver = version_of(loaded);

	cuda.nvidia = family_here(doctor) & FAMILY_NVIDIA;
	hw_loader_begin(&cuda.loader, &doctor->run->hw);
	find_toolkits(&cuda);
	look_at_variables(&cuda);
	if (cuda.nvidia)
		look_at_library(&cuda);
	if (cuda.nvidia && cuda.library)
		look_at_uvm(&cuda);
	for (size_t i = 0; driver.major && i < cuda.count; i++)
		look_at_toolkit(&cuda, &cuda.toolkits[i], &driver);
	if (doctor->count != before)
		return;
	if (!cuda.nvidia)
		doctor_ok(doctor, "NVIDIA's driver has no GPU here that could compute");
	else if (!driver.major)
		doctor_unknown(doctor, "the version of NVIDIA's driver is not told");
	else
		doctor_ok(doctor,
			cuda.count ? arena_printf(doctor->run->arena,
					     "driver %s can run CUDA %u.%u of %s", loaded,
					     cuda.toolkits[0].version.major,
					     cuda.toolkits[0].version.minor, cuda.toolkits[0].path)
				   : arena_printf(doctor->run->arena,
					     "driver %s has CUDA's library; there is no toolkit",
					     loaded));
}
