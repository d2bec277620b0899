/* SPDX-License-Identifier: MIT */
/* watch: stays in the session and sets up what comes: eGPUs, docks, monitors. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/display.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/carry.h"
#include "nv-session/publish.h"
#include "nv-session/session.h"

/* Milliseconds. A dock makes a burst of changes: one answer to all of them, and soon. */
enum { QUIET = 150, PATIENCE = 2000, TIMEOUT = 10000 };

/* Rounds that may change something while nothing comes or goes. */
enum { ROUNDS = 4 };

struct watch {
	struct look look;
	struct x11_ids seen; /* outputs that had a monitor when last looked: not new any more */
	struct x11_ids refused; /* that refused their mode; forgotten when unplugged */
	struct arena *own; /* what this round lives in; NULL in the first one */
	char *scene; /* what there was in the last round */
	unsigned acted; /* rounds in which something was changed, with that scene */
};

/* The lock of this server's watch: -1 if there is one already, or no place for it. */
static int lock(struct session *session, const char *display)
{
	const char *problem = NULL, *directory = publish_directory(session, &problem);
	const char *name = display_name(session->arena, display);
	const char *path;
	int fd;

	if (!directory || !name) {
		log_error("no place for a lock, to be one watch a server: %s",
			problem ? problem : "which server it is cannot be told");
		return -1;
	}
	path = arena_printf(session->arena, "%s/nv-run/watch.%s", directory, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		log_error("%s: %s", path, strerror(errno));
	else if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	else
		log_error("%s is watched already (%s is locked)", name, path);
	if (fd >= 0)
		close(fd);
	return -1;
}

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Waits for a change, then until the server has been quiet; false if it is gone. */
static bool wait_change(struct x11 *x11)
{
	struct pollfd wait = {.fd = x11_descriptor(x11), .events = POLLIN};
	long end;

	while (!x11_changed(x11)) {
		if (x11_is_lost(x11) || (poll(&wait, 1, -1) < 0 && errno != EINTR))
			return false;
	}
	end = now() + PATIENCE;
	while (now() < end && poll(&wait, 1, QUIET) > 0) {
		if (!x11_changed(x11) && x11_is_lost(x11))
			return false;
	}
	return !x11_is_lost(x11);
}

/*
 * What is dark and was there before stays dark: somebody turned it off. What is new, or has a
 * monitor anew, is lit.
 */
static void leave_alone(struct session *session, struct watch *watch, struct x11_wish *wish)
{
	const struct x11_server *server = watch->look.server;
	struct x11_ids refused = {0};

	for (size_t i = 0; i < server->output_count; i++) {
		const struct x11_output *output = &server->outputs[i];

		if (output->unplugged)
			continue;
		if (x11_ids_have(&watch->refused, output->id))
			x11_ids_add(session->arena, &refused, output->id);
		if (x11_ids_have(&watch->seen, output->id))
			x11_ids_add(session->arena, &wish->left_out, output->id);
	}
	watch->refused = wish->refused = refused;
	wish->drop_unplugged = wish->share;
}

static void remember(struct session *session, struct watch *watch)
{
	const struct x11_server *server = watch->look.server;

	watch->seen = (struct x11_ids){0};
	for (size_t i = 0; i < server->output_count; i++) {
		const struct x11_output *output = &server->outputs[i];

		/* One that is not linked yet may still be lit for the first time. */
		if (output->connected && output->listed)
			x11_ids_add(session->arena, &watch->seen, output->id);
	}
}

/* What is there: providers, and outputs with a monitor. */
static const char *scene_of(struct session *session, const struct x11_server *server)
{
	const char *scene = "";

	for (size_t i = 0; i < server->provider_count; i++)
		scene = arena_printf(session->arena, "%s %x", scene, server->providers[i].id);
	for (size_t i = 0; i < server->output_count; i++) {
		if (!server->outputs[i].unplugged)
			scene = arena_printf(session->arena, "%s %x", scene, server->outputs[i].id);
	}
	return scene;
}

/*
 * A desktop has a layout of its own and may set it each time that this one is set. After some
 * rounds the other one is let win, until there is something new.
 */
static bool is_fight(struct session *session, struct watch *watch)
{
	const char *scene = scene_of(session, watch->look.server);

	if (!watch->scene || !str_eq(scene, watch->scene)) {
		free(watch->scene);
		watch->scene = strdup(scene);
		watch->acted = 0;
	}
	if (watch->acted == ROUNDS)
		log_warning(
			"another program changes outputs back: they are left to it until a GPU or "
			"a monitor comes or goes");
	watch->acted += watch->acted == ROUNDS;
	return watch->acted > ROUNDS;
}

/* Sets the mode up as far as it is not; first: as setup would. */
static void settle(struct session *session, struct watch *watch, bool first)
{
	struct decision decision;
	struct carry carry;

	if (!look_read(session, &watch->look, false))
		return;
	decide(session, &watch->look, &decision);
	if (first) {
		config_warn(&decision.config);
		if (decision.refused)
			log_warning("%s cannot be: %s", x11_prime_name(decision.mode),
				decision.refused);
	} else {
		leave_alone(session, watch, &decision.wish);
	}
	if (is_fight(session, watch))
		return;
	carry_out(session, &watch->look, &decision, true, &carry);
	carry_warn(&carry);
	watch->acted += carry.done > 0;
	if (carry.problem)
		log_warning(
			"%s%s", carry.problem, carry.taken_back ? "; all is as it was before" : "");
	if (x11_is_lost(watch->look.x11))
		return;
	for (size_t i = 0; i < carry.refused.count; i++)
		x11_ids_add(session->arena, &watch->refused, carry.refused.list[i]);
	remember(session, watch);
}

static struct x11_ids copy_ids(struct arena *arena, const struct x11_ids *ids)
{
	struct x11_ids copy = {0};

	for (size_t i = 0; i < ids->count; i++)
		x11_ids_add(arena, &copy, ids->list[i]);
	return copy;
}

/* GPUs come and go too: each round reads the kernel's list anew, into memory of its own. */
static void renew(struct session *session, struct watch *watch)
{
	struct arena *arena = arena_new();

	watch->seen = copy_ids(arena, &watch->seen);
	watch->refused = copy_ids(arena, &watch->refused);
	watch->look.server = NULL;
	watch->look.gpus_known = false;
	hw_again(&session->hw, arena);
	session->arena = arena;
	arena_free(watch->own);
	watch->own = arena;
}

static int follow(struct session *session, struct watch *watch)
{
	const char *problem;
	bool first = true;

	/* From here on nobody waits for us: a server that hangs is waited for. */
	session_deadline(session, 0);
	do {
		if (!first)
			renew(session, watch);
		settle(session, watch, first);
		problem =
			x11_is_lost(watch->look.x11) ? NULL : publish_write(session, &watch->look);
		if (problem)
			log_info("no session file: %s", problem);
		first = false;
	} while (wait_change(watch->look.x11));
	log_info("the X server ended");
	return 0;
}

int watch_run(struct session *session)
{
	struct watch watch = {0};
	const char *nothing;
	int held, status = 0;

	session_deadline(session, TIMEOUT);
	if (!look_connect(session, &watch.look, false))
		return EXIT_FAILED;
	nothing = decide_nothing(session, &watch.look);
	if (nothing) {
		const char *problem = publish_write(session, &watch.look);

		log_info("%s", nothing);
		if (problem)
			log_info("no session file: %s", problem);
		look_close(&watch.look);
		return 0;
	}
	held = lock(session, watch.look.display);
	if (held < 0 || !x11_watch(watch.look.x11))
		status = EXIT_FAILED;
	else
		status = follow(session, &watch);
	if (held >= 0)
		close(held);
	look_close(&watch.look);
	arena_free(watch.own);
	free(watch.scene);
	return status;
}
