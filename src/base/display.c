/* SPDX-License-Identifier: MIT */
#include "base/display.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

const char *display_name(struct arena *arena, const char *display)
{
	const char *colon = strrchr(display, ':');
	size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;

	return digits ? arena_printf(arena, ":%.*s", (int)digits, colon + 1) : NULL;
}

bool display_socket(struct arena *arena, const char *name, struct display_socket *socket)
{
	struct stat status;

	if (lstat(arena_printf(arena, "/tmp/.X11-unix/X%s", name + 1), &status) != 0 ||
		!S_ISSOCK(status.st_mode))
		return false;
	*socket = (struct display_socket){
		.device = status.st_dev,
		.inode = status.st_ino,
		.seconds = status.st_ctim.tv_sec,
		.nanoseconds = status.st_ctim.tv_nsec,
	};
	return true;
}

long display_process(struct arena *arena, const char *name)
{
	int fd = open(arena_printf(arena, "/tmp/.X%s-lock", name + 1),
		O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY);
	/* The number stands at the right of ten columns, before a newline. */
	const char *text = fd < 0 ? NULL : file_text_fd(arena, fd, 11, NULL);
	unsigned long pid;

	if (!text)
		return 0;
	text += strspn(text, " ");
	return str_number(text, strcspn(text, "\n"), 10, &pid) ? (long)pid : 0;
}

const char *display_session_file(struct arena *arena, const char *runtime, const char *name)
{
	return arena_printf(arena, "%s/" DISPLAY_FOLDER "/session.%s", runtime, name);
}
