/* SPDX-License-Identifier: MIT */
/*
 * command: the command line of a program with commands, from two tables: PROGRAM COMMAND
 * [OPTION...] [WORD...] [-- REST...], options anywhere before "--".
 */
#ifndef NV_BASE_COMMAND_H
#define NV_BASE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/opts.h"

struct arena;
struct buf;

struct command {
	const char *name;
	const char *options; /* names of the options it takes beside the common ones */
	const char *words; /* what stands behind it, as in --help; NULL for nothing: "SLOT DRIVER",
			      "[GPU]" where it may be left out, "[DM...]" for any number. "[--
			      X...]" is what may stand behind "--" */
	const char *help; /* one line */
};

struct command_line {
	const char *program; /* for messages */
	const struct command *commands; /* ends with a NULL name */
	const struct opt *options; /* ends with a NULL name */
	const char *common; /* names of the options that all commands take */

	/* Filled by command_parse. */
	const struct command *command;
	const char **words; /* NULL-ended */
	size_t word_count;
	char **rest; /* behind "--", NULL-ended; NULL without "--" */
	const char *wrong; /* what is wrong, for one line; NULL if nothing is */
};

/*
 * Takes the command line apart; apply gets each option with its argument as it comes, and returns
 * 0 to go on. The value that apply stopped with, or 0; then line->wrong says whether it is right.
 */
int command_parse(struct arena *arena, struct command_line *line, int argc, char **argv,
	int (*apply)(void *context, int id, const char *argument), void *context);

/* The lines about commands and options for --help. */
void command_help(const struct command_line *line, struct buf *out);

/* "5" or "0.5" seconds into milliseconds; 0 if it is no such number, less than 0.01 or more than
 * most seconds. */
long command_milliseconds(const char *text, long most);

/* Whether word is in a NULL-ended list. */
bool command_is_one_of(const char *word, const char *const *list);

/* "--mode takes one of a, b, not 'c'". */
const char *command_expected(
	struct arena *arena, const char *option, const char *const *list, const char *word);

#endif
