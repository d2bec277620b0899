/* SPDX-License-Identifier: MIT */
/*
 * guard: runs the work of a hook so that no login depends on it.
 *
 * LightDM stops the X server when its hook fails, and waits for it for ever: a hook that hangs or
 * crashes locks everybody out. So the work is a child's, and this process, which the display
 * manager waits for, does nothing that can fail or wait: it takes no memory from the heap, reads
 * no file, writes only where there is room, and ends in time with 0.
 *
 * The child leads a session of its own and holds none of our descriptors but a pipe. What is
 * killed are all of its process group, so that no pipe of the display manager stays open.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "nv-session/hook/hook.h"

/* Milliseconds: the default deadline; at most so much of it is kept for killing and saying so. */
enum { DEADLINE = 5000, RESERVE = 250, TICK = 20 };

struct guard {
	long begin, deadline, kill_at; /* by the monotonic clock, ms */
	pid_t child;
	int pipe, process; /* what the child says; its pidfd, -1 on old kernels */

	bool ended; /* but not reaped yet */
};

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void leave(int number)
{
	(void)number;
	_exit(0);
}

/* Display managers block and ignore signals, and children inherit both: then waitpid has no news.
 */
static void reset_signals(void)
{
	const struct sigaction usual = {.sa_handler = SIG_DFL}, ignored = {.sa_handler = SIG_IGN};
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &usual, NULL);
	/* Nobody may be reading, and the size of files may be limited. */
	sigaction(SIGPIPE, &ignored, NULL);
	sigaction(SIGXFSZ, &ignored, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Should this process come to wait after all, it ends with 0 when its time is over. */
static void set_alarm(long milliseconds)
{
	const struct sigaction action = {.sa_handler = leave};
	const struct itimerval timer = {
		.it_value = {milliseconds / 1000, milliseconds % 1000 * 1000}};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* Descriptors 0 to 2 may be closed, and the next file opened would become stderr. */
static void fill_standard_files(struct hw_root *root)
{
	int fd;

	if (root->fd >= 0 && root->fd <= STDERR_FILENO) {
		fd = fcntl(root->fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		if (fd >= 0) {
			close(root->fd);
			root->fd = fd;
		}
	}
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd < STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

/* All but the standard ones and one more, which may be -1. */
static void close_others(int spared)
{
	unsigned first = STDERR_FILENO + 1;

	if (spared >= (int)first) {
		if (spared > (int)first)
			syscall(SYS_close_range, first, (unsigned)spared - 1, 0);
		first = (unsigned)spared + 1;
	}
	syscall(SYS_close_range, first, ~0U, 0);
}

/* What a program may expect, and some display managers do not give. */
static void complete_environment(struct session *session)
{
	extern char **environ;
	const struct rlimit none = {0, 0};

	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 0);
	setenv("HOME", "/", 0);
	session->environment = environ;
	(void)!chdir("/");
	umask(022);
	/* Dumping memory could take longer than there is time. */
	setrlimit(RLIMIT_CORE, &none);
}

static bool is_wanted(struct session *session)
{
	const char *word = hw_cmdline(&session->hw, "nv-session");

	if (!word || !str_eq(word, "off"))
		return starts_allow(session);
	log_warning("nothing is done: the kernel command line has nv-session=off");
	return false;
}

static _Noreturn void be_child(struct session *session, int (*work)(struct session *session),
	const struct guard *guard, pid_t parent, int out)
{
	int null = open("/dev/null", O_RDWR), status = 0;

	reset_signals();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	setsid();
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	close_others(session->hw.root.fd);
	complete_environment(session);
	if (is_wanted(session)) {
		/* To end by itself, and in order, is better than to be killed. */
		session->options.timeout = (guard->kill_at - now()) * 9 / 10;
		if (session->options.timeout > 0)
			status = work(session);
	}
	fflush(NULL);
	_exit(status < 0 ? 0 : status);
}

static bool start(
	struct guard *guard, struct session *session, int (*work)(struct session *session))
{
	pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	guard->child = fork();
	if (guard->child == 0)
		be_child(session, work, guard, parent, ends[1]);
	close(ends[1]);
	guard->pipe = ends[0];
	if (guard->child < 0)
		return false;
	fcntl(guard->pipe, F_SETFL, O_NONBLOCK);
	guard->process = (int)syscall(SYS_pidfd_open, guard->child, 0);
	return true;
}

/* Not reaped before its group is killed: until then the group's number is no one else's. */
static void look(struct guard *guard)
{
	siginfo_t info = {.si_pid = 0};

	if (guard->ended)
		return;
	guard->ended = waitid(P_PID, (id_t)guard->child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		       info.si_pid == guard->child;
}

/* A pipe has room for 64 KiB: a child that says more than that at once waits, not we. */
static void drain(struct guard *guard, struct say_lines *lines)
{
	char bytes[4096];
	ssize_t count;

	for (int i = 0; guard->pipe >= 0 && i < 16; i++) {
		count = read(guard->pipe, bytes, sizeof(bytes));
		if (count < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (count > 0) {
			say_pass(lines, bytes, (size_t)count);
			continue;
		}
		close(guard->pipe);
		guard->pipe = -1;
	}
}

/* Until the child has ended or the time has come. */
static void watch(struct guard *guard, struct say_lines *lines, long until)
{
	long left;

	for (look(guard); !guard->ended && (left = until - now()) > 0; look(guard)) {
		struct pollfd waits[] = {
			{.fd = guard->pipe, .events = POLLIN},
			{.fd = guard->process, .events = POLLIN},
		};

		if (guard->process < 0 && left > TICK)
			left = TICK;
		poll(waits, 2, (int)left);
		drain(guard, lines);
	}
}

/* All that is left of the child, and what it said last. */
static void finish(struct guard *guard, struct say_lines *lines)
{
	kill(-guard->child, SIGKILL);
	kill(guard->child, SIGKILL);
	drain(guard, lines);
	say_pass(lines, NULL, 0);
}

static void report(const struct guard *guard)
{
	static const char then[] = "the display manager goes on without it";
	double seconds = (double)(now() - guard->begin) / 1000;
	int status;

	if (!guard->ended)
		say("the hook's work was not done after %.1f s and is killed; %s", seconds, then);
	else if (waitpid(guard->child, &status, 0) != guard->child)
		say("what became of the hook's work is unknown: %s", strerror(errno));
	else if (WIFSIGNALED(status))
		say("the hook's work crashed after %.1f s: signal %d, %s; %s", seconds,
			WTERMSIG(status), sigdescr_np(WTERMSIG(status)), then);
	else if (WEXITSTATUS(status))
		say("the hook's work failed after %.1f s with status %d; %s", seconds,
			WEXITSTATUS(status), then);
}

int hook_guarded(struct session *session, int (*work)(struct session *session))
{
	long timeout = session->options.timeout ? session->options.timeout : DEADLINE;
	long reserve = timeout / 5 < RESERVE ? timeout / 5 : RESERVE;
	struct guard guard = {.begin = now(), .pipe = -1, .process = -1};
	struct say_lines lines = {.length = 0};

	guard.deadline = guard.begin + timeout;
	guard.kill_at = guard.deadline - reserve;
	reset_signals();
	set_alarm(timeout);
	fill_standard_files(&session->hw.root);
	if (!start(&guard, session, work)) {
		say("cannot start the hook's work: %s; the display manager goes on without it",
			strerror(errno));
		return 0;
	}
	watch(&guard, &lines, guard.kill_at);
	finish(&guard, &lines);
	report(&guard);
	/* A child that waits in the kernel does not die: that one is left to init. */
	watch(&guard, &lines, guard.deadline - reserve / 4);
	return 0;
}
