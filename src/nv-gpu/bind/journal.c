/* SPDX-License-Identifier: MIT */
/*
 * journal: how the functions of a slot were before nv-gpu moved them, and what was begun since.
 *
 * A line "function SLOT DRIVER MODULE OVERRIDE CONTROL" for each, parted by tabs, "-" for what
 * there was not and "?" for what is not known, with PCI's ids of the function at the end, as
 * another card may be in the slot by now (Thunderbolt); then a line for each step, before it is
 * done: "unload MODULE" counts, the others are for people. The text of --persist is the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/tree.h"
#include "nv-gpu/bind/bind.h"
#include "nv-gpu/gpu.h"

#define FOLDER "/run/nv-gpu"
#define UNLOAD "unload"
#define BOOT "boot"

enum { FIELDS = 6, IDS = FIELDS, WORDS };

static const char *path_of(struct arena *arena, const char *slot)
{
	return arena_path(arena, FOLDER, slot);
}

/* A word of a line; NULL of "-" and "?". */
static const char *word(struct arena *arena, const char *text, size_t length)
{
	if (length == 1 && (*text == '-' || *text == '?'))
		return NULL;
	return arena_copy(arena, text, length);
}

static void parse_function(struct arena *arena, char **words, struct bind_record *record)
{
	const char *override = words[4];
	struct bind_function *one;

	for (int i = 1; i < FIELDS; i++) {
		if (!words[i])
			return;
	}
	one = arena_push(arena, record->functions, record->count);
	*one = (struct bind_function){.recorded = true, .pci = {.slot = words[1]}};
	if (words[IDS])
		sscanf(words[IDS], "%x:%x", &one->pci.vendor, &one->pci.device);
	one->before = (struct bind_state){
		.driver = word(arena, words[2], strlen(words[2])),
		.module = word(arena, words[3], strlen(words[3])),
		.override = str_eq(override, "-") ? "" : word(arena, override, strlen(override)),
		.control = word(arena, words[5], strlen(words[5])),
	};
}

void journal_parse(struct arena *arena, const char *text, struct bind_record *record)
{
	while (*text) {
		size_t length = strcspn(text, "\n");
		char *line, *words[WORDS] = {0}, *at;
		int count = 0;

		/* A last line without an end was being written as the power went. */
		if (!text[length])
			return;
		line = arena_copy(arena, text, length);
		for (at = line; count < WORDS && (words[count] = strsep(&at, "\t")); count++)
			;
		if (str_eq(words[0], "function"))
			parse_function(arena, words, record);
		else if (str_eq(words[0], BOOT))
			record->boot = words[1];
		else if (str_eq(words[0], UNLOAD) && words[1])
			*arena_push(arena, record->unloaded.list, record->unloaded.count) =
				words[1];
		text += length + 1;
	}
}

bool journal_read(struct gpu_run *run, const char *slot, struct bind_record *record)
{
	struct tree_file file;
	const char *boot;

	*record = (struct bind_record){.path = path_of(run->hw.root.arena, slot)};
	if (!tree_read(&run->hw.root, record->path, &file) || !file.text)
		return false;
	journal_parse(run->hw.root.arena, file.text, record);
	/* /run may be a folder of the disk's, and a boot undoes all moves. */
	boot = hw_boot_id(&run->hw);
	return !record->boot || !boot || str_eq(record->boot, boot);
}

static const char *shown(const char *value, const char *none)
{
	return value && *value ? value : none;
}

const char *journal_text(const struct bind_facts *facts)
{
	const char *text = "nv-gpu bind 1\n";

	for (size_t i = 0; i < facts->count; i++) {
		const struct bind_function *one = &facts->functions[i];
		const struct bind_state *state = one->recorded ? &one->before : &one->now;

		text = arena_printf(facts->arena, "%sfunction\t%s\t%s\t%s\t%s\t%s\t%04x:%04x\n",
			text, one->pci.slot, shown(state->driver, "-"), shown(state->module, "?"),
			state->override ? shown(state->override, "-") : "?",
			shown(state->control, "?"), one->pci.vendor, one->pci.device);
	}
	for (size_t i = 0; i < facts->unloaded.count; i++)
		text = arena_printf(
			facts->arena, "%s" UNLOAD "\t%s\n", text, facts->unloaded.list[i]);
	return text;
}

int journal_open(const struct bind_facts *facts)
{
	struct gpu_run *run = facts->run;
	const char *path = path_of(facts->arena, facts->slot), *text = journal_text(facts);
	const char *boot = hw_boot_id(&run->hw);

	if (boot)
		text = arena_printf(facts->arena, "%s" BOOT "\t%s\n", text, boot);
	/* Written anew even where there is one: functions may have come since. */
	if (!tree_write(&run->hw.root, path, text, strlen(text), NULL, 0644))
		return -1;
	return open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
}

bool journal_note(int fd, struct arena *arena, const struct bind_step *step)
{
	const char *line = step->kind == STEP_UNLOAD
				   ? arena_printf(arena, UNLOAD "\t%s\n", step->value)
				   : arena_printf(arena, "step\t%s\n", bind_step_name(arena, step));
	size_t length = strlen(line);

	return write(fd, line, length) == (ssize_t)length && fsync(fd) == 0;
}

bool journal_remove(struct gpu_run *run, const char *slot)
{
	return tree_remove(&run->hw.root, path_of(run->hw.root.arena, slot)) || errno == ENOENT;
}

int journal_lock(struct gpu_run *run, const char *slot, bool look)
{
	const char *path = arena_printf(run->arena, FOLDER "/%s.lock", slot);
	int fd, error;

	if (!look && !tree_directory(&run->hw.root, FOLDER))
		return -1;
	fd = open(path, O_RDONLY | (look ? 0 : O_CREAT) | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, (look ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}
