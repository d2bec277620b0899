/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/show/show.h"

enum { LABEL = 16, WIDTH = 100 };

/* "  Label         text": a line; without a label it goes on with the one above. What stands in
 * files and on monitors must not disturb a terminal. */
static void line(const struct show *show, struct buf *out, const char *label, const char *text)
{
	size_t start = out->length;

	buf_printf(out, "  %s", label);
	buf_pad(out, start, LABEL);
	buf_puts(out, gpu_plain(show->run, text));
	buf_putc(out, '\n');
}

/* Words in lines no longer than a terminal's. */
static void wrap(const struct show *show, struct buf *out, const char *label, const char *text)
{
	struct arena *arena = show->run->arena;

	while (*text) {
		size_t length = strlen(text), cut = length;

		if (LABEL + length > WIDTH) {
			for (cut = WIDTH - LABEL; cut && text[cut] != ' '; cut--)
				;
			cut = cut ? cut : strcspn(text, " ");
		}
		line(show, out, label, arena_copy(arena, text, cut));
		label = "";
		text += cut;
		text += strspn(text, " ");
	}
}

static const char *or_unknown(const char *text)
{
	return text ? text : "unknown";
}

static void identity(const struct show *show, struct buf *out)
{
	const struct show_function *own = &show->functions[0];
	struct arena *arena = show->run->arena;
	const struct hw_gpu *gpu = show->gpu;

	if (own->name)
		line(show, out, "PCI name",
			arena_printf(arena, "%s [%04x:%04x]%s", own->name, own->ids.vendor,
				own->ids.device,
				own->ids.revision
					? arena_printf(arena, " (rev %02x)", own->ids.revision)
					: ""));
	if (own->subsystem)
		line(show, out, "Board",
			arena_printf(arena, "%s [%04x:%04x]", own->subsystem, own->ids.subvendor,
				own->ids.subdevice));
	line(show, out, "Role",
		arena_printf(arena, "%s: %s%s", hw_role_name(gpu->role), gpu->role_why,
			gpu->boot ? "; the boot was shown by it" : ""));
	if (hw_gpu_unusable(gpu))
		line(show, out, "Rendering",
			arena_printf(arena, "none: it %s", hw_gpu_unusable(gpu)));
}

static const char *libraries(const struct show *show, const char *kernel)
{
	if (!show->library)
		return "none of NVIDIA's were found";
	if (!*show->library)
		return "there, of a version that their names do not tell";
	return arena_printf(show->run->arena, "%s%s", show->library,
		!kernel                         ? ""
		: str_eq(kernel, show->library) ? ", as the kernel driver"
						: ", which is NOT the kernel driver's: they will "
						  "not work together");
}

static void driver(const struct show *show, struct buf *out)
{
	static const char *const builds[] = {
		"", ", the proprietary kernel module", ", the open kernel module"};
	struct arena *arena = show->run->arena;
	struct hw *hw = &show->run->hw;
	const struct hw_nvidia *facts = hw_gpu_nvidia(hw, show->gpu);
	const char *version = hw_gpu_version(hw, show->gpu);

	if (!show->gpu->driver) {
		line(show, out, "Driver", "none");
		return;
	}
	line(show, out, "Driver",
		arena_printf(arena, "%s%s%s%s", show->gpu->driver, version ? " " : "",
			version ? version : "",
			hw_gpu_is_nvidia(show->gpu) ? builds[hw_nvidia_build(hw)] : ""));
	if (!hw_gpu_is_nvidia(show->gpu))
		return;
	line(show, out, "Libraries", libraries(show, version));
	line(show, out, "GSP firmware",
		!facts->firmware   ? "unknown until the GPU was used once"
		: *facts->firmware ? facts->firmware
				   : "not used");
	line(show, out, "UUID", facts->uuid ? facts->uuid : "unknown until the GPU was used once");
	if (facts->bios)
		line(show, out, "Video BIOS", facts->bios);
	if (hw_nvidia_runtime(hw, show->gpu))
		line(show, out, "Runtime D3", hw_nvidia_runtime(hw, show->gpu));
}

