/* SPDX-License-Identifier: MIT */
/*
 * holders: the processes that have a GPU's device nodes open or mapped.
 *
 * On this machine descriptors are told by device number, so that a node which was deleted, or was
 * opened in another mount namespace, counts; in a recording, by what their links say. Nothing
 * here opens a node. A mapping keeps a device in use after its descriptor was closed.
 */
#ifndef NV_HW_HOLDERS_H
#define NV_HW_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>

struct hw;
struct hw_gpu;

/* A node that a driver of a GPU's slot made. */
struct hw_node {
	const char *name; /* "/dev/dri/card0" */
	unsigned major, minor;
	struct hw_gpu
		*gpu; /* NULL: of all GPUs of a driver (nvidiactl, nvidia-modeset, kfd, ...) */
	bool drm; /* its descriptors may have fdinfo (Linux, gpu/drm-usage-stats) */
	const char *common; /* the driver to whose GPUs it is common, if gpu is NULL */
	bool quiet; /* to read its fdinfo now would wake the GPU */
};

/* All nodes of the GPUs scanned; *count of them. Numbers come from /sys and /proc/devices. */
struct hw_node *hw_nodes(struct hw *hw, size_t *count);

/*
 * Whether path[0..length), as a link or a mapping tells it, ends with the node's name, or is one of
 * those that it stands for: nvidia-uvm-tools, nvidia-caps/nvidia-cap1.
 */
bool hw_node_is_at(const struct hw_node *node, const char *path, size_t length);

/* What a DRM driver counted for a process on a GPU, all its clients added up, each once. */
struct hw_usage {
	const char *gpu; /* the slot */
	const char *name; /* an engine or a kind of memory, as the driver calls it */
	bool memory;
	unsigned long long amount; /* nanoseconds, or bytes */
};

struct hw_held {
	const struct hw_node *node;
	unsigned open; /* descriptors */
	bool mapped;
};

struct hw_holder {
	long pid;
	const char *name; /* as the kernel calls it, "" if it does not tell */
	const char *program; /* its file, NULL if not ours to see */
	const char *unit; /* the innermost of systemd's, NULL if none */
	bool user_unit; /* it is of a user's manager: systemctl --user */
	bool session; /* of somebody's login session, or started below one */
	const char *container; /* "docker 0123456789ab", "podman ...", NULL if it is in none */
	unsigned uid;
	const char **nodes; /* names of what it holds, in the order of hw_nodes */
	struct hw_held *held; /* the same in full */
	size_t node_count;
	bool mapped; /* one of them at least */
	unsigned long long
		started; /* since boot, in the kernel's ticks: tells a pid's users apart */
	bool uncounted; /* drivers were not asked for its usage, as that would wake the GPU */
	bool tied; /* to one of the GPUs asked for; else it holds only what belongs to all */
	struct hw_usage *usage;
	size_t usage_count;
};

struct hw_holders {
	struct hw_holder *list; /* by pid */
	size_t count;
	size_t hidden; /* processes that the kernel did not let us inspect */
	bool hidepid; /* /proc does not even show those of others (proc(5), hidepid) */
	bool contained; /* we see a container's processes alone, not the machine's
			   (pid_namespaces(7)) */
	bool unreadable; /* there is no list of processes at all */
};

/* The holders of some GPUs; all must have been scanned (hw_scan_all). */
void hw_holders_scan(
	struct hw *hw, struct hw_gpu *const *gpus, size_t count, struct hw_holders *holders);

#endif
