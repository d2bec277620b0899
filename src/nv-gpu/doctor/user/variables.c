/* SPDX-License-Identifier: MIT */
/* variables: what is set for whole sessions, and misleads drivers there. */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/user/user.h"

#define EVERYTHING                                                                                 \
	"All programs go to that GPU, the desktop's own too: it never sleeps, pictures are "       \
	"copied, and what cannot use it fails"
#define ONE_DRIVER "It is for programs on the other GPU too, which then fail or find no driver"
#define HIDES "It chooses GPUs for every program, where each could have its own"

/* Who reads each, and what it takes: docs/VARIABLES.md. */
static const struct variable {
	const char *name;
	void (*judge)(struct judging *judging);
	const char *why;
} variables[] = {
	{"AQ_DRM_DEVICES", judge_cards, NULL},
	{"CUDA_VISIBLE_DEVICES", judge_cuda, HIDES},
	{"DISABLE_LAYER_NV_OPTIMUS_1", judge_layer,
		"Vulkan programs cannot be sent to the NVIDIA GPU: the layer for that is off, "
		"whatever the value"},
	{"DRI_PRIME", judge_offload, EVERYTHING},
	{"DXVK_FILTER_DEVICE_NAME", judge_always,
		"Games through Proton and Wine find no GPU where none has that name"},
	{"DXVK_FILTER_DEVICE_UUID", judge_always,
		"Games through Proton and Wine find no GPU where none has that UUID"},
	{"GALLIUM_DRIVER", judge_override, "Mesa draws with that driver on every GPU"},
	{"GBM_BACKEND", judge_gbm,
		"It forces that backend on every GPU: Firefox, Electron and compositors crash. "
		"libgbm finds the right one by itself since Mesa 21.2"},
	{"GBM_BACKENDS_PATH", judge_directories, "Backends elsewhere are not found"},
	{"KWIN_DRM_DEVICES", judge_cards, NULL},
	{"LIBGL_ALWAYS_SOFTWARE", judge_software, NULL},
	{"LIBGL_DRIVERS_PATH", judge_directories, "Mesa's drivers elsewhere are not found"},
	{"LIBVA_DRIVERS_PATH", judge_directories, "VA-API's drivers elsewhere are not found"},
	{"LIBVA_DRIVER_NAME", judge_vaapi,
		"Video is not decoded on the other GPU; browsers there fall back to the CPU"},
	{"MESA_LOADER_DRIVER_OVERRIDE", judge_override, "Mesa draws with that driver on every GPU"},
	{"MESA_VK_DEVICE_SELECT", judge_mesa_select, EVERYTHING},
	{"MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE", judge_always,
		"Vulkan programs see a single GPU"},
	{"NODEVICE_SELECT", judge_always,
		"Mesa's layer that puts the desktop's GPU first is off, whatever the value"},
	{"NVD_BACKEND", judge_nvd,
		"nvidia-vaapi-driver's backend egl does not work with drivers since 525"},
	{"VDPAU_DRIVER", judge_driver,
		"Video is not decoded on the other GPU; players there fall back to the CPU"},
	{"VDPAU_DRIVER_PATH", judge_directories, "VDPAU's drivers elsewhere are not found"},
	{"VK_DRIVER_FILES", judge_files, NULL},
	{"VK_ICD_FILENAMES", judge_files, NULL},
	{"VK_LOADER_DEVICE_SELECT", judge_offload, EVERYTHING},
	{"VK_LOADER_DRIVERS_DISABLE", judge_filter, NULL},
	{"VK_LOADER_DRIVERS_SELECT", judge_filter, NULL},
	{"VK_LOADER_LAYERS_DISABLE", judge_layers,
		"Vulkan programs cannot be sent to the NVIDIA GPU: it turns the layer for that "
		"off"},
	{"WLR_DRM_DEVICES", judge_cards, NULL},
	{"__EGL_EXTERNAL_PLATFORM_CONFIG_DIRS", judge_directories,
		"NVIDIA's EGL platforms elsewhere are not found"},
	{"__EGL_EXTERNAL_PLATFORM_CONFIG_FILENAMES", judge_directories,
		"NVIDIA's EGL platforms elsewhere are not found"},
	{"__EGL_VENDOR_LIBRARY_DIRS", judge_directories, "EGL drivers elsewhere are not found"},
	{"__EGL_VENDOR_LIBRARY_FILENAMES", judge_egl_files, NULL},
	{"__GLX_FORCE_VENDOR_LIBRARY_0", judge_driver,
		"GLX programs on a screen of the other GPU end with BadValue"},
	{"__GLX_VENDOR_LIBRARY_NAME", judge_driver,
		"GLX programs on a screen of the other GPU end with BadValue"},
	{"__NV_PRIME_RENDER_OFFLOAD", judge_nvidia_offload, EVERYTHING},
	{"__NV_PRIME_RENDER_OFFLOAD_PROVIDER", judge_nvidia_offload, EVERYTHING},
	{"__VK_LAYER_NV_optimus", judge_nvidia_offload,
		"The order of GPUs is changed for all Vulkan programs"},
	/* For other checks. */
	{"CUDA_HOME", NULL, NULL},
	{"CUDA_PATH", NULL, NULL},
	{NULL, NULL, NULL},
};

static const struct variable *find(const char *name)
{
	const struct variable *variable = variables;

	while (variable->name && !str_eq(variable->name, name))
		variable++;
	return variable->name ? variable : NULL;
}

bool settings_matter(const char *name)
{
	return find(name);
}

