/* SPDX-License-Identifier: MIT */
/* wayland: what keeps a Wayland session from NVIDIA's GPU. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/files.h"

/* "WaylandEnable=false" in a file of GDM's; its line, 0 if there is none. */
static unsigned turns_wayland_off(struct doctor *doctor, const char *path)
{
	const char *at = doctor_text(doctor, path), *line;
	unsigned number = 0;

	while (at && (line = doctor_line(doctor, &at, &number, false)) != NULL) {
		size_t length = strlen("WaylandEnable");

		if (!str_starts(line, "WaylandEnable"))
			continue;
		line += length + strspn(line + length, " \t");
		if (*line == '=' && str_starts(line + 1 + strspn(line + 1, " \t"), "false"))
			return number;
	}
	return 0;
}

static bool check_gdm(struct doctor *doctor)
{
	static const char *const files[] = {"/run/gdm3/custom.conf", "/run/gdm/custom.conf",
		"/etc/gdm3/custom.conf", "/etc/gdm3/daemon.conf", "/etc/gdm/custom.conf"};
	struct arena *arena = doctor->run->arena;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		unsigned line = turns_wayland_off(doctor, files[i]);

		if (!line)
			continue;
		doctor_note(doctor,
			arena_printf(arena, "%s:%u: GDM offers no Wayland session", files[i], line),
			str_starts(files[i], "/run/")
				? "GDM's udev rules (61-gdm.rules) decided so at the start, by the "
				  "version of NVIDIA's driver, its modeset parameter and how it is "
				  "suspended."
				: "It is configured so.",
			str_starts(files[i], "/run/")
				? "nv-gpu doctor\n"
				  "To overrule GDM: ln -s /dev/null "
				  "/etc/udev/rules.d/61-gdm.rules, and reboot."
				: arena_printf(arena, "Take line %u out of %s.", line, files[i]));
		return true;
	}
	return false;
}

void check_wayland_session(struct doctor *doctor)
{
	bool nvidia = false;

	for (size_t i = 0; i < doctor->run->hw.count; i++)
		nvidia |= hw_gpu_is_nvidia(doctor->run->hw.gpus[i]);
	if (!nvidia) {
		doctor_ok(doctor, "NVIDIA's driver runs no GPU that a compositor could use");
		return;
	}
	/* Modeset that is off is told of by drm-modeset. */
	if (!check_gdm(doctor))
		doctor_ok(doctor, "nothing keeps Wayland from NVIDIA's GPU");
}
