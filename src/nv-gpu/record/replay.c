/* SPDX-License-Identifier: MIT */
/* replay: a recording's files below a directory, for --sysroot. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/recording.h"
#include "nv-gpu/gpu.h"

/* A recording of a machine with many holders has some hundred KiB. */
enum { LIMIT = 64 << 20, PIECE = 64 << 10 };

static bool read_all(int fd, struct buf *text)
{
	char piece[PIECE];
	ssize_t got;

	while ((got = read(fd, piece, sizeof(piece))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (text->length + (size_t)got > LIMIT) {
			errno = EFBIG;
			return false;
		}
		buf_add(text, piece, (size_t)got);
	}
	return true;
}

/* A pipe may be slow: it is waited for, as the user gave it. */
static bool read_file(const char *file, struct buf *text)
{
	bool standard = str_eq(file, "-");
	cleanup_fd int opened = standard ? -1 : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int fd = standard ? STDIN_FILENO : opened;

	if (fd >= 0 && read_all(fd, text))
		return true;
	log_error("cannot read '%s': %s%s", file, strerror(errno),
		errno == EFBIG ? "; a recording has 64 MiB at most" : "");
	return false;
}

/* An empty directory, made if there is none; -1 after saying what is wrong. */
static int open_target(struct gpu_run *run, const char *name, bool *made)
{
	struct file_list names;
	int fd;

	*made = mkdir(name, 0755) == 0;
	if (!*made && errno != EEXIST) {
		log_error("cannot make '%s': %s", name, strerror(errno));
		return -1;
	}
	fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || !file_names(run->arena, dup(fd), false, &names)) {
		log_error("cannot open '%s': %s", name, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (!names.count)
		return fd;
	log_error("'%s' is not empty; give an empty directory, or one that is not there yet", name);
	close(fd);
	return -1;
}

static int unpack(
	struct gpu_run *run, const char *file, const char *name, const struct recording *recording)
{
	struct recording_error error;
	bool made;
	cleanup_fd int directory = open_target(run, name, &made);

	if (directory < 0)
		return EXIT_FAILED;
	if (!recording_unpack(run->arena, recording, directory, &error)) {
		log_error("%s:%u:%u: %s", file, error.line, error.column, error.what);
		if (made)
			rmdir(name);
		return EXIT_FAILED;
	}
	log_info("%zu files; look at them with nv-gpu --sysroot=%s", recording->count, name);
	return 0;
}

int replay_run(struct gpu_run *run)
{
	const char **words = run->options.words;
	struct recording recording;
	struct recording_error error;
	struct buf text = {0};
	int status = EXIT_FAILED;

	if (!read_file(words[0], &text)) {
		buf_free(&text);
		return EXIT_FAILED;
	}
	if (recording_read(run->arena, buf_text(&text), text.length, &recording, &error))
		status = unpack(run, words[0], words[1], &recording);
	else
		log_error("%s:%u:%u: %s", words[0], error.line, error.column, error.what);
	buf_free(&text);
	return status;
}
