/* SPDX-License-Identifier: MIT */
/*
 * hold: holds device nodes as programs do, until it is ended.
 *
 *   hold open NODE...         has them open
 *   hold map NODE...          has them mapped, and no longer open
 *   hold work N NODE          has N buffers on a DRM card, and a copy of its descriptor
 *   hold vfio GROUP FUNCTION  has a PCI function from VFIO, as a virtual machine's monitor
 *
 * Says "held" once it is so.
 */
#include <drm.h>
#include <drm_mode.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int open_node(const char *node)
{
	int fd = open(node, O_RDWR);

	if (fd < 0)
		fail(node);
	return fd;
}

static void map(const char *node)
{
	int fd = open_node(node);

	if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED)
		fail(node);
	close(fd);
}

static void work(const char *count, const char *node)
{
	int fd = open_node(node);

	for (long i = strtol(count, NULL, 10); i > 0; i--) {
		struct drm_mode_create_dumb buffer = {.width = 512, .height = 512, .bpp = 32};

		if (ioctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &buffer) != 0)
			fail(node);
	}
	/* The same client: what it has is not there twice. */
	if (dup(fd) < 0)
		fail(node);
}

static void take(const char *group_node, const char *function)
{
	int container = open_node("/dev/vfio/vfio"), group = open_node(group_node);

	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) != 0 ||
		ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU) != 0 ||
		ioctl(group, VFIO_GROUP_GET_DEVICE_FD, function) < 0)
		fail(group_node);
}

int main(int argc, char **argv)
{
	const char *how = argc > 2 ? argv[1] : "";

	if (strcmp(how, "work") == 0 && argc == 4) {
		work(argv[2], argv[3]);
	} else if (strcmp(how, "vfio") == 0 && argc == 4) {
		take(argv[2], argv[3]);
	} else if (strcmp(how, "open") == 0 || strcmp(how, "map") == 0) {
		for (int i = 2; i < argc; i++) {
			if (*how == 'o')
				open_node(argv[i]);
			else
				map(argv[i]);
		}
	} else {
		fputs("usage: hold open|map NODE..., hold work N NODE, hold vfio GROUP FUNCTION\n",
			stderr);
		return 2;
	}
	puts("held");
	fflush(stdout);
	for (;;)
		pause();
}
