/* SPDX-License-Identifier: MIT */
/* stack: which parts of the graphics drivers' user side are installed. */
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"

#include <fcntl.h>
#include <string.h>

/* Where distributions put NVIDIA's libraries, for this machine's own word size first. */
const char *const hw_library_directories[] = {
#if defined(__x86_64__)
	"/usr/lib/x86_64-linux-gnu", /* Debian, Ubuntu; Debian links it through /etc/alternatives */
#elif defined(__aarch64__)
	"/usr/lib/aarch64-linux-gnu",
#elif defined(__i386__)
	"/usr/lib/i386-linux-gnu",
#elif defined(__powerpc64__)
	"/usr/lib/powerpc64le-linux-gnu",
#endif
	"/usr/lib64", /* Fedora, openSUSE, Gentoo */
	"/usr/lib", /* Arch, Void */
	"/run/opengl-driver/lib", /* NixOS */
	"/usr/local/lib", /* by hand */
	"/usr/local/nvidia/lib64", /* containers */
	NULL,
};

/* The X server's own module path is not to be had; these are its usual places. On NixOS it is in
 * the store, but comes with the libraries. */
static const char *const xorg_drivers[] = {
	"/usr/lib/xorg/modules/drivers/nvidia_drv.so", /* Debian, Arch */
	"/usr/lib/x86_64-linux-gnu/nvidia/xorg/nvidia_drv.so", /* Ubuntu */
	"/usr/lib64/xorg/modules/drivers/nvidia_drv.so", /* Fedora, openSUSE */
	"/usr/lib/nvidia/nvidia_drv.so", /* Debian's alternatives */
	"/usr/lib/x86_64-linux-gnu/xorg/modules/drivers/nvidia_drv.so",
	"/usr/lib/nvidia/xorg/nvidia_drv.so",
	"/run/opengl-driver/lib/libGLX_nvidia.so.0",
	NULL,
};

static const char *const egl_directories[] = {
	"/etc/glvnd/egl_vendor.d",
	"/usr/share/glvnd/egl_vendor.d",
	"/run/opengl-driver/share/glvnd/egl_vendor.d",
	"/usr/local/share/glvnd/egl_vendor.d",
	NULL,
};

static const char *const vulkan_directories[] = {
	"/usr/share/vulkan/icd.d",
	"/etc/vulkan/icd.d",
	"/run/opengl-driver/share/vulkan/icd.d",
	"/usr/local/share/vulkan/icd.d",
	NULL,
};

#define OPENCL_VENDORS "/etc/OpenCL/vendors"
#define LOADER_CACHE "/etc/ld.so.cache"

static bool exists_in(struct hw *hw, const char *directory, size_t length, const char *file)
{
	return hw_root_exists(
		&hw->root, arena_printf(hw->root.arena, "%.*s/%s", (int)length, directory, file));
}

/* The loader's own index has the names of all libraries in its other directories. */
static bool in_loader_cache(struct hw *hw, const char *library)
{
	int fd = hw_root_open(&hw->root, LOADER_CACHE, O_RDONLY);
	size_t length;
	const char *cache;

	if (fd < 0)
		return false;
	cache = file_text_fd(hw->root.arena, fd, 16 << 20, &length);
	return cache && memmem(cache, length, library, strlen(library) + 1);
}

static bool find_library(struct hw *hw, const char *library, const char *library_path)
{
	for (const char *part = library_path; part && *part;) {
		size_t length = strcspn(part, ":;");

		if (length && exists_in(hw, part, length, library))
			return true;
		part += length + (part[length] != '\0');
	}
	for (size_t i = 0; hw_library_directories[i]; i++) {
		if (hw_root_exists(&hw->root,
			    arena_path(hw->root.arena, hw_library_directories[i], library)))
			return true;
	}
	return in_loader_cache(hw, library);
}

static const char *find_in(struct hw *hw, const char *const *directories, const char *part)
{
	for (; *directories; directories++) {
		struct file_list files;

		if (!hw_root_names(&hw->root, *directories, &files))
			continue;
		for (size_t i = 0; i < files.count; i++) {
			if (str_ends(files.names[i], ".json") && strstr(files.names[i], part))
				return arena_printf(
					hw->root.arena, "%s/%s", *directories, files.names[i]);
		}
	}
	return NULL;
}

const char *hw_egl_vendor_file(struct hw *hw, const char *vendor)
{
	/* The usual place and name costs one look, a listing three. */
	static const char usual[] = "/usr/share/glvnd/egl_vendor.d/50_mesa.json";

	if (str_eq(vendor, "mesa") && hw_root_exists(&hw->root, usual))
		return usual;
	return find_in(hw, egl_directories, vendor);
}

static bool any_exists(struct hw *hw, const char *const *paths)
{
	for (; *paths; paths++) {
		if (hw_root_exists(&hw->root, *paths))
			return true;
	}
	return false;
}

static void probe_opencl(struct hw *hw, struct hw_stack *stack)
{
	struct file_list files;
	unsigned others = 0;

	if (!hw_root_names(&hw->root, OPENCL_VENDORS, &files))
		return;
	for (size_t i = 0; i < files.count; i++) {
		if (!str_ends(files.names[i], ".icd"))
			continue;
		if (strstr(files.names[i], "nvidia")) {
			stack->opencl_nvidia = true;
			continue;
		}
		others++;
		stack->opencl_other =
			arena_printf(hw->root.arena, OPENCL_VENDORS "/%s", files.names[i]);
	}
	if (others != 1)
		stack->opencl_other = NULL;
}

void hw_stack_probe(struct hw *hw, struct hw_stack *stack, unsigned parts, const char *library_path)
{
	*stack = (struct hw_stack){0};
	if (parts & HW_STACK_GLX_NVIDIA)
		stack->nvidia_glx = find_library(hw, "libGLX_nvidia.so.0", library_path);
	if (parts & HW_STACK_XORG_NVIDIA && stack->nvidia_glx)
		stack->nvidia_xorg = any_exists(hw, xorg_drivers);
	if (parts & HW_STACK_EGL_NVIDIA)
		stack->nvidia_egl = hw_egl_vendor_file(hw, "nvidia");
	if (parts & HW_STACK_EGL_MESA)
		stack->mesa_egl = hw_egl_vendor_file(hw, "mesa");
	if (parts & HW_STACK_OPENCL)
		probe_opencl(hw, stack);
	if (parts & HW_STACK_LAVAPIPE)
		stack->lavapipe = find_in(hw, vulkan_directories, "lvp");
}
