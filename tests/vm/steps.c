/* SPDX-License-Identifier: MIT */
/*
 * steps: stops a program before each of its steps, counts them, and kills it or runs something at
 * one of them. A step is a system call that changes what outlives the program: a write below /sys,
 * /run or /etc, a rename, an unlink, a new directory, a module removed. Those of its children
 * count, of other programs that they start not.
 *
 *   steps [--kill N] [--at WORD --run COMMAND] PROGRAM [ARG...]
 *
 * --kill N   before the N-th step, all its processes get SIGKILL; the exit status is 137 then
 * --at WORD  before the first step that has WORD in its line, COMMAND is run by sh to its end
 *
 * Each step is a line on stderr. Exits with the program's status once that has ended; children
 * of it that are stuck in the kernel are left behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* Which argument of a call tells what it is about: a descriptor, or a path. */
enum about { DESCRIPTOR, PATH };

static const struct {
	long number;
	const char *name;
	enum about about;
	int argument;
} calls[] = {
	{SYS_write, "write", DESCRIPTOR, 0},
	{SYS_pwrite64, "write", DESCRIPTOR, 0},
	{SYS_writev, "write", DESCRIPTOR, 0},
	{SYS_ftruncate, "truncate", DESCRIPTOR, 0},
	{SYS_rename, "rename", PATH, 1},
	{SYS_renameat, "rename", PATH, 3},
	{SYS_renameat2, "rename", PATH, 3},
	{SYS_linkat, "link", PATH, 3},
	{SYS_unlink, "unlink", PATH, 0},
	{SYS_unlinkat, "unlink", PATH, 1},
	{SYS_mkdir, "mkdir", PATH, 0},
	{SYS_mkdirat, "mkdir", PATH, 1},
	{SYS_delete_module, "delete_module", PATH, 0},
};
enum { CALLS = sizeof(calls) / sizeof(*calls), PROCESSES = 64 };

static struct {
	pid_t program;
	char file[PATH_MAX]; /* of the program */
	pid_t processes[PROCESSES];
	long kill, count;
	const char *at, *run;
} steps;

static void fail(const char *what)
{
	perror(what);
	exit(125);
}

/* The kernel stops a process at these calls alone; a stop at each would take too long. */
static void filter_calls(void)
{
	struct sock_filter code[2 + 2 * CALLS];
	struct sock_fprog program = {.filter = code};
	unsigned short length = 0;

	code[length++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < CALLS; i++) {
		code[length++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i].number, 0, 1);
		code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
	}
	code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = length;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		fail("seccomp");
}

static void be(char **words)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		fail("ptrace");
	raise(SIGSTOP);
	filter_calls();
	execvp(words[0], words);
	fail(words[0]);
}

static void remember(pid_t pid)
{
	for (size_t i = 0; i < PROCESSES; i++) {
		if (!steps.processes[i] || steps.processes[i] == pid) {
			steps.processes[i] = pid;
			return;
		}
	}
}

static void forget(pid_t pid)
{
	for (size_t i = 0; i < PROCESSES; i++) {
		if (steps.processes[i] == pid)
			steps.processes[i] = 0;
	}
}

/* The text of a link in /proc/PID, "" if there is none. */
static void link_of(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	length = readlink(path, text, size - 1);
	text[length > 0 ? length : 0] = '\0';
}

static void text_of(pid_t pid, unsigned long long address, char *text, size_t size)
{
	struct iovec own = {text, size - 1}, its = {(void *)address, 0};
	ssize_t length = 0;

	/* Up to the end of its page; the next may not be there. */
	its.iov_len = 4096 - address % 4096;
	if (its.iov_len < own.iov_len)
		own.iov_len = its.iov_len;
	length = process_vm_readv(pid, &own, 1, &its, 1, 0);
	text[length > 0 ? length : 0] = '\0';
}

/* Whether the call a process is about to make is a step; its line then. */
static int is_step(pid_t pid, char *line, size_t size)
{
	static const char *const lasting[] = {"/sys/", "/run/", "/etc/"};
	struct user_regs_struct registers;
	char what[PATH_MAX] = "", file[PATH_MAX];

	link_of(pid, "exe", file, sizeof(file));
	if (strcmp(file, steps.file) != 0 || ptrace(PTRACE_GETREGS, pid, NULL, &registers) != 0)
		return 0;
	for (size_t i = 0; i < CALLS; i++) {
		const unsigned long long arguments[] = {
			registers.rdi, registers.rsi, registers.rdx, registers.r10};
		unsigned long long value = arguments[calls[i].argument];
		int lasts = calls[i].about == PATH;

		if ((long)registers.orig_rax != calls[i].number)
			continue;
		if (calls[i].about == PATH) {
			text_of(pid, value, what, sizeof(what));
		} else {
			char name[32];

			snprintf(name, sizeof(name), "fd/%d", (int)value);
			link_of(pid, name, what, sizeof(what));
		}
		for (size_t j = 0; j < sizeof(lasting) / sizeof(*lasting); j++)
			lasts |= strncmp(what, lasting[j], strlen(lasting[j])) == 0;
		snprintf(line, size, "%s %s", calls[i].name, what);
		return lasts;
	}
	return 0;
}

static void before_call(pid_t pid)
{
	char line[PATH_MAX + 32];

	if (!is_step(pid, line, sizeof(line)))
		return;
	fprintf(stderr, "step %ld: %s\n", ++steps.count, line);
	if (steps.count == steps.kill) {
		for (size_t i = 0; i < PROCESSES; i++) {
			if (steps.processes[i])
				kill(steps.processes[i], SIGKILL);
		}
	}
	if (steps.at && strstr(line, steps.at)) {
		steps.at = NULL;
		if (system(steps.run) != 0)
			fail(steps.run);
	}
}

/* What a process stopped for; returns the signal that it is to go on with. */
static int stopped(pid_t pid, int status)
{
	int event = status >> 16, signal = WSTOPSIG(status);

	remember(pid);
	if (event == PTRACE_EVENT_SECCOMP)
		before_call(pid);
	if (event == PTRACE_EVENT_EXEC && pid == steps.program)
		link_of(pid, "exe", steps.file, sizeof(steps.file));
	/* New children begin with this one. */
	return event || signal == SIGSTOP ? 0 : signal;
}

static int follow(void)
{
	const long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			     PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
	int status;
	pid_t pid;

	if (waitpid(steps.program, &status, 0) != steps.program || !WIFSTOPPED(status) ||
		ptrace(PTRACE_SETOPTIONS, steps.program, NULL, options) != 0)
		fail("cannot trace");
	ptrace(PTRACE_CONT, steps.program, NULL, NULL);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status)) {
			ptrace(PTRACE_CONT, pid, NULL, (long)stopped(pid, status));
			continue;
		}
		forget(pid);
		if (pid == steps.program)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	fail("waitpid");
	return 125;
}

int main(int argc, char **argv)
{
	int at = 1;

	for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
		if (strcmp(argv[at], "--kill") == 0)
			steps.kill = strtol(argv[at + 1], NULL, 10);
		else if (strcmp(argv[at], "--at") == 0)
			steps.at = argv[at + 1];
		else if (strcmp(argv[at], "--run") == 0)
			steps.run = argv[at + 1];
	}
	if (at >= argc) {
		fputs("usage: steps [--kill N] [--at WORD --run COMMAND] PROGRAM [ARG...]\n",
			stderr);
		return 125;
	}
	steps.program = fork();
	if (steps.program < 0)
		fail("fork");
	if (steps.program == 0)
		be(argv + at);
	return follow();
}
