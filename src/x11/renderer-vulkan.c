/* SPDX-License-Identifier: MIT */
/* Vulkan: the physical devices in the loader's order; most programs take the first. */
#define VK_NO_PROTOTYPES
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

#include "x11/renderer-internal.h"

enum { EXTENSIONS = 512 };

struct vulkan {
	const struct renderer_listener *to;
	PFN_vkGetInstanceProcAddr proc_address;
	VkInstance instance;
	bool properties2; /* VK_KHR_get_physical_device_properties2 */
	PFN_vkEnumeratePhysicalDevices devices;
	PFN_vkGetPhysicalDeviceProperties properties;
	PFN_vkGetPhysicalDeviceProperties2KHR more;
	PFN_vkEnumerateDeviceExtensionProperties device_extensions;
};

static bool lists(const VkExtensionProperties *extensions, uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(extensions[i].extensionName, name) == 0)
			return true;
	}
	return false;
}

static bool instance_has(struct vulkan *vulkan, const char *name)
{
	PFN_vkEnumerateInstanceExtensionProperties enumerate =
		(PFN_vkEnumerateInstanceExtensionProperties)vulkan->proc_address(
			NULL, "vkEnumerateInstanceExtensionProperties");
	static VkExtensionProperties extensions[EXTENSIONS];
	uint32_t count = EXTENSIONS;

	return enumerate && enumerate(NULL, &count, extensions) >= 0 &&
	       lists(extensions, count, name);
}

/* VK_LOADER_DRIVERS_DISABLE is of loader 1.3.234; an older one would load what it must not. */
static bool too_old(struct vulkan *vulkan)
{
	PFN_vkEnumerateInstanceVersion get_version =
		(PFN_vkEnumerateInstanceVersion)vulkan->proc_address(
			NULL, "vkEnumerateInstanceVersion");
	uint32_t version = VK_API_VERSION_1_0;

	return !get_version || get_version(&version) != VK_SUCCESS ||
	       version < VK_MAKE_API_VERSION(0, 1, 3, 234);
}

static bool create(struct vulkan *vulkan)
{
	static const char *const wanted[] = {
		VK_KHR_GET_PHYSICAL_DEVICE_PROPERTIES_2_EXTENSION_NAME};
	const VkApplicationInfo application = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
		.apiVersion = VK_API_VERSION_1_0,
	};
	VkInstanceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pApplicationInfo = &application,
	};
	PFN_vkCreateInstance create_instance;
	VkResult result;

	create_instance = (PFN_vkCreateInstance)vulkan->proc_address(NULL, "vkCreateInstance");
	vulkan->properties2 = instance_has(vulkan, wanted[0]);
	if (vulkan->properties2) {
		info.enabledExtensionCount = 1;
		info.ppEnabledExtensionNames = wanted;
	}
	result = create_instance ? create_instance(&info, NULL, &vulkan->instance)
				 : VK_ERROR_INITIALIZATION_FAILED;
	if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
		renderer_tell(vulkan->to, "none", "no Vulkan driver works here");
	else if (result != VK_SUCCESS)
		renderer_tell(vulkan->to, "error", "vkCreateInstance failed (%d)", (int)result);
	return result == VK_SUCCESS;
}

static void tell_pci(struct vulkan *vulkan, VkPhysicalDevice device)
{
	static VkExtensionProperties extensions[EXTENSIONS];
	VkPhysicalDevicePCIBusInfoPropertiesEXT pci = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PCI_BUS_INFO_PROPERTIES_EXT};
	VkPhysicalDeviceProperties2 properties = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &pci};
	uint32_t count = EXTENSIONS;

	if (!vulkan->more || !vulkan->device_extensions ||
		vulkan->device_extensions(device, NULL, &count, extensions) < 0 ||
		!lists(extensions, count, VK_EXT_PCI_BUS_INFO_EXTENSION_NAME))
		return;
	vulkan->more(device, &properties);
	renderer_tell(vulkan->to, "pci", "%04x:%02x:%02x.%x", pci.pciDomain, pci.pciBus,
		pci.pciDevice, pci.pciFunction);
}

