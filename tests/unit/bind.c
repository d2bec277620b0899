/* SPDX-License-Identifier: MIT */
/* nv-gpu bind's thinking: each check on a case where it speaks and on the neighbour where it does
 * not, the order of steps, and the journal as text. */
#include "nv-gpu/bind/bind.h"

#include "base/mem.h"
#include "base/str.h"
#include "hw/hw.h"
#include "nv-gpu/gpu.h"
#include "tap.h"

static struct arena *arena;
static struct gpu_run run;
static struct bind_function functions[4];
static struct bind_driver drivers[1];
static struct hw_gpu gpu = {.slot = "0000:0a:00.0"};
static struct hw_node nodes[] = {{"/dev/nvidia0", 195, 0, &gpu, false},
	{"/dev/nvidia-modeset", 195, 254, NULL, false}, {"/dev/nvidiactl", 195, 255, NULL, false},
	{"/dev/snd/pcmC1D3p", 116, 7, &gpu, false}};

static void tap_begin(void)
{
	arena = arena_new();
	run.arena = arena;
}

static void tap_end(void)
{
	arena_free(arena);
}

static const char *const slots[] = {"0000:0a:00.0", "0000:0a:00.1", "0000:0a:00.2", "0000:0a:00.3"};
static const char *const hosts[] = {"nvidia", "snd_hda_intel", "xhci_hcd", "nvidia-gpu"};
static const unsigned classes[] = {0x030000, 0x040300, 0x0c0330, 0x0c8000};
static const enum hw_function_kind kinds[] = {
	HW_FUNCTION_DISPLAY, HW_FUNCTION_AUDIO, HW_FUNCTION_USB, HW_FUNCTION_OTHER};

/* A card of four functions, all with the host, alone in its group; root; going to vfio-pci. */
static struct bind_facts card(void)
{
	struct bind_facts facts = {.arena = arena,
		.action = BIND_TO,
		.slot = "0000:0a:00",
		.target = "vfio-pci",
		.root = true,
		.live = true,
		.run = &run,
		.functions = functions,
		.count = 4,
		.drivers = drivers,
		.driver_count = 1,
		.other_gpus = 1,
		.nvidia_gpus = 1,
		.nvidia = {true, 1, 1},
		.drm = {true, 0, 0},
		.modeset = {true, 1, 1},
		.drm_modeset = 1};

