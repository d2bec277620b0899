/* SPDX-License-Identifier: MIT */
/*
 * plan: what must be in the files of a display manager, as if ours were not there. Installing
 * makes the files agree with it, checking compares, and removing takes every block away. So a
 * second install finds nothing to do, and one after a change of configuration does what is new.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/hook/hook.h"

static void see(struct plan *plan, const char *path)
{
	for (size_t i = 0; i < plan->seen_count; i++) {
		if (str_eq(plan->seen[i], path))
			return;
	}
	*arena_push(plan->arena, plan->seen, plan->seen_count) = path;
}

void plan_make(struct plan *plan, const struct hw_root *root, const struct manager *manager)
{
	*plan = (struct plan){.root = root, .arena = root->arena, .manager = manager->name};
	manager->plan(plan);
}

char *plan_read(struct plan *plan, const char *path)
{
	struct tree_file file;

	see(plan, path);
	if (!tree_read(plan->root, path, &file) || !file.text)
		return NULL;
	return block_cut(plan->arena, file.text);
}

struct place *plan_add(struct plan *plan, const char *path, const char *body)
{
	struct place *place = arena_push(plan->arena, plan->places, plan->place_count);

	see(plan, path);
	*place = (struct place){
		.path = path, .body = body, .head = "", .mode = 0644, .comment = '#'};
	return place;
}

/* The last one first: positions are those without our blocks. */
static const char *insert_all(struct plan *plan, const char *path, const char *text, bool made)
{
	size_t before = SIZE_MAX;

	for (;;) {
		const struct place *next = NULL;

		for (size_t i = 0; i < plan->place_count; i++) {
			const struct place *place = &plan->places[i];

			if (str_eq(place->path, path) && place->at < before &&
				(!next || place->at > next->at))
				next = place;
		}
		if (!next)
			return text;
		before = next->at;
		text = block_insert(plan->arena, text, made ? strlen(text) : next->at, next->body,
			next->comment);
	}
}

const char *plan_text(
	struct plan *plan, const struct place *place, struct tree_file *old, bool *same)
{
	const char *theirs, *text;
	struct block block;
	bool broken;

	if (!tree_read(plan->root, place->path, old))
		return NULL;
	theirs = old->text ? block_cut(plan->arena, old->text) : place->head;
	if (old->text && strlen(old->text) != old->length) {
		errno = EILSEQ;
		return NULL;
	}
	if (old->text && !block_find(theirs, &block, &broken) && broken) {
		errno = EBADMSG;
		return NULL;
	}
	if (place->any && old->text && str_eq(old->text, theirs))
		text = old->text;
	else
		text = insert_all(plan, place->path, theirs, !old->text);
	*same = old->text && str_eq(old->text, text);
	return text;
}

static bool failed(const struct plan *plan, const char *what, const char *path)
{
	const char *why = errno == EBADMSG ? "its block of nv-session has no end; delete it by hand"
			  : errno == EILSEQ ? "it is no text"
					    : strerror(errno);

	log_error("%s: cannot %s %s: %s", plan->manager, what, path, why);
	return false;
}

/* The directories that a file is to be in, as far as they are not there. */
static bool make_directories(struct plan *plan, const char *path)
{
	for (const char *end = strchr(path + 1, '/'); end; end = strchr(end + 1, '/')) {
		const char *part = arena_copy(plan->arena, path, (size_t)(end - path));

		if (hw_root_exists(plan->root, part))
			continue;
		if (!record_add(plan->root, plan->manager, "directory", part) ||
			!tree_directory(plan->root, part))
			return failed(plan, "make", part);
	}
	return true;
}

/* Cuts the blocks out of a file, and removes it if it was made and nothing else is in it. */
static bool clean(
	struct plan *plan, const char *path, const struct records *records, struct buf *out)
{
	struct tree_file old;
	struct block block;
	const char *text;
	bool broken, made, found, done;

