/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/doctor/doctor.h"
#include "nv-gpu/doctor/journal.h"

static void add(struct doctor *doctor, struct finding *finding, enum change_kind kind,
	const char *path, const char *text)
{
	*arena_push(doctor->run->arena, finding->changes, finding->change_count) =
		(struct change){kind, path, text, NULL};
}

void doctor_change_file(
	struct doctor *doctor, struct finding *finding, const char *path, const char *text)
{
	add(doctor, finding, CHANGE_FILE, path, text);
}

void doctor_change_edit(struct doctor *doctor, struct finding *finding, const char *path,
	const char *text, const char *command)
{
	add(doctor, finding, CHANGE_FILE, path, text);
	finding->changes[finding->change_count - 1].command = command;
}

void doctor_change_link(
	struct doctor *doctor, struct finding *finding, const char *path, const char *target)
{
	add(doctor, finding, CHANGE_LINK, path, target);
}

void doctor_change_remove(struct doctor *doctor, struct finding *finding, const char *path)
{
	add(doctor, finding, CHANGE_REMOVE, path, NULL);
}

void doctor_change_attribute(
	struct doctor *doctor, struct finding *finding, const char *path, const char *text)
{
	add(doctor, finding, CHANGE_ATTRIBUTE, path, text);
}

/* The kind of thing that a change leaves behind. */
static const enum thing leaves[] = {
	[CHANGE_FILE] = THING_FILE,
	[CHANGE_LINK] = THING_LINK,
	[CHANGE_REMOVE] = THING_NOTHING,
	[CHANGE_ATTRIBUTE] = THING_ATTRIBUTE,
};

static struct state wanted(const struct change *change)
{
	return (struct state){
		leaves[change->kind], change->text, change->text ? strlen(change->text) : 0};
}

/* Keeps what is there and what will be, and says so in the journal. */
static bool enter(struct journal *journal, const char *check, const struct change *change,
	const struct state *before)
{
	const struct hw_root *root = journal->root;
	unsigned long number;
	const char *kept, *put;

	if (change->kind != CHANGE_ATTRIBUTE && !journal_directories(journal, check, change->path))
		return false;
	number = journal_next(journal);
	kept = journal_file(journal, number, "before");
	put = journal_file(journal, number, "after");
	if (before->thing == THING_FILE ? !tree_copy(root, change->path, kept)
					: before->text && !tree_write(root, kept, before->text,
								  before->length, NULL, 0644))
		return false;
	if (change->text && !tree_write(root, put, change->text, strlen(change->text), NULL, 0644))
		return false;
	*arena_push(root->arena, journal->list, journal->count) =
		(struct entry){number, check, before->thing, leaves[change->kind], change->path};
	return journal_write(journal);
}

static bool carry_out(
	struct journal *journal, const struct change *change, const struct state *before)
{
	const struct hw_root *root = journal->root;
	size_t length = change->text ? strlen(change->text) : 0;
	struct tree_file old = {0};

	switch (change->kind) {
	case CHANGE_FILE:
		return tree_read(root, change->path, &old) &&
		       tree_write(root, change->path, change->text, length, &old, 0644);
	case CHANGE_LINK:
		return (before->thing == THING_NOTHING || tree_remove(root, change->path)) &&
		       tree_link(root, change->path, change->text);
	case CHANGE_REMOVE:
		return tree_remove(root, change->path);
	case CHANGE_ATTRIBUTE:
		return tree_write_attribute(root, change->path,
			arena_printf(root->arena, "%s\n", change->text), length + 1);
	}
	return false;
}

/* An attribute may say something else than was written to it. */
static void read_back(struct journal *journal, const struct change *change)
{
	const struct entry *entry = &journal->list[journal->count - 1];
	struct state now;

	if (change->kind == CHANGE_ATTRIBUTE &&
		state_look(journal->root, change->path, THING_ATTRIBUTE, &now) && now.text)
		tree_write(journal->root, journal_file(journal, entry->number, "after"), now.text,
			now.length, NULL, 0644);
}

static void tell(struct doctor *doctor, const struct journal *journal, const char *check,
	const struct change *change, const struct state *before)
{
	static const char *const verbs[] = {"wrote", "linked", "removed", "wrote"};
	struct arena *arena = doctor->run->arena;
	unsigned long number = journal->list[journal->count - 1].number;
	const char *what = arena_printf(arena, "%s %s", verbs[change->kind], change->path);
	const char *kept = journal_file(journal, number, "before"), *back;

	if (before->thing == THING_NOTHING)
		back = arena_printf(arena, "rm %s", change->path);
	else if (before->thing == THING_LINK)
		back = arena_printf(arena, "ln -sfn %s %s", before->text, change->path);
	else
		back = arena_printf(arena,
			before->thing == THING_FILE ? "cp -p %s %s" : "cat %s > %s", kept,
			change->path);
	doctor_did(doctor, check, what, back, false);
}

/* One change, entered first. What failed and left all as it was is forgotten again. */
static bool change_it(struct journal *journal, const char *check, const struct change *change,
	const struct state *before)
{
	struct state now;
	int error;

	if (!enter(journal, check, change, before))
		return false;
	if (carry_out(journal, change, before))
		return true;
	error = errno;
	if (state_look(journal->root, change->path, leaves[change->kind], &now) &&
		state_equal(&now, before)) {
		journal_forget(journal, journal->count - 1);
		journal_write(journal);
	}
	errno = error;
	return false;
}

/* NULL, or why the change cannot be. */
static const char *refusal(
	struct doctor *doctor, const struct change *change, const struct state *before)
{
	if (strchr(change->path, '\n'))
		return "its name has a newline";
	if (change->kind == CHANGE_ATTRIBUTE)
		return before->thing == THING_NOTHING ? strerror(ENOENT) : NULL;
	return hw_is_nixos(&doctor->run->hw)
		       ? "on NixOS configuration.nix makes this file: have it written there"
		       : NULL;
}

static bool apply(struct doctor *doctor, struct journal *journal, const char *check,
	const struct change *change)
{
	struct arena *arena = doctor->run->arena;
	const struct state after = wanted(change);
	struct state before;
	const char *why = NULL;

	if (!state_look(journal->root, change->path, after.thing, &before))
		why = strerror(errno);
	else if (state_equal(&before, &after))
		return true;
	else
		why = refusal(doctor, change, &before);
	if (!why && change_it(journal, check, change, &before)) {
		read_back(journal, change);
		tell(doctor, journal, check, change, &before);
		return true;
	}
	if (!why)
		why = strerror(errno);
	doctor_did(doctor, check, arena_printf(arena, "could not change %s: %s", change->path, why),
		NULL, true);
	return false;
}

static bool any_changes(const struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->count; i++) {
		if (doctor->findings[i].change_count)
			return true;
	}
	return false;
}

int doctor_fix(struct doctor *doctor)
{
	struct journal journal;
	bool well = true;
	int status;

	if (!any_changes(doctor))
		return 0;
	status = journal_begin(&journal, doctor->run, true);
	if (status)
		return status;
	for (size_t i = 0; i < doctor->count; i++) {
		const struct finding *finding = &doctor->findings[i];

		for (size_t j = 0; j < finding->change_count; j++)
			well &= apply(doctor, &journal, finding->check->name, &finding->changes[j]);
	}
	return journal_end(&journal) && well ? 0 : EXIT_FAILED;
}
