/* SPDX-License-Identifier: MIT */
/* session: what is known of the X server, from the file that nv-session writes. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/display.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-run/run.h"

enum { DEADLINE = 300, LIMIT = 64 << 10, LOG_LIMIT = 4 << 20 }; /* milliseconds; bytes */

static bool read_file(struct run *run, const char *path, const struct display_socket *socket)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY);
	struct stat status;
	const char *text;

	if (fd < 0)
		return false;
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != geteuid() ||
		status.st_mode & (S_IWGRP | S_IWOTH)) {
		file_done(fd);
		return false;
	}
	text = file_text_fd(run->arena, fd, LIMIT, NULL);
	return text && offload_session_parse(run->arena, text, socket, &run->session);
}

/* A directory that nobody else can write in; -1, with errno set, if it is none. */
static int own_directory(int at, const char *name, int flags)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
	struct stat status;

	if (fd < 0)
		return -1;
	if (fstat(fd, &status) == 0 && status.st_uid == geteuid() &&
		!(status.st_mode & (S_IWGRP | S_IWOTH)))
		return fd;
	file_done(fd);
	errno = EPERM;
	return -1;
}

/* Where session files are, below the runtime directory. */
static int own_folder(int runtime)
{
	return own_directory(runtime, DISPLAY_FOLDER, O_NOFOLLOW);
}

/* "Nobody could tell": the next start need not ask again. */
static void write_unknown(
	struct run *run, int runtime, const char *path, const struct display_socket *socket)
{
	const struct offload_session unknown = {0};
	const char *name = str_file_name(path);
	const char *temporary = arena_printf(run->arena, "%s.%ld", name, (long)getpid());
	struct buf text = {0};
	int folder, fd;

	mkdirat(runtime, DISPLAY_FOLDER, 0700);
	folder = own_folder(runtime);
	if (folder < 0)
		return;
	fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0) {
		offload_session_format(&text, socket, &unknown);
		if (!buf_write(&text, fd) || renameat(folder, temporary, folder, name) != 0)
			unlinkat(folder, temporary, 0);
		file_done(fd);
		buf_free(&text);
	}
	file_done(folder);
}

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Waits until the other end of the pipe is closed, which its holder's end does. */
static void wait_closed(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	long deadline = now() + DEADLINE, left;
	char ignored[256];

	while ((left = deadline - now()) > 0) {
		int ready = poll(&wait, 1, (int)left);

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0 || read(fd, ignored, sizeof(ignored)) <= 0)
			return;
	}
}

/* Our own child only, and never for long: what does not die is left to the program's parent. */
static void reap(pid_t child)
{
	const struct timespec moment = {.tv_nsec = 1000000};

	for (int i = 0; i < 50 && waitpid(child, NULL, WNOHANG) == 0; i++) {
		if (i == 5)
			kill(child, SIGKILL);
		nanosleep(&moment, NULL);
	}
}

static bool ask(struct run *run)
{
	const char *own = hw_own_path(run->arena);
	const char *program = own ? arena_printf(run->arena, "%.*s/nv-session",
					    (int)(str_file_name(own) - own - 1), own)
				  : NULL;
	char *arguments[] = {(char *)"nv-session", (char *)"publish", NULL};
	posix_spawn_file_actions_t actions;
	int pipe[2], failed;
	pid_t child;

	if (!program || access(program, X_OK) != 0 || pipe2(pipe, O_CLOEXEC) != 0)
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	failed = posix_spawn(&child, program, &actions, NULL, arguments, run->environment);
	posix_spawn_file_actions_destroy(&actions);
	close(pipe[1]);
	if (!failed) {
		wait_closed(pipe[0]);
		reap(child);
	}
	close(pipe[0]);
	return true;
}

/* Xorg makes its log anew at every start, and writes on after it has made its socket: an older
 * one is that of another server. */
static bool read_log_at(struct run *run, int fd, const struct display_socket *socket)
{
	struct stat status;
	const char *text;

	if (fd < 0)
		return false;
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
		status.st_mtim.tv_sec < socket->seconds) {
		file_done(fd);
		return false;
	}
	text = file_text_fd(run->arena, fd, LOG_LIMIT, NULL);
	if (text)
		offload_session_log(run->arena, text, &run->session);
	return text;
}

/* As root's server and as a user's own. */
static void read_log(struct run *run, const char *name, const struct display_socket *socket)
{
	const char *log = arena_printf(run->arena, "Xorg.%s.log", name + 1);
	const char *home = offload_env(run->environment, "HOME");
	const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

	if (home &&
		read_log_at(run,
			open(arena_printf(run->arena, "%s/.local/share/xorg/%s", home, log), flags),
			socket))
		return;
	read_log_at(run,
		hw_root_open(&run->hw.root, arena_printf(run->arena, "/var/log/%s", log), flags),
		socket);
}

/*
 * The session file, if need be after asking for it once a server. Root with a user's runtime
 * directory (sudo -E) asks nothing and leaves nothing there: it would stand in the user's way.
 */
static void read_session(struct run *run, const char *name, const struct display_socket *socket)
{
	const char *directory = offload_env(run->environment, "XDG_RUNTIME_DIR"), *path;
	int runtime, folder;

	if (!directory || *directory != '/')
		return;
	path = display_session_file(run->arena, directory, name);
	/* A recorded machine's session is not here to be asked. */
	if (read_file(run, path, socket) || run->options.sysroot)
		return;
	runtime = own_directory(AT_FDCWD, directory, 0);
	if (runtime < 0)
		return;
	folder = own_folder(runtime);
	if ((folder >= 0 || errno == ENOENT) && ask(run) && !read_file(run, path, socket))
		write_unknown(run, runtime, path, socket);
	if (folder >= 0)
		file_done(folder);
	file_done(runtime);
}

/* As the session, the server is this machine's, whatever machine is looked at. */
static void read_process(struct run *run, const char *name)
{
	long pid = display_process(run->arena, name);
	const char *process;
	struct hw here;

	if (pid <= 0 || !hw_init(&here, run->arena, NULL))
		return;
	process = hw_process_name(&here, pid);
	if (process)
		offload_session_process(process, &run->session);
}

void session_read(struct run *run)
{
	const char *name = display_name(run->arena, run->session.display);
	const char *guess = run->session.source;
	struct display_socket socket;

	if (!name || !display_socket(run->arena, name, &socket))
		return;
	read_session(run, name, &socket);
	/* A session file that knows leaves no question. */
	if (run->session.source == guess)
		read_process(run, name);
	if (run->session.server == OFFLOAD_SERVER_UNKNOWN)
		read_log(run, name, &socket);
}
