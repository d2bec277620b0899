// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * nvidia: a driver that treats GPUs as NVIDIA's does, for tests: nodes of major 195,
 * /proc/driver/nvidia, power management at run time, and a remove that waits for the last user
 * without end and cannot be interrupted. It drives nothing.
 *
 * As with NVIDIA's, nobody makes the nodes but user space (mknod), and a function is taken by its
 * ids, which the module disguise gives to some.
 *
 * let_go      ends removes that wait, so that the machine can be turned off
 * forgets     a GPU that is being removed does not notice that it is closed, as NVIDIA's driver
 *             finds it no longer in its list
 * suspends, resumes    how often a GPU was put to sleep and was woken
 */
#include <linux/cdev.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "nvidia.h"

#define VERSION "535.261.03"

enum { MAJOR_NUMBER = 195, GPUS = 248, NODES = 256, CONTROL = 255, IDLE_MS = 200, WAIT_MS = 500 };

static bool let_go;
module_param(let_go, bool, 0644);
static bool forgets = true;
module_param(forgets, bool, 0644);
static uint suspends, resumes;
module_param(suspends, uint, 0444);
module_param(resumes, uint, 0444);
static uint NVreg_DynamicPowerManagement = 2;
module_param(NVreg_DynamicPowerManagement, uint, 0444);

struct gpu {
	struct kref references; /* probe's and each open file's */
	struct list_head entry;
	struct pci_dev *pci;
	unsigned minor;
	int uses; /* open files, and nvidia_hold; each keeps it awake */
	bool leaving;
	void *page;
	struct proc_dir_entry *directory;
};

static DEFINE_MUTEX(lock);
static LIST_HEAD(gpus);
static struct proc_dir_entry *directory, *gpus_directory;
static struct cdev nodes;

static void free_gpu(struct kref *references)
{
	struct gpu *gpu = container_of(references, struct gpu, references);

	free_page((unsigned long)gpu->page);
	pci_dev_put(gpu->pci);
	kfree(gpu);
}

static struct gpu *find(unsigned minor)
{
	struct gpu *gpu;

	list_for_each_entry(gpu, &gpus, entry)
	{
		if (gpu->minor == minor)
			return gpu;
	}
	return NULL;
}

static void use(struct gpu *gpu)
{
	gpu->uses++;
	pm_runtime_get_sync(&gpu->pci->dev);
}

static void leave(struct gpu *gpu)
{
	gpu->uses--;
	pm_runtime_mark_last_busy(&gpu->pci->dev);
	pm_runtime_put_autosuspend(&gpu->pci->dev);
}

void nvidia_hold(bool hold)
{
	struct gpu *gpu;

	mutex_lock(&lock);
	list_for_each_entry(gpu, &gpus, entry) hold ? use(gpu) : leave(gpu);
	mutex_unlock(&lock);
}
EXPORT_SYMBOL_GPL(nvidia_hold);

/* --- nodes */

static int open_node(struct inode *inode, struct file *file)
{
	struct gpu *gpu;

	file->private_data = NULL;
	if (iminor(inode) == CONTROL)
		return 0;
	mutex_lock(&lock);
	gpu = find(iminor(inode));
	if (gpu) {
		kref_get(&gpu->references);
		use(gpu);
		file->private_data = gpu;
	}
	mutex_unlock(&lock);
	return gpu ? 0 : -ENODEV;
}

static int release_node(struct inode *inode, struct file *file)
{
	struct gpu *gpu = file->private_data;

	if (!gpu)
		return 0;
	mutex_lock(&lock);
	if (!gpu->leaving || !(forgets || let_go))
		leave(gpu);
	mutex_unlock(&lock);
	kref_put(&gpu->references, free_gpu);
	return 0;
}

static int map_node(struct file *file, struct vm_area_struct *area)
{
	struct gpu *gpu = file->private_data;

	if (!gpu)
		return -ENODEV;
	return vm_insert_page(area, area->vm_start, virt_to_page(gpu->page));
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = open_node,
	.release = release_node,
	.mmap = map_node,
};

/* --- /proc/driver/nvidia */

static int show_version(struct seq_file *out, void *unused)
{
	seq_printf(out, "NVRM version: NVIDIA UNIX x86_64 Kernel Module  " VERSION
			"  Tue Jul  1 00:00:00 UTC 2025\nGCC version:  " __VERSION__ "\n");
	return 0;
}

static int show_parameters(struct seq_file *out, void *unused)
{
	seq_printf(out,
		"ModifyDeviceFiles: 1\nDeviceFileUID: 0\nDeviceFileGID: 0\nDeviceFileMode: 438\n"
		"PreserveVideoMemoryAllocations: 0\nDynamicPowerManagement: %u\n"
		"RegistryDwords: \"\"\n",
		NVreg_DynamicPowerManagement);
	return 0;
}

static int show_information(struct seq_file *out, void *unused)
{
	struct gpu *gpu = out->private;

	seq_printf(out,
		"Model: \t\t NVIDIA Test GPU\nIRQ:   \t\t %u\nGPU UUID: \t "
		"GPU-00000000-0000-0000-0000-%012u\n"
		"Video BIOS: \t ??.??.??.??.??\nBus Type: \t PCIe\nDMA Size: \t 47 bits\n"
		"DMA Mask: \t 0x7fffffffffff\nBus Location: \t %s\nDevice Minor: \t %u\n"
		"GPU Firmware: \t N/A\nGPU Excluded:\t No\n",
		gpu->pci->irq, gpu->minor, pci_name(gpu->pci), gpu->minor);
	return 0;
}

