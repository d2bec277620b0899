/* SPDX-License-Identifier: MIT */
/* options: drivers that are not there, and options that nobody reads where they stand. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/xorg/busid.h"
#include "nv-gpu/doctor/xorg/xorg.h"

/* Options that count in some kinds of sections alone. */
struct belongs {
	const char *option;
	const char *kinds[4]; /* where it counts */
	const char *advice;
};

static const struct belongs belongings[] = {
	{"PrimaryGPU", {"OutputClass"},
		"Section \"OutputClass\"\n"
		"\tIdentifier \"primary\"\n"
		"\tMatchDriver \"nvidia-drm\"\n"
		"\tOption \"PrimaryGPU\" \"yes\"\n"
		"EndSection\n"
		"with the kernel driver of the GPU that is to render."},
	{"AllowNVIDIAGPUScreens", {"ServerLayout", "ServerFlags", "Device"},
		"Since X server 1.20.7 it is on without being said: take it away."},
	{"AllowExternalGpus", {"Device", "Screen", "OutputClass"},
		"Move it into a section Device or OutputClass with Driver \"nvidia\"."},
	{"AutoAddGPU", {"ServerFlags", "ServerLayout"}, "Move it into section ServerFlags."},
	{"AutoBindGPU", {"ServerFlags", "ServerLayout"}, "Move it into section ServerFlags."},
};

/* Options that one driver alone has. NVIDIA's are those of its README, appendix "X config options".
 */
struct owned {
	const char *option;
	bool nvidia; /* NVIDIA's; else those of the drivers that came with the server */
};

static const struct owned owned[] = {
	{"AllowEmptyInitialConfiguration", true},
	{"AllowExternalGpus", true},
	{"Coolbits", true},
	{"ConnectToAcpid", true},
	{"ForceCompositionPipeline", true},
	{"ForceFullCompositionPipeline", true},
	{"HardDPMS", true},
	{"MetaModes", true},
	{"NoLogo", true},
	{"RegistryDwords", true},
	{"SidebandSocketPath", true},
	{"TripleBuffer", true},
	{"UseNvKmsCompositionPipeline", true},
	{"AccelMethod", false},
	{"TearFree", false},
	{"VariableRefresh", false},
	{"kmsdev", false},
	{"PageFlip", false},
	{"EnablePageFlip", false},
	{"ShadowPrimary", false},
};

static bool is_driver_section(const struct xconf_section *section)
{
	return xorg_is(section, "Device") || xorg_is(section, "OutputClass");
}

static bool check_places(struct doctor *doctor, const struct xconf_section *section)
{
	struct arena *arena = doctor->run->arena;
	bool wrong = false;

	for (size_t i = 0; i < sizeof(belongings) / sizeof(*belongings); i++) {
		const struct belongs *belongs = &belongings[i];
		const struct xconf_entry *entry = xconf_option(section, belongs->option, NULL);
		bool right = false;

		for (size_t j = 0; j < 4 && belongs->kinds[j]; j++)
			right |= xorg_is(section, belongs->kinds[j]);
		if (!entry || right)
			continue;
		doctor_problem(doctor,
			arena_printf(arena, "%s: %s does nothing in section %s",
				xorg_place(doctor, section->path, entry->line, 0), belongs->option,
				gpu_plain(doctor->run, section->name)),
			arena_printf(arena, "The X server reads it in section %s%s%s.",
				belongs->kinds[0], belongs->kinds[1] ? " or " : "",
				belongs->kinds[1] ? belongs->kinds[1] : ""),
			belongs->advice);
		wrong = true;
	}
	return wrong;
}

static bool check_owned(
	struct doctor *doctor, const struct xconf_section *section, const char *driver)
{
	bool nvidia = xconf_same(driver, "nvidia"), wrong = false;

	for (size_t i = 0; i < sizeof(owned) / sizeof(*owned); i++) {
		const struct xconf_entry *entry = xconf_option(section, owned[i].option, NULL);

		if (!entry || owned[i].nvidia == nvidia)
			continue;
		doctor_note(doctor,
			arena_printf(doctor->run->arena, "%s: driver %s does not know option %s",
				xorg_place(doctor, section->path, entry->line, 0),
				gpu_plain(doctor->run, driver), owned[i].option),
			owned[i].nvidia ? "It is one of NVIDIA's driver; here it does nothing."
					: "NVIDIA's driver has no such option; here it does "
					  "nothing.",
			arena_printf(doctor->run->arena,
				"Take it out of %s, or move it to the "
				"section of the driver that is meant.",
				section->path));
		wrong = true;
	}
	return wrong;
}

