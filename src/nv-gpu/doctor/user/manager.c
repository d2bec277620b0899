/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/user/user.h"

enum { DEADLINE = 2000, LIMIT = 1 << 20 }; /* milliseconds, bytes */

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static _Noreturn void child(int out)
{
	static const char *const words[] = {
		"systemctl", "--user", "--no-pager", "show-environment", NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execvp(words[0], (char *const *)words);
	_exit(127);
}

/* All that comes within the deadline; false if there was no end to it. */
static bool listen_to(int fd, struct buf *text)
{
	long end = now() + DEADLINE;

	for (;;) {
		struct pollfd event = {fd, POLLIN, 0};
		long left = end - now();
		char part[4096];
		ssize_t length;

		if (left <= 0 || poll(&event, 1, (int)left) <= 0 || text->length > LIMIT)
			return false;
		length = read(fd, part, sizeof(part));
		if (length <= 0)
			return length == 0;
		buf_add(text, part, (size_t)length);
	}
}

static bool ask(struct buf *text)
{
	int ends[2], status = 0;
	bool heard;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	pid = fork();
	if (pid == 0)
		child(ends[1]);
	close(ends[1]);
	heard = pid > 0 && listen_to(ends[0], text);
	close(ends[0]);
	if (pid <= 0)
		return false;
	if (!heard)
		kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) == pid && heard && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

/* NAME=value, or NAME=$'value' where it would mean something to a shell. */
static void add_line(struct settings *settings, const char *text, size_t length)
{
	struct arena *arena = settings->doctor->run->arena;
	const char *line = arena_copy(arena, text, length), *equals = strchr(line, '=');
	const char *value = equals ? equals + 1 : NULL;

	if (!equals || !settings_matter(arena_copy(arena, line, (size_t)(equals - line))))
		return;
	if (str_starts(value, "$'") && str_ends(value, "'"))
		value = arena_copy(arena, value + 2, strlen(value) > 3 ? strlen(value) - 3 : 0);
	*arena_push(arena, settings->list, settings->count) =
		(struct setting){.name = arena_copy(arena, line, (size_t)(equals - line)),
			.value = value,
			.where = "systemd's user manager",
			.syntax = SYNTAX_NONE};
}

void manager_read(struct settings *settings)
{
	const char *runtime = settings_own(settings->doctor, "XDG_RUNTIME_DIR");
	struct buf text = {0};

	/* Its own socket: asking where there is none would start one. */
	if (!runtime ||
		!hw_root_exists(&settings->doctor->run->hw.root,
			arena_path(settings->doctor->run->arena, runtime, "systemd/private")))
		return;
	if (ask(&text)) {
		for (const char *at = buf_text(&text); *at;) {
			const char *end = strchrnul(at, '\n');

			add_line(settings, at, (size_t)(end - at));
			at = *end ? end + 1 : end;
		}
	}
	buf_free(&text);
}
