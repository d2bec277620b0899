/* SPDX-License-Identifier: MIT */
/* beside: asks the program next to this one, for no longer than it may take. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/doctor.h"

enum { LIMIT = 1 << 20 };

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Reads until the other end is closed; false if that did not come in time, or is too much. */
static bool read_all(int fd, long deadline, struct buf *out)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	char piece[4096];

	for (;;) {
		long left = deadline - now();
		int ready = left > 0 ? poll(&wait, 1, (int)left) : 0;
		ssize_t length;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0 || out->length > LIMIT)
			return false;
		length = read(fd, piece, sizeof(piece));
		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0)
			return length == 0;
		buf_add(out, piece, (size_t)length);
	}
}

static pid_t start(struct doctor *doctor, const char *program, const char *const *words, int out)
{
	posix_spawn_file_actions_t actions;
	pid_t child;
	int failed;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	failed = posix_spawn(
		&child, program, &actions, NULL, (char *const *)words, doctor->run->environment);
	posix_spawn_file_actions_destroy(&actions);
	return failed ? -1 : child;
}

/* Our own child, which may sit in a call that a signal does not end: it is not waited for then. */
static void end(pid_t child)
{
	const struct timespec moment = {.tv_nsec = 1000000};

	for (int i = 0; i < 200 && waitpid(child, NULL, WNOHANG) == 0; i++) {
		if (i == 20)
			kill(child, SIGKILL);
		nanosleep(&moment, NULL);
	}
}

const char *doctor_ask(struct doctor *doctor, const char *const *words, long milliseconds)
{
	struct arena *arena = doctor->run->arena;
	const char *own = hw_own_path(arena), *program, *answer = NULL;
	struct buf out = {0};
	int pipe[2];
	pid_t child;

	if (!own)
		return NULL;
	program =
		arena_printf(arena, "%.*s/%s", (int)(str_file_name(own) - own - 1), own, words[0]);
	if (access(program, X_OK) != 0 || pipe2(pipe, O_CLOEXEC) != 0)
		return NULL;
	child = start(doctor, program, words, pipe[1]);
	close(pipe[1]);
	if (child > 0) {
		if (read_all(pipe[0], now() + milliseconds, &out))
			answer = arena_dup(arena, buf_text(&out));
		else
			kill(child, SIGKILL);
		end(child);
	}
	close(pipe[0]);
	buf_free(&out);
	return answer;
}
