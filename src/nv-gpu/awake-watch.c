/* SPDX-License-Identifier: MIT */
/*
 * awake-watch: one attribute of each GPU read again and again; the holders are looked at only when
 * a GPU fell asleep or woke. sysfs tells nobody of a change of runtime_status, so it is polled.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/awake.h"

/* The kernel may wake us so much later, together with others: that saves power too. */
enum { PERIOD_MS = 250, SLACK_NS = 50000000 };

/* A process that held a GPU when it was last looked at. */
struct known {
	long pid;
	unsigned long long started, busy;
};

struct watched {
	const char *slot;
	int fd; /* of runtime_status, -1 once the GPU is gone */
	int asleep;
	struct known *known;
	size_t known_count;
};

/* Why a process is named: it came since, or its engines ran since; or it only held it. */
enum suspicion { NEW, BUSY, HELD };

/* What the engines did for it so far, in nanoseconds; 0 where the driver does not count. */
static unsigned long long busy_of(const struct hw_holder *holder, const char *slot)
{
	unsigned long long sum = 0;

	for (size_t i = 0; i < holder->usage_count; i++) {
		if (!holder->usage[i].memory && str_eq(holder->usage[i].gpu, slot))
			sum += holder->usage[i].amount;
	}
	return sum;
}

static enum suspicion judge(const struct watched *watched, const struct hw_holder *holder)
{
	for (size_t i = 0; i < watched->known_count; i++) {
		const struct known *known = &watched->known[i];

		if (known->pid == holder->pid && known->started == holder->started)
			return busy_of(holder, watched->slot) > known->busy ? BUSY : HELD;
	}
	return NEW;
}

static void remember(struct watched *watched, const struct hw_holders *holders)
{
	watched->known = mem_resize(watched->known, (holders->count + 1) * sizeof(*watched->known));
	watched->known_count = holders->count;
	for (size_t i = 0; i < holders->count; i++) {
		const struct hw_holder *holder = &holders->list[i];

		watched->known[i] = (struct known){
			holder->pid, holder->started, busy_of(holder, watched->slot)};
	}
}

static const char *now(struct arena *arena)
{
	time_t seconds = time(NULL);
	char text[40] = "";
	struct tm parts;

	if (localtime_r(&seconds, &parts))
		strftime(text, sizeof(text), "%FT%T%z", &parts);
	return arena_dup(arena, text);
}

/* Those under some suspicion, "game (12), ..."; "" if there are none. */
static const char *names(struct gpu_run *run, const struct watched *watched,
	const struct hw_holders *holders, bool held)
{
	const char *text = "";

	for (size_t i = 0; i < holders->count; i++) {
		const struct hw_holder *holder = &holders->list[i];

		if (holder->tied && (judge(watched, holder) == HELD) == held)
			text = arena_printf(run->arena, "%s%s%s (%ld)", text, *text ? ", " : "",
				gpu_plain(run, holder->name), holder->pid);
	}
	return text;
}

static void json_names(struct gpu_run *run, struct json *json, const char *name,
	const struct watched *watched, const struct hw_holders *holders, bool held)
{
	json_open(json, name, '[');
	for (size_t i = 0; i < holders->count; i++) {
		const struct hw_holder *holder = &holders->list[i];

		if (holder->tied && (judge(watched, holder) == HELD) == held)
			gpu_json_holder(run, json, holder);
	}
	json_close(json, ']');
}

/* A document a line: it is laid out over several, and a newline is nowhere else in JSON. */
static void flatten(struct buf *out)
{
	size_t to = 0;

	for (size_t at = 0; at < out->length; at++) {
		if (out->text[at] == '\n')
			at += strspn(out->text + at, "\n ") - 1;
		else
			out->text[to++] = out->text[at];
	}
	out->length = to;
}

static void say_json(struct gpu_run *run, const struct watched *watched, const char *event,
	const struct hw_holders *holders, struct buf *out)
{
	struct json json = {.out = out};

	json_open(&json, NULL, '{');
	json_add_string(&json, "time", now(run->arena));
	json_add_string(&json, "slot", watched->slot);
	json_add_string(&json, "event", event);
	json_names(run, &json, "by", watched, holders, false);
	json_names(run, &json, "held-before", watched, holders, true);
	json_close(&json, '}');
	flatten(out);
}

