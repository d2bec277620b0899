/* SPDX-License-Identifier: MIT */
#include "base/log.h"
#include "nv-session/session.h"

int setup_work(struct session *session)
{
	log_error("%s is not there yet", session->options.command);
	return EXIT_FAILED;
}

int setup_run(struct session *session)
{
	return session->options.hook ? hook_guarded(session, setup_work) : setup_work(session);
}
