/* SPDX-License-Identifier: MIT */
/* probe: children that ask a driver; whatever they do is an answer. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-session/renderer.h"
#include "nv-session/session.h"

enum { LIMIT = 64 << 10, REAP = 1000 };

struct child {
	pid_t pid; /* 0 if it could not be started, or is gone */
	int fd; /* -1 when it has no more to say */
	char *text;
	size_t length;
};

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

_Noreturn static void become(const struct probe *probe, int answers)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	/* A group of its own, so that what a driver starts ends with it. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Drivers print; that is not the answer. */
	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
	if (answers == RENDERER_FD)
		fcntl(answers, F_SETFD, 0);
	else
		dup2(answers, RENDERER_FD);
	execve(probe->arguments[0], probe->arguments, probe->environment);
	_exit(127);
}

static void start(struct session *session, const struct probe *probe, struct child *child)
{
	int pipe[2];

	*child = (struct child){.fd = -1};
	if (pipe2(pipe, O_CLOEXEC) != 0)
		return;
	child->pid = fork();
	if (child->pid == 0)
		become(probe, pipe[1]);
	close(pipe[1]);
	if (child->pid < 0) {
		child->pid = 0;
		close(pipe[0]);
		return;
	}
	child->fd = pipe[0];
	child->text = arena_alloc(session->arena, LIMIT + 1);
}

static void take(struct child *child)
{
	ssize_t count = child->length < LIMIT ? read(child->fd, child->text + child->length,
							LIMIT - child->length)
					      : 0;

	if (count < 0 && errno == EINTR)
		return;
	if (count > 0) {
		child->length += (size_t)count;
		return;
	}
	close(child->fd);
	child->fd = -1;
}

/* Until all are silent, or the time is over. */
static void listen_all(struct child *children, size_t count, long end)
{
	for (long left; (left = end - now()) > 0;) {
		struct pollfd wait[RENDERER_WHO * X11_APIS];
		nfds_t open = 0;

		for (size_t i = 0; i < count; i++) {
			wait[i] = (struct pollfd){.fd = children[i].fd, .events = POLLIN};
			open += children[i].fd >= 0;
		}
		if (!open || (poll(wait, count, (int)left) < 0 && errno != EINTR))
			return;
		for (size_t i = 0; i < count; i++) {
			if (children[i].fd >= 0 && wait[i].revents)
				take(&children[i]);
		}
	}
}

/* Its status; -1 if it would not end in time and was killed. */
static int end(struct child *child)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	bool killed = child->fd >= 0;
	int status = 0;

	if (killed)
		kill(-child->pid, SIGKILL);
	for (int i = 0; i < REAP; i++) {
		pid_t done = waitpid(child->pid, &status, WNOHANG);

		if (done == child->pid || (done < 0 && errno != EINTR))
			break;
		/* It closed its answers and goes on: that is enough of it. */
		if (i == REAP / 4)
			kill(-child->pid, SIGKILL);
		nanosleep(&moment, NULL);
	}
	/* What it left behind in its group. */
	kill(-child->pid, SIGKILL);
	if (child->fd >= 0)
		close(child->fd);
	return killed ? -1 : status;
}

static void take_line(struct session *session, struct finding *into, char *line)
{
	char *value = strchr(line, ' ');

	if (!value)
		return;
	*value++ = '\0';
	value = arena_dup(session->arena, value);
	if (str_eq(line, "renderer"))
		into->renderer = value;
	else if (str_eq(line, "vendor"))
		into->vendor = value;
	else if (str_eq(line, "node"))
		into->node = value;
	else if (str_eq(line, "ids"))
		into->ids = value;
	else if (str_eq(line, "slot"))
		into->slot = value;
	else if (str_eq(line, "software"))
		into->software = true;
	else if (str_eq(line, "problem"))
		into->problem = value;
	else if (str_eq(line, "device"))
		*arena_push(session->arena, into->devices, into->device_count) = value;
}

static void judge(struct session *session, const struct probe *probe, struct child *child,
	int status, long milliseconds)
{
	struct finding *into = probe->into;
	char *rest = NULL;

	if (child->text) {
		child->text[child->length] = '\0';
		for (char *line = strtok_r(child->text, "\n", &rest); line;
			line = strtok_r(NULL, "\n", &rest))
			take_line(session, into, line);
	}
	if (into->renderer || into->problem)
		return;
	if (status < 0)
		into->problem = arena_printf(
			session->arena, "the driver did not answer within %ld ms", milliseconds);
	else if (WIFSIGNALED(status))
		into->problem = arena_printf(
			session->arena, "the driver crashed (%s)", strsignal(WTERMSIG(status)));
	else if (WIFEXITED(status) && WEXITSTATUS(status) >= 125)
		into->problem = "it could not be started";
	else
		into->problem = "the driver ended the program";
}

void probe_all(struct session *session, const struct probe *probes, size_t count, long milliseconds)
{
	struct child *children = arena_alloc(session->arena, (count + 1) * sizeof(*children));

	/* Whoever started us may have chosen not to hear of children. */
	signal(SIGCHLD, SIG_DFL);
	for (size_t i = 0; i < count; i++)
		start(session, &probes[i], &children[i]);
	listen_all(children, count, now() + milliseconds);
	for (size_t i = 0; i < count; i++) {
		if (children[i].pid)
			judge(session, &probes[i], &children[i], end(&children[i]), milliseconds);
		else
			probes[i].into->problem = "it could not be started";
	}
}
