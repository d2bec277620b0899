/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/show/show.h"

static const char *ids_text(struct arena *arena, unsigned vendor, unsigned device)
{
	return vendor ? arena_printf(arena, "%04x:%04x", vendor, device) : NULL;
}

static void function(const struct show *show, struct json *json, const struct show_function *shown)
{
	struct arena *arena = show->run->arena;
	const struct hw_function *at = shown->at;

	json_open(json, NULL, '{');
	json_add_string(json, "slot", at->slot);
	json_add_string(json, "kind", hw_function_kind_name(at->kind));
	json_add_string(json, "class", shown->class);
	json_add_string(json, "name", shown->name);
	json_add_string(json, "ids", ids_text(arena, shown->ids.vendor, shown->ids.device));
	json_add_string(json, "subsystem", shown->subsystem);
	json_add_string(
		json, "subsystem-ids", ids_text(arena, shown->ids.subvendor, shown->ids.subdevice));
	json_add_string(json, "driver", at->driver);
	json_add_string(json, "iommu-group", shown->group);
	json_add_string(json, "status", at->status);
	json_add_string(json, "control", at->control);
	json_add_string(json, "state", at->state);
	json_add_count(json, "usage", at->usage);
	if (at->cold < 0)
		json_add_null(json, "d3cold-allowed");
	else
		json_add_bool(json, "d3cold-allowed", at->cold);
	json_close(json, '}');
}

