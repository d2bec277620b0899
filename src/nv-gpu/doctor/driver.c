/* SPDX-License-Identifier: MIT */
/* driver: NVIDIA's kernel driver, and whether the rest fits to it. */
#include "nv-gpu/doctor/doctor.h"

void check_driver_version(struct doctor *doctor)
{
	doctor_ok(doctor, "NVIDIA's kernel driver is not loaded");
}
