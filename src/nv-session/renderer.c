/* SPDX-License-Identifier: MIT */
/* The command "renderer"; see renderer.h for what it asks, renderer/ for how. */
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/renderer/internal.h"
#include "nv-session/session.h"

/* The words behind "--"; what is wrong with them, or NULL. */
static const char *check_changes(struct arena *arena, char *const *changes)
{
	for (; changes && *changes; changes++) {
		const char *equals = strchr(*changes, '=');

		if (!equals || equals == *changes)
			return arena_printf(arena,
				"behind '--' renderer takes NAME=VALUE, not '%s'; try 'nv-session "
				"--help'",
				*changes);
	}
	return NULL;
}

static unsigned wanted_apis(const char *name)
{
	unsigned apis = 0;

	for (unsigned api = 0; name && api < RENDERER_APIS; api++) {
		if (str_eq(name, renderer_api_name(api)))
			apis = 1u << api;
	}
	return apis;
}

/* Whether a driver was asked at all, whatever it answered. */
static bool anything_asked(const struct renderer_findings *findings)
{
	for (unsigned i = 0; i < RENDERER_WAYS * RENDERER_APIS; i++) {
		switch (findings->of[i / RENDERER_APIS][i % RENDERER_APIS].state) {
		case RENDERER_TOLD:
		case RENDERER_NONE:
		case RENDERER_FAILED:
			return true;
		default:
			break;
		}
	}
	return false;
}

int renderer_run(struct session *session)
{
	const struct session_options *options = &session->options;
	const struct renderer_question question = {
		.hw = &session->hw,
		.environment = session->environment,
		.display = options->display,
		.changes = options->rest,
		.gpu = options->gpu,
		.apis = wanted_apis(options->api),
	};
	struct renderer_findings findings;
	struct buf out = {0};
	struct json json = {.out = &out};
	const char *wrong;
	int status;

	if (probe_wanted(session))
		probe_run(session);
	wrong = check_changes(session->arena, options->rest);
	if (wrong) {
		log_error("%s", wrong);
		return EXIT_USAGE;
	}
	if (session_variable(session, "NV_RUN_SAVED"))
		log_warning("this runs under nv-run, and so does the plain program; 'nv-run --undo "
			    "nv-session renderer' asks without");
	wrong = renderer_ask(session->arena, &question, &findings);
	if (wrong) {
		log_error("--gpu: %s", wrong);
		return EXIT_FAILED;
	}
	if (options->json) {
		json_open(&json, NULL, '{');
		renderer_json(&json, &findings);
		json_close(&json, '}');
		buf_putc(&out, '\n');
	} else {
		renderer_show(&out, &findings);
	}
	status = session_print(&out);
	buf_free(&out);
	return status || anything_asked(&findings) ? status : EXIT_FAILED;
}
