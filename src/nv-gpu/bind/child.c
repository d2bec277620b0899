/* SPDX-License-Identifier: MIT */
/* child: what may never come back from the kernel is done by a child with a deadline. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nv-gpu/bind/bind.h"

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* It may outlive us by days: it must keep nobody's pipe or terminal open, nor a directory. */
static _Noreturn void be(
	int (*work)(void *context, int answer), void *context, int answer, pid_t parent)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), error;

	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
	if (chdir("/") != 0)
		_exit(1);
	/* A step must not begin once nobody notes it down any more. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	error = work(context, answer);
	if (write(answer, "", 1) != 1 || write(answer, &error, sizeof(error)) != sizeof(error))
		_exit(1);
	_exit(0);
}

/* Reads until the child has ended or the time is over; false then. */
static bool listen_to(int fd, long until, char *bytes, size_t size, size_t *length)
{
	for (;;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		long left = until - now();
		int events = poll(&ready, 1, left > 0 ? (int)left : 0);
		ssize_t got;

		if (events == 0)
			return false;
		if (events < 0 && errno == EINTR)
			continue;
		got = read(fd, bytes + *length, size - *length);
		if (got <= 0)
			return true;
		*length += (size_t)got;
	}
}

struct bind_result child_run(int (*work)(void *context, int answer), void *context,
	long milliseconds, char *answer, size_t size)
{
	struct bind_result result = {.error = EIO};
	char bytes[8192];
	size_t length = 0, tail = 1 + sizeof(result.error);
	pid_t parent = getpid(), pid;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return (struct bind_result){.error = errno};
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		be(work, context, ends[1], parent);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return (struct bind_result){.error = errno};
	}
	if (!listen_to(ends[0], now() + milliseconds, bytes, sizeof(bytes), &length)) {
		/* Never to be waited for: if it is not stuck but slow, our end lets it go. */
		result.stuck = pid;
		result.error = ETIMEDOUT;
	} else {
		waitpid(pid, NULL, 0);
		if (length >= tail && !bytes[length - tail])
			memcpy(&result.error, bytes + length - sizeof(result.error),
				sizeof(result.error));
	}
	close(ends[0]);
	if (answer && size) {
		length = length > tail ? length - tail : 0;
		length = length < size ? length : size - 1;
		memcpy(answer, bytes, length);
		answer[length] = '\0';
	}
	return result;
}
