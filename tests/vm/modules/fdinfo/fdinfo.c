// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A DRM driver whose clients tell in fdinfo what they used, as amdgpu's and i915's do and none that
 * runs here. Each client has used the engine since it was opened. Takes a function by
 * driver_override.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>

struct client {
	unsigned int id;
	u64 since;
};

static atomic_t clients;

static int client_open(struct drm_device *device, struct drm_file *file)
{
	struct client *client = kzalloc(sizeof(*client), GFP_KERNEL);

	if (!client)
		return -ENOMEM;
	client->id = atomic_inc_return(&clients);
	client->since = ktime_get_ns();
	file->driver_priv = client;
	return 0;
}

static void client_close(struct drm_device *device, struct drm_file *file)
{
	kfree(file->driver_priv);
}

static void show_fdinfo(struct seq_file *out, struct file *open)
{
	struct drm_file *file = open->private_data;
	const struct client *client = file->driver_priv;

	seq_printf(out, "drm-driver:\t%s\n", file->minor->dev->driver->name);
	seq_printf(out, "drm-pdev:\t%s\n", dev_name(file->minor->dev->dev));
	seq_printf(out, "drm-client-id:\t%u\n", client->id);
	seq_printf(out, "drm-engine-render:\t%llu ns\n", ktime_get_ns() - client->since);
	seq_puts(out, "drm-memory-vram:\t2048 KiB\n");
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = drm_open,
	.release = drm_release,
	.unlocked_ioctl = drm_ioctl,
	.poll = drm_poll,
	.read = drm_read,
	.show_fdinfo = show_fdinfo,
};

static const struct drm_driver drm_driver = {
	.driver_features = DRIVER_GEM | DRIVER_RENDER,
	.open = client_open,
	.postclose = client_close,
	.fops = &operations,
	.name = "test_fdinfo",
	.desc = "clients that tell what they used",
	.date = "20260101",
	.major = 1,
};

static int probe(struct pci_dev *pci, const struct pci_device_id *id)
{
	struct drm_device *device = drm_dev_alloc(&drm_driver, &pci->dev);
	int status;

	if (IS_ERR(device))
		return PTR_ERR(device);
	status = drm_dev_register(device, 0);
	if (status)
		drm_dev_put(device);
	else
		pci_set_drvdata(pci, device);
	return status;
}

static void remove(struct pci_dev *pci)
{
	struct drm_device *device = pci_get_drvdata(pci);

	drm_dev_unplug(device);
	drm_dev_put(device);
}

static struct pci_driver fdinfo = {
	.name = "test_fdinfo",
	.probe = probe,
	.remove = remove,
};

module_pci_driver(fdinfo);
MODULE_DESCRIPTION("DRM clients that tell what they used");
MODULE_LICENSE("Dual MIT/GPL");
