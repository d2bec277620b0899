/* SPDX-License-Identifier: MIT */
/*
 * hook: nv-session as a part of display managers. docs/DISPLAY-MANAGERS.md tells about them.
 *
 * guard.c    runs the work so that nothing it does can hold up or end a login
 * say.c      messages of the guard, which must not wait for whoever reads them
 * starts.c   how many X servers in a row did not reach a session
 * login.c    whether somebody logged in
 * block.c    our lines in files of others, between two marks
 * record.c   what was installed where
 * plan.c     what a display manager's files must hold for the hook to be run, and carrying it out
 * managers.c the display managers, a row each; those with configuration like .ini files are in
 *            ini.c, those with scripts in script.c
 * hook.c     the command; show.c its check
 */
#ifndef NV_SESSION_HOOK_H
#define NV_SESSION_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "hw/tree.h"
#include "nv-session/session.h"

#define HOOK_STATE "/var/lib/nv-run/hook"

/* How many servers in a row may fail to reach a session. */
enum { HOOK_STARTS = 2 };

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

void login_forget(const struct hw_root *root);

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

/* No hook is installed any more: takes the state away. */
void starts_forget(const struct hw_root *root);

/* Whether the hook may work on this server; counts it if it is new. Says why not. */
bool starts_allow(struct session *session);

/* --- block.c */

struct block {
	size_t begin, end; /* bytes to cut */
	const char *text; /* what is between the marks */
	size_t length;
};

/* The first block in a text; false if there is none or its end is missing (then *broken). */
bool block_find(const char *text, struct block *block, bool *broken);

/* The text without blocks. */
char *block_cut(struct arena *arena, const char *text);

/* The text with a block put in at a position; cutting it gives the same text again. */
char *block_insert(
	struct arena *arena, const char *text, size_t at, const char *body, char comment);

/* --- plan.c */

/* A block that must be in a file. */
struct place {
	const char *path, *body;
	size_t at; /* where in the file, our blocks not counted */
	const char *head; /* what stands before it if the file is made, "" for nothing */
	mode_t mode; /* of the file if it is made */
	char comment; /* what comments begin with */
	bool any; /* a file that is there is as good */
	const char *why; /* why there, for people; NULL if that is the usual place */
};

struct plan {
	const struct hw_root *root;
	struct arena *arena;
	const char *manager;
	struct place *places;
	size_t place_count;
	const char **seen; /* files that were looked at: blocks may be in them */
	size_t seen_count;
	const char *problem; /* why there can be no hook, and what to do; NULL if there can */
	const char *note; /* what else people should know */
	const char *then; /* what runs after the hook */
};

struct manager {
	const char *name;
	const char *const *signs; /* files that show that it is installed, NULL-ended */
	void (*plan)(struct plan *plan);
};
extern const struct manager hook_managers[]; /* ends with a NULL name */

/* The plan for a manager; signs of it are not asked for. */
void plan_make(struct plan *plan, const struct hw_root *root, const struct manager *manager);

/* The text of a file without our blocks, NULL if it is not there; remembers it as seen. */
char *plan_read(struct plan *plan, const char *path);
struct place *plan_add(struct plan *plan, const char *path, const char *body);

/* What a file must be to agree with a plan; NULL if it cannot be read, with errno set. */
const char *plan_text(
	struct plan *plan, const struct place *place, struct tree_file *old, bool *same);

/* Carries a plan out. Says what is done in out; false after saying what failed. */
bool plan_install(struct plan *plan, struct buf *out);

/* Takes all of it away. */
bool plan_remove(struct plan *plan, struct buf *out);

/* Files that have a block of ours and should not, NULL-ended. */
const char **plan_stale(struct plan *plan);

bool manager_is_there(const struct hw_root *root, const struct manager *manager);

/* --- ini.c, script.c */

void ini_plan_lightdm(struct plan *plan);
void ini_plan_sddm(struct plan *plan);
void script_plan_xdm(struct plan *plan);
void script_plan_lxdm(struct plan *plan);
void script_plan_startx(struct plan *plan);
void script_plan_gdm(struct plan *plan);

/* --- record.c: what was made for a manager, so that it can be taken away */

struct record {
	const char *manager, *kind, *path; /* kind: "file" made, "directory" made, "edit" */
};
struct records {
	struct record *items;
	size_t count;
};
void record_read(const struct hw_root *root, struct records *records);
bool record_has(
	const struct records *records, const char *manager, const char *kind, const char *path);

/* Adds one and writes the list; false with errno set. */
bool record_add(
	const struct hw_root *root, const char *manager, const char *kind, const char *path);

/* Forgets what was made for a manager. */
bool record_forget(const struct hw_root *root, const char *manager);

/* --- show.c */

/* Why the program that hooks start cannot be started, and what to do; NULL if it can. */
const char *show_program_problem(const struct hw_root *root);

int show_check(struct session *session, const struct manager *const *managers, bool all);

#endif
