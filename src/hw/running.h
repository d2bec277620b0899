/* SPDX-License-Identifier: MIT */
/*
 * running: which programs run, with which words, and since when the machine does.
 */
#ifndef NV_HW_RUNNING_H
#define NV_HW_RUNNING_H

#include <stddef.h>

struct hw;

struct hw_command {
	long pid;
	const char **words; /* its command line, NULL-ended; empty if that is not ours to see */
	size_t count;
};

/*
 * The processes with a name (comm, of which the kernel keeps 15 bytes) out of a NULL-ended list,
 * *count of them. None where /proc does not show them.
 */
struct hw_command *hw_commands(struct hw *hw, const char *const *names, size_t *count);

/* When the kernel started (/proc/stat, btime), in seconds since 1970; 0 if it does not say. */
long long hw_boot_time(struct hw *hw);

/* The kernel command line as it is, NULL if the kernel does not show it. */
const char *hw_boot_words(struct hw *hw);

#endif
