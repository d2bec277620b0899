/* SPDX-License-Identifier: MIT */
/* nv-gpu bind's steps and their order, and the journal as text. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "bind-card.h"
#include "tap.h"

static struct arena *arena;

static void tap_begin(void)
{
	arena = arena_new();
}

static void tap_end(void)
{
	arena_free(arena);
}

static void nothing(struct bind_facts *facts)
{
	(void)facts;
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
	struct bind_facts facts = bind_card(arena);
	struct bind_plan plan;

	change(&facts);
	bind_wants(&facts);
	bind_plan(&facts, true, &plan);
	return steps(&plan);
}

static void last_only(struct bind_facts *facts)
{
	for (int i = 0; i < 3; i++)
		facts->functions[i].asked = false;
	facts->drivers[0].registered = true;
	facts->drivers[0].file = HW_MODULE_MISSING;
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

static void nouveau(struct bind_facts *facts)
{
	facts->functions[0].now.driver = "nouveau";
	facts->nvidia_gpus = 0;
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
	struct bind_facts facts = bind_card(arena);
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
	struct bind_facts facts = bind_card(arena);
	const char *written = journal_text(&facts);

	for (size_t length = strlen(written); length > 0; length--) {
		struct bind_record record = {0};

		journal_parse(arena, arena_copy(arena, written, length), &record);
		check(record.count <= 4);
	}
}

TAP_MAIN(TEST(a_function_is_woken_unbound_marked_and_probed),
	TEST(the_GPU_goes_last_and_comes_back_first), TEST(a_restore_puts_all_back_that_was),
	TEST(modules_stay_where_they_do_not_hold_the_GPU),
	TEST(what_is_there_already_is_left_alone), TEST(a_journal_is_read_as_it_was_written),
	TEST(a_torn_journal_harms_nothing))
