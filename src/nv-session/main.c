/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/command.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/session.h"

/* In the order of --help; what each does, in the same order. */
const struct command session_commands[] = {
	{"status", "json", NULL, "what renders, what drives each output, what is wrong"},
	{"providers", "json", NULL, "the GPUs as the X server knows them"},
	{"plan", "json mode layout", NULL, "what setup would do, as xrandr commands"},
	{"setup", "mode layout hook timeout", NULL, "set the mode up"},
	{"publish", "", NULL, "write the session file that nv-run reads"},
	{"reset", "", NULL, "undo what setup did in this server"},
	{"renderer", "json gpu api", "[-- NAME=VALUE...]", "ask the drivers who renders"},
	{"watch", "mode layout", NULL, "keep the mode while GPUs and outputs change"},
	{"hook", "json", "install|remove|check|login [DM...]", "display-manager hooks"},
	{"xorg-conf", "mode write", NULL, "the X server's configuration for a mode"},
	{NULL, NULL, NULL, NULL},
};

static int (*const runs[])(struct session *session) = {status_run, providers_run, plan_run,
	setup_run, publish_run, reset_run, renderer_run, watch_run, hook_run, xorg_conf_run};

int session_print(const struct buf *out)
{
	if (buf_write(out, STDOUT_FILENO))
		return 0;
	log_error("cannot write the answer: %s", strerror(errno));
	return EXIT_FAILED;
}

const char *session_variable(const struct session *session, const char *name)
{
	size_t length = strlen(name);

	for (char *const *entry = session->environment; *entry; entry++) {
		if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
			return (*entry)[length + 1] ? *entry + length + 1 : NULL;
	}
	return NULL;
}

/* A display manager may stop the X server when its hook fails, be it for wrong usage. */
static bool is_hook(char **argv)
{
	while (*argv && !str_eq(*argv, "--hook"))
		argv++;
	return *argv;
}

int main(int argc, char **argv)
{
	extern char **environ;
	struct session session = {.arena = arena_main(), .environment = environ};
	int status;

	file_stay();
	status = options_parse(session.arena, &session.options, argc, argv);
	if (!status && !hw_init(&session.hw, session.arena, session.options.sysroot)) {
		log_error(
			"cannot open --sysroot '%s': %s", session.options.sysroot, strerror(errno));
		status = EXIT_FAILED;
	}
	if (!status)
		status = runs[session.options.command - session_commands](&session);
	return status < 0 || is_hook(argv) ? 0 : status;
}
