/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "hw/kernel.h"
#include "nv-gpu/awake.h"

static struct reason *add(
	struct inquiry *inquiry, const char *id, const char *what, const char *cure)
{
	struct reason *reason = arena_push(inquiry->run->arena, inquiry->reasons, inquiry->count);

	*reason = (struct reason){id, what, cure, NULL, true};
	return reason;
}

static bool is_built_in(const struct hw_connector *connector)
{
	return str_starts(connector->name, "eDP") || str_starts(connector->name, "LVDS") ||
	       str_starts(connector->name, "DSI");
}

/*
 * Lit outputs. X servers with NVIDIA's driver set modes past the kernel, which then takes an output
 * for dark: a monitor that is plugged into such a GPU counts. True if the kernel itself lights one.
 */
static bool outputs(struct inquiry *inquiry)
{
	struct arena *arena = inquiry->run->arena;
	struct hw *hw = &inquiry->run->hw;
	bool sure = false;

	for (size_t i = 0; inquiry->gpu->card >= 0 && i < hw->connector_count; i++) {
		const struct hw_connector *connector = &hw->connectors[i];
		bool built_in = is_built_in(connector);
		int lit;

		if (connector->card != inquiry->gpu->card || !connector->connected)
			continue;
		lit = hw_output_lit(hw, connector);
		if (!lit && !hw_gpu_is_nvidia(inquiry->gpu))
			continue;
		if (built_in)
			add(inquiry, "output",
				arena_printf(arena, "it shows the desktop on the built-in panel %s",
					connector->name),
				"nothing, as long as the panel is wired to this GPU");
		else
			add(inquiry, "output",
				arena_printf(arena,
					lit > 0 ? "it lights the monitor at %s"
						: "a monitor is plugged into %s",
					connector->name),
				"unplug it, or switch the output off in the desktop's settings");
		sure |= lit > 0 || (lit < 0 && built_in);
	}
	return sure;
}

/* A module's options, from the next boot on. */
static const char *option(struct inquiry *inquiry, const char *file, const char *text)
{
	if (hw_is_nixos(&inquiry->run->hw))
		return arena_printf(inquiry->run->arena,
			"in configuration.nix: boot.extraModprobeConfig = \"options %s\"; then "
			"nixos-rebuild boot, reboot",
			text);
	return arena_printf(inquiry->run->arena,
		"echo 'options %s' > /etc/modprobe.d/%s, make the initramfs anew, reboot", text,
		file);
}

static const char *fine_grained(struct inquiry *inquiry)
{
	struct hw *hw = &inquiry->run->hw;
	struct hw_kernel kernel;

	hw_kernel_read(hw, &kernel);
	return option(inquiry, "zz-nv-gpu-power.conf",
		arena_printf(inquiry->run->arena, "%s NVreg_DynamicPowerManagement=0x02",
			hw_kernel_nvidia(hw, &kernel, "nvidia")));
}

/* NVIDIA's own setting; true if with it the GPU sleeps once nobody has it open. */
static bool nvidia_setting(struct inquiry *inquiry)
{
	struct arena *arena = inquiry->run->arena;
	struct hw *hw = &inquiry->run->hw;
	const char *runtime;

	if (!hw_gpu_is_nvidia(inquiry->gpu))
		return false;
	runtime = hw_nvidia_runtime(hw, inquiry->gpu);
	if (!runtime && hw_nvidia_dynamic_power(hw) == 0)
		add(inquiry, "module", "NVreg_DynamicPowerManagement=0 forbids it to sleep",
			fine_grained(inquiry));
	else if (runtime && str_eq(runtime, "Disabled by default"))
		add(inquiry, "module",
			"NVIDIA's driver lets this GPU sleep only when told to (runtime D3: "
			"Disabled by default)",
			arena_printf(arena,
				"%s; it needs firmware that can switch the slot off, which few "
				"desktops have",
				fine_grained(inquiry)));
	else if (runtime && str_starts(runtime, "Disabled"))
		add(inquiry, "module",
			arena_printf(arena, "NVIDIA's driver says of runtime D3: %s", runtime),
			fine_grained(inquiry));
	else if (runtime && (str_starts(runtime, "Not ")))
		add(inquiry, "module",
			arena_printf(arena, "NVIDIA's driver says of runtime D3: %s", runtime),
			"nothing: GPU, firmware or driver cannot; nv-gpu doctor may tell more");
	return runtime && strstr(runtime, "coarse");
}

