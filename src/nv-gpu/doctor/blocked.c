/* SPDX-License-Identifier: MIT */
/* blocked: what keeps NVIDIA's modules from being loaded, or its functions from being found. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "hw/running.h"
#include "nv-gpu/doctor/files.h"

static const char *const modules[] = {"nvidia", "nvidia_drm", "nvidia_modeset", "nvidia_uvm"};

/* "nvidia-drm" and "nvidia_drm" are one module. NULL if it is none of NVIDIA's. */
static const char *nvidia_module(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++) {
		size_t at = 0;

		while (at < length && (name[at] == '-' ? '_' : name[at]) == modules[i][at])
			at++;
		if (at == length && !modules[i][at])
			return modules[i];
	}
	return NULL;
}

const char *blocks_nvidia(const char *line)
{
	for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++) {
		if (hw_modprobe_blocks(line, modules[i]))
			return modules[i];
	}
	return NULL;
}

/* Whether NVIDIA's driver is meant to run a GPU here, and why not: a sentence. */
static const char *unwanted(struct doctor *doctor)
{
	struct gpu_run *run = doctor->run;
	struct hw_stack stack;
	size_t gpus = 0, away = 0;

	for (size_t i = 0; i < run->hw.count; i++) {
		const struct hw_gpu *gpu = run->hw.gpus[i];

		gpus += gpu->vendor == HW_NVIDIA;
		away += gpu->vendor == HW_NVIDIA && gpu->driver && str_starts(gpu->driver, "vfio");
	}
	if (!gpus)
		return "there is no NVIDIA GPU whose driver could be blocked";
	if (gpus == away)
		return "all NVIDIA GPUs are lent to virtual machines, and need no driver here";
	hw_stack_probe(&run->hw, &stack, HW_STACK_GLX_NVIDIA, NULL);
	if (!stack.nvidia_glx && !doctor_has_module(doctor))
		return "NVIDIA's driver is not installed";
	return NULL;
}

/* On NixOS the files are made by configuration.nix. */
static const char *take_out(struct doctor *doctor, const char *path, unsigned number)
{
	return arena_printf(doctor->run->arena,
		hw_is_nixos(&doctor->run->hw)
			? "take what makes line %u of %s out of configuration.nix, then: %sreboot"
			: "take line %u out of %s, then: %sreboot",
		number, path, doctor_initramfs(doctor));
}

static void report_blocked(
	struct doctor *doctor, const char *place, const char *module, const char *fix)
{
	struct arena *arena = doctor->run->arena;
	const char *what = arena_printf(arena, "%s blocks the module %s", place, module);

	if (hw_module_loaded(&doctor->run->hw, module))
		doctor_note(doctor, what,
			"It is loaded all the same, by something that names it; whether that is "
			"so at the next boot is chance.",
			fix);
	else
		doctor_problem(doctor, what,
			str_eq(module, "nvidia_uvm")
				? "CUDA does not work without it."
				: "Without it NVIDIA's driver does not run the GPU as it should.",
			fix);
}

static bool check_modprobe(struct doctor *doctor)
{
	struct arena *arena = doctor->run->arena;
	bool any = false;
	size_t count;
	const struct doctor_file *files =
		doctor_files(doctor, doctor_modprobe_directories, ".conf", &count);

	for (size_t i = 0; i < count; i++) {
		const char *at = files[i].text, *line;
		unsigned number = 0;

		if (!at) {
			doctor_unknown(
				doctor, arena_printf(arena, "%s cannot be read; try again as root",
						files[i].path));
			any = true;
			continue;
		}
		/* What another tool left is told of by its name. */
		if (leftover_of(doctor, files[i].path))
			continue;
		while ((line = doctor_line(doctor, &at, &number, true)) != NULL) {
			const char *module = blocks_nvidia(line);

			if (!module)
				continue;
			report_blocked(doctor, arena_printf(arena, "%s:%u", files[i].path, number),
				module, take_out(doctor, files[i].path, number));
			any = true;
		}
	}
	return any;
}

/* "module_blacklist=nouveau,nvidia" */
static bool check_words(struct doctor *doctor)
{
	static const char *const words[] = {
		"module_blacklist", "modprobe.blacklist", "rd.driver.blacklist"};
	bool any = false;

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		const char *list = hw_cmdline(&doctor->run->hw, words[i]);

		while (list && *list) {
			size_t length = strcspn(list, ",");
			const char *module = nvidia_module(list, length);

			if (module) {
				report_blocked(doctor,
					arena_printf(doctor->run->arena,
						"%s on the kernel command line", words[i]),
					module,
					hw_is_nixos(&doctor->run->hw)
						? "take it out of boot.kernelParams in "
						  "configuration.nix, then: nixos-rebuild boot; "
						  "reboot"
						: "take it out of the boot loader's configuration "
						  "(GRUB_CMDLINE_LINUX in /etc/default/grub, then "
						  "update-grub or grub2-mkconfig; grubby; "
						  "/etc/kernel/cmdline), and reboot");
				any = true;
			}
			list += length + (list[length] == ',');
		}
	}
	return any;
}

