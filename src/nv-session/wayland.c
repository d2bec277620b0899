/* SPDX-License-Identifier: MIT */
#include "nv-session/wayland.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-session/session.h"

/* Who listens at a socket; 0 if nobody does or it is not told. */
static long listener(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred peer;
	socklen_t size = sizeof(peer);
	long pid = 0;
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return 0;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return 0;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
		pid = peer.pid;
	close(fd);
	return pid;
}

void wayland_look(struct session *session, struct wayland *wayland)
{
	const char *display = session_variable(session, "WAYLAND_DISPLAY");
	const char *directory = session_variable(session, "XDG_RUNTIME_DIR");
	long pid;

	*wayland = (struct wayland){.count = -1};
	if (!display || (*display != '/' && !directory))
		return;
	if (*display != '/')
		display = arena_path(session->arena, directory, display);
	pid = listener(display);
	if (!pid)
		return;
	wayland->compositor = hw_process_name(&session->hw, pid);
	wayland->gpus = hw_process_gpus(&session->hw, pid, &wayland->count);
}

static const char *colon_list(struct session *session, const char *name, const struct hw_gpu *gpu)
{
	/* A path by slot holds colons, which wlroots and aquamarine take for the list's. */
	return arena_printf(session->arena,
		"%s=%s in the compositor's environment (cardN may change from boot to boot: a link "
		"without colons to its path under by-path stays)",
		name, hw_node(session->arena, "card", gpu->card));
}

static const char *wlroots(struct session *session, const struct hw_gpu *gpu)
{
	return colon_list(session, "WLR_DRM_DEVICES", gpu);
}

static const char *aquamarine(struct session *session, const struct hw_gpu *gpu)
{
	return colon_list(session, "AQ_DRM_DEVICES", gpu);
}

static const char *kwin(struct session *session, const struct hw_gpu *gpu)
{
	/* KWin's list takes a colon behind a backslash. */
	return arena_printf(session->arena,
		"KWIN_DRM_DEVICES=%s in the session's environment (plasma-workspace/env)",
		hw_node(session->arena, "card", gpu->card));
}

static const char *mutter(struct session *session, const struct hw_gpu *gpu)
{
	return arena_printf(session->arena,
		"a udev rule: SUBSYSTEM==\"drm\", ENV{DEVTYPE}==\"drm_minor\", KERNEL==\"card*\", "
		"KERNELS==\"%s\", TAG+=\"mutter-device-preferred-primary\"",
		gpu->slot);
}

static const char *weston(struct session *session, const struct hw_gpu *gpu)
{
	return arena_printf(session->arena, "weston --drm-device=card%d", gpu->card);
}

/* Process names, of which the kernel keeps 15 bytes, with what each library understands. */
static const struct {
	const char *prefix;
	const char *(*change)(struct session *session, const struct hw_gpu *gpu);
} compositors[] = {
	{"kwin_wayland", kwin},
	{"gnome-shell", mutter},
	{"mutter", mutter},
	{"gala", mutter},
	{"Hyprland", aquamarine},
	{".Hyprland-wrapp", aquamarine},
	{"sway", wlroots},
	{".sway-wrapped", wlroots},
	{"labwc", wlroots},
	{"wayfire", wlroots},
	{"river", wlroots},
	{"cage", wlroots},
	{"dwl", wlroots},
	{"weston", weston},
};

const char *wayland_change(
	struct session *session, const struct wayland *wayland, const struct hw_gpu *gpu)
{
	if (!wayland->compositor || gpu->card < 0)
		return NULL;
	for (size_t i = 0; i < sizeof(compositors) / sizeof(*compositors); i++) {
		if (str_starts(wayland->compositor, compositors[i].prefix))
			return compositors[i].change(session, gpu);
	}
	return NULL;
}
