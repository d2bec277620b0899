/* SPDX-License-Identifier: MIT */
#include "nv-session/session.h"

int hook_guarded(struct session *session, int (*work)(struct session *session))
{
	work(session);
	return 0;
}
