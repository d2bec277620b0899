/* SPDX-License-Identifier: MIT */
/*
 * str: small questions about strings.
 */
#ifndef NV_BASE_STR_H
#define NV_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct buf;

bool str_eq(const char *a, const char *b);
bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);

/* The part after the last '/'. */
const char *str_file_name(const char *path);

/* The last path component, '/' or '\' being separators: a Windows path may hold either. */
const char *str_any_file_name(const char *path);

/* How many of the characters are shown, counting UTF-8 sequences as one. */
size_t str_columns(const char *text);

/* Length of the valid UTF-8 sequence that a NUL-terminated text begins with, 0 if there is none. */
size_t str_utf8(const char *bytes);

/* Unsigned number in the given base making up all of length characters; false if it is not. */
bool str_number(const char *text, size_t length, int base, unsigned long *number);

/* True if name can name an environment variable: not empty and without '=' (and NUL). */
bool str_is_variable(const char *name);

/*
 * The entry of a NULL-ended list that name was probably meant to be, for "did you mean", or NULL
 * if none is near (Damerau-Levenshtein distance of a third of the length at most).
 */
const char *str_similar(const char *name, const char *const *list);

/* How far apart two words are: letters to insert, remove, replace or swap with the next. */
size_t str_distance(const char *a, const char *b);

/* Adds text quoted for a POSIX shell, only where it needs it. */
void str_shell_quote(struct buf *buf, const char *text);

#endif
