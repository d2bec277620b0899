/* SPDX-License-Identifier: MIT */
/* busids: whether each Device section's BusID is that of a GPU. */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/tree.h"
#include "nv-gpu/doctor/xorg/busid.h"
#include "nv-gpu/doctor/xorg/xorg.h"

struct gpus {
	struct busid *ids;
	struct hw_gpu **list;
	size_t count;
};

static void find_gpus(struct doctor *doctor, struct gpus *gpus)
{
	struct gpu_run *run = doctor->run;
	size_t room = 0;

	*gpus = (struct gpus){0};
	for (size_t i = 0; i < run->hw.count; i++) {
		struct busid id;

		if (!run->hw.gpus[i]->pci || !busid_of_slot(run->hw.gpus[i]->slot, &id))
			continue;
		*arena_push(run->arena, gpus->ids, gpus->count) = id;
		*arena_push(run->arena, gpus->list, room) = run->hw.gpus[i];
	}
}

/* The vendor whose GPUs an X driver is for; 0 if it is for any. */
static unsigned vendor_of(const char *driver)
{
	static const struct {
		const char *driver;
		unsigned vendor;
	} vendors[] = {{"nvidia", HW_NVIDIA}, {"nouveau", HW_NVIDIA}, {"nv", HW_NVIDIA},
		{"intel", HW_INTEL}, {"amdgpu", HW_AMD}, {"radeon", HW_AMD}, {"ati", HW_AMD}};

	for (size_t i = 0; i < sizeof(vendors) / sizeof(*vendors); i++) {
		if (driver && xconf_same(driver, vendors[i].driver))
			return vendors[i].vendor;
	}
	return 0;
}

/* The only GPU that the section's driver is for; count of them if there is not just one. */
static size_t by_driver(
	const struct xconf_section *section, const struct gpus *gpus, const char **why)
{
	const struct xconf_value *driver = xconf_find(section, "Driver");
	unsigned vendor = vendor_of(driver ? driver->text : NULL);
	size_t found = gpus->count;

	for (size_t i = 0; vendor && i < gpus->count; i++) {
		if (gpus->list[i]->vendor != vendor)
			continue;
		if (found != gpus->count)
			return gpus->count;
		found = i;
	}
	*why = "it is the only GPU for the section's driver";
	return found;
}

struct mistake {
	const struct xconf_section *section;
	const struct xconf_value *value;
	const char *what;
	size_t meant; /* which GPU; count of them if that cannot be told */
	const char *why;
};

/* Whether a BusID is wrong, and which GPU was meant. */
static bool is_wrong(struct doctor *doctor, const struct gpus *gpus,
	const struct xconf_section *section, struct mistake *mistake)
{
	const struct xconf_value *value = xconf_find(section, "BusID");
	struct busid id;
	enum busid_kind kind;

	if (!value || !*value->text)
		return false;
	kind = busid_read(value->text, &id);
	if (kind == BUSID_OTHER)
		return false;
	for (size_t i = 0; kind == BUSID_PCI && i < gpus->count; i++) {
		if (busid_same(&id, &gpus->ids[i]))
			return false;
	}
	*mistake = (struct mistake){.section = section, .value = value};
	mistake->meant = busid_guess(value->text, gpus->ids, gpus->count, &mistake->why);
	if (mistake->meant == gpus->count)
		mistake->meant = by_driver(section, gpus, &mistake->why);
	mistake->what = kind == BUSID_WRONG
				? "is no bus id that the X server can read"
				: arena_printf(doctor->run->arena,
					  "is read as %04x:%02x:%02x.%x, and there is no GPU at "
					  "that place",
					  id.domain, id.bus, id.device, id.function);
	return true;
}

/* All GPUs with their bus ids, as advice. */
static const char *choices(struct doctor *doctor, const struct gpus *gpus)
{
	const char *text = "The GPUs of this machine are:";

	for (size_t i = 0; i < gpus->count; i++)
		text = arena_printf(doctor->run->arena, "%s\n\t%s  %s", text,
			busid_text(doctor->run->arena, &gpus->ids[i]),
			gpu_title(doctor->run, gpus->list[i]));
	return gpus->count ? text : "There is no GPU on this machine: take the section away.";
}

/* A file's text with the right values in place of the wrong ones. */
static const char *mended(struct doctor *doctor, const struct gpus *gpus,
	const struct mistake *mistakes, size_t count, const char *path)
{
	struct tree_file file;
	struct buf text = {0};
	const char *result;
	size_t at = 0;

	if (!tree_read(&doctor->run->hw.root, path, &file) || !file.text ||
		strlen(file.text) != file.length)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const struct xconf_value *value = mistakes[i].value;

		if (!str_eq(mistakes[i].section->path, path) || mistakes[i].meant == gpus->count ||
			value->offset < at || value->offset + value->length > file.length)
			continue;
		buf_add(&text, file.text + at, value->offset - at);
		buf_puts(&text, busid_text(doctor->run->arena, &gpus->ids[mistakes[i].meant]));
		at = value->offset + value->length;
	}
	buf_puts(&text, file.text + at);
	result = arena_dup(doctor->run->arena, text.text);
	buf_free(&text);
	return at ? result : NULL;
}