static void functions(const struct show *show, struct buf *out)
{
	struct arena *arena = show->run->arena;

	for (size_t i = 0; i < show->function_count; i++) {
		const struct show_function *shown = &show->functions[i];
		const struct hw_function *at = shown->at;

		line(show, out, i ? "" : "Functions",
			arena_printf(arena, "%s %s: driver %s, %s%s%s%s, control %s%s", at->slot,
				shown->class ? shown->class : "GPU",
				at->driver ? at->driver : "none", or_unknown(at->status),
				at->state ? " (" : "", at->state ? at->state : "",
				at->state ? ")" : "", or_unknown(at->control),
				at->cold == 0  ? ", D3cold not allowed"
				: at->cold > 0 ? ", D3cold allowed"
					       : ""));
		if (i && shown->name)
			line(show, out, "",
				arena_printf(arena, "  %s [%04x:%04x]", shown->name,
					shown->ids.vendor, shown->ids.device));
	}
}

static void iommu(const struct show *show, struct buf *out)
{
	struct arena *arena = show->run->arena;

	if (!show->gpu->pci)
		return;
	if (!show->iommu.group) {
		line(show, out, "IOMMU group",
			"none: there is no IOMMU, or it is off in firmware or kernel");
		return;
	}
	line(show, out, "IOMMU group",
		arena_printf(arena, "%s%s%s%s, %s", show->iommu.group, show->iommu.type ? " (" : "",
			show->iommu.type ? show->iommu.type : "", show->iommu.type ? ")" : "",
			show->member_count ? "shared with" : "nothing else is in it"));
	for (size_t i = 0; i < show->member_count; i++)
		line(show, out, "",
			arena_printf(arena, "%s %s: driver %s", show->members[i].slot,
				show->members[i].class,
				show->members[i].driver ? show->members[i].driver : "none"));
}

static const char *at_most(struct arena *arena, const struct hw_link_end *end)
{
	return end->speed && end->width
		       ? arena_printf(arena, "%s x%u", show_speed(arena, end->speed), end->width)
		       : "unknown";
}

static const char *verdict(const struct hw_link *link)
{
	const struct hw_link_end *card = &link->card, *port = &link->port;

	if (!card->width || !port->width || !card->speed || !port->speed)
		return "";
	if (link->width < card->width && link->width < port->width)
		return "; narrower than both can do";
	if (link->speed < card->speed && link->speed < port->speed)
		return "; slower than both can do, as is normal while idle";
	return "";
}

static void link_line(const struct show *show, struct buf *out)
{
	struct arena *arena = show->run->arena;
	const struct hw_link *link = &show->link;

	switch (link->state) {
	case HW_LINK_NONE:
		break;
	case HW_LINK_ASLEEP:
		line(show, out, "Link", "asleep; --wake wakes it and asks");
		break;
	case HW_LINK_UNKNOWN:
		line(show, out, "Link", "unknown: the kernel does not say");
		break;
	case HW_LINK_KNOWN:
		line(show, out, "Link",
			arena_printf(arena, "%s x%u; the card (%s) can do %s, the slot (%s) %s%s",
				show_speed(arena, link->speed), link->width, link->card.slot,
				at_most(arena, &link->card), link->port.slot,
				at_most(arena, &link->port), verdict(link)));
	}
}

static void nodes(const struct show *show, struct buf *out)
{
	for (size_t i = 0; i < show->node_count; i++)
		line(show, out, i ? "" : "Nodes", show->nodes[i]);
	if (!show->node_count)
		line(show, out, "Nodes", "none");
	for (size_t i = 0; i < show->link_count; i++)
		line(show, out, i ? "" : "By path", show->links[i]);
}

static void outputs(const struct show *show, struct buf *out)
{
	struct hw *hw = &show->run->hw;
	const char *label = "Outputs";

	for (size_t i = 0; show->gpu->card >= 0 && i < hw->connector_count; i++) {
		const struct hw_connector *connector = &hw->connectors[i];
		const char *enabled, *monitor;

		if (connector->card != show->gpu->card)
			continue;
		enabled = hw_connector_attr(hw, connector, "enabled");
		monitor =
			hw_monitor_name(show->run->arena, connector->edid, connector->edid_length);
		line(show, out, label,
			arena_printf(show->run->arena, "%s %s%s%s%s", connector->name,
				or_unknown(hw_connector_attr(hw, connector, "status")),
				enabled && str_eq(enabled, "enabled") ? ", lit" : "",
				monitor ? ": " : "", monitor ? monitor : ""));
		label = "";
	}
	if (*label)
		line(show, out, label, "none");
}

