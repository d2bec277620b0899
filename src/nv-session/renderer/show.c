/* SPDX-License-Identifier: MIT */
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/renderer/internal.h"

static const char *const way_names[RENDERER_WAYS] = {"plain", "nv-run"};

const char *renderer_state_name(enum renderer_state state)
{
	static const char *const names[] = {
		"unasked", "told", "none", "unavailable", "asleep", "failed"};

	return names[state];
}

const char *renderer_api_title(enum renderer_api api)
{
	static const char *const titles[RENDERER_APIS] = {"EGL", "GLX", "Vulkan"};

	return titles[api];
}

const char *renderer_device_place(const struct renderer_device *device)
{
	return device->software ? "software" : device->gpu ? device->gpu->slot : "-";
}

/* "llvmpipe (LLVM 15.0.6, 256 bits), on surfaceless": the name and what is unusual. */
static void put_answer(
	struct buf *out, enum renderer_api api, const struct renderer_finding *finding)
{
	const struct renderer_device *device = &finding->device;

	buf_puts(out, finding->text);
	if (finding->state != RENDERER_TOLD)
		return;
	if (device->ids && !device->gpu && !device->software)
		buf_printf(out, " [%s]", device->ids);
	if (device->direct && !str_eq(device->direct, "yes"))
		buf_puts(out, ", drawn by the X server");
	if (api == RENDERER_EGL && device->platform && !str_eq(device->platform, "x11"))
		buf_printf(out, ", without X");
	for (size_t i = 1; api == RENDERER_VULKAN && i < finding->device_count; i++)
		buf_printf(out, "%s%s (%s)", i == 1 ? "; behind it " : ", ",
			finding->devices[i].name ? finding->devices[i].name : "?",
			renderer_device_place(&finding->devices[i]));
}

static void put_row(struct buf *out, const char *api, const char *way, const char *place)
{
	const char *const cells[] = {api, way, place};
	static const size_t widths[] = {8, 9, 14};

	for (size_t i = 0; i < sizeof(cells) / sizeof(*cells); i++) {
		size_t start = out->length;

		buf_puts(out, cells[i]);
		buf_pad(out, start, widths[i]);
		if (out->text[out->length - 1] != ' ')
			buf_putc(out, ' ');
	}
}

void renderer_show(struct buf *out, const struct renderer_findings *findings)
{
	put_row(out, "API", "STARTED", "GPU");
	buf_puts(out, "RENDERER\n");
	for (unsigned i = 0; i < RENDERER_WAYS * RENDERER_APIS; i++) {
		unsigned api = i / RENDERER_WAYS, way = i % RENDERER_WAYS;
		const struct renderer_finding *finding = &findings->of[way][api];

		if (finding->state == RENDERER_UNASKED)
			continue;
		put_row(out, renderer_api_title(api), way_names[way],
			finding->state == RENDERER_TOLD ? renderer_device_place(&finding->device)
							: "-");
		put_answer(out, api, finding);
		buf_putc(out, '\n');
		for (size_t j = 0; j < finding->note_count; j++) {
			put_row(out, "", "", "");
			buf_printf(out, "(%s)\n", finding->notes[j]);
		}
	}
}

static void json_device(struct json *json, const struct renderer_device *device)
{
	json_add_string(json, "gpu", device->gpu ? device->gpu->slot : NULL);
	json_add_bool(json, "software", device->software);
	json_add_string(json, "renderer", device->name);
	json_add_string(json, "vendor", device->vendor);
	json_add_string(json, "version", device->version);
	json_add_string(json, "driver", device->driver);
	json_add_string(json, "ids", device->ids);
	json_add_string(json, "pci", device->pci);
	json_add_string(json, "card", device->card);
	json_add_string(json, "render", device->render);
	json_add_string(json, "type", device->type);
}

static void json_finding(
	struct json *json, enum renderer_api api, const struct renderer_finding *finding)
{
	json_open(json, renderer_api_name(api), '{');
	json_add_string(json, "state", renderer_state_name(finding->state));
	json_add_string(json, "text", finding->text);
	json_device(json, &finding->device);
	json_add_string(json, "platform", finding->device.platform);
	if (finding->device.direct)
		json_add_bool(json, "direct", str_eq(finding->device.direct, "yes"));
	else
		json_add_null(json, "direct");
	json_open(json, "devices", '[');
	for (size_t i = 0; i < finding->device_count; i++) {
		json_open(json, NULL, '{');
		json_device(json, &finding->devices[i]);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_open(json, "notes", '[');
	for (size_t i = 0; i < finding->note_count; i++)
		json_add_string(json, NULL, finding->notes[i]);
	json_close(json, ']');
	json_close(json, '}');
}

void renderer_json(struct json *json, const struct renderer_findings *findings)
{
	for (unsigned way = 0; way < RENDERER_WAYS; way++) {
		json_open(json, way_names[way], '{');
		for (unsigned api = 0; api < RENDERER_APIS; api++) {
			if (findings->of[way][api].state != RENDERER_UNASKED)
				json_finding(json, api, &findings->of[way][api]);
		}
		json_close(json, '}');
	}
}
