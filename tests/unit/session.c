/* SPDX-License-Identifier: MIT */
/* What is known of the session that a program starts in. */
#include <stdbool.h>

#include "base/buf.h"
#include "base/display.h"
#include "base/mem.h"
#include "offload/offload.h"
#include "tap.h"

static struct arena *arena;

static const struct display_socket socket_0 = {1, 2, 3, 4};

static void sessions_are_told_from_the_environment(void)
{
	static const struct {
		const char *environment[4];
		enum offload_type type;
		bool local, login;
	} sessions[] = {
		{{0}, OFFLOAD_TTY, false, false},
		{{"XDG_SESSION_TYPE=tty"}, OFFLOAD_TTY, false, false},
		{{"DISPLAY=:0"}, OFFLOAD_X11, true, false},
		{{"DISPLAY=", "WAYLAND_DISPLAY="}, OFFLOAD_TTY, false, false},
		{{"DISPLAY=:0", "XDG_SESSION_TYPE=x11"}, OFFLOAD_X11, true, true},
		{{"DISPLAY=:0", "WAYLAND_DISPLAY=wayland-0", "XDG_SESSION_TYPE=wayland"},
			OFFLOAD_WAYLAND, true, false},
		{{"WAYLAND_DISPLAY=w"}, OFFLOAD_WAYLAND, false, false},
		{{"DISPLAY=:1", "XDG_SESSION_TYPE=wayland"}, OFFLOAD_WAYLAND, true, false},
		{{"DISPLAY=:0", "WAYLAND_DISPLAY=w", "XDG_SESSION_TYPE=x11"}, OFFLOAD_X11, true,
			true},
		{{"DISPLAY=host:0"}, OFFLOAD_X11, false, false},
		{{"DISPLAY=unix:0"}, OFFLOAD_X11, true, false},
	};

	for (size_t i = 0; i < sizeof(sessions) / sizeof(*sessions); i++) {
		struct offload_session session;

		offload_session_guess(arena, (char *const *)sessions[i].environment, &session);
		check(session.type == sessions[i].type);
		check(session.local == sessions[i].local);
		check(session.login_x11 == sessions[i].login);
	}
}

static void a_session_file_is_read_as_it_was_written(void)
{
	struct offload_provider gpus[] = {
		{"0000:01:00.0", "NVIDIA-G0"}, {NULL, "AMD Radeon Graphics @ pci:0000:34:00.0"}};
	const struct offload_session written = {.server = OFFLOAD_SERVER_XORG,
		.screen = {"0000:00:02.0", "modesetting"},
		.gpus = gpus,
		.count = 2};
	struct offload_session read = {.type = OFFLOAD_X11};
	struct buf text = {0};
	bool parsed;

	offload_session_format(&text, &socket_0, &written);
	parsed = offload_session_parse(arena, buf_text(&text), &socket_0, &read);
	buf_free(&text);
	check(parsed && read.server == OFFLOAD_SERVER_XORG && read.count == 2);
	check(read.type == OFFLOAD_X11);
	check_text(read.screen.slot, "0000:00:02.0");
	check_text(read.gpus[1].slot, NULL);
	check_text(read.gpus[1].name, gpus[1].name);
}

static void a_session_file_of_another_server_is_not_believed(void)
{
	static const char *const bad[] = {
		"",
		"nv-run-session 2\nsocket 1 2 3.000000004\nserver xorg\n",
		"nv-run-session 1\nserver xorg\n",
		"nv-run-session 1\nsocket 1 2 3.000000005\nserver xorg\n",
		"nv-run-session 1\nsocket 1 2 3.000000004 \nserver xorg\n",
		"nv-run-session 1\nsocket 1 2 3.000000004\nserver xorg",
		"nv-run-session 1\nsocket 1 2 3.000000004\nserver plan9\n",
		"nv-run-session 1\nsocket 1 2 3.000000004\nserver xorg\ngpu \n",
		"nv-run-session 1\nsocket 1 2 3.000000004\nserver xorg\ngpu NVIDIA-G0\n",
	};
	struct offload_session session = {.server = OFFLOAD_SERVER_XWAYLAND, .source = "before"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		check(!offload_session_parse(arena, bad[i], &socket_0, &session));
		check(session.server == OFFLOAD_SERVER_XWAYLAND);
		check_text(session.source, "before");
	}
	check(offload_session_parse(arena,
		"nv-run-session 1\n# remark\nfuture word\nsocket 1 2 3.000000004\nserver xorg\n",
		&socket_0, &session));
}

static void a_process_tells_the_kind_of_server(void)
{
	static const struct {
		const char *process;
		enum offload_server guess, server;
	} cases_[] = {
		{"Xvfb", OFFLOAD_SERVER_XWAYLAND, OFFLOAD_SERVER_OTHER},
		{"Xvfb", OFFLOAD_SERVER_UNKNOWN, OFFLOAD_SERVER_OTHER},
		{"Xwayland", OFFLOAD_SERVER_UNKNOWN, OFFLOAD_SERVER_XWAYLAND},
		{"Xorg", OFFLOAD_SERVER_XWAYLAND, OFFLOAD_SERVER_UNKNOWN},
		{"gnome-shell", OFFLOAD_SERVER_XWAYLAND, OFFLOAD_SERVER_XWAYLAND},
		{"gnome-shell", OFFLOAD_SERVER_UNKNOWN, OFFLOAD_SERVER_UNKNOWN},
	};

	for (size_t i = 0; i < sizeof(cases_) / sizeof(*cases_); i++) {
		struct offload_session session = {.server = cases_[i].guess, .source = "guess"};

		offload_session_process(cases_[i].process, &session);
		check(session.server == cases_[i].server);
	}
}

static void a_log_names_the_providers(void)
{
	struct offload_session session = {0};

	offload_session_log(
		arena, "(II) modeset(0): x\n(II) NVIDIA(G0): y\n(II) NVIDIA(G1): z\n", &session);
	check(session.server == OFFLOAD_SERVER_XORG && session.count == 2);
	check_text(session.screen.name, NULL);
	check_text(session.gpus[1].name, "NVIDIA-G1");
	offload_session_log(arena, "(==) NVIDIA(0): Depth 24\n", &session);
	check_text(session.screen.name, "NVIDIA-0");
	check(session.count == 0);
	offload_session_log(arena, "(II) modeset(0): x\n", &session);
	check(!session.screen.name && !session.count);
	offload_session_log(arena,
		"(II) NVIDIA(0): x\n(EE) NVIDIA(0): Failing initialization of X screen\n"
		"(II) UnloadModule: \"nvidia\"\n(II) modeset(0): using drv /dev/dri/card0\n"
		"(EE) NVIDIA(G0): Failing initialization of X screen\n(II) NVIDIA(G1): y\n",
		&session);
	check(session.server == OFFLOAD_SERVER_XORG && !session.screen.name);
	check(session.count == 1);
	check_text(session.gpus[0].name, "NVIDIA-G1");
}

static void tap_begin(void)
{
	arena = arena_new();
}

static void tap_end(void)
{
	arena_free(arena);
}

TAP_MAIN(TEST(sessions_are_told_from_the_environment),
	TEST(a_session_file_is_read_as_it_was_written),
	TEST(a_session_file_of_another_server_is_not_believed),
	TEST(a_process_tells_the_kind_of_server), TEST(a_log_names_the_providers))
