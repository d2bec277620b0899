/* SPDX-License-Identifier: MIT */
/*
 * fake-kernel: a library to preload that makes a recorded /sys of plain files take orders as the
 * kernel's does: driver/unbind, driver_override, drivers_probe, power/control, modprobe and
 * delete_module(2). The program and its children see what they would see of the kernel.
 *
 * FAKE_KERNEL_AT="NUMBER ACTION" lets something happen at the order of that number, "write NUMBER
 * ACTION" at any write(2) of that number, to pipes and files too:
 *   fail         the order is refused, errno EBUSY
 *   block        it never comes back
 *   stuck        it never comes back, and a process that nothing ends stays: FAKE_KERNEL_LOG.stuck
 *   ignore       a write is taken, and nothing comes of it
 *   before       the program is killed before the order is carried out
 *   after        and after it was
 *   hold         somebody opens /dev/zero first, and keeps it open
 *   stop         the program gets SIGTERM first
 * FAKE_KERNEL_LOG is the file that orders are counted in, a line each; FAKE_KERNEL_PICKS a driver
 * for functions without an override, else the driver of the file "natural" beside it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEVICES "/sys/bus/pci/devices/"
#define DRIVERS "/sys/bus/pci/drivers/"

static pid_t program;

__attribute__((constructor)) static void begin(void)
{
	program = getpid();
}

static long true_syscall(long number, long a, long b, long c, long d)
{
	static long (*next)(long, ...);

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "syscall");
	return next(number, a, b, c, d);
}

static ssize_t true_write(int fd, const void *bytes, size_t count)
{
	return true_syscall(SYS_write, fd, (long)bytes, (long)count, 0);
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd >= 0) {
		true_write(fd, text, strlen(text));
		close(fd);
	}
}

static void get(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? 0 : read(fd, text, size - 1);

	text[length > 0 ? length : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (fd >= 0)
		close(fd);
}

/* Counts an event; what is to happen at it, NULL if nothing. */
static const char *count(const char *what, bool order)
{
	const char *log = getenv("FAKE_KERNEL_LOG"), *at = getenv("FAKE_KERNEL_AT");
	bool all = at && strncmp(at, "write ", 6) == 0;
	char bytes[65536], *line = bytes;
	long number = 0, wanted;
	ssize_t length;
	char *end;
	int fd;

	if (!log || (order == all && at))
		return NULL;
	fd = open(log, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	snprintf(bytes, sizeof(bytes), "%.200s\n", what);
	true_write(fd, bytes, strlen(bytes));
	length = pread(fd, bytes, sizeof(bytes) - 1, 0);
	close(fd);
	bytes[length > 0 ? length : 0] = '\0';
	while ((line = strchr(line, '\n'))) {
		line++;
		number++;
	}
	if (!at)
		return NULL;
	wanted = strtol(all ? at + 6 : at, &end, 10);
	return number == wanted ? end + 1 : NULL;
}

static _Noreturn void stop_here(void)
{
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (;;)
		pause();
}

static _Noreturn void end_program(void)
{
	kill(program, SIGKILL);
	stop_here();
}

static bool is_zero(int fd)
{
	char link[64], path[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path));
	return length == 9 && memcmp(path, "/dev/zero", 9) == 0;
}

/* The file that is there once an order does not come back. */
static const char *blocked(void)
{
	static char path[512];

	snprintf(path, sizeof(path), "%.400s.blocked", getenv("FAKE_KERNEL_LOG"));
	return path;
}

/* What happens before an order; -1: it is refused. */
static int happen(const char *action)
{
	if (action && strcmp(action, "before") == 0)
		end_program();
	if (action && strcmp(action, "stuck") == 0 && fork() == 0) {
		char path[512], number[32];

		snprintf(path, sizeof(path), "%.400s.stuck", getenv("FAKE_KERNEL_LOG"));
		snprintf(number, sizeof(number), "%d\n", (int)getpid());
		put(path, number);
		put(blocked(), "");
		stop_here();
	}
	if (action && strcmp(action, "stuck") == 0)
		stop_here();
	if (action && strcmp(action, "block") == 0) {
		put(blocked(), "");
		stop_here();
	}
	if (action && strcmp(action, "stop") == 0)
		kill(program, SIGTERM);
	if (action && strcmp(action, "hold") == 0 && fork() == 0) {
		if (open("/dev/zero", O_RDONLY) < 0)
			_exit(1);
		/* Nobody must wait for us at the end of a pipe. */
		for (int fd = 3; fd < 64; fd++) {
			if (!is_zero(fd))
				close(fd);
		}
		stop_here();
	}
	if (action && strcmp(action, "fail") == 0) {
		errno = EBUSY;
		return -1;
	}
	return 0;
}

static void happen_after(const char *action)
{
	if (action && strcmp(action, "after") == 0)
		end_program();
}

static int bind_to(const char *slot, const char *driver)
{
	char target[512], link[512];

	snprintf(target, sizeof(target), DRIVERS "%.99s", driver);
	if (access(target, F_OK) != 0)
		return 0;
	snprintf(link, sizeof(link), DEVICES "%.99s/driver", slot);
	if (symlink(target, link) != 0)
		return -1;
	/* As vfio-pci's probe does. */
	snprintf(link, sizeof(link), DEVICES "%.99s/power/control", slot);
	if (strcmp(driver, "vfio-pci") == 0)
		put(link, "auto\n");
	return 0;
}