/* The driver's side: what makes all the others pointless to look at. */
static void driver(struct inquiry *inquiry)
{
	const struct hw_function *own = &inquiry->functions[0];
	const char *status = own->status ? own->status : "", *name = own->driver;
	struct arena *arena = inquiry->run->arena;

	if (str_eq(status, "unsupported"))
		add(inquiry, "unsupported",
			name ? arena_printf(arena,
				       "its driver, %s, has no runtime power management here", name)
			     : "it has no runtime power management",
			"nothing: the driver or the machine cannot");
	else if (str_eq(status, "error"))
		add(inquiry, "error", "putting it to sleep, or waking it, has failed",
			"journalctl -k tells more; loading the driver anew or a reboot helps");
	else if (!inquiry->asleep && name && str_eq(name, "vfio-pci") &&
		 hw_vfio_keeps_awake(&inquiry->run->hw))
		add(inquiry, "module", "vfio-pci was told to keep idle devices awake",
			option(inquiry, "zz-nv-gpu-vfio.conf", "vfio-pci disable_idle_d3=0"));
}

static void control(struct inquiry *inquiry, const struct hw_function *function)
{
	struct arena *arena = inquiry->run->arena;
	struct reason *reason = add(inquiry, "control",
		arena_printf(arena, "power/control of %s (%s) is on: it never sleeps",
			function->slot, hw_function_kind_name(function->kind)),
		arena_printf(arena, "echo auto > %s",
			hw_function_file(&inquiry->run->hw, function, "power/control")));

	reason->later = arena_printf(arena,
		"to keep it so, %s: ACTION==\"add|bind\", SUBSYSTEM==\"pci\", KERNEL==\"%s\", "
		"ATTR{power/control}=\"auto\"",
		gpu_udev_rules(inquiry->run), function->slot);
}

static void active(struct inquiry *inquiry, const struct hw_function *function)
{
	long delay = hw_audio_delay(&inquiry->run->hw);
	const char *cure = "wait a few seconds";

	if (function->kind == HW_FUNCTION_AUDIO && delay == 0)
		cure = arena_printf(inquiry->run->arena, "echo 1 > %s", hw_audio_delay_file());
	else if (function->kind == HW_FUNCTION_AUDIO)
		cure = "end what plays sound there";
	else if (function->kind == HW_FUNCTION_USB || function->kind == HW_FUNCTION_UCSI)
		cure = "unplug what is in its port";
	add(inquiry, "function",
		arena_printf(inquiry->run->arena, "its %s function %s (%s) is active",
			hw_function_kind_name(function->kind), function->slot,
			function->driver ? function->driver : "no driver"),
		cure);
}

static bool is(const char *text, const char *word)
{
	return text && str_eq(text, word);
}

static void cold(struct inquiry *inquiry, const struct hw_function *function, const char *what)
{
	add(inquiry, "d3cold",
		arena_printf(inquiry->run->arena,
			"%s may not enter D3cold%s: asleep, the GPU goes on drawing power",
			function->slot, what),
		arena_printf(inquiry->run->arena, "echo 1 > %s",
			hw_function_file(&inquiry->run->hw, function, "d3cold_allowed")))
		->keeps = false;
}

static void functions(struct inquiry *inquiry)
{
	const struct hw_function *own = &inquiry->functions[0];

	for (size_t i = 0; i < inquiry->function_count; i++) {
		const struct hw_function *function = &inquiry->functions[i];

		/* The chipset's, which share an APU's slot, have their own power. */
		if (function->vendor && own->vendor && !str_eq(function->vendor, own->vendor))
			continue;
		if (is(function->control, "on"))
			control(inquiry, function);
		else if (i && !inquiry->asleep && is(function->status, "active") &&
			 is(function->control, "auto"))
			active(inquiry, function);
		if (function->cold == 0)
			cold(inquiry, function, "");
	}
}

