/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/user/user.h"

static void judge(struct judging *judging, enum verdict verdict, const char *why)
{
	judging->verdict = verdict;
	judging->why = why;
}

size_t judge_gpus(const struct judging *judging)
{
	const struct hw *hw = &judging->doctor->run->hw;
	size_t count = 0;

	for (size_t i = 0; i < hw->count; i++)
		count += family_of(hw->gpus[i]) != 0;
	return count;
}

static const char *value(const struct judging *judging)
{
	return judging->setting->value;
}

/* One that names a driver's user side, for every GPU alike. */
void judge_driver(struct judging *judging)
{
	struct arena *arena = judging->doctor->run->arena;
	unsigned named = family_named(value(judging));

	if (!*value(judging) || (!named && judge_gpus(judging) < 2))
		return;
	if (named & FAMILY_CPU) {
		judge_software(judging);
		return;
	}
	if (!named) {
		judge(judging, VERDICT_NOTE, NULL);
		return;
	}
	if (!(named & judging->here)) {
		judge(judging, judging->here ? VERDICT_PROBLEM : VERDICT_NOTE,
			arena_printf(arena, "No GPU here has a driver of %s now",
				named == FAMILY_MESA ? "Mesa"
						     : family_names(judging->doctor, named)));
		judging->more = true;
	} else if (judging->here & ~named) {
		judge(judging, judging->desktop & ~named ? VERDICT_PROBLEM : VERDICT_NOTE, NULL);
	}
}

/* Unneeded since Mesa 21.2, and programs that have their own libgbm fall over it. */
void judge_gbm(struct judging *judging)
{
	judge_driver(judging);
	if (judging->verdict == VERDICT_OK && *value(judging))
		judge(judging, VERDICT_NOTE,
			"libgbm finds the right backend by itself since Mesa 21.2, and some "
			"programs, Firefox and Electron's among them, crash with the variable");
}

static bool has_vaapi_driver(const struct judging *judging)
{
	static const char *const folders[] = {"dri", "dri-freeworld", "dri-nonfree", "va/drivers"};
	const char *file =
		arena_printf(judging->doctor->run->arena, "%s_drv_video.so", value(judging));

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		if (hw_loader_plugin(judging->loader, folders[i], file))
			return true;
	}
	return false;
}

void judge_vaapi(struct judging *judging)
{
	struct hw_object object;

	judge_driver(judging);
	if (judging->verdict != VERDICT_PROBLEM && *value(judging) &&
		!strchr(value(judging), '/') &&
		hw_loader_find(judging->loader, "libva.so.2", 64, &object) &&
		!has_vaapi_driver(judging))
		judge(judging, VERDICT_PROBLEM,
			arena_printf(judging->doctor->run->arena,
				"VA-API has no driver %s_drv_video.so, and takes no other one",
				gpu_plain(judging->doctor->run, value(judging))));
}

/* MESA_LOADER_DRIVER_OVERRIDE and GALLIUM_DRIVER: of Mesa's GPUs alone. */
void judge_override(struct judging *judging)
{
	if (!(judging->here & FAMILY_MESA))
		return;
	judge_driver(judging);
	if (judging->verdict == VERDICT_OK && *value(judging))
		judge(judging, VERDICT_NOTE, NULL);
}

/* One that sends all programs to a GPU. */
void judge_offload(struct judging *judging)
{
	if (!*value(judging))
		return;
	if (str_eq(judging->setting->name, "DRI_PRIME") && str_eq(value(judging), "0"))
		judge(judging, VERDICT_NOTE,
			"0 is no GPU: Mesa writes a complaint to the output of every OpenGL "
			"program, which breaks scripts that read it");
	else if (judge_gpus(judging) > 1)
		judge(judging, VERDICT_PROBLEM, NULL);
	else
		judge(judging, VERDICT_NOTE, "There is no other GPU that it could mean");
}

void judge_nvidia_offload(struct judging *judging)
{
	if (str_eq(value(judging), "0"))
		return;
	judge_offload(judging);
	if (judging->verdict == VERDICT_PROBLEM && !(judging->here & FAMILY_NVIDIA))
		judge(judging, VERDICT_NOTE, "NVIDIA's driver has no GPU here: it does nothing");
}

void judge_mesa_select(struct judging *judging)
{
	if (str_eq(value(judging), "list"))
		judge(judging, VERDICT_PROBLEM,
			"Mesa's layer prints a list of GPUs and ends every Vulkan program");
	else
		judge_offload(judging);
}

void judge_software(struct judging *judging)
{
	static const char *const no[] = {"", "0", "false", "no", "n", "f"};

	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++) {
		if (strcasecmp(value(judging), no[i]) == 0)
			return;
	}
	judge(judging, judging->here ? VERDICT_PROBLEM : VERDICT_OK,
		"Every program draws on the CPU, which is slow and hot");
}

void judge_always(struct judging *judging)
{
	if (*value(judging) && judge_gpus(judging) > 1)
		judge(judging, VERDICT_NOTE, NULL);
}
