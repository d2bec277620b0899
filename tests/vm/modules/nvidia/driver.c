// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A driver that from outside behaves like NVIDIA's: character devices of major 195, what
 * /proc/driver/nvidia tells, sleep when nobody has it open, and above all a remove that waits
 * forever while the GPU is open, and is not helped by a close that comes after it began.
 *
 * It takes a function of any kind, and only by driver_override. Parameters for tests: resumes
 * counts how often the GPUs were woken, let_go ends the waiting so that the machine can shut down.
 */
#include <linux/cdev.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "nvidia.h"

enum { MAJOR_NUMBER = 195, GPUS = 8, CONTROL = 255, MINORS = 256, IDLE_MS = 200 };

static const char version[] = "550.163.01";

struct gpu {
	struct pci_dev *device; /* NULL: removed, or not there yet */
	int opens;
	struct proc_dir_entry *directory;
};

static struct gpu gpus[GPUS];
static DEFINE_MUTEX(lock);
static struct cdev device;
static struct proc_dir_entry *root, *all;
static struct page *page;

static int resumes;
module_param(resumes, int, 0444);
static bool let_go;
module_param(let_go, bool, 0644);

static int open_minor(unsigned int minor)
{
	int status = 0;

	if (minor == CONTROL)
		return 0;
	mutex_lock(&lock);
	if (minor >= GPUS || !gpus[minor].device) {
		status = -ENODEV;
	} else {
		gpus[minor].opens++;
		pm_runtime_get_sync(&gpus[minor].device->dev);
	}
	mutex_unlock(&lock);
	return status;
}

/* Who was removed is not found any more: its count stays. */
static void close_minor(unsigned int minor)
{
	mutex_lock(&lock);
	if (minor < GPUS && gpus[minor].device) {
		gpus[minor].opens--;
		pm_runtime_mark_last_busy(&gpus[minor].device->dev);
		pm_runtime_put_autosuspend(&gpus[minor].device->dev);
	}
	mutex_unlock(&lock);
}

void test_nvidia_hold(bool hold)
{
	int minor;

	for (minor = 0; minor < GPUS; minor++) {
		if (hold)
			open_minor(minor);
		else
			close_minor(minor);
	}
}
EXPORT_SYMBOL_GPL(test_nvidia_hold);

static int node_open(struct inode *inode, struct file *file)
{
	return open_minor(iminor(inode));
}

static int node_release(struct inode *inode, struct file *file)
{
	close_minor(iminor(inode));
	return 0;
}

/* The mapping holds the file, and so the GPU, beyond the close of its descriptor. */
static int node_mmap(struct file *file, struct vm_area_struct *area)
{
	return vm_insert_page(area, area->vm_start, page);
}

static const struct file_operations node_operations = {
	.owner = THIS_MODULE,
	.open = node_open,
	.release = node_release,
	.mmap = node_mmap,
};

static int version_show(struct seq_file *out, void *unused)
{
	seq_printf(out,
		"NVRM version: NVIDIA UNIX x86_64 Kernel Module  %s  Tue Apr  8 12:41:17 UTC "
		"2025\n",
		version);
	seq_puts(out, "GCC version:  gcc version 12.2.0\n");
	return 0;
}

static int params_show(struct seq_file *out, void *unused)
{
	seq_puts(out, "DynamicPowerManagement: 2\nPreserveVideoMemoryAllocations: 1\n"
		      "TemporaryFilePath: \"/var\"\n");
	return 0;
}

static int information_show(struct seq_file *out, void *unused)
{
	const struct gpu *gpu = out->private;

	seq_puts(out, "Model: \t\t NVIDIA Test GPU\n");
	seq_printf(
		out, "GPU UUID: \t GPU-00000000-0000-0000-0000-00000000000%d\n", (int)(gpu - gpus));
	seq_printf(out, "Bus Location: \t %s\n", gpu->device ? pci_name(gpu->device) : "?");
	seq_printf(out, "Device Minor: \t %d\n", (int)(gpu - gpus));
	return 0;
}

