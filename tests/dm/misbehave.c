/* SPDX-License-Identifier: MIT */
/*
 * misbehave: what can go wrong in the work of a hook, for LD_PRELOAD. umask(2) is called by the
 * guard's child alone, before its work. $NV_TEST_MISBEHAVE says what happens then.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Noreturn void hang(void)
{
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_IGN);
	for (;;)
		pause();
}

static void misbehave(const char *how)
{
	if (strcmp(how, "hang") == 0)
		hang();
	if (strcmp(how, "crash") == 0)
		raise(SIGSEGV);
	if (strcmp(how, "exit") == 0)
		_exit(125);
	if (strcmp(how, "leave-a-child") == 0 && fork() == 0)
		hang();
	if (strcmp(how, "leave-a-daemon") == 0) {
		pid_t daemon = fork();

		if (daemon == 0) {
			setsid();
			hang();
		}
		while (getsid(daemon) != daemon)
			usleep(1000);
	}
	if (strcmp(how, "flood") == 0) {
		for (;;)
			fputs("nv-session: the same again, and again, and again\n", stderr);
	}
	if (strcmp(how, "no-newline") == 0) {
		fputs("this line has no end", stderr);
		fflush(NULL);
		hang();
	}
}

mode_t umask(mode_t mask)
{
	const char *how = getenv("NV_TEST_MISBEHAVE");

	if (how)
		misbehave(how);
	return (mode_t)syscall(SYS_umask, mask);
}
