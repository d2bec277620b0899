/* SPDX-License-Identifier: MIT */
#include "nv-gpu/bind/bind.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/slot.h"
#include "base/str.h"
#include "nv-gpu/gpu.h"

enum { POLL_MS = 250, LOCK_MS = 2000 };

/* One move: a request, and what came of it. */
struct move {
	struct gpu_run *run;
	struct bind_request request;
	int lock; /* of the slot */
	struct bind_facts facts;
	struct bind_findings findings;
	struct bind_plan plan;
	struct bind_carried carried;
	struct bind_answer answer;
};

static int usage(const char *what)
{
	log_usage(what);
	return EXIT_USAGE;
}

/* "01:00.1", "0000:01:00.1" or "1". */
static bool parse_only(struct gpu_run *run, const char *slot, int *only)
{
	const char *word = run->options.only, *named;

	if (strlen(word) == 1 && *word >= '0' && *word <= '7') {
		*only = *word - '0';
		return true;
	}
	named = slot_parse(run->arena, word, only);
	return named && str_eq(named, slot) && *only >= 0;
}

/* A driver's name becomes part of paths and of a rule for udev. */
static bool is_driver_name(const char *word)
{
	for (const char *at = word; *at; at++) {
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-",
			    *at))
			return false;
	}
	return *word && *word != '-';
}

static int parse(struct gpu_run *run, struct bind_request *request)
{
	const struct gpu_options *options = &run->options;
	bool to = request->action == BIND_TO;
	int function;

	request->slot = slot_parse(run->arena, options->words[0], &function);
	if (!request->slot)
		return usage(arena_printf(run->arena,
			"'%s' is no slot, like 01:00 or 0000:01:00.0; 'nv-gpu list' shows them",
			options->words[0]));
	/* Function 0 is what people copy when they mean the card. */
	if (function > 0 && !options->only)
		return usage(arena_printf(run->arena,
			"%s takes a whole slot; one function is --only=%d of slot %s",
			options->command->name, function, request->slot));
	if (options->only && !parse_only(run, request->slot, &request->only))
		return usage(arena_printf(run->arena,
			"--only takes a function of slot %s, like %s.1 or 1, not '%s'",
			request->slot, request->slot, options->only));
	if (to && !is_driver_name(options->words[1]))
		return usage(
			arena_printf(run->arena, "'%s' is no name of a driver", options->words[1]));
	/* The module's name as lsmod has it; the driver's has a dash. */
	request->target = !to                                     ? NULL
			  : str_eq(options->words[1], "vfio_pci") ? "vfio-pci"
								  : options->words[1];
	if (options->persist && options->only)
		return usage("--persist is for a whole slot, without --only");
	if (options->sysroot && !options->dry_run)
		return usage(arena_printf(run->arena,
			"%s on a recording can only be tried: add --dry-run",
			options->command->name));
	return 0;
}

/* All anew; what was found before is forgotten. */
static void look(struct move *move)
{
	hw_again(&move->run->hw, move->run->arena);
	facts_gather(move->run, &move->request, &move->facts);
	bind_preflight(&move->facts, &move->findings);
	bind_plan(&move->facts, true, &move->plan);
}

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void pause_ms(long milliseconds)
{
	const struct timespec pause = {.tv_nsec = milliseconds * 1000000L};

	nanosleep(&pause, NULL);
}

/* Looks until nothing refuses, or what refuses will not pass, or the time is over. */
static void look_and_wait(struct move *move)
{
	struct gpu_run *run = move->run;
	struct arena *own = run->arena, *last = NULL;
	long until = now() + run->options.wait;

	for (;;) {
		struct arena *arena = run->options.wait ? arena_new() : own;

		run->arena = arena;
		look(move);
		if (last)
			arena_free(last);
		last = arena;
		if (!run->options.wait || !bind_refused(&move->findings) ||
			!bind_may_pass(&move->findings) || now() >= until)
			return;
		pause_ms(POLL_MS);
	}
}

static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* Nobody reading what we say must not end us half way. */
	signal(SIGPIPE, SIG_IGN);
}

/* Whether all is as the journal has it, so that it has no more use. */
static bool is_as_before(struct move *move)
{
	struct bind_facts facts;
	struct bind_plan plan;

	hw_again(&move->run->hw, move->run->arena);
	facts_gather(move->run, &move->request, &facts);
	for (size_t i = 0; i < facts.count; i++) {
		if (facts.functions[i].stuck)
			return false;
		facts.functions[i].asked = true;
	}
	facts.action = BIND_RESTORE;
	bind_wants(&facts);
	bind_plan(&facts, false, &plan);
	return !plan.count;
}

