/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/renderer/internal.h"

enum { NOTES = 8 };

struct reading {
	struct arena *arena;
	struct renderer_finding *finding;
	struct renderer_device *device; /* which one is told about */
	const char *missing, *none, *error;
	bool begun, done;
};

static const struct {
	const char *key;
	size_t field;
} fields[] = {
	{"name", offsetof(struct renderer_device, name)},
	{"vendor", offsetof(struct renderer_device, vendor)},
	{"version", offsetof(struct renderer_device, version)},
	{"driver", offsetof(struct renderer_device, driver)},
	{"platform", offsetof(struct renderer_device, platform)},
	{"direct", offsetof(struct renderer_device, direct)},
	{"card", offsetof(struct renderer_device, card)},
	{"render", offsetof(struct renderer_device, render)},
	{"pci", offsetof(struct renderer_device, pci)},
	{"ids", offsetof(struct renderer_device, ids)},
	{"type", offsetof(struct renderer_device, type)},
	{"software", offsetof(struct renderer_device, software_said)},
};

static void note(struct arena *arena, struct renderer_finding *finding, const char *text)
{
	if (finding->note_count < NOTES)
		*arena_push(arena, finding->notes, finding->note_count) = text;
}

static void read_line(struct reading *reading, const char *key, const char *value)
{
	if (!reading->begun || reading->done) {
		reading->begun |= str_eq(key, "probe");
		return;
	}
	if (str_eq(key, "done"))
		reading->done = true;
	else if (str_eq(key, "missing"))
		reading->missing = value;
	else if (str_eq(key, "none"))
		reading->none = value;
	else if (str_eq(key, "error") && !reading->error)
		reading->error = value;
	else if (str_eq(key, "note"))
		note(reading->arena, reading->finding, value);
	else if (str_eq(key, "chatter"))
		note(reading->arena, reading->finding,
			arena_printf(reading->arena, "the driver prints '%s' on standard output",
				value));
	else if (str_eq(key, "device"))
		reading->device = arena_push(
			reading->arena, reading->finding->devices, reading->finding->device_count);
	if (str_eq(key, "device"))
		*reading->device = (struct renderer_device){0};
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		if (str_eq(key, fields[i].key))
			memcpy((char *)reading->device + fields[i].field, &value, sizeof(value));
	}
}

static void read_lines(struct reading *reading, const char *text)
{
	for (size_t length; *text; text += length + (text[length] == '\n')) {
		char *line, *value;

		length = strcspn(text, "\n");
		/* A line that was cut short says nothing. */
		if (text[length] != '\n')
			break;
		line = arena_copy(reading->arena, text, length);
		value = strchr(line, ' ');
		if (value)
			*value++ = '\0';
		read_line(reading, line, value ? value : "");
	}
}

static bool is_node(const char *path, const char *kind, int number)
{
	const char *name = path ? str_file_name(path) : "";
	size_t length = strlen(kind);
	unsigned long is;

	return number >= 0 && strncmp(name, kind, length) == 0 &&
	       str_number(name + length, strlen(name + length), 10, &is) &&
	       is == (unsigned long)number;
}

/* NVIDIA's GLX tells a name alone: "NVIDIA GeForce RTX 3050/PCIe/SSE2". */
static bool fits_name(struct hw *hw, const struct renderer_device *device, struct hw_gpu *gpu)
{
	const char *model = hw_gpu_nvidia(hw, gpu)->model;
	size_t count = 0;

	for (size_t i = 0; i < hw->count; i++)
		count += hw_gpu_is_nvidia(hw->gpus[i]);
	if (count == 1)
		return true;
	/* "RTX 3050" is not "RTX 3050 Ti". */
	return model && device->name && str_starts(device->name, model) &&
	       (device->name[strlen(model)] == '/' || !device->name[strlen(model)]);
}

/* Whether a GPU is what a driver described: the best witness that spoke decides. */
static bool fits(struct hw *hw, const struct renderer_device *device, struct hw_gpu *gpu)
{
	const char *ids = device->ids;
	unsigned long vendor, id;

	if (device->pci)
		return str_eq(device->pci, gpu->slot);
	if (device->render || device->card)
		return is_node(device->render, "renderD", gpu->render) ||
		       is_node(device->card, "card", gpu->card);
	if (ids)
		return strlen(ids) == 9 && str_number(ids, 4, 16, &vendor) &&
		       str_number(ids + 5, 4, 16, &id) && gpu->vendor == vendor &&
		       gpu->device == id;
	return device->vendor && str_starts(device->vendor, "NVIDIA") && hw_gpu_is_nvidia(gpu) &&
	       fits_name(hw, device, gpu);
}

