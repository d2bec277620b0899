/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "nv-gpu/doctor/doctor.h"

enum { INDENT = 9 };

/* Lines of text, each behind a heading or as many blanks. */
static void lines(struct buf *out, const char *heading, const char *text)
{
	for (const char *end; text && *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		buf_printf(out, "%*s%-5s%.*s\n", INDENT, "", heading, (int)(end - text), text);
		heading = "";
	}
}

static void show_deeds(const struct doctor *doctor, struct buf *out)
{
	for (size_t i = 0; i < doctor->deed_count; i++) {
		const struct deed *deed = &doctor->deeds[i];

		buf_printf(out, "%-*s%s: %s\n", INDENT, deed->failed ? "failed" : "done",
			deed->check, deed->what);
		lines(out, "back", deed->back);
	}
	if (doctor->run->options.fix && doctor->deed_count)
		buf_puts(out, "All of it back: nv-gpu doctor --undo\n\n");
	else if (doctor->run->options.fix)
		buf_puts(out, "There is nothing that --fix can do.\n\n");
	else if (doctor->run->options.undo && !doctor->deed_count)
		buf_puts(out, "There is nothing to put back.\n");
}

void doctor_show(struct doctor *doctor, struct buf *out)
{
	size_t well = 0;

	show_deeds(doctor, out);
	for (size_t i = 0; i < doctor->count; i++) {
		const struct finding *finding = &doctor->findings[i];

		/* What is well is told where one check was asked for, or with -v. */
		if (finding->verdict == VERDICT_OK && !doctor->run->options.only &&
			doctor->run->options.verbosity < 1) {
			well++;
			continue;
		}
		buf_printf(out, "%-*s%s: %s\n", INDENT, verdict_name(finding->verdict),
			finding->check->name, finding->what);
		lines(out, "why", finding->why);
		lines(out, "do", doctor_advice(doctor, finding));
	}
	if (well)
		buf_printf(out, "%zu %s well; -v tells of %s.\n", well,
			well == 1 ? "thing is" : "things are", well == 1 ? "it" : "them");
}

static void changes_json(const struct finding *finding, struct json *json)
{
	static const char *const kinds[] = {"file", "link", "remove", "attribute"};

	json_open(json, "changes", '[');
	for (size_t i = 0; i < finding->change_count; i++) {
		const struct change *change = &finding->changes[i];

		json_open(json, NULL, '{');
		json_add_string(json, "kind", kinds[change->kind]);
		json_add_string(json, "path", change->path);
		json_add_string(json, "text", change->text);
		json_close(json, '}');
	}
	json_close(json, ']');
}

void doctor_show_json(struct doctor *doctor, struct buf *out)
{
	struct json json = {.out = out};

	json_open(&json, NULL, '{');
	json_open(&json, "done", '[');
	for (size_t i = 0; i < doctor->deed_count; i++) {
		const struct deed *deed = &doctor->deeds[i];

		json_open(&json, NULL, '{');
		json_add_string(&json, "check", deed->check);
		json_add_bool(&json, "failed", deed->failed);
		json_add_string(&json, "what", deed->what);
		json_add_string(&json, "back", deed->back);
		json_close(&json, '}');
	}
	json_close(&json, ']');
	json_open(&json, "findings", '[');
	for (size_t i = 0; i < doctor->count; i++) {
		const struct finding *finding = &doctor->findings[i];
		const char *advice = doctor_advice(doctor, finding);

		json_open(&json, NULL, '{');
		json_add_string(&json, "check", finding->check->name);
		json_add_string(&json, "about", finding->check->about);
		json_add_string(&json, "verdict", verdict_name(finding->verdict));
		json_add_string(&json, "what", finding->what);
		json_add_string(&json, "why", finding->why);
		json_add_string(&json, "do", *advice ? advice : NULL);
		changes_json(finding, &json);
		json_close(&json, '}');
	}
	json_close(&json, ']');
	json_close(&json, '}');
}
