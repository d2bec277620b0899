/* SPDX-License-Identifier: MIT */
/*
 * journal: what --fix changed on a machine, kept in DOCTOR_STATE below the root.
 *
 * journal         a line a change, oldest first: "NUMBER CHECK BEFORE AFTER PATH"
 * NUMBER.before   what was at PATH, NUMBER.after what was put there: a copy of the file, the
 *                 target of the link, the value of the attribute; none where there was nothing
 *
 * An entry is written before its change is made, so that one that was killed between can be told:
 * what is there is then still what was before.
 */
#ifndef NV_GPU_DOCTOR_JOURNAL_H
#define NV_GPU_DOCTOR_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "hw/tree.h"

#define DOCTOR_STATE "/var/lib/nv-gpu/doctor"

enum thing { THING_NOTHING, THING_FILE, THING_LINK, THING_DIRECTORY, THING_ATTRIBUTE };

/* What is, was or shall be at a path. */
struct state {
	enum thing thing;
	const char *text; /* contents, target or value; NULL of nothing and of a directory */
	size_t length;
};

struct entry {
	unsigned long number;
	const char *check; /* "-": the state directory's own parents */
	enum thing before, after;
	const char *path;
};

struct journal {
	const struct hw_root *root;
	struct entry *list;
	size_t count;
	int lock; /* -1: there is no state directory */
};

struct gpu_run;

/*
 * Reads the journal and locks it; made: makes the state directory where there is none. 0, or the
 * status to exit with, after saying why: who runs the program is not root, or another doctor has
 * it.
 */
int journal_begin(struct journal *journal, struct gpu_run *run, bool made);

/* Writes it and lets it go. False after saying why it could not be written. */
bool journal_end(struct journal *journal);

/* Writes it; an empty one is removed, with the state directory. False with errno set. */
bool journal_write(struct journal *journal);

/* The number of the next entry. */
unsigned long journal_next(const struct journal *journal);

/* "DOCTOR_STATE/NUMBER.before" */
const char *journal_file(const struct journal *journal, unsigned long number, const char *kind);

/* Forgets entry i and its files; journal_write then makes it last. */
void journal_forget(struct journal *journal, size_t i);

/*
 * What is at a path, as a thing of that kind: a link is followed where a file is asked for. False
 * with errno set if it cannot be read or is something else that is kept (EISDIR).
 */
bool state_look(const struct hw_root *root, const char *path, enum thing as, struct state *state);

/* Attributes may differ in their last newline. */
bool state_equal(const struct state *a, const struct state *b);

/* Makes the directories above a path, an entry for each; false with errno set. */
bool journal_directories(struct journal *journal, const char *check, const char *path);

#endif
