/* SPDX-License-Identifier: MIT */
#include "hw/chip.h"

#include <stddef.h>

#include "hw/hw.h"

/* From this device id on, up to the next row. Old generations are mixed. */
static const struct {
	unsigned first;
	enum hw_chip chip;
} ranges[] = {
	{0x0000, HW_CHIP_OLDER},
	{0x0190, HW_CHIP_TESLA},
	{0x01a0, HW_CHIP_OLDER},
	{0x0400, HW_CHIP_TESLA},
	{0x06c0, HW_CHIP_FERMI},
	{0x06e0, HW_CHIP_TESLA},
	{0x0dc0, HW_CHIP_FERMI},
	{0x0fc0, HW_CHIP_KEPLER},
	{0x1040, HW_CHIP_FERMI},
	{0x10c0, HW_CHIP_TESLA},
	{0x1140, HW_CHIP_FERMI},
	{0x1180, HW_CHIP_KEPLER},
	{0x1200, HW_CHIP_FERMI},
	{0x1280, HW_CHIP_KEPLER},
	{0x1340, HW_CHIP_MAXWELL},
	{0x15f0, HW_CHIP_PASCAL},
	{0x1617, HW_CHIP_MAXWELL},
	{0x1725, HW_CHIP_PASCAL},
	{0x174d, HW_CHIP_MAXWELL},
	{0x1b00, HW_CHIP_PASCAL},
	{0x1d81, HW_CHIP_VOLTA},
	{0x1e00, HW_CHIP_TURING},
	{0x2080, HW_CHIP_AMPERE},
	{0x2180, HW_CHIP_TURING},
	{0x2200, HW_CHIP_AMPERE},
	{0x2300, HW_CHIP_HOPPER},
	{0x2400, HW_CHIP_AMPERE},
	{0x2600, HW_CHIP_ADA},
	{0x2900, HW_CHIP_BLACKWELL},
};

static const struct {
	const char *name;
	unsigned first_driver, last_driver;
} chips[] = {
	[HW_CHIP_UNKNOWN] = {"unknown", 0, 0},
	[HW_CHIP_OLDER] = {"pre-Tesla", 0, 304},
	[HW_CHIP_TESLA] = {"Tesla", 0, 340},
	[HW_CHIP_FERMI] = {"Fermi", 0, 390},
	[HW_CHIP_KEPLER] = {"Kepler", 0, 470},
	[HW_CHIP_MAXWELL] = {"Maxwell", 0, 580},
	[HW_CHIP_PASCAL] = {"Pascal", 367, 580},
	[HW_CHIP_VOLTA] = {"Volta", 384, 580},
	[HW_CHIP_TURING] = {"Turing", 410, 0},
	[HW_CHIP_AMPERE] = {"Ampere", 450, 0},
	[HW_CHIP_HOPPER] = {"Hopper", 515, 0},
	[HW_CHIP_ADA] = {"Ada", 520, 0},
	[HW_CHIP_BLACKWELL] = {"Blackwell", 570, 0},
};

enum hw_chip hw_chip_of(const struct hw_gpu *gpu)
{
	size_t i = sizeof(ranges) / sizeof(*ranges);

	if (!gpu->pci || gpu->vendor != HW_NVIDIA)
		return HW_CHIP_UNKNOWN;
	while (gpu->device < ranges[--i].first)
		;
	return ranges[i].chip;
}

const char *hw_chip_name(enum hw_chip chip)
{
	return chips[chip].name;
}

unsigned hw_chip_first_driver(enum hw_chip chip)
{
	return chips[chip].first_driver;
}

unsigned hw_chip_last_driver(enum hw_chip chip)
{
	return chips[chip].last_driver;
}
