/* SPDX-License-Identifier: MIT */
/* deadline: an X server that hangs must not hang us. */
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "nv-session/session.h"

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void give_up(int signal)
{
	static const char text[] = "nv-session: the X server does not answer\n";

	(void)signal;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(EXIT_FAILED);
	_exit(EXIT_FAILED);
}

void session_deadline(struct session *session, long milliseconds)
{
	const struct sigaction action = {.sa_handler = give_up};
	const struct itimerval timer = {
		.it_value = {milliseconds / 1000, milliseconds % 1000 * 1000}};
	sigset_t alarm;

	/* Whoever started us may have blocked it. */
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &alarm, NULL);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	/* The other half is for taking back what was done in this one. */
	session->late = milliseconds ? now() + milliseconds / 2 : 0;
}

bool session_is_late(const struct session *session)
{
	return session->late && now() > session->late;
}
