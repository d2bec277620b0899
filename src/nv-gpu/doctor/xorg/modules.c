/* SPDX-License-Identifier: MIT */
/* modules: where the X server looks for its drivers, and whether it finds them there. */
#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/xorg/xorg.h"

/* The directories of a list with commas that are not there, a finding each. */
static bool check_directories(
	struct doctor *doctor, const struct xconf_section *section, const struct xconf_entry *entry)
{
	struct arena *arena = doctor->run->arena;
	bool wrong = false;

	for (const char *list = xconf_text(entry, 0); *list;) {
		size_t length = 0;
		const char *directory;

		while (list[length] && list[length] != ',')
			length++;
		directory = arena_copy(arena, list, length);
		list += length + (list[length] == ',');
		if (!length || hw_root_exists(&doctor->run->hw.root, directory))
			continue;
		doctor_problem(doctor,
			arena_printf(arena, "%s: ModulePath names %s, which is not there",
				xorg_place(doctor, section->path, entry->values[0].line,
					entry->values[0].column),
				directory),
			"The server looks for its drivers there and finds none.",
			arena_printf(arena, "Take the directory out of line %u of %s.", entry->line,
				section->path));
		wrong = true;
	}
	return wrong;
}

/* The first ModulePath of a Files section, which replaces the server's own. */
static const struct xconf_entry *replacing(
	const struct xorg *xorg, const struct xconf_section **section)
{
	for (size_t i = 0; i < xorg->conf.count; i++) {
		*section = &xorg->conf.sections[i];
		if (!xorg_is(*section, "Files"))
			continue;
		for (size_t j = 0; j < (*section)->count; j++) {
			if (xconf_same((*section)->entries[j].key, "ModulePath"))
				return &(*section)->entries[j];
		}
	}
	return NULL;
}

/* The server's own directory on this machine, for advice. */
static const char *standard(struct doctor *doctor)
{
	static const char *const usual[] = {"/usr/lib/xorg/modules", "/usr/lib64/xorg/modules",
		"/usr/lib/x86_64-linux-gnu/xorg/modules", NULL};

	for (const char *const *directory = usual; *directory; directory++) {
		if (xorg_is_standard(doctor, *directory))
			return *directory;
	}
	return NULL;
}

static bool check_standard(struct doctor *doctor, const struct xorg *xorg)
{
	struct arena *arena = doctor->run->arena;
	const struct xconf_section *section;
	const struct xconf_entry *entry = replacing(xorg, &section);
	const char *own = standard(doctor);

	if (!entry || !own || xorg_has_modules(doctor))
		return false;
	doctor_problem(doctor,
		arena_printf(arena, "%s: ModulePath leaves out %s",
			xorg_place(doctor, section->path, entry->line, 0), own),
		"A ModulePath in section Files replaces the server's own: it finds neither its "
		"drivers nor its extensions.",
		arena_printf(arena, "Add this line to the section:\n\tModulePath \"%s\"", own));
	return true;
}

static bool check_nvidia(struct doctor *doctor, const struct xorg *xorg)
{
	struct arena *arena = doctor->run->arena;
	const struct xconf_section *section;
	const char *elsewhere = xorg_nvidia_elsewhere(doctor);

	if (!xorg->uses_nvidia || xorg_has_driver(doctor, "nvidia"))
		return false;
	if (!elsewhere) {
		const char *own = standard(doctor);

		/* The configured path hides it: check_standard tells of the server's own modules.
		 */
		if (!own || !hw_root_exists(&doctor->run->hw.root,
				    arena_path(arena, own, "drivers/nvidia_drv.so")))
			return false;
		elsewhere = own;
	}
	doctor_problem(doctor,
		arena_printf(arena, "the X server does not look into %s, where nvidia_drv.so is",
			elsewhere),
		"Without it NVIDIA's GPU is no GPU screen: its outputs stay dark, and GLX programs "
		"cannot be rendered on it.",
		replacing(xorg, &section)
			? arena_printf(arena,
				  "Add this line to section Files of %s:\n\tModulePath \"%s\"",
				  section->path, elsewhere)
			: arena_printf(arena,
				  "Write /etc/X11/xorg.conf.d/10-nvidia-modules.conf:\n"
				  "Section \"OutputClass\"\n"
				  "\tIdentifier \"nvidia modules\"\n"
				  "\tMatchDriver \"nvidia-drm\"\n"
				  "\tDriver \"nvidia\"\n"
				  "\tModulePath \"%s\"\n"
				  "EndSection",
				  elsewhere));
	return true;
}

void check_xorg_modulepath(struct doctor *doctor)
{
	const struct xorg *xorg = xorg_read(doctor);
	const struct xconf_section *section;
	bool wrong = xorg_say_unreadable(doctor, xorg);

	for (size_t i = 0; i < xorg->conf.count; i++) {
		section = &xorg->conf.sections[i];
		if (!xorg_is(section, "Files") && !xorg_is(section, "OutputClass"))
			continue;
		for (size_t j = 0; j < section->count; j++) {
			if (xconf_same(section->entries[j].key, "ModulePath") &&
				section->entries[j].count)
				wrong |= check_directories(doctor, section, &section->entries[j]);
		}
	}
	wrong |= check_standard(doctor, xorg);
	wrong |= check_nvidia(doctor, xorg);
	if (!wrong)
		doctor_ok(doctor, replacing(xorg, &section)
					  ? "the ModulePath has what the X server needs"
					  : "no ModulePath replaces the X server's own");
}
