/* SPDX-License-Identifier: MIT */
/* show: what was found, and what was or would be done, as text and as JSON. */
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/table.h"
#include "nv-gpu/bind/bind.h"
#include "nv-gpu/gpu.h"

static const char *driver_text(const struct bind_state *state)
{
	return state->any ? "what the kernel picks" : state->driver ? state->driver : "no driver";
}

static bool is_same(const struct bind_function *one)
{
	return !one->asked || str_eq(driver_text(&one->now), driver_text(&one->wanted)) ||
	       (one->wanted.any && one->now.driver && !bind_is_stub(one->now.driver));
}

static void show_functions(struct gpu_run *run, const struct bind_facts *facts, struct buf *out)
{
	struct table table = {.columns = 4};

	for (size_t i = 0; i < facts->count; i++) {
		const struct bind_function *one = &facts->functions[i];
		const char *cells[] = {
			arena_printf(run->arena, "  %s", one->pci.slot),
			hw_function_kind_name(one->pci.kind),
			driver_text(&one->now),
			is_same(one) ? "stays"
				     : arena_printf(run->arena, "-> %s", driver_text(&one->wanted)),
		};

		table_row(run->arena, &table, cells);
	}
	table_print(&table, out);
}

/* Cures may have several lines, files to be written among them. */
static void show_cure(const char *cure, struct buf *out)
{
	while (*cure) {
		size_t length = strcspn(cure, "\n");

		buf_printf(out, "      %.*s\n", (int)length, cure);
		cure += length + (cure[length] == '\n');
	}
}

static void show_findings(const struct bind_findings *findings, bool refuse, struct buf *out)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct bind_finding *one = &findings->list[i];

		if (one->refuses != refuse)
			continue;
		buf_printf(out, "  * %s\n", one->what);
		show_cure(one->cure, out);
	}
}

static bool has_notes(const struct bind_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		if (!findings->list[i].refuses)
			return true;
	}
	return false;
}

static const char *nothing(const struct bind_facts *facts)
{
	return facts->action == BIND_RESTORE && !facts->earlier
		       ? "Nothing to restore: nv-gpu has not moved it."
		       : "Nothing to do: it is so already.";
}

/* Whether there is no GPU at all that could be moved. */
static bool is_nothing(const struct bind_findings *findings)
{
	return findings->count && str_eq(findings->list[findings->count - 1].id, "slot");
}

static void show_plan(struct gpu_run *run, const struct bind_answer *answer, struct buf *out)
{
	if (!answer->plan->count) {
		buf_printf(out, "%s\n", nothing(answer->facts));
		return;
	}
	buf_puts(out, "Steps:\n");
	for (size_t i = 0; i < answer->plan->count; i++)
		buf_printf(out, "  %s\n", bind_step_command(run->arena, &answer->plan->steps[i]));
}

static void show_carried(const struct bind_answer *answer, struct buf *out)
{
	const struct bind_carried *carried = answer->carried;

	if (carried->end == BIND_DONE) {
		buf_printf(out, "%s\n", answer->plan->count ? "Done." : nothing(answer->facts));
		return;
	}
	buf_printf(out, "Failed: %s.\n", carried->why);
	if (carried->result.stuck)
		buf_printf(out,
			"Process %ld waits in the kernel and cannot be ended. Do not try it "
			"again, and do not expect it to help if what holds the GPU is ended now: "
			"the driver no longer looks. Save your work and reboot.\n",
			carried->result.stuck);
	if (carried->end == BIND_BACK) {
		buf_puts(out, "Everything is as before.\n");
		return;
	}
	buf_puts(out, "All else is as before, but:\n");
	for (size_t i = 0; i < carried->left.count; i++)
		buf_printf(out, "  * %s\n", carried->left.list[i]);
	buf_printf(out, "'nv-gpu restore %s' tries to bring back the rest.\n", answer->facts->slot);
}

static void show_persisted(const struct bind_answer *answer, struct buf *out)
{
	if (answer->unpersisted)
		buf_printf(out,
			"It will not survive a reboot: %s. Where udev's rules are made another "
			"way, this is what to add:\n%s",
			answer->unpersisted, persist_rule(answer->facts));
	if (answer->persisted)
		buf_printf(out,
			"%s does it at each boot. If the initramfs loads graphics drivers, make "
			"it anew, so that it has the rule too: update-initramfs -u, dracut -f or "
			"mkinitcpio -P, which has to be told of the file by FILES= in "
			"/etc/mkinitcpio.conf.\n",
			answer->persisted);
}

