/* SPDX-License-Identifier: MIT */
/*
 * chip: the generations of NVIDIA's GPUs, told by their PCI device ids, and the drivers for each.
 *
 * Ranges of ids: the names in pci.ids, and for Blackwell the list of NVIDIA's gpu-admin-tools.
 * Last drivers: NVIDIA's list of legacy GPUs. Turing is the first with the processor (GSP) that the
 * open kernel module needs (NVIDIA/open-gpu-kernel-modules issue 19), Blackwell the first that the
 * proprietary one does not know.
 */
#ifndef NV_HW_CHIP_H
#define NV_HW_CHIP_H

struct hw_gpu;

enum hw_chip {
	HW_CHIP_UNKNOWN, /* not NVIDIA's */
	HW_CHIP_OLDER, /* before Tesla: GeForce 7 and older */
	HW_CHIP_TESLA,
	HW_CHIP_FERMI,
	HW_CHIP_KEPLER,
	HW_CHIP_MAXWELL,
	HW_CHIP_PASCAL,
	HW_CHIP_VOLTA,
	HW_CHIP_TURING,
	HW_CHIP_AMPERE,
	HW_CHIP_HOPPER,
	HW_CHIP_ADA,
	HW_CHIP_BLACKWELL, /* or newer */
};

enum hw_chip hw_chip_of(const struct hw_gpu *gpu);

const char *hw_chip_name(enum hw_chip chip);

/* Major numbers of the first and the last driver that runs it; 0: does not matter, or none yet. */
unsigned hw_chip_first_driver(enum hw_chip chip);
unsigned hw_chip_last_driver(enum hw_chip chip);

#endif
