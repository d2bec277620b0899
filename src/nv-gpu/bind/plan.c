/* SPDX-License-Identifier: MIT */
/* plan: the states that are wanted, and the steps to them. Only thinks. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/bind/bind.h"

/* A driver of that name there is none: nothing takes a function that asks for it (the kernel's
 * ABI/testing/sysfs-bus-pci, driver_override). */
static const char nobody[] = "none";

bool bind_is_stub(const char *driver)
{
	return driver && (strstr(driver, "vfio") || str_eq(driver, "pci-stub"));
}

static bool same(const char *a, const char *b)
{
	return a && b ? str_eq(a, b) : a == b;
}

/* Whether its driver is not the one that is wanted. */
static bool changes(const struct bind_function *function)
{
	const struct bind_state *now = &function->now, *wanted = &function->wanted;

	if (!function->asked || function->stuck)
		return false;
	return wanted->any ? !now->driver || bind_is_stub(now->driver)
			   : !same(now->driver, wanted->driver);
}

bool bind_leaves(const struct bind_function *function)
{
	return function->now.driver && changes(function);
}

static struct bind_state to_target(const struct bind_facts *facts, const struct bind_function *one)
{
	const struct bind_state *now = &one->now, *before = one->recorded ? &one->before : NULL;
	const char *control = bind_is_stub(now->driver) ? NULL : now->control;
	struct bind_state host = {.any = true, .override = ""};

	/* vfio-pci sets power/control itself, as it likes it. */
	if (bind_is_stub(facts->target))
		return (struct bind_state){.driver = facts->target, .override = facts->target};
	if (one->pci.kind == HW_FUNCTION_DISPLAY) {
		if (!control && before && same(before->driver, facts->target))
			control = before->control;
		return (struct bind_state){
			.driver = facts->target, .override = facts->target, .control = control};
	}
	if (now->driver && !bind_is_stub(now->driver))
		return *now;
	/* Left to itself the kernel may pick vfio-pci again, if its module was given these ids. */
	if (before && before->driver && !bind_is_stub(before->driver)) {
		host = *before;
		host.override = "";
	} else if (one->natural) {
		host = (struct bind_state){.driver = one->natural,
			.module = one->natural_module,
			.override = "",
			.control = control};
	}
	return host;
}

void bind_wants(struct bind_facts *facts)
{
	for (size_t i = 0; i < facts->count; i++) {
		struct bind_function *one = &facts->functions[i];

		one->wanted = one->now;
		if (!one->asked)
			continue;
		if (facts->action == BIND_TO)
			one->wanted = to_target(facts, one);
		else if (facts->action == BIND_NOTHING)
			one->wanted = (struct bind_state){
				.override = nobody, .control = one->now.control};
		else if (one->recorded)
			one->wanted = one->before;
	}
}

static void add(struct bind_plan *plan, struct bind_step step)
{
	*arena_push(plan->arena, plan->steps, plan->count) = step;
}

static void load(struct bind_plan *plan, const char *module, bool optional)
{
	for (size_t i = 0; i < plan->count; i++) {
		if (plan->steps[i].kind == STEP_LOAD && str_eq(plan->steps[i].value, module))
			return;
	}
	add(plan, (struct bind_step){.kind = STEP_LOAD, .value = module, .optional = optional});
}

static void write_to(struct bind_plan *plan, enum bind_kind kind,
	const struct bind_function *function, const char *value)
{
	add(plan, (struct bind_step){.kind = kind, .function = function, .value = value});
}

/* What is loaded before anything is taken from anybody. */
static void load_drivers(const struct bind_facts *facts, struct bind_plan *plan)
{
	for (size_t i = 0; i < facts->count; i++) {
		const struct bind_function *function = &facts->functions[i];
		const struct bind_state *wanted = &function->wanted;

		if (!changes(function))
			continue;
		if (wanted->any && function->pci.modalias)
			load(plan, function->pci.modalias, true);
		for (size_t j = 0; wanted->driver && j < facts->driver_count; j++) {
			const struct bind_driver *driver = &facts->drivers[j];

			if (str_eq(driver->name, wanted->driver) && !driver->registered)
				load(plan, driver->module, false);
		}
	}
}

static void put_override(struct bind_plan *plan, const struct bind_function *one, const char **now,
	const char *value)
{
	if (!value || (*now && str_eq(*now, value)))
		return;
	write_to(plan, STEP_OVERRIDE, one, value);
	*now = value;
}

static void put_control(struct bind_plan *plan, const struct bind_function *one, const char **now,
	const char *value)
{
	if (!value || !one->now.control || same(*now, value))
		return;
	write_to(plan, STEP_CONTROL, one, value);
	*now = value;
}

/*
 * nvidia_drm with modeset keeps each GPU of the driver in use by itself, without any process, and
 * the unbind would wait for that forever; nvidia_modeset comes back with it.
 */
static void unload(const struct bind_facts *facts, struct bind_plan *plan)
{
	if (!facts->drm.loaded || facts->drm_modeset == 0)
		return;
	/* The module has the GPU, so that it must be awake already. */
	for (size_t i = 0; i < facts->count; i++) {
		const struct bind_function *one = &facts->functions[i];
		const char *control = one->now.control;

		if (bind_leaves(one) && str_eq(one->now.driver, "nvidia"))
			put_control(plan, one, &control, "on");
	}
	add(plan, (struct bind_step){.kind = STEP_UNLOAD, .value = "nvidia_drm"});
	if (facts->modeset.loaded && facts->modeset.uses == 1 && facts->modeset.needed_by == 1)
		add(plan, (struct bind_step){.kind = STEP_UNLOAD, .value = "nvidia_modeset"});
}

