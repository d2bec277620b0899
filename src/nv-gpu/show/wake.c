/* SPDX-License-Identifier: MIT */
/* wake: a driver may keep who asks it waiting for ever, so a child asks. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "nv-gpu/show/show.h"

/* A GPU in D3cold needs a second or two, one of NVIDIA's without persistence some more. */
enum { MILLISECONDS = 10000 };

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Until the child has closed its end of the pipe by ending, or the time is over. */
static void wait_for(int fd)
{
	const long end = now() + MILLISECONDS;
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	long left;

	while ((left = end - now()) > 0 && poll(&poll_fd, 1, (int)left) < 0 && errno == EINTR)
		;
}

const struct wake *wake_ask(struct gpu_run *run, struct hw_gpu *gpu)
{
	struct wake *wake = mmap(
		NULL, sizeof(*wake), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int ends[2];
	pid_t child;

	if (wake == MAP_FAILED)
		mem_fail();
	if (pipe2(ends, O_CLOEXEC) != 0) {
		log_error("cannot ask: %s", strerror(errno));
		return wake;
	}
	child = fork();
	if (child == 0) {
		close(ends[0]);
		ask(run, gpu, wake);
		_exit(0);
	}
	close(ends[1]);
	if (child < 0)
		log_error("cannot start a process: %s", strerror(errno));
	else
		wait_for(ends[0]);
	close(ends[0]);
	if (child > 0 && waitpid(child, NULL, WNOHANG) == 0) {
		/* One that the kernel holds dies when it lets go: that is not waited for. */
		kill(child, SIGKILL);
		waitpid(child, NULL, WNOHANG);
	}
	return wake;
}

const char *wake_stuck(const struct wake *wake)
{
	static const char *const waits[] = {
		[WAKE_BEGUN] = "nothing was asked",
		[WAKE_NODE] = "the driver did not answer within 10 seconds",
		[WAKE_CONFIG] = "its configuration space could not be read within 10 seconds",
		[WAKE_LINK] = "its link could not be read within 10 seconds",
		[WAKE_DONE] = NULL,
	};

	return waits[wake->stage];
}
