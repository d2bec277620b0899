/* SPDX-License-Identifier: MIT */
#include "nv-session/show.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

const char *show_gpu(struct arena *arena, const struct x11_gpu *gpu)
{
	if (!gpu)
		return "unknown";
	return arena_printf(arena, "%s %s",
		str_starts(gpu->slot, "0000:") ? gpu->slot + 5 : gpu->slot, gpu->name);
}

const char *show_output(
	struct arena *arena, const struct x11_server *server, const struct x11_output *output)
{
	const struct x11_crtc *crtc = x11_crtc(server, output->crtc);
	const struct x11_mode *mode = crtc ? x11_mode(server, crtc->mode) : NULL;

	if (!crtc || !x11_is_lit(server, output))
		return !output->connected ? "nothing plugged in"
		       : output->listed   ? "connected, dark"
					  : "connected, not linked";
	return arena_printf(arena, "%ux%u%+d%+d%s%s%s%s%s", crtc->width, crtc->height, crtc->x,
		crtc->y, mode ? arena_printf(arena, " %.2f Hz", mode->rate) : "",
		server->primary == output->id ? ", primary" : "",
		crtc->rotation & X11_ROTATE_0 ? "" : ", ",
		crtc->rotation & X11_ROTATE_0 ? "" : x11_rotation_name(crtc->rotation),
		output->connected ? "" : ", unplugged");
}

static const char *add(struct arena *arena, const char *list, const char *one)
{
	return *list ? arena_printf(arena, "%s; %s", list, one) : one;
}

const char *show_links(
	struct arena *arena, const struct x11_server *server, const struct x11_provider *provider)
{
	const char *text = "";

	if (provider->output_source)
		text = add(arena, text,
			arena_printf(arena, "its outputs show the pictures of 0x%x",
				provider->output_source));
	if (provider->offload_sink)
		text = add(arena, text,
			arena_printf(arena, "renders for 0x%x when asked", provider->offload_sink));
	for (size_t i = 0; i < server->provider_count; i++) {
		const struct x11_provider *other = &server->providers[i];

		if (other->output_source == provider->id)
			text = add(arena, text,
				arena_printf(arena, "feeds the outputs of 0x%x", other->id));
	}
	return *text ? text : "none";
}

static const char *hex(struct arena *arena, uint32_t id)
{
	return id ? arena_printf(arena, "0x%x", id) : NULL;
}

void show_providers_json(
	struct arena *arena, struct json *json, const char *name, const struct x11_server *server)
{
	json_open(json, name, '[');
	for (size_t i = 0; i < server->provider_count; i++) {
		const struct x11_provider *provider = &server->providers[i];
		const struct x11_gpu *gpu = provider->gpu;

		json_open(json, NULL, '{');
		json_add_string(json, "id", hex(arena, provider->id));
		json_add_string(json, "name", provider->name);
		json_add_string(json, "drives", provider->screen ? "x-screen" : "gpu-screen");
		json_add_number(json, "capabilities", (long)provider->capabilities);
		json_add_string(json, "capability-names",
			x11_capability_names(arena, provider->capabilities));
		json_add_string(json, "slot", gpu ? gpu->slot : NULL);
		json_add_string(json, "gpu", gpu ? gpu->name : NULL);
		json_add_string(json, "slot-known-by", x11_sure_name(provider->sure));
		json_add_bool(json, "slot-sure", gpu && provider->sure != X11_UNSURE);
		json_add_string(json, "output-source", hex(arena, provider->output_source));
		json_add_string(json, "offload-sink", hex(arena, provider->offload_sink));
		json_open(json, "outputs", '[');
		for (size_t j = 0; j < provider->outputs.count; j++) {
			const struct x11_output *output =
				x11_output(server, provider->outputs.list[j]);

			json_add_string(json, NULL, output ? output->name : "");
		}
		json_close(json, ']');
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void output_json(struct arena *arena, struct json *json, const struct x11_server *server,
	const struct x11_output *output)
{
	const struct x11_crtc *crtc = x11_crtc(server, output->crtc);
	const struct x11_mode *mode = crtc ? x11_mode(server, crtc->mode) : NULL;
	const struct x11_provider *owner = x11_owner(server, output->id);

	json_open(json, NULL, '{');
	json_add_string(json, "name", output->name);
	json_add_string(json, "provider", owner ? hex(arena, owner->id) : NULL);
	json_add_string(json, "slot", owner && owner->gpu ? owner->gpu->slot : NULL);
	json_add_bool(json, "connected", output->connected);
	json_add_bool(json, "usable", output->listed);
	json_add_bool(json, "lit", x11_is_lit(server, output));
	json_add_bool(json, "primary", server->primary == output->id);
	if (mode) {
		json_add_number(json, "width", crtc->width);
		json_add_number(json, "height", crtc->height);
		json_add_number(json, "x", crtc->x);
		json_add_number(json, "y", crtc->y);
		json_add_string(json, "rate", arena_printf(arena, "%.2f", mode->rate));
		json_add_string(json, "rotate", x11_rotation_name(crtc->rotation));
	}
	if (output->sync >= 0)
		json_add_bool(json, "prime-sync", output->sync);
	else
		json_add_null(json, "prime-sync");
	json_close(json, '}');
}

void show_outputs_json(
	struct arena *arena, struct json *json, const char *name, const struct x11_server *server)
{
	json_open(json, name, '[');
	for (size_t i = 0; i < server->output_count; i++)
		output_json(arena, json, server, &server->outputs[i]);
	json_close(json, ']');
}
