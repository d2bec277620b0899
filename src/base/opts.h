/* SPDX-License-Identifier: MIT */
/*
 * opts: command-line options from one table, which also writes --help.
 *
 * The manual pages, the completions and --help are compared with each other in the tests
 * (tests/docs), so that an option is described everywhere or nowhere.
 */
#ifndef NV_BASE_OPTS_H
#define NV_BASE_OPTS_H

#include <stdbool.h>

struct buf;

struct opt {
	int id; /* what opts_next returns: the letter, or a number above 255 */
	const char *name; /* long name, without dashes */
	const char *argument; /* what --help calls its argument, NULL if it takes none */
	const char *help; /* one line */
	bool optional; /* the argument may be left out: --name[=ARGUMENT] */
};

enum { OPTS_END = -1, OPTS_WRONG = -2 };

struct opts {
	const struct opt *table; /* ends with a NULL name */
	int argc;
	char **argv;
	int index; /* the next argument; after OPTS_END, the first that is no option */
	const char *letters; /* the rest of a group of short options, or NULL */
	const char *argument; /* the argument of the option just returned, or NULL */
	char wrong[160]; /* after OPTS_WRONG: what is wrong, for one line */
};

void opts_begin(struct opts *opts, const struct opt *table, int argc, char **argv);

/*
 * The next option's id; OPTS_END at "--" (which is skipped) or at the first argument that is not
 * an option; OPTS_WRONG with opts->wrong filled. Long names may be shortened while unambiguous.
 */
int opts_next(struct opts *opts);

/* The lines about the options for --help. */
void opts_help(const struct opt *table, struct buf *out);

#endif
