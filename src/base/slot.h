/* SPDX-License-Identifier: MIT */
/* slot: where a PCI device is, as people and programs write it. */
#ifndef NV_BASE_SLOT_H
#define NV_BASE_SLOT_H

struct arena;

/*
 * "0000:0a:00" of what people write, the domain and the function being optional: "0a:00", "A:0.1",
 * "00000000:0A:00.0" as nvidia-smi prints it, or a BusID as in xorg.conf(5), all decimal:
 * "PCI:10:0:0", "PCI:10@0:0:0". *function is -1 if none was given. NULL if it is no slot.
 */
const char *slot_parse(struct arena *arena, const char *word, int *function);

#endif
