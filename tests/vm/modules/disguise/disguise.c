// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * disguise: gives PCI functions the ids of one of NVIDIA's GPUs, for tests: those of the parameter
 * functions, a list of addresses, also when they are removed and found again. What the kernel
 * shows in /sys and tells udev follows; config space does not.
 */
#include <linux/module.h>
#include <linux/pci.h>

static char *functions[8];
static int count;
module_param_array(functions, charp, &count, 0444);

static int disguise(struct pci_dev *pci, void *unused)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(pci_name(pci), functions[i]) == 0) {
			pci->vendor = PCI_VENDOR_ID_NVIDIA;
			pci->device = 0x2507; /* GeForce RTX 3050 */
			pci->class = PCI_CLASS_DISPLAY_VGA << 8;
		}
	}
	return 0;
}

/* Before udev hears of it, and before drivers are asked. */
static int come(struct notifier_block *block, unsigned long event, void *device)
{
	if (event == BUS_NOTIFY_ADD_DEVICE)
		disguise(to_pci_dev(device), NULL);
	return NOTIFY_OK;
}

static struct notifier_block notifier = {.notifier_call = come};

static int __init begin(void)
{
	struct pci_dev *pci = NULL;
	int error = bus_register_notifier(&pci_bus_type, &notifier);

	if (error)
		return error;
	for_each_pci_dev(pci) disguise(pci, NULL);
	return 0;
}

static void __exit end(void)
{
	bus_unregister_notifier(&pci_bus_type, &notifier);
}

module_init(begin);
module_exit(end);
MODULE_DESCRIPTION("Gives PCI functions the ids of a GPU of NVIDIA's, for tests");
MODULE_LICENSE("Dual MIT/GPL");
