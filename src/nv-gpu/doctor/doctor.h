/* SPDX-License-Identifier: MIT */
/*
 * doctor: what is wrong with how the GPUs are set up, and what to do.
 *
 * checks.c    the table: a row a check, in the order of the answer
 * doctor.c    the command: runs the checks, counts
 * show.c      the answer for people and as JSON
 * fix.c       what --fix does
 * undo.c      what --undo puts back
 * journal.c   what was changed: the state directory that both work with
 * files.c     configuration that is spread over directories
 * beside.c    asking another program of ours
 * xorg/       the X server's configuration and log
 * ask.c       what several checks ask of a machine
 * user/       checks of the drivers' user side
 *
 * Every other file has the checks of one subject, a function each. A check looks through
 * run->hw, wakes nothing, changes nothing, and says at least one finding: ok says what it looked
 * at, unknown what it may not see. It answers on any machine.
 */
#ifndef NV_GPU_DOCTOR_H
#define NV_GPU_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "hw/kernel.h"
#include "nv-gpu/gpu.h"

enum verdict {
	VERDICT_OK,
	VERDICT_NOTE, /* works, but is worth knowing */
	VERDICT_UNKNOWN, /* could not be seen; what says why */
	VERDICT_PROBLEM,
};

struct doctor;
struct xorg;

struct check {
	const char *name; /* "driver-version", what --only takes */
	const char *about; /* what it looks at: "versions of the kernel driver and its libraries" */
	void (*look)(struct doctor *doctor);
};

enum change_kind { CHANGE_FILE, CHANGE_LINK, CHANGE_REMOVE, CHANGE_ATTRIBUTE };

struct change {
	enum change_kind kind;
	const char *path;
	const char *text; /* contents, target of the link or value; NULL of CHANGE_REMOVE */
	const char *command; /* what a person types instead; NULL: made of the others */
};

struct finding {
	const struct check *check;
	enum verdict verdict;
	const char *what; /* a line */
	const char *why; /* why it matters, a line or two; NULL where all is well */
	const char *fix; /* what is left for people: commands, in lines; NULL if there is nothing */
	struct change *changes; /* what --fix does; shown in front of fix, as commands */
	size_t change_count;
};

/* Something that --fix or --undo did, or could not do. */
struct deed {
	const char *check;
	const char *what; /* "wrote /etc/modprobe.d/nvidia-power.conf" */
	const char *back; /* the command that takes it back by hand; NULL if there is none */
	bool failed;
};

struct doctor {
	struct gpu_run *run;
	const struct check *check; /* the one that looks */
	struct finding *findings;
	size_t count;
	struct deed *deeds;
	size_t deed_count;
	struct xorg *xorg; /* xorg/xorg.h: read on first use */
	struct hw_kernel kernel; /* read before the first check */
};

/* Ends with a NULL name. */
extern const struct check checks[];

/*
 * Adds a finding of the check that looks. Texts are kept by reference: arena_printf. The finding is
 * good until the next one is added.
 */
struct finding *doctor_ok(struct doctor *doctor, const char *what);
struct finding *doctor_unknown(struct doctor *doctor, const char *what);
struct finding *doctor_note(
	struct doctor *doctor, const char *what, const char *why, const char *fix);
struct finding *doctor_problem(
	struct doctor *doctor, const char *what, const char *why, const char *fix);

/* A note or a problem, as the machine has it. */
struct finding *doctor_say(struct doctor *doctor, enum verdict verdict, const char *what,
	const char *why, const char *fix);

/*
 * What --fix does for a finding. Each is said by the answer as a command, so that the fix of the
 * finding has only what is left to do behind them ("reboot"). Where the path already is as wanted
 * nothing is done; so a check whose change needs a reboot looks at the file too, and says
 * so in a note without changes. The text of a file ends with a newline, that of an attribute does
 * not.
 *
 * file: makes or replaces one, directories above included; a file a check, so that none's way back
 * takes another's with it. link: makes a symbolic link, or points it elsewhere. remove: moves a
 * file or a link away; kept for --undo. attribute: writes one of /sys, whose path hw/ gives.
 */
void doctor_change_file(
	struct doctor *doctor, struct finding *finding, const char *path, const char *text);
/* The same for a change of an existing file that a command tells better than all of its text. */
void doctor_change_edit(struct doctor *doctor, struct finding *finding, const char *path,
	const char *text, const char *command);
void doctor_change_link(
	struct doctor *doctor, struct finding *finding, const char *path, const char *target);
void doctor_change_remove(struct doctor *doctor, struct finding *finding, const char *path);
void doctor_change_attribute(
	struct doctor *doctor, struct finding *finding, const char *path, const char *text);

const char *verdict_name(enum verdict verdict);

/* advice.c: what is to be done by hand for a finding: its changes as commands, then its fix; "" if
 * nothing.
 */
const char *doctor_advice(struct doctor *doctor, const struct finding *finding);

/* What to do where a unit is not installed that the check that looks wants to be started. */
const char *doctor_missing_unit(struct doctor *doctor, const char *unit);

