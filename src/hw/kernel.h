/* SPDX-License-Identifier: MIT */
/*
 * kernel: the running kernel, the modules built for it, what modprobe is told of them, and other
 * facts of the machine that no GPU has.
 */
#ifndef NV_HW_KERNEL_H
#define NV_HW_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

struct hw;
struct hw_gpu;

/* A line of modprobe.d(5) that says something; words are parted by one blank. */
struct hw_modprobe_line {
	const char *file, *text;
};

struct hw_kernel {
	const char *release; /* "6.1.0-30-amd64", NULL if the kernel does not say */
	const char *modules; /* its directory of modules, NULL if there is none */
	const char *depends; /* the text of modules.dep in it; NULL if it cannot be read */
	struct hw_modprobe_line *lines; /* in the order of modprobe */
	size_t line_count;
};

void hw_kernel_read(struct hw *hw, struct hw_kernel *kernel);

/* Whether the running kernel is at least MAJOR.MINOR; true if it does not say. */
bool hw_kernel_at_least(const struct hw_kernel *kernel, unsigned major, unsigned minor);

/* Whether modules.dep has a module whose file name begins so ("nvidia" finds nvidia-current); the
 * name of it without ".ko...", NULL if not. '-' and '_' are the same. */
const char *hw_kernel_module(struct hw *hw, const struct hw_kernel *kernel, const char *name);

/* What modprobe.d(5) calls a module of NVIDIA's driver ("nvidia", "nvidia_drm"): Debian's have
 * other names while they are files, such as nvidia-current-open-drm, and modprobe goes by these. */
const char *hw_kernel_nvidia(struct hw *hw, const struct hw_kernel *kernel, const char *module);

/* Releases of other kernels that have a module of that name, comma separated; NULL if none has. */
const char *hw_kernel_others(struct hw *hw, const struct hw_kernel *kernel, const char *name);

/* Whether a line of modprobe.d(5) keeps a module from being loaded: "blacklist M", "alias M off",
 * "install M /bin/false" or another command that does nothing. '-' and '_' are the same. */
bool hw_modprobe_blocks(const char *line, const char *module);

/* The file, or "the kernel command line", that keeps a module from being loaded by its device's
 * alias or at all; NULL if nothing does. */
const char *hw_kernel_blacklisted(
	struct hw *hw, const struct hw_kernel *kernel, const char *module);

/* The value of a module's option in modprobe.d, the last one counting; NULL if there is none. *file
 * gets the file, unless file is NULL. */
const char *hw_kernel_option(struct hw *hw, const struct hw_kernel *kernel, const char *module,
	const char *option, const char **file);

/* /sys/module/MODULE/taint: "P" proprietary, "O" out of tree, "E" not signed; NULL if not told. */
const char *hw_module_taint(struct hw *hw, const char *module);

/* /sys/module/MODULE/parameters/NAME; NULL if unreadable. */
const char *hw_module_parameter(struct hw *hw, const char *module, const char *name);

/* Whether there is such a parameter, readable or not. */
bool hw_module_has_parameter(struct hw *hw, const char *module, const char *name);

/* Whether this is NixOS, where configuration.nix makes what is in /etc. */
bool hw_is_nixos(const struct hw *hw);

/* UEFI's Secure Boot: 1 on, 0 off or no UEFI, -1 if that is not ours to see. */
int hw_secure_boot(struct hw *hw);

/* The word in brackets of /sys/kernel/security/lockdown: "none", "integrity"; NULL if unknown. */
const char *hw_lockdown(struct hw *hw);

/* By the chassis (DMI), else by a battery of the machine's own. */
bool hw_is_laptop(struct hw *hw);

/* Whether it can suspend to RAM (/sys/power/state); true if it does not say. */
bool hw_can_suspend(struct hw *hw);

/* Whether a process of that name (comm: 15 bytes) runs: 1, 0; -1 if /proc has no processes. */
int hw_runs(struct hw *hw, const char *name);

/* Whether a process of that name was started with such a word. */
bool hw_runs_with(struct hw *hw, const char *name, const char *word);

/* The type of the file system that holds a path, "tmpfs"; NULL if the kernel does not say. */
const char *hw_filesystem(struct hw *hw, const char *path);

/* Whether there are device nodes to look at at all: recordings may have none. */
bool hw_has_nodes(struct hw *hw);
bool hw_has_node(struct hw *hw, const char *name); /* "nvidia0", "nvidiactl" */

#endif
