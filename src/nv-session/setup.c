/* SPDX-License-Identifier: MIT */
#include "base/log.h"
#include "base/mem.h"
#include "nv-session/carry.h"
#include "nv-session/publish.h"
#include "nv-session/session.h"

enum { DEFAULT_TIMEOUT = 5000 };

static int report(const struct decision *decision, const struct carry *carry)
{
	carry_warn(carry);
	if (carry->problem) {
		log_error("%s: %s%s", x11_prime_name(decision->mode), carry->problem,
			carry->taken_back ? "; all is as it was before" : "");
		return EXIT_FAILED;
	}
	log_info("%s: %s", x11_prime_name(decision->mode),
		carry->done ? "done" : "nothing to do, all is as it should be");
	return carry->refused.count ? EXIT_FAILED : 0;
}

static int set_up(struct session *session, struct look *look)
{
	struct decision decision;
	struct carry carry;

	if (!look_read(session, look, false)) {
		log_error("X server '%s' has no RandR: there is nothing to set up", look->display);
		return EXIT_FAILED;
	}
	decide(session, look, &decision);
	config_warn(&decision.config);
	if (decision.aside)
		log_info("%s", decision.aside);
	if (decision.refused) {
		log_error("%s cannot be: %s", x11_prime_name(decision.mode), decision.refused);
		return EXIT_FAILED;
	}
	carry_out(session, look, &decision, false, &carry);
	return report(&decision, &carry);
}

int setup_work(struct session *session)
{
	struct look look = {0};
	const char *nothing;
	int status = 0;

	session_deadline(
		session, session->options.timeout ? session->options.timeout : DEFAULT_TIMEOUT);
	nothing = decide_nothing(session, &look);
	/* Under Wayland there may be an Xwayland to tell nv-run about. */
	if (!look_connect(session, &look, nothing != NULL)) {
		if (nothing)
			log_info("%s", nothing);
		return nothing ? 0 : EXIT_FAILED;
	}
	nothing = decide_nothing(session, &look);
	if (nothing)
		log_info("%s", nothing);
	else
		status = set_up(session, &look);
	if (!x11_is_lost(look.x11)) {
		const char *problem = publish_write(session, &look);

		if (problem)
			log_info("no session file: %s", problem);
	}
	look_close(&look);
	return status;
}

int setup_run(struct session *session)
{
	return session->options.hook ? hook_guarded(session, setup_work) : setup_work(session);
}
