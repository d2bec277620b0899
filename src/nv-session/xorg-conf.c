/* SPDX-License-Identifier: MIT */
/* xorg-conf: what the X server has to be told before it starts, so that a mode can be. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/config.h"
#include "nv-session/hook/hook.h"
#include "nv-session/look.h"
#include "nv-session/session.h"

#define DIRECTORY "/etc/X11/xorg.conf.d"
#define SNIPPET DIRECTORY "/10-nv-session.conf"
#define MAIN_FILE "/etc/X11/xorg.conf"
#define MARK "# Written by nv-session xorg-conf"

/* Where distributions keep X drivers. */
static const char *const driver_directories[] = {
	"/usr/lib/xorg/modules/drivers",
	"/usr/lib64/xorg/modules/drivers",
	"/usr/lib/x86_64-linux-gnu/xorg/modules/drivers",
	"/run/opengl-driver/lib/xorg/modules/drivers",
};

static bool has_driver(struct session *session, const char *name)
{
	for (size_t i = 0; i < sizeof(driver_directories) / sizeof(*driver_directories); i++) {
		if (hw_root_exists(&session->hw.root, arena_printf(session->arena, "%s/%s_drv.so",
							      driver_directories[i], name)))
			return true;
	}
	return false;
}

static const char *x_driver(struct session *session, const struct x11_gpu *gpu)
{
	if (gpu->driver && str_eq(gpu->driver, "nvidia"))
		return "nvidia";
	if (gpu->driver && str_eq(gpu->driver, "amdgpu") && has_driver(session, "amdgpu"))
		return "amdgpu";
	return "modesetting";
}

struct pair {
	const struct x11_gpu *screen, *other; /* renders; shows, or is rendered on when asked */
};

static bool is_nvidia(const struct x11_gpu *gpu)
{
	return gpu->driver && str_eq(gpu->driver, "nvidia");
}

/* NVIDIA's GPU and the one beside it; false if there is no such pair. */
static bool find_pair(const struct look *look, enum x11_prime mode, struct pair *pair)
{
	const struct x11_gpu *nvidia = NULL, *beside = NULL;

	for (size_t i = 0; i < look->gpu_count; i++) {
		const struct x11_gpu *gpu = &look->gpus[i];

		if (!gpu->driver || str_starts(gpu->driver, "vfio"))
			continue;
		if (is_nvidia(gpu))
			nvidia = nvidia ? nvidia : gpu;
		/* An integrated one goes before another card. */
		else if (!beside || (beside->discrete && !gpu->discrete))
			beside = gpu;
	}
	*pair = mode == X11_SYNC_MODE ? (struct pair){nvidia, beside}
				      : (struct pair){beside, nvidia};
	return nvidia && beside;
}

static void device(
	struct session *session, struct buf *out, const char *identifier, const struct x11_gpu *gpu)
{
	const char *bus = hw_bus_id(session->arena, gpu->slot);

	buf_printf(out, "\n# %s %s\nSection \"Device\"\n\tIdentifier \"%s\"\n\tDriver \"%s\"\n",
		gpu->slot, gpu->name, identifier, x_driver(session, gpu));
	if (bus)
		buf_printf(out, "\tBusID \"%s\"\n", bus);
	buf_puts(out, "EndSection\n");
}

static void snippet(
	struct session *session, struct buf *out, enum x11_prime mode, const struct pair *pair)
{
	buf_printf(out, MARK " --mode %s --write.\n", x11_prime_name(mode));
	buf_puts(out, "# 'nv-session xorg-conf --mode none --write' takes it away.\n\n"
		      "Section \"ServerLayout\"\n\tIdentifier \"nv-session\"\n"
		      "\tScreen 0 \"nv-session screen\"\n"
		      "\t# A GPU screen, not an X screen of its own.\n"
		      "\tInactive \"nv-session other\"\n");
	/* The default since X server 1.20.7; an older one needs it to offer render offload. */
	if (mode != X11_SYNC_MODE)
		buf_puts(out, "\tOption \"AllowNVIDIAGPUScreens\"\n");
	buf_puts(out, "EndSection\n");
	device(session, out, "nv-session rendering", pair->screen);
	device(session, out, "nv-session other", pair->other);
	buf_puts(out, "\nSection \"Screen\"\n\tIdentifier \"nv-session screen\"\n"
		      "\tDevice \"nv-session rendering\"\n");
	/* NVIDIA's GPU of a laptop has no display of its own at the start. */
	if (mode == X11_SYNC_MODE)
		buf_puts(out, "\tOption \"AllowEmptyInitialConfiguration\"\n");
	buf_puts(out, "EndSection\n");
}

static int write_snippet(struct session *session, const struct buf *text)
{
	const struct hw_root *root = &session->hw.root;
	struct tree_file old;
	bool done;

	if (!tree_read(root, SNIPPET, &old)) {
		log_error(SNIPPET ": %s", strerror(errno));
		return EXIT_FAILED;
	}
	if (old.text && !str_starts(old.text, MARK)) {
		log_error(SNIPPET " is not nv-session's: left alone");
		return EXIT_FAILED;
	}
	if (text)
		done = tree_directory(root, DIRECTORY) &&
		       tree_write(root, SNIPPET, text->text, text->length, &old, 0644);
	else
		done = !old.text || tree_remove(root, SNIPPET);
	if (!done) {
		log_error(SNIPPET ": %s", strerror(errno));
		return EXIT_FAILED;
	}
	if (text && hw_root_exists(root, MAIN_FILE))
		log_warning(MAIN_FILE
			" is there too: a ServerLayout in it beats this one; take it away");
	log_info(SNIPPET " %s; it counts from the X server's next start",
		text ? "is written" : "is gone");
	return 0;
}

/* NULL, or why the mode cannot be on this machine. */
static const char *refuse(
	struct session *session, enum x11_prime mode, const struct look *look, struct pair *pair)
{
	if (!find_pair(look, mode, pair))
		return "this machine has no pair of an NVIDIA GPU with NVIDIA's driver and another "
		       "one; the X server needs no configuration";
	if (mode == X11_SYNC_MODE && hw_nvidia_fine_grained(&session->hw))
		return "fine-grained power management (NVreg_DynamicPowerManagement=0x02) does not "
		       "go with an NVIDIA GPU that always renders; set it to 0x01 or 0x00";
	if (mode == X11_SYNC_MODE && hw_nvidia_modeset(&session->hw) == 0)
		log_warning("nvidia-drm runs with modeset=0: there will be no PRIME "
			    "synchronization, and the picture may tear");
	return NULL;
}

int xorg_conf_run(struct session *session)
{
	struct config config;
	struct look look = {0};
	struct pair pair;
	struct buf text = {0};
	const char *refused;
	int status;

	config_read(session, &config);
	config_warn(&config);
	if (config.mode == X11_NONE)
		return session->options.write ? write_snippet(session, NULL) : 0;
	if (config.mode == X11_AUTO)
		config.mode = X11_OFFLOAD;
	look_gpus(session, &look);
	refused = refuse(session, config.mode, &look, &pair);
	if (refused) {
		log_error("%s: %s", x11_prime_name(config.mode), refused);
		return EXIT_FAILED;
	}
	snippet(session, &text, config.mode, &pair);
	status = session->options.write ? write_snippet(session, &text) : session_print(&text);
	buf_free(&text);
	return status;
}
