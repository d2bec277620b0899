/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

static void reserve(struct buf *buf, size_t more)
{
	size_t need;

	if (more > SIZE_MAX / 4 - buf->length)
		mem_fail();
	need = buf->length + more + 1;
	if (need <= buf->size)
		return;
	buf->size = need * 2 > 256 ? need * 2 : 256;
	buf->text = mem_resize(buf->text, buf->size);
}

void buf_add(struct buf *buf, const char *text, size_t length)
{
	reserve(buf, length);
	if (length)
		memcpy(buf->text + buf->length, text, length);
	buf->length += length;
	buf->text[buf->length] = '\0';
}

void buf_puts(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void buf_putc(struct buf *buf, char byte)
{
	buf_add(buf, &byte, 1);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0)
		mem_fail();
	reserve(buf, (size_t)length);
	va_start(arguments, format);
	vsnprintf(buf->text + buf->length, (size_t)length + 1, format, arguments);
	va_end(arguments);
	buf->length += (size_t)length;
}

void buf_pad(struct buf *buf, size_t start, size_t width)
{
	size_t used = str_columns(buf_text(buf) + start);

	for (; used < width; used++)
		buf_putc(buf, ' ');
}

const char *buf_text(const struct buf *buf)
{
	return buf->text ? buf->text : "";
}

bool buf_write(const struct buf *buf, int fd)
{
	size_t done = 0;

	while (done < buf->length) {
		ssize_t count = write(fd, buf->text + done, buf->length - done);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return false;
		done += (size_t)count;
	}
	return true;
}

void buf_free(struct buf *buf)
{
	free(buf->text);
	*buf = (struct buf){0};
}
