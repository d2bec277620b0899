/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/session.h"

/* In the order of --help. */
const struct session_command session_commands[] = {
	{"status", status_run, "json", NULL,
		"what renders, what drives each output, what is wrong"},
	{"providers", providers_run, "json", NULL, "the GPUs as the X server knows them"},
	{"plan", plan_run, "json mode layout", NULL, "what setup would do, as xrandr commands"},
	{"setup", setup_run, "mode layout hook timeout", NULL, "set the mode up"},
	{"publish", publish_run, "", NULL, "write the session file that nv-run reads"},
	{"reset", reset_run, "", NULL, "undo what setup did in this server"},
	{"renderer", renderer_run, "json gpu api", "[-- NAME=VALUE...]",
		"ask the drivers who renders"},
	{"watch", watch_run, "mode layout", NULL, "keep the mode while GPUs and outputs change"},
	{"hook", hook_run, "json", "install|remove|check [DM...]", "display-manager hooks"},
	{"xorg-conf", xorg_conf_run, "mode write", NULL, "the X server's configuration for a mode"},
	{NULL, NULL, NULL, NULL, NULL},
};

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

static const struct session_command *find(const char *name)
{
	const struct session_command *command = session_commands;

	while (command->name && !str_eq(command->name, name))
		command++;
	return command;
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
		status = find(session.options.command)->run(&session);
	return status < 0 || is_hook(argv) ? 0 : status;
}
