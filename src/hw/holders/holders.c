/* SPDX-License-Identifier: MIT */
#include "hw/holders.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/holders/scan.h"

enum { KERNEL_THREAD = 0x00200000, MOST_THREADS = 4, SHARE = 256, STEP = 16 };

/* The number of the first namespace of processes (Linux, PROC_PID_INIT_INO). */
#define FIRST_NAMESPACE "pid:[4026531836]"

/* What the threads share; each takes the next few processes. */
struct work {
	struct hw *hw;
	struct file_list names;
	struct hw_node *nodes;
	size_t node_count;
	struct hw_gpu *const *gpus;
	size_t gpu_count;
	int processes;
	atomic_size_t next;
};

struct worker {
	struct work *work;
	struct scan *scan;
	pthread_t thread;
};

/* What /proc/PID/stat tells; see proc(5). */
struct facts {
	char state;
	unsigned flags;
	long threads;
	unsigned long long started;
};

/* False if the process is gone, or its file is not ours to read: then errno is EACCES or EPERM. */
static bool read_facts(const struct scan *scan, struct facts *facts)
{
	const char *text = scan_text(scan, "stat"), *rest = text ? strrchr(text, ')') : NULL;

	*facts = (struct facts){0};
	return rest && sscanf(rest + 1,
			       " %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			       "%ld %*d %llu",
			       &facts->state, &facts->flags, &facts->threads, &facts->started) >= 2;
}

static bool is_dead(const struct facts *facts)
{
	return facts->state == 'Z' || facts->state == 'X';
}

/* Whether it holds what was asked for; of what no GPU owns, that of its drivers. */
static bool is_asked(const struct work *work, struct hw_holder *holder)
{
	bool any_tie = false, common = false;

	for (size_t i = 0; i < holder->node_count; i++) {
		const struct hw_node *node = holder->held[i].node;

		any_tie |= node->gpu != NULL;
		for (size_t j = 0; j < work->gpu_count; j++) {
			const struct hw_gpu *gpu = work->gpus[j];

			if (node->gpu)
				holder->tied |= node->gpu == gpu;
			else if (node->common && gpu->driver)
				common |= str_eq(node->common, gpu->driver);
		}
	}
	return holder->tied || (!any_tie && common);
}

static int by_node(const void *a, const void *b)
{
	const struct hw_held *one = a, *two = b;

	return (one->node > two->node) - (one->node < two->node);
}

static void add_holder(struct scan *scan)
{
	struct arena *arena = scan->hw.root.arena;
	struct hw_holder *holder = &scan->holder;
	const char *status = scan_text(scan, "status"), *line = NULL;
	char *name = scan_text(scan, "comm");
	bool recorded = scan->hw.root.fd >= 0;
	unsigned long uid = 0;
	struct facts facts;

	/* It has ended meanwhile and holds nothing any more. */
	if (!status && !recorded)
		return;
	if (name && *name && name[strlen(name) - 1] == '\n')
		name[strlen(name) - 1] = '\0';
	holder->name = name ? name : "";
	holder->program = scan_link(scan, "exe");
	hw_cgroup_read(arena, scan_text(scan, "cgroup"), holder);
	line = status ? strstr(status, "\nUid:") : NULL;
	/* Real, then effective: who runs it. */
	if (line && sscanf(line + 5, "%lu", &uid) == 1)
		holder->uid = (unsigned)uid;
	/* Where no systemd keeps sessions apart, by the numbers that people have. */
	holder->session |= !holder->unit && !holder->container && uid >= 1000 && uid < 60000;
	read_facts(scan, &facts);
	holder->started = facts.started;
	qsort(holder->held, holder->node_count, sizeof(*holder->held), by_node);
	holder->nodes = arena_alloc(arena, (holder->node_count + 1) * sizeof(*holder->nodes));
	for (size_t i = 0; i < holder->node_count; i++)
		holder->nodes[i] = holder->held[i].node->name;
	*arena_push(arena, scan->found.list, scan->found.count) = *holder;
}

/* Descriptors and mappings at the place; false if they are not ours to see. */
static bool look(struct scan *scan)
{
	struct facts facts;

	if (!scan_descriptors(scan))
		return false;
	/* A kernel thread has none, and nothing mapped. */
	if (!scan->descriptors && scan->hw.root.fd < 0 && read_facts(scan, &facts) &&
		(facts.flags & KERNEL_THREAD || is_dead(&facts)))
		return true;
	return scan_mappings(scan);
}

static void leave(struct scan *scan)
{
	if (scan->fds >= 0)
		close(scan->fds);
	scan->fds = -1;
}

/*
 * A process whose first thread has ended is a zombie to look at, while the others go on with what
 * it held. All of them have it: the first that lives will do.
 */
static bool look_at_threads(struct scan *scan, const char *pid)
{
	struct arena *arena = scan->hw.root.arena;
	struct file_list threads;
	bool seen = true;

	if (!hw_root_names(
		    &scan->hw.root, arena_printf(arena, HW_PROCESSES "/%s/task", pid), &threads))
		return true;
	for (size_t i = 0; i < threads.count && seen && !scan->descriptors; i++) {
		leave(scan);
		if (str_eq(threads.names[i], pid))
			continue;
		scan->place = arena_printf(arena, "%s/task/%s", pid, threads.names[i]);
		seen = look(scan);
	}
	return seen;
}

