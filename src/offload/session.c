/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/display.h"
#include "base/mem.h"
#include "base/str.h"
#include "offload/offload.h"

#define FIRST_LINE "nv-run-session 1"

static const char *const type_names[] = {"tty", "x11", "wayland"};
static const char *const server_names[] = {"unknown", "xorg", "xwayland", "other"};

const char *offload_type_name(enum offload_type type)
{
	return type_names[type];
}

static const char *set(char *const *environment, const char *name)
{
	const char *value = offload_env(environment, name);

	return value && *value ? value : NULL;
}

/*
 * A login session's type is the display manager's word; within it a Wayland socket means that
 * DISPLAY, if any, is Xwayland's. ":0" and "unix:0" are on this machine; "localhost:10.0" is ssh.
 */
void offload_session_guess(
	struct arena *arena, char *const *environment, struct offload_session *session)
{
	const char *display = set(environment, "DISPLAY");
	const char *wayland = set(environment, "WAYLAND_DISPLAY");
	const char *login = set(environment, "XDG_SESSION_TYPE");

	*session = (struct offload_session){.source = "a guess from the environment"};
	if (display) {
		session->display = arena_dup(arena, display);
		session->local = display[0] == ':' || str_starts(display, "unix:");
	}
	session->login_x11 = login && str_eq(login, "x11");
	if (display && session->login_x11)
		session->type = OFFLOAD_X11;
	else if (wayland || (display && login && str_eq(login, "wayland")))
		session->type = OFFLOAD_WAYLAND;
	else if (display)
		session->type = OFFLOAD_X11;
	if (session->type == OFFLOAD_WAYLAND && session->local)
		session->server = OFFLOAD_SERVER_XWAYLAND;
}

/* "SLOT NAME": a slot or '-', a blank, and a name that may hold blanks. */
static bool parse_provider(struct arena *arena, const char *text, struct offload_provider *provider)
{
	size_t slot = strcspn(text, " ");

	if (!slot || text[slot] != ' ' || !text[slot + 1])
		return false;
	*provider = (struct offload_provider){
		.slot = slot == 1 && *text == '-' ? NULL : arena_copy(arena, text, slot),
		.name = arena_dup(arena, text + slot + 1),
	};
	return true;
}

static bool parse_server(const char *text, enum offload_server *server)
{
	for (int i = 0; i <= OFFLOAD_SERVER_OTHER; i++) {
		if (str_eq(text, server_names[i])) {
			*server = (enum offload_server)i;
			return true;
		}
	}
	return false;
}

static bool same_socket(const char *text, const struct display_socket *socket)
{
	char expected[100];

	snprintf(expected, sizeof(expected), "%lu %lu %ld.%09ld", socket->device, socket->inode,
		socket->seconds, socket->nanoseconds);
	return str_eq(text, expected);
}

/* One line, "word rest". Words of later versions are passed over. */
static bool parse_line(struct arena *arena, const char *line, const struct display_socket *socket,
	struct offload_session *session)
{
	const char *rest = strchr(line, ' ');
	struct offload_provider provider;
	size_t word = rest ? (size_t)(rest++ - line) : 0;

	if (word == 6 && str_starts(line, "socket")) {
		session->source = "nv-session told";
		return same_socket(rest, socket);
	}
	if (word == 6 && str_starts(line, "server"))
		return parse_server(rest, &session->server);
	if (word == 6 && str_starts(line, "screen")) {
		if (!parse_provider(arena, rest, &provider))
			return false;
		/* Of several X screens the first is the one that programs use. */
		if (!session->screen.name)
			session->screen = provider;
		return true;
	}
	if (word == 3 && str_starts(line, "gpu")) {
		if (!parse_provider(arena, rest, &provider))
			return false;
		*arena_push(arena, session->gpus, session->count) = provider;
	}
	return true;
}

