/* SPDX-License-Identifier: MIT */
#include "x11/identify.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"

/* What a provider's name says of its kernel driver. Names of X drivers: hw/xfree86/drivers and
 * each xf86-video-* (xf86ProviderSetup). */
static const struct {
	const char *prefix;
	const char *drivers[5]; /* NULL: any other one */
} names[] = {
	{"NVIDIA-", {"nvidia", NULL}},
	{"Intel", {"i915", "xe", "i915_bdw", NULL}},
	{"nouveau", {"nouveau", NULL}},
	{"AMD ", {"amdgpu", "radeon", NULL}},
	{"ATI ", {"radeon", "amdgpu", NULL}},
	{"radeon", {"radeon", "amdgpu", NULL}},
	{"amdgpu", {"amdgpu", "radeon", NULL}},
};

bool x11_is_nvidia(const struct x11_provider *provider)
{
	return str_starts(provider->name, "NVIDIA-") ||
	       (!str_eq(provider->name, "modesetting") && provider->gpu && provider->gpu->driver &&
		       str_eq(provider->gpu->driver, "nvidia"));
}

/* Whether a driver of the X server with this provider name can be on top of a kernel driver. The
 * modesetting driver goes with all; with NVIDIA's only where NVIDIA's own X driver is absent. */
static bool driver_fits(const struct x11_provider *provider, const struct x11_gpu *gpu)
{
	if (!gpu->driver || str_starts(gpu->driver, "vfio"))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!str_starts(provider->name, names[i].prefix))
			continue;
		for (size_t j = 0; names[i].drivers[j]; j++) {
			if (str_eq(gpu->driver, names[i].drivers[j]))
				return true;
		}
		return false;
	}
	return !str_eq(gpu->driver, "nvidia");
}

static bool is_taken(const struct x11_server *server, const struct x11_gpu *gpu)
{
	for (size_t i = 0; i < server->provider_count; i++) {
		if (server->providers[i].gpu == gpu)
			return true;
	}
	return false;
}

static void settle(struct x11_provider *provider, const struct x11_gpu *gpu, enum x11_sure sure)
{
	provider->gpu = gpu;
	provider->sure = sure;
}

/* "... @ pci:0000:34:00.0"; some drivers leave the domain out. */
static void by_slot(struct x11_server *server, struct x11_provider *provider,
	const struct x11_gpu *gpus, size_t count)
{
	const char *at = strstr(provider->name, "pci:");

	for (size_t i = 0; at && i < count; i++) {
		const char *slot = gpus[i].slot;
		bool zero = str_starts(slot, "0000:");

		if (!is_taken(server, &gpus[i]) &&
			(strcasecmp(at + 4, slot) == 0 ||
				(zero && strcasecmp(at + 4, slot + 5) == 0)))
			settle(provider, &gpus[i], X11_BY_SLOT);
	}
}

static bool has_edid(const struct x11_gpu *gpu, const struct x11_output *output)
{
	for (size_t i = 0; i < gpu->connector_count; i++) {
		const struct x11_connector *connector = &gpu->connectors[i];

		/* A server may give only the first block. */
		if (output->edid_length >= 128 && connector->edid_length >= 128 &&
			memcmp(connector->edid, output->edid, 128) == 0)
			return true;
	}
	return false;
}

/*
 * The kernel's "HDMI-A-1" is "HDMI-1", "HDMI-1-1", "HDMI-A-0" or "HDMI-0" to X drivers, which
 * also number differently: only the kind of connector can be compared.
 */
static size_t kind_length(const char *name)
{
	size_t length = strcspn(name, "-0123456789");

	/* DVI-D, DVI-I, DVI-A and HDMI-A, HDMI-B: the letter is no part of every driver's name. */
	return length;
}

static const char *plain_kind(const char *name)
{
	return str_starts(name, "DisplayPort") ? "DP" : name;
}

static bool same_kind(const char *one, const char *other)
{
	one = plain_kind(one);
	other = plain_kind(other);
	return kind_length(one) == kind_length(other) &&
	       strncasecmp(one, other, kind_length(one)) == 0;
}

/* Connectors of a kind that a GPU has more of than a provider has outputs, and the reverse. */
static size_t difference(const struct x11_server *server, const struct x11_provider *provider,
	const struct x11_gpu *gpu)
{
	size_t missing = 0, found = 0;
	bool used[64] = {0};

	for (size_t i = 0; i < provider->outputs.count; i++) {
		const struct x11_output *output = x11_output(server, provider->outputs.list[i]);
		size_t j;

		if (!output)
			continue;
		for (j = 0; j < gpu->connector_count && j < sizeof(used); j++) {
			if (!used[j] && same_kind(output->name, gpu->connectors[j].name) &&
				output->connected == gpu->connectors[j].connected)
				break;
		}
		if (j < gpu->connector_count && j < sizeof(used)) {
			used[j] = true;
			found++;
		} else {
			missing++;
		}
	}
	return missing + gpu->connector_count - found;
}

typedef bool fits_function(const struct x11_server *server, const struct x11_provider *provider,
	const struct x11_gpu *gpu);

/* Several of its monitors, if only one GPU has them. Two monitors of a model that carry no serial
 * number have the same EDID. */
