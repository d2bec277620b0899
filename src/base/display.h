/* SPDX-License-Identifier: MIT */
/*
 * display: the X server that a DISPLAY names, seen from outside: its socket's identity.
 */
#ifndef NV_BASE_DISPLAY_H
#define NV_BASE_DISPLAY_H

#include <stdbool.h>

struct arena;

/* Changes with every start of a server, which makes its socket anew. */
struct display_socket {
	unsigned long device, inode;
	long seconds, nanoseconds; /* of the last status change */
};

/* ":0" of ":0.1", "unix:0" and "host:0"; NULL if there is no number. */
const char *display_name(struct arena *arena, const char *display);

/* The socket of ":N"; false if this machine has no such server. */
bool display_socket(struct arena *arena, const char *name, struct display_socket *socket);

/* The process that its lock file, /tmp/.XN-lock, names: the server, or the compositor that starts
 * Xwayland on demand. 0 if there is none. */
long display_process(struct arena *arena, const char *name);

/* The folder of session files below a runtime directory. */
#define DISPLAY_FOLDER "nv-run"

/* Where the session file of ":N" is below a runtime directory (nv-run-session(5)). */
const char *display_session_file(struct arena *arena, const char *runtime, const char *name);

#endif
