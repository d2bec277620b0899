/* SPDX-License-Identifier: MIT */
/* nv-gpu bind's checks: each on a case where it speaks and on the neighbour where it does not. */
#include "base/mem.h"
#include "base/str.h"
#include "bind-card.h"
#include "hw/hw.h"
#include "tap.h"

static struct arena *arena;
static struct hw_gpu gpu = {.slot = "0000:0a:00.0"};
static struct hw_node nodes[] = {{"/dev/nvidia0", 195, 0, &gpu, false},
	{"/dev/nvidia-modeset", 195, 254, NULL, false}, {"/dev/nvidiactl", 195, 255, NULL, false},
	{"/dev/snd/pcmC1D3p", 116, 7, &gpu, false}};

static void tap_begin(void)
{
	arena = arena_new();
}

static void tap_end(void)
{
	arena_free(arena);
}

static struct hw_held held;
static const char *held_name;
static struct hw_holder holder;

static void hold(struct bind_facts *facts, const char *name, int node, bool tied)
{
	held = (struct hw_held){.node = &nodes[node], .open = 1};
	held_name = nodes[node].name;
	holder = (struct hw_holder){.pid = 10,
		.name = name,
		.uid = 0,
		.nodes = &held_name,
		.held = &held,
		.node_count = 1,
		.tied = tied};
	facts->holders = (struct hw_holders){.list = &holder, .count = 1};
}

static struct bind_mate mates[1];
static struct hw_light lights[1];
static const char *names[] = {"/dev/sdb1"};

/* What is changed, and what its neighbour has in its place. */
static void no_root(struct bind_facts *facts)
{
	facts->root = false;
}
static void recorded(struct bind_facts *facts)
{
	facts->root = facts->live = false;
}
static void no_slot(struct bind_facts *facts)
{
	facts->count = 0;
}
static void no_display(struct bind_facts *facts)
{
	facts->functions[0].pci.kind = HW_FUNCTION_OTHER;
}
static void other_function(struct bind_facts *facts)
{
	for (int i = 0; i < 3; i++)
		facts->functions[i].asked = false;
}
static void stuck(struct bind_facts *facts)
{
	facts->functions[0].stuck = true;
}
static void no_module(struct bind_facts *facts)
{
	facts->drivers[0].file = HW_MODULE_MISSING;
}
static void forbidden(struct bind_facts *facts)
{
	facts->drivers[0].file = HW_MODULE_FORBIDDEN;
	facts->drivers[0].why = "x.conf";
}
static void registered(struct bind_facts *facts)
{
	no_module(facts);
	facts->drivers[0].registered = true;
}
static void unknown(struct bind_facts *facts)
{
	facts->drivers[0].file = HW_MODULE_UNKNOWN;
}
static void no_match(struct bind_facts *facts)
{
	facts->drivers[0].knows = 0;
}
static void match(struct bind_facts *facts)
{
	facts->drivers[0].knows = 1;
}
static void shared(struct bind_facts *facts)
{
	facts->functions[0].pci.vfs = 2;
}
static void shared_but_stays(struct bind_facts *facts)
{
	shared(facts);
	facts->functions[0].asked = false;
}
static void held_by(struct bind_facts *facts)
{
	hold(facts, "x", 0, true);
}
static void held_but_stays(struct bind_facts *facts)
{
	held_by(facts);
	facts->functions[0].asked = false;
}
static void sound(struct bind_facts *facts)
{
	hold(facts, "pipewire", 3, true);
}
static void sound_but_stays(struct bind_facts *facts)
{
	sound(facts);
	facts->functions[1].asked = false;
}
static void modeset_held(struct bind_facts *facts)
{
	hold(facts, "x", 1, false);
}
static void control_held(struct bind_facts *facts)
{
	hold(facts, "x", 2, false);
}
static void unseen(struct bind_facts *facts)
{
	facts->unseen = "3 were not seen";
}
static void unseen_dry(struct bind_facts *facts)
{
	unseen(facts);
	facts->dry = true;
}
static void socket(struct bind_facts *facts)
{
	facts->daemon_socket = true;
}
static void daemon_seen(struct bind_facts *facts)
{
	socket(facts);
	facts->daemon = 77;
}
static void nouveau(struct bind_facts *facts)
{
	facts->functions[0].now.driver = "nouveau";
	facts->nvidia_gpus = 0;
}
static void nouveau_socket(struct bind_facts *facts)
{
	nouveau(facts);
	socket(facts);
}
static void console(struct bind_facts *facts)
{
	facts->console = "bind";
}
static void console_stays(struct bind_facts *facts)
{
	console(facts);
	facts->functions[0].asked = false;
}
static void lit(struct bind_facts *facts)
{
	lights[0] = (struct hw_light){"DP-1", true, true};
	facts->lights = lights;
	facts->light_count = 1;
}
static void dark(struct bind_facts *facts)
{
	lit(facts);
	lights[0].lit = false;
}
static void only_gpu(struct bind_facts *facts)
{
	facts->other_gpus = 0;
}
static void boot(struct bind_facts *facts)
{
	facts->boot = true;
}
static void storage(struct bind_facts *facts)
{
	facts->functions[2].storage = (struct bind_names){names, 1};
}
static void usb(struct bind_facts *facts)
{
	facts->functions[2].usb = (struct bind_names){names, 1};
}
static void usb_stays(struct bind_facts *facts)
{
	storage(facts);
	usb(facts);
	facts->functions[2].now.driver = "vfio-pci";
}
static void others(struct bind_facts *facts)
{
	facts->functions[3].pci.class = 0x108000;
}
static void others_stay(struct bind_facts *facts)
{
	others(facts);
	facts->functions[3].now.driver = "vfio-pci";
}
static void mate(struct bind_facts *facts)
{
	mates[0] = (struct bind_mate){"0000:00:1f.3", "snd_hda_intel", "14", false};
	facts->mates = mates;
	facts->mate_count = 1;
}
static void port(struct bind_facts *facts)
{
	mate(facts);
	mates[0].driver = "pcieport";
	mates[0].bridge = true;
}
static void mate_elsewhere(struct bind_facts *facts)
{
	mate(facts);
	mates[0].group = "15";
}
static void mate_of_a_host(struct bind_facts *facts)
{
	mate(facts);
	facts->target = "nouveau";
	facts->drivers[0].name = "nouveau";
}
static void no_group(struct bind_facts *facts)
{
	for (int i = 0; i < 4; i++)
		facts->functions[i].pci.group = NULL;
}
static void unsafe(struct bind_facts *facts)
{
	no_group(facts);
	facts->without_iommu = true;
}
static void two_nvidia(struct bind_facts *facts)
{
	facts->nvidia_gpus = 2;
}
static void two_nvidia_off(struct bind_facts *facts)
{
	two_nvidia(facts);
	facts->drm_modeset = 0;
}
static void drm_used(struct bind_facts *facts)
{
	facts->drm.uses = 1;
}
static void drm_unknown(struct bind_facts *facts)
{
	facts->drm.uses = -1;
}
static void uses(struct bind_facts *facts)
{
	facts->nvidia.uses = 2;
}
static void uses_explained(struct bind_facts *facts)
{
	uses(facts);
	control_held(facts);
}
static void nothing(struct bind_facts *facts)
{
	(void)facts;
}

