/* SPDX-License-Identifier: MIT */
/*
 * A Vulkan driver of two GPUs, one that says where it sits and one that does not: what the loader
 * insists on, and the devices' names.
 */
#include <vulkan/vk_icd.h>
#include <vulkan/vulkan.h>

#include "vendor.h"

EXPORT PFN_vkVoidFunction vk_icdGetInstanceProcAddr(VkInstance instance, const char *name);
EXPORT VkResult vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version);

static VK_LOADER_DATA instance_mark, gpus[2];

/* Gives one extension, or none for NULL. */
static VkResult give(const char *name, uint32_t *count, VkExtensionProperties *list)
{
	if (name && list && *count) {
		memset(list, 0, sizeof(*list));
		snprintf(list->extensionName, sizeof(list->extensionName), "%s", name);
		list->specVersion = 1;
	}
	*count = name != NULL;
	return VK_SUCCESS;
}

static VkResult instance_extensions(const char *layer, uint32_t *count, VkExtensionProperties *list)
{
	(void)layer;
	return give("VK_KHR_get_physical_device_properties2", count, list);
}

static VkResult device_extensions(
	VkPhysicalDevice gpu, const char *layer, uint32_t *count, VkExtensionProperties *list)
{
	(void)layer;
	return give(
		(void *)gpu == &gpus[0] ? VK_EXT_PCI_BUS_INFO_EXTENSION_NAME : NULL, count, list);
}

static VkResult create_instance(
	const VkInstanceCreateInfo *info, const void *allocator, VkInstance *instance)
{
	(void)info;
	(void)allocator;
	set_loader_magic_value(&instance_mark);
	*instance = (VkInstance)&instance_mark;
	return VK_SUCCESS;
}

static VkResult enumerate(VkInstance instance, uint32_t *count, VkPhysicalDevice *list)
{
	(void)instance;
	for (uint32_t i = 0; list && i < 2 && i < *count; i++) {
		set_loader_magic_value(&gpus[i]);
		list[i] = (VkPhysicalDevice)&gpus[i];
	}
	*count = 2;
	return VK_SUCCESS;
}

static void properties(VkPhysicalDevice gpu, VkPhysicalDeviceProperties *out)
{
	int intel = (void *)gpu == &gpus[1];

	memset(out, 0, sizeof(*out));
	out->apiVersion = VK_MAKE_API_VERSION(0, 1, 3, 0);
	out->vendorID = intel ? 0x8086 : 0x10de;
	out->deviceID = intel ? 0x46a6 : 0x25a2;
	out->deviceType = intel ? VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU
				: VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
	snprintf(out->deviceName, sizeof(out->deviceName), "%s",
		intel ? "Intel test GPU" : VENDOR_RENDERER);
}

static void properties2(VkPhysicalDevice gpu, VkPhysicalDeviceProperties2 *out)
{
	properties(gpu, &out->properties);
	for (VkBaseOutStructure *at = out->pNext; at; at = at->pNext) {
		VkPhysicalDevicePCIBusInfoPropertiesEXT *pci = (void *)at;

		if (at->sType != VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PCI_BUS_INFO_PROPERTIES_EXT)
			continue;
		pci->pciDomain = pci->pciDevice = pci->pciFunction = 0;
		pci->pciBus = 1;
	}
}

static void *device_address(VkDevice device, const char *name)
{
	(void)device;
	(void)name;
	return NULL;
}

static const struct vendor_entry entries[] = {
	{"vkEnumerateInstanceExtensionProperties", instance_extensions},
	{"vkCreateInstance", create_instance},
	{"vkEnumeratePhysicalDevices", enumerate},
	{"vkGetPhysicalDeviceProperties", properties},
	{"vkGetPhysicalDeviceProperties2", properties2},
	{"vkGetPhysicalDeviceProperties2KHR", properties2},
	{"vkEnumerateDeviceExtensionProperties", device_extensions},
	{"vkGetDeviceProcAddr", device_address},
	{"vkDestroyInstance", vendor_nothing},
	{"vkGetPhysicalDeviceFeatures", vendor_nothing},
	{"vkGetPhysicalDeviceFormatProperties", vendor_nothing},
	{"vkGetPhysicalDeviceImageFormatProperties", vendor_nothing},
	{"vkGetPhysicalDeviceQueueFamilyProperties", vendor_nothing},
	{"vkGetPhysicalDeviceMemoryProperties", vendor_nothing},
	{"vkGetPhysicalDeviceSparseImageFormatProperties", vendor_nothing},
	{"vkCreateDevice", vendor_nothing},
	{NULL, NULL},
};

PFN_vkVoidFunction vk_icdGetInstanceProcAddr(VkInstance instance, const char *name)
{
	(void)instance;
	return (PFN_vkVoidFunction)vendor_find(entries, name);
}

VkResult vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version)
{
	vendor_log("vulkan");
	*version = 5;
	return VK_SUCCESS;
}
