/* SPDX-License-Identifier: MIT */
#include "base/log.h"
#include "nv-gpu/gpu.h"

int awake_run(struct gpu_run *run)
{
	log_error("%s is not there yet", run->options.command->name);
	return EXIT_FAILED;
}