static int power_show(struct seq_file *out, void *unused)
{
	seq_puts(out, "Runtime D3 status:          Enabled (fine-grained)\nVideo Memory:           "
		      "    Active\n");
	return 0;
}

static void tell(struct gpu *gpu)
{
	gpu->directory = proc_mkdir(pci_name(gpu->device), all);
	if (!gpu->directory)
		return;
	proc_create_single_data("information", 0444, gpu->directory, information_show, gpu);
	proc_create_single_data("power", 0444, gpu->directory, power_show, gpu);
}

static int probe(struct pci_dev *pci, const struct pci_device_id *id)
{
	int minor, status = -ENOSPC;

	mutex_lock(&lock);
	for (minor = 0; minor < GPUS && (gpus[minor].device || gpus[minor].opens); minor++)
		;
	if (minor < GPUS) {
		status = pci_enable_device(pci);
		if (!status) {
			gpus[minor].device = pci;
			pci_set_drvdata(pci, &gpus[minor]);
			tell(&gpus[minor]);
		}
	}
	mutex_unlock(&lock);
	if (status)
		return status;
	pm_runtime_set_autosuspend_delay(&pci->dev, IDLE_MS);
	pm_runtime_use_autosuspend(&pci->dev);
	pm_runtime_mark_last_busy(&pci->dev);
	/* The PCI core took a use for us. */
	pm_runtime_put_autosuspend(&pci->dev);
	return 0;
}

static void remove(struct pci_dev *pci)
{
	struct gpu *gpu = pci_get_drvdata(pci);

	pm_runtime_get_sync(&pci->dev);
	mutex_lock(&lock);
	gpu->device = NULL;
	mutex_unlock(&lock);
	if (gpu->opens)
		dev_warn(&pci->dev, "Attempting to remove device %s with non-zero usage count!\n",
			pci_name(pci));
	while (gpu->opens && !let_go)
		msleep(500);
	gpu->opens = 0;
	proc_remove(gpu->directory);
	pm_runtime_dont_use_autosuspend(&pci->dev);
	pci_disable_device(pci);
}

static int runtime_suspend(struct device *dev)
{
	return 0;
}

static int runtime_resume(struct device *dev)
{
	resumes++;
	return 0;
}

static const struct dev_pm_ops pm = {SET_RUNTIME_PM_OPS(runtime_suspend, runtime_resume, NULL)};

static struct pci_driver driver = {
	.name = "nvidia",
	.probe = probe,
	.remove = remove,
	.driver.pm = &pm,
};

static int __init begin(void)
{
	int status = -ENOMEM;

	page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!page)
		return status;
	status = register_chrdev_region(MKDEV(MAJOR_NUMBER, 0), MINORS, "nvidia");
	if (status)
		goto no_region;
	cdev_init(&device, &node_operations);
	device.owner = THIS_MODULE;
	status = cdev_add(&device, MKDEV(MAJOR_NUMBER, 0), MINORS);
	if (status)
		goto no_device;
	root = proc_mkdir("driver/nvidia", NULL);
	all = proc_mkdir("gpus", root);
	proc_create_single("version", 0444, root, version_show);
	proc_create_single("params", 0444, root, params_show);
	status = pci_register_driver(&driver);
	if (!status)
		return 0;
	proc_remove(root);
	cdev_del(&device);
no_device:
	unregister_chrdev_region(MKDEV(MAJOR_NUMBER, 0), MINORS);
no_region:
	__free_page(page);
	return status;
}

static void __exit end(void)
{
	pci_unregister_driver(&driver);
	proc_remove(root);
	cdev_del(&device);
	unregister_chrdev_region(MKDEV(MAJOR_NUMBER, 0), MINORS);
	__free_page(page);
}

module_init(begin);
module_exit(end);
MODULE_VERSION("550.163.01");
MODULE_DESCRIPTION("looks like NVIDIA's kernel driver to tests");
MODULE_LICENSE("Dual MIT/GPL");