/* Without acceleration modesetting cannot give or take pictures of another GPU's rendering. */
static bool check_acceleration(
	struct doctor *doctor, const struct xconf_section *section, const char *driver)
{
	const struct xconf_entry *entry = xconf_option(section, "AccelMethod", NULL);

	if (!entry || !xconf_same(driver, "modesetting") ||
		!xconf_same(xconf_text(entry, 1), "none") || xorg_gpus(doctor) < 2)
		return false;
	doctor_note(doctor,
		arena_printf(doctor->run->arena, "%s: AccelMethod \"none\" ends render offload",
			xorg_place(doctor, section->path, entry->line, 0)),
		"Without acceleration the modesetting driver is neither sink nor source of "
		"offload. Where NVIDIA's GPU renders everything (PRIME sync), this is as it should "
		"be.",
		"For offload, take the line away.");
	return true;
}

/* A package's name is not the same everywhere; these are what to look for. */
static const struct {
	const char *driver, *advice;
} packages[] = {
	{"nvidia", "Install the distribution's X driver for NVIDIA (xserver-xorg-video-nvidia, "
		   "xorg-x11-drv-nvidia, nvidia-utils), or take the section away."},
	{"intel", "Write Driver \"modesetting\": it comes with the X server, and is what PRIME "
		  "is made for."},
	{"amdgpu", "Install xf86-video-amdgpu (xserver-xorg-video-amdgpu), or write Driver "
		   "\"modesetting\"."},
	{"nouveau", "Install xf86-video-nouveau (xserver-xorg-video-nouveau), or write Driver "
		    "\"modesetting\"."},
};

static bool check_installed(struct doctor *doctor, const struct xconf_section *section,
	const struct xconf_value *driver)
{
	struct arena *arena = doctor->run->arena;
	const char *advice = "Install it, or write Driver \"modesetting\".";
	char name[64];
	size_t length = 0;

	/* The server looks for the name in lower case. */
	for (; driver->text[length] && length + 1 < sizeof(name); length++)
		name[length] =
			(char)(driver->text[length] |
				(driver->text[length] >= 'A' && driver->text[length] <= 'Z' ? 32
											    : 0));
	name[length] = '\0';
	if (!length || strchr(name, '/') || !xorg_has_modules(doctor) ||
		xorg_has_driver(doctor, name))
		return false;
	/* Where it is, but not looked for, is another check's. */
	if (str_eq(name, "nvidia") && xorg_nvidia_elsewhere(doctor))
		return false;
	for (size_t i = 0; i < sizeof(packages) / sizeof(*packages); i++) {
		if (str_eq(packages[i].driver, name))
			advice = packages[i].advice;
	}
	doctor_problem(doctor,
		arena_printf(arena, "%s: driver \"%s\" is not installed",
			xorg_place(doctor, section->path, driver->line, driver->column),
			gpu_plain(doctor->run, name)),
		xorg_is(section, "Device")
			? "The X server does not start with a Device whose driver it cannot load."
			: "The X server cannot use this driver for what the class matches.",
		advice);
	return true;
}

/* Which kernel drivers an X driver works with. */
static const struct {
	const char *driver;
	const char *kernel[4];
} pairs[] = {
	{"nvidia", {"nvidia"}},
	{"nouveau", {"nouveau"}},
	{"intel", {"i915"}},
	{"amdgpu", {"amdgpu"}},
	{"radeon", {"radeon", "amdgpu"}},
	{"ati", {"radeon", "amdgpu"}},
};

/* The GPU that a section is of: by its BusID, else the only one of the driver's make. */
static const struct hw_gpu *gpu_of(struct doctor *doctor, const struct xconf_section *section)
{
	const struct xconf_value *value = xconf_find(section, "BusID");
	struct busid id, own;

	if (!value || busid_read(value->text, &id) != BUSID_PCI)
		return NULL;
	for (size_t i = 0; i < doctor->run->hw.count; i++) {
		if (busid_of_slot(doctor->run->hw.gpus[i]->slot, &own) && busid_same(&id, &own))
			return doctor->run->hw.gpus[i];
	}
	return NULL;
}

