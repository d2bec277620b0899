/* SPDX-License-Identifier: MIT */
/*
 * hook: nv-session as a part of display managers. docs/DISPLAY-MANAGERS.md tells about them.
 *
 * guard.c    runs the work so that nothing it does can hold up or end a login
 * say.c      messages of the guard, which must not wait for whoever reads them
 * starts.c   how many X servers in a row did not reach a session
 * login.c    whether somebody logged in
 * tree.c     files below the root, written whole or not at all
 */
#ifndef NV_SESSION_HOOK_H
#define NV_SESSION_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "nv-session/session.h"

#define HOOK_STATE "/var/lib/nv-run/hook"

/* How many servers in a row may fail to reach a session. */
enum { HOOK_STARTS = 2 };

/* --- tree.c */

struct tree_file {
	char *text; /* NUL-terminated; NULL if there is no such file */
	size_t length;
	struct stat status;
};

/* False with errno set if there is something that cannot be read; a file that is not is no error.
 */
bool tree_read(const struct hw_root *root, const char *path, struct tree_file *file);

/*
 * Replaces the text of a file, or makes it: a temporary file, synchronised and renamed, so that
 * one or the other is there whatever happens. old gives owner, mode and extended attributes
 * (SELinux's label, ACLs), NULL makes a file of root's with the mode. A symbolic link stays, what
 * it leads to is replaced. False with errno set if that failed, and nothing is changed.
 */
bool tree_write(const struct hw_root *root, const char *path, const char *text, size_t length,
	const struct tree_file *old, mode_t mode);

bool tree_remove(const struct hw_root *root, const char *path);

/* Makes a directory (0755) and those above. False with errno set if one cannot be. */
bool tree_directory(const struct hw_root *root, const char *path);

/* A descriptor of the directory that a path's file is in (O_PATH); *name is the file's. */
int tree_open_parent(const struct hw_root *root, const char *path, const char **name);

/* --- say.c: never waits, keeps no memory but the stack */

/* A line to stderr and the system's log. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Passes on what a child said: whole lines, the rest when there is more or when length is 0. */
struct say_lines {
	char text[1024];
	size_t length, passed;
};
void say_pass(struct say_lines *lines, const char *bytes, size_t length);

/* --- login.c */

/* What there was when it was last looked at. */
struct login_seen {
	long long mark_seconds, mark_nanoseconds; /* when the mark was last touched */
	long long wtmp_size;
};

/* What there is now. */
void login_look(const struct hw_root *root, struct login_seen *seen);

/* Whether anyone has logged in to a desktop since, or is logged in now. */
bool login_since(const struct hw_root *root, const struct login_seen *since);

/* Makes the mark that sessions touch, if it is not there. Root's. */
bool login_prepare(const struct hw_root *root);

/* A session says that it is there. False with errno set if it could not. */
bool login_mark(const struct hw_root *root);

/* --- starts.c */

struct starts {
	char boot[64];
	unsigned long long device, inode, seconds, nanoseconds; /* of the server's socket */
	long long when; /* the last start that was let work, seconds since the epoch */
	unsigned count; /* in a row without a session, this one included; above HOOK_STARTS the
			   hook does nothing on this server */
	struct login_seen login;
};

/* False, with *starts zeroed, if nothing is known or what is known makes no sense. */
bool starts_read(const struct hw_root *root, struct starts *starts);

/* Whether the hook may work on this server; counts it if it is new. Says why not. */
bool starts_allow(struct session *session);

#endif