bool offload_session_parse(struct arena *arena, const char *text,
	const struct display_socket *socket, struct offload_session *session)
{
	struct offload_session read = *session;
	bool first = true;

	read.server = OFFLOAD_SERVER_UNKNOWN;
	read.source = NULL;
	read.screen = (struct offload_provider){0};
	read.gpus = NULL;
	read.count = 0;
	while (*text) {
		const char *end = strchr(text, '\n');
		char *line;

		/* A file that does not end with a newline was cut short. */
		if (!end)
			return false;
		line = arena_copy(arena, text, (size_t)(end - text));
		text = end + 1;
		if (first ? !str_eq(line, FIRST_LINE)
			  : *line && *line != '#' && !parse_line(arena, line, socket, &read))
			return false;
		first = false;
	}
	/* Without a line about the socket it may be about any server. */
	if (!read.source)
		return false;
	/* "unknown" is nv-run's own note that nobody could tell: the guess stands. */
	if (read.server != OFFLOAD_SERVER_UNKNOWN)
		*session = read;
	return true;
}

void offload_session_process(const char *process, struct offload_session *session)
{
	static const struct {
		const char *name;
		enum offload_server server;
	} processes[] = {
		{"X", OFFLOAD_SERVER_XORG},
		{"Xorg", OFFLOAD_SERVER_XORG},
		{"Xorg.bin", OFFLOAD_SERVER_XORG},
		{"Xwayland", OFFLOAD_SERVER_XWAYLAND},
		{"Xephyr", OFFLOAD_SERVER_OTHER},
		{"Xnest", OFFLOAD_SERVER_OTHER},
		{"Xtightvnc", OFFLOAD_SERVER_OTHER},
		{"Xtigervnc", OFFLOAD_SERVER_OTHER},
		{"Xvfb", OFFLOAD_SERVER_OTHER},
		{"Xvnc", OFFLOAD_SERVER_OTHER},
		{"nxagent", OFFLOAD_SERVER_OTHER},
		{"x2goagent", OFFLOAD_SERVER_OTHER},
	};

	for (size_t i = 0; i < sizeof(processes) / sizeof(*processes); i++) {
		if (!str_eq(process, processes[i].name))
			continue;
		session->server = processes[i].server;
		if (session->server == OFFLOAD_SERVER_XORG)
			session->server = OFFLOAD_SERVER_UNKNOWN;
		else
			session->source = "its process tells";
	}
}

/* Whether NVIDIA's driver has a screen of this name, "0" or "G0", and did not give it up. */
static bool log_has(struct arena *arena, const char *log, const char *screen)
{
	const char *at = strstr(log, arena_printf(arena, "NVIDIA(%s): ", screen));

	return at && !strstr(at, arena_printf(arena,
					 "NVIDIA(%s): Failing initialization of X screen", screen));
}

void offload_session_log(struct arena *arena, const char *log, struct offload_session *session)
{
	session->server = OFFLOAD_SERVER_XORG;
	session->source = "its log tells";
	session->screen = (struct offload_provider){0};
	session->gpus = NULL;
	session->count = 0;
	if (log_has(arena, log, "0"))
		session->screen.name = "NVIDIA-0";
	for (unsigned i = 0; i < 16; i++) {
		const char *name = arena_printf(arena, "G%u", i);

		if (log_has(arena, log, name))
			*arena_push(arena, session->gpus, session->count) =
				(struct offload_provider){
					NULL, arena_printf(arena, "NVIDIA-%s", name)};
	}
}

static void format_provider(
	struct buf *out, const char *word, const struct offload_provider *provider)
{
	buf_printf(out, "%s %s %s\n", word, provider->slot ? provider->slot : "-", provider->name);
}

void offload_session_format(
	struct buf *out, const struct display_socket *socket, const struct offload_session *session)
{
	buf_puts(out, FIRST_LINE "\n");
	buf_printf(out, "socket %lu %lu %ld.%09ld\n", socket->device, socket->inode,
		socket->seconds, socket->nanoseconds);
	buf_printf(out, "server %s\n", server_names[session->server]);
	if (session->screen.name)
		format_provider(out, "screen", &session->screen);
	for (size_t i = 0; i < session->count; i++)
		format_provider(out, "gpu", &session->gpus[i]);
}