static bool runs_with(struct doctor *doctor, const struct hw_gpu *gpu, const char *const *kernel)
{
	for (size_t i = 0; i < doctor->run->hw.count; i++) {
		const struct hw_gpu *one = doctor->run->hw.gpus[i];

		if (gpu && gpu != one)
			continue;
		for (size_t j = 0; j < 4 && kernel[j]; j++) {
			if (one->driver && str_eq(one->driver, kernel[j]))
				return true;
		}
	}
	return false;
}

/* An X driver on a GPU that another kernel driver has. */
static bool check_kernel(struct doctor *doctor, const struct xconf_section *section,
	const struct xconf_value *driver)
{
	struct arena *arena = doctor->run->arena;
	const struct hw_gpu *gpu = gpu_of(doctor, section);

	if (!xorg_is(section, "Device"))
		return false;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		const char *where;

		if (!xconf_same(driver->text, pairs[i].driver) ||
			runs_with(doctor, gpu, pairs[i].kernel))
			continue;
		where = xorg_place(doctor, section->path, driver->line, driver->column);
		doctor_problem(doctor,
			gpu ? arena_printf(arena,
				      "%s: driver \"%s\" is for %s, which the kernel driver %s has",
				      where, pairs[i].driver, gpu->slot,
				      gpu->driver ? gpu->driver : "(none)")
			    : arena_printf(arena,
				      "%s: driver \"%s\" is wanted, and no GPU runs with the "
				      "kernel driver %s",
				      where, pairs[i].driver, pairs[i].kernel[0]),
			"The X server finds no device for it (\"no screens found\"), and does not "
			"start if there is no other.",
			arena_printf(arena,
				"Load the kernel driver %s, or take the section out of %s.",
				pairs[i].kernel[0], section->path));
		return true;
	}
	return false;
}

static bool check_intel(struct doctor *doctor, const struct xconf_section *section,
	const struct xconf_value *driver)
{
	const struct xorg *xorg = xorg_read(doctor);

	if (!xconf_same(driver->text, "intel") || !xorg->uses_nvidia)
		return false;
	doctor_note(doctor,
		arena_printf(doctor->run->arena, "%s: driver \"intel\" beside NVIDIA's GPU",
			xorg_place(doctor, section->path, driver->line, driver->column)),
		"It is not maintained, has no PRIME synchronization (outputs of the other GPU "
		"tear), and does not know GPUs of recent years.",
		"Write Driver \"modesetting\".");
	return true;
}

static bool check_driver(struct doctor *doctor, const struct xconf_section *section)
{
	const struct xconf_value *driver = xconf_find(section, "Driver");
	bool wrong;

	if (!driver || !*driver->text || !is_driver_section(section))
		return false;
	wrong = check_owned(doctor, section, driver->text);
	wrong |= check_acceleration(doctor, section, driver->text);
	if (check_installed(doctor, section, driver) || check_kernel(doctor, section, driver))
		return true;
	return check_intel(doctor, section, driver) || wrong;
}

void check_xorg_options(struct doctor *doctor)
{
	const struct xorg *xorg = xorg_read(doctor);
	bool wrong = xorg_say_unreadable(doctor, xorg);

	for (size_t i = 0; i < xorg->conf.count; i++) {
		wrong |= check_places(doctor, &xorg->conf.sections[i]);
		wrong |= check_driver(doctor, &xorg->conf.sections[i]);
	}
	if (!wrong)
		doctor_ok(doctor, xorg->file_count
					  ? "each driver is there, each option where it counts"
					  : "the X server has no configuration");
}

void check_xorg_syntax(struct doctor *doctor)
{
	const struct xorg *xorg = xorg_read(doctor);
	bool unreadable = xorg_say_unreadable(doctor, xorg);

	for (size_t i = 0; i < xorg->conf.mistake_count; i++) {
		const struct xconf_mistake *mistake = &xorg->conf.mistakes[i];

		doctor_problem(doctor,
			arena_printf(doctor->run->arena, "%s: %s",
				xorg_place(doctor, mistake->path, mistake->line, 0),
				gpu_plain(doctor->run, mistake->what)),
			"The X server does not start with a file that it cannot read.",
			"Mend the line, or move the file away.");
	}
	if (!xorg->conf.mistake_count && !unreadable)
		doctor_ok(doctor, xorg->file_count ? arena_printf(doctor->run->arena,
							     xorg->file_count == 1
								     ? "one file can be read"
								     : "all %zu files can be read",
							     xorg->file_count)
						   : "the X server has no configuration");
}