/* Whether the plan has woken a function already. */
static bool is_awake(const struct bind_plan *plan, const struct bind_function *one)
{
	for (size_t i = 0; i < plan->count; i++) {
		if (plan->steps[i].kind == STEP_CONTROL && plan->steps[i].function == one)
			return true;
	}
	return false;
}

static void move(
	const struct bind_facts *facts, const struct bind_function *one, struct bind_plan *plan)
{
	const struct bind_state *wanted = &one->wanted;
	const char *override = one->now.override, *control = one->now.control;

	if (!one->asked || one->stuck)
		return;
	if (changes(one)) {
		/* A function that sleeps in D3cold must not meet a driver that leaves or comes. */
		if (is_awake(plan, one))
			control = "on";
		put_control(plan, one, &control, "on");
		if (one->now.driver)
			write_to(plan, STEP_UNBIND, one, one->pci.slot);
		if (wanted->driver || wanted->any) {
			put_override(plan, one, &override, wanted->any ? "" : wanted->driver);
			add(plan, (struct bind_step){.kind = STEP_PROBE,
					  .function = one,
					  .value = one->pci.slot,
					  .expected = wanted->driver});
			/* Drivers may set it as they come and go. */
			control = NULL;
		}
	} else if (facts->action == BIND_TO) {
		return;
	}
	put_override(plan, one, &override, wanted->override);
	put_control(plan, one, &control, wanted->control);
}

/* Whether the GPU goes to a driver of the host's. */
static bool comes_back(const struct bind_facts *facts)
{
	for (size_t i = 0; i < facts->count; i++) {
		const struct bind_function *one = &facts->functions[i];

		if (one->pci.kind == HW_FUNCTION_DISPLAY && one->asked)
			return one->wanted.driver && !bind_is_stub(one->wanted.driver);
	}
	return false;
}

static bool leaves_nvidia(const struct bind_facts *facts)
{
	for (size_t i = 0; i < facts->count; i++) {
		const struct bind_function *one = &facts->functions[i];

		if (bind_leaves(one) && str_eq(one->now.driver, "nvidia"))
			return true;
	}
	return false;
}

/* What an earlier move took out, once NVIDIA's driver has the GPU again. */
static void load_again(const struct bind_facts *facts, struct bind_plan *plan)
{
	bool nvidia = false;

	for (size_t i = 0; i < facts->count; i++) {
		const struct bind_function *one = &facts->functions[i];

		nvidia |= !one->stuck &&
			  same(one->asked ? one->wanted.driver : one->now.driver, "nvidia");
	}
	for (size_t i = facts->unloaded.count; nvidia && i > 0; i--) {
		const char *module = facts->unloaded.list[i - 1];

		if (!(str_eq(module, "nvidia_drm") ? &facts->drm : &facts->modeset)->loaded)
			load(plan, module, false);
	}
}

void bind_plan(const struct bind_facts *facts, bool may_unload, struct bind_plan *plan)
{
	bool back = comes_back(facts);

	*plan = (struct bind_plan){.arena = facts->arena};
	load_drivers(facts, plan);
	if (may_unload && leaves_nvidia(facts))
		unload(facts, plan);
	/* The GPU's own function is function 0: it goes last, as the others are parts of it, and
	 * comes back first. */
	for (size_t i = 0; i < facts->count; i++)
		move(facts, &facts->functions[back ? i : facts->count - 1 - i], plan);
	load_again(facts, plan);
}

const char *bind_step_name(struct arena *arena, const struct bind_step *step)
{
	const struct bind_function *one = step->function;

	switch (step->kind) {
	case STEP_LOAD:
		return arena_printf(arena, "load %s", step->value);
	case STEP_UNLOAD:
		return arena_printf(arena, "unload %s", step->value);
	case STEP_CONTROL:
		return arena_printf(
			arena, "set power/control of %s to %s", one->pci.slot, step->value);
	case STEP_UNBIND:
		return arena_printf(arena, "unbind %s%s%s", one->pci.slot,
			one->now.driver ? " from " : "", one->now.driver ? one->now.driver : "");
	case STEP_OVERRIDE:
		return *step->value ? arena_printf(arena, "let only %s take %s", step->value,
					      one->pci.slot)
				    : arena_printf(arena, "let any driver take %s", one->pci.slot);
	default:
		return step->expected
			       ? arena_printf(arena, "bind %s to %s", one->pci.slot, step->expected)
			       : arena_printf(
					 arena, "bind %s to what the kernel picks", one->pci.slot);
	}
}

const char *bind_step_command(struct arena *arena, const struct bind_step *step)
{
	static const char *const files[] = {
		[STEP_CONTROL] = "power/control",
		[STEP_UNBIND] = "driver/unbind",
		[STEP_OVERRIDE] = "driver_override",
	};
	const char *file;

	if (step->kind == STEP_LOAD)
		return arena_printf(arena, "modprobe %s", step->value);
	if (step->kind == STEP_UNLOAD)
		return arena_printf(arena, "rmmod %s", step->value);
	file = step->kind == STEP_PROBE
		       ? hw_pci_probe_file()
		       : hw_pci_file(arena, step->function->pci.slot, files[step->kind]);
	return arena_printf(arena, "echo %s%s> %s", step->value, *step->value ? " " : "", file);
}
