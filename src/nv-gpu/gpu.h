/* SPDX-License-Identifier: MIT */
/*
 * gpu: one run of nv-gpu. nv-gpu(1) is the specification.
 *
 * main.c      the order of things; the table of commands
 * options.c   the command line
 * list.c ps.c awake.c
 *             a command each
 * show/       everything known of a GPU, and --wake
 * record/     record and replay
 * bind/       bind, unbind and restore
 * doctor/     the doctor: a function a check
 *
 * Looking never wakes a GPU: no command that only looks reads PCI configuration space, opens a
 * device node or calls NVML. What cannot be had asleep is "asleep", and --wake asks for it.
 */
#ifndef NV_GPU_H
#define NV_GPU_H

#include <stdbool.h>
#include <stddef.h>

#include "base/command.h"
#include "hw/hw.h"

struct arena;
struct buf;
struct hw_holder;
struct hw_holders;
struct json;

/* Problems found is what doctor ends with; refused is what bind does before it changed anything. */
enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_REFUSED = 3 };

struct gpu_options {
	const struct command *command;
	const char **words; /* what stands behind the command, NULL-ended */
	size_t word_count;
	const char *sysroot, *only;
	long wait; /* --wait in milliseconds, 0 if not given */
	bool json, wake, watch, dry_run, fix, undo, persist, anonymous;
	int verbosity;
};

struct gpu_run {
	struct arena *arena;
	struct gpu_options options;
	char *const *environment;
	struct hw hw;
};

/* Ends with a NULL name. */
extern const struct command gpu_commands[];

/* options.c: 0 to go on, negative if all is done, else the status to exit with. */
int options_parse(struct arena *arena, struct gpu_options *options, int argc, char **argv);

/* Writes text to stdout; the status to exit with. */
int gpu_print(const struct buf *out);

/* Fills run->hw with all GPUs and their roles, those of machine.conf too; warns of what is wrong
 * in that. */
void gpu_scan(struct gpu_run *run);

/*
 * The GPUs that the first word of the command line means: a slot as slot_parse
 * has it ("01:00.0", "PCI:1:0:0") or a selector of nv-run ("nvidia:1", "discrete", "name=*RTX*");
 * all of them without a word. False after saying that there is none.
 */
bool gpu_select(struct gpu_run *run, struct hw_gpu ***gpus, size_t *count);

/* "01:00.0 NVIDIA GeForce RTX 3050": a slot without the domain 0000, and the name. */
const char *gpu_title(struct gpu_run *run, struct hw_gpu *gpu);

/* A user's name, or the number as text. */
const char *gpu_user(struct gpu_run *run, unsigned uid);

/* A name for a terminal, with what would disturb it as '?': a process may call itself anything. */
const char *gpu_plain(struct gpu_run *run, const char *name);

/*
 * advice.c: how a process that holds a GPU is made to let go of it, a line of a command or a
 * setting. Never NULL. Roles must have been judged (gpu_select does it).
 */
const char *gpu_let_go(
	struct gpu_run *run, const struct hw_gpu *gpu, const struct hw_holder *holder);

/* Where a rule of udev's goes, and how nvidia-persistenced is ended for good: NixOS makes its files
 * and units of configuration.nix. */
const char *gpu_udev_rules(const struct gpu_run *run);
const char *gpu_no_persistence(const struct gpu_run *run);

/*
 * How a program of a desktop session is kept off an NVIDIA GPU that it opens only because EGL asks
 * every driver: a line, then lines of a rule or commands, between newlines. NULL where it was sent
 * to the GPU on purpose, computes on it, is no such program, or there is no other GPU.
 */
const char *gpu_keep_off(
	struct gpu_run *run, const struct hw_gpu *gpu, const struct hw_holder *holder);

/* ps.c: how many processes could not be inspected and why, a sentence; NULL if all could. */
const char *gpu_unseen(struct gpu_run *run, const struct hw_holders *holders);
void gpu_json_holder(struct gpu_run *run, struct json *json, const struct hw_holder *holder);
void gpu_json_unseen(struct gpu_run *run, struct json *json, const struct hw_holders *holders);

/* The commands: the exit status. */
int list_run(struct gpu_run *run);
int show_run(struct gpu_run *run);
int ps_run(struct gpu_run *run);
int awake_run(struct gpu_run *run);
int bind_run(struct gpu_run *run);
int unbind_run(struct gpu_run *run);
int restore_run(struct gpu_run *run);
int doctor_run(struct gpu_run *run);
int record_run(struct gpu_run *run);
int replay_run(struct gpu_run *run);

#endif
