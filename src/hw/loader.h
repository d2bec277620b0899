/* SPDX-License-Identifier: MIT */
/*
 * loader: shared libraries as the dynamic loader would find them, of either word size, and what
 * else the loaders of graphics drivers look for. Nothing is loaded.
 *
 * The word size of a library is told by its header, else (in a recording files may be empty) by
 * the directory it is in.
 */
#ifndef NV_HW_LOADER_H
#define NV_HW_LOADER_H

#include <stdbool.h>
#include <stddef.h>

struct hw;
struct hw_root;

struct hw_loader {
	struct hw *hw;
	const char *cache; /* /etc/ld.so.cache, the dynamic loader's own index; may be NULL */
	size_t cache_length;
	const char **directories; /* named by /etc/ld.so.conf and its parts */
	size_t count;
};

struct hw_object {
	const char *path; /* where the loader finds it */
	const char *file; /* behind all links: ".../libGLX_nvidia.so.550.163.01" */
	bool dangling; /* there is a link, and nothing behind it */
	int bits; /* 64 or 32 */
};

void hw_loader_begin(struct hw_loader *loader, struct hw *hw);

/*
 * The library of a name ("libcuda.so.1") and word size (64 or 32; 0 for either) that is found
 * first. A link to nothing is told where there is no better one. False if there is none at all.
 */
bool hw_loader_find(
	const struct hw_loader *loader, const char *name, int bits, struct hw_object *object);

/*
 * The same for what a manifest gives: a bare name, an absolute path, or a path relative to the
 * manifest's own directory (Vulkan's loader and glvnd's dlopen).
 */
bool hw_loader_find_for(const struct hw_loader *loader, const char *manifest, const char *library,
	int bits, struct hw_object *object);

/* The first file of a name in a folder ("dri", "gbm") of the 64-bit library directories; NULL. A
 * link to nothing counts. */
const char *hw_loader_plugin(const struct hw_loader *loader, const char *folder, const char *name);

/* Where a path leads once its links are followed, whether or not there is anything; NULL: a loop.
 */
const char *hw_loader_resolve(const struct hw_root *root, const char *path);

/* Whether 32-bit programs for x86 can run at all: their dynamic loader is there. */
bool hw_loader_runs_32_bit(struct hw *hw);

/* NVIDIA's node for CUDA's memory, made by nvidia-modprobe on first use. */
struct hw_uvm {
	const char *path;
	bool nodes; /* any node of NVIDIA's is there: /dev is part of what is looked at */
	bool there;
	bool wrong; /* a node, but not of the module's major, which the kernel gives anew */
	unsigned major; /* of the module, 0 if it is not loaded */
};
void hw_uvm_look(struct hw *hw, struct hw_uvm *uvm);

/* Whether path is below /dev. */
bool hw_is_node(const char *path);

/* Whether there is such a node; a link counts, wherever it leads. */
bool hw_node_exists(const struct hw_root *root, const char *path);

#endif
