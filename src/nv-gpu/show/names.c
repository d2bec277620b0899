/* SPDX-License-Identifier: MIT */
/*
 * names: what pci.ids calls things, by libpci, so that it is what lspci says.
 *
 * Only libpci's tables are used here, no way to a device: pci_init is not called, and nothing of
 * /sys is read.
 */
#include <pci/pci.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/show/show.h"

struct names {
	struct arena *arena;
	struct pci_access *pci;
	int flags;
};

/* libpci ends the program over a file with a mistake in it, unless its handler does not return. */
static jmp_buf mistake;

static void on_error(char *text, ...) __attribute__((noreturn));

static void on_error(char *text, ...)
{
	(void)text;
	longjmp(mistake, 1);
}

static void be_silent(char *text, ...)
{
	(void)text;
}

/* What stands before a mistake is known all the same. */
static bool load(struct names *names)
{
	if (setjmp(mistake))
		return true;
	return pci_load_name_list(names->pci);
}

struct names *names_open(struct gpu_run *run)
{
	struct names *names = arena_alloc(run->arena, sizeof(*names));
	const char *file = NULL;

	names->arena = run->arena;
	names->pci = pci_alloc();
	names->pci->error = on_error;
	names->pci->warning = names->pci->debug = be_silent;
	names->pci->id_lookup_mode = 0;
	/* udev's database is of this machine. */
	if (run->options.sysroot)
		names->flags = PCI_LOOKUP_NO_HWDB;
	if (run->options.sysroot || !load(names))
		file = hw_ids_file(&run->hw);
	if (run->options.sysroot || file) {
		pci_set_name_list_path(names->pci, arena_dup(run->arena, file ? file : ""), 0);
		load(names);
	}
	return names;
}

void names_close(struct names *names)
{
	pci_cleanup(names->pci);
}

const char *names_class(struct names *names, unsigned class)
{
	/* A pci.ids need not have them; what sits in a GPU's slot or above it. */
	static const struct {
		unsigned class;
		const char *name;
	} usual[] = {
		{0x0300, "VGA compatible controller"},
		{0x0302, "3D controller"},
		{0x0380, "Display controller"},
		{0x0403, "Audio device"},
		{0x0600, "Host bridge"},
		{0x0604, "PCI bridge"},
		{0x0c03, "USB controller"},
		{0x0c80, "Serial bus controller"},
	};
	char text[128];

	pci_lookup_name(
		names->pci, text, sizeof(text), PCI_LOOKUP_CLASS | names->flags, (int)(class >> 8));
	for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++) {
		if (str_starts(text, "Class ") && usual[i].class == class >> 8)
			return usual[i].name;
	}
	return arena_dup(names->arena, text);
}

const char *names_device(struct names *names, const struct hw_ids *ids)
{
	char text[256];

	pci_lookup_name(names->pci, text, sizeof(text),
		PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE | names->flags, (int)ids->vendor,
		(int)ids->device);
	return arena_dup(names->arena, text);
}

const char *names_subsystem(struct names *names, const struct hw_ids *ids)
{
	char text[256];

	if (!ids->subvendor || ids->subvendor == 0xffff)
		return NULL;
	pci_lookup_name(names->pci, text, sizeof(text),
		PCI_LOOKUP_SUBSYSTEM | PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE | names->flags,
		(int)ids->vendor, (int)ids->device, (int)ids->subvendor, (int)ids->subdevice);
	return arena_dup(names->arena, text);
}
