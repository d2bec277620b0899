/* SPDX-License-Identifier: MIT */
/*
 * session: one run of nv-session. nv-session(1) is the specification.
 *
 * main.c       the order of things; the table of commands
 * options.c    the command line
 * config.c     session.conf, the kernel command line and --mode, in that order
 * look.c       the machine and the X server, put together
 * decide.c     the mode in force, and why a mode cannot be
 * carry.c      carries a decision out, and takes it back if it did harm
 * deadline.c   ends the program if the X server hangs
 * renderer.c   who draws; renderer/ asks drivers, in children
 * status.c providers.c plan.c setup.c reset.c publish.c watch.c xorg-conf.c
 *              a command each
 * hook/        display-manager hooks: what is installed where, and the guard that lets no hook
 *              lock anyone out
 */
#ifndef NV_SESSION_H
#define NV_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/command.h"
#include "hw/hw.h"

struct arena;
struct buf;

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct session_options {
	const struct command *command;
	const char **words; /* what stands behind the command, NULL-ended */
	size_t word_count;
	char **rest; /* what stands behind "--", NULL-ended; NULL without "--" */
	const char *mode, *layout; /* --mode, --layout: as given, checked */
	const char *gpu, *api; /* --gpu, --api */
	const char *display, *sysroot, *config;
	long timeout; /* --timeout in milliseconds; 0 if not given */
	bool json, hook, write;
	int verbosity;
};

struct session {
	struct arena *arena;
	struct session_options options;
	char *const *environment;
	struct hw hw;
	long late; /* when to begin nothing new, see session_deadline; 0 for never */
};

/* Ends with a NULL name. */
extern const struct command session_commands[];

/* options.c: 0 to go on, negative if all is done, else the status to exit with. */
int options_parse(struct arena *arena, struct session_options *options, int argc, char **argv);

/* Writes text to stdout; the status to exit with. */
int session_print(const struct buf *out);

/* Value of a variable in the environment, NULL if it is not set or empty. */
const char *session_variable(const struct session *session, const char *name);

/* machine.c: finds all GPUs, with the roles that machine.conf says. */
void session_gpus(struct arena *arena, struct hw *hw);

/* deadline.c */

/* Ends the program with status 1 and a message after so many milliseconds; 0 calls that off. */
void session_deadline(struct session *session, long milliseconds);
/* Whether half of that time is over. */
bool session_is_late(const struct session *session);

/* The commands. */
int status_run(struct session *session);
int providers_run(struct session *session);
int plan_run(struct session *session);
int setup_run(struct session *session);
int publish_run(struct session *session);
int reset_run(struct session *session);
int renderer_run(struct session *session);
int watch_run(struct session *session);
int hook_run(struct session *session);
int xorg_conf_run(struct session *session);

/* setup.c: what setup does once it is clear who asks: within its deadline, no supervision. */
int setup_work(struct session *session);

/*
 * hook/guard.c: runs work in a child that is killed at the deadline (--timeout, default 5 s), and
 * returns 0 whatever becomes of it, after saying on stderr and in the system's log what did.
 * Does nothing if "nv-session=off" is on the kernel command line or two server starts in a row
 * did not reach a session.
 */
int hook_guarded(struct session *session, int (*work)(struct session *session));

#endif
