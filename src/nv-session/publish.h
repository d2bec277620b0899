/* SPDX-License-Identifier: MIT */
/* publish: the session file, nv-run-session(5). */
#ifndef NV_SESSION_PUBLISH_H
#define NV_SESSION_PUBLISH_H

#include <stdbool.h>

#include "nv-session/look.h"

/*
 * Writes the session file of the look's server, replacing it as a whole. NULL, or why not: there
 * is no runtime directory of the user's own, or the server is on another machine.
 */
const char *publish_write(struct session *session, struct look *look);

/*
 * The runtime directory, with a directory nv-run in it, or NULL with *problem set: both must be the
 * user's own. Root with a user's environment must not leave there what the user cannot replace.
 */
const char *publish_directory(struct session *session, const char **problem);

#endif
