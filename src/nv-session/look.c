/* SPDX-License-Identifier: MIT */
#include "nv-session/look.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/display.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/session.h"

const char *look_kind_name(enum x11_kind kind)
{
	static const char *const names[] = {
		[X11_XORG] = "xorg", [X11_XWAYLAND] = "xwayland", [X11_OTHER] = "other"};

	return names[kind];
}

/*
 * Where cookies are if nobody told: %s is the runtime directory, of a user or of root. Display
 * managers: GDM, SDDM (also for its greeter), LightDM, XDM; compositors: Mutter, KWin. The last
 * ones are where everybody may write.
 */
static const char *const cookie_files[] = {
	"%s/gdm/Xauthority",
	"%s/xauth_*",
	"%s/.mutter-Xwaylandauth.*",
	"/run/sddm/*",
	"/var/run/lightdm/root/*",
	"/run/lightdm/root/*",
	"/var/lib/xdm/authdir/authfiles/*",
	"/tmp/xauth_*",
};

/* A file of the user's or root's own. libXau would wait for the writer of a FIFO for ever, and
 * open whatever a link of somebody else's leads to. */
static bool is_cookie_file(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 && S_ISREG(status.st_mode) &&
	       (status.st_uid == 0 || status.st_uid == geteuid()) && access(path, R_OK) == 0;
}

static struct x11 *open_with(const char *display, const char *cookies)
{
	setenv("XAUTHORITY", cookies, 1);
	return x11_open(display);
}

static struct x11 *try_cookies(struct session *session, const char *display)
{
	const char *runtime = session_variable(session, "XDG_RUNTIME_DIR");
	struct x11 *x11 = NULL;
	unsigned left = 16; /* each try costs a connection */

	if (!runtime)
		runtime = arena_printf(session->arena, "/run/user/%u", (unsigned)geteuid());
	for (size_t i = 0; !x11 && i < sizeof(cookie_files) / sizeof(*cookie_files); i++) {
		const char *at = strstr(cookie_files[i], "%s");
		glob_t found;

		if (glob(at ? arena_printf(session->arena, "%s%s", runtime, at + 2)
			    : cookie_files[i],
			    GLOB_NOSORT, NULL, &found) == 0) {
			for (size_t j = 0; !x11 && left && j < found.gl_pathc; j++) {
				if (!is_cookie_file(found.gl_pathv[j]))
					continue;
				x11 = open_with(display, found.gl_pathv[j]);
				left--;
			}
			globfree(&found);
		}
	}
	return x11;
}

/* Without a socket there is no server to be let in by. */
static bool is_local_and_there(struct session *session, const char *display)
{
	const char *name = display_name(session->arena, display);
	struct display_socket socket;

	return name && (*display == ':' || str_starts(display, "unix:")) &&
	       display_socket(session->arena, name, &socket);
}

bool look_connect(struct session *session, struct look *look, bool quiet)
{
	const char *given = session->options.display;
	const char *cookies = session_variable(session, "XAUTHORITY");

	look->display = given ? given : session_variable(session, "DISPLAY");
	if (!look->display) {
		look->display = "";
		if (!quiet)
			log_error("no X server: DISPLAY is not set; try --display :0");
		return false;
	}
	look->x11 = x11_open(look->display);
	if (!look->x11 && is_local_and_there(session, look->display)) {
		look->x11 = try_cookies(session, look->display);
		/* Programs that are started later get what they would have got. */
		if (cookies)
			setenv("XAUTHORITY", cookies, 1);
		else
			unsetenv("XAUTHORITY");
	}
	if (!look->x11) {
		if (!quiet)
			log_error("cannot connect to X server '%s': it is not there, or XAUTHORITY "
				  "does not let us in",
				look->display);
		return false;
	}
	look->kind = x11_kind(look->x11);
	return true;
}

void look_close(struct look *look)
{
	x11_close(look->x11);
	look->x11 = NULL;
}

static struct x11_connector *connectors_of(
	struct session *session, const struct hw_gpu *gpu, size_t *count)
{
	struct x11_connector *list = NULL;
	const struct hw *hw = &session->hw;

	*count = 0;
	for (size_t i = 0; gpu->card >= 0 && i < hw->connector_count; i++) {
		const struct hw_connector *connector = &hw->connectors[i];

		if (connector->card == gpu->card)
			*arena_push(session->arena, list, *count) =
				(struct x11_connector){connector->name, connector->connected,
					connector->edid, connector->edid_length};
	}
	return list;
}

void look_gpus(struct session *session, struct look *look)
{
	struct hw *hw = &session->hw;

	session_gpus(session->arena, hw);
	hw_connectors(hw);
	look->gpu_count = hw->count;
	look->gpus = arena_alloc(session->arena, (hw->count + 1) * sizeof(*look->gpus));
	for (size_t i = 0; i < hw->count; i++) {
		struct hw_gpu *gpu = hw->gpus[i];
		struct x11_gpu *into = &look->gpus[i];

		*into = (struct x11_gpu){
			.slot = gpu->slot,
			.driver = gpu->driver,
			.name = look->nameless ? "" : hw_gpu_name(hw, gpu),
			.discrete = gpu->role == HW_DISCRETE || gpu->role == HW_EXTERNAL,
			.boot = gpu->boot,
			.external = gpu->role == HW_EXTERNAL,
		};
		into->connectors = connectors_of(session, gpu, &into->connector_count);
	}
	look->gpus_known = true;
}

bool look_read(struct session *session, struct look *look, bool probe)
{
	if (!look->gpus_known)
		look_gpus(session, look);
	look->server = x11_read(session->arena, look->x11, -1, probe);
	if (!look->server)
		return false;
	x11_identify(look->server, look->gpus, look->gpu_count);
	return true;
}

struct hw_gpu *look_hw(struct session *session, const struct look *look, const struct x11_gpu *gpu)
{
	return gpu ? session->hw.gpus[gpu - look->gpus] : NULL;
}

/* No display on the GPU that renders, neither a panel nor a monitor. */
static bool is_external_only(const struct x11_server *server)
{
	const struct x11_provider *screen = x11_screen_provider(server);

	for (size_t i = 0; screen && i < screen->outputs.count; i++) {
		const struct x11_output *output = x11_output(server, screen->outputs.list[i]);

		if (output && (output->connected || x11_is_lit(server, output)))
			return false;
	}
	return screen;
}

void look_facts(struct session *session, const struct look *look, struct x11_facts *facts)
{
	int modeset = hw_nvidia_modeset(&session->hw);

	*facts = (struct x11_facts){
		.server = x11_version_parse(x11_version_text(session->arena, look->x11)),
		.nvidia = x11_version_parse(hw_nvidia_version(&session->hw)),
		.fine_grained = hw_nvidia_fine_grained(&session->hw),
		.modeset = modeset < 0 ? X11_MODESET_UNKNOWN
				       : (modeset ? X11_MODESET_ON : X11_MODESET_OFF),
		.external_only = look->server && is_external_only(look->server),
	};
}
