/* SPDX-License-Identifier: MIT */
/* module: NVIDIA's kernel module: whether it is there, loaded, and has its GPUs and nodes. */
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/parts.h"
#include "nv-gpu/doctor/files.h"

static const char lost[] = "Nothing can be drawn or computed on a GPU without a driver.";

/* A file whose name has "nvidia" in a directory of udev's rules: packages that make nodes so. */
static bool udev_makes_nodes(struct doctor *doctor)
{
	static const char *const directories[] = {"/usr/lib/udev/rules.d", "/lib/udev/rules.d",
		"/etc/udev/rules.d", "/run/udev/rules.d", NULL};
	const struct hw_root *root = &doctor->run->hw.root;
	struct file_list names;

	for (size_t i = 0; directories[i]; i++) {
		if (!hw_root_names(root, directories[i], &names))
			continue;
		for (size_t j = 0; j < names.count; j++) {
			const char *text = hw_root_attr(root, directories[i], names.names[j]);

			if (text && strstr(text, "nvidia") &&
				(strstr(text, "nvidia-modprobe") || strstr(text, "mknod") ||
					strstr(text, "nvidia-smi")))
				return true;
		}
	}
	return false;
}

static void nodes(struct doctor *doctor, struct hw_gpu *gpu)
{
	struct hw *hw = &doctor->run->hw;
	struct arena *arena = doctor->run->arena;
	int minor = hw_gpu_nvidia(hw, gpu)->minor;
	const char *node = arena_printf(arena, "nvidia%d", minor);

	if (minor < 0 || !hw_has_nodes(hw) ||
		(hw_has_node(hw, node) && hw_has_node(hw, "nvidiactl")))
		return;
	if (hw_root_exists(&hw->root, "/usr/bin/nvidia-modprobe") || udev_makes_nodes(doctor)) {
		doctor_ok(doctor, arena_printf(arena,
					  "%s has no node /dev/%s yet; the first program that uses "
					  "it makes it",
					  gpu_title(doctor->run, gpu), node));
		return;
	}
	doctor_problem(doctor,
		arena_printf(arena, "%s has its driver, but no node /dev/%s",
			gpu_title(doctor->run, gpu), hw_has_node(hw, node) ? "nvidiactl" : node),
		"CUDA, Vulkan and GLX open it; only root may make it, and neither nvidia-modprobe "
		"nor "
		"a udev rule is installed that would.",
		"install nvidia-modprobe, or once after each boot: nvidia-smi (as root)");
}

static void not_installed(struct doctor *doctor, const char *title)
{
	struct hw *hw = &doctor->run->hw;
	struct arena *arena = doctor->run->arena;
	const char *others = hw_kernel_others(hw, &doctor->kernel, "nvidia");
	const char *release = doctor->kernel.release ? doctor->kernel.release : "(unknown)";

	if (!doctor->kernel.depends)
		doctor_unknown(doctor,
			arena_printf(arena,
				"%s has no driver; the modules of the running kernel are not to "
				"be seen",
				title));
	else if (others)
		doctor_problem(doctor,
			arena_printf(arena,
				"%s has no driver: NVIDIA's module is not built for kernel %s, "
				"only "
				"for %s",
				title, release, others),
			lost,
			arena_printf(arena,
				"install the headers of kernel %s, then: dkms autoinstall -k %s && "
				"modprobe nvidia; or boot %s",
				release, release, others));
	else
		doctor_problem(doctor,
			arena_printf(
				arena, "%s has no driver, and NVIDIA's is not installed", title),
			lost, "install your distribution's NVIDIA driver, or load nouveau");
}

/* The check that tells why a GPU is without a driver, and what to do; NULL if none does. */
static const char *told_by(struct doctor *doctor, const struct hw_gpu *gpu)
{
	struct hw *hw = &doctor->run->hw;
	const char *file = hw_module_loaded(hw, "nvidia")
				   ? NULL
				   : hw_kernel_blacklisted(hw, &doctor->kernel, "nvidia");

	if (file)
		return leftover_of(doctor, file) ? "leftovers" : "module-blocked";
	if (!chip_known(doctor, gpu))
		return "legacy-gpu";
	if (!chip_fits_flavour(doctor, gpu))
		return "module-flavour";
	return !hw_module_loaded(hw, "nvidia") && hw_secure_boot(hw) > 0 ? "secure-boot" : NULL;
}

