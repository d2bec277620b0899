/* SPDX-License-Identifier: MIT */
#include "base/table.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

void table_row(struct arena *arena, struct table *table, const char *const *cells)
{
	for (size_t i = 0; i < table->columns; i++)
		*arena_push(arena, table->cells, table->count) = cells[i] ? cells[i] : "";
}

static size_t width(const struct table *table, size_t column)
{
	size_t widest = 0;

	for (size_t i = column; i < table->count; i += table->columns) {
		size_t columns = str_columns(table->cells[i]);

		widest = columns > widest ? columns : widest;
	}
	return widest;
}

void table_print(const struct table *table, struct buf *out)
{
	for (size_t row = 0; row < table->count; row += table->columns) {
		for (size_t i = 0; i < table->columns; i++) {
			size_t start = out->length;

			buf_puts(out, table->cells[row + i]);
			if (i + 1 < table->columns)
				buf_pad(out, start, width(table, i) + 2);
		}
		buf_putc(out, '\n');
	}
}
