/* SPDX-License-Identifier: MIT */
/* servers: whether the X server may add GPUs, link them, and use external ones. */
#include "base/mem.h"
#include "base/str.h"
#include "hw/running.h"
#include "nv-gpu/doctor/xorg/xorg.h"

/* Where a server's option stands that is off; NULL if it is on. ServerLayout beats ServerFlags. */
static const char *switched_off(struct doctor *doctor, const struct xorg *xorg, const char *option)
{
	static const char *const kinds[] = {"ServerFlags", "ServerLayout"};
	const char *place = NULL;

	for (size_t kind = 0; kind < sizeof(kinds) / sizeof(*kinds); kind++) {
		for (size_t i = 0; i < xorg->conf.count; i++) {
			const struct xconf_section *section = &xorg->conf.sections[i];
			const struct xconf_entry *entry;
			bool on;

			if (!xorg_is(section, kinds[kind]))
				continue;
			entry = xconf_option(section, option, &on);
			if (entry)
				place = on ? NULL
					   : xorg_place(doctor, section->path, entry->line, 0);
		}
	}
	return place;
}

/* An "Inactive" device is made a GPU screen without AutoAddGPU. */
static bool has_inactive(const struct xorg *xorg)
{
	for (size_t i = 0; i < xorg->conf.count; i++) {
		if (xorg_is(&xorg->conf.sections[i], "ServerLayout") &&
			xconf_find(&xorg->conf.sections[i], "Inactive"))
			return true;
	}
	return false;
}

/* "-noautoBindGPU" of a server that runs. */
static const char *told_not_to_bind(struct doctor *doctor)
{
	static const char *const names[] = {"Xorg", "X", NULL};
	size_t count;
	const struct hw_command *commands = hw_commands(&doctor->run->hw, names, &count);

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < commands[i].count; j++) {
			if (xconf_same(commands[i].words[j], "-noautoBindGPU"))
				return arena_printf(doctor->run->arena,
					"the command line of the X server, process %ld",
					commands[i].pid);
		}
	}
	return NULL;
}

/* AutoAddGPU itself, and AutoBindGPU. */
static bool check_adding(struct doctor *doctor, const struct xorg *xorg)
{
	struct arena *arena = doctor->run->arena;
	const char *add = switched_off(doctor, xorg, "AutoAddGPU");
	const char *bind = switched_off(doctor, xorg, "AutoBindGPU");

	if (xorg_gpus(doctor) < 2)
		return false;
	if (!bind)
		bind = told_not_to_bind(doctor);
	if (add && has_inactive(xorg))
		doctor_note(doctor, arena_printf(arena, "%s turns AutoAddGPU off", add),
			"Only the GPUs that the ServerLayout names are used; one that is plugged "
			"in "
			"later is not.",
			"Take the option away unless that is what you want.");
	else if (add)
		doctor_problem(doctor, arena_printf(arena, "%s turns AutoAddGPU off", add),
			"The X server uses one GPU alone: the outputs of the others stay dark, and "
			"programs cannot be rendered on them by PRIME.",
			arena_printf(arena, "Take the option out of %s, and restart the X server.",
				add));
	if (bind)
		doctor_note(doctor, arena_printf(arena, "%s turns AutoBindGPU off", bind),
			"The server does not link the outputs of other GPUs by itself: they stay "
			"dark until something does.",
			"nv-session setup\n"
			"links them; nv-session hook install does so at each start.");
	return add || bind;
}

static bool allows_external(const struct xorg *xorg)
{
	for (size_t i = 0; i < xorg->conf.count; i++) {
		bool on;

		if (xconf_option(&xorg->conf.sections[i], "AllowExternalGpus", &on) && on)
			return true;
	}
	return false;
}

static bool check_external(struct doctor *doctor, const struct xorg *xorg)
{
	for (size_t i = 0; i < doctor->run->hw.count; i++) {
		struct hw_gpu *gpu = doctor->run->hw.gpus[i];

		if (gpu->role != HW_EXTERNAL || !hw_gpu_is_nvidia(gpu) || allows_external(xorg) ||
			!(xorg->installed || xorg->file_count))
			continue;
		doctor_problem(doctor,
			arena_printf(doctor->run->arena,
				"nothing lets the X server use the external GPU %s",
				gpu_title(doctor->run, gpu)),
			"NVIDIA's X driver leaves external GPUs alone without AllowExternalGpus: "
			"the server does not survive that one is unplugged while in use.",
			"Write /etc/X11/xorg.conf.d/20-nvidia-external.conf:\n"
			"Section \"OutputClass\"\n"
			"\tIdentifier \"nvidia external\"\n"
			"\tMatchDriver \"nvidia-drm\"\n"
			"\tDriver \"nvidia\"\n"
			"\tOption \"AllowExternalGpus\" \"true\"\n"
			"EndSection\n"
			"Wayland and CUDA need nothing.");
		return true;
	}
	return false;
}

void check_xorg_autoaddgpu(struct doctor *doctor)
{
	const struct xorg *xorg = xorg_read(doctor);
	bool wrong = check_adding(doctor, xorg);

	wrong |= check_external(doctor, xorg);
	if (!wrong)
		doctor_ok(doctor, "the X server may add and link all GPUs");
}
