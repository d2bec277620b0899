/* SPDX-License-Identifier: MIT */
/* chip: what the generation of a GPU wants of the driver. */
#include "hw/chip.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "hw/parts.h"
#include "nv-gpu/doctor/doctor.h"

/* Packages of the last drivers for a generation, where a distribution has them. */
static const struct {
	unsigned major;
	const char *distribution, *package;
} packages[] = {
	{580, "arch", "nvidia-580xx-dkms (AUR)"},
	{580, "fedora", "akmod-nvidia-580xx (RPM Fusion)"},
	{580, "ubuntu", "nvidia-driver-580"},
	{580, "nixos", "nvidiaPackages.legacy_580"},
	{470, "arch", "nvidia-470xx-dkms (AUR)"},
	{470, "debian", "nvidia-tesla-470-driver"},
	{470, "fedora", "akmod-nvidia-470xx (RPM Fusion)"},
	{470, "suse", "nvidia-driver-G05"},
	{470, "ubuntu", "nvidia-driver-470"},
	{470, "nixos", "nvidiaPackages.legacy_470"},
	{390, "arch", "nvidia-390xx-dkms (AUR)"},
	{390, "debian", "nvidia-legacy-390xx-driver"},
	{390, "fedora", "akmod-nvidia-390xx (RPM Fusion)"},
	{390, "suse", "nvidia-driver-G04"},
	{390, "ubuntu", "nvidia-driver-390"},
	{390, "nixos", "nvidiaPackages.legacy_390"},
	{340, "arch", "nvidia-340xx-dkms (AUR)"},
	{340, "debian", "nvidia-legacy-340xx-driver"},
	{340, "fedora", "akmod-nvidia-340xx (RPM Fusion)"},
	{340, "ubuntu", "nvidia-340"},
	{340, "nixos", "nvidiaPackages.legacy_340"},
};

/* Whether ID or ID_LIKE of os-release(5) has the word; a look-alike only where it is not the ID. */
static bool distribution_is(const char *text, const char *key, const char *name)
{
	size_t length, size = strlen(name);
	const char *value = hw_line_value(text, key, &length);

	for (const char *at = value; at && at + size <= value + length; at++) {
		if (strncmp(at, name, size) == 0)
			return true;
	}
	return false;
}

static const char *package_of(struct doctor *doctor, unsigned major)
{
	static const char *const keys[] = {"ID", "ID_LIKE"};
	const struct hw_root *root = &doctor->run->hw.root;
	const char *text = hw_root_text(root, "/etc/os-release");

	if (!text)
		text = hw_root_text(root, "/usr/lib/os-release");
	for (size_t i = 0; text && i < sizeof(keys) / sizeof(*keys); i++) {
		for (size_t j = 0; j < sizeof(packages) / sizeof(*packages); j++) {
			if (packages[j].major == major &&
				distribution_is(text, keys[i], packages[j].distribution))
				return arena_printf(
					doctor->run->arena, ": package %s", packages[j].package);
		}
	}
	return "";
}

bool chip_known(struct doctor *doctor, const struct hw_gpu *gpu)
{
	const char *version;
	unsigned major = doctor_driver(doctor, &version);
	enum hw_chip chip = hw_chip_of(gpu);
	unsigned last = hw_chip_last_driver(chip);

	return !major || (major >= hw_chip_first_driver(chip) && (!last || major <= last));
}

bool chip_fits_flavour(struct doctor *doctor, const struct hw_gpu *gpu)
{
	int open = hw_driver_open(&doctor->run->hw);

	if (open < 0 || !hw_driver_version(&doctor->run->hw))
		return true;
	return open ? hw_chip_of(gpu) >= HW_CHIP_TURING : hw_chip_of(gpu) < HW_CHIP_BLACKWELL;
}

void check_legacy_gpu(struct doctor *doctor)
{
	struct arena *arena = doctor->run->arena;
	size_t before = doctor->count;
	const char *version;
	unsigned major = doctor_driver(doctor, &version);

	for (struct hw_gpu *gpu = NULL; major && (gpu = doctor_next_nvidia(doctor, gpu));) {
		enum hw_chip chip = hw_chip_of(gpu);
		unsigned last = hw_chip_last_driver(chip), first = hw_chip_first_driver(chip);
		const char *title = gpu_title(doctor->run, gpu);

		/* What the driver took is right for it. */
		if (gpu->driver)
			continue;
		if (last && major > last)
			doctor_problem(doctor,
				arena_printf(arena, "driver %s does not know %s (%s) any more",
					version, title, hw_chip_name(chip)),
				arena_printf(arena,
					"The last driver for this generation is %u; newer ones "
					"leave the "
					"GPU without a driver.",
					last),
				arena_printf(arena, "install driver %u%s; or use nouveau", last,
					package_of(doctor, last)));
		else if (major < first)
			doctor_problem(doctor,
				arena_printf(arena, "driver %s does not know %s (%s) yet", version,
					title, hw_chip_name(chip)),
				arena_printf(
					arena, "This generation needs driver %u or newer.", first),
				arena_printf(arena, "install driver %u or newer%s", first,
					chip >= HW_CHIP_BLACKWELL ? ", with the open kernel module"
								  : ""));
	}
	if (doctor->count != before)
		return;
	doctor_ok(doctor, !doctor_next_nvidia(doctor, NULL) ? "there is no NVIDIA GPU"
			  : major ? "no GPU is too old or too new for the driver"
				  : "NVIDIA's driver is not installed");
}