static void iommu(const struct show *show, struct json *json)
{
	if (!show->iommu.group) {
		json_add_null(json, "iommu");
		return;
	}
	json_open(json, "iommu", '{');
	json_add_string(json, "group", show->iommu.group);
	json_add_string(json, "type", show->iommu.type);
	json_open(json, "others", '[');
	for (size_t i = 0; i < show->member_count; i++) {
		json_open(json, NULL, '{');
		json_add_string(json, "slot", show->members[i].slot);
		json_add_string(json, "class", show->members[i].class);
		json_add_string(json, "driver", show->members[i].driver);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_close(json, '}');
}

static void speed_and_width(const struct show *show, struct json *json, const char *prefix,
	unsigned speed, unsigned width)
{
	struct arena *arena = show->run->arena;

	json_add_string(json, arena_printf(arena, "%sspeed", prefix),
		speed ? show_speed(arena, speed) : NULL);
	json_add_count(json, arena_printf(arena, "%swidth", prefix), width ? (long)width : -1);
}

static void link_end(
	const struct show *show, struct json *json, const char *name, const struct hw_link_end *end)
{
	json_open(json, name, '{');
	json_add_string(json, "slot", end->slot);
	speed_and_width(show, json, "max-", end->speed, end->width);
	json_close(json, '}');
}

static void link_facts(const struct show *show, struct json *json)
{
	static const char *const states[] = {"none", "asleep", "unknown", "known"};

	json_open(json, "link", '{');
	json_add_string(json, "state", states[show->link.state]);
	if (show->link.state != HW_LINK_NONE) {
		speed_and_width(show, json, "", show->link.speed, show->link.width);
		link_end(show, json, "card", &show->link.card);
		link_end(show, json, "port", &show->link.port);
	}
	json_close(json, '}');
}

static void modules(const struct show *show, struct json *json)
{
	json_open(json, "modules", '[');
	for (size_t i = 0; i < show->module_count; i++) {
		const struct hw_loaded *module = &show->modules[i];

		json_open(json, NULL, '{');
		json_add_string(json, "name", module->name);
		json_add_string(json, "version", module->version);
		json_add_string(json, "taint", module->taint);
		json_open(json, "parameters", '{');
		for (size_t j = 0; j < module->count; j++)
			json_add_string(
				json, module->parameters[j].name, module->parameters[j].value);
		json_close(json, '}');
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void nvidia(const struct show *show, struct json *json)
{
	static const char *const builds[] = {NULL, "proprietary", "open"};
	const struct hw_nvidia *facts = hw_gpu_nvidia(&show->run->hw, show->gpu);
	const char *kernel = hw_gpu_version(&show->run->hw, show->gpu);

	if (!hw_gpu_is_nvidia(show->gpu)) {
		json_add_null(json, "nvidia");
		return;
	}
	json_open(json, "nvidia", '{');
	json_add_string(json, "kernel-module", builds[hw_nvidia_build(&show->run->hw)]);
	json_add_string(
		json, "library-version", show->library && *show->library ? show->library : NULL);
	if (kernel && show->library && *show->library)
		json_add_bool(json, "versions-agree", str_eq(kernel, show->library));
	else
		json_add_null(json, "versions-agree");
	if (facts->firmware)
		json_add_bool(json, "gsp", *facts->firmware);
	else
		json_add_null(json, "gsp");
	json_add_string(
		json, "gsp-firmware", facts->firmware && *facts->firmware ? facts->firmware : NULL);
	json_add_string(json, "runtime-d3", hw_nvidia_runtime(&show->run->hw, show->gpu));
	json_add_count(json, "minor", facts->minor);
	json_add_string(json, "uuid", facts->uuid);
	json_add_string(json, "bios", facts->bios);
	json_close(json, '}');
}

static void strings(struct json *json, const char *name, const char *const *list, size_t count)
{
	json_open(json, name, '[');
	for (size_t i = 0; i < count; i++)
		json_add_string(json, NULL, list[i]);
	json_close(json, ']');
}

static void connectors(const struct show *show, struct json *json)
{
	struct hw *hw = &show->run->hw;

	json_open(json, "connectors", '[');
	for (size_t i = 0; show->gpu->card >= 0 && i < hw->connector_count; i++) {
		const struct hw_connector *connector = &hw->connectors[i];
		const char *enabled;

		if (connector->card != show->gpu->card)
			continue;
		enabled = hw_connector_attr(hw, connector, "enabled");
		json_open(json, NULL, '{');
		json_add_string(json, "name", connector->name);
		json_add_string(json, "status", hw_connector_attr(hw, connector, "status"));
		if (enabled)
			json_add_bool(json, "lit", str_eq(enabled, "enabled"));
		else
			json_add_null(json, "lit");
		json_add_string(json, "monitor",
			hw_monitor_name(show->run->arena, connector->edid, connector->edid_length));
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void drm(const struct show *show, struct json *json)
{
	const struct wake *wake = show->wake;
	struct arena *arena = show->run->arena;

	json_open(json, "drm", '{');
	json_add_bool(json, "asked", wake);
	if (wake && !*wake->node && wake->stage > WAKE_NODE)
		json_add_null(json, "node");
	else if (wake)
		json_add_string(json, "node", wake->node);
	if (wake && wake->error && *wake->node)
		json_add_string(json, "error", strerror(wake->error));
	if (wake && wake->answered) {
		json_add_string(json, "driver", wake->driver);
		json_add_string(json, "description", wake->description);
		json_add_string(json, "date", wake->date);
		json_add_string(json, "version",
			arena_printf(arena, "%d.%d.%d", wake->version[0], wake->version[1],
				wake->version[2]));
		json_add_bool(json, "prime-import", wake->known[0] && wake->values[0] & 1);
		json_add_bool(json, "prime-export", wake->known[0] && wake->values[0] & 2);
		for (size_t i = 1; i < DRM_CAPABILITIES; i++)
			json_add_count(json, show_drm[i].name,
				wake->known[i] ? (long)wake->values[i] : -1);
	}
	json_close(json, '}');
}

static void pci(const struct show *show, struct json *json)
{
	const struct wake *wake = show->wake;

	json_open(json, "pci-capabilities", '{');
	json_add_bool(json, "asked", wake);
	if (wake && *wake->trouble)
		json_add_string(json, "error", wake->trouble);
	if (wake && wake->config) {
		json_open(json, "list", '[');
		for (unsigned i = 0; i < wake->capability_count; i++) {
			uint16_t id = wake->capabilities[i].id;
			bool extended = wake->capabilities[i].extended;

			json_open(json, NULL, '{');
			json_add_number(json, "id", id);
			json_add_bool(json, "extended", extended);
			json_add_string(json, "name", show_capability(id, extended));
			json_close(json, '}');
		}
		json_close(json, ']');
	}
	json_close(json, '}');
}

void show_json(const struct show *show, struct json *json)
{
	struct gpu_run *run = show->run;
	struct hw_gpu *gpu = show->gpu;

	json_open(json, NULL, '{');
	json_add_string(json, "slot", gpu->slot);
	json_add_string(json, "name", hw_gpu_name(&run->hw, gpu));
	json_add_string(json, "role", hw_role_name(gpu->role));
	json_add_string(json, "role-why", gpu->role_why);
	json_add_bool(json, "boot", gpu->boot);
	json_add_string(json, "unusable", hw_gpu_unusable(gpu));
	json_add_string(json, "power", hw_gpu_status(&run->hw, gpu));
	json_add_string(json, "driver", gpu->driver);
	json_add_string(json, "driver-version", hw_gpu_version(&run->hw, gpu));
	modules(show, json);
	nvidia(show, json);
	json_open(json, "functions", '[');
	for (size_t i = 0; i < show->function_count; i++)
		function(show, json, &show->functions[i]);
	json_close(json, ']');
	iommu(show, json);
	link_facts(show, json);
	strings(json, "nodes", show->nodes, show->node_count);
	strings(json, "by-path", show->links, show->link_count);
	connectors(show, json);
	drm(show, json);
	pci(show, json);
	if (show->wake)
		json_add_string(json, "unanswered", wake_stuck(show->wake));
	json_add_string(json, "bus-id", gpu->pci ? hw_bus_id(run->arena, gpu->slot) : NULL);
	json_add_string(json, "dri-prime", hw_gpu_tag(run->arena, gpu));
	json_close(json, '}');
}
