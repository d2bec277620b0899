/* SPDX-License-Identifier: MIT */
/* A Vulkan driver that notes that it was loaded and offers nothing. */
#include <stdint.h>

#include "vendor.h"

EXPORT void *vk_icdGetInstanceProcAddr(void *instance, const char *name);
EXPORT int32_t vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version);

static int32_t refuse(void)
{
	return -3; /* VK_ERROR_INITIALIZATION_FAILED */
}

void *vk_icdGetInstanceProcAddr(void *instance, const char *name)
{
	(void)instance;
	return strcmp(name, "vkCreateInstance") == 0 ? (void *)refuse : NULL;
}

int32_t vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version)
{
	vendor_log("vulkan");
	vendor_misbehave();
	*version = 5;
	return 0;
}