static void show_text(struct gpu_run *run, const struct bind_answer *answer, struct buf *out)
{
	const struct bind_facts *facts = answer->facts;
	bool refused = bind_refused(answer->findings);

	if (facts->count)
		buf_printf(out, "%s\n", facts->title);
	show_functions(run, facts, out);
	if (has_notes(answer->findings))
		buf_puts(out, "Worth knowing:\n");
	show_findings(answer->findings, false, out);
	if (refused)
		buf_puts(out,
			facts->dry ? "It would be refused:\n" : "Refused, nothing was changed:\n");
	show_findings(answer->findings, true, out);
	if (facts->dry && !is_nothing(answer->findings))
		show_plan(run, answer, out);
	if (answer->carried)
		show_carried(answer, out);
	show_persisted(answer, out);
}

static void json_state(struct json *json, const char *name, const struct bind_state *state)
{
	json_open(json, name, '{');
	json_add_string(json, "driver", state->driver);
	if (state->any)
		json_add_bool(json, "any", true);
	json_add_string(
		json, "override", state->override && *state->override ? state->override : NULL);
	json_add_string(json, "control", state->control);
	json_close(json, '}');
}

static void json_functions(const struct bind_facts *facts, struct json *json)
{
	json_open(json, "functions", '[');
	for (size_t i = 0; i < facts->count; i++) {
		const struct bind_function *one = &facts->functions[i];

		json_open(json, NULL, '{');
		json_add_string(json, "slot", one->pci.slot);
		json_add_string(json, "kind", hw_function_kind_name(one->pci.kind));
		json_add_string(json, "iommu-group", one->pci.group);
		json_add_bool(json, "moves", !is_same(one));
		json_state(json, "now", &one->now);
		json_state(json, "wanted", &one->wanted);
		if (one->recorded)
			json_state(json, "before", &one->before);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void json_carried(const struct bind_carried *carried, struct json *json)
{
	static const char *const ends[] = {"done", "taken-back", "partly-taken-back"};

	json_add_string(json, "end", ends[carried->end]);
	json_add_string(json, "failed", carried->why);
	if (carried->result.stuck)
		json_add_number(json, "stuck-process", carried->result.stuck);
	json_open(json, "left", '[');
	for (size_t i = 0; i < carried->left.count; i++)
		json_add_string(json, NULL, carried->left.list[i]);
	json_close(json, ']');
}

static void show_json(struct gpu_run *run, const struct bind_answer *answer, struct json *json)
{
	json_open(json, NULL, '{');
	json_add_string(json, "slot", answer->facts->slot);
	json_add_string(json, "driver", answer->facts->target);
	json_add_bool(json, "refused", bind_refused(answer->findings));
	json_functions(answer->facts, json);
	json_open(json, "findings", '[');
	for (size_t i = 0; i < answer->findings->count; i++) {
		const struct bind_finding *one = &answer->findings->list[i];

		json_open(json, NULL, '{');
		json_add_string(json, "id", one->id);
		json_add_bool(json, "refuses", one->refuses);
		json_add_bool(json, "may-pass", one->passes);
		json_add_string(json, "what", one->what);
		json_add_string(json, "do", one->cure);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_open(json, "steps", '[');
	for (size_t i = 0; i < answer->plan->count; i++)
		json_add_string(json, NULL, bind_step_command(run->arena, &answer->plan->steps[i]));
	json_close(json, ']');
	if (answer->carried)
		json_carried(answer->carried, json);
	json_add_string(json, "rule", answer->persisted);
	if (answer->unpersisted)
		json_add_string(json, "no-rule", answer->unpersisted);
	json_close(json, '}');
}

int bind_show(struct gpu_run *run, const struct bind_answer *answer)
{
	struct buf out = {0};
	struct json json = {.out = &out};
	int status;

	if (run->options.json)
		show_json(run, answer, &json);
	else
		show_text(run, answer, &out);
	status = gpu_print(&out);
	buf_free(&out);
	return status;
}
