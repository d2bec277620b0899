/* SPDX-License-Identifier: MIT */
#include "hw/sleep.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "hw/internal.h"

static long number_of(const char *text)
{
	unsigned long number;

	return text && str_number(text, strlen(text), 10, &number) ? (long)number : -1;
}

/* PCI base classes: 0x03 display, 0x0403 audio, 0x0c03 USB, 0x0c80 UCSI. */
static enum hw_function_kind kind_of(const char *class)
{
	if (!class || str_starts(class, "0x03"))
		return HW_FUNCTION_DISPLAY;
	if (str_starts(class, "0x0403"))
		return HW_FUNCTION_AUDIO;
	return str_starts(class, "0x0c03") ? HW_FUNCTION_USB : HW_FUNCTION_OTHER;
}

const char *hw_function_kind_name(enum hw_function_kind kind)
{
	static const char *const names[] = {"display", "audio", "USB", "other"};

	return names[kind];
}

static struct hw_function read_function(struct hw *hw, const char *path)
{
	const struct hw_root *root = &hw->root;
	const char *driver = hw_root_link(root, arena_path(root->arena, path, "driver"));

	return (struct hw_function){
		.slot = str_file_name(path),
		.path = path,
		.driver = driver ? str_file_name(driver) : NULL,
		.kind = kind_of(hw_root_attr(root, path, "class")),
		.status = hw_root_attr(root, path, "power/runtime_status"),
		.control = hw_root_attr(root, path, "power/control"),
		.state = hw_root_attr(root, path, "power_state"),
		.usage = number_of(hw_root_attr(root, path, "power/runtime_usage")),
		.cold = (int)number_of(hw_root_attr(root, path, "d3cold_allowed")),
	};
}

struct hw_function *hw_functions(struct hw *hw, struct hw_gpu *gpu, unsigned long *count)
{
	struct arena *arena = hw->root.arena;
	const char *dot = strrchr(gpu->path, '.');
	struct hw_function *list = NULL;
	size_t found = 0;

	*arena_push(arena, list, found) = read_function(hw, gpu->path);
	if (!list[0].driver)
		list[0].driver = gpu->driver;
	for (int i = 0; gpu->pci && dot && i < 8; i++) {
		const char *path =
			arena_printf(arena, "%.*s.%d", (int)(dot - gpu->path), gpu->path, i);

		if (!str_eq(path, gpu->path) && hw_root_exists(&hw->root, path))
			*arena_push(arena, list, found) = read_function(hw, path);
	}
	*count = found;
	return list;
}

const char *hw_nvidia_runtime(struct hw *hw, struct hw_gpu *gpu)
{
	static const char key[] = "Runtime D3 status:";
	const char *text = hw_root_text(
		&hw->root, arena_printf(hw->root.arena, HW_NVIDIA_GPUS "/%s/power", gpu->slot));
	const char *at = text ? strstr(text, key) : NULL;

	if (!at)
		return NULL;
	at += sizeof(key) - 1;
	at += strspn(at, " \t");
	return arena_copy(hw->root.arena, at, strcspn(at, "\n"));
}

bool hw_nvidia_persistence(struct hw *hw)
{
	return hw_root_exists(&hw->root, "/run/nvidia-persistenced/socket") ||
	       hw_root_exists(&hw->root, "/var/run/nvidia-persistenced/socket");
}

const char *hw_console(struct hw *hw, struct hw_gpu *gpu)
{
	struct arena *arena = hw->root.arena;
	struct file_list names;

	/* Framebuffers do not say which console draws on them; the console on screen is one. */
	if (!hw_root_names(&hw->root, arena_path(arena, gpu->path, "graphics"), &names) ||
		!names.count || !hw_root_names(&hw->root, HW_CLASS_VTCONSOLE, &names))
		return NULL;
	for (size_t i = 0; i < names.count; i++) {
		const char *path = arena_path(arena, HW_CLASS_VTCONSOLE, names.names[i]);
		const char *name = hw_root_attr(&hw->root, path, "name");
		const char *bind = hw_root_attr(&hw->root, path, "bind");

		if (name && strstr(name, "frame buffer") && bind && *bind == '1')
			return arena_path(arena, path, "bind");
	}
	return NULL;
}

const char *hw_function_file(struct hw *hw, const struct hw_function *function, const char *name)
{
	return arena_printf(hw->root.arena, HW_PCI_DEVICES "/%s/%s", function->slot, name);
}

int hw_status_open(struct hw *hw, struct hw_gpu *gpu)
{
	return hw_root_open(
		&hw->root, arena_path(hw->root.arena, gpu->path, "power/runtime_status"), O_RDONLY);
}

int hw_status_suspended(int fd)
{
	char text[16];
	ssize_t length = pread(fd, text, sizeof(text), 0);

	if (length <= 0)
		return -1;
	return length >= 9 && memcmp(text, "suspended", 9) == 0;
}
