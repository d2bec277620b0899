/* SPDX-License-Identifier: MIT */
#include "base/log.h"
#include "nv-session/session.h"

int watch_run(struct session *session)
{
	log_error("%s is not there yet", session->options.command);
	return EXIT_FAILED;
}