/* Ports above matter to a GPU that may sleep, and is not yet without power. */
static void ports(struct inquiry *inquiry)
{
	const struct hw_function *own = &inquiry->functions[0];

	if (!is(own->control, "auto") || is(own->status, "unsupported") || is(own->state, "D3cold"))
		return;
	for (size_t i = 0; i < inquiry->port_count; i++) {
		const struct hw_function *port = &inquiry->ports[i];

		if (is(port->control, "on"))
			add(inquiry, "port",
				arena_printf(inquiry->run->arena,
					"power/control of %s, a port above it, is on: the GPU "
					"cannot "
					"be without power (D3cold)",
					port->slot),
				arena_printf(inquiry->run->arena, "echo auto > %s",
					hw_function_file(&inquiry->run->hw, port, "power/control")))
				->keeps = false;
		if (port->cold == 0)
			cold(inquiry, port, ", a port above it");
	}
}

/* Control nodes of sound cards and busses of monitors are open for as long as a desktop runs. */
static bool keeps_awake(const struct hw_node *node)
{
	const char *name = str_file_name(node->name);

	return !str_starts(name, "controlC") && !str_starts(name, "hwC") &&
	       !str_starts(name, "i2c-") && !str_starts(name, "drm_dp_aux");
}

/* "/dev/nvidia0, /dev/dri/card0 (mapped, no longer open)"; "" if it keeps nothing awake. */
static const char *nodes_of(struct inquiry *inquiry, const struct hw_holder *holder)
{
	const char *text = "";
	bool tied = false;

	for (size_t i = 0; i < holder->node_count; i++) {
		const struct hw_held *held = &holder->held[i];

		if ((held->node->gpu && held->node->gpu != inquiry->gpu) ||
			!keeps_awake(held->node))
			continue;
		tied |= held->node->gpu != NULL;
		text = arena_printf(inquiry->run->arena, "%s%s%s%s", text, *text ? ", " : "",
			held->node->name, held->open ? "" : " (mapped, no longer open)");
	}
	/* What is not tied to a GPU keeps none awake by itself. */
	return tied ? text : "";
}

/* Whether it has something of the GPU mapped that it has closed: fuser(1) and lsof(8) may miss it.
 */
static bool is_mapped_alone(const struct inquiry *inquiry, const struct hw_holder *holder)
{
	for (size_t i = 0; i < holder->node_count; i++) {
		if (holder->held[i].node->gpu == inquiry->gpu && !holder->held[i].open)
			return true;
	}
	return false;
}

/* The kernel keeps 15 bytes of a name. */
static bool is_persistenced(const struct hw_holder *holder)
{
	return str_starts(holder->name, "nvidia-persiste");
}

static void holder_of(struct inquiry *inquiry, const struct hw_holder *holder, const char *nodes)
{
	struct gpu_run *run = inquiry->run;
	const char *what = arena_printf(run->arena, "%s (%ld, %s) holds %s",
		*holder->name ? gpu_plain(run, holder->name) : "a process", holder->pid,
		gpu_user(run, holder->uid), nodes);
	const char *cure = gpu_let_go(run, inquiry->gpu, holder);

	if (is_persistenced(holder))
		add(inquiry, "persistence",
			arena_printf(run->arena, "nvidia-persistenced (%ld) keeps it initialised",
				holder->pid),
			cure);
	else
		add(inquiry, is_mapped_alone(inquiry, holder) ? "mapping" : "holder", what, cure)
			->later = gpu_keep_off(run, inquiry->gpu, holder);
}

/* Each of them, or on a GPU that shows the desktop how many. The number of them. */
static size_t holders(struct inquiry *inquiry, bool lit)
{
	struct gpu_run *run = inquiry->run;
	size_t count = 0;

	for (size_t i = 0; i < inquiry->holders->count; i++) {
		const struct hw_holder *holder = &inquiry->holders->list[i];
		const char *nodes = nodes_of(inquiry, holder);

		if (!*nodes)
			continue;
		count++;
		if (!lit)
			holder_of(inquiry, holder, nodes);
	}
	if (lit && count)
		add(inquiry, "holders",
			arena_printf(run->arena,
				"%zu process%s hold%s it, as GPUs with a desktop "
				"are held",
				count, count == 1 ? "" : "es", count == 1 ? "s" : ""),
			arena_printf(run->arena, "nothing; nv-gpu ps %s names them",
				inquiry->gpu->slot));
	return count;
}

