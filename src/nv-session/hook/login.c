/* SPDX-License-Identifier: MIT */
/*
 * login: whether anyone got from the greeter into a session. Any of three will do, and no
 * clock is compared, as clocks are set while machines start:
 *
 * - a new login to a display in wtmp, which LightDM, SDDM, GDM and xdm's sessreg write; or an
 *   old one that still lasts, as behind the server of a greeter that unlocks a screen;
 * - a graphical session of a user that logind knows now;
 * - the mark was touched. Sessions do that with "nv-session hook login". It is a pipe that
 *   everybody may write to and nobody reads: touching one takes nothing else, and unlike a file
 *   it can hold nothing. The worst a user can do is to let the hook work once more.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <utmpx.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/hook/hook.h"

#define MARK HOOK_STATE "/login"
#define WTMP "/var/log/wtmp"
#define SESSIONS "/run/systemd/sessions"

/* Logins that are looked at, the last ones. */
enum { RECORDS = 512 };

void login_look(const struct hw_root *root, struct login_seen *seen)
{
	cleanup_fd int mark = hw_root_open(root, MARK, O_PATH | O_NOFOLLOW);
	cleanup_fd int wtmp = hw_root_open(root, WTMP, O_PATH);
	struct stat status;

	*seen = (struct login_seen){0};
	if (mark >= 0 && fstat(mark, &status) == 0 && S_ISFIFO(status.st_mode)) {
		seen->mark_seconds = status.st_mtim.tv_sec;
		seen->mark_nanoseconds = status.st_mtim.tv_nsec;
	}
	if (wtmp >= 0 && fstat(wtmp, &status) == 0)
		seen->wtmp_size = status.st_size;
}

/* Display managers put ":0" into the host or, as sessreg does, the line. */
static bool is_desktop(const struct utmpx *record)
{
	return record->ut_type == USER_PROCESS &&
	       (record->ut_host[0] == ':' || record->ut_line[0] == ':');
}

static bool is_alive(pid_t process)
{
	return process > 1 && (kill(process, 0) == 0 || errno == EPERM);
}

static bool wtmp_has_login(const struct hw_root *root, const struct login_seen *since)
{
	cleanup_fd int fd = hw_root_open(root, WTMP, O_RDONLY);
	struct utmpx record;
	struct stat status;
	off_t at, seen;

	if (fd < 0 || fstat(fd, &status) != 0)
		return false;
	/* A file that has become shorter is another one: all of it is new. */
	seen = status.st_size < since->wtmp_size ? 0 : (off_t)since->wtmp_size;
	at = status.st_size - status.st_size % (off_t)sizeof(record);
	for (int i = 0; i < RECORDS && at > 0; i++) {
		at -= (off_t)sizeof(record);
		if (pread(fd, &record, sizeof(record), at) != (ssize_t)sizeof(record))
			return false;
		if (is_desktop(&record) && (at >= seen || is_alive(record.ut_pid)))
			return true;
		/* What is before this boot has ended. */
		if (record.ut_type == BOOT_TIME && at < seen)
			return false;
	}
	return false;
}

static bool value_is(const char *text, const char *key, const char *value)
{
	size_t length;
	const char *found = hw_line_value(text, key, &length);

	return found && length == strlen(value) && memcmp(found, value, length) == 0;
}

static bool logind_has_session(const struct hw_root *root)
{
	struct file_list list;

	if (!hw_root_names(root, SESSIONS, &list))
		return false;
	for (size_t i = 0; i < list.count; i++) {
		const char *text = hw_root_attr(root, SESSIONS, list.names[i]);

		if (value_is(text, "CLASS", "user") &&
			(value_is(text, "TYPE", "x11") || value_is(text, "TYPE", "wayland")))
			return true;
	}
	return false;
}

bool login_since(const struct hw_root *root, const struct login_seen *since)
{
	struct login_seen now;

	login_look(root, &now);
	return now.mark_seconds != since->mark_seconds ||
	       now.mark_nanoseconds != since->mark_nanoseconds || wtmp_has_login(root, since) ||
	       logind_has_session(root);
}

bool login_prepare(const struct hw_root *root)
{
	const char *name;
	struct stat status;
	cleanup_fd int parent = tree_open_parent(root, MARK, &name);

	if (parent < 0)
		return false;
	if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISFIFO(status.st_mode))
			return true;
		unlinkat(parent, name, 0);
	}
	/* The mode again: making one obeys the umask. */
	return mkfifoat(parent, name, 0622) == 0 && fchmodat(parent, name, 0622, 0) == 0;
}

void login_forget(const struct hw_root *root)
{
	tree_remove(root, MARK);
}

bool login_mark(const struct hw_root *root)
{
	const char *name;
	cleanup_fd int parent = tree_open_parent(root, MARK, &name);

	return parent >= 0 && utimensat(parent, name, NULL, AT_SYMLINK_NOFOLLOW) == 0;
}