static void drm(const struct show *show, struct buf *out)
{
	const struct wake *wake = show->wake;
	struct arena *arena = show->run->arena;
	const char *text = "";

	if (!wake) {
		line(show, out, "DRM",
			show->gpu->card < 0 && show->gpu->render < 0
				? "none"
				: "not asked, as that opens its node; --wake does");
		return;
	}
	if (!*wake->node) {
		line(show, out, "DRM", wake->stage > WAKE_NODE ? "none" : "unknown");
		return;
	}
	if (!wake->answered) {
		line(show, out, "DRM",
			arena_printf(arena, "%s: %s", wake->node,
				wake->error ? strerror(wake->error) : "no answer of a DRM driver"));
		return;
	}
	line(show, out, "DRM",
		arena_printf(arena, "%s %d.%d.%d, %s, by %s", wake->driver, wake->version[0],
			wake->version[1], wake->version[2], wake->description, wake->node));
	line(show, out, "PRIME",
		arena_printf(arena, "import %s, export %s",
			wake->known[0] && wake->values[0] & 1 ? "yes" : "no",
			wake->known[0] && wake->values[0] & 2 ? "yes" : "no"));
	for (size_t i = 1; i < DRM_CAPABILITIES; i++) {
		if (wake->known[i] && wake->values[i])
			text = arena_printf(arena, "%s%s%s %llu", text, *text ? ", " : "",
				show_drm[i].name, (unsigned long long)wake->values[i]);
	}
	wrap(show, out, "Capabilities", *text ? text : "none");
}

static void pci(const struct show *show, struct buf *out)
{
	const struct wake *wake = show->wake;
	struct arena *arena = show->run->arena;
	const char *text = "";

	if (!show->gpu->pci)
		return;
	if (!wake) {
		line(show, out, "PCI",
			"capabilities not asked, as that reads its configuration "
			"space; --wake does");
		return;
	}
	for (unsigned i = 0; i < wake->capability_count; i++) {
		uint16_t id = wake->capabilities[i].id;
		bool extended = wake->capabilities[i].extended;
		const char *name = show_capability(id, extended);

		name = name ? name : arena_printf(arena, "%s%02x", extended ? "extended " : "", id);
		text = arena_printf(arena, "%s%s%s", text, *text ? ", " : "", name);
	}
	if (*text)
		wrap(show, out, "PCI", text);
	else if (wake->config)
		line(show, out, "PCI",
			geteuid() ? "only root may read its capabilities" : "no capabilities");
	else
		line(show, out, "PCI",
			arena_printf(
				arena, "no answer%s%s", *wake->trouble ? ": " : "", wake->trouble));
}

static void modules(const struct show *show, struct buf *out)
{
	struct arena *arena = show->run->arena;

	if (!show->module_count && show->gpu->driver)
		line(show, out, "Module", "none of its name is loaded: it is part of the kernel");
	for (size_t i = 0; i < show->module_count; i++) {
		const struct hw_loaded *module = &show->modules[i];
		const char *text = module->name, *hidden = "";

		for (size_t j = 0; j < module->count; j++) {
			const struct hw_parameter *parameter = &module->parameters[j];

			if (parameter->value)
				text = arena_printf(
					arena, "%s %s=%s", text, parameter->name, parameter->value);
			else
				hidden = arena_printf(arena, "%s%s%s", hidden, *hidden ? ", " : "",
					parameter->name);
		}
		wrap(show, out, i ? "" : "Module", text);
		if (*hidden)
			wrap(show, out, "",
				arena_printf(
					arena, "unknown, as only root may read them: %s", hidden));
	}
}

void show_text(const struct show *show, struct buf *out)
{
	struct gpu_run *run = show->run;

	buf_printf(out, "%s\n", gpu_plain(run, gpu_title(run, show->gpu)));
	identity(show, out);
	driver(show, out);
	functions(show, out);
	iommu(show, out);
	link_line(show, out);
	nodes(show, out);
	outputs(show, out);
	drm(show, out);
	pci(show, out);
	if (show->wake && wake_stuck(show->wake))
		line(show, out, "Unanswered", wake_stuck(show->wake));
	if (show->gpu->pci)
		line(show, out, "xorg.conf",
			arena_printf(run->arena, "BusID \"%s\"",
				hw_bus_id(run->arena, show->gpu->slot)));
	line(show, out, "Mesa",
		arena_printf(run->arena, "DRI_PRIME=%s", hw_gpu_tag(run->arena, show->gpu)));
	modules(show, out);
}