static void say_text(struct gpu_run *run, const struct watched *watched, const char *event,
	const struct hw_holders *holders, struct buf *out)
{
	bool woken = str_eq(event, "awake") && holders->count;
	const char *by = woken ? names(run, watched, holders, false) : "";
	const char *held = woken ? names(run, watched, holders, true) : "";

	buf_printf(out, "%s %s %s", now(run->arena), watched->slot, event);
	if (*by)
		buf_printf(out, ": woken by %s", by);
	else if (*held)
		buf_printf(out, ": by one that had it open before, %s; or by the kernel", held);
}

/* A line an event. holders is what there is to suspect, may be empty. */
static int say(struct gpu_run *run, const struct watched *watched, const char *event,
	const struct hw_holders *holders)
{
	struct buf out = {0};
	int status;

	if (run->options.json)
		say_json(run, watched, event, holders, &out);
	else
		say_text(run, watched, event, holders, &out);
	if (!run->options.json && str_eq(event, "awake") && watched->known && !holders->count)
		buf_puts(&out, ": by the kernel, or by what has let go of it already");
	buf_putc(&out, '\n');
	status = gpu_print(&out);
	buf_free(&out);
	return status;
}

/*
 * The machine is read anew each time, as drivers and nodes may have changed, and into memory that
 * is given back: a watch may last for weeks.
 */
static int look_closely(struct gpu_run *run, struct watched *watched)
{
	static const struct hw_holders none;
	struct arena *own = run->arena;
	struct hw_holders holders = none;
	bool first = !watched->known;
	int status;

	run->arena = arena_new();
	hw_again(&run->hw, run->arena);
	hw_scan_all(&run->hw);
	for (size_t i = 0; i < run->hw.count; i++) {
		if (str_eq(run->hw.gpus[i]->slot, watched->slot))
			hw_holders_scan(&run->hw, &run->hw.gpus[i], 1, &holders);
	}
	status = say(run, watched, watched->asleep ? "asleep" : "awake",
		first || watched->asleep ? &none : &holders);
	remember(watched, &holders);
	arena_free(run->arena);
	run->arena = own;
	hw_again(&run->hw, own);
	return status;
}

/* One round; *left counts the GPUs that are still there. */
static int look(struct gpu_run *run, struct watched *list, size_t count, size_t *left)
{
	static const struct hw_holders none;
	int status = 0;

	*left = 0;
	for (size_t i = 0; i < count && !status; i++) {
		struct watched *one = &list[i];
		int asleep = one->fd < 0 ? -1 : hw_status_suspended(one->fd);

		if (one->fd >= 0 && asleep < 0) {
			close(one->fd);
			one->fd = -1;
			status = say(run, one, "gone", &none);
		} else if (one->fd >= 0) {
			++*left;
			if (asleep != one->asleep) {
				one->asleep = asleep;
				status = look_closely(run, one);
			}
		}
	}
	return status;
}

static int stop_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int awake_watch(struct gpu_run *run, struct hw_gpu **gpus, size_t count)
{
	struct watched *list = arena_alloc(run->arena, (count + 1) * sizeof(*list));
	struct pollfd stop = {.fd = stop_signals(), .events = POLLIN};
	size_t watched = 0, left;
	int status = 0;

	prctl(PR_SET_TIMERSLACK, SLACK_NS);
	for (size_t i = 0; i < count; i++) {
		struct watched *one = &list[watched];

		*one = (struct watched){
			arena_dup(run->arena, gpus[i]->slot), hw_status_open(&run->hw, gpus[i])};
		one->asleep = one->fd < 0 ? -1 : hw_status_suspended(one->fd);
		if (one->asleep >= 0)
			watched++;
	}
	if (!watched) {
		log_error("no GPU here tells whether it is asleep");
		return EXIT_FAILED;
	}
	for (size_t i = 0; i < watched && !status; i++)
		status = look_closely(run, &list[i]);
	for (left = watched; !status && left && poll(&stop, 1, PERIOD_MS) <= 0;)
		status = look(run, list, watched, &left);
	if (!left)
		log_error("every GPU that was watched is gone");
	for (size_t i = 0; i < watched; i++)
		free(list[i].known);
	return left ? status : EXIT_FAILED;
}
