/* SPDX-License-Identifier: MIT */
#include "nv-gpu/doctor/doctor.h"

const struct check checks[] = {
	{"driver-version", "versions of NVIDIA's kernel driver and of its libraries",
		check_driver_version},
	{NULL, NULL, NULL},
};
