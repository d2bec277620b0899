/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/opts.h"
#include "base/str.h"
#include "nv-run/run.h"

enum {
	ID = 256,
	JSON,
	LIST,
	CHECK,
	UNDO,
	RULES,
	NO_RULES,
	STRICT,
	SYSROOT,
	COMPLETE,
	VERSION,
	HELP
};

static const struct opt table[] = {
	{'g', "gpu", "GPU", "choose the GPU for this run; beats every rule", false},
	{'e', "env", "NAME=VALUE", "set a variable; beats every rule", false},
	{'u', "unset", "NAME", "remove a variable; beats every rule", false},
	{'o', "option", "KEY=VALUE", "a rule's line for this run, as in -o vulkan=keep", false},
	{ID, "id", "KIND:ID", "what PROGRAM is, for rules: desktop:ID, flatpak:ID, steam:ID",
		false},
	{'n', "dry-run", NULL, "print the changes and the final command; start nothing", false},
	{'x', "explain", NULL, "dry run that says who decided what, and why this GPU", false},
	{JSON, "json", NULL, "answer -n, -x, --list or --check as one JSON document", false},
	{LIST, "list", NULL, "list the GPUs", false},
	{CHECK, "check", NULL, "check rule files (default: all that would be read)", false},
	{UNDO, "undo", NULL, "start PROGRAM with the environment from before nv-run", false},
	{RULES, "rules", "PATH", "use only this rule file or directory (repeatable)", false},
	{NO_RULES, "no-rules", NULL, "use no rules", false},
	{STRICT, "strict", NULL, "fail where there would be a warning", false},
	{'q', "quiet", NULL, "no warnings", false},
	{'v', "verbose", NULL, "say what is changed", false},
	{SYSROOT, "sysroot", "DIR", "look at the machine recorded under DIR", false},
	{COMPLETE, "complete", "WHAT", "print gpus or keys, for shell completion", false},
	{VERSION, "version", NULL, "print the version", false},
	{HELP, "help", NULL, "print this help", false},
	{0, NULL, NULL, NULL, false},
};

/* Negative: done, to exit with 0. */
static int answered(struct buf *out)
{
	int status = run_print(out);

	buf_free(out);
	return status ? status : -1;
}

static int help(void)
{
	struct buf out = {0};

	buf_puts(&out, "Usage: nv-run [OPTION...] [--] PROGRAM [ARG...]\n"
		       "Start PROGRAM on the GPU that rules or --gpu choose (default: the discrete "
		       "one).\n\n");
	opts_help(table, &out);
	buf_puts(&out, "\nGPU: auto discrete integrated external boot nvidia amd intel (each with "
		       ":N but auto\n"
		       "and boot), a slot 01:00.0, ids 10de:25a0, name=GLOB, uuid=GPU-..., "
		       "software, none.\n"
		       "Exit status: 125 nv-run failed, 126 PROGRAM cannot run, 127 not found, "
		       "else PROGRAM's.\n"
		       "Manual: nv-run(1), rules: nv-run.rules(5).\n");
	return answered(&out);
}

static int version(void)
{
	struct buf out = {0};

	buf_puts(&out, "nv-run " NV_VERSION "\n");
	return answered(&out);
}

static int usage(const char *what)
{
	log_usage(what);
	return EXIT_NV_RUN;
}

static void add_line(struct arena *arena, struct run_options *options, const char *key,
	const char *value, bool literal)
{
	*arena_push(arena, options->lines, options->line_count) =
		(struct run_line){key, value, literal};
}

/* "NAME=VALUE" or "KEY=VALUE", taken apart into a rule's line. */
static int add_pair(struct arena *arena, struct run_options *options, int id, const char *pair)
{
	const char *equals = strchr(pair, '=');
	size_t length = equals ? (size_t)(equals - pair) : 0;

	if (!length)
		return usage(arena_printf(arena, "expected %s behind %s, got '%s'",
			id == 'e' ? "NAME=VALUE" : "KEY=VALUE", id == 'e' ? "-e" : "-o", pair));
	if (id == 'e')
		add_line(arena, options, arena_printf(arena, "set.%.*s", (int)length, pair),
			equals + 1, true);
	else
		add_line(arena, options, arena_copy(arena, pair, length), equals + 1, false);
	return 0;
}

static int add_id(struct arena *arena, struct run_options *options, const char *id)
{
	static const char *const kinds[] = {"desktop:", "flatpak:", "steam:", NULL};

	for (size_t i = 0; kinds[i]; i++) {
		if (str_starts(id, kinds[i]) && id[strlen(kinds[i])]) {
			*arena_push(arena, options->ids, options->id_count) = id;
			return 0;
		}
	}
	return usage(
		arena_printf(arena, "--id takes desktop:ID, flatpak:ID or steam:ID, not '%s'", id));
}

static int apply(struct arena *arena, struct run_options *options, int id, const char *argument)
{
	switch (id) {
	case 'g':
		add_line(arena, options, "gpu", argument, true);
		return 0;
	case 'e':
	case 'o':
		return add_pair(arena, options, id, argument);
	case 'u':
		if (!str_is_variable(argument))
			return usage(arena_printf(arena, "'%s' names no variable", argument));
		add_line(arena, options, "unset", argument, true);
		return 0;
	case ID:
		return add_id(arena, options, argument);
	case 'n':
		if (options->action != RUN_EXPLAIN)
			options->action = RUN_DRY;
		return 0;
	case 'x':
		options->action = RUN_EXPLAIN;
		return 0;
	case JSON:
		options->json = true;
		return 0;
	case LIST:
		options->action = RUN_LIST;
		return 0;
	case CHECK:
		options->action = RUN_CHECK;
		return 0;
	case UNDO:
		options->undo = true;
		return 0;
	case RULES:
		*arena_push(arena, options->rules, options->rule_count) = argument;
		return 0;
	case NO_RULES:
		options->no_rules = true;
		return 0;
	case STRICT:
		options->strict = true;
		return 0;
	case 'q':
		options->verbosity--;
		return 0;
	case 'v':
		options->verbosity++;
		return 0;
	case SYSROOT:
		options->sysroot = argument;
		return 0;
	case COMPLETE:
		options->action = RUN_COMPLETE;
		options->complete = argument;
		return 0;
	case VERSION:
		options->action = RUN_NOTHING;
		return version();
	default:
		options->action = RUN_NOTHING;
		return help();
	}
}

static int check(const struct run_options *options)
{
	bool starts = options->action <= RUN_EXPLAIN;

	if (starts && !options->arguments[0])
		return usage("no PROGRAM given");
	if (options->json && options->action == RUN_START)
		return usage("--json goes with --dry-run, --explain, --list or --check");
	if (options->action == RUN_LIST && options->arguments[0])
		return usage("--list takes no PROGRAM");
	if (options->undo && options->line_count)
		return usage("--undo goes with no other choice (-g, -e, -u, -o)");
	return 0;
}

int options_parse(struct arena *arena, struct run_options *options, int argc, char **argv)
{
	struct opts opts;
	int id, status;

	*options = (struct run_options){0};
	opts_begin(&opts, table, argc, argv);
	while ((id = opts_next(&opts)) >= 0) {
		status = apply(arena, options, id, opts.argument);
		if (status)
			return status;
	}
	log_setup("nv-run", options->verbosity);
	if (id == OPTS_WRONG)
		return usage(opts.wrong);
	options->arguments = argv + opts.index;
	return check(options);
}
