/* SPDX-License-Identifier: MIT */
/*
 * starts: a hook that broke the greeter must not break the next one too.
 *
 * A start of an X server is counted when the hook first works on it, before it works: what the
 * work breaks is counted. A server is told by boot and socket, as in a session file, so that
 * several hooks of one server count once. Only root counts; others obey what root counted.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "nv-session/hook/hook.h"

#define STATE HOOK_STATE "/starts"

#define FORMAT                                                                                     \
	"nv-session hook 1\nboot %s\nserver %llu %llu %llu %llu\nwhen %lld\nstarts %u\n"           \
	"mark %lld %lld\nwtmp %lld\n"
#define SCAN                                                                                       \
	"nv-session hook 1\nboot %63[0-9a-zA-Z-]\nserver %llu %llu %llu %llu\nwhen %lld\n"         \
	"starts %u\nmark %lld %lld\nwtmp %lld\n%n"

bool starts_read(const struct hw_root *root, struct starts *starts)
{
	struct login_seen *login = &starts->login;
	struct tree_file file;
	int end = 0;

	*starts = (struct starts){0};
	if (tree_read(root, STATE, &file) && file.text &&
		(file.status.st_uid == 0 || file.status.st_uid == geteuid()) &&
		sscanf(file.text, SCAN, starts->boot, &starts->device, &starts->inode,
			&starts->seconds, &starts->nanoseconds, &starts->when, &starts->count,
			&login->mark_seconds, &login->mark_nanoseconds, &login->wtmp_size,
			&end) == 10 &&
		end && (size_t)end == file.length && starts->count <= HOOK_STARTS + 1)
		return true;
	*starts = (struct starts){0};
	return false;
}

void starts_forget(const struct hw_root *root)
{
	tree_remove(root, STATE);
	login_forget(root);
	tree_remove_directory(root, HOOK_STATE);
}

static bool starts_write(const struct hw_root *root, const struct starts *starts)
{
	const struct login_seen *login = &starts->login;
	const char *text = arena_printf(root->arena, FORMAT, starts->boot, starts->device,
		starts->inode, starts->seconds, starts->nanoseconds, starts->when, starts->count,
		login->mark_seconds, login->mark_nanoseconds, login->wtmp_size);

	return tree_write(root, STATE, text, strlen(text), NULL, 0644);
}

/* The socket of the X server that the session is about, and the boot. */
static bool find_server(struct session *session, struct starts *server)
{
	const char *display = session->options.display ? session->options.display
						       : session_variable(session, "DISPLAY");
	const char *colon = display ? strrchr(display, ':') : NULL;
	const char *boot = hw_boot_id(&session->hw);
	size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
	struct stat status;

	*server = (struct starts){0};
	if (!digits ||
		lstat(arena_printf(session->arena, "/tmp/.X11-unix/X%.*s", (int)digits, colon + 1),
			&status) != 0)
		return false;
	snprintf(server->boot, sizeof(server->boot), "%s", boot && *boot ? boot : "unknown");
	server->device = status.st_dev;
	server->inode = status.st_ino;
	server->seconds = (unsigned long long)status.st_ctim.tv_sec;
	server->nanoseconds = (unsigned long long)status.st_ctim.tv_nsec;
	server->when = time(NULL);
	return true;
}

static bool is_same(const struct starts *a, const struct starts *b)
{
	return strcmp(a->boot, b->boot) == 0 && a->device == b->device && a->inode == b->inode &&
	       a->seconds == b->seconds && a->nanoseconds == b->nanoseconds;
}

static bool refuse(const struct starts *starts)
{
	if (starts->count <= HOOK_STARTS)
		return true;
	log_warning("nothing is done: after %d starts of the X server in a row nobody logged in; "
		    "a login arms the hook again, and so does removing " STATE,
		HOOK_STARTS);
	return false;
}

bool starts_allow(struct session *session)
{
	const struct hw_root *root = &session->hw.root;
	struct starts last, server;
	bool known = starts_read(root, &last);

	if (!find_server(session, &server))
		return true;
	if (known && is_same(&last, &server))
		return refuse(&last);
	if (geteuid() != 0)
		return true;
	server.count = known && !login_since(root, &last.login) ? last.count + 1 : 1;
	if (server.count > HOOK_STARTS) {
		server.count = HOOK_STARTS + 1;
		server.when = last.when;
	}
	/* What cannot be written is not counted, and the work goes on. */
	if (tree_directory(root, HOOK_STATE))
		login_prepare(root);
	login_look(root, &server.login);
	if (!starts_write(root, &server))
		log_info("cannot write " STATE ": %s", strerror(errno));
	return refuse(&server);
}
