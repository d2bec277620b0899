/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "nv-gpu/gpu.h"

enum {
	WAKE = 256,
	WATCH,
	DRY_RUN,
	WAIT,
	ONLY,
	PERSIST,
	FIX,
	UNDO,
	ANONYMOUS,
	JSON,
	SYSROOT,
	VERSION,
	HELP
};

static const struct opt table[] = {
	{WAKE, "wake", NULL, "show: ask what only a GPU that is awake tells", false},
	{WATCH, "watch", NULL, "awake: stay, and name what wakes it", false},
	{DRY_RUN, "dry-run", NULL, "bind, unbind, restore: say what would be done", false},
	{WAIT, "wait", "SECONDS", "bind, unbind, restore: how long to wait for it to be free",
		false},
	{ONLY, "only", "WHAT", "bind, unbind, restore: this function; doctor: this check", false},
	{PERSIST, "persist", NULL, "bind: so that it survives a reboot", false},
	{FIX, "fix", NULL, "doctor: do what it advises, with a way back", false},
	{UNDO, "undo", NULL, "doctor: put back what --fix changed", false},
	{ANONYMOUS, "anonymous", NULL, "record: without serials, UUIDs and names", false},
	{JSON, "json", NULL, "answer as one JSON document", false},
	{SYSROOT, "sysroot", "DIR", "look at the machine recorded under DIR", false},
	{'q', "quiet", NULL, "no warnings", false},
	{'v', "verbose", NULL, "say what is done", false},
	{VERSION, "version", NULL, "print the version", false},
	{HELP, "help", NULL, "print this help", false},
	{0, NULL, NULL, NULL, false},
};

/* What apply works with. */
struct parsing {
	struct arena *arena;
	struct gpu_options *options;
	struct command_line line;
};

/* Negative: done, to exit with 0. */
static int answered(struct buf *out)
{
	int status = gpu_print(out);

	buf_free(out);
	return status ? status : -1;
}

static int help(const struct command_line *line)
{
	struct buf out = {0};

	buf_puts(&out,
		"Usage: nv-gpu COMMAND [OPTION...]\n"
		"The machine's GPUs: what is there, what keeps one awake, who drives it, what "
		"is wrong.\n\n");
	command_help(line, &out);
	buf_puts(&out,
		"\nGPU: a slot 01:00.0, or a word of nv-run: nvidia, discrete, nvidia:1, "
		"name=GLOB, ...\n"
		"Exit status: 0 done, 1 failed or problems found, 2 wrong usage, 3 refused.\n"
		"Manual: nv-gpu(1).\n");
	return answered(&out);
}

static int version(void)
{
	struct buf out = {0};

	buf_puts(&out, "nv-gpu " NV_VERSION "\n");
	return answered(&out);
}

static int usage(const char *what)
{
	log_usage(what);
	return EXIT_USAGE;
}

static int apply(void *context, int id, const char *argument)
{
	struct parsing *parsing = context;
	struct gpu_options *options = parsing->options;

	switch (id) {
	case WAKE:
		options->wake = true;
		return 0;
	case WATCH:
		options->watch = true;
		return 0;
	case DRY_RUN:
		options->dry_run = true;
		return 0;
	case WAIT:
		options->wait = command_milliseconds(argument, 3600);
		if (options->wait)
			return 0;
		return usage(arena_printf(
			parsing->arena, "--wait takes seconds, 0.01 to 3600, not '%s'", argument));
	case ONLY:
		options->only = argument;
		return 0;
	case PERSIST:
		options->persist = true;
		return 0;
	case FIX:
		options->fix = true;
		return 0;
	case UNDO:
		options->undo = true;
		return 0;
	case ANONYMOUS:
		options->anonymous = true;
		return 0;
	case JSON:
		options->json = true;
		return 0;
	case SYSROOT:
		options->sysroot = argument;
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

int options_parse(struct arena *arena, struct gpu_options *options, int argc, char **argv)
{
	struct parsing parsing = {
		.arena = arena,
		.options = options,
		.line = {.program = "nv-gpu",
			.commands = gpu_commands,
			.options = table,
			.common = "sysroot quiet verbose version help"},
	};
	int status;

	*options = (struct gpu_options){0};
	log_setup("nv-gpu", 0);
	status = command_parse(arena, &parsing.line, argc, argv, apply, &parsing);
	log_setup("nv-gpu", options->verbosity);
	if (status)
		return status;
	if (parsing.line.wrong)
		return usage(parsing.line.wrong);
	options->command = parsing.line.command;
	options->words = parsing.line.words;
	options->word_count = parsing.line.word_count;
	return 0;
}
