/* SPDX-License-Identifier: MIT */
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
	struct finding *finding =
		arena_push(doctor->run->arena, doctor->findings, doctor->count);

	*finding = (struct finding){doctor->check, verdict, what, why, fix, NULL, 0};
	return finding;
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

static bool wanted(const struct gpu_run *run, const struct check *check)
{
	return !run->options.only || str_eq(run->options.only, check->name);
}

static int unknown_check(struct gpu_run *run)
{
	const char *names = "";

	for (const struct check *check = checks; check->name; check++)
		names = arena_printf(run->arena, "%s%s%s", names, *names ? ", " : "", check->name);
	log_error("there is no check '%s'; there are %s", run->options.only, names);
	return EXIT_USAGE;
}

int doctor_run(struct gpu_run *run)
{
	struct doctor doctor = {.run = run};
	struct buf out = {0};
	bool problem = false;
	int status;

	hw_scan_all(&run->hw);
	hw_judge(&run->hw);
	hw_connectors(&run->hw);
	for (const struct check *check = checks; check->name; check++) {
		if (!wanted(run, check))
			continue;
		doctor.check = check;
		check->look(&doctor);
	}
	if (!doctor.count)
		return unknown_check(run);
	for (size_t i = 0; i < doctor.count; i++)
		problem |= doctor.findings[i].verdict == VERDICT_PROBLEM;
	if (run->options.json)
		doctor_show_json(&doctor, &out);
	else
		doctor_show(&doctor, &out);
	status = gpu_print(&out);
	buf_free(&out);
	return status ? status : problem ? EXIT_FAILED : 0;
}