void check_module_flavour(struct doctor *doctor)
{
	struct hw *hw = &doctor->run->hw;
	struct arena *arena = doctor->run->arena;
	size_t before = doctor->count;
	int open = hw_driver_open(hw);

	if (!hw_driver_version(hw) || !doctor_next_nvidia(doctor, NULL)) {
		doctor_ok(doctor, "NVIDIA's kernel module is not loaded");
		return;
	}
	if (open < 0) {
		doctor_unknown(doctor, "the kernel module does not say whether it is the open one");
		return;
	}
	for (struct hw_gpu *gpu = NULL; (gpu = doctor_next_nvidia(doctor, gpu));) {
		enum hw_chip chip = hw_chip_of(gpu);
		const char *title = gpu_title(doctor->run, gpu);

		/* For a virtual machine, or nouveau's: it is not asked to run it. */
		if (gpu->driver && !hw_gpu_is_nvidia(gpu))
			continue;
		/* legacy-gpu tells of it: another version is to come, in the flavour it has. */
		if (!gpu->driver && !chip_known(doctor, gpu))
			continue;
		if (open && chip < HW_CHIP_TURING)
			doctor_problem(doctor,
				arena_printf(arena,
					"the open kernel module is loaded; %s (%s) needs the "
					"proprietary "
					"one",
					title, hw_chip_name(chip)),
				"The open module works through a processor that GPUs have from "
				"Turing on; "
				"others it leaves without a driver.",
				"install the proprietary flavour of the kernel module (Debian: "
				"nvidia-kernel-dkms, Arch: nvidia-580xx-dkms, NixOS: "
				"hardware.nvidia.open = false), then reboot");
		else if (!open && chip >= HW_CHIP_BLACKWELL)
			doctor_problem(doctor,
				arena_printf(arena,
					"the proprietary kernel module is loaded; %s (%s) needs "
					"the open "
					"one",
					title, hw_chip_name(chip)),
				"The proprietary module does not know GPUs from Blackwell on: it "
				"leaves "
				"them without a driver ('requires use of the NVIDIA open kernel "
				"modules').",
				"install the open flavour of the kernel module (Debian: "
				"nvidia-open-kernel-dkms, Ubuntu: nvidia-driver-*-open, Arch: "
				"nvidia-open-dkms, NixOS: hardware.nvidia.open = true), then "
				"reboot");
	}
	if (doctor->count == before)
		doctor_ok(
			doctor, arena_printf(arena,
					"the %s kernel module is loaded, and every GPU can use it",
					open ? "open" : "proprietary"));
}

/* Up to GA100 the one, from GA102 on the other (README of the driver, "GSP Firmware"). */
static const char *firmware_file(const struct hw_gpu *gpu)
{
	return gpu->device < 0x2200 ? "gsp_tu10x.bin" : "gsp_ga10x.bin";
}

static bool firmware_there(struct doctor *doctor, const char *path, const struct hw_gpu *gpu)
{
	static const char *const packed[] = {"", ".xz", ".zst", NULL};
	const struct hw_root *root = &doctor->run->hw.root;

	for (size_t i = 0; path && packed[i]; i++) {
		if (hw_root_exists(root, arena_printf(doctor->run->arena, "%s/%s%s", path,
						 firmware_file(gpu), packed[i])))
			return true;
	}
	return false;
}

static void missing(struct doctor *doctor, const struct hw_gpu *gpu, const char *version)
{
	struct arena *arena = doctor->run->arena;
	const char *what = arena_printf(
		arena, "the firmware nvidia/%s/%s is not installed", version, firmware_file(gpu));
	const char *fix = arena_printf(arena,
		"install the driver's firmware of version %s (Debian: firmware-nvidia-gsp, Ubuntu: "
		"nvidia-firmware-*, Fedora: in the driver's packages), then reboot",
		version);

	if (hw_driver_open(&doctor->run->hw) == 1)
		doctor_problem(doctor, what,
			"The open kernel module cannot start a GPU without it: it has a driver, "
			"but "
			"nvidia-smi finds no devices.",
			fix);
	else
		doctor_note(doctor, what,
			"The driver runs the GPU without its own processor then; runtime "
			"management and some features of newer GPUs want it.",
			fix);
}

void check_gsp(struct doctor *doctor)
{
	enum { FIRST = 525 }; /* earlier drivers run hardly a GPU with it by default */
	struct hw *hw = &doctor->run->hw;
	const char *version = hw_driver_version(hw), *path;
	size_t before = doctor->count;
	bool known;

	if (!version || hw_nvidia_major(hw) < FIRST) {
		doctor_ok(doctor, version ? "this driver does not need firmware"
					  : "NVIDIA's kernel module is not loaded");
		return;
	}
	path = hw_driver_firmware(hw, version, &known);
	for (struct hw_gpu *gpu = NULL; (gpu = doctor_next_nvidia(doctor, gpu));) {
		const char *runs = hw_driver_line(hw, gpu, "information", "GPU Firmware");

		if (!hw_gpu_is_nvidia(gpu) || hw_chip_of(gpu) < HW_CHIP_TURING)
			continue;
		/* What a GPU runs is there, wherever it came from. */
		if (runs && *runs && !str_eq(runs, "N/A"))
			continue;
		if (!known)
			doctor_unknown(doctor, "no directory with firmware is to be seen");
		else if (!firmware_there(doctor, path, gpu))
			missing(doctor, gpu, version);
		if (doctor->count != before)
			return;
	}
	doctor_ok(doctor, "every GPU that uses firmware has it");
}