/* The kernel's own DRM drivers do not start with "nomodeset"; NVIDIA's does. */
static bool check_nomodeset(struct doctor *doctor)
{
	if (!hw_cmdline(&doctor->run->hw, "nomodeset"))
		return false;
	for (size_t i = 0; i < doctor->run->hw.count; i++) {
		struct hw_gpu *gpu = doctor->run->hw.gpus[i];

		if ((gpu->vendor != HW_INTEL && gpu->vendor != HW_AMD) || gpu->render >= 0)
			continue;
		doctor_problem(doctor,
			arena_printf(doctor->run->arena,
				"nomodeset on the kernel command line keeps %s without a driver",
				gpu_title(doctor->run, gpu)),
			"The CPU draws what this GPU should, and PRIME has nothing to work with.",
			"Take the word out of the boot loader's configuration, and reboot. It is "
			"for installing only.");
		return true;
	}
	return false;
}

void check_module_blocked(struct doctor *doctor)
{
	const char *why = unwanted(doctor);
	bool wrong = check_nomodeset(doctor);

	if (!why) {
		wrong |= check_modprobe(doctor);
		wrong |= check_words(doctor);
	}
	if (!wrong)
		doctor_ok(doctor, why ? why : "nothing keeps NVIDIA's modules from being loaded");
}

/* What a udev rule takes away: the PCI classes that it matches. */
static const struct {
	const char *class, *what;
	bool gpu;
} classes[] = {
	{"0x0c03", "its USB controller", false},
	{"0x0c80", "its USB-C controller", false},
	{"0x0403", "its sound device", false},
	{"0x03", "the GPU itself", true},
};

/* What was said of it; NULL if nothing. */
static struct finding *report_removed(
	struct doctor *doctor, const char *path, unsigned number, const char *rule)
{
	struct arena *arena = doctor->run->arena;
	const char *what = "the GPU and all that belongs to it";
	bool gpu = true;
	struct finding *finding;

	for (size_t i = 0; strstr(rule, "ATTR{class}") && i < sizeof(classes) / sizeof(*classes);
		i++) {
		if (strstr(rule, classes[i].class)) {
			what = classes[i].what;
			gpu = classes[i].gpu;
			break;
		}
	}
	/* Before Linux 5.5 the GPU sleeps only so. */
	if (!gpu && !hw_kernel_at_least(&doctor->kernel, 5, 5))
		return NULL;
	what = arena_printf(
		arena, "%s:%u takes NVIDIA's devices off the bus: %s", path, number, what);
	if (!gpu)
		return doctor_note(doctor, what,
			"Sound by HDMI, or USB-C, of the card is gone. Kernels before 5.5 needed "
			"that "
			"for the GPU to sleep; later ones do not.",
			take_out(doctor, path, number));
	finding = doctor_problem(doctor, what,
		"At each boot the GPU is removed: no driver and no program finds it.", "reboot");
	/* A package's file would come back with its next version: a link hides it for good. */
	if (str_starts(path, "/etc/") || str_starts(path, "/run/"))
		doctor_change_remove(doctor, finding, path);
	else
		doctor_change_link(doctor, finding,
			arena_path(arena, "/etc/udev/rules.d", str_file_name(path)), "/dev/null");
	return finding;
}

void check_card_removed(struct doctor *doctor)
{
	bool any = false;
	size_t count;
	const struct doctor_file *files =
		doctor_files(doctor, doctor_udev_directories, ".rules", &count);

	for (size_t i = 0; i < count; i++) {
		const char *at = files[i].text, *rule;
		struct finding *finding;
		bool gpu = false;
		unsigned number = 0;

		if (!at || !strstr(at, "0x10de") || leftover_of(doctor, files[i].path))
			continue;
		while (!gpu && (rule = doctor_line(doctor, &at, &number, true)) != NULL) {
			if (*rule == '#' || !strstr(rule, "\"0x10de\"") ||
				!strstr(rule, "ATTR{remove}=\"1\""))
				continue;
			finding = report_removed(doctor, files[i].path, number, rule);
			gpu = finding && finding->change_count;
			any |= finding != NULL;
		}
	}
	if (!any)
		doctor_ok(doctor, "no udev rule takes NVIDIA's devices off the bus");
}
