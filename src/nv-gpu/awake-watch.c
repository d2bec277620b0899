/* SPDX-License-Identifier: MIT */
/*
 * awake-watch: one attribute of each GPU read again and again; the holders are looked at only when
 * a GPU fell asleep or woke. sysfs tells nobody of a change of runtime_status, so it is polled.
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "hw/holders.h"
#include "hw/sleep.h"
#include "nv-gpu/gpu.h"

enum { PERIOD_MS = 250 };

struct watched {
	struct hw_gpu *gpu;
	int fd;
	int asleep;
	long *pids; /* those that held it when it was last seen to fall asleep, or at the start */
	size_t pid_count;
};

static struct hw_holders scan(struct gpu_run *run, struct watched *watched)
{
	struct hw_holders holders;

	hw_holders_scan(&run->hw, &watched->gpu, 1, &holders);
	return holders;
}

static void remember(struct watched *watched, const struct hw_holders *holders)
{
	watched->pids = mem_resize(watched->pids, (holders->count + 1) * sizeof(*watched->pids));
	watched->pid_count = holders->count;
	for (size_t i = 0; i < holders->count; i++)
		watched->pids[i] = holders->list[i].pid;
}

static bool is_known(const struct watched *watched, long pid)
{
	for (size_t i = 0; i < watched->pid_count; i++) {
		if (watched->pids[i] == pid)
			return true;
	}
	return false;
}

static const char *now(struct arena *arena)
{
	time_t seconds = time(NULL);
	char text[32] = "";
	struct tm parts;

	if (localtime_r(&seconds, &parts))
		strftime(text, sizeof(text), "%FT%T", &parts);
	return arena_dup(arena, text);
}

/* A line an event; with --json a document a line. */
static int say(struct gpu_run *run, const struct watched *watched, const struct hw_holders *holders)
{
	const char *event = watched->asleep ? "asleep" : "awake";
	struct buf out = {0};
	struct json json = {.out = &out};
	size_t named = 0;
	int status;

	if (run->options.json) {
		json_open(&json, NULL, '{');
		json_string(&json, "time", now(run->arena));
		json_string(&json, "slot", watched->gpu->slot);
		json_string(&json, "event", event);
		json_open(&json, "by", '[');
	} else {
		buf_printf(&out, "%s %s %s", now(run->arena), watched->gpu->slot, event);
	}
	for (size_t i = 0; !watched->asleep && holders && i < holders->count; i++) {
		const struct hw_holder *holder = &holders->list[i];

		if (is_known(watched, holder->pid))
			continue;
		if (run->options.json)
			gpu_json_holder(run, &json, holder);
		else
			buf_printf(&out, "%s %s (%ld)", named ? "," : ": woken by",
				gpu_plain(run, holder->name), holder->pid);
		named++;
	}
	if (run->options.json) {
		json_close(&json, ']');
		json_close(&json, '}');
	} else if (!watched->asleep && holders && !named) {
		buf_puts(&out, ": by the kernel, or by what has let go of it already");
	}
	/* A document may be laid out over several lines; a watcher wants one a line. */
	for (size_t i = 0; i < out.length; i++) {
		if (out.text[i] == '\n')
			out.text[i] = ' ';
	}
	buf_putc(&out, '\n');
	status = gpu_print(&out);
	buf_free(&out);
	return status;
}

/* What it reads is thrown away each time: a watch may last for weeks. */
static int changed(struct gpu_run *run, struct watched *watched)
{
	struct arena *own = run->arena, *root = run->hw.root.arena;
	struct hw_holders holders;
	int status;

	run->arena = run->hw.root.arena = arena_new();
	holders = scan(run, watched);
	status = say(run, watched, &holders);
	remember(watched, &holders);
	/* hw_gpu_nvidia was asked before, by gpu_select or the first scan: nothing points here. */
	arena_free(run->arena);
	run->arena = own;
	run->hw.root.arena = root;
	return status;
}

static int look(struct gpu_run *run, struct watched *list, size_t count)
{
	int status = 0;

	for (size_t i = 0; i < count && !status; i++) {
		int asleep = hw_status_suspended(list[i].fd);

		if (asleep < 0) {
			log_error("%s does not tell of its power any more", list[i].gpu->slot);
			return EXIT_FAILED;
		}
		if (asleep != list[i].asleep) {
			list[i].asleep = asleep;
			status = changed(run, &list[i]);
		}
	}
	return status;
}

int awake_watch(struct gpu_run *run, struct hw_gpu **gpus, size_t count)
{
	struct watched *list = arena_alloc(run->arena, (count + 1) * sizeof(*list));
	struct pollfd stop = {.events = POLLIN};
	size_t watched = 0;
	int status = 0;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	stop.fd = signalfd(-1, &set, SFD_CLOEXEC);
	for (size_t i = 0; i < count; i++) {
		struct hw_holders holders;
		struct watched *one = &list[watched];

		*one = (struct watched){.gpu = gpus[i], .fd = hw_status_open(&run->hw, gpus[i])};
		one->asleep = one->fd < 0 ? -1 : hw_status_suspended(one->fd);
		if (one->asleep < 0)
			continue;
		watched++;
		holders = scan(run, one);
		remember(one, &holders);
		status |= say(run, one, NULL);
	}
	if (!watched) {
		log_error("no GPU here tells whether it is asleep");
		return EXIT_FAILED;
	}
	while (!status && poll(&stop, 1, PERIOD_MS) <= 0)
		status = look(run, list, watched);
	return status;
}
