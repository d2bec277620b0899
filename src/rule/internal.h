/* SPDX-License-Identifier: MIT */
/* internal: what the files of rule/ share. */
#ifndef NV_RULE_INTERNAL_H
#define NV_RULE_INTERNAL_H

#include "rule/rule.h"

/* match.c */

/* Fills reader->first: a cheap look at a pattern's first byte settles nearly all headers. */
void match_prepare(struct rule_reader *reader);

/* As rule_header_matches, for a line's text[0..length) from '[' on, with the table of above. */
bool match_header(
	const struct rule_reader *reader, const char *text, size_t length, const char **pattern);

/* Calls reader_mistake for each thing wrong in a header. */
void match_check_header(
	struct rule_reader *reader, const char *text, size_t length, unsigned column);

/* lex.c */
void reader_mistake(struct rule_reader *reader, unsigned column, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* keys.c */

/* The key that a name selects: exactly, or "set." as the prefix of "set.NAME". */
const struct rule_key *key_find(const struct rule_key *keys, const char *name);
const char *key_similar(const struct rule_key *keys, const char *name);
bool key_takes_name(const struct rule_key *key);

/* NULL, or why no rule can be about a variable of this name. */
const char *key_check_variable(const char *name);

/* NULL, or what is wrong with the name or value of a line. */
const char *key_check(
	struct arena *arena, const struct rule_key *key, const char *name, const char *value);

/* NULL, or that no program could be started with "NAME=VALUE", or with a word if name is "". */
const char *key_check_length(const char *name, const char *value);

/* expand.c */

/* Replaces ${NAME} and $$; NULL with *wrong set if it is malformed. variable may be NULL, for a
 * check of the form alone. */
const char *expand(
	struct arena *arena, const struct rule_world *world, const char *text, const char **wrong);

/* Splits at blanks, "quoted words" staying together; NULL-ended. */
const char **split_words(struct arena *arena, const char *text, const char **wrong);

#endif
