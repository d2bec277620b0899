/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/doctor.h"

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = {"ok", "note", "unknown", "problem"};

	return names[verdict];
}

static struct finding *add(struct doctor *doctor, enum verdict verdict, const char *what,
	const char *why, const char *fix)
{
	struct finding *finding = arena_push(doctor->run->arena, doctor->findings, doctor->count);

	*finding = (struct finding){doctor->check, verdict, what, why, fix, NULL, 0};
	return finding;
}

struct finding *doctor_say(struct doctor *doctor, enum verdict verdict, const char *what,
	const char *why, const char *fix)
{
	return add(doctor, verdict, what, why, fix);
}

struct finding *doctor_ok(struct doctor *doctor, const char *what)
{
	return add(doctor, VERDICT_OK, what, NULL, NULL);
}

struct finding *doctor_unknown(struct doctor *doctor, const char *what)
{
	return add(doctor, VERDICT_UNKNOWN, what, NULL, NULL);
}

struct finding *doctor_note(
	struct doctor *doctor, const char *what, const char *why, const char *fix)
{
	return add(doctor, VERDICT_NOTE, what, why, fix);
}

struct finding *doctor_problem(
	struct doctor *doctor, const char *what, const char *why, const char *fix)
{
	return add(doctor, VERDICT_PROBLEM, what, why, fix);
}

void doctor_did(
	struct doctor *doctor, const char *check, const char *what, const char *back, bool failed)
{
	*arena_push(doctor->run->arena, doctor->deeds, doctor->deed_count) =
		(struct deed){check, what, back, failed};
}

/* Whether the machine has a check of that name; true for all of them. */
static bool known(struct gpu_run *run)
{
	const char *names = "", *only = run->options.only;

	for (const struct check *check = checks; check->name; check++) {
		if (!only || str_eq(only, check->name))
			return true;
		names = arena_printf(run->arena, "%s%s%s", names, *names ? ", " : "", check->name);
	}
	log_error("there is no check '%s'; there are %s", only, names);
	return false;
}

/* Jansson would open /dev/urandom to make its tables hard to fill, and looking opens no node; the
 * kernel gave us bytes for that (getauxval(3)). */
static void seed(void)
{
	const void *random = (const void *)getauxval(AT_RANDOM);
	unsigned number = 0;

	if (random)
		memcpy(&number, random, sizeof(number));
	json_object_seed(number | 1);
}

static void look(struct doctor *doctor)
{
	struct gpu_run *run = doctor->run;

	doctor->count = 0;
	doctor->xorg = NULL;
	gpu_scan(run);
	hw_connectors(&run->hw);
	hw_kernel_read(&run->hw, &doctor->kernel);
	for (const struct check *check = checks; check->name; check++) {
		if (run->options.only && !str_eq(run->options.only, check->name))
			continue;
		doctor->check = check;
		check->look(doctor);
	}
}

static bool problems(const struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->count; i++) {
		if (doctor->findings[i].verdict == VERDICT_PROBLEM)
			return true;
	}
	return false;
}

static int answer(struct doctor *doctor)
{
	struct buf out = {0};
	int status;

	if (doctor->run->options.json)
		doctor_show_json(doctor, &out);
	else
		doctor_show(doctor, &out);
	status = gpu_print(&out);
	buf_free(&out);
	return status;
}

int doctor_run(struct gpu_run *run)
{
	struct doctor doctor = {.run = run};
	int done = 0, status;

	if (!known(run))
		return EXIT_USAGE;
	if (run->options.fix && run->options.undo) {
		log_error("--fix and --undo exclude each other; try 'nv-gpu --help'");
		return EXIT_USAGE;
	}
	seed();
	if (run->options.undo) {
		done = doctor_undo(&doctor);
	} else {
		look(&doctor);
		if (run->options.fix)
			done = doctor_fix(&doctor);
		if (doctor.deed_count) {
			hw_again(&run->hw, run->arena);
			look(&doctor);
		}
	}
	if (done == EXIT_REFUSED)
		return done;
	status = answer(&doctor);
	return status ? status : done ? done : problems(&doctor) ? EXIT_FAILED : 0;
}
