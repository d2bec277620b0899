/* SPDX-License-Identifier: MIT */
/*
 * offload: from a chosen GPU to environment variables. Pure: settings, GPUs, session and
 * environment in, a list of changes out, each with its origin and its reason.
 *
 * roles.c     what machine.conf says of GPUs
 * choose.c    selector x GPUs -> one GPU, or why not
 * session.c   the session file's text (nv-run-session(5)) and what is guessed without it
 * plan.c      puts together: stale variables, the driver family, the rules' own variables
 * stale.c     inherited variables that would defeat the choice
 * nvidia.c    NVIDIA's driver was chosen
 * mesa.c      a Mesa driver was chosen, or the CPU
 * api.c       rules' words for one API: off, or a value of their own
 */
#ifndef NV_OFFLOAD_H
#define NV_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "hw/hw.h"
#include "rule/rule.h"

struct arena;
struct buf;
struct display_socket;

/*
 * Reads machine.conf from its text (tree_trusted): no text is no file, a problem is why it is
 * not read. What is wrong is in machine->mistakes.
 */
void offload_machine(struct rule_reader *machine, struct arena *arena, const char *path,
	const char *text, size_t length, const char *problem);

/* Gives the GPUs the roles that machine.conf says; before hw_judge, which guesses the others. */
void offload_roles(struct arena *arena, const struct rule_reader *machine,
	struct hw_gpu *const *gpus, size_t count);

struct offload_choice {
	struct rule_selector selector;
	struct hw_gpu *gpu; /* NULL: none, software, or the choice failed */
	struct hw_gpu *meant; /* the GPU asked for, though it cannot be used; NULL if it is gpu */
	const char *why; /* how it was found, for people */
	const char *problem; /* why the GPU asked for cannot be used; NULL if all is well */
	bool named; /* the selector means this GPU and no other, rather than one of a kind */
	bool nothing_to_do; /* "none", or "auto" where there is no choice */
	bool unsure; /* GPUs without DRM nodes, if there are any, could change the answer */
};

/*
 * Applies a selector to judged GPUs (hw_judge). NAME and UUID selectors need names and NVIDIA's
 * facts filled in before. Among several equally good GPUs the boot GPU comes first, as nothing
 * has to be copied to its screen, then the lowest slot; ":N" counts all of a kind by slot, those
 * that cannot be used too, so that a number keeps its meaning when a card goes to a VM.
 */
void offload_choose(struct arena *arena, struct hw_gpu *const *gpus, size_t count,
	const struct rule_selector *selector, struct offload_choice *choice);

/* Whether some GPU answers to the selector, usable or not: the when.gpu condition. */
bool offload_present(
	struct hw_gpu *const *gpus, size_t count, const struct rule_selector *selector);

enum offload_type { OFFLOAD_TTY, OFFLOAD_X11, OFFLOAD_WAYLAND };

enum offload_server {
	OFFLOAD_SERVER_UNKNOWN,
	OFFLOAD_SERVER_XORG,
	OFFLOAD_SERVER_XWAYLAND,
	OFFLOAD_SERVER_OTHER, /* Xvfb, Xephyr, VNC, ...: no GPU of its own */
};

/* A RandR provider: a GPU as the X server knows it. */
struct offload_provider {
	const char *slot; /* NULL if unknown */
	const char *name; /* "NVIDIA-G0"; may hold spaces */
};

struct offload_session {
	enum offload_type type;
	const char *display; /* DISPLAY, NULL if there is none */
	bool local; /* the X server is on this machine, behind a socket */
	bool login_x11; /* the login session is an X session (XDG_SESSION_TYPE) */
	enum offload_server server;
	const char *source; /* who told, for people: "a guess from the environment" */
	struct offload_provider screen; /* drives the X screen; name NULL if unknown */
	struct offload_provider *gpus; /* the others */
	size_t count;
};

const char *offload_type_name(enum offload_type type);

/* Type and display from the environment, server and providers guessed. */
void offload_session_guess(
	struct arena *arena, char *const *environment, struct offload_session *session);

/*
 * Reads a session file into session, which was guessed before. False, session untouched, if
 * the text is malformed or about another server.
 */
bool offload_session_parse(struct arena *arena, const char *text,
	const struct display_socket *socket, struct offload_session *session);

/*
 * What the name of the server's process tells. Of Xorg it is no more than that its log counts;
 * other programs, among them compositors with an Xwayland, leave the guess as it is.
 */
void offload_session_process(const char *process, struct offload_session *session);

/*
 * Reads the log of a running Xorg, the next best witness: its driver writes "NVIDIA(0)" on the
 * lines about an X screen of its own and "NVIDIA(G0)" on those about a GPU screen.
 */
void offload_session_log(struct arena *arena, const char *log, struct offload_session *session);

/* Writes a session file: what offload_session_parse reads. */
void offload_session_format(struct buf *out, const struct display_socket *socket,
	const struct offload_session *session);

struct offload_change {
	bool unset;
	const char *name, *value; /* value is NULL if unset */
	const char *from; /* "default", "option" or "file:line" */
	const char *why; /* NULL for changes that a rule or option asked for */
};

struct offload_input {
	const struct rule_settings *settings;
	struct hw_gpu *const *gpus;
	size_t count;
	const struct offload_choice *choice;
	const struct offload_session *session;
	const struct hw_stack *stack;
	unsigned nvidia_major; /* 0 if unknown */
	bool sandboxed; /* the program runs among other files: Flatpak, Snap */
	char *const *environment; /* what the changes are relative to */
};

struct offload_result {
	struct offload_change *changes; /* real changes only, in the order of their making */
	size_t count;
	const char **warnings;
	size_t warning_count;
};

/* Which parts of the driver stack the plan will ask about: enum hw_stack_part. */
unsigned offload_wants(const struct offload_input *input);

/* Whether the answer depends on the X server's providers, so that asking for them pays. */
bool offload_wants_session(const struct offload_input *input);

void offload_plan(
	struct arena *arena, const struct offload_input *input, struct offload_result *result);

/* The GPU that shows the session's pictures: the X screen's if known, else the boot GPU. */
struct hw_gpu *offload_display_gpu(const struct offload_input *input);

/* Value of a variable in a NULL-ended environment, NULL if it is not set. */
const char *offload_env(char *const *environment, const char *name);

/* "/etc/nv-run/rules.d/50-games.conf:12", or "option". */
const char *offload_origin(struct arena *arena, struct rule_origin origin);

#endif
