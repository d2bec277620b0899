/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/doctor.h"
#include "nv-gpu/doctor/journal.h"

/* What the journal kept of an entry, before or after. */
static bool kept(const struct journal *journal, const struct entry *entry, const char *kind,
	enum thing thing, struct state *state)
{
	struct tree_file file;

	*state = (struct state){.thing = thing};
	if (thing == THING_NOTHING || thing == THING_DIRECTORY)
		return true;
	if (!tree_read(journal->root, journal_file(journal, entry->number, kind), &file))
		return false;
	state->text = file.text;
	state->length = file.length;
	return file.text || (errno = ENOENT, false);
}

static bool put_back(struct journal *journal, const struct entry *entry, const struct state *before)
{
	const struct hw_root *root = journal->root;

	if (entry->after == THING_ATTRIBUTE)
		return tree_write_attribute(root, entry->path, before->text, before->length);
	/* A copy would go where the link leads to. */
	if ((entry->after == THING_LINK || before->thing == THING_NOTHING) &&
		!tree_remove(root, entry->path))
		return false;
	if (before->thing == THING_LINK)
		return tree_link(root, entry->path, before->text);
	return before->thing == THING_NOTHING ||
	       tree_copy(root, journal_file(journal, entry->number, "before"), entry->path);
}

/* NULL if the entry is settled, else why it is not. */
static const char *undo(struct doctor *doctor, struct journal *journal, const struct entry *entry)
{
	struct arena *arena = doctor->run->arena;
	struct state before, after, now;

	if (entry->after == THING_DIRECTORY) {
		/* With files of others in it, it is theirs by now. */
		tree_remove_directory(journal->root, entry->path);
		return NULL;
	}
	if (!kept(journal, entry, "before", entry->before, &before) ||
		!kept(journal, entry, "after", entry->after, &after) ||
		!state_look(journal->root, entry->path, entry->after, &now))
		return arena_printf(arena, "cannot put back %s: %s", entry->path, strerror(errno));
	/* Never carried out, or put back by hand; an attribute by a reboot, or its device is gone.
	 */
	if (state_equal(&now, &before) ||
		(entry->after == THING_ATTRIBUTE && now.thing == THING_NOTHING))
		return NULL;
	if (!state_equal(&now, &after))
		return arena_printf(arena,
			"left %s as it is: it was changed since; what was there before: %s",
			entry->path,
			before.text ? journal_file(journal, entry->number, "before") : "nothing");
	if (!put_back(journal, entry, &before))
		return arena_printf(arena, "cannot put back %s: %s", entry->path, strerror(errno));
	doctor_did(
		doctor, entry->check, arena_printf(arena, "put back %s", entry->path), NULL, false);
	return NULL;
}

int doctor_undo(struct doctor *doctor)
{
	const char *only = doctor->run->options.only;
	struct journal journal;
	bool well = true;
	int status = journal_begin(&journal, doctor->run, false);

	if (status)
		return status;
	for (size_t i = journal.count; i-- > 0;) {
		const struct entry *entry = &journal.list[i];
		const char *why;

		if (str_eq(entry->check, "-") || (only && !str_eq(only, entry->check)))
			continue;
		why = undo(doctor, &journal, entry);
		if (why)
			doctor_did(doctor, entry->check, why, NULL, true);
		else
			journal_forget(&journal, i);
		well &= !why;
	}
	return journal_end(&journal) && well ? 0 : EXIT_FAILED;
}
