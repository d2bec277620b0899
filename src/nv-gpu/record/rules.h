/* SPDX-License-Identifier: MIT */
/* rules: what looks like something to hide, a function each. */
#ifndef NV_GPU_RULES_H
#define NV_GPU_RULES_H

#include <stddef.h>

struct anonymous;
struct buf;

/*
 * If something to hide stands at a place of the text [begin, end): adds what is between *done and
 * it, and a placeholder, to out; sets *done behind it. How many bytes it is from at on; 0 if there
 * is nothing. The text is NUL-terminated besides.
 */
size_t rules_match(struct anonymous *anonymous, const char *begin, const char *at, const char *end,
	struct buf *out, const char **done);

/* The kernel's command line: values of words are kept only where they are known to be of no use
 * to anybody else. */
const char *rules_cmdline(struct anonymous *anonymous, const char *text, size_t *length);

#endif
