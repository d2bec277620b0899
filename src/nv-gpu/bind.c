/* SPDX-License-Identifier: MIT */
#include "base/log.h"
#include "nv-gpu/gpu.h"

int bind_run(struct gpu_run *run)
{
	log_error("%s is not there yet", run->options.command->name);
	return EXIT_FAILED;
}

int unbind_run(struct gpu_run *run)
{
	return bind_run(run);
}

int restore_run(struct gpu_run *run)
{
	return bind_run(run);
}