static int show_power(struct seq_file *out, void *unused)
{
	seq_printf(out,
		"Runtime D3 status:          %s\nVideo Memory:               Active\n\n"
		"GPU Hardware Support:\n Video Memory Self Refresh: Supported\n"
		" Video Memory Off:          Supported\n",
		NVreg_DynamicPowerManagement ? "Enabled (fine-grained)" : "Disabled");
	return 0;
}

static void add_directory(struct gpu *gpu)
{
	gpu->directory = proc_mkdir(pci_name(gpu->pci), gpus_directory);
	proc_create_single_data("information", 0444, gpu->directory, show_information, gpu);
	proc_create_single_data("power", 0444, gpu->directory, show_power, gpu);
}

/* --- the driver */

static int probe(struct pci_dev *pci, const struct pci_device_id *id)
{
	struct gpu *gpu = kzalloc(sizeof(*gpu), GFP_KERNEL);

	if (!gpu)
		return -ENOMEM;
	gpu->page = (void *)get_zeroed_page(GFP_KERNEL);
	if (!gpu->page) {
		kfree(gpu);
		return -ENOMEM;
	}
	kref_init(&gpu->references);
	gpu->pci = pci_dev_get(pci);
	mutex_lock(&lock);
	while (gpu->minor < GPUS && find(gpu->minor))
		gpu->minor++;
	list_add(&gpu->entry, &gpus);
	mutex_unlock(&lock);
	pci_set_drvdata(pci, gpu);
	add_directory(gpu);
	pm_runtime_set_autosuspend_delay(&pci->dev, IDLE_MS);
	pm_runtime_use_autosuspend(&pci->dev);
	pm_runtime_mark_last_busy(&pci->dev);
	pm_runtime_put_autosuspend(&pci->dev);
	return 0;
}

static bool is_used(struct gpu *gpu)
{
	bool used;

	mutex_lock(&lock);
	used = gpu->uses > 0;
	mutex_unlock(&lock);
	return used;
}

static void remove(struct pci_dev *pci)
{
	struct gpu *gpu = pci_get_drvdata(pci);

	mutex_lock(&lock);
	gpu->leaving = true;
	list_del(&gpu->entry);
	mutex_unlock(&lock);
	if (is_used(gpu)) {
		pci_err(pci, "NVRM: Attempting to remove device %s with non-zero usage count!\n",
			pci_name(pci));
		while (is_used(gpu) && !let_go)
			msleep(WAIT_MS);
		pci_err(pci, "NVRM: Continuing with GPU removal for device %s\n", pci_name(pci));
	}
	proc_remove(gpu->directory);
	pm_runtime_dont_use_autosuspend(&pci->dev);
	pm_runtime_get_noresume(&pci->dev);
	/* Those that nobody will give back any more. */
	while (gpu->uses-- > 0)
		pm_runtime_put_noidle(&pci->dev);
	kref_put(&gpu->references, free_gpu);
}

/* In this state even a read of its config space wakes it (pci_config_pm_runtime_get). */
static int suspend(struct device *device)
{
	struct pci_dev *pci = to_pci_dev(device);

	pci_save_state(pci);
	pci->current_state = PCI_D3cold;
	suspends++;
	return 0;
}

static int resume(struct device *device)
{
	resumes++;
	return 0;
}

static const struct dev_pm_ops power = {SET_RUNTIME_PM_OPS(suspend, resume, NULL)};

static const struct pci_device_id ids[] = {
	{PCI_DEVICE(PCI_VENDOR_ID_NVIDIA, PCI_ANY_ID), .class = PCI_CLASS_DISPLAY_VGA << 8,
		.class_mask = ~0},
	{},
};
MODULE_DEVICE_TABLE(pci, ids);

static struct pci_driver driver = {
	.name = "nvidia",
	.id_table = ids,
	.probe = probe,
	.remove = remove,
	.driver.pm = &power,
};

static int __init begin(void)
{
	const dev_t first = MKDEV(MAJOR_NUMBER, 0);
	int error = register_chrdev_region(first, NODES, "nvidia");

	if (error)
		return error;
	cdev_init(&nodes, &operations);
	nodes.owner = THIS_MODULE;
	error = cdev_add(&nodes, first, NODES);
	directory = proc_mkdir("driver/nvidia", NULL);
	gpus_directory = proc_mkdir("gpus", directory);
	proc_create_single("version", 0444, directory, show_version);
	proc_create_single("params", 0444, directory, show_parameters);
	if (!error)
		error = pci_register_driver(&driver);
	if (error) {
		proc_remove(directory);
		cdev_del(&nodes);
		unregister_chrdev_region(first, NODES);
	}
	return error;
}

static void __exit end(void)
{
	pci_unregister_driver(&driver);
	proc_remove(directory);
	cdev_del(&nodes);
	unregister_chrdev_region(MKDEV(MAJOR_NUMBER, 0), NODES);
}

module_init(begin);
module_exit(end);
MODULE_DESCRIPTION("Treats GPUs as NVIDIA's driver does, for tests");
MODULE_VERSION(VERSION);
MODULE_LICENSE("Dual MIT/GPL");