/* Whether there is nothing to see where nothing could be seen: a kernel thread, a zombie. */
static bool is_nothing(const struct scan *scan)
{
	struct facts facts;

	errno = 0;
	if (!read_facts(scan, &facts))
		return errno != EACCES && errno != EPERM;
	return is_dead(&facts) || facts.flags & KERNEL_THREAD;
}

static void look_at_process(struct work *work, struct scan *scan, const char *pid, long number)
{
	struct facts facts;
	bool seen;

	scan->place = pid;
	scan->fds = -1;
	scan->holder = (struct hw_holder){.pid = number};
	scan->clients = (struct hw_clients){0};
	seen = look(scan);
	if (seen && !scan->descriptors && scan->hw.root.fd < 0 && read_facts(scan, &facts) &&
		facts.state == 'Z' && facts.threads > 1)
		seen = look_at_threads(scan, pid);
	if (!seen && !is_nothing(scan))
		scan->found.hidden++;
	if (scan->holder.node_count && is_asked(work, &scan->holder))
		add_holder(scan);
	leave(scan);
}

static void *run(void *context)
{
	struct worker *worker = context;
	struct work *work = worker->work;
	unsigned long number;

	for (;;) {
		size_t first = atomic_fetch_add(&work->next, STEP);

		for (size_t i = first; i < first + STEP && i < work->names.count; i++) {
			const char *name = work->names.names[i];

			if (str_number(name, strlen(name), 10, &number))
				look_at_process(work, worker->scan, name, (long)number);
		}
		if (first >= work->names.count)
			return NULL;
	}
}

static void begin(struct worker *worker, struct work *work, struct arena *arena)
{
	struct scan *scan = mem_resize(NULL, sizeof(*scan));

	memset(scan, 0, offsetof(struct scan, entries));
	scan->hw = *work->hw;
	scan->hw.root.arena = arena;
	scan->nodes = work->nodes;
	scan->node_count = work->node_count;
	scan->processes = work->processes;
	scan->fds = -1;
	*worker = (struct worker){.work = work, .scan = scan};
}

/* One for every so many processes, and no more than processors. */
static size_t thread_count(const struct work *work)
{
	size_t count = 1 + work->names.count / SHARE;
	cpu_set_t set;

	/* More processors than there is room for in the set: an error, and one thread will do. */
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	count = count < (size_t)CPU_COUNT(&set) ? count : (size_t)CPU_COUNT(&set);
	return count < MOST_THREADS ? count : MOST_THREADS;
}

static void collect(struct arena *arena, struct hw_holders *all, const struct hw_holders *some)
{
	for (size_t i = 0; i < some->count; i++)
		*arena_push(arena, all->list, all->count) = some->list[i];
	all->hidden += some->hidden;
}

/* The arena of the caller is the first worker's; those of the others become part of it. */
static void share_out(struct work *work, struct hw_holders *holders)
{
	struct arena *arena = work->hw->root.arena;
	struct worker workers[MOST_THREADS];
	size_t count = thread_count(work);

	begin(&workers[0], work, arena);
	for (size_t i = 1; i < count; i++) {
		begin(&workers[i], work, arena_new());
		if (pthread_create(&workers[i].thread, NULL, run, &workers[i]) != 0)
			workers[i].thread = pthread_self();
	}
	run(&workers[0]);
	for (size_t i = 0; i < count; i++) {
		struct scan *scan = workers[i].scan;

		if (i && !pthread_equal(workers[i].thread, pthread_self()))
			pthread_join(workers[i].thread, NULL);
		collect(arena, holders, &scan->found);
		if (i)
			arena_join(arena, scan->hw.root.arena);
		free(scan);
	}
}

static int by_pid(const void *a, const void *b)
{
	const struct hw_holder *one = a, *two = b;

	return (one->pid > two->pid) - (one->pid < two->pid);
}

static bool is_contained(const struct hw *hw)
{
	const char *link =
		hw->root.fd < 0 ? hw_root_link(&hw->root, HW_OWN_PROCESS_NAMESPACE) : NULL;

	return link && !str_eq(link, FIRST_NAMESPACE);
}

void hw_holders_scan(
	struct hw *hw, struct hw_gpu *const *gpus, size_t count, struct hw_holders *holders)
{
	struct work work = {.hw = hw, .gpus = gpus, .gpu_count = count};

	*holders = (struct hw_holders){0};
	work.nodes = hw_nodes(hw, &work.node_count);
	if (!work.node_count)
		return;
	work.processes = hw_root_open(&hw->root, HW_PROCESSES, O_RDONLY | O_DIRECTORY);
	holders->unreadable = work.processes < 0 ||
			      !file_names(hw->root.arena, work.processes, false, &work.names);
	if (!holders->unreadable)
		share_out(&work, holders);
	holders->hidepid = hw->root.fd < 0 && !hw_root_exists(&hw->root, HW_PROCESSES "/1/stat");
	holders->contained = is_contained(hw);
	if (holders->count)
		qsort(holders->list, holders->count, sizeof(*holders->list), by_pid);
	if (work.processes >= 0)
		close(work.processes);
}
