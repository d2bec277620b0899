// SPDX-License-Identifier: GPL-2.0 OR MIT
/* nvidia_drm: keeps each GPU of the driver nvidia in use while it is loaded, if modeset is on. */
#include <linux/module.h>

#include "nvidia.h"

static bool modeset;
module_param(modeset, bool, 0400);

static int __init begin(void)
{
	if (modeset)
		nvidia_hold(true);
	return 0;
}

static void __exit end(void)
{
	if (modeset)
		nvidia_hold(false);
}

module_init(begin);
module_exit(end);
MODULE_DESCRIPTION("Keeps GPUs in use as NVIDIA's nvidia_drm does, for tests");
MODULE_LICENSE("Dual MIT/GPL");
