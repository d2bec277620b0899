/* SPDX-License-Identifier: MIT */
/* carry: does a plan's steps, and takes back what was done if one fails. */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/bind/bind.h"

struct carry {
	struct bind_facts *facts;
	struct bind_door *door;
	struct bind_carried *carried;
	bool back; /* taking back: goes on whatever fails */
	size_t done; /* steps of the plan */
};

static bool same(const char *a, const char *b)
{
	return a && b ? str_eq(a, b) : a == b;
}

/* Why a step that the kernel took has not led to what it is for; NULL if it has. */
static const char *read_back(struct carry *carry, const struct bind_step *step)
{
	struct arena *arena = carry->facts->arena;
	struct bind_state state;

	if (step->kind != STEP_UNBIND && step->kind != STEP_OVERRIDE && step->kind != STEP_PROBE)
		return NULL;
	if (!carry->door->state(carry->door, step->function->pci.slot, &state))
		return arena_printf(arena, "the kernel does not answer about %s any more",
			step->function->pci.slot);
	if (step->kind == STEP_UNBIND && state.driver)
		return arena_printf(
			arena, "%s has driver %s still", step->function->pci.slot, state.driver);
	if (step->kind == STEP_OVERRIDE && !same(state.override, step->value))
		return arena_printf(
			arena, "driver_override says '%s'", state.override ? state.override : "");
	if (step->kind == STEP_PROBE && step->expected && !same(state.driver, step->expected))
		return arena_printf(arena,
			"%s has %s%s afterwards; the kernel's log (dmesg) says why",
			step->function->pci.slot, state.driver ? "driver " : "no driver",
			state.driver ? state.driver : "");
	return NULL;
}

/* What keeps a step from being begun; NULL if nothing does. */
static const char *obstacle(struct carry *carry, const struct bind_step *step)
{
	const char *why = NULL;

	if (!carry->back && carry->door->stop(carry->door))
		return "it was interrupted";
	if (!carry->back && step->kind == STEP_UNBIND)
		why = carry->door->hold(carry->door, step->function);
	if (!why && !carry->door->note(carry->door, step) && !carry->back)
		why = arena_printf(
			carry->facts->arena, "the journal cannot be written: %s", strerror(errno));
	return why;
}

static void fail(struct carry *carry, const struct bind_step *step, struct bind_result result,
	const char *why)
{
	struct bind_carried *carried = carry->carried;

	if (carry->back) {
		*arena_push(carry->facts->arena, carried->left.list, carried->left.count) =
			arena_printf(carry->facts->arena, "cannot %s: %s",
				bind_step_name(carry->facts->arena, step), why);
		return;
	}
	carried->failed = step;
	carried->result = result;
	carried->why = arena_printf(carry->facts->arena, "cannot %s: %s",
		bind_step_name(carry->facts->arena, step), why);
}

static const char *why_of(
	struct carry *carry, const struct bind_step *step, struct bind_result result)
{
	/* What it prints is lost: the child that it runs in must keep nobody's terminal open. */
	if (step->kind == STEP_LOAD)
		return arena_printf(carry->facts->arena,
			"modprobe failed; 'modprobe %s' by hand, or the kernel's log (dmesg), says "
			"why",
			step->value);
	if (step->kind == STEP_UNLOAD && result.error == EWOULDBLOCK)
		return "something has begun to use it since a moment ago";
	return strerror(result.error);
}

/* The function whose write does not come back is left alone: each further one would wait too. */
static void leave_alone(struct carry *carry, const struct bind_step *step)
{
	for (size_t i = 0; i < carry->facts->count; i++) {
		if (step->function == &carry->facts->functions[i])
			carry->facts->functions[i].stuck = true;
	}
}

static bool do_step(struct carry *carry, const struct bind_step *step)
{
	struct arena *arena = carry->facts->arena;
	struct bind_result result = {0};
	const char *why = obstacle(carry, step);

	if (!why) {
		result = carry->door->step(carry->door, step);
		if (result.stuck)
			why = arena_printf(arena,
				"it does not come back: process %ld waits in the "
				"kernel",
				result.stuck);
		else if (result.error && !step->optional)
			why = why_of(carry, step, result);
		else if (!result.error)
			why = read_back(carry, step);
	}
	if (!why)
		return true;
	if (result.stuck)
		leave_alone(carry, step);
	fail(carry, step, result, why);
	return false;
}

