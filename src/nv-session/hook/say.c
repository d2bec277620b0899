/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "nv-session/hook/hook.h"

enum { PASSED_LIMIT = 16 << 10 };

/* A pipe that poll finds writable takes PIPE_BUF bytes at once; a terminal that is held does not.
 */
static void to_stderr(const char *text, size_t length)
{
	struct pollfd wait = {.fd = STDERR_FILENO, .events = POLLOUT};

	if (poll(&wait, 1, 0) == 1 && wait.revents & POLLOUT)
		(void)!write(STDERR_FILENO, text, length);
}

/*
 * Not syslog(3): it waits for a log that is full and not read, and this must never wait. The
 * line is dropped instead.
 */
static void to_log(const char *text, size_t length)
{
	static const struct sockaddr_un address = {AF_UNIX, "/dev/log"};
	char packet[1200];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), size;

	if (fd < 0)
		return;
	size = snprintf(packet, sizeof(packet), "<%d>nv-session[%ld]: %.*s",
		LOG_DAEMON | LOG_WARNING, (long)getpid(), (int)length, text);
	if (size > 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		(void)!send(fd, packet,
			(size_t)size < sizeof(packet) ? (size_t)size : sizeof(packet) - 1,
			MSG_NOSIGNAL);
	close(fd);
}

void say(const char *format, ...)
{
	static const char name[] = "nv-session: ";
	enum { NAME = sizeof(name) - 1 };
	char line[1024];
	va_list arguments;
	size_t length = NAME;
	int size;

	memcpy(line, name, NAME);
	va_start(arguments, format);
	size = vsnprintf(line + NAME, sizeof(line) - NAME - 1, format, arguments);
	va_end(arguments);
	if (size < 0)
		return;
	length += (size_t)size < sizeof(line) - NAME - 1 ? (size_t)size : sizeof(line) - NAME - 2;
	to_log(line + NAME, length - NAME);
	line[length++] = '\n';
	to_stderr(line, length);
}

static void pass(struct say_lines *lines)
{
	static const char name[] = "nv-session: ";
	const char *text = lines->text;
	size_t length = lines->length;

	lines->length = 0;
	if (!length || lines->passed > PASSED_LIMIT)
		return;
	lines->passed += length + 1;
	lines->text[length] = '\n';
	to_stderr(text, length + 1);
	if (length > sizeof(name) - 1 && memcmp(text, name, sizeof(name) - 1) == 0) {
		text += sizeof(name) - 1;
		length -= sizeof(name) - 1;
	}
	to_log(text, length);
	if (lines->passed > PASSED_LIMIT)
		say("there is more, which is left out");
}

void say_pass(struct say_lines *lines, const char *bytes, size_t length)
{
	if (!length)
		pass(lines);
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] == '\n' || lines->length == sizeof(lines->text) - 1)
			pass(lines);
		if (bytes[i] != '\n')
			lines->text[lines->length++] = bytes[i];
	}
}
