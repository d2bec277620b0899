// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * drmclients: a DRM driver that counts what its clients do and tells so in fdinfo, as amdgpu and
 * i915 do and no driver of QEMU's GPUs does (Documentation/gpu/drm-usage-stats.rst). A dumb
 * buffer is memory, and making it half a second of work of the engine gfx. It takes a PCI
 * function by driver_override alone.
 */
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_ioctl.h>
#include <linux/module.h>
#include <linux/pci.h>

enum { WORK_NS = 500000000 };

struct client {
	unsigned id;
	u64 bytes, work;
};

static atomic_t clients;

static int open_client(struct drm_device *device, struct drm_file *file)
{
	struct client *client = kzalloc(sizeof(*client), GFP_KERNEL);

	if (!client)
		return -ENOMEM;
	client->id = atomic_inc_return(&clients);
	file->driver_priv = client;
	return 0;
}

static void close_client(struct drm_device *device, struct drm_file *file)
{
	kfree(file->driver_priv);
}

static int make_buffer(
	struct drm_file *file, struct drm_device *device, struct drm_mode_create_dumb *arguments)
{
	struct client *client = file->driver_priv;
	int error = drm_gem_shmem_dumb_create(file, device, arguments);

	if (!error) {
		client->bytes += arguments->size;
		client->work += WORK_NS;
	}
	return error;
}

static void show_fdinfo(struct seq_file *out, struct file *opened)
{
	struct drm_file *file = opened->private_data;
	struct client *client = file->driver_priv;

	seq_printf(out,
		"drm-driver:\tdrmclients\ndrm-pdev:\t%s\ndrm-client-id:\t%u\n"
		"drm-engine-gfx:\t%llu ns\ndrm-memory-vram:\t%llu KiB\n",
		pci_name(to_pci_dev(file->minor->dev->dev)), client->id, client->work,
		client->bytes >> 10);
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = drm_open,
	.release = drm_release,
	.unlocked_ioctl = drm_ioctl,
	.mmap = drm_gem_mmap,
	.show_fdinfo = show_fdinfo,
};

static const struct drm_driver drm = {
	.driver_features = DRIVER_GEM | DRIVER_RENDER,
	.name = "drmclients",
	.desc = "counts what its clients do",
	.date = "20250101",
	.fops = &operations,
	.open = open_client,
	.postclose = close_client,
	.dumb_create = make_buffer,
	.gem_prime_import_sg_table = drm_gem_shmem_prime_import_sg_table,
};

static int probe(struct pci_dev *pci, const struct pci_device_id *id)
{
	struct drm_device *device = drm_dev_alloc(&drm, &pci->dev);
	int error;

	if (IS_ERR(device))
		return PTR_ERR(device);
	pci_set_drvdata(pci, device);
	error = drm_dev_register(device, 0);
	if (error)
		drm_dev_put(device);
	return error;
}

static void remove(struct pci_dev *pci)
{
	drm_dev_unplug(pci_get_drvdata(pci));
	drm_dev_put(pci_get_drvdata(pci));
}

static struct pci_driver clients_driver = {.name = "drmclients", .probe = probe, .remove = remove};
module_pci_driver(clients_driver);
MODULE_DESCRIPTION("Tells what its clients do in fdinfo, for tests");
MODULE_LICENSE("Dual MIT/GPL");