static int carry_out(struct move *move, int journal)
{
	struct bind_kernel kernel;

	kernel_door(&kernel, move->run, journal, move->lock);
	bind_carry(&move->facts, &move->plan, &kernel.door, &move->carried);
	if (move->carried.end == BIND_DONE)
		return 0;
	return EXIT_FAILED;
}

static void persist(struct move *move)
{
	const char *path;

	if (persist_write(&move->facts, &path))
		move->answer.persisted = path;
	else
		move->answer.unpersisted = arena_printf(
			move->run->arena, "cannot write %s: %s", path, strerror(errno));
}

/*
 * A restore of all takes the rule away, unless all is as before it: then the next one must find it.
 * The journal goes when it has no more use. False if at the next boot it would be as it was.
 */
static bool clean_up(struct move *move)
{
	struct gpu_run *run = move->run;
	const char *slot = move->request.slot;
	bool whole = move->request.only < 0, fine = true;

	if (move->request.action == BIND_RESTORE && whole && move->carried.end != BIND_BACK &&
		persist_remove(run, slot, &fine)) {
		if (!fine)
			log_error("cannot remove the udev rule of %s, which moves it again at the "
				  "next boot: %s",
				slot, strerror(errno));
		else
			log_info("removed the udev rule of %s", slot);
	}
	if ((move->request.action == BIND_RESTORE ? move->carried.end != BIND_PARTLY
						  : move->carried.end == BIND_BACK) &&
		is_as_before(move) && !journal_remove(run, slot))
		log_warning("cannot remove the journal of %s: %s", slot, strerror(errno));
	return fine;
}

static int do_it(struct move *move)
{
	int status = 0, journal = -1;

	move->answer.carried = &move->carried;
	if (move->plan.count) {
		journal = journal_open(&move->facts);
		if (journal < 0) {
			log_error("cannot write a journal below /run/nv-gpu: %s; nothing was "
				  "changed",
				strerror(errno));
			return EXIT_FAILED;
		}
		status = carry_out(move, journal);
		close(journal);
	}
	if (!status && move->run->options.persist)
		persist(move);
	if (move->answer.unpersisted)
		status = EXIT_FAILED;
	if (bind_show(move->run, &move->answer) != 0)
		status = status ? status : EXIT_FAILED;
	if (!clean_up(move))
		status = EXIT_FAILED;
	return status;
}

static int with_lock(struct move *move)
{
	struct gpu_run *run = move->run;
	int status;

	look_and_wait(move);
	move->answer = (struct bind_answer){
		.facts = &move->facts, .findings = &move->findings, .plan = &move->plan};
	if (run->options.dry_run || bind_refused(&move->findings)) {
		status = bind_show(run, &move->answer);
		if (status)
			return status;
		return bind_refused(&move->findings) ? EXIT_REFUSED : 0;
	}
	block_signals();
	return do_it(move);
}

/* The child of one that was killed a moment ago may still have to end. */
static int take_lock(struct gpu_run *run, const char *slot, bool look)
{
	long until = now() + (run->options.wait > LOCK_MS ? run->options.wait : LOCK_MS);

	for (;;) {
		int lock = journal_lock(run, slot, look);

		if (lock >= 0 || errno != EWOULDBLOCK || now() >= until)
			return lock;
		pause_ms(POLL_MS / 10);
	}
}

static int move(struct gpu_run *run, enum bind_action action)
{
	struct move move = {.run = run, .request = {.action = action, .only = -1}};
	struct arena *own = run->arena;
	int status = parse(run, &move.request);
	bool look = run->options.dry_run || geteuid() != 0;

	if (status)
		return status;
	if (run->options.sysroot)
		return with_lock(&move);
	move.lock = take_lock(run, move.request.slot, look);
	if (move.lock < 0 && errno == EWOULDBLOCK) {
		log_error("another nv-gpu is moving %s, or a write of one is stuck in the kernel; "
			  "try again later, and reboot if it does not end",
			move.request.slot);
		return EXIT_REFUSED;
	}
	if (move.lock < 0 && !look) {
		log_error(
			"cannot write below /run/nv-gpu: %s; nothing was changed", strerror(errno));
		return EXIT_FAILED;
	}
	status = with_lock(&move);
	if (move.lock >= 0)
		close(move.lock);
	if (run->arena != own)
		arena_free(run->arena);
	run->arena = own;
	return status;
}

int bind_run(struct gpu_run *run)
{
	return move(run, BIND_TO);
}

int unbind_run(struct gpu_run *run)
{
	return move(run, BIND_NOTHING);
}

int restore_run(struct gpu_run *run)
{
	return move(run, BIND_RESTORE);
}