/* fix.c: carries out all changes; false if one failed. EXIT_REFUSED if it may not even begin. */
int doctor_fix(struct doctor *doctor);

/* undo.c: puts back what --fix did, newest first; --only limits it. The status to exit with. */
int doctor_undo(struct doctor *doctor);

/* doctor.c: adds a deed. */
void doctor_did(
	struct doctor *doctor, const char *check, const char *what, const char *back, bool failed);

/*
 * beside.c: what the program of this name in the directory of nv-gpu answers; words begin with its
 * name and end with NULL. NULL if it is not there, or does not end in time: it is killed then.
 */
const char *doctor_ask(struct doctor *doctor, const char *const *words, long milliseconds);

/* show.c */
void doctor_show(struct doctor *doctor, struct buf *out);
void doctor_show_json(struct doctor *doctor, struct buf *out);

/* ask.c */
/* The next NVIDIA GPU after one (NULL: the first), whatever drives it; NULL if there is none. */
struct hw_gpu *doctor_next_nvidia(struct doctor *doctor, const struct hw_gpu *after);

/* Whether NVIDIA's kernel module is installed for the running kernel, or loaded. */
bool doctor_has_module(struct doctor *doctor);

/* Major number of the driver that is loaded, or else of one that is installed; 0 if it is not
 * known. *version gets all of it, or NULL. */
unsigned doctor_driver(struct doctor *doctor, const char **version);

/* The command that makes the initial file system anew, behind a change of modprobe.d; "" if none is
 * known. It ends with "; " */
const char *doctor_initramfs(struct doctor *doctor);

/* The text of a file of modprobe.d that gives NVIDIA's module ("nvidia", "nvidia_drm") an option.
 */
const char *doctor_option_text(struct doctor *doctor, const char *module, const char *setting);

/* What a module's option is set to by modprobe.d or the kernel command line, which wins; NULL if
 * by none. *where gets what says so. */
const char *doctor_option(
	struct doctor *doctor, const char *module, const char *option, const char **where);

/* The file of a systemd unit; NULL if it is not installed or masked. */
const char *doctor_unit(struct doctor *doctor, const char *unit);

/* The link that starts a unit with another, "systemd-suspend.service" or any target if NULL; NULL
 * if there is none. */
const char *doctor_unit_link(struct doctor *doctor, const char *unit, const char *with);

/* Where such a link belongs that is to be made: "kind" is "wants" or "requires". */
const char *doctor_unit_place(
	struct doctor *doctor, const char *unit, const char *with, const char *kind);

/* The checks, by file. */
/* compete.c */
void check_competing(struct doctor *doctor);
/* chip.c */
/* Whether the driver that is installed, of any flavour, knows a GPU; true if it is not known. */
bool chip_known(struct doctor *doctor, const struct hw_gpu *gpu);
/* The same of the flavour of the module that is loaded. */
bool chip_fits_flavour(struct doctor *doctor, const struct hw_gpu *gpu);
void check_legacy_gpu(struct doctor *doctor);
void check_module_flavour(struct doctor *doctor);
void check_gsp(struct doctor *doctor);
/* daemons.c */
void check_persistenced(struct doctor *doctor);
void check_powerd(struct doctor *doctor);
void check_fabric_manager(struct doctor *doctor);
/* driver.c */
void check_driver_version(struct doctor *doctor);
/* link.c */
void check_pcie_link(struct doctor *doctor);
/* modeset.c */
void check_drm_modeset(struct doctor *doctor);
/* module.c */
void check_module_loaded(struct doctor *doctor);
void check_secure_boot(struct doctor *doctor);
/* power.c */
void check_runtime_pm(struct doctor *doctor);
/* suspend.c */
void check_suspend(struct doctor *doctor);
/* visible.c */
void check_egpu(struct doctor *doctor);
void check_vfio(struct doctor *doctor);

/* xorg/ */
void check_xorg_syntax(struct doctor *doctor);
void check_xorg_busid(struct doctor *doctor);
void check_xorg_modulepath(struct doctor *doctor);
void check_xorg_autoaddgpu(struct doctor *doctor);
void check_xorg_options(struct doctor *doctor);
void check_xorg_log(struct doctor *doctor);
/* providers.c, managers.c, wayland.c, leftovers.c, blocked.c */
void check_provider(struct doctor *doctor);
void check_dm_hooks(struct doctor *doctor);
void check_wayland_session(struct doctor *doctor);
void check_leftovers(struct doctor *doctor);
void check_module_blocked(struct doctor *doctor);
void check_card_removed(struct doctor *doctor);

/* user/: the drivers' user side */
void check_glx_vendor(struct doctor *doctor);
void check_egl_vendor(struct doctor *doctor);
void check_egl_platform(struct doctor *doctor);
void check_vulkan_driver(struct doctor *doctor);
void check_vulkan_layer(struct doctor *doctor);
void check_gbm_backend(struct doctor *doctor);
void check_video_drivers(struct doctor *doctor);
void check_opencl(struct doctor *doctor);
void check_cuda(struct doctor *doctor);
void check_containers(struct doctor *doctor);
void check_session_variables(struct doctor *doctor);

#endif
