/* SPDX-License-Identifier: MIT */
/* packages: which one brings a part, by distribution. "%u" is the driver's major version. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/user/user.h"

enum distribution { DEBIAN, UBUNTU, FEDORA, ARCH, SUSE, DISTRIBUTIONS };

static const struct {
	const char *id; /* a word of ID or ID_LIKE of os-release(5), the first that fits counting */
	const char *install;
} distributions[DISTRIBUTIONS] = {
	[DEBIAN] = {"debian", "apt install"},
	[UBUNTU] = {"ubuntu", "apt install"},
	[FEDORA] = {"fedora", "dnf install"},
	[ARCH] = {"arch", "pacman -S"},
	[SUSE] = {"suse", "zypper install"},
};

static const struct {
	const char *what;
	const char *names[DISTRIBUTIONS];
} parts[] = {
	[PART_NVIDIA_GL] = {"NVIDIA's libraries for OpenGL and EGL",
		{"libgl1-nvidia-glvnd-glx nvidia-egl-icd", "libnvidia-gl-%u",
			"xorg-x11-drv-nvidia-libs", "nvidia-utils", "nvidia-gl-G06"}},
	[PART_NVIDIA_GL_32] = {"NVIDIA's libraries for 32-bit programs",
		{"nvidia-driver-libs:i386", "libnvidia-gl-%u:i386", "xorg-x11-drv-nvidia-libs.i686",
			"lib32-nvidia-utils", "nvidia-gl-G06-32bit"}},
	[PART_NVIDIA_VULKAN] = {"NVIDIA's Vulkan driver",
		{"nvidia-vulkan-icd", "libnvidia-gl-%u", "xorg-x11-drv-nvidia-libs", "nvidia-utils",
			"nvidia-gl-G06"}},
	[PART_NVIDIA_WAYLAND] = {"NVIDIA's EGL platform for Wayland",
		{"libnvidia-egl-wayland1", "libnvidia-egl-wayland1", "egl-wayland", "egl-wayland",
			"libnvidia-egl-wayland1"}},
	[PART_NVIDIA_GBM] = {"NVIDIA's allocator for GBM",
		{"libnvidia-allocator1", "libnvidia-gl-%u", "xorg-x11-drv-nvidia-libs",
			"nvidia-utils", "nvidia-gl-G06"}},
	[PART_NVIDIA_VIDEO] = {"the VA-API driver for NVIDIA (nvidia-vaapi-driver)",
		{"nvidia-vaapi-driver", "nvidia-vaapi-driver", "libva-nvidia-driver",
			"libva-nvidia-driver", "libva-nvidia-driver"}},
	[PART_NVIDIA_CUDA] = {"NVIDIA's library for CUDA",
		{"libcuda1", "libnvidia-compute-%u", "xorg-x11-drv-nvidia-cuda", "nvidia-utils",
			"nvidia-compute-G06"}},
	[PART_NVIDIA_OPENCL] = {"NVIDIA's OpenCL driver",
		{"nvidia-opencl-icd", "libnvidia-compute-%u", "xorg-x11-drv-nvidia-cuda",
			"opencl-nvidia", "nvidia-compute-G06"}},
	[PART_NVIDIA_MODPROBE] = {"nvidia-modprobe",
		{"nvidia-modprobe", "nvidia-modprobe", "nvidia-modprobe", "nvidia-utils",
			"nvidia-modprobe"}},
	[PART_CONTAINERS] = {"NVIDIA's container toolkit",
		{"nvidia-container-toolkit", "nvidia-container-toolkit", "nvidia-container-toolkit",
			"nvidia-container-toolkit", "nvidia-container-toolkit"}},
	[PART_MESA_EGL] = {"Mesa's EGL library",
		{"libegl-mesa0", "libegl-mesa0", "mesa-libEGL", "mesa", "Mesa-libEGL1"}},
	[PART_MESA_GLX] = {"Mesa's GLX library",
		{"libglx-mesa0", "libglx-mesa0", "mesa-libGL", "mesa", "Mesa-libGL1"}},
	[PART_INTEL_VULKAN] = {"Mesa's Vulkan driver for Intel",
		{"mesa-vulkan-drivers", "mesa-vulkan-drivers", "mesa-vulkan-drivers",
			"vulkan-intel", "libvulkan_intel"}},
	[PART_AMD_VULKAN] = {"Mesa's Vulkan driver for AMD",
		{"mesa-vulkan-drivers", "mesa-vulkan-drivers", "mesa-vulkan-drivers",
			"vulkan-radeon", "libvulkan_radeon"}},
	[PART_INTEL_VIDEO] = {"Intel's VA-API driver",
		{"intel-media-va-driver", "intel-media-va-driver", "libva-intel-media-driver",
			"intel-media-driver", "intel-media-driver"}},
	[PART_AMD_VIDEO] = {"Mesa's VA-API driver",
		{"mesa-va-drivers", "mesa-va-drivers", "mesa-va-drivers", "libva-mesa-driver",
			"Mesa-libva"}},
};

/* The value of a line of os-release without quotes, with blanks around it: " ubuntu debian ". */
static const char *words(struct doctor *doctor, const char *text, const char *key)
{
	size_t length;
	const char *value = hw_line_value(text, key, &length);
	char *copy;

	if (!value)
		return "  ";
	copy = arena_printf(doctor->run->arena, " %.*s ", (int)length, value);
	for (char *at = copy; *at; at++) {
		if (*at == '"' || *at == '\'')
			*at = ' ';
	}
	return copy;
}

static int distribution(struct doctor *doctor)
{
	const struct hw_root *root = &doctor->run->hw.root;
	const char *text = hw_root_text(root, "/etc/os-release");
	const char *known;

	if (!text)
		text = hw_root_text(root, "/usr/lib/os-release");
	if (!text)
		return -1;
	known = arena_printf(doctor->run->arena, "%s%s", words(doctor, text, "ID"),
		words(doctor, text, "ID_LIKE"));
	/* Ubuntu's kin are like Debian too. */
	if (strstr(known, " ubuntu "))
		return UBUNTU;
	for (int i = 0; i < DISTRIBUTIONS; i++) {
		if (strstr(known, arena_printf(doctor->run->arena, " %s ", distributions[i].id)))
			return i;
	}
	return strstr(known, " opensuse") ? SUSE : -1;
}

const char *packages_for(struct doctor *doctor, enum part part)
{
	struct arena *arena = doctor->run->arena;
	unsigned major = hw_nvidia_major(&doctor->run->hw);
	int which = distribution(doctor);
	const char *name, *number;

	if (hw_is_nixos(&doctor->run->hw)) {
		if (part == PART_NVIDIA_GL_32)
			return "set hardware.graphics.enable32Bit = true; in configuration.nix";
		if (part == PART_CONTAINERS)
			return "set hardware.nvidia-container-toolkit.enable = true; in "
			       "configuration.nix";
		return "set hardware.graphics.enable = true; in configuration.nix, for NVIDIA also "
		       "services.xserver.videoDrivers = [ \"nvidia\" ];";
	}
	if (which < 0)
		return arena_printf(arena, "install %s", parts[part].what);
	name = parts[part].names[which];
	number = strstr(name, "%u");
	if (number && !major)
		return arena_printf(arena, "install %s", parts[part].what);
	if (number)
		name = arena_printf(
			arena, "%.*s%u%s", (int)(number - name), name, major, number + 2);
	if (strstr(name, ":i386"))
		return arena_printf(arena,
			"dpkg --add-architecture i386 && apt update && apt install %s", name);
	return arena_printf(arena, "%s %s", distributions[which].install, name);
}
