/* SPDX-License-Identifier: MIT */
/*
 * table: text in columns, as wide as what is in them.
 */
#ifndef NV_BASE_TABLE_H
#define NV_BASE_TABLE_H

#include <stddef.h>

struct arena;
struct buf;

struct table {
	size_t columns;
	const char **cells; /* row by row; NULL is shown as nothing */
	size_t count; /* of cells */
};

/* Adds a row of table->columns cells, kept by reference. */
void table_row(struct arena *arena, struct table *table, const char *const *cells);

/* One line a row; two blanks between columns, none behind the last. */
void table_print(const struct table *table, struct buf *out);

#endif
