/* SPDX-License-Identifier: MIT */
/* Which GPU a provider is. */
#include <string.h>

#include "base/mem.h"
#include "tap.h"
#include "x11/identify.h"

static struct arena *arena;

static void tap_begin(void)
{
	arena = arena_new();
}

static void tap_end(void)
{
	arena_free(arena);
}

static uint8_t monitor_a[128] = {0, 255, 1}, monitor_b[128] = {0, 255, 2};

static const struct x11_connector panel_a[] = {{"eDP-1", true, monitor_a, 128}};
static const struct x11_connector hdmi_b[] = {{"HDMI-A-1", true, monitor_b, 128}};

static void identify(const char *const *names, const struct x11_gpu *gpus, size_t gpu_count,
	const uint8_t *const *monitors, const char *expected)
{
	struct x11_server server = {0};
	const char *got = "";

	for (uint32_t i = 0; names[i]; i++) {
		struct x11_provider provider = {.id = 10 + i, .name = names[i], .screen = !i};

		if (monitors && monitors[i]) {
			*arena_push(arena, server.outputs, server.output_count) =
				(struct x11_output){.id = 20 + i,
					.name = "X-1",
					.connected = true,
					.edid = monitors[i],
					.edid_length = 128};
			x11_ids_add(arena, &provider.outputs, 20 + i);
		}
		*arena_push(arena, server.providers, server.provider_count) = provider;
	}
	x11_identify(&server, gpus, gpu_count);
	for (size_t i = 0; i < server.provider_count; i++) {
		const struct x11_provider *one = &server.providers[i];

		got = arena_printf(arena, "%s%s%s%s", got, i ? " " : "",
			one->gpu ? one->gpu->slot + 5 : "-",
			one->gpu && one->sure == X11_UNSURE ? "?" : "");
	}
	check_text(got, expected);
}

static void providers_are_told_by_slot_monitor_and_driver(void)
{
	static const struct x11_gpu hybrid[] = {
		{.slot = "0000:00:02.0", .driver = "i915", .boot = true},
		{.slot = "0000:01:00.0", .driver = "nvidia", .discrete = true},
	};
	static const struct x11_gpu amd[] = {
		{.slot = "0000:05:00.0", .driver = "amdgpu"},
		{.slot = "0000:34:00.0", .driver = "amdgpu"},
	};
	static const struct x11_gpu twins[] = {
		{.slot = "0000:01:00.0",
			.driver = "i915",
			.connectors = panel_a,
			.connector_count = 1},
		{.slot = "0000:02:00.0",
			.driver = "i915",
			.connectors = hdmi_b,
			.connector_count = 1},
	};
	static const struct x11_gpu nvidias[] = {
		{.slot = "0000:01:00.0", .driver = "nvidia", .boot = true},
		{.slot = "0000:02:00.0", .driver = "nvidia"},
	};
	static const struct x11_gpu given[] = {
		{.slot = "0000:00:02.0", .driver = "i915"},
		{.slot = "0000:01:00.0", .driver = "vfio-pci"},
	};
	const uint8_t *const swapped[] = {monitor_b, monitor_a};
	const char *const two[] = {"modesetting", "modesetting", NULL};

	identify((const char *const[]){"modesetting", "NVIDIA-G0", NULL}, hybrid, 2, NULL,
		"00:02.0 01:00.0");
	identify((const char *const[]){"NVIDIA-0", "modesetting", NULL}, hybrid, 2, NULL,
		"01:00.0 00:02.0");
	identify((const char *const[]){"AMD Radeon Graphics @ pci:0000:34:00.0",
			 "AMD Radeon RX 6800 @ pci:0000:05:00.0", NULL},
		amd, 2, NULL, "34:00.0 05:00.0");
	identify(two, twins, 2, swapped, "02:00.0 01:00.0");
	identify(two, twins, 2, NULL, "01:00.0? 02:00.0?");
	identify((const char *const[]){"NVIDIA-0", "NVIDIA-G0", NULL}, nvidias, 2, NULL,
		"01:00.0? 02:00.0?");
	/* A dock's GPU is no PCI device, and one that a virtual machine has is no provider. */
	identify(two, hybrid, 2, NULL, "00:02.0? -");
	identify((const char *const[]){"modesetting", "NVIDIA-G0", NULL}, given, 2, NULL,
		"00:02.0 -");
}

static struct x11_provider *add_provider(
	struct x11_server *server, const char *name, bool screen, const char *const *outputs)
{
	struct x11_provider *provider =
		arena_push(arena, server->providers, server->provider_count);

	*provider = (struct x11_provider){
		.id = 10 + (uint32_t)server->provider_count, .name = name, .screen = screen};
	for (; *outputs; outputs++) {
		struct x11_output *output =
			arena_push(arena, server->outputs, server->output_count);

		*output = (struct x11_output){
			.id = 100 + (uint32_t)server->output_count, .name = *outputs};
		x11_ids_add(arena, &provider->outputs, output->id);
	}
	return provider;
}

/* Two cards of a kind, no monitor: only the numbers of their connectors differ. */
static void check_numbers(const char *name, const char *const *screen, const char *const *sink,
	const char *screen_slot, enum x11_sure sure)
{
	static const struct x11_connector low[] = {
		{"DP-1", false, NULL, 0}, {"HDMI-A-1", false, NULL, 0}};
	static const struct x11_connector high[] = {
		{"DP-2", false, NULL, 0}, {"HDMI-A-2", false, NULL, 0}};
	static const struct x11_gpu twins[] = {
		{.slot = "0000:01:00.0",
			.driver = "amdgpu",
			.connectors = low,
			.connector_count = 2},
		{.slot = "0000:02:00.0",
			.driver = "amdgpu",
			.connectors = high,
			.connector_count = 2},
	};
	struct x11_server server = {0};

	add_provider(&server, name, true, screen);
	add_provider(&server, name, false, sink);
	x11_identify(&server, twins, 2);
	check(server.providers[0].gpu && server.providers[1].gpu);
	check_text(server.providers[0].gpu->slot, screen_slot);
	check(server.providers[0].sure == sure && server.providers[1].sure == sure);
	check(server.providers[0].gpu != server.providers[1].gpu);
}

static void the_modesetting_driver_keeps_the_kernels_numbers_of_connectors(void)
{
	const char *const low[] = {"DP-1", "HDMI-1", NULL}, *const high[] = {
								    "DP-2", "HDMI-2", NULL};
	const char *const low_sink[] = {"DP-1-1", "HDMI-1-1", NULL};
	const char *const high_sink[] = {"DP-1-2", "HDMI-1-2", NULL};
	const char *const hub[] = {"DP-1-1-8", "HDMI-1-3", NULL};

	check_numbers("modesetting", low, high_sink, "0000:01:00.0", X11_BY_CONNECTORS);
	check_numbers("modesetting", high, low_sink, "0000:02:00.0", X11_BY_CONNECTORS);
	/* Other drivers count for themselves, and names that are nobody's tell nothing. */
	check_numbers("AMD", high, low_sink, "0000:01:00.0", X11_UNSURE);
	check_numbers("modesetting", hub, hub, "0000:01:00.0", X11_UNSURE);
}

TAP_MAIN(TEST(providers_are_told_by_slot_monitor_and_driver),
	TEST(the_modesetting_driver_keeps_the_kernels_numbers_of_connectors))
