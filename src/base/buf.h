/* SPDX-License-Identifier: MIT */
/*
 * buf: text that grows. Zero-initialise one, add to it, buf_free it.
 */
#ifndef NV_BASE_BUF_H
#define NV_BASE_BUF_H

#include <stddef.h>

struct buf {
	char *text; /* NUL-terminated once something was added, else NULL */
	size_t length, size;
};

void buf_add(struct buf *buf, const char *text, size_t length);
void buf_puts(struct buf *buf, const char *text);
void buf_putc(struct buf *buf, char byte);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Spaces until the text since position start (a length of the buffer) is width characters. */
void buf_pad(struct buf *buf, size_t start, size_t width);

/* The text, or "" while there is none; valid until the next change. */
const char *buf_text(const struct buf *buf);

/* Writes all of it to a descriptor; false with errno set if that failed. */
_Bool buf_write(const struct buf *buf, int fd);
void buf_free(struct buf *buf);

#endif