bool gpu_has_driver(const struct hw_gpu *gpu)
{
	return gpu->card >= 0 || gpu->render >= 0 || hw_gpu_is_nvidia(gpu);
}

static void find_gpu(struct hw *hw, struct renderer_device *device)
{
	static const char *const cpu[] = {
		"llvmpipe", "softpipe", "swrast", "SwiftShader", "Software Rasterizer", "lavapipe"};
	size_t count = 0;

	device->software = device->software_said != NULL;
	for (size_t i = 0; device->name && i < sizeof(cpu) / sizeof(*cpu); i++)
		device->software |= strstr(device->name, cpu[i]) != NULL;
	for (size_t i = 0; !device->software && i < hw->count; i++) {
		if (gpu_has_driver(hw->gpus[i]) && fits(hw, device, hw->gpus[i])) {
			device->gpu = hw->gpus[i];
			count++;
		}
	}
	/* Twins that nothing tells apart. */
	if (count > 1)
		device->gpu = NULL;
}

static const char *signal_name(struct arena *arena, int number)
{
	static const struct {
		int number;
		const char *name;
	} names[] = {{SIGSEGV, "SIGSEGV"}, {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"},
		{SIGILL, "SIGILL"}, {SIGFPE, "SIGFPE"}, {SIGTRAP, "SIGTRAP"}, {SIGSYS, "SIGSYS"},
		{SIGKILL, "SIGKILL"}, {SIGPIPE, "SIGPIPE"}, {SIGTERM, "SIGTERM"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (names[i].number == number)
			return names[i].name;
	}
	return arena_printf(arena, "signal %d", number);
}

static const char *first_line(struct arena *arena, const char *text)
{
	return arena_copy(arena, text, strcspn(text, "\n"));
}

/* What became of a child that did not come to its end; NULL if it did. */
static const char *trouble(struct reading *reading, const struct child *child,
	enum renderer_way way, long milliseconds)
{
	struct arena *arena = reading->arena;

	if (reading->error || reading->done)
		return reading->error;
	if (!child->pid)
		return "no process could be started for it";
	if (child->late)
		return arena_printf(arena, "the driver did not answer within %ld %s%s",
			milliseconds % 1000 ? milliseconds : milliseconds / 1000,
			milliseconds % 1000 ? "ms" : "s",
			child->stuck ? ", and its process cannot be ended" : "");
	if (child->code != CLD_EXITED)
		return arena_printf(
			arena, "the driver crashed (%s)", signal_name(arena, child->status));
	if (reading->begun)
		return arena_printf(
			arena, "the driver ended the program (status %d)", child->status);
	return arena_printf(arena, "%s (status %d)%s%s",
		way == RENDERER_NV_RUN ? "nv-run did not start the probe"
				       : "the probe did not start",
		child->status, child->noise.length ? ": " : "",
		first_line(arena, buf_text(&child->noise)));
}

/* What nv-run warned of is part of the answer; the rest is the drivers', for -v. */
static void read_noise(struct reading *reading, const char *text)
{
	for (size_t length; *text; text += length + (text[length] == '\n')) {
		const char *line = first_line(reading->arena, text);

		length = strlen(line);
		if (str_starts(line, "nv-run: "))
			note(reading->arena, reading->finding, line);
		else if (*line)
			log_info("a driver says: %s", line);
	}
}

static void name_it(struct arena *arena, struct renderer_finding *finding)
{
	const struct renderer_device *device = &finding->device;

	finding->text = device->name     ? device->name
			: device->vendor ? arena_printf(arena, "a renderer of %s", device->vendor)
					 : "a renderer without a name";
}

void answer_read(struct arena *arena, struct hw *hw, const struct child *child,
	enum renderer_way way, long milliseconds, struct renderer_finding *finding)
{
	struct reading reading = {.arena = arena, .finding = finding, .device = &finding->device};
	const char *failed;

	read_lines(&reading, buf_text(&child->answer));
	read_noise(&reading, buf_text(&child->noise));
	/* Vulkan has no other answer than its devices. */
	if (finding->device_count && !reading.none && !finding->device.platform)
		finding->device = finding->devices[0];
	find_gpu(hw, &finding->device);
	for (size_t i = 0; i < finding->device_count; i++)
		find_gpu(hw, &finding->devices[i]);
	failed = trouble(&reading, child, way, milliseconds);
	finding->state = failed            ? RENDERER_FAILED
			 : reading.missing ? RENDERER_UNAVAILABLE
			 : reading.none    ? RENDERER_NONE
					   : RENDERER_TOLD;
	if (finding->state == RENDERER_TOLD)
		name_it(arena, finding);
	else
		finding->text = failed ? failed : reading.missing ? reading.missing : reading.none;
}
