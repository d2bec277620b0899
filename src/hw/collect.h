/* SPDX-License-Identifier: MIT */
/*
 * collect: what a recording of a machine holds. Nothing of it wakes a GPU: no device node is
 * opened, no PCI configuration space is read, nor an attribute of a device that sleeps which the
 * kernel answers from there.
 */
#ifndef NV_HW_COLLECT_H
#define NV_HW_COLLECT_H

#include <stdbool.h>
#include <stddef.h>

#include "hw/recording.h"

struct hw;

struct hw_collection {
	struct recording recording; /* remarks and entries; directories above a path are left out */
	size_t refused; /* files that could not be read */
	bool full; /* there was more than a recording may hold */
};

/*
 * homes: directories of users whose settings count. stuck: PCI functions whose driver is being
 * taken away and does not leave; what would wait for that too is marked as not readable. Both end
 * with NULL. The GPUs must have been scanned.
 */
void hw_collect(struct hw *hw, const char *const *homes, const char *const *stuck,
	struct hw_collection *collection);

/* Whether a word is part of a path that recordings have on every machine: "usr", "nvidia". */
bool hw_collect_knows(const char *word);

#endif