static void tell_device(struct vulkan *vulkan, uint32_t number, VkPhysicalDevice device)
{
	static const char *const types[] = {"other", "integrated", "discrete", "virtual", "cpu"};
	VkPhysicalDeviceProperties properties = {.deviceType = VK_PHYSICAL_DEVICE_TYPE_OTHER};
	unsigned type;

	vulkan->properties(device, &properties);
	type = properties.deviceType;
	renderer_tell(vulkan->to, "device", "%u", number);
	renderer_tell(vulkan->to, "name", "%.*s", (int)sizeof(properties.deviceName),
		properties.deviceName);
	renderer_tell(vulkan->to, "type", "%s",
		type < sizeof(types) / sizeof(*types) ? types[type] : "other");
	/* Larger ids are Khronos's, of drivers without a PCI device. */
	if (properties.vendorID <= 0xffff && type != VK_PHYSICAL_DEVICE_TYPE_CPU)
		renderer_tell(
			vulkan->to, "ids", "%04x:%04x", properties.vendorID, properties.deviceID);
	if (type == VK_PHYSICAL_DEVICE_TYPE_CPU)
		renderer_tell(vulkan->to, "software", "yes");
	renderer_tell(vulkan->to, "version", "%u.%u.%u",
		VK_API_VERSION_MAJOR(properties.apiVersion),
		VK_API_VERSION_MINOR(properties.apiVersion),
		VK_API_VERSION_PATCH(properties.apiVersion));
	tell_pci(vulkan, device);
}

static void tell_devices(struct vulkan *vulkan)
{
	VkPhysicalDevice devices[RENDERER_DEVICES];
	uint32_t count = RENDERER_DEVICES;
	VkResult result = vulkan->devices(vulkan->instance, &count, devices);

	if (result < 0)
		renderer_tell(
			vulkan->to, "error", "vkEnumeratePhysicalDevices failed (%d)", (int)result);
	else if (!count)
		renderer_tell(vulkan->to, "none", "Vulkan offers no device");
	for (uint32_t i = 0; result >= 0 && i < count; i++)
		tell_device(vulkan, i, devices[i]);
}

void renderer_vulkan(const struct renderer_listener *to, bool careful)
{
	static const char *const libraries[] = {"libvulkan.so.1", NULL};
	struct vulkan vulkan = {.to = to};
	const struct renderer_symbol symbols[] = {
		{"vkGetInstanceProcAddr", &vulkan.proc_address},
		{NULL, NULL},
	};

	if (!renderer_load(to, libraries, symbols))
		return;
	if (careful && too_old(&vulkan)) {
		renderer_tell(to, "missing",
			"not asked: this Vulkan loader, older than 1.3.234, would load a "
			"sleeping GPU's driver");
		return;
	}
	if (!create(&vulkan))
		return;
	vulkan.devices = (PFN_vkEnumeratePhysicalDevices)vulkan.proc_address(
		vulkan.instance, "vkEnumeratePhysicalDevices");
	vulkan.properties = (PFN_vkGetPhysicalDeviceProperties)vulkan.proc_address(
		vulkan.instance, "vkGetPhysicalDeviceProperties");
	vulkan.device_extensions = (PFN_vkEnumerateDeviceExtensionProperties)vulkan.proc_address(
		vulkan.instance, "vkEnumerateDeviceExtensionProperties");
	if (vulkan.properties2)
		vulkan.more = (PFN_vkGetPhysicalDeviceProperties2KHR)vulkan.proc_address(
			vulkan.instance, "vkGetPhysicalDeviceProperties2KHR");
	if (vulkan.devices && vulkan.properties)
		tell_devices(&vulkan);
	else
		renderer_tell(to, "error", "the Vulkan loader lacks functions");
}
