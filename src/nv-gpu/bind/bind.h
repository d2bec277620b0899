/* SPDX-License-Identifier: MIT */
/*
 * bind: moves a GPU from driver to driver. nv-gpu(1), MOVING A GPU, is the specification.
 *
 * facts.c      what is there: the slot, who holds it, what hangs on it, the drivers
 * preflight.c  facts -> findings: a table of checks, some in preflight-use.c; only thinks
 * plan.c       facts -> wanted states -> steps; only thinks
 * carry.c      does the steps, and takes them back; the kernel is behind struct bind_door
 * kernel.c     that door, of this machine; child.c: what may never come back, in a child
 * journal.c    what was where, under /run, so that restore works whatever happens
 * persist.c    the udev rule and the record that outlive a reboot
 * show.c       the answer as text and as JSON
 * bind.c       the commands: the order of things
 *
 * A state is what a function's driver, driver_override and power/control are. Taking back and
 * restore are plans like any other: from the states that are now to those that were.
 */
#ifndef NV_GPU_BIND_H
#define NV_GPU_BIND_H

#include <stdbool.h>
#include <stddef.h>

#include "hw/holders.h"
#include "hw/module.h"
#include "hw/slot.h"

struct arena;
struct gpu_run;

enum bind_action { BIND_TO, BIND_NOTHING, BIND_RESTORE };

struct bind_state {
	const char *driver; /* NULL: none */
	bool any; /* wanted alone: whichever driver the kernel picks */
	const char *module; /* that has the driver, NULL if it is not known */
	const char *override; /* "" is not set, NULL is not known: left alone */
	const char *control; /* NULL: left alone */
};

/* A list of names. */
struct bind_names {
	const char **list;
	size_t count;
};

struct bind_function {
	struct hw_pci pci;
	struct bind_state now, wanted;
	struct bind_state before; /* of the journal, if recorded */
	bool recorded;
	bool asked; /* one of those that are to move */
	bool stuck; /* the kernel does not answer about it: an unbind is under way, or stuck */
	const char *natural, *natural_module; /* the host's driver for its kind, if it has it */
	struct bind_names usb, storage, mediated;
};

struct bind_driver {
	const char *name, *module;
	bool registered;
	enum hw_module_file file;
	const char *why; /* the file that forbids it */
	int knows; /* the display function: see hw_module_knows */
};

/* A function elsewhere in the IOMMU groups of the slot. */
struct bind_mate {
	const char *slot, *driver, *group;
	bool bridge;
};

struct bind_facts {
	struct arena *arena;
	enum bind_action action;
	const char *slot; /* "0000:0a:00" */
	const char *title; /* "0a:00.0 NVIDIA GeForce RTX 3050" */
	const char *target; /* BIND_TO: the driver */
	bool root, live, dry; /* we are root; it is this machine; nothing will be done */
	struct bind_function *functions;
	size_t count;
	struct bind_driver *drivers; /* all that are wanted */
	size_t driver_count;
	struct hw_holders holders;
	struct gpu_run *run;
	const char *unseen; /* which processes could not be inspected, NULL if all could */
	bool daemon_socket; /* NVIDIA's persistence daemon has its socket */
	long daemon; /* and its process, 0 if it is not seen */
	const char *console; /* the file that lets a text console go */
	struct hw_light *lights;
	size_t light_count;
	bool boot; /* firmware showed its picture on it */
	size_t other_gpus, nvidia_gpus; /* beside it; with driver nvidia, it included */
	struct bind_mate *mates;
	size_t mate_count;
	bool without_iommu; /* VFIO may do without */
	struct hw_module nvidia, drm, modeset; /* NVIDIA's modules */
	int drm_modeset; /* nvidia_drm's parameter: 1, 0, -1 unknown */
	struct bind_names unloaded; /* modules that an earlier move took out */
	const char *earlier; /* the journal's path, NULL if there is none */
	const char *kept; /* what --persist wrote, for a shell; NULL if it wrote nothing */
};

struct bind_finding {
	const char *id, *what, *cure;
	bool refuses;
	bool passes; /* may be gone in a while: worth waiting for */
};

struct bind_findings {
	struct arena *arena;
	struct bind_finding *list;
	size_t count;
};

/* A check has a name, which findings have as their id. */
struct bind_check {
	const char *id;
	void (*run)(const struct bind_facts *facts, struct bind_findings *findings);
};

/* Ends with a NULL id. */
extern const struct bind_check bind_checks[];

void bind_preflight(const struct bind_facts *facts, struct bind_findings *findings);
bool bind_refused(const struct bind_findings *findings);
/* All that refuses may be gone in a while. */
bool bind_may_pass(const struct bind_findings *findings);

enum bind_kind {
	STEP_LOAD, /* modprobe */
	STEP_UNLOAD, /* delete_module(2) */
	STEP_CONTROL, /* power/control */
	STEP_UNBIND,
	STEP_OVERRIDE, /* driver_override */
	STEP_PROBE, /* drivers_probe */
};

struct bind_step {
	enum bind_kind kind;
	const struct bind_function *function; /* NULL of LOAD and UNLOAD */
	const char *value; /* what is written; the module */
	const char *expected; /* PROBE: the driver it must have then, NULL: whichever */
	bool optional; /* that it fails is no failure */
};

struct bind_plan {
	struct arena *arena;
	struct bind_step *steps;
	size_t count;
};

/* Whether a driver is there to hold devices for others: vfio-pci and its kin, pci-stub. */
bool bind_is_stub(const char *driver);