static bool edid_fits(const struct x11_server *server, const struct x11_provider *provider,
	const struct x11_gpu *gpu)
{
	bool any = false;

	for (size_t i = 0; i < provider->outputs.count; i++) {
		const struct x11_output *output = x11_output(server, provider->outputs.list[i]);

		if (!output || !output->connected || output->edid_length < 128)
			continue;
		if (!has_edid(gpu, output))
			return false;
		any = true;
	}
	return any;
}

/* How the modesetting driver calls a connector on an X screen; on a GPU screen that screen's number
 * comes between (drmmode_output_init). */
static bool is_called_like(const char *name, const char *connector, bool screen)
{
	const char *number = strrchr(connector, '-');
	size_t kind = number ? (size_t)(number - connector) : 0;

	if (!kind)
		return false;
	if (kind == 6 && str_starts(connector, "HDMI-A"))
		kind = 4;
	if (strncmp(name, connector, kind) != 0 || name[kind] != '-')
		return false;
	name += kind;
	if (!screen) {
		size_t digits = strspn(name + 1, "0123456789");

		name += digits ? digits + 1 : 0;
	}
	return str_eq(name, number);
}

/* The kernel numbers connectors of a kind through all GPUs, and the modesetting driver keeps these
 * numbers: no other GPU has a connector of that name. What hangs on a hub is called otherwise. */
static bool names_fit(const struct x11_server *server, const struct x11_provider *provider,
	const struct x11_gpu *gpu)
{
	size_t found = 0;

	if (!str_eq(provider->name, "modesetting") || !driver_fits(provider, gpu))
		return false;
	for (size_t i = 0; i < gpu->connector_count; i++) {
		size_t before = found;

		for (size_t j = 0; j < provider->outputs.count; j++) {
			const struct x11_output *output =
				x11_output(server, provider->outputs.list[j]);

			found += output && is_called_like(output->name, gpu->connectors[i].name,
						   provider->screen);
		}
		if (found == before)
			return false;
	}
	return found;
}

static bool connectors_fit(const struct x11_server *server, const struct x11_provider *provider,
	const struct x11_gpu *gpu)
{
	return driver_fits(provider, gpu) && gpu->connector_count && provider->outputs.count &&
	       difference(server, provider, gpu) == 0;
}

static bool driver_is_right(const struct x11_server *server, const struct x11_provider *provider,
	const struct x11_gpu *gpu)
{
	(void)server;
	return driver_fits(provider, gpu);
}

/* The modesetting driver on NVIDIA's kernel driver, where NVIDIA's X driver is not: only if all of
 * its outputs are the GPU's connectors. A dock's GPU, which is no PCI device, is "modesetting" too.
 */
static bool others_fit(const struct x11_server *server, const struct x11_provider *provider,
	const struct x11_gpu *gpu)
{
	return gpu->driver && str_eq(gpu->driver, "nvidia") &&
	       str_eq(provider->name, "modesetting") && gpu->connector_count &&
	       provider->outputs.count && difference(server, provider, gpu) == 0;
}

/* Settles what is unambiguous from both sides: one GPU for the provider, and no other provider
 * that could be this GPU. False if nothing was. */
static bool settle_some(struct x11_server *server, const struct x11_gpu *gpus, size_t count,
	fits_function *fits, enum x11_sure sure)
{
	for (size_t i = 0; i < server->provider_count; i++) {
		struct x11_provider *provider = &server->providers[i];
		const struct x11_gpu *found = NULL;
		size_t rivals = 0, choices = 0;

		if (provider->gpu)
			continue;
		for (size_t j = 0; j < count; j++) {
			if (is_taken(server, &gpus[j]) || !fits(server, provider, &gpus[j]))
				continue;
			found = &gpus[j];
			choices++;
		}
		for (size_t j = 0; found && j < server->provider_count; j++)
			rivals += !server->providers[j].gpu &&
				  fits(server, &server->providers[j], found);
		if (choices == 1 && rivals == 1) {
			settle(provider, found, sure);
			return true;
		}
	}
	return false;
}

/*
 * What is left are twins. Most likely in an order: the boot GPU drives the X screen, and GPU
 * screens are numbered as their cards were found.
 */
static void guess(struct x11_server *server, const struct x11_gpu *gpus, size_t count)
{
	for (size_t pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < server->provider_count; i++) {
			struct x11_provider *provider = &server->providers[i];

			for (size_t j = 0; !provider->gpu && j < count; j++) {
				if (is_taken(server, &gpus[j]) || !driver_fits(provider, &gpus[j]))
					continue;
				if (pass || (provider->screen && gpus[j].boot))
					settle(provider, &gpus[j], X11_UNSURE);
			}
		}
	}
}

void x11_identify(struct x11_server *server, const struct x11_gpu *gpus, size_t count)
{
	static const struct {
		fits_function *fits;
		enum x11_sure sure;
	} ways[] = {
		{names_fit, X11_BY_CONNECTORS},
		{edid_fits, X11_BY_EDID},
		{connectors_fit, X11_BY_CONNECTORS},
		{driver_is_right, X11_BY_DRIVER},
		{others_fit, X11_BY_EXCLUSION},
	};

	for (size_t i = 0; i < server->provider_count; i++) {
		settle(&server->providers[i], NULL, X11_UNSURE);
		by_slot(server, &server->providers[i], gpus, count);
	}
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		/* Each settled one may leave another with one choice only. */
		while (settle_some(server, gpus, count, ways[i].fits, ways[i].sure))
			continue;
	}
	guess(server, gpus, count);
}