static bool do_all(struct carry *carry, const struct bind_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct bind_step *step = &plan->steps[i];

		/* A function may have got stuck on the way back. */
		if (step->function && step->function->stuck)
			continue;
		if (!do_step(carry, step) && !carry->back)
			return false;
		carry->done++;
	}
	return true;
}

static void say_left(struct carry *carry, const struct bind_function *one)
{
	struct arena *arena = carry->facts->arena;
	struct bind_state state;
	const char *what = NULL;

	if (one->stuck || !carry->door->state(carry->door, one->pci.slot, &state))
		what = arena_printf(arena, "%s is stuck in the kernel", one->pci.slot);
	else if (!same(state.driver, one->wanted.driver))
		what = arena_printf(arena, "%s has %s%s, it had %s", one->pci.slot,
			state.driver ? "driver " : "no driver", state.driver ? state.driver : "",
			one->wanted.driver ? one->wanted.driver : "none");
	if (what)
		*arena_push(arena, carry->carried->left.list, carry->carried->left.count) = what;
}

/* What is to be done on the way back is not what was asked for, which the answer tells of. */
static struct bind_facts *copy_of(const struct bind_facts *facts)
{
	struct bind_facts *copy = arena_alloc(facts->arena, sizeof(*copy));
	size_t size = facts->count * sizeof(*facts->functions);

	*copy = *facts;
	copy->functions = arena_alloc(facts->arena, size + 1);
	memcpy(copy->functions, facts->functions, size);
	return copy;
}

/* Takes everything back: a plan from what is now to what was at the start. */
static void take_back(struct carry *carry, const struct bind_state *before, bool stuck_module)
{
	struct bind_facts *facts = copy_of(carry->facts);
	struct bind_plan plan;

	carry->facts = facts;
	carry->back = true;
	for (size_t i = 0; i < facts->count; i++) {
		struct bind_function *one = &facts->functions[i];

		one->wanted = before[i];
		if (one->asked && !one->stuck &&
			!carry->door->state(carry->door, one->pci.slot, &one->now))
			one->stuck = true;
	}
	facts->action = BIND_RESTORE;
	facts->driver_count = 0;
	/* Where a module is stuck, others would get stuck in it. */
	for (size_t i = 0; stuck_module && i < facts->unloaded.count; i++)
		*arena_push(facts->arena, carry->carried->left.list, carry->carried->left.count) =
			arena_printf(
				facts->arena, "module %s is not loaded", facts->unloaded.list[i]);
	if (stuck_module)
		facts->unloaded.count = 0;
	bind_plan(facts, false, &plan);
	do_all(carry, &plan);
	for (size_t i = 0; i < facts->count; i++) {
		if (facts->functions[i].asked)
			say_left(carry, &facts->functions[i]);
	}
}

/* The modules that a plan took out come back with the GPU: bind_plan loads what is noted here. */
static void count_unloaded(struct bind_facts *facts, const struct bind_plan *plan, size_t done)
{
	for (size_t i = 0; i < done; i++) {
		const struct bind_step *step = &plan->steps[i];

		if (step->kind != STEP_UNLOAD)
			continue;
		*arena_push(facts->arena, facts->unloaded.list, facts->unloaded.count) =
			step->value;
		(str_eq(step->value, "nvidia_drm") ? &facts->drm : &facts->modeset)->loaded = false;
	}
}

void bind_carry(struct bind_facts *facts, const struct bind_plan *plan, struct bind_door *door,
	struct bind_carried *carried)
{
	struct carry carry = {.facts = facts, .door = door, .carried = carried};
	struct bind_state *before = arena_alloc(facts->arena, (facts->count + 1) * sizeof(*before));
	bool done;

	*carried = (struct bind_carried){.end = BIND_DONE};
	for (size_t i = 0; i < facts->count; i++)
		before[i] = facts->functions[i].now;
	done = do_all(&carry, plan);
	count_unloaded(facts, plan, carry.done);
	if (done)
		return;
	take_back(&carry, before, carried->result.stuck && !carried->failed->function);
	carried->end = carried->left.count ? BIND_PARTLY : BIND_BACK;
}
