/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/hook/hook.h"

#define RECORD HOOK_STATE "/installed"

/* Lines of "MANAGER KIND PATH"; one that is none is passed over, and so lost at the next change. */
void record_read(const struct hw_root *root, struct records *records)
{
	struct tree_file file;

	*records = (struct records){0};
	if (!tree_read(root, RECORD, &file) || !file.text)
		return;
	for (char *line = file.text, *next; *line; line = next) {
		char *kind, *path;

		next = strchrnul(line, '\n');
		if (*next)
			*next++ = '\0';
		kind = strchr(line, ' ');
		path = kind ? strchr(kind + 1, ' ') : NULL;
		if (!path || path[1] != '/')
			continue;
		*kind++ = *path++ = '\0';
		*arena_push(root->arena, records->items, records->count) =
			(struct record){line, kind, path};
	}
}

bool record_has(
	const struct records *records, const char *manager, const char *kind, const char *path)
{
	for (size_t i = 0; i < records->count; i++) {
		const struct record *record = &records->items[i];

		if (str_eq(record->manager, manager) && str_eq(record->kind, kind) &&
			str_eq(record->path, path))
			return true;
	}
	return false;
}

static bool write_all(const struct hw_root *root, const struct records *records, const char *but)
{
	struct buf text = {0};
	bool written;

	for (size_t i = 0; i < records->count; i++) {
		const struct record *record = &records->items[i];

		if (!but || !str_eq(record->manager, but))
			buf_printf(
				&text, "%s %s %s\n", record->manager, record->kind, record->path);
	}
	if (text.length)
		written = tree_directory(root, HOOK_STATE) &&
			  tree_write(root, RECORD, text.text, text.length, NULL, 0644);
	else
		written = tree_remove(root, RECORD) || errno == ENOENT;
	buf_free(&text);
	return written;
}

bool record_add(const struct hw_root *root, const char *manager, const char *kind, const char *path)
{
	struct records records;

	record_read(root, &records);
	if (record_has(&records, manager, kind, path))
		return true;
	*arena_push(root->arena, records.items, records.count) =
		(struct record){manager, kind, path};
	return write_all(root, &records, NULL);
}

bool record_forget(const struct hw_root *root, const char *manager)
{
	struct records records;

	bool any = false, others = false;

	record_read(root, &records);
	for (size_t i = 0; i < records.count; i++) {
		bool mine = str_eq(records.items[i].manager, manager);

		any |= mine;
		others |= !mine;
	}
	if (!any)
		return true;
	if (!write_all(root, &records, manager))
		return false;
	if (!others)
		starts_forget(root);
	return true;
}
