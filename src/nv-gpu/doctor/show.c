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

void doctor_show(const struct doctor *doctor, struct buf *out)
{
	size_t well = 0;

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
		lines(out, "do", finding->fix);
	}
	if (well)
		buf_printf(out, "%zu %s well; -v tells of %s.\n", well,
			well == 1 ? "thing is" : "things are", well == 1 ? "it" : "them");
}

void doctor_show_json(const struct doctor *doctor, struct buf *out)
{
	struct json json = {.out = out};

	json_open(&json, NULL, '[');
	for (size_t i = 0; i < doctor->count; i++) {
		const struct finding *finding = &doctor->findings[i];

		json_open(&json, NULL, '{');
		json_string(&json, "check", finding->check->name);
		json_string(&json, "about", finding->check->about);
		json_string(&json, "verdict", verdict_name(finding->verdict));
		json_string(&json, "what", finding->what);
		json_string(&json, "why", finding->why);
		json_string(&json, "do", finding->fix);
		json_close(&json, '}');
	}
	json_close(&json, ']');
	buf_putc(out, '\n');
}
