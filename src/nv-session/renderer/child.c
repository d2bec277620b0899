/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "nv-session/renderer/internal.h"

enum {
	MOST = 65536, /* what is kept of what a child writes */
	TICK = 20, /* ms: a driver's own child may hold the pipes open, so that no end is seen */
	GRACE = 300, /* ms for the kernel to end what was killed */
};

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000L + time.tv_nsec / 1000000;
}

/* In the child, up to exec: nothing but system calls. */
static _Noreturn void become(const struct child *child, int out, int err)
{
	const struct rlimit no_core = {0, 0};
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &no_core);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
		dup2(err, STDERR_FILENO) < 0)
		_exit(127);
	execve(child->path, child->arguments, child->environment);
	_exit(127);
}

/* A pipe clear of the standard descriptors, closed at exec, read without waiting. */
static bool open_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	for (int i = 0; i < 2; i++) {
		int moved = ends[i] > STDERR_FILENO ? ends[i] : fcntl(ends[i], F_DUPFD_CLOEXEC, 3);

		if (moved != ends[i])
			close(ends[i]);
		ends[i] = moved;
	}
	return fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0;
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void start(struct child *child)
{
	int out[2] = {-1, -1}, err[2] = {-1, -1};

	child->out = child->err = -1;
	child->ended = true;
	if (open_pipe(out) && open_pipe(err))
		child->pid = fork();
	if (child->pid == 0 && err[1] >= 0)
		become(child, out[1], err[1]);
	close_end(&out[1]);
	close_end(&err[1]);
	child->out = out[0];
	child->err = err[0];
	if (child->pid < 0)
		child->pid = 0;
	if (!child->pid)
		return;
	child->ended = false;
	/* Both sides say it, as either may come first. */
	setpgid(child->pid, child->pid);
}

/* False at the end of the pipe. */
static bool read_some(int fd, struct buf *into)
{
	char bytes[4096];
	ssize_t got = read(fd, bytes, sizeof(bytes));

	if (got > 0 && into->length < MOST)
		buf_add(into, bytes, (size_t)got);
	return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

/* What is still in a pipe: its writer has ended, and a pipe holds no more than this. */
static void drain(int fd, struct buf *into)
{
	for (int i = 0; fd >= 0 && i < 2 * MOST / 4096; i++) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};

		if (poll(&ready, 1, 0) != 1 || !read_some(fd, into))
			return;
	}
}

/*
 * Its group is ended while the leader, dead but not yet reaped, holds the group's number, so that
 * no other can have it.
 */
static void look(struct child *child)
{
	siginfo_t info = {0};

	if (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
		info.si_pid != child->pid)
		return;
	kill(-child->pid, SIGKILL);
	waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG);
	child->ended = true;
	child->code = info.si_code;
	child->status = info.si_status;
	drain(child->out, &child->answer);
	drain(child->err, &child->noise);
}

static void wait_and_read(struct child *children, size_t count, struct pollfd *polled, int wait)
{
	nfds_t used = 0;

	for (size_t i = 0; i < count; i++) {
		if (children[i].ended)
			continue;
		polled[used++] = (struct pollfd){.fd = children[i].out, .events = POLLIN};
		polled[used++] = (struct pollfd){.fd = children[i].err, .events = POLLIN};
	}
	poll(polled, used, wait);
	used = 0;
	for (size_t i = 0; i < count; i++) {
		struct child *child = &children[i];

		if (child->ended)
			continue;
		if (polled[used++].revents && !read_some(child->out, &child->answer))
			close_end(&child->out);
		if (polled[used++].revents && !read_some(child->err, &child->noise))
			close_end(&child->err);
		look(child);
	}
}

static bool all_ended(const struct child *children, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!children[i].ended)
			return false;
	}
	return true;
}

static void work_until(struct child *children, size_t count, struct pollfd *polled, long end)
{
	for (long left = end - now(); left > 0 && !all_ended(children, count); left = end - now())
		wait_and_read(children, count, polled, left < TICK ? (int)left : TICK);
}

void children_run(struct child *children, size_t count, long milliseconds)
{
	cleanup_free struct pollfd *polled = mem_resize(NULL, (2 * count + 1) * sizeof(*polled));
	long end = now() + milliseconds;

	/* Who ignores it, which is inherited, is not told what becomes of its children. */
	signal(SIGCHLD, SIG_DFL);
	for (size_t i = 0; i < count; i++)
		start(&children[i]);
	work_until(children, count, polled, end);
	for (size_t i = 0; i < count; i++) {
		if (children[i].ended)
			continue;
		children[i].late = true;
		kill(-children[i].pid, SIGKILL);
	}
	work_until(children, count, polled, now() + GRACE);
	for (size_t i = 0; i < count; i++) {
		children[i].stuck = !children[i].ended;
		close_end(&children[i].out);
		close_end(&children[i].err);
	}
}