	for (int i = 0; i < 4; i++)
		functions[i] = (struct bind_function){.pci = {.slot = slots[i],
							      .driver = hosts[i],
							      .class = classes[i],
							      .kind = kinds[i],
							      .group = "14"},
			.now = {.driver = hosts[i], .override = "", .control = "auto"},
			.asked = true};
	drivers[0] = (struct bind_driver){
		.name = "vfio-pci", .module = "vfio-pci", .file = HW_MODULE_THERE, .knows = -1};
	return facts;
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
	drivers[0].name = "nouveau";
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
	struct bind_facts facts = card();
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

static const char *steps(const struct bind_plan *plan)
{
	const char *all = "";

	for (size_t i = 0; i < plan->count; i++)
		all = arena_printf(arena, "%s%s\n", all, bind_step_name(arena, &plan->steps[i]));
	return all;
}

static const char *plan_of(void (*change)(struct bind_facts *facts))
{
	struct bind_facts facts = card();
	struct bind_plan plan;

	change(&facts);
	bind_wants(&facts);
	bind_plan(&facts, true, &plan);
	return steps(&plan);
}

static void last_only(struct bind_facts *facts)
{
	other_function(facts);
	registered(facts);
}

static void a_function_is_woken_unbound_marked_and_probed(void)
{
	check_text(plan_of(last_only), "set power/control of 0000:0a:00.3 to on\n"
				       "unbind 0000:0a:00.3 from nvidia-gpu\n"
				       "let only vfio-pci take 0000:0a:00.3\n"
				       "bind 0000:0a:00.3 to vfio-pci\n");
}

static void before(const char *all, const char *one, const char *two)
{
	const char *first = strstr(all, one), *second = strstr(all, two);

	check(first && second && first < second);
}

static void the_GPU_goes_last_and_comes_back_first(void)
{
	const char *all = plan_of(nothing);

	before(all, "unbind 0000:0a:00.3", "unbind 0000:0a:00.2");
	before(all, "unbind 0000:0a:00.1", "unbind 0000:0a:00.0");
	/* Its modules need it awake. */
	before(all, "set power/control of 0000:0a:00.0 to on", "unload nvidia_drm");
	before(all, "unload nvidia_drm", "unload nvidia_modeset");
	before(all, "unload nvidia_modeset", "unbind 0000:0a:00.3");
}

static void with_vm(struct bind_facts *facts)
{
	facts->action = BIND_RESTORE;
	facts->drm.loaded = facts->modeset.loaded = false;
	facts->unloaded = (struct bind_names){arena_alloc(arena, 2 * sizeof(char *)), 2};
	facts->unloaded.list[0] = "nvidia_drm";
	facts->unloaded.list[1] = "nvidia_modeset";
	for (int i = 0; i < 4; i++) {
		struct bind_function *one = &facts->functions[i];

		one->recorded = true;
		one->before = one->now;
		one->now = (struct bind_state){
			.driver = "vfio-pci", .override = "vfio-pci", .control = "auto"};
	}
}

static void a_restore_puts_all_back_that_was(void)
{
	const char *all = plan_of(with_vm);

	before(all, "bind 0000:0a:00.0 to nvidia", "unbind 0000:0a:00.1 from vfio-pci");
	before(all, "bind 0000:0a:00.0 to nvidia", "let any driver take 0000:0a:00.0");
	before(all, "let any driver take 0000:0a:00.0",
		"set power/control of 0000:0a:00.0 to auto");
	before(all, "bind 0000:0a:00.3 to nvidia-gpu", "load nvidia_modeset");
	before(all, "load nvidia_modeset", "load nvidia_drm");
}

static void modeset_off(struct bind_facts *facts)
{
	facts->drm_modeset = 0;
}

static void modules_stay_where_they_do_not_hold_the_GPU(void)
{
	check(!strstr(plan_of(modeset_off), "unload"));
	check(!strstr(plan_of(nouveau), "unload"));
}

static void there_already(struct bind_facts *facts)
{
	for (int i = 0; i < 4; i++)
		facts->functions[i].now.driver = "vfio-pci";
}

static void what_is_there_already_is_left_alone(void)
{
	check_text(plan_of(there_already), "");
}

static void a_journal_is_read_as_it_was_written(void)
{
	struct bind_facts facts = card();
	struct bind_record record = {0};
	const char *written;

	facts.functions[1].now.driver = NULL;
	facts.functions[2].now.override = "xhci_hcd";
	facts.functions[3].now.control = NULL;
	written = journal_text(&facts);
	journal_parse(arena,
		arena_printf(arena, "%sunload\tnvidia_drm\nstep\tx\nunload\tto", written), &record);
	check(record.count == 4 && record.unloaded.count == 1);
	check_text(record.functions[0].before.driver, "nvidia");
	check_text(record.functions[0].before.override, "");
	check_text(record.functions[0].before.control, "auto");
	check(!record.functions[1].before.driver);
	check_text(record.functions[2].before.override, "xhci_hcd");
	check(!record.functions[3].before.control);
	check_text(record.unloaded.list[0], "nvidia_drm");
}

static void a_torn_journal_harms_nothing(void)
{
	struct bind_facts facts = card();
	const char *written = journal_text(&facts);

	for (size_t length = strlen(written); length > 0; length--) {
		struct bind_record record = {0};

		journal_parse(arena, arena_copy(arena, written, length), &record);
		check(record.count <= 4);
	}
}

static void a_slot_is_what_lspci_prints(void)
{
	static const struct {
		const char *word, *slot;
		int function;
	} words[] = {
		{"0a:00", "0000:0a:00", -1},
		{"0000:0a:00.1", "0000:0a:00", 1},
		{"a:0.7", "0000:0a:00", 7},
		{"10000:e1:1f.0", "10000:e1:1f", 0},
		{"0a:00.", NULL, -1},
		{"0a:00.8", NULL, -1},
		{"0a:20", NULL, -1},
		{"0a", NULL, -1},
		{":", NULL, -1},
		{"0a:", NULL, -1},
		{"", NULL, -1},
		{"0a:00.0x", NULL, -1},
		{"0a:00:00:00", NULL, -1},
		{"/../0a:00", NULL, -1},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		int function = -1;

		check_text(hw_slot_parse(arena, words[i].word, &function), words[i].slot);
		check(!words[i].slot || function == words[i].function);
	}
}

TAP_MAIN(TEST(each_check_speaks_where_it_must_and_nowhere_else), TEST(each_check_has_a_case),
	TEST(a_function_is_woken_unbound_marked_and_probed),
	TEST(the_GPU_goes_last_and_comes_back_first), TEST(a_restore_puts_all_back_that_was),
	TEST(modules_stay_where_they_do_not_hold_the_GPU),
	TEST(what_is_there_already_is_left_alone), TEST(a_journal_is_read_as_it_was_written),
	TEST(a_torn_journal_harms_nothing), TEST(a_slot_is_what_lspci_prints))
