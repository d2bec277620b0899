// SPDX-License-Identifier: GPL-2.0 OR MIT
/* With modeset, as NVIDIA's does, it has the GPUs open without any process. */
#include <linux/module.h>

#include "nvidia.h"

static bool modeset = true;
module_param(modeset, bool, 0400);

static int __init begin(void)
{
	if (modeset)
		test_nvidia_hold(true);
	return 0;
}

static void __exit end(void)
{
	if (modeset)
		test_nvidia_hold(false);
}

module_init(begin);
module_exit(end);
MODULE_DESCRIPTION("looks like NVIDIA's nvidia-drm to tests");
MODULE_LICENSE("Dual MIT/GPL");