/* What does the same for the programs that need it alone. */
static const char *instead(struct doctor *doctor, const struct setting *setting)
{
	static const char intro[] =
		"for programs that need it, a rule in ~/.config/nv-run/rules.d/50-own.conf:";
	void (*const kind)(struct judging * judging) = find(setting->name)->judge;
	struct arena *arena = doctor->run->arena;

	if (kind == judge_offload || kind == judge_mesa_select)
		return arena_printf(arena, "%s\n[PROGRAM]\ngpu = discrete", intro);
	if (kind == judge_nvidia_offload)
		return arena_printf(arena, "%s\n[PROGRAM]\ngpu = nvidia", intro);
	if (kind != judge_driver && kind != judge_gbm && kind != judge_vaapi && kind != judge_cuda)
		return NULL;
	if (family_named(setting->value) == FAMILY_NVIDIA)
		return arena_printf(arena, "%s\n[PROGRAM]\ngpu = nvidia", intro);
	return arena_printf(arena, "%s\n[PROGRAM]\nset.%s = %s", intro, setting->name,
		gpu_plain(doctor->run, setting->value));
}

/* Where a change of the file is not ours to make, or not worth it. */
static const char *by_hand(struct doctor *doctor, const struct setting *setting)
{
	struct arena *arena = doctor->run->arena;

	if (!setting->file && str_eq(setting->where, "this session"))
		return arena_printf(arena,
			"unset %s, and find what sets it: no file looked at does", setting->name);
	if (!setting->file)
		return arena_printf(arena, "systemctl --user unset-environment %s", setting->name);
	if (hw_is_nixos(&doctor->run->hw) && str_starts(setting->file, "/etc/"))
		return arena_printf(arena,
			"take %s out of environment.sessionVariables, or what else makes %s, in "
			"configuration.nix",
			setting->name, setting->file);
	if (str_starts(setting->file, "/usr/lib/"))
		return arena_printf(arena,
			"ln -s /dev/null /etc/environment.d/%s, as the file is a package's",
			str_file_name(setting->file));
	return arena_printf(arena, "take it out of %s, line %u", setting->file, setting->line);
}

static void advise(struct settings *settings, struct finding *finding, struct setting *setting)
{
	struct doctor *doctor = settings->doctor;
	struct buf fix = {0};

	if (setting->file && setting->alone && setting->own &&
		!(hw_is_nixos(&doctor->run->hw) && str_starts(setting->file, "/etc/")) &&
		!str_starts(setting->file, "/usr/lib/"))
		settings_take_out(settings, finding, setting);
	else
		buf_printf(&fix, "%s\n", by_hand(doctor, setting));
	if (setting->file)
		buf_puts(&fix, "log out and in again\n");
	if (instead(doctor, setting))
		buf_puts(&fix, instead(doctor, setting));
	else if (fix.length)
		fix.text[--fix.length] = '\0';
	finding->fix = arena_dup(doctor->run->arena, buf_text(&fix));
	buf_free(&fix);
}

static void tell(struct settings *settings, struct setting *setting, const struct judging *judging)
{
	struct doctor *doctor = settings->doctor;
	const struct variable *variable = find(setting->name);
	const char *what = arena_printf(doctor->run->arena, "%s: %s=%s is for every program",
		setting->where, setting->name, gpu_plain(doctor->run, setting->value));
	const char *why = judging->why ? judging->why : variable->why;

	if (judging->more)
		why = arena_printf(doctor->run->arena, "%s. %s", judging->why, variable->why);
	if (!why)
		why = HIDES;
	if (judging->verdict == VERDICT_OK)
		doctor_ok(doctor,
			arena_printf(doctor->run->arena, "%s, which does no harm here", what));
	else if (judging->verdict == VERDICT_NOTE)
		doctor_note(doctor, what, why, setting->file ? by_hand(doctor, setting) : NULL);
	else
		advise(settings, doctor_problem(doctor, what, why, NULL), setting);
}

/* What the user manager and this process have was told of where a file gives it. */
static bool was_told(const struct settings *settings, size_t number)
{
	const struct setting *setting = &settings->list[number];

	for (size_t i = 0; i < number && !setting->file; i++) {
		if (str_eq(settings->list[i].name, setting->name) &&
			str_eq(settings->list[i].value, setting->value))
			return true;
	}
	return false;
}

static void look_at(struct settings *settings, const struct hw_loader *loader)
{
	struct doctor *doctor = settings->doctor;

	for (size_t i = 0; i < settings->count; i++) {
		struct setting *setting = &settings->list[i];
		struct judging judging = {doctor, loader, setting, family_here(doctor),
			family_desktop(doctor), VERDICT_OK, NULL, false};

		if (!find(setting->name)->judge || was_told(settings, i))
			continue;
		find(setting->name)->judge(&judging);
		tell(settings, setting, &judging);
	}
}

void check_session_variables(struct doctor *doctor)
{
	size_t before = doctor->count;
	struct settings settings;
	struct hw_loader loader;
	const char *unreadable = "";

	hw_loader_begin(&loader, &doctor->run->hw);
	settings_read(doctor, &settings, true);
	look_at(&settings, &loader);
	for (size_t i = 0; i < settings.unreadable_count; i++)
		unreadable = arena_printf(doctor->run->arena, "%s%s%s", unreadable,
			*unreadable ? ", " : "", settings.unreadable[i]);
	if (settings.unreadable_count)
		doctor_unknown(doctor,
			arena_printf(doctor->run->arena,
				"what these set could not be read; ask as root: %s", unreadable));
	if (doctor->count == before)
		doctor_ok(doctor,
			arena_printf(doctor->run->arena,
				"none of the files that set variables, %zu here, misleads a driver",
				settings.read_count));
}
