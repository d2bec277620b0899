/* SPDX-License-Identifier: MIT */
/* ask: what only a GPU that is awake tells. All of this wakes it. */
#include <errno.h>
#include <fcntl.h>
#include <pci/pci.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xf86drm.h>

#include "base/str.h"
#include "nv-gpu/show/show.h"

enum { MOST_DEVICES = 64 };

#ifndef DRM_CAP_ATOMIC_ASYNC_PAGE_FLIP
#define DRM_CAP_ATOMIC_ASYNC_PAGE_FLIP 0x15
#endif

/* Of a PRIME capability, bit 0 is import and bit 1 is export. */
const struct show_drm show_drm[] = {
	{DRM_CAP_PRIME, "prime"},
	{DRM_CAP_DUMB_BUFFER, "dumb-buffer"},
	{DRM_CAP_ADDFB2_MODIFIERS, "modifiers"},
	{DRM_CAP_SYNCOBJ, "syncobj"},
	{DRM_CAP_SYNCOBJ_TIMELINE, "syncobj-timeline"},
	{DRM_CAP_ASYNC_PAGE_FLIP, "async-page-flip"},
	{DRM_CAP_ATOMIC_ASYNC_PAGE_FLIP, "atomic-async-page-flip"},
	{DRM_CAP_TIMESTAMP_MONOTONIC, "timestamp-monotonic"},
	{DRM_CAP_CRTC_IN_VBLANK_EVENT, "crtc-in-vblank-event"},
	{DRM_CAP_CURSOR_WIDTH, "cursor-width"},
	{DRM_CAP_CURSOR_HEIGHT, "cursor-height"},
};
_Static_assert(sizeof(show_drm) / sizeof(*show_drm) == DRM_CAPABILITIES, "one number for all");

/* The PCI Code and ID Assignment Specification. */
static const struct {
	uint16_t id;
	bool extended;
	const char *name;
} capabilities[] = {
	{PCI_CAP_ID_PM, false, "Power Management"},
	{PCI_CAP_ID_AGP, false, "AGP"},
	{PCI_CAP_ID_VPD, false, "Vital Product Data"},
	{PCI_CAP_ID_MSI, false, "MSI"},
	{PCI_CAP_ID_VNDR, false, "Vendor Specific"},
	{PCI_CAP_ID_EXP, false, "PCI Express"},
	{PCI_CAP_ID_MSIX, false, "MSI-X"},
	{PCI_CAP_ID_AF, false, "Advanced Features"},
	{PCI_EXT_CAP_ID_AER, true, "Advanced Error Reporting"},
	{PCI_EXT_CAP_ID_VC, true, "Virtual Channel"},
	{PCI_EXT_CAP_ID_DSN, true, "Device Serial Number"},
	{PCI_EXT_CAP_ID_PB, true, "Power Budgeting"},
	{PCI_EXT_CAP_ID_VNDR, true, "Vendor Specific"},
	{PCI_EXT_CAP_ID_ACS, true, "Access Control Services"},
	{PCI_EXT_CAP_ID_ARI, true, "Alternative Routing-ID"},
	{PCI_EXT_CAP_ID_ATS, true, "Address Translation Service"},
	{PCI_EXT_CAP_ID_SRIOV, true, "SR-IOV"},
	{PCI_EXT_CAP_ID_PRI, true, "Page Request Interface"},
	{PCI_EXT_CAP_ID_REBAR, true, "Resizable BAR"},
	{PCI_EXT_CAP_ID_DPA, true, "Dynamic Power Allocation"},
	{PCI_EXT_CAP_ID_LTR, true, "Latency Tolerance Reporting"},
	{PCI_EXT_CAP_ID_SECPCI, true, "Secondary PCI Express"},
	{PCI_EXT_CAP_ID_PASID, true, "Process Address Space ID"},
	{PCI_EXT_CAP_ID_DPC, true, "Downstream Port Containment"},
	{PCI_EXT_CAP_ID_L1PM, true, "L1 PM Substates"},
	{PCI_EXT_CAP_ID_PTM, true, "Precision Time Measurement"},
	{0x24, true, "Virtual Resizable BAR"},
	{0x25, true, "Data Link Feature"},
	{0x26, true, "Physical Layer 16.0 GT/s"},
	{0x27, true, "Lane Margining"},
	{0x2a, true, "Physical Layer 32.0 GT/s"},
};

const char *show_capability(uint16_t id, bool extended)
{
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(*capabilities); i++) {
		if (capabilities[i].id == id && capabilities[i].extended == extended)
			return capabilities[i].name;
	}
	return NULL;
}

/* Whether libdrm's device is this GPU: by its slot, or by its node where there is none. */
static bool is_gpu(struct gpu_run *run, const drmDevice *device, const struct hw_gpu *gpu)
{
	const char *card = hw_node(run->arena, "card", gpu->card);
	char slot[32];

	if (!gpu->pci)
		return card && device->available_nodes & 1 << DRM_NODE_PRIMARY &&
		       str_eq(device->nodes[DRM_NODE_PRIMARY], card);
	if (device->bustype != DRM_BUS_PCI)
		return false;
	snprintf(slot, sizeof(slot), "%04x:%02x:%02x.%u", device->businfo.pci->domain,
		device->businfo.pci->bus, device->businfo.pci->dev, device->businfo.pci->func);
	return str_eq(slot, gpu->slot);
}

