/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/opts.h"
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

/* Options that every command takes. */
static const char *const common[] = {
	"display", "sysroot", "config", "quiet", "verbose", "version", "help", NULL};

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

static int help(void)
{
	struct buf out = {0};

	buf_puts(&out, "Usage: nv-session COMMAND [OPTION...]\n"
		       "Set up and report which GPU renders and which drives each output in X.\n\n"
		       "Commands:\n");
	for (const struct session_command *one = session_commands; one->name; one++) {
		size_t start = out.length;

		buf_printf(&out, "  %s", one->name);
		if (one->words)
			buf_printf(&out, " %s", one->words);
		buf_pad(&out, start, 36);
		buf_printf(&out, "%s\n", one->help);
	}
	buf_putc(&out, '\n');
	opts_help(table, &out);
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
	log_error("%s; try 'nv-session --help'", what);
	return EXIT_USAGE;
}

static bool is_one_of(const char *word, const char *const *list)
{
	while (*list && !str_eq(*list, word))
		list++;
	return *list;
}

/* "5" or "0.5" into milliseconds; 0 if it is no such number, or not between 10 ms and 10 min. */
static long milliseconds(const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	return *text && !*end && seconds >= 0.01 && seconds <= 600 ? (long)(seconds * 1000) : 0;
}

static int check_choice(struct arena *arena, int id, const char *name, const char *argument)
{
	for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
		struct buf words = {0};
		const char *text;

		if (choices[i].id != id || is_one_of(argument, choices[i].words))
			continue;
		for (const char *const *word = choices[i].words; *word; word++)
			buf_printf(&words, "%s%s", word == choices[i].words ? "" : ", ", *word);
		text = arena_printf(
			arena, "--%s takes one of %s, not '%s'", name, words.text, argument);
		buf_free(&words);
		return usage(text);
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

static int apply(struct arena *arena, struct session_options *options, int id, const char *argument)
{
	int status = check_choice(arena, id, name_of(id), argument);

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
		options->timeout = milliseconds(argument);
		if (options->timeout)
			return 0;
		return usage(arena_printf(
			arena, "--timeout takes seconds, 0.01 to 600, not '%s'", argument));
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
		return help();
	}
}

/* Whether a command takes an option: its name is a word of the command's list, or common. */
static bool takes(const struct session_command *command, const char *option)
{
	size_t length = strlen(option);

	for (const char *at = command->options; *at; at += strspn(at, " ")) {
		size_t word = strcspn(at, " ");

		if (word == length && strncmp(at, option, length) == 0)
			return true;
		at += word;
	}
	return is_one_of(option, common);
}

static const char *similar(const char *name)
{
	const char *names[20] = {0};

	for (size_t i = 0; session_commands[i].name && i + 1 < sizeof(names) / sizeof(*names); i++)
		names[i] = session_commands[i].name;
	return str_similar(name, names);
}

static int check(struct arena *arena, const struct session_options *options, const bool *given)
{
	const struct session_command *command = session_commands;

	if (!options->command)
		return usage("no command given");
	while (command->name && !str_eq(command->name, options->command))
		command++;
	if (!command->name) {
		const char *meant = similar(options->command);

		return usage(arena_printf(arena, "unknown command '%s'%s%s%s", options->command,
			meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : ""));
	}
	if (options->word_count && !(command->words && *command->words != '['))
		return usage(arena_printf(
			arena, "%s takes no argument '%s'", command->name, options->words[0]));
	if (options->rest && !(command->words && *command->words == '['))
		return usage(arena_printf(arena, "%s takes nothing behind '--'", command->name));
	for (size_t i = 0; table[i].name; i++) {
		if (given[i] && !takes(command, table[i].name))
			return usage(arena_printf(
				arena, "%s takes no option --%s", command->name, table[i].name));
	}
	return 0;
}

int options_parse(struct arena *arena, struct session_options *options, int argc, char **argv)
{
	bool given[sizeof(table) / sizeof(*table)] = {0};
	struct opts opts;
	int id = 0, status;

	*options = (struct session_options){0};
	log_setup("nv-session", 0);
	opts_begin(&opts, table, argc, argv);
	for (;;) {
		const char *word;

		while ((id = opts_next(&opts)) >= 0) {
			for (size_t i = 0; table[i].name; i++)
				given[i] |= table[i].id == id;
			status = apply(arena, options, id, opts.argument);
			if (status)
				return status;
		}
		if (id == OPTS_WRONG)
			return usage(opts.wrong);
		if (str_eq(argv[opts.index - 1], "--")) {
			options->rest = argv + opts.index;
			break;
		}
		if (opts.index >= argc)
			break;
		word = argv[opts.index++];
		if (!options->command)
			options->command = word;
		else
			*arena_push(arena, options->words, options->word_count) = word;
	}
	*arena_push(arena, options->words, options->word_count) = NULL;
	options->word_count--;
	log_setup("nv-session", options->verbosity);
	return check(arena, options, given);
}
