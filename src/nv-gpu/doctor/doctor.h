/* SPDX-License-Identifier: MIT */
/*
 * doctor: what is wrong with how the GPUs are set up, and what to do.
 *
 * checks.c    the table: a row a check, in the order of the answer
 * doctor.c    the command: runs the checks, counts
 * show.c      the answer for people and as JSON
 * fix.c       what --fix does, and the way back
 *
 * Every other file has the checks of one subject, a function each. A check looks through
 * run->hw, wakes nothing, changes nothing, and says at least one finding: ok says what it looked
 * at, unknown what it may not see. It answers on any machine.
 */
#ifndef NV_GPU_DOCTOR_H
#define NV_GPU_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "nv-gpu/gpu.h"

enum verdict {
	VERDICT_OK,
	VERDICT_NOTE, /* works, but is worth knowing */
	VERDICT_UNKNOWN, /* could not be seen; what says why */
	VERDICT_PROBLEM,
};

struct doctor;

struct check {
	const char *name; /* "driver-version", what --only takes */
	const char *about; /* what it looks at: "versions of the kernel driver and its libraries" */
	void (*look)(struct doctor *doctor);
};

struct finding {
	const struct check *check;
	enum verdict verdict;
	const char *what; /* a line */
	const char *why; /* why it matters, a line or two; NULL where all is well */
	const char *fix; /* exact commands or contents of files, in lines; NULL if there is none */
	struct change *changes; /* what --fix does for it; NULL if that is for people to do */
	size_t change_count;
};

struct doctor {
	struct gpu_run *run;
	const struct check *check; /* the one that looks */
	struct finding *findings;
	size_t count;
};

/* Ends with a NULL name. */
extern const struct check checks[];

/*
 * Adds a finding of the check that looks. Texts are kept by reference: arena_printf. The finding is
 * good until the next one is added.
 */
struct finding *doctor_ok(struct doctor *doctor, const char *what);
struct finding *doctor_unknown(struct doctor *doctor, const char *what);
struct finding *doctor_note(
	struct doctor *doctor, const char *what, const char *why, const char *fix);
struct finding *doctor_problem(
	struct doctor *doctor, const char *what, const char *why, const char *fix);

const char *verdict_name(enum verdict verdict);

/* show.c */
void doctor_show(const struct doctor *doctor, struct buf *out);
void doctor_show_json(const struct doctor *doctor, struct buf *out);

/* The checks, by file. */
/* driver.c */
void check_driver_version(struct doctor *doctor);

#endif