/* Whether a function will lose a driver. */
bool bind_leaves(const struct bind_function *function);

/* Fills wanted of each function by the action. */
void bind_wants(struct bind_facts *facts);

/* The steps from now to wanted. unload: the modules that hold NVIDIA's GPUs may be taken out. */
void bind_plan(const struct bind_facts *facts, bool unload, struct bind_plan *plan);

/* "unbind 0000:0a:00.1 from snd_hda_intel", and as one does it in a shell. */
const char *bind_step_name(struct arena *arena, const struct bind_step *step);
const char *bind_step_command(struct arena *arena, const struct bind_step *step);

/* How a step went. */
struct bind_result {
	int error; /* errno, 0 if done */
	long stuck; /* the process that waits in the kernel for it, 0 if none */
};

/* The kernel, as carry sees it. */
struct bind_door {
	struct bind_result (*step)(struct bind_door *door, const struct bind_step *step);
	/* The states now; false where the kernel does not answer. */
	bool (*state)(struct bind_door *door, const char *function, struct bind_state *state);
	/* Right before the function loses its driver: why it must not, NULL if it may. */
	const char *(*hold)(struct bind_door *door, const struct bind_function *function);
	/* Notes down what is about to be done. False if it cannot be: nothing is done then. */
	bool (*note)(struct bind_door *door, const struct bind_step *step);
	/* Whether the user wants it ended. */
	bool (*stop)(struct bind_door *door);
};

enum bind_end {
	BIND_DONE,
	BIND_BACK, /* failed, and everything is as before */
	BIND_PARTLY, /* failed, and something is not as before */
};

struct bind_carried {
	enum bind_end end;
	const struct bind_step *failed; /* NULL if it was no step */
	struct bind_result result;
	const char *why; /* one line about what failed */
	struct bind_names left; /* what is not as before, a line each */
};

/*
 * Carries out a plan for the facts it was made of. What fails is taken back. Functions whose
 * write is stuck are left alone from then on.
 */
void bind_carry(struct bind_facts *facts, const struct bind_plan *plan, struct bind_door *door,
	struct bind_carried *carried);

/* What a journal or the record of --persist says. */
struct bind_record {
	const char *path;
	struct bind_function *functions; /* slot and before */
	size_t count;
	struct bind_names unloaded;
	const char *boot; /* the boot that it is of; NULL: any */
};

/* False if there is none of this boot. A line that cannot be read is no line. */
bool journal_read(struct gpu_run *run, const char *slot, struct bind_record *record);
void journal_parse(struct arena *arena, const char *text, struct bind_record *record);
/* The text of a record of the functions' states: of before where they are recorded, else now. */
const char *journal_text(const struct bind_facts *facts);
/*
 * Begins or goes on with a journal; a descriptor for journal_note, -1 with errno set. What an
 * earlier move noted stays: it tells how things were before all moves.
 */
int journal_open(const struct bind_facts *facts);
/* Adds a line and synchronises it. */
bool journal_note(int fd, struct arena *arena, const struct bind_step *step);
bool journal_remove(struct gpu_run *run, const char *slot);
/*
 * The lock of a slot: a descriptor, -1 with errno set (EWOULDBLOCK: somebody moves it). Who only
 * looks asks for it too, as a question about a function that is stuck would get stuck itself;
 * ENOENT then: there never was one.
 */
int journal_lock(struct gpu_run *run, const char *slot, bool look);

/* persist.c: see nv-gpu(1), --persist. */
bool persist_read(struct gpu_run *run, const char *slot, struct bind_record *record);
const char *persist_rule(const struct bind_facts *facts);
bool persist_write(const struct bind_facts *facts, const char **path);
/* Whether there was something to remove; false in *fine if it could not be. */
bool persist_remove(struct gpu_run *run, const char *slot, bool *fine);
/* The files that are there, "" if none is. */
const char *persist_files(struct gpu_run *run, const char *slot);

/* facts.c: everything anew; nothing is written. words: SLOT DRIVER; only as given. */
struct bind_request {
	enum bind_action action;
	const char *slot, *target;
	int only; /* the function that is to move alone, -1: all */
};
void facts_gather(
	struct gpu_run *run, const struct bind_request *request, struct bind_facts *facts);

/* Whether a holder has a node open or mapped that a function takes along; the nodes for people. */
bool bind_is_held(const struct bind_facts *facts, const struct hw_holder *holder,
	const struct bind_function *function);

/*
 * child.c: does work in a child, at most milliseconds long. The child's word is copied to answer
 * (size bytes, NUL-terminated) unless that is NULL. It has no descriptors of ours but the lock:
 * while it is stuck, nobody else moves the slot.
 */
struct bind_result child_run(int (*work)(void *context, int answer), void *context,
	long milliseconds, char *answer, size_t size);

/* kernel.c: the door of this machine; descriptors of journal_open and journal_lock. */
struct bind_kernel {
	struct bind_door door;
	struct gpu_run *run;
	int journal, lock;
};
void kernel_door(struct bind_kernel *kernel, struct gpu_run *run, int journal, int lock);
/* driver_override of a function, asked in a child; false where the kernel does not answer. */
bool kernel_override(struct gpu_run *run, const char *function, const char **override);

/* show.c */
struct bind_answer {
	const struct bind_facts *facts;
	const struct bind_findings *findings;
	const struct bind_plan *plan;
	const struct bind_carried *carried; /* NULL if nothing was done */
	const char *persisted, *unpersisted; /* the rule written; why it was not */
};
int bind_show(struct gpu_run *run, const struct bind_answer *answer);

#endif