static int probe(const char *slot)
{
	const char *picks = getenv("FAKE_KERNEL_PICKS");
	char path[512], driver[128];

	snprintf(path, sizeof(path), DEVICES "%.99s/driver", slot);
	if (access(path, F_OK) == 0)
		return 0;
	snprintf(path, sizeof(path), DEVICES "%.99s/driver_override", slot);
	get(path, driver, sizeof(driver));
	if (strcmp(driver, "(null)") != 0)
		return bind_to(slot, driver);
	if (picks)
		return bind_to(slot, picks);
	snprintf(path, sizeof(path), DEVICES "%.99s/natural", slot);
	get(path, driver, sizeof(driver));
	return *driver ? bind_to(slot, driver) : 0;
}

static int order(const char *path, const char *value)
{
	const char *name = strrchr(path, '/') + 1;
	char text[512];

	if (strcmp(name, "unbind") == 0) {
		snprintf(text, sizeof(text), DEVICES "%.99s/driver", value);
		if (unlink(text) != 0)
			return -1;
		/* The kernel forbids sleep as a driver leaves. */
		snprintf(text, sizeof(text), DEVICES "%.99s/power/control", value);
		put(text, "on\n");
		return 0;
	}
	if (strcmp(name, "drivers_probe") == 0)
		return probe(value);
	snprintf(text, sizeof(text), "%.99s\n",
		*value && *value != '\n'               ? value
		: strcmp(name, "driver_override") == 0 ? "(null)"
						       : "");
	put(path, text);
	return 0;
}

ssize_t write(int fd, const void *bytes, size_t length)
{
	char link[64], path[512], value[512], what[1100];
	const char *action;
	ssize_t got;
	bool sys;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	got = readlink(link, path, sizeof(path) - 1);
	path[got > 0 ? got : 0] = '\0';
	sys = strncmp(path, "/sys/", 5) == 0;
	snprintf(value, sizeof(value), "%.*s", (int)length, (const char *)bytes);
	snprintf(what, sizeof(what), "%s %s", path, sys ? value : "");
	what[strcspn(what, "\n")] = '\0';
	action = count(what, sys);
	if (happen(action) != 0)
		return -1;
	if (sys && action && strcmp(action, "ignore") == 0)
		return (ssize_t)length;
	if (sys && order(path, value) != 0)
		return -1;
	if (!sys)
		got = true_write(fd, bytes, length);
	happen_after(action);
	return sys ? (ssize_t)length : got;
}

/* All processes are seen: the namespace of these tests passes for the machine's own. */
ssize_t readlink(const char *path, char *target, size_t size)
{
	static const char first[] = "pid:[4026531836]";

	if (strcmp(path, "/proc/self/ns/pid") != 0)
		return true_syscall(SYS_readlink, (long)path, (long)target, (long)size, 0);
	memcpy(target, first, size < sizeof(first) - 1 ? size : sizeof(first) - 1);
	return sizeof(first) - 1;
}

static void module_path(char *path, const char *before, const char *module)
{
	snprintf(path, 512, "/sys/module/%.9s%.99s", before, module);
	for (char *at = path; *at; at++) {
		if (*at == '-')
			*at = '_';
	}
}

/* nvidia_drm needs nvidia_modeset. */
static void count_modeset(const char *module, const char *uses)
{
	if (strcmp(module, "nvidia_drm") != 0)
		return;
	put("/sys/module/nvidia_modeset/refcnt", uses);
	if (*uses == '0')
		rmdir("/sys/module/nvidia_modeset/holders/nvidia_drm");
	else
		mkdir("/sys/module/nvidia_modeset/holders/nvidia_drm", 0755);
}

static int remove_module(const char *module)
{
	char path[512], gone[512], text[32];
	const char *action = count(module, true);

	if (happen(action) != 0)
		return -1;
	module_path(path, "", module);
	snprintf(gone, sizeof(gone), "%.400s/refcnt", path);
	get(gone, text, sizeof(text));
	if (atoi(text)) {
		errno = EWOULDBLOCK;
		return -1;
	}
	module_path(gone, ".", module);
	count_modeset(module, "0\n");
	rename(path, gone);
	happen_after(action);
	return 0;
}

static void load_module(const char *module)
{
	char path[512], gone[512];

	if (strcmp(module, "nvidia_drm") == 0)
		load_module("nvidia_modeset");
	module_path(path, "", module);
	module_path(gone, ".", module);
	if (rename(gone, path) != 0)
		mkdir(path, 0755);
	count_modeset(module, "1\n");
	if (strncmp(module, "nvidia", 6) == 0)
		return;
	snprintf(path, sizeof(path), DRIVERS "%.99s", module);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), DRIVERS "%.99s/unbind", module);
	put(path, "");
}

/* modprobe -q NAME */
int execve(const char *path, char *const words[], char *const environment[])
{
	const char *action = count(words[2], true);

	(void)path;
	(void)environment;
	/* Nobody ends modprobe with the program. */
	if (action && strcmp(action, "before") == 0) {
		kill(program, SIGKILL);
		_exit(1);
	}
	if (happen(action) != 0)
		_exit(1);
	if (strncmp(words[2], "pci:", 4) != 0)
		load_module(words[2]);
	if (action && strcmp(action, "after") == 0)
		kill(program, SIGKILL);
	_exit(0);
}

long syscall(long number, ...)
{
	long arguments[4];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 4; i++)
		/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start is above */
		arguments[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_delete_module)
		return remove_module((const char *)arguments[0]);
	return true_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3]);
}

/* A deadline is over at once where an order does not come back, and never comes early else. */
int poll(struct pollfd *list, nfds_t length, int milliseconds)
{
	static int (*next)(struct pollfd *, nfds_t, int);
	int events;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "poll");
	for (;;) {
		int slice = milliseconds < 20 ? milliseconds : 20;

		events = next(list, length, slice);
		milliseconds -= slice;
		/* For the one who waits for it alone. */
		if (events || !milliseconds || unlink(blocked()) == 0)
			return events;
	}
}
