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

/* By the beginning of its PCI class. */
static enum hw_function_kind kind_of(const char *class)
{
	static const struct {
		const char *prefix;
		enum hw_function_kind kind;
	} classes[] = {
		{"0x03", HW_FUNCTION_DISPLAY},
		{"0x0403", HW_FUNCTION_AUDIO},
		{"0x0604", HW_FUNCTION_PORT},
		{"0x0c03", HW_FUNCTION_USB},
		{"0x0c80", HW_FUNCTION_UCSI},
	};

	/* What is not PCI has no class and is here because it is a GPU. */
	if (!class)
		return HW_FUNCTION_DISPLAY;
	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
		if (str_starts(class, classes[i].prefix))
			return classes[i].kind;
	}
	return HW_FUNCTION_OTHER;
}

const char *hw_function_kind_name(enum hw_function_kind kind)
{
	static const char *const names[] = {"display", "audio", "USB", "USB-C", "port", "other"};

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
		.vendor = hw_root_attr(root, path, "vendor"),
		.kind = kind_of(hw_root_attr(root, path, "class")),
		.status = hw_root_attr(root, path, "power/runtime_status"),
		.control = hw_root_attr(root, path, "power/control"),
		.state = hw_root_attr(root, path, "power_state"),
		.usage = number_of(hw_root_attr(root, path, "power/runtime_usage")),
		.children = number_of(hw_root_attr(root, path, "power/runtime_active_kids")),
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

struct hw_function *hw_ports(struct hw *hw, struct hw_gpu *gpu, unsigned long *count)
{
	struct hw_function *list = NULL;
	const char *path = gpu->path, *end;
	size_t found = 0;

	while (gpu->pci && (end = strrchr(path, '/')) && end > path) {
		path = arena_copy(hw->root.arena, path, (size_t)(end - path));
		end = str_file_name(path);
		if (!hw_is_slot(end, strlen(end)))
			break;
		*arena_push(hw->root.arena, list, found) = read_function(hw, path);
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

int hw_nvidia_dynamic_power(struct hw *hw)
{
	static const char key[] = "\nDynamicPowerManagement: ";
	const char *text = hw_root_text(&hw->root, HW_NVIDIA_PARAMETERS), *at;

	at = text ? strstr(arena_printf(hw->root.arena, "\n%s", text), key) : NULL;
	at = at ? at + sizeof(key) - 1 : "";
	return *at >= '0' && *at <= '3' ? *at - '0' : -1;
}

int hw_output_lit(struct hw *hw, const struct hw_connector *connector)
{
	const char *path = arena_printf(
		hw->root.arena, HW_CLASS_DRM "/card%d-%s", connector->card, connector->name);
	const char *enabled = hw_root_attr(&hw->root, path, "enabled");
	const char *dpms = hw_root_attr(&hw->root, path, "dpms");

	if (!enabled)
		return -1;
	return str_eq(enabled, "enabled") && (!dpms || str_eq(dpms, "On"));
}

long hw_audio_delay(struct hw *hw)
{
	return number_of(hw_root_text(&hw->root, hw_audio_delay_file()));
}

const char *hw_audio_delay_file(void)
{
	return HW_MODULE "/snd_hda_intel/parameters/power_save";
}

bool hw_vfio_keeps_awake(struct hw *hw)
{
	const char *value =
		hw_root_text(&hw->root, HW_MODULE "/vfio_pci/parameters/disable_idle_d3");

	return value && *value == 'Y';
}

bool hw_nvidia_persistence(struct hw *hw)
{
	return hw_root_exists(&hw->root, "/run/nvidia-persistenced/socket") ||
	       hw_root_exists(&hw->root, "/var/run/nvidia-persistenced/socket");
}

static bool is_first_framebuffer(struct hw *hw, unsigned long number)
{
	for (unsigned long i = 0; i < number && i < 32; i++) {
		if (hw_root_exists(
			    &hw->root, arena_printf(hw->root.arena, HW_CLASS_GRAPHICS "/fb%lu", i)))
			return false;
	}
	return true;
}

/* Whether the text consoles may be on one of the GPU's framebuffers. */
static bool is_console(struct hw *hw, struct hw_gpu *gpu)
{
	const char *map = hw_cmdline(hw, "fbcon");
	struct file_list own;
	unsigned long number;

	if (!hw_root_names(&hw->root, arena_path(hw->root.arena, gpu->path, "graphics"), &own))
		return false;
	for (size_t i = 0; i < own.count; i++) {
		const char *name = own.names[i];

		if (str_starts(name, "fb") && str_number(name + 2, strlen(name) - 2, 10, &number) &&
			((map && str_starts(map, "map:")) || is_first_framebuffer(hw, number)))
			return true;
	}
	return false;
}

const char *hw_console(struct hw *hw, struct hw_gpu *gpu)
{
	struct arena *arena = hw->root.arena;
	struct file_list names;

	if (!is_console(hw, gpu) || !hw_root_names(&hw->root, HW_CLASS_VTCONSOLE, &names))
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

/* ".../0000:00:01.0" of ".../0000:00:01.0/0000:01:00.0"; NULL of what sits on the root bus. */
static const char *port_path(struct hw *hw, const struct hw_gpu *gpu)
{
	const char *slash = strrchr(gpu->path, '/');
	const char *path =
		slash ? arena_copy(hw->root.arena, gpu->path, (size_t)(slash - gpu->path)) : NULL;
	const char *name = path ? str_file_name(path) : NULL;

	return name && hw_is_slot(name, strlen(name)) ? path : NULL;
}

const char *hw_port_attribute(struct hw *hw, const struct hw_gpu *gpu, const char *name)
{
	const char *path = port_path(hw, gpu);

	return path ? hw_root_attr(&hw->root, path, name) : NULL;
}

const char *hw_port_file(struct hw *hw, const struct hw_gpu *gpu, const char *name)
{
	const char *path = port_path(hw, gpu);

	return path ? arena_printf(
			      hw->root.arena, HW_PCI_DEVICES "/%s/%s", str_file_name(path), name)
		    : NULL;
}

int hw_power_resource(struct hw *hw, const struct hw_gpu *gpu)
{
	const char *const paths[] = {gpu->path, port_path(hw, gpu)};
	int answer = -1;

	for (size_t i = 0; i < 2 && paths[i]; i++) {
		const char *node = arena_path(hw->root.arena, paths[i], "firmware_node");

		if (!hw_root_exists(&hw->root, node))
			continue;
		answer = 0;
		if (hw_root_exists(
			    &hw->root, arena_path(hw->root.arena, node, "power_resources_D3hot")))
			return 1;
	}
	return answer;
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