/* A change, what it must say ("id" refuses, "+id" only tells), in order. */
static const struct {
	void (*change)(struct bind_facts *facts);
	const char *says;
} cases[] = {
	{nothing, ""},
	{no_root, "root"},
	{recorded, ""},
	{no_slot, "slot"},
	{no_display, "slot"},
	{other_function, "+group +group +group"},
	{stuck, "stuck"},
	{no_module, "driver"},
	{forbidden, "driver"},
	{registered, ""},
	{unknown, "+driver"},
	{no_match, "match"},
	{match, ""},
	{shared, "shared"},
	{shared_but_stays, "+group"},
	{held_by, "holder"},
	{held_but_stays, "+group"},
	{sound, "holder"},
	{sound_but_stays, "+group"},
	{modeset_held, "common"},
	{control_held, ""},
	{unseen, "unseen"},
	{unseen_dry, "+unseen"},
	{socket, "persistence"},
	{daemon_seen, ""},
	{nouveau_socket, ""},
	{console, "console"},
	{console_stays, "+group"},
	{lit, "output"},
	{dark, "+output"},
	{only_gpu, "+boot"},
	{boot, "+boot"},
	{storage, "usb"},
	{usb, "+usb"},
	{usb_stays, ""},
	{others, "+others"},
	{others_stay, ""},
	{mate, "group"},
	{port, ""},
	{mate_elsewhere, ""},
	{mate_of_a_host, ""},
	{no_group, "iommu"},
	{unsafe, "+iommu"},
	{two_nvidia, "modeset"},
	{two_nvidia_off, ""},
	{drm_used, "modeset"},
	{drm_unknown, "modeset"},
	{uses, "uses"},
	{uses_explained, ""},
};

static const char *said(const struct bind_findings *findings)
{
	const char *words = "";

	for (size_t i = 0; i < findings->count; i++)
		words = arena_printf(arena, "%s%s%s%s", words, i ? " " : "",
			findings->list[i].refuses ? "" : "+", findings->list[i].id);
	return words;
}

static const char *outcome(void (*change)(struct bind_facts *facts))
{
	struct bind_facts facts = bind_card(arena);
	struct bind_findings findings;

	change(&facts);
	bind_wants(&facts);
	bind_preflight(&facts, &findings);
	for (size_t i = 0; i < findings.count; i++)
		check(*findings.list[i].what && *findings.list[i].cure);
	return said(&findings);
}

static void each_check_speaks_where_it_must_and_nowhere_else(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check_text(outcome(cases[i].change), cases[i].says);
}

static void each_check_has_a_case(void)
{
	for (const struct bind_check *one = bind_checks; one->id; one++) {
		bool found = false;

		for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
			found |= strstr(cases[i].says, one->id) != NULL;
		if (!found)
			printf("# no case for '%s'\n", one->id);
		check(found);
	}
}

TAP_MAIN(TEST(each_check_speaks_where_it_must_and_nowhere_else), TEST(each_check_has_a_case))