/* What mends one value by hand; NULL where its letters would need more than that. */
static const char *command(struct doctor *doctor, const struct mistake *mistake, const char *right)
{
	if (strspn(mistake->value->text, "0123456789abcdefABCDEFxXPpCcIiGg:@. ") !=
		mistake->value->length)
		return NULL;
	return arena_printf(doctor->run->arena, "sed -i '%u s/%s/%s/' %s", mistake->value->line,
		mistake->value->text, right, mistake->section->path);
}

/* What is to be done by hand. */
static const char *advice(
	struct doctor *doctor, const struct mistake *mistake, const char *right, const char *title)
{
	struct arena *arena = doctor->run->arena;
	const char *meant = arena_printf(arena, "That is %s: %s.", title, mistake->why);

	if (str_starts(mistake->section->path, "/nix/"))
		return arena_printf(arena, "In hardware.nvidia.prime set the bus id to \"%s\".\n%s",
			right, meant);
	return arena_printf(arena, "In line %u of %s write: BusID \"%s\"\n%s", mistake->value->line,
		mistake->section->path, right, meant);
}

/* Whether the mistakes in front of one have a change of the same file: it mends all of them. */
static bool is_mended(const struct gpus *gpus, const struct mistake *mistakes, size_t number)
{
	for (size_t i = 0; i < number; i++) {
		if (mistakes[i].meant != gpus->count &&
			str_eq(mistakes[i].section->path, mistakes[number].section->path))
			return true;
	}
	return false;
}

static void report(struct doctor *doctor, const struct gpus *gpus, const struct mistake *mistakes,
	size_t count, size_t number)
{
	struct arena *arena = doctor->run->arena;
	const struct mistake *mistake = &mistakes[number];
	const char *path = mistake->section->path, *right, *text;
	const struct xconf_value *value = mistake->value;
	struct hw_gpu *gpu;
	struct finding *finding = doctor_problem(doctor,
		arena_printf(arena, "%s: BusID \"%s\" %s",
			xorg_place(doctor, path, value->line, value->column),
			gpu_plain(doctor->run, value->text), mistake->what),
		"The section fits no GPU, so what it says does not count; if it is the only one of "
		"a Screen, the X server does not start.\nIt wants PCI:bus@domain:device:function "
		"in "
		"decimal, while lspci prints hexadecimal.",
		NULL);

	if (!gpus->list || mistake->meant == gpus->count) {
		finding->fix = choices(doctor, gpus);
		return;
	}
	gpu = gpus->list[mistake->meant];
	right = busid_text(arena, &gpus->ids[mistake->meant]);
	finding->fix = advice(doctor, mistake, right, gpu_title(doctor->run, gpu));
	if (gpu->role == HW_EXTERNAL)
		finding->why = arena_printf(arena,
			"%s\nThe bus of an external GPU changes with the port that it is at: a "
			"section without BusID, or an OutputClass, finds it anywhere.",
			finding->why);
	if (str_starts(path, "/nix/") || is_mended(gpus, mistakes, number))
		return;
	text = mended(doctor, gpus, mistakes, count, path);
	if (!text)
		return;
	doctor_change_edit(doctor, finding, path, text, command(doctor, mistake, right));
	if (finding->changes->command)
		finding->fix = arena_printf(arena,
			"That is %s: %s. It counts from the X server's "
			"next start.",
			gpu_title(doctor->run, gpu), mistake->why);
}

void check_xorg_busid(struct doctor *doctor)
{
	const struct xorg *xorg = xorg_read(doctor);
	struct mistake *mistakes = NULL;
	size_t count = 0, ids = 0;
	struct gpus gpus;
	bool unreadable = xorg_say_unreadable(doctor, xorg);

	find_gpus(doctor, &gpus);
	for (size_t i = 0; i < xorg->conf.count; i++) {
		struct mistake mistake;

		if (!xorg_is(&xorg->conf.sections[i], "Device"))
			continue;
		ids += xconf_find(&xorg->conf.sections[i], "BusID") != NULL;
		if (is_wrong(doctor, &gpus, &xorg->conf.sections[i], &mistake))
			*arena_push(doctor->run->arena, mistakes, count) = mistake;
	}
	for (size_t i = 0; i < count; i++)
		report(doctor, &gpus, mistakes, count, i);
	if (!count && !unreadable)
		doctor_ok(doctor, !ids ? "no BusID is set: the X server finds the GPUs by itself"
				       : arena_printf(doctor->run->arena,
						 ids == 1 ? "the BusID is that of a GPU"
							  : "all %zu BusIDs are those of GPUs",
						 ids));
}
