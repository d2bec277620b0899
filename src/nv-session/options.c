/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/command.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/session.h"

enum {
	MODE = 256,
	LAYOUT,
	GPU,
	API,
	HOOK,
	TIMEOUT,
	WRITE,
	JSON,
	DISPLAY,
	SYSROOT,
	CONFIG,
	VERSION,
	HELP
};

static const struct opt table[] = {
	{MODE, "mode", "MODE", "auto, offload, sync, reverse-sync or none", false},
	{LAYOUT, "layout", "LAYOUT",
		"where new outputs go: right-of, left-of, above, below, mirror", false},
	{HOOK, "hook", NULL, "setup: as a display manager's hook, which never fails", false},
	{TIMEOUT, "timeout", "SECONDS", "setup: the time it may take (default: 5)", false},
	{GPU, "gpu", "GPU", "renderer: ask this GPU, even if that wakes it", false},
	{API, "api", "API", "renderer: egl, glx, vulkan or all (default: all)", false},
	{WRITE, "write", NULL, "xorg-conf: write the file instead of printing it", false},
	{JSON, "json", NULL, "answer as one JSON document", false},
	{DISPLAY, "display", "DISPLAY", "the X server (default: $DISPLAY)", false},
	{SYSROOT, "sysroot", "DIR", "look at the machine recorded under DIR", false},
	{CONFIG, "config", "FILE", "read this file instead of session.conf", false},
	{'q', "quiet", NULL, "no warnings", false},
	{'v', "verbose", NULL, "say what is done", false},
	{VERSION, "version", NULL, "print the version", false},
	{HELP, "help", NULL, "print this help", false},
	{0, NULL, NULL, NULL, false},
};

static const char *const modes[] = {"auto", "offload", "sync", "reverse-sync", "none", NULL};
static const char *const layouts[] = {"right-of", "left-of", "above", "below", "mirror", NULL};
static const char *const apis[] = {"egl", "glx", "vulkan", "all", NULL};

/* Options that take one word of a list. */
static const struct {
	int id;
	const char *const *words;
} choices[] = {{MODE, modes}, {LAYOUT, layouts}, {API, apis}};

/* Negative: done, to exit with 0. */
static int answered(struct buf *out)
{
	int status = session_print(out);

	buf_free(out);
	return status ? status : -1;
}

static int help(const struct command_line *line)
{
	struct buf out = {0};

	buf_puts(&out,
		"Usage: nv-session COMMAND [OPTION...]\n"
		"Set up and report which GPU renders and which drives each output in X.\n\n");
	command_help(line, &out);
	buf_puts(&out, "\nExit status: 0 done or nothing to do, 1 failed, 2 wrong usage.\n"
		       "Manual: nv-session(1), configuration: nv-run-session.conf(5).\n");
	return answered(&out);
}

static int version(void)
{
	struct buf out = {0};

	buf_puts(&out, "nv-session " NV_VERSION "\n");
	return answered(&out);
}

static int usage(const char *what)
{
	log_usage(what);
	return EXIT_USAGE;
}

static int check_choice(struct arena *arena, int id, const char *name, const char *argument)
{
	for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
		if (choices[i].id == id && !command_is_one_of(argument, choices[i].words))
			return usage(command_expected(arena, name, choices[i].words, argument));
	}
	return 0;
}

static const char *name_of(int id)
{
	const struct opt *opt = table;

	while (opt->id != id)
		opt++;
	return opt->name;
}

/* What apply works with. */
struct parsing {
	struct arena *arena;
	struct session_options *options;
	struct command_line line;
};

static int apply(void *context, int id, const char *argument)
{
	struct parsing *parsing = context;
	struct session_options *options = parsing->options;
	int status = check_choice(parsing->arena, id, name_of(id), argument);

	if (status)
		return status;
	switch (id) {
	case MODE:
		options->mode = argument;
		return 0;
	case LAYOUT:
		options->layout = argument;
		return 0;
	case GPU:
		options->gpu = argument;
		return 0;
	case API:
		options->api = argument;
		return 0;
	case HOOK:
		options->hook = true;
		return 0;
	case TIMEOUT:
		options->timeout = command_milliseconds(argument, 600);
		if (options->timeout)
			return 0;
		return usage(arena_printf(parsing->arena,
			"--timeout takes seconds, 0.01 to 600, not '%s'", argument));
	case WRITE:
		options->write = true;
		return 0;
	case JSON:
		options->json = true;
		return 0;
	case DISPLAY:
		options->display = argument;
		return 0;
	case SYSROOT:
		options->sysroot = argument;
		return 0;
	case CONFIG:
		options->config = argument;
		return 0;
	case 'q':
		options->verbosity--;
		return 0;
	case 'v':
		options->verbosity++;
		return 0;
	case VERSION:
		return version();
	default:
		return help(&parsing->line);
	}
}

int options_parse(struct arena *arena, struct session_options *options, int argc, char **argv)
{
	struct parsing parsing = {
		.arena = arena,
		.options = options,
		.line = {.program = "nv-session",
			.commands = session_commands,
			.options = table,
			.common = "display sysroot config quiet verbose version help"},
	};
	int status;

	*options = (struct session_options){0};
	log_setup("nv-session", 0);
	status = command_parse(arena, &parsing.line, argc, argv, apply, &parsing);
	log_setup("nv-session", options->verbosity);
	if (status)
		return status;
	if (parsing.line.wrong)
		return usage(parsing.line.wrong);
	options->command = parsing.line.command;
	options->words = parsing.line.words;
	options->word_count = parsing.line.word_count;
	options->rest = parsing.line.rest;
	return 0;
}