/* A render node rather than a card: who opens a card that nobody shows pictures with becomes its
 * master, and keeps a server that starts just then from it. */
static void find_node(struct gpu_run *run, const struct hw_gpu *gpu, struct wake *wake)
{
	drmDevicePtr devices[MOST_DEVICES];
	int count = drmGetDevices2(0, devices, MOST_DEVICES);

	if (count > MOST_DEVICES)
		count = MOST_DEVICES;
	for (int i = 0; i < count; i++) {
		int type = devices[i]->available_nodes & 1 << DRM_NODE_RENDER ? DRM_NODE_RENDER
									      : DRM_NODE_PRIMARY;

		if (is_gpu(run, devices[i], gpu) && devices[i]->available_nodes & 1 << type)
			snprintf(wake->node, sizeof(wake->node), "%s", devices[i]->nodes[type]);
	}
	if (count > 0)
		drmFreeDevices(devices, count);
}

static void ask_driver(int fd, struct wake *wake)
{
	drmVersionPtr version = drmGetVersion(fd);

	if (!version)
		return;
	snprintf(wake->driver, sizeof(wake->driver), "%.*s", version->name_len, version->name);
	snprintf(wake->description, sizeof(wake->description), "%.*s", version->desc_len,
		version->desc);
	snprintf(wake->date, sizeof(wake->date), "%.*s", version->date_len, version->date);
	wake->version[0] = version->version_major;
	wake->version[1] = version->version_minor;
	wake->version[2] = version->version_patchlevel;
	drmFreeVersion(version);
	for (size_t i = 0; i < DRM_CAPABILITIES; i++)
		wake->known[i] = drmGetCap(fd, show_drm[i].id, &wake->values[i]) == 0;
	wake->answered = true;
}

/* The child's own, as libpci's handlers get nothing of ours. */
static struct wake *shared;

static void on_error(char *text, ...) __attribute__((noreturn, format(printf, 1, 2)));
static void on_warning(char *text, ...) __attribute__((format(printf, 1, 2)));

/* The child ends here; what it found so far stands. */
static void on_error(char *text, ...)
{
	va_list arguments;

	va_start(arguments, text);
	vsnprintf(shared->trouble, sizeof(shared->trouble), text, arguments);
	va_end(arguments);
	shared->stage = WAKE_DONE;
	_exit(0);
}

static void on_warning(char *text, ...)
{
	va_list arguments;

	va_start(arguments, text);
	vsnprintf(shared->trouble, sizeof(shared->trouble), text, arguments);
	va_end(arguments);
}

static void read_config(const struct hw_gpu *gpu, struct wake *wake)
{
	unsigned domain, bus, device, function;
	struct pci_access *pci;
	struct pci_dev *dev;

	if (!gpu->pci || sscanf(gpu->slot, "%x:%x:%x.%u", &domain, &bus, &device, &function) != 4)
		return;
	pci = pci_alloc();
	pci->method = PCI_ACCESS_SYS_BUS_PCI;
	pci->error = on_error;
	pci->warning = pci->debug = on_warning;
	shared = wake;
	pci_init(pci);
	dev = pci_get_dev(pci, (int)domain, (int)bus, (int)device, (int)function);
	/* All ones is what a device answers that is not there. */
	wake->config = pci_read_word(dev, PCI_VENDOR_ID) != 0xffff;
	if (!wake->config)
		return;
	pci_fill_info(dev, PCI_FILL_CAPS | PCI_FILL_EXT_CAPS);
	for (const struct pci_cap *cap = dev->first_cap;
		cap && wake->capability_count < PCI_CAPABILITIES; cap = cap->next) {
		wake->capabilities[wake->capability_count].id = cap->id;
		wake->capabilities[wake->capability_count].extended = cap->type == PCI_CAP_EXTENDED;
		wake->capability_count++;
	}
	pci_free_dev(dev);
	pci_cleanup(pci);
}

static void read_link(struct gpu_run *run, struct hw_gpu *gpu, struct wake *wake)
{
	struct hw_link link;

	hw_link(&run->hw, gpu, true, &link);
	wake->link.state = link.state;
	wake->link.speed = link.speed;
	wake->link.width = link.width;
	wake->link.card_speed = link.card.speed;
	wake->link.card_width = link.card.width;
	wake->link.port_speed = link.port.speed;
	wake->link.port_width = link.port.width;
}

void ask(struct gpu_run *run, struct hw_gpu *gpu, struct wake *wake)
{
	int fd;

	wake->stage = WAKE_NODE;
	find_node(run, gpu, wake);
	/* It stays open to the end: so does the GPU stay awake. */
	fd = *wake->node ? open(wake->node, O_RDWR | O_CLOEXEC) : -1;
	if (fd >= 0) {
		ask_driver(fd, wake);
		drmDropMaster(fd);
	} else {
		wake->error = errno;
	}
	wake->stage = WAKE_CONFIG;
	read_config(gpu, wake);
	wake->stage = WAKE_LINK;
	read_link(run, gpu, wake);
	wake->stage = WAKE_DONE;
}