static void no_driver(struct doctor *doctor, struct hw_gpu *gpu)
{
	struct hw *hw = &doctor->run->hw;
	struct arena *arena = doctor->run->arena;
	const char *title = gpu_title(doctor->run, gpu), *other = told_by(doctor, gpu);

	if (other && (hw_module_loaded(hw, "nvidia") ||
			     hw_kernel_module(hw, &doctor->kernel, "nvidia"))) {
		doctor_note(doctor, arena_printf(arena, "%s has no driver", title), lost,
			arena_printf(arena, "nv-gpu doctor --only %s tells why", other));
		return;
	}
	if (hw_module_loaded(hw, "nvidia")) {
		doctor_problem(doctor,
			arena_printf(arena, "%s has no driver, although NVIDIA's module is loaded",
				title),
			lost,
			arena_printf(arena,
				"dmesg | grep -i nvrm (it says why it refused), or: nv-gpu bind %s "
				"nvidia",
				gpu->slot));
		return;
	}
	if (!hw_kernel_module(hw, &doctor->kernel, "nvidia")) {
		not_installed(doctor, title);
		return;
	}
	doctor_problem(doctor,
		arena_printf(arena,
			"%s has no driver: NVIDIA's module is installed, but not loaded", title),
		lost, "modprobe nvidia; what it says is why it was not loaded");
}

static void look_at(struct doctor *doctor, struct hw_gpu *gpu)
{
	struct arena *arena = doctor->run->arena;
	const char *title = gpu_title(doctor->run, gpu);

	if (!gpu->driver) {
		no_driver(doctor, gpu);
	} else if (!hw_gpu_is_nvidia(gpu)) {
		doctor_ok(doctor,
			str_eq(gpu->driver, "vfio-pci")
				? arena_printf(arena, "%s is kept for a virtual machine (vfio-pci)",
					  title)
				: arena_printf(arena, "%s is driven by %s", title, gpu->driver));
	} else {
		size_t before = doctor->count;

		nodes(doctor, gpu);
		if (gpu->card < 0 && gpu->render < 0)
			doctor_note(doctor,
				arena_printf(arena, "%s has no DRM nodes: nvidia_drm is not loaded",
					title),
				"Wayland, PRIME and programs that render through DRM do not see "
				"it. CUDA does not "
				"need them.",
				"modprobe nvidia_drm");
		if (doctor->count == before)
			doctor_ok(doctor, arena_printf(arena, "%s is driven by nvidia", title));
	}
}

void check_module_loaded(struct doctor *doctor)
{
	struct hw_gpu *gpu = doctor_next_nvidia(doctor, NULL);

	if (!gpu)
		doctor_ok(doctor, "there is no NVIDIA GPU");
	for (; gpu; gpu = doctor_next_nvidia(doctor, gpu))
		look_at(doctor, gpu);
}

/* A GPU that nothing but a signature seems to keep from its driver. */
static bool lacks_driver(struct doctor *doctor)
{
	for (struct hw_gpu *gpu = NULL; (gpu = doctor_next_nvidia(doctor, gpu));) {
		const char *by = gpu->driver ? NULL : told_by(doctor, gpu);

		if (by && str_eq(by, "secure-boot"))
			return true;
	}
	return false;
}

void check_secure_boot(struct doctor *doctor)
{
	struct hw *hw = &doctor->run->hw;
	int secure = hw_secure_boot(hw);
	const char *taint = hw_module_taint(hw, "nvidia"), *lockdown = hw_lockdown(hw);
	bool unsigned_module = taint && strchr(taint, 'E');

	if (!doctor_next_nvidia(doctor, NULL))
		doctor_ok(doctor, "there is no NVIDIA GPU");
	else if (secure < 0)
		doctor_unknown(doctor, "the firmware's variable SecureBoot cannot be read");
	else if (!secure)
		doctor_ok(doctor, "Secure Boot is off");
	else if (unsigned_module)
		doctor_note(doctor,
			"Secure Boot is on, and NVIDIA's module is loaded without a valid "
			"signature",
			"This kernel takes it; one that enforces signatures, as distributions' do, "
			"will not "
			"load it.",
			"mokutil --import /var/lib/dkms/mok.pub, reboot, choose 'Enroll MOK'; or "
			"switch "
			"Secure Boot off in the firmware");
	else if (taint || hw_module_loaded(hw, "nvidia"))
		doctor_ok(doctor, "Secure Boot is on, and NVIDIA's module is loaded");
	else if (lacks_driver(doctor) && hw_kernel_module(hw, &doctor->kernel, "nvidia"))
		doctor_problem(doctor,
			arena_printf(doctor->run->arena,
				"Secure Boot is on%s, and NVIDIA's module is installed, but not "
				"loaded",
				lockdown && !str_eq(lockdown, "none") ? ", the kernel locked down"
								      : ""),
			"The kernel refuses modules that are not signed with a key the firmware "
			"knows: 'Key was rejected by service'.",
			"modprobe nvidia; if it was rejected: mokutil --import "
			"/var/lib/dkms/mok.pub (Ubuntu: /var/lib/shim-signed/mok/MOK.der), reboot, "
			"choose 'Enroll MOK'");
	else
		doctor_ok(doctor, "Secure Boot is on; NVIDIA's module is not in use");
}
