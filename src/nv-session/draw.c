/* SPDX-License-Identifier: MIT */
/* draw: GPUs as boxes, with arrows to their outputs and to the GPUs they feed. */
#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-session/show.h"

enum { INNER = 34 }; /* columns inside a box */

static void edge(struct buf *out)
{
	buf_puts(out, "  +");
	for (int i = 0; i < INNER + 2; i++)
		buf_putc(out, '-');
	buf_puts(out, "+\n");
}

/* text[0..INNER) columns, never cutting a character in two. */
static void cell(struct buf *out, const char *text)
{
	size_t columns = 0, start;

	buf_puts(out, "  | ");
	start = out->length;
	while (*text) {
		bool begins = (*text & 0xc0) != 0x80;

		if (begins && columns == INNER)
			break;
		columns += begins;
		buf_putc(out, *text++);
	}
	/* Continuation bytes take no column of their own. */
	while (columns++ < INNER)
		buf_putc(out, ' ');
	(void)start;
	buf_puts(out, " |");
}

static void box(struct arena *arena, struct buf *out, const struct x11_server *server,
	const struct x11_provider *provider)
{
	const char *lines[] = {
		provider->gpu ? show_gpu(arena, provider->gpu) : "unknown GPU",
		arena_printf(arena, "%s: %s", provider->name,
			provider->screen          ? "renders"
			: provider->output_source ? "shows its pictures"
						  : "on demand"),
	};
	size_t count = provider->outputs.count > 2 ? provider->outputs.count : 2;

	edge(out);
	for (size_t i = 0; i < count; i++) {
		const struct x11_output *output =
			i < provider->outputs.count ? x11_output(server, provider->outputs.list[i])
						    : NULL;

		cell(out, i < 2 ? lines[i] : "");
		if (output)
			buf_printf(out, "%s %s  %s", x11_is_lit(server, output) ? "---->" : "- - -",
				output->name, show_output(arena, server, output));
		buf_putc(out, '\n');
	}
	edge(out);
}

void draw(struct arena *arena, struct buf *out, const struct x11_server *server)
{
	/* The X screen's GPU first, then those that it feeds, then the others. */
	for (int rank = 0; rank < 3; rank++) {
		for (size_t i = 0; i < server->provider_count; i++) {
			const struct x11_provider *provider = &server->providers[i];
			int own = provider->screen ? 0 : provider->output_source ? 1 : 2;

			if (own != rank)
				continue;
			if (rank == 1)
				buf_puts(out, "          |\n          v\n");
			else if (rank == 2)
				buf_putc(out, '\n');
			box(arena, out, server, provider);
		}
	}
}
