/* SPDX-License-Identifier: MIT */
#include "x11/mode.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "x11/identify.h"

static const char *const prime_names[] = {"auto", "offload", "sync", "reverse-sync", "none"};

const char *x11_prime_name(enum x11_prime mode)
{
	return prime_names[mode];
}

bool x11_prime_from_name(const char *name, enum x11_prime *mode)
{
	for (size_t i = 0; i < sizeof(prime_names) / sizeof(*prime_names); i++) {
		if (!str_eq(name, prime_names[i]))
			continue;
		*mode = (enum x11_prime)i;
		return true;
	}
	return false;
}

struct x11_version x11_version_parse(const char *text)
{
	struct x11_version version = {0};

	if (text)
		sscanf(text, "%u.%u.%u", &version.part[0], &version.part[1], &version.part[2]);
	return version;
}

/* False for an unknown version: nothing is refused on a guess. */
static bool is_below(
	const struct x11_version *version, unsigned major, unsigned minor, unsigned patch)
{
	const unsigned wanted[] = {major, minor, patch};

	if (!version->part[0])
		return false;
	for (size_t i = 0; i < 3; i++) {
		if (version->part[i] != wanted[i])
			return version->part[i] < wanted[i];
	}
	return false;
}

static const struct x11_provider *nvidia_sink(const struct x11_server *server)
{
	for (size_t i = 0; i < server->provider_count; i++) {
		const struct x11_provider *provider = &server->providers[i];

		if (!provider->screen && x11_is_nvidia(provider) && provider->outputs.count)
			return provider;
	}
	return NULL;
}

enum x11_prime x11_mode_resolve(const struct x11_server *server, enum x11_prime mode)
{
	const struct x11_provider *screen = x11_screen_provider(server);

	if (mode != X11_AUTO)
		return mode;
	if (screen && x11_is_nvidia(screen))
		return X11_SYNC_MODE;
	return nvidia_sink(server) ? X11_REVERSE : X11_OFFLOAD;
}

/* The outputs of other GPUs, which a mode would share the X screen with. */
static size_t count_sinks(const struct x11_server *server, unsigned capability)
{
	size_t count = 0;

	for (size_t i = 0; i < server->provider_count; i++) {
		const struct x11_provider *provider = &server->providers[i];

		count += !provider->screen && provider->outputs.count &&
			 (provider->capabilities & capability) == capability;
	}
	return count;
}

static bool no_provider(const struct x11_server *server, const struct x11_facts *facts)
{
	(void)facts;
	return !x11_screen_provider(server);
}

static bool screen_is_not_discrete(const struct x11_server *server, const struct x11_facts *facts)
{
	const struct x11_provider *screen = x11_screen_provider(server);

	(void)facts;
	return !x11_is_nvidia(screen) && !(screen->gpu && screen->gpu->discrete);
}

static bool screen_is_nvidia(const struct x11_server *server, const struct x11_facts *facts)
{
	(void)facts;
	return x11_is_nvidia(x11_screen_provider(server));
}

static bool nothing_to_share(const struct x11_server *server, const struct x11_facts *facts)
{
	(void)facts;
	return !count_sinks(server, 0);
}

static bool no_sink(const struct x11_server *server, const struct x11_facts *facts)
{
	(void)facts;
	return !count_sinks(server, X11_SINK_OUTPUT);
}

static bool no_source(const struct x11_server *server, const struct x11_facts *facts)
{
	(void)facts;
	return !(x11_screen_provider(server)->capabilities & X11_SOURCE_OUTPUT);
}

static bool is_fine_grained(const struct x11_server *server, const struct x11_facts *facts)
{
	(void)server;
	return facts->fine_grained && x11_is_nvidia(x11_screen_provider(server));
}

