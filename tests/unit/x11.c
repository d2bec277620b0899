/* SPDX-License-Identifier: MIT */
/* The X server's GPUs: what may be asked, which mode, where outputs go. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tap.h"
#include "x11/identify.h"
#include "x11/mode.h"
#include "x11/plan.h"

static struct arena *arena;

static void tap_begin(void)
{
	arena = arena_new();
}

static void tap_end(void)
{
	arena_free(arena);
}

enum { SCREEN = 1, SINK, OTHER, PANEL, HDMI, DP, CRTC_A, CRTC_B, CRTC_C, FHD = 100, HD };

static struct x11_ids ids(uint32_t one, uint32_t two)
{
	struct x11_ids list = {0};

	if (one)
		x11_ids_add(arena, &list, one);
	if (two)
		x11_ids_add(arena, &list, two);
	return list;
}

/* A laptop: the screen's GPU with a panel that is lit, an NVIDIA GPU with HDMI and DP. */
static struct x11_server *laptop(bool linked)
{
	static const struct x11_mode modes[] = {{FHD, 1920, 1080, 60}, {HD, 1280, 720, 60}};
	struct x11_server *server = arena_alloc(arena, sizeof(*server));
	const struct x11_provider providers[] = {
		{.id = SCREEN,
			.name = "modesetting",
			.capabilities = 15,
			.screen = true,
			.outputs = ids(PANEL, 0),
			.crtcs = ids(CRTC_A, 0)},
		{.id = SINK,
			.name = "NVIDIA-G0",
			.capabilities = X11_SINK_OUTPUT,
			.outputs = ids(HDMI, DP),
			.crtcs = ids(CRTC_B, CRTC_C),
			.output_source = linked ? SCREEN : 0},
		{.id = OTHER, .name = "modesetting", .capabilities = 0},
	};
	const struct x11_output outputs[] = {
		{.id = PANEL,
			.name = "eDP-1",
			.connected = true,
			.listed = true,
			.crtc = CRTC_A,
			.crtcs = ids(CRTC_A, 0),
			.modes = ids(FHD, HD),
			.sync = -1},
		{.id = HDMI,
			.name = "HDMI-1-0",
			.connected = true,
			.listed = linked,
			.crtcs = ids(CRTC_B, CRTC_C),
			.modes = ids(HD, FHD),
			.sync = linked ? 1 : -1},
		{.id = DP,
			.name = "DP-1-0",
			.unplugged = true,
			.listed = linked,
			.crtcs = ids(CRTC_B, 0),
			.sync = linked ? 1 : -1},
	};
	const struct x11_crtc crtcs[] = {
		{.id = CRTC_A,
			.width = 1920,
			.height = 1080,
			.mode = FHD,
			.rotation = 1,
			.rotations = 15,
			.outputs = ids(PANEL, 0)},
		{.id = CRTC_B, .rotation = 1, .rotations = 15},
		{.id = CRTC_C, .rotation = 1, .rotations = 15},
	};
	const struct x11_server all = {(struct x11_provider *)providers, 3,
		(struct x11_output *)outputs, 3, (struct x11_crtc *)crtcs, 3,
		(struct x11_mode *)modes, 2, 1920, 1080, 480, 270, 8192, 8192, PANEL};

	*server = *x11_copy(arena, &all);
	return server;
}

static struct x11_wish share(enum x11_layout layout)
{
	return (struct x11_wish){.share = true, .layout = layout, .sync = X11_KEEP, .rescue = true};
}

/* The plan's next step as text, commands with "; " between. */
static const char *step(struct x11_server *server, const struct x11_wish *wish)
{
	struct x11_plan plan;
	const char *text = "";

	x11_plan_step(arena, server, wish, &plan);
	for (size_t i = 0; i < plan.requests.count; i++) {
		struct buf one = {0};

		x11_request_text(&one, server, &plan.requests.list[i]);
		text = arena_printf(arena, "%s%s%s", text, *text ? "; " : "", buf_text(&one));
		buf_free(&one);
		x11_apply(arena, server, &plan.requests.list[i]);
	}
	for (size_t i = 0; i < plan.note_count; i++)
		text = arena_printf(arena, "%s (%s)", text, plan.notes[i]);
	return text;
}

static void a_gpu_is_linked_first_and_its_outputs_are_lit_then(void)
{
	struct x11_server *server = laptop(false);
	struct x11_wish wish = share(X11_RIGHT_OF);

	check_text(step(server, &wish), "--setprovideroutputsource 0x2 0x1");
	check_text(step(server, &wish),
		"--fb 3200x1080; --output HDMI-1-0 --mode 1280x720 --rate 60.00 --pos 1920x0");
	check_text(step(server, &wish), "");
}

