/* SPDX-License-Identifier: MIT */
#include "nv-session/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/display.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/session.h"
#include "offload/offload.h"

/* nv-run asks once per server and goes on after 300 ms; a hung server must not cost it that. */
enum { DEADLINE = 100 };

static struct offload_provider provider_of(const struct x11_provider *provider)
{
	/* A guess between twins would send a program to the wrong one. */
	bool known = provider->gpu && provider->sure != X11_UNSURE;

	return (struct offload_provider){known ? provider->gpu->slot : NULL, provider->name};
}

static void add_gpu(
	struct session *session, struct offload_session *to, const struct x11_provider *provider)
{
	const struct offload_provider one = provider_of(provider);

	for (size_t i = 0; i < to->count; i++) {
		/* Each X screen lists the GPU screens anew. */
		if (str_eq(to->gpus[i].name, one.name) &&
			str_eq(to->gpus[i].slot ? to->gpus[i].slot : "", one.slot ? one.slot : ""))
			return;
	}
	*arena_push(session->arena, to->gpus, to->count) = one;
}

static void collect(struct session *session, struct look *look, struct offload_session *to)
{
	static const enum offload_server servers[] = {
		[X11_XORG] = OFFLOAD_SERVER_XORG,
		[X11_XWAYLAND] = OFFLOAD_SERVER_XWAYLAND,
		[X11_OTHER] = OFFLOAD_SERVER_OTHER,
	};

	to->server = servers[look->kind];
	for (int i = 0; i < x11_screen_count(look->x11) && look->kind == X11_XORG; i++) {
		struct x11_server *server = look->server;

		/* What setup has just read need not be read again. */
		if (!server || x11_screen_count(look->x11) > 1) {
			server = x11_read(session->arena, look->x11, i, false);
			if (!server)
				continue;
			x11_identify(server, look->gpus, look->gpu_count);
		}
		for (size_t j = 0; j < server->provider_count; j++) {
			const struct x11_provider *provider = &server->providers[j];

			if (!provider->screen)
				add_gpu(session, to, provider);
			else if (!to->screen.name)
				to->screen = provider_of(provider);
		}
	}
}

/* A directory of the user's own that nobody else may write. */
static bool is_own(int fd)
{
	struct stat status;

	return fd >= 0 && fstat(fd, &status) == 0 && S_ISDIR(status.st_mode) &&
	       status.st_uid == geteuid() && !(status.st_mode & (S_IWGRP | S_IWOTH));
}

const char *publish_directory(struct session *session, const char **problem)
{
	const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
	const char *directory = session_variable(session, "XDG_RUNTIME_DIR");
	cleanup_fd int runtime = -1, own = -1;

	if (!directory)
		directory = arena_printf(session->arena, "/run/user/%u", (unsigned)geteuid());
	runtime = *directory == '/' ? open(directory, flags) : -1;
	if (!is_own(runtime)) {
		*problem = "XDG_RUNTIME_DIR is no directory of yours";
		return NULL;
	}
	mkdirat(runtime, "nv-run", 0700);
	own = openat(runtime, "nv-run", flags);
	if (is_own(own))
		return directory;
	*problem = arena_printf(session->arena, "%s/nv-run: %s", directory,
		own < 0 ? strerror(errno) : "it is not yours alone");
	return NULL;
}

static const char *replace(struct session *session, const char *path, const struct buf *text)
{
	const char *temporary = arena_printf(session->arena, "%s.%ld", path, (long)getpid());
	int fd;

	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || !buf_write(text, fd) || rename(temporary, path) != 0) {
		int problem = errno;

		if (fd >= 0) {
			close(fd);
			unlink(temporary);
		}
		return arena_printf(session->arena, "%s: %s", path, strerror(problem));
	}
	close(fd);
	return NULL;
}

const char *publish_write(struct session *session, struct look *look)
{
	const char *problem = NULL, *directory = publish_directory(session, &problem);
	const char *name = display_name(session->arena, look->display);
	struct offload_session told = {0};
	struct display_socket socket;
	struct buf text = {0};

	if (!directory)
		return problem;
	if (!name || !display_socket(session->arena, name, &socket))
		return "the X server has no socket on this machine";
	if (!look->gpus_known)
		look_gpus(session, look);
	collect(session, look, &told);
	if (x11_is_lost(look->x11))
		return "the X server is gone";
	offload_session_format(&text, &socket, &told);
	problem = replace(session, display_session_file(session->arena, directory, name), &text);
	buf_free(&text);
	return problem;
}

int publish_run(struct session *session)
{
	struct look look = {.nameless = true};
	const char *problem;

	/* The time is the server's alone: the list of GPUs may take longer on a slow machine. */
	look_gpus(session, &look);
	session_deadline(session, DEADLINE);
	if (!look_connect(session, &look, false))
		return EXIT_FAILED;
	problem = publish_write(session, &look);
	look_close(&look);
	if (problem)
		log_error("no session file: %s", problem);
	return problem ? EXIT_FAILED : 0;
}