/* xf86-video-amdgpu's names begin with the chip's, "AMD ..."; modesetting may run it too. */
static bool screen_is_amd(const struct x11_server *server)
{
	const struct x11_provider *screen = x11_screen_provider(server);

	if (screen->gpu && screen->gpu->driver)
		return str_eq(screen->gpu->driver, "amdgpu") ||
		       str_eq(screen->gpu->driver, "radeon");
	return str_starts(screen->name, "AMD ") || strstr(screen->name, "Radeon");
}

static bool amd_driver_is_old(const struct x11_server *server, const struct x11_facts *facts)
{
	return nvidia_sink(server) && screen_is_amd(server) && is_below(&facts->nvidia, 470, 0, 0);
}

static bool amd_needs_modeset(const struct x11_server *server, const struct x11_facts *facts)
{
	return nvidia_sink(server) && screen_is_amd(server) && facts->modeset == X11_MODESET_OFF;
}

static bool server_is_old(const struct x11_server *server, const struct x11_facts *facts)
{
	return nvidia_sink(server) && is_below(&facts->server, 1, 20, 6);
}

static bool sole_driver_is_old(const struct x11_server *server, const struct x11_facts *facts)
{
	return nvidia_sink(server) && facts->external_only && is_below(&facts->nvidia, 495, 46, 0);
}

static bool sole_server_is_old(const struct x11_server *server, const struct x11_facts *facts)
{
	return nvidia_sink(server) && facts->external_only && is_below(&facts->server, 21, 1, 3);
}

enum { SYNC = 1 << X11_SYNC_MODE, REVERSE = 1 << X11_REVERSE };

/*
 * In this order; later ones rely on earlier ones. Sources: the NVIDIA driver's README, chapters
 * "Offloading Graphics Display with RandR 1.4" and "PRIME Render Offload" (550.163.01); for AMD
 * and for fine-grained power management what distributions refuse too.
 */
static const struct {
	unsigned modes;
	bool (*holds)(const struct x11_server *server, const struct x11_facts *facts);
	const char *reason;
} refusals[] = {
	{SYNC | REVERSE, no_provider,
		"the X server has no RandR provider: it is no Xorg with a GPU of its own"},
	{SYNC, screen_is_not_discrete,
		"NVIDIA's GPU does not drive the X screen; see 'nv-session xorg-conf --mode sync'"},
	{REVERSE, screen_is_nvidia,
		"NVIDIA's GPU drives the X screen, so that this is sync; see 'nv-session "
		"xorg-conf --mode reverse-sync'"},
	{SYNC | REVERSE, nothing_to_share,
		"no other GPU of the X server has outputs; if one has, see 'nv-session xorg-conf'"},
	{SYNC | REVERSE, no_source,
		"the GPU of the X screen lacks the capability Source Output: its X driver runs "
		"without acceleration"},
	{SYNC | REVERSE, no_sink,
		"no other GPU has the capability Sink Output: its X driver cannot show pictures "
		"of another GPU"},
	{SYNC, is_fine_grained,
		"fine-grained power management (NVreg_DynamicPowerManagement=0x02) does not go "
		"with an NVIDIA GPU that always renders; set it to 0x01 or 0x00"},
	{REVERSE, server_is_old,
		"the X server is older than 1.20.6, the first whose NVIDIA GPU screens have "
		"outputs"},
	{REVERSE, amd_driver_is_old,
		"NVIDIA's driver shows an AMD GPU's pictures from version 470 on"},
	{REVERSE, amd_needs_modeset,
		"NVIDIA's driver shows an AMD GPU's pictures only with nvidia-drm.modeset=1"},
	{REVERSE, sole_driver_is_old,
		"with no display on the rendering GPU, NVIDIA's driver before 495.46 shows one "
		"picture a second"},
	{REVERSE, sole_server_is_old,
		"with no display on the rendering GPU, X servers before 21.1.3 show one picture "
		"a second"},
};

const char *x11_mode_refused(
	const struct x11_server *server, const struct x11_facts *facts, enum x11_prime mode)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		if (refusals[i].modes & 1u << mode && refusals[i].holds(server, facts))
			return refusals[i].reason;
	}
	return NULL;
}
