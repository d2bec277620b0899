/* SPDX-License-Identifier: MIT */
/* compete: drivers of the kernel's own that want the same GPUs as NVIDIA's. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "hw/chip.h"
#include "nv-gpu/doctor/doctor.h"

#define BLACKLIST "/etc/modprobe.d/nv-gpu-blacklist.conf"

static const char *const rivals[] = {"nouveau", "nova_core", "nvidiafb", NULL};

static struct hw_gpu *bound_to(struct doctor *doctor, const char *driver)
{
	for (struct hw_gpu *gpu = NULL; (gpu = doctor_next_nvidia(doctor, gpu));) {
		const char *has = gpu->driver;

		/* The driver of nova_core is called NovaCore. */
		if (has && (str_eq(has, driver) ||
				   (str_eq(driver, "nova_core") && str_eq(has, "NovaCore"))))
			return gpu;
	}
	return NULL;
}

static bool nvidia_in_use(struct doctor *doctor)
{
	for (struct hw_gpu *gpu = NULL; (gpu = doctor_next_nvidia(doctor, gpu));) {
		if (hw_gpu_is_nvidia(gpu))
			return true;
	}
	return false;
}

/* A rival that could be loaded at the next boot. */
static bool lurks(struct doctor *doctor, const char *rival)
{
	struct hw *hw = &doctor->run->hw;

	return hw_kernel_module(hw, &doctor->kernel, rival) &&
	       !hw_kernel_blacklisted(hw, &doctor->kernel, rival);
}

/* One file for all of them, so that it is the same whichever was found first. */
static void blacklist(struct doctor *doctor, struct finding *finding)
{
	const char *text = "";

	for (size_t i = 0; rivals[i]; i++)
		text = arena_printf(doctor->run->arena, "%sblacklist %s\n", text, rivals[i]);
	doctor_change_file(doctor, finding, BLACKLIST, text);
}

/* Whether the driver that is installed would take the GPU: without its rival nobody would. */
static bool fits(struct doctor *doctor, const struct hw_gpu *gpu)
{
	const char *version;
	unsigned major = doctor_driver(doctor, &version);
	enum hw_chip chip = hw_chip_of(gpu);
	unsigned last = hw_chip_last_driver(chip);

	if (!major)
		return chip >= HW_CHIP_MAXWELL;
	return major >= hw_chip_first_driver(chip) && (!last || major <= last);
}

static void bound(struct doctor *doctor, const char *rival, struct hw_gpu *gpu)
{
	struct hw *hw = &doctor->run->hw;
	struct arena *arena = doctor->run->arena;
	const char *file = hw_kernel_blacklisted(hw, &doctor->kernel, rival);
	const char *title = gpu_title(doctor->run, gpu);
	struct finding *finding;

	if (!fits(doctor, gpu)) {
		doctor_ok(doctor, arena_printf(arena,
					  "%s drives %s, which the NVIDIA driver that is installed "
					  "does not know",
					  rival, title));
		return;
	}
	finding = doctor_problem(doctor,
		arena_printf(
			arena, "%s drives %s, although NVIDIA's driver is installed", rival, title),
		"A GPU has one driver: NVIDIA's cannot take it, and CUDA, its Vulkan and its GLX "
		"see no "
		"GPU. If that is what you want, take NVIDIA's driver off.",
		file ? arena_printf(arena,
			       "%sreboot (%s keeps it away already; the initial file system "
			       "may not know that yet)",
			       doctor_initramfs(doctor), file)
		     : arena_printf(arena, "%sreboot", doctor_initramfs(doctor)));

	if (!file)
		blacklist(doctor, finding);
}

static void loaded(struct doctor *doctor, const char *rival)
{
	struct arena *arena = doctor->run->arena;

	doctor_note(doctor,
		arena_printf(
			arena, "%s is loaded beside NVIDIA's driver, and drives nothing", rival),
		"It takes the next NVIDIA GPU that is without a driver, as after nv-gpu restore, "
		"hot-plug or an update.",
		arena_printf(arena, "modprobe -r %s", rival));
}

void check_competing(struct doctor *doctor)
{
	struct hw *hw = &doctor->run->hw;
	size_t before = doctor->count;
	const char *lurking = NULL;

	if (!doctor_next_nvidia(doctor, NULL) || !doctor_has_module(doctor)) {
		doctor_ok(doctor, "there is no NVIDIA GPU with NVIDIA's driver");
		return;
	}
	for (size_t i = 0; rivals[i]; i++) {
		struct hw_gpu *gpu = bound_to(doctor, rivals[i]);

		if (gpu)
			bound(doctor, rivals[i], gpu);
		else if (hw_module_loaded(hw, rivals[i]))
			loaded(doctor, rivals[i]);
		if (!gpu && lurks(doctor, rivals[i]))
			lurking = rivals[i];
	}
	if (lurking && doctor->count == before && nvidia_in_use(doctor))
		blacklist(doctor,
			doctor_note(doctor,
				arena_printf(doctor->run->arena,
					"nothing keeps %s from being loaded before NVIDIA's driver",
					lurking),
				"Which of the two takes the GPU at boot is then a race, which an "
				"update of "
				"the kernel or the driver can turn.",
				arena_printf(
					doctor->run->arena, "%sreboot", doctor_initramfs(doctor))));
	if (doctor->count == before)
		doctor_ok(doctor, "no other driver competes with NVIDIA's");
}