	if (!tree_read(plan->root, path, &old))
		return errno == EISDIR || failed(plan, "read", path);
	if (!old.text)
		return true;
	found = block_find(old.text, &block, &broken);
	text = block_cut(plan->arena, old.text);
	errno = EBADMSG;
	if (broken || (block_find(text, &block, &broken), broken))
		return failed(plan, "change", path);
	if (!found)
		return true;
	made = record_has(records, plan->manager, "file", path) &&
	       (!*text || str_eq(text, "#!/bin/sh\n"));
	done = made ? tree_remove(plan->root, path)
		    : tree_write(plan->root, path, text, strlen(text), &old, 0644);
	if (!done)
		return failed(plan, made ? "remove" : "change", path);
	buf_printf(
		out, "%s: %s %s\n", plan->manager, made ? "removed" : "took the hook out of", path);
	return true;
}

const char **plan_stale(struct plan *plan)
{
	const char **stale = NULL;
	size_t count = 0;
	struct records records;

	record_read(plan->root, &records);
	for (size_t i = 0; i < records.count; i++) {
		if (str_eq(records.items[i].manager, plan->manager) &&
			!str_eq(records.items[i].kind, "directory"))
			see(plan, records.items[i].path);
	}
	for (size_t i = 0; i < plan->seen_count; i++) {
		struct tree_file file;
		struct block block;
		bool wanted = false, broken;

		for (size_t j = 0; j < plan->place_count; j++)
			wanted |= str_eq(plan->places[j].path, plan->seen[i]);
		if (!wanted && tree_read(plan->root, plan->seen[i], &file) && file.text &&
			block_find(file.text, &block, &broken))
			*arena_push(plan->arena, stale, count) = plan->seen[i];
	}
	*arena_push(plan->arena, stale, count) = NULL;
	return stale;
}

static bool install(struct plan *plan, const struct place *place, struct buf *out)
{
	struct tree_file old;
	bool same;
	const char *text = plan_text(plan, place, &old, &same);

	if (!text)
		return failed(plan, "read", place->path);
	if (same)
		return true;
	if (!old.text && !make_directories(plan, place->path))
		return false;
	if (!record_add(plan->root, plan->manager, old.text ? "edit" : "file", place->path))
		return failed(plan, "write", HOOK_STATE "/installed");
	if (!tree_write(plan->root, place->path, text, strlen(text), &old, place->mode))
		return failed(plan, "write", place->path);
	buf_printf(out, "%s: %s %s%s%s\n", plan->manager, old.text ? "put the hook into" : "wrote",
		place->path, place->why ? ", as " : "", place->why ? place->why : "");
	return true;
}

bool plan_install(struct plan *plan, struct buf *out)
{
	const char **stale = plan_stale(plan);
	struct records records;
	bool done = true;

	if (plan->problem) {
		log_error("%s: %s", plan->manager, plan->problem);
		return false;
	}
	record_read(plan->root, &records);
	for (size_t i = 0; i < plan->place_count && done; i++)
		done = install(plan, &plan->places[i], out);
	for (; *stale && done; stale++)
		done = clean(plan, *stale, &records, out);
	return done;
}

bool plan_remove(struct plan *plan, struct buf *out)
{
	struct records records;
	bool done = true;

	record_read(plan->root, &records);
	plan_stale(plan);
	for (size_t i = 0; i < plan->seen_count; i++)
		done &= clean(plan, plan->seen[i], &records, out);
	for (size_t i = records.count; done && i > 0; i--) {
		const struct record *record = &records.items[i - 1];

		/* Only if it is empty: what others put there stays. */
		if (str_eq(record->manager, plan->manager) && str_eq(record->kind, "directory"))
			tree_remove_directory(plan->root, record->path);
	}
	if (done && !record_forget(plan->root, plan->manager))
		return failed(plan, "change", HOOK_STATE "/installed");
	return done;
}

bool manager_is_there(const struct hw_root *root, const struct manager *manager)
{
	const char *const *sign = manager->signs;

	while (*sign && !hw_root_exists(root, *sign))
		sign++;
	return *sign;
}
