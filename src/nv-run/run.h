/* SPDX-License-Identifier: MIT */
/*
 * run: one run of nv-run, from arguments to exec.
 *
 * main.c       the order of things
 * options.c    the command line
 * environ.c    the environment, NV_RUN_SAVED and --undo
 * program.c    finding PROGRAM, and what patterns can know of it
 * rules.c      reading rule files
 * world.c      GPUs, conditions and the session, read on first need
 * session.c    the session file, and asking nv-session for it
 * decide.c     rules, GPU and plan, in that order
 * show.c       --dry-run, --explain, and their JSON
 * list.c       --list, and the lists for completions
 * check.c      --check
 */
#ifndef NV_RUN_H
#define NV_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "hw/hw.h"
#include "offload/offload.h"
#include "rule/rule.h"

struct buf;
struct json;

enum { EXIT_NV_RUN = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

enum run_action { RUN_START, RUN_DRY, RUN_EXPLAIN, RUN_LIST, RUN_CHECK, RUN_COMPLETE, RUN_NOTHING };

/* A rule's line given as an option: -g, -e, -u and -o. */
struct run_line {
	const char *key, *value;
	bool literal;
};

struct run_options {
	enum run_action action;
	bool json, undo, strict, no_rules;
	int verbosity;
	const char *sysroot, *complete;
	const char **rules; /* --rules, in order */
	size_t rule_count;
	const char **ids; /* --id */
	size_t id_count;
	struct run_line *lines;
	size_t line_count;
	char **arguments; /* PROGRAM and its arguments, NULL-ended */
};

/* What rule files were looked at, for --explain and --check. */
struct run_file {
	const char *path;
	const char *problem; /* why it was not read, NULL if it was */
};

struct run {
	struct arena *arena;
	struct run_options options;

	char **environment; /* as before the outermost nv-run */
	char **inherited; /* as it is */

	char **arguments; /* PROGRAM and its arguments */
	const char *program; /* its absolute path */
	struct rule_subject subject;
	bool sandboxed; /* it starts in a sandbox: files of this system are not there */

	struct rule_reader reader;
	struct run_file *files;
	size_t file_count;
	struct rule_settings settings;
	struct rule_outcome *outcomes;

	struct hw hw;
	bool hw_ready;
	struct rule_reader machine; /* machine.conf */
	struct offload_session session;
	struct hw_stack stack;
	struct offload_choice choice;
	struct offload_result result;

	const char *command; /* what is executed: the program, or its wrapper */
	char **command_arguments;
	const char *mark; /* for nv-run inside of its wrapper; NULL if it has none */
	const char **warnings;
	size_t warning_count;
};

/* options.c: 0 to go on, else the status to exit with (after saying why on stderr). */
int options_parse(struct arena *arena, struct run_options *options, int argc, char **argv);

/* environ.c */

/* The environment before the outermost nv-run; *wrong is set if NV_RUN_SAVED made no sense. */
char **environ_restore(struct arena *arena, char **inherited, const char **wrong);
/* The environment with the changes made and, if there are any or a mark, NV_RUN_SAVED to take them
 * back. *wrong is set if the record would have been too long to pass on and was left out. */
char **environ_change(struct arena *arena, char **environment, const struct offload_result *result,
	const char *mark, const char **wrong);
/* The mark that the nv-run before this one left; NULL if there is none. */
const char *environ_mark(struct arena *arena, char **inherited);
/* The changes that lead from one environment to another, for --undo. */
void environ_compare(struct arena *arena, char **from, char **to, struct offload_result *result);

/* program.c */

/* Finds PROGRAM and fills subject; 0, or the exit status after saying why. */
int program_find(struct run *run);
/* Absolute path of a command in PATH or as given; NULL with errno set. */
const char *program_path(struct run *run, const char *command);
/* Whether the file at path is this very program, through whatever links. */
bool program_is_self(struct arena *arena, const char *path);

/* rules.c: reads all rule files that would be read; false if one named by --rules cannot be. */
bool rules_read(struct run *run);
/* Keeps a reader's mistakes as warnings. */
void rules_warn(struct run *run, const struct rule_reader *reader);
/* Reads one file into a reader, for machine.conf and --check too; takes the descriptor. One of -1
 * becomes a mistake that gives errno. */
void rules_read_file(struct run *run, struct rule_reader *reader, int fd, const char *path);

/* world.c */

/* Scans GPUs with DRM nodes, or all, with machine.conf's roles. */
void world_gpus(struct run *run, bool all);
/* Applies a selector, looking at as many GPUs as it takes. */
void world_choose(
	struct run *run, const struct rule_selector *selector, struct offload_choice *choice);
bool world_holds(void *context, enum rule_condition condition, const char *value);
const char *world_variable(void *context, const char *name);

/* session.c: fills run->session from the session file, if need be after asking for it. */
void session_read(struct run *run);

/* decide.c: 0, or the exit status after saying why. */
int decide(struct run *run);
/* What offload_plan gets, filled from run. */
struct offload_input decide_input(const struct run *run);

/* Says why not and gives the exit status, for --strict. */
int run_refuse(const struct run *run);
/* Keeps a warning for the end: printed before the start, or part of --explain and JSON. */
void run_warn(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* show.c and explain.c: the exit status. */
int show_dry(struct run *run);
int show_explain(struct run *run);
/* The members of a dry run's JSON, without the braces. */
void show_json(struct run *run, struct json *json);
/* "env -u NAME NAME=VALUE COMMAND", for a shell. */
void show_command(const struct run *run, struct buf *out);

/* list.c and check.c: the exit status. */
int list_gpus(struct run *run);
int list_completions(struct run *run);
int check_rules(struct run *run);

/* Writes text to stdout; the status to exit with. */
int run_print(const struct buf *out);

#endif
