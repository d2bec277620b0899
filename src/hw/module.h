/* SPDX-License-Identifier: MIT */
/*
 * module: kernel modules: which are loaded and used, and which could be loaded, as the files of
 * depmod(8) and modprobe.d(5) say. Nothing is loaded here.
 */
#ifndef NV_HW_MODULE_H
#define NV_HW_MODULE_H

#include <stdbool.h>
#include <stddef.h>

struct hw;

struct hw_module {
	bool loaded;
	long uses; /* its reference count: modules that need it, open nodes; -1 if not told */
	size_t needed_by; /* modules that need it */
};
struct hw_module hw_module(struct hw *hw, const char *module);

enum hw_module_file {
	HW_MODULE_MISSING, /* modprobe would not find it */
	HW_MODULE_THERE, /* it can be loaded, or is loaded, or is part of the kernel */
	HW_MODULE_FORBIDDEN, /* a line "install NAME /bin/false" keeps it from being loaded */
	HW_MODULE_UNKNOWN, /* this kernel's list of modules cannot be read */
};

/* '-' and '_' are the same. *why gets the file that forbids it. A blacklisted module can be loaded
 * by its name. */
enum hw_module_file hw_module_find(struct hw *hw, const char *name, const char **why);

/*
 * Whether a module's driver says of a device that it knows it: 1 or 0; -1 if the module lists no
 * PCI device, as vfio-pci did before Linux 6.1, or is not known.
 */
int hw_module_knows(struct hw *hw, const char *module, const char *modalias);

/* Takes an unused module out of this machine's kernel (delete_module(2)): 0, or errno. */
int hw_module_remove(const char *module);

/* modprobe(8) of this machine. */
const char *hw_modprobe(struct hw *hw);

#endif