static void kernel_side(struct inquiry *inquiry)
{
	struct arena *arena = inquiry->run->arena;
	struct hw *hw = &inquiry->run->hw;
	const char *console = hw_console(hw, inquiry->gpu);
	bool unseen = inquiry->holders->hidden || inquiry->holders->hidepid ||
		      inquiry->holders->contained;
	bool daemon = false;

	for (size_t i = 0; i < inquiry->count; i++)
		daemon |= str_eq(inquiry->reasons[i].id, "persistence");
	if (hw_gpu_is_nvidia(inquiry->gpu) && !daemon && unseen && hw_nvidia_persistence(hw))
		add(inquiry, "persistence", "nvidia-persistenced runs, and may keep it initialised",
			gpu_no_persistence(inquiry->run));
	if (console)
		add(inquiry, "console", "the text console draws on its framebuffer",
			arena_printf(arena, "echo 0 > %s", console));
}

/* The driver's own uses: they are left when all that can be seen is told. */
static void beyond(struct inquiry *inquiry)
{
	const struct hw_function *own = &inquiry->functions[0];
	const struct hw_holders *all = inquiry->holders;
	struct arena *arena = inquiry->run->arena;
	const char *cure = "if it lasts it is a fault of the driver's: loading that anew helps";

	for (size_t i = 0; i < inquiry->count; i++) {
		if (inquiry->reasons[i].keeps)
			return;
	}
	if (inquiry->asleep)
		return;
	if (hw_gpu_is_nvidia(inquiry->gpu))
		cure = "if it lasts: 'nvidia-smi -pm 0' ends a persistence mode without a daemon; "
		       "nvidia_drm.fbdev=0 keeps the text console off it; else it is a fault of "
		       "the driver's";
	if (!own->status)
		add(inquiry, "unknown", "the kernel does not tell whether it sleeps",
			"nothing: only PCI GPUs, and kernels with runtime power management, do");
	else if (all->contained || (geteuid() && (all->hidden || all->hidepid)))
		add(inquiry, "hidden", "what keeps it awake cannot be seen from here",
			all->contained ? "run nv-gpu awake on the host, as root"
				       : "run nv-gpu awake as root");
	else if (own->children > 0)
		add(inquiry, "children",
			arena_printf(arena, "%ld device%s of its own %s awake below it",
				own->children, own->children == 1 ? "" : "s",
				own->children == 1 ? "is" : "are"),
			arena_printf(arena, "grep . %s names them",
				hw_function_file(
					&inquiry->run->hw, own, "*/power/runtime_status")));
	else if (own->usage > 0)
		add(inquiry, "driver",
			arena_printf(arena, "the kernel counts %ld use%s beyond the holders seen",
				own->usage, own->usage == 1 ? "" : "s"),
			cure);
	else if (is(own->status, "active"))
		add(inquiry, "driver",
			"nothing seen holds it: the driver itself, or not idle for long enough",
			arena_printf(arena, "wait a few seconds, then ask again; %s", cure));
}

void awake_inquire(struct inquiry *inquiry)
{
	struct hw *hw = &inquiry->run->hw;
	bool lit, coarse;
	size_t count;

	inquiry->functions = hw_functions(hw, inquiry->gpu, &inquiry->function_count);
	inquiry->ports = hw_ports(hw, inquiry->gpu, &inquiry->port_count);
	inquiry->asleep = is(inquiry->functions[0].status, "suspended");
	lit = outputs(inquiry);
	driver(inquiry);
	coarse = nvidia_setting(inquiry);
	functions(inquiry);
	count = holders(inquiry, lit);
	if (coarse && count)
		add(inquiry, "coarse",
			"NVIDIA's driver lets it sleep only when nobody has it open (runtime D3: "
			"coarse-grained)",
			"on Turing and later NVreg_DynamicPowerManagement=0x02 lets it sleep while "
			"it is idle");
	kernel_side(inquiry);
	ports(inquiry);
	beyond(inquiry);
}
