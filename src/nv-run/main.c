/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "nv-run/run.h"

void run_warn(struct run *run, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	*arena_push(run->arena, run->warnings, run->warning_count) = arena_dup(run->arena, text);
}

int run_print(const struct buf *out)
{
	if (buf_write(out, STDOUT_FILENO))
		return 0;
	log_error("cannot write the answer: %s", strerror(errno));
	return EXIT_NV_RUN;
}

/* As execvp does: a file that the kernel does not know how to start is a shell script. */
static void execute(struct arena *arena, const char *program, char **arguments, char **environment)
{
	size_t count = 0;
	char **shell;

	execve(program, arguments, environment);
	if (errno != ENOEXEC)
		return;
	while (arguments[count])
		count++;
	shell = arena_alloc(arena, (count + 2) * sizeof(*shell));
	shell[0] = (char *)"/bin/sh";
	shell[1] = (char *)program;
	memcpy(shell + 2, arguments + 1, count * sizeof(*shell));
	execve(shell[0], shell, environment);
}

int run_refuse(const struct run *run)
{
	log_error("not starting '%s', as --strict was given", run->arguments[0]);
	return EXIT_NV_RUN;
}

/* A warning of the last moment: 0 to go on, or the exit status. */
static int warn_late(const struct run *run, const char *text)
{
	if (!run->options.strict) {
		log_warning("%s", text);
		return 0;
	}
	log_error("%s", text);
	return run_refuse(run);
}

/* A wrapper that does not start is left out: the program shall. */
static int execute_wrapper(struct run *run, char **environment)
{
	/* The file was found, so that what is missing is what it names to run it. */
	execute(run->arena, run->command, run->command_arguments, environment);
	return warn_late(
		run, arena_printf(run->arena, "%s: the wrapper '%s' is left out: %s",
			     offload_origin(run->arena, run->settings.wrap_from), run->command,
			     errno == ENOENT ? "its interpreter is missing" : strerror(errno)));
}

static int start(struct run *run)
{
	const char *wrong = NULL;
	char **environment = run->environment;
	int status = 0;

	if (!run->options.undo)
		environment =
			environ_change(run->arena, environment, &run->result, run->mark, &wrong);
	if (wrong)
		status = warn_late(run, wrong);
	if (status)
		return status;
	for (size_t i = 0; i < run->result.count; i++) {
		const struct offload_change *change = &run->result.changes[i];

		log_info("%s %s%s%s (%s)", change->unset ? "unset" : "set", change->name,
			change->unset ? "" : "=", change->unset ? "" : change->value, change->from);
	}
	if (run->command != run->program)
		status = execute_wrapper(run, environment);
	if (status)
		return status;
	execute(run->arena, run->program, run->arguments, environment);
	log_error("cannot start '%s': %s", run->program, strerror(errno));
	return errno == ENOENT || errno == ENOTDIR ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
}

static int act(struct run *run)
{
	int status;

	switch (run->options.action) {
	case RUN_LIST:
		return list_gpus(run);
	case RUN_CHECK:
		return check_rules(run);
	case RUN_COMPLETE:
		return list_completions(run);
	case RUN_NOTHING:
		return 0;
	case RUN_START:
	case RUN_DRY:
	case RUN_EXPLAIN:
		break;
	}
	status = program_find(run);
	if (!status)
		status = decide(run);
	if (status)
		return status;
	if (run->options.action == RUN_DRY)
		return show_dry(run);
	if (run->options.action == RUN_EXPLAIN)
		return show_explain(run);
	return start(run);
}

int main(int argc, char **argv)
{
	extern char **environ;
	struct run run = {.arena = arena_main(), .inherited = environ};
	const char *wrong = NULL;
	int status = options_parse(run.arena, &run.options, argc, argv);

	if (!status && !hw_init(&run.hw, run.arena, run.options.sysroot)) {
		log_error("cannot open --sysroot '%s': %s", run.options.sysroot, strerror(errno));
		status = EXIT_NV_RUN;
	}
	if (!status) {
		run.environment = environ_restore(run.arena, run.inherited, &wrong);
		if (wrong)
			run_warn(&run, "%s", wrong);
		status = act(&run);
	}
	return status < 0 ? 0 : status;
}
