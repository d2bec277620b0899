/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

static const char *name = "nv-run";
static int wanted;

void log_setup(const char *program, int verbosity)
{
	name = program;
	wanted = verbosity;
}

/* One write(2) a line: lines of several processes do not mix, and stdio is not pulled in. */
void log_line(enum log_level level, const char *format, ...)
{
	struct buf line = {0};
	char text[4096];
	va_list arguments;
	int length;

	if ((int)level > LOG_LEVEL_WARNING + wanted && level != LOG_LEVEL_ERROR)
		return;
	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	buf_printf(&line, "%s: %s%s\n", name, text, (size_t)length < sizeof(text) ? "" : "...");
	(void)!buf_write(&line, STDERR_FILENO);
	buf_free(&line);
}

void log_usage(const char *what)
{
	/* "unknown GPU 'nvida'; did you mean 'nvidia'?" says what to do already. */
	if (strchr(what, ';'))
		log_error("%s", what);
	else
		log_error("%s; try '%s --help'", what, name);
}
