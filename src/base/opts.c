/* SPDX-License-Identifier: MIT */
#include "base/opts.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

void opts_begin(struct opts *opts, const struct opt *table, int argc, char **argv)
{
	*opts = (struct opts){.table = table, .argc = argc, .argv = argv, .index = 1};
}

static int wrong(struct opts *opts, const char *what, const char *option)
{
	snprintf(opts->wrong, sizeof(opts->wrong), "%s '%s'", what, option);
	return OPTS_WRONG;
}

static int next_short(struct opts *opts)
{
	char shown[] = {'-', *opts->letters++, '\0'};
	const struct opt *opt = opts->table;
	bool last = !*opts->letters;

	while (opt->name && opt->id != (unsigned char)shown[1])
		opt++;
	if (!opt->name)
		return wrong(opts, "unknown option", shown);
	if (last)
		opts->index++;
	if (opt->argument && !opt->optional) {
		if (!last) {
			opts->argument = opts->letters;
			opts->index++;
		} else if (opts->index < opts->argc) {
			opts->argument = opts->argv[opts->index++];
		} else {
			return wrong(opts, "missing argument of option", shown);
		}
		last = true;
	}
	if (last)
		opts->letters = NULL;
	return opt->id;
}

/* The option that word[0..length) names exactly, or the only one that begins so. */
static const struct opt *find_long(const struct opt *table, const char *word, size_t length)
{
	const struct opt *found = NULL;
	unsigned matches = 0;

	for (const struct opt *opt = table; opt->name; opt++) {
		if (strncmp(opt->name, word, length) != 0)
			continue;
		if (strlen(opt->name) == length)
			return opt;
		found = opt;
		matches++;
	}
	return matches == 1 ? found : NULL;
}

static int next_long(struct opts *opts)
{
	char *word = opts->argv[opts->index++];
	size_t length = strcspn(word + 2, "=");
	const struct opt *opt = length ? find_long(opts->table, word + 2, length) : NULL;

	if (!opt)
		return wrong(opts, "unknown option", word);
	if (word[2 + length] == '=') {
		if (!opt->argument)
			return wrong(opts, "option takes no argument:", word);
		opts->argument = word + 2 + length + 1;
	} else if (opt->argument && !opt->optional) {
		if (opts->index >= opts->argc)
			return wrong(opts, "missing argument of option", word);
		opts->argument = opts->argv[opts->index++];
	}
	return opt->id;
}

int opts_next(struct opts *opts)
{
	const char *word;

	opts->argument = NULL;
	if (opts->letters)
		return next_short(opts);
	if (opts->index >= opts->argc)
		return OPTS_END;
	word = opts->argv[opts->index];
	if (word[0] != '-' || !word[1])
		return OPTS_END;
	if (word[1] != '-') {
		opts->letters = word + 1;
		return next_short(opts);
	}
	if (!word[2]) {
		opts->index++;
		return OPTS_END;
	}
	return next_long(opts);
}

void opts_help(const struct opt *table, struct buf *out)
{
	for (const struct opt *opt = table; opt->name; opt++) {
		size_t start = out->length;

		if (opt->id < 256)
			buf_printf(out, "  -%c, --%s", opt->id, opt->name);
		else
			buf_printf(out, "      --%s", opt->name);
		if (opt->argument)
			buf_printf(out, opt->optional ? "[=%s]" : "=%s", opt->argument);
		if (out->length - start > 27) {
			buf_putc(out, '\n');
			start = out->length;
		}
		buf_pad(out, start, 28);
		buf_printf(out, "%s\n", opt->help);
	}
}
