/* SPDX-License-Identifier: MIT */
#include "base/log.h"
#include "nv-session/carry.h"
#include "nv-session/session.h"

enum { TIMEOUT = 5000 };

static int reset(struct session *session, struct look *look)
{
	struct x11_server *before, *left;

	if (!carry_note_read(session, look, &before, &left)) {
		log_error("what setup left in the server about the state before makes no sense");
		return EXIT_FAILED;
	}
	if (!before) {
		log_info("nothing to undo: setup changed nothing in this server");
		return 0;
	}
	if (!carry_back(session, look, before, left))
		return EXIT_FAILED;
	x11_note_write(look->x11, NULL);
	return 0;
}

int reset_run(struct session *session)
{
	struct look look = {0};
	const char *nothing;
	int status = 0;

	session_deadline(session, TIMEOUT);
	if (!look_connect(session, &look, false))
		return EXIT_FAILED;
	nothing = decide_nothing(session, &look);
	if (nothing)
		log_info("%s", nothing);
	else
		status = reset(session, &look);
	look_close(&look);
	return status;
}
