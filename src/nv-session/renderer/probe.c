/* SPDX-License-Identifier: MIT */
/* The process that asks: everything that drivers do happens here. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-session/renderer/internal.h"
#include "nv-session/session.h"

struct probe {
	int answers;
	pid_t self;
};

/* One line in one write, so that lines stay whole whatever happens next. */
static void tell(void *context, const char *key, const char *value)
{
	const struct probe *probe = context;
	char line[640];
	int length;

	/* A driver that forks must not answer twice. */
	if (getpid() != probe->self)
		_exit(0);
	length = snprintf(line, sizeof(line), "%s %s", key, value);
	if (length < 0)
		return;
	if (length > (int)sizeof(line) - 2)
		length = sizeof(line) - 2;
	for (int i = 0; i < length; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = ' ';
	}
	line[length++] = '\n';
	if (write(probe->answers, line, (size_t)length) < 0)
		_exit(1);
}

bool probe_wanted(const struct session *session)
{
	char **rest = session->options.rest;

	return rest && rest[0] && str_eq(rest[0], "probe");
}

/* What the drivers printed on standard output, where it would break a program's own. */
static void tell_chatter(struct probe *probe, int fd)
{
	char text[256];
	ssize_t got;

	fflush(stdout);
	got = read(fd, text, sizeof(text) - 1);
	if (got <= 0)
		return;
	text[got] = '\0';
	text[strcspn(text, "\n")] = '\0';
	tell(probe, "chatter", text);
}

_Noreturn void probe_run(struct session *session)
{
	struct probe probe = {
		.answers = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3), .self = getpid()};
	const struct renderer_listener listener = {.tell = tell, .context = &probe};
	const char *display = session->options.display, *api = session->options.api;
	bool careful = session->options.rest[1] && str_eq(session->options.rest[1], "careful");
	int chatter[2];

	/* Without waiting: a driver that prints more than the pipe holds prints into nothing. */
	if (probe.answers < 0 || pipe2(chatter, O_CLOEXEC | O_NONBLOCK) < 0 ||
		dup2(chatter[1], STDOUT_FILENO) < 0)
		_exit(1);
	if (!display)
		display = session_variable(session, "DISPLAY");
	for (unsigned i = 0; i < RENDERER_APIS; i++) {
		if (!api || !str_eq(api, renderer_api_name(i)))
			continue;
		tell(&probe, "probe", api);
		renderer_probe(i, display, careful, &listener);
		tell_chatter(&probe, chatter[0]);
		tell(&probe, "done", "");
	}
	/* Nothing is taken down: what drivers do at an end is no answer, and may hang. */
	_exit(0);
}