static void each_layout_has_its_place(void)
{
	static const struct {
		enum x11_layout layout;
		const char *expected;
	} cases[] = {
		{X11_RIGHT_OF, "--fb 3200x1080; --output HDMI-1-0 --mode 1280x720 --rate 60.00 "
			       "--pos 1920x0"},
		{X11_LEFT_OF, "--fb 3200x1080; --output eDP-1 --mode 1920x1080 --rate 60.00 "
			      "--pos 1280x0; --output HDMI-1-0 --mode 1280x720 --rate 60.00 "
			      "--pos 0x0"},
		{X11_ABOVE,
			"--fb 1920x1800; --output eDP-1 --mode 1920x1080 --rate 60.00 "
			"--pos 0x720; --output HDMI-1-0 --mode 1280x720 --rate 60.00 --pos 0x0"},
		{X11_BELOW, "--fb 1920x1800; --output HDMI-1-0 --mode 1280x720 --rate 60.00 "
			    "--pos 0x1080"},
		{X11_MIRROR, "--output HDMI-1-0 --mode 1920x1080 --rate 60.00 --pos 0x0"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct x11_server *server = laptop(true);
		struct x11_wish wish = share(cases[i].layout);

		check_text(step(server, &wish), cases[i].expected);
		check_text(step(server, &wish), "");
	}
}

static void what_is_wished_of_an_output_is_planned(void)
{
	static const struct x11_output_wish none = {
		.primary = X11_KEEP, .enabled = X11_KEEP, .sync = X11_KEEP};
	struct x11_output_wish one = none;
	struct x11_wish wish = share(X11_RIGHT_OF);

	wish.outputs = &one;
	wish.output_count = 1;
	one.pattern = "HDMI-*";
	one.enabled = X11_NO;
	check_text(step(laptop(true), &wish), "");
	one = none;
	one.pattern = "HDMI-1-0";
	one.width = 1920;
	one.height = 1080;
	one.placed = true;
	one.y = 1080;
	one.primary = X11_YES;
	check_text(step(laptop(true), &wish),
		"--fb 1920x2160; --output HDMI-1-0 --mode 1920x1080 --rate 60.00 --pos 0x1080; "
		"--output HDMI-1-0 --primary");
	one = none;
	one.pattern = "HDMI-1-0";
	one.sync = X11_NO;
	check_text(step(laptop(true), &wish),
		"--output HDMI-1-0 --set 'PRIME Synchronization' 0; --fb 3200x1080; --output "
		"HDMI-1-0 --mode 1280x720 --rate 60.00 --pos 1920x0");
	one = none;
	one.pattern = "eDP-1";
	one.enabled = X11_NO;
	wish.share = false;
	check_text(step(laptop(true), &wish), " (eDP-1 stays on: nothing else is lit)");
}

static void what_has_no_crtc_or_no_room_stays_dark_and_is_told(void)
{
	struct x11_server *server = laptop(true);
	struct x11_wish wish = share(X11_RIGHT_OF);

	server->max_width = 2000;
	server->max_height = 1200;
	check_text(step(server, &wish),
		" (HDMI-1-0 stays dark: with it the X screen would be 3200x1080, the server's "
		"limit is 2000x1200)");
	server = laptop(true);
	x11_output(server, HDMI)->crtcs.count = 0;
	check_text(step(server, &wish), " (HDMI-1-0 stays dark: its GPU has no CRTC left for it)");
}

/* HDMI could take either CRTC, DP only the first: HDMI has to make way. */
static void as_many_outputs_are_lit_as_crtcs_allow(void)
{
	struct x11_server *server = laptop(true);
	struct x11_wish wish = share(X11_RIGHT_OF);

	x11_output(server, DP)->connected = true;
	x11_output(server, DP)->unplugged = false;
	x11_output(server, DP)->modes = ids(HD, 0);
	step(server, &wish);
	check(x11_is_lit(server, x11_output(server, HDMI)));
	check(x11_is_lit(server, x11_output(server, DP)));
}

/* Requests that each check forbids, and one that none does. */
static void every_check_forbids_what_it_is_for(void)
{
	const struct x11_crtc lit = {.id = CRTC_B,
		.width = 1280,
		.height = 720,
		.mode = HD,
		.rotation = 1,
		.outputs = ids(HDMI, 0)};
	struct x11_crtc gone = lit, panel = lit, odd = lit, far = lit;
	struct x11_gpu box = {.slot = "0000:05:00.0", .external = true};
	struct x11_server *server;
	size_t seen = 0;

	gone.id = 99;
	panel.outputs = ids(PANEL, 0);
	odd.mode = 7;
	far.x = 5000;
	{
		const struct {
			const char *name;
			bool linked;
			struct x11_request request;
		} cases[] = {
			{"provider-is-there", true, {.action = X11_LINK, .provider = 98}},
			{"sink-is-a-gpu-screen", true,
				{.action = X11_LINK, .provider = SCREEN, .source = SCREEN}},
			{"source-is-the-screen", false,
				{.action = X11_LINK, .provider = SINK, .source = OTHER}},
			{"sink-can-be-one", false,
				{.action = X11_LINK, .provider = OTHER, .source = SCREEN}},
			{"source-can-be-one", false,
				{.action = X11_LINK, .provider = SINK, .source = SCREEN}},
			{"link-is-idle", true, {.action = X11_LINK, .provider = SINK}},
			{"crtc-is-there", true, {.action = X11_CRTC, .crtc = gone}},
			{"crtc-reaches-output", true, {.action = X11_CRTC, .crtc = panel}},
			{"output-has-mode", true, {.action = X11_CRTC, .crtc = odd}},
			{"output-is-linked", false, {.action = X11_CRTC, .crtc = lit}},
			{"crtc-fits", true, {.action = X11_CRTC, .crtc = far}},
			{"size-is-possible", true,
				{.action = X11_SIZE, .width = 9000, .height = 100}},
			{"size-holds-pictures", true,
				{.action = X11_SIZE, .width = 800, .height = 600}},
			{"primary-stays", true, {.action = X11_PRIMARY, .output = HDMI}},
		};

		for (; x11_checks[seen].name; seen++) {
			const struct x11_check *check;

			server = laptop(cases[seen].linked);
			if (!strcmp(cases[seen].name, "source-can-be-one"))
				x11_provider(server, SCREEN)->capabilities = X11_SINK_OUTPUT;
			if (!strcmp(cases[seen].name, "link-is-idle"))
				x11_crtc(server, CRTC_B)->mode = HD;
			x11_provider(server, SINK)->gpu = &box;
			check = x11_forbidden(server, &cases[seen].request);
			check_text(check ? check->name : NULL, cases[seen].name);
		}
		check(seen == sizeof(cases) / sizeof(*cases));
	}
	server = laptop(true);
	server->width = 4000;
	check(!x11_forbidden(server, &(struct x11_request){.action = X11_CRTC, .crtc = lit}));
	check(!x11_forbidden(laptop(false),
		&(struct x11_request){.action = X11_LINK, .provider = SINK, .source = SCREEN}));
	check(!x11_forbidden(server, &(struct x11_request){.action = X11_PRIMARY, .output = HDMI}));
}

static void a_state_survives_its_text(void)
{
	struct x11_server *server = laptop(true), *read;
	struct buf text = {0}, again = {0};

	x11_state_format(&text, server);
	read = x11_state_parse(arena, text.text);
	check(read);
	x11_state_format(&again, read);
	check_text(again.text, text.text);
	for (const char *bad =
			"nv-session 1\nsize 1 2 3\n\0nv-session 1\ncrtc x\n\0nv-session 2\n\0"
			"nv-session 1\nsize 1 2 3 4\0nv-session 1\nlink 1\n\0x\n\0";
		*bad; bad += strlen(bad) + 1)
		check(!x11_state_parse(arena, bad));
	buf_free(&text);
	buf_free(&again);
}

static void harm_is_an_output_that_went_dark_unasked(void)
{
	struct x11_server *before = laptop(true), *after = x11_copy(arena, before);
	const struct x11_wish wish = share(X11_RIGHT_OF);

	check(!x11_harm(arena, before, after, &wish));
	x11_output(after, PANEL)->crtc = 0;
	check_text(x11_harm(arena, before, after, &wish), "eDP-1 went dark");
	x11_output(after, PANEL)->unplugged = true;
	check_text(x11_harm(arena, before, after, &wish), "no output is lit any more");
}

/* --- modes */

static void auto_is_what_the_providers_make_possible(void)
{
	struct x11_server *server = laptop(true);

	check(x11_mode_resolve(server, X11_AUTO) == X11_REVERSE);
	x11_provider(server, SINK)->outputs.count = 0;
	check(x11_mode_resolve(server, X11_AUTO) == X11_OFFLOAD);
	x11_provider(server, SCREEN)->name = "NVIDIA-0";
	check(x11_mode_resolve(server, X11_AUTO) == X11_SYNC_MODE);
	check(x11_mode_resolve(server, X11_NONE) == X11_NONE);
}

static void modes_that_cannot_be_are_refused_and_their_neighbours_are_not(void)
{
	static const struct {
		enum x11_prime mode;
		struct x11_facts facts;
		const char *screen, *says; /* NULL: not refused */
	} cases[] = {
		{X11_REVERSE, {.fine_grained = false}, "modesetting", NULL},
		{X11_REVERSE, {.fine_grained = false}, "NVIDIA-0", "this is sync"},
		{X11_SYNC_MODE, {.fine_grained = false}, "modesetting",
			"does not drive the X screen"},
		{X11_SYNC_MODE, {.fine_grained = false}, "NVIDIA-0", NULL},
		{X11_SYNC_MODE, {.fine_grained = true}, "NVIDIA-0", "fine-grained"},
		{X11_REVERSE, {.fine_grained = true}, "modesetting", NULL},
		{X11_REVERSE, {.nvidia = {{469, 99, 0}}}, "AMD Radeon", "470"},
		{X11_REVERSE, {.nvidia = {{470, 0, 0}}}, "AMD Radeon", NULL},
		{X11_REVERSE, {.nvidia = {{469, 99, 0}}}, "modesetting", NULL},
		{X11_REVERSE, {.modeset = X11_MODESET_OFF}, "AMD Radeon", "modeset=1"},
		{X11_REVERSE, {.modeset = X11_MODESET_ON}, "AMD Radeon", NULL},
		{X11_REVERSE, {.server = {{1, 20, 5}}}, "modesetting", "1.20.6"},
		{X11_REVERSE, {.server = {{1, 20, 6}}}, "modesetting", NULL},
		{X11_REVERSE, {.nvidia = {{495, 45, 0}}, .external_only = true}, "modesetting",
			"495.46"},
		{X11_REVERSE, {.nvidia = {{495, 46, 0}}, .external_only = true}, "modesetting",
			NULL},
		{X11_REVERSE, {.nvidia = {{495, 45, 0}}}, "modesetting", NULL},
		{X11_REVERSE, {.server = {{21, 1, 2}}, .external_only = true}, "modesetting",
			"21.1.3"},
		{X11_REVERSE, {.server = {{21, 1, 3}}, .external_only = true}, "modesetting", NULL},
		{X11_OFFLOAD, {.fine_grained = true}, "modesetting", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct x11_server *server = laptop(true);
		const char *refused;

		x11_provider(server, SCREEN)->name = cases[i].screen;
		refused = x11_mode_refused(server, &cases[i].facts, cases[i].mode);
		if (!cases[i].says)
			check_text(refused, NULL);
		else
			check(refused && strstr(refused, cases[i].says));
	}
}

static void capabilities_and_providers_that_lack_are_refused(void)
{
	const struct x11_facts facts = {0};
	struct x11_server *server = laptop(false);

	x11_provider(server, SINK)->capabilities = 0;
	check(strstr(x11_mode_refused(server, &facts, X11_REVERSE), "Sink Output"));
	x11_provider(server, SCREEN)->capabilities = 0;
	check(strstr(x11_mode_refused(server, &facts, X11_REVERSE), "Source Output"));
	x11_provider(server, SINK)->outputs.count = 0;
	check(strstr(x11_mode_refused(server, &facts, X11_REVERSE), "has outputs"));
	server->provider_count = 0;
	check(strstr(x11_mode_refused(server, &facts, X11_REVERSE), "no RandR provider"));
}

static void versions_are_numbers(void)
{
	struct x11_version version = x11_version_parse("550.163.01");

	check(version.part[0] == 550 && version.part[1] == 163 && version.part[2] == 1);
	version = x11_version_parse("");
	check(!version.part[0]);
	version = x11_version_parse(NULL);
	check(!version.part[0]);
}

TAP_MAIN(TEST(a_gpu_is_linked_first_and_its_outputs_are_lit_then), TEST(each_layout_has_its_place),
	TEST(what_is_wished_of_an_output_is_planned),
	TEST(what_has_no_crtc_or_no_room_stays_dark_and_is_told),
	TEST(as_many_outputs_are_lit_as_crtcs_allow), TEST(every_check_forbids_what_it_is_for),
	TEST(a_state_survives_its_text), TEST(harm_is_an_output_that_went_dark_unasked),
	TEST(auto_is_what_the_providers_make_possible),
	TEST(modes_that_cannot_be_are_refused_and_their_neighbours_are_not),
	TEST(capabilities_and_providers_that_lack_are_refused), TEST(versions_are_numbers))
