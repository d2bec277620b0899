/* SPDX-License-Identifier: MIT */
/* rules: which rule files there are, and their bytes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-run/run.h"

enum {
	WINDOW = 8 << 10,
	LIMIT = 16 << 20,
	FLAGS = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
};

#define NULL_DEVICE "/dev/null"

struct directory {
	const char *path;
	int fd; /* -1 if there is none */
	struct file_list files;
};

static void refuse(
	struct run *run, struct rule_reader *reader, const char *path, const char *problem)
{
	rule_note(reader, path, arena_printf(run->arena, "not read: it %s", problem));
	run->files[run->file_count - 1].problem = problem;
}

/* Feeds a file through a window that grows only for a line longer than it. */
static const char *feed(struct run *run, struct rule_reader *reader, int fd, const char *path)
{
	static char window[WINDOW];
	char *bytes = window, *grown = NULL;
	size_t size = WINDOW, kept = 0, total = 0;
	const char *problem = NULL;

	rule_begin(reader, path);
	for (bool last = false; !last && !problem;) {
		ssize_t count = read(fd, bytes + kept, size - kept);
		size_t used;

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0) {
			problem = arena_printf(run->arena, "cannot be read: %s", strerror(errno));
			break;
		}
		/* Regular files fill the window but at their end. */
		last = (size_t)count < size - kept;
		total += (size_t)count;
		if (total > LIMIT)
			problem = "is larger than 16 MiB";
		else if (memchr(bytes + kept, '\0', (size_t)count))
			problem = "has a NUL byte: it is no text";
		if (problem)
			break;
		kept += (size_t)count;
		used = rule_read(reader, bytes, kept, last);
		kept -= used;
		memmove(bytes, bytes + used, kept);
		if (kept == size) {
			size *= 2;
			grown = mem_resize(grown, size);
			if (bytes == window)
				memcpy(grown, window, kept);
			bytes = grown;
		}
	}
	free(grown);
	return problem;
}

/* A link to /dev/null masks the files of its name below it. Links are looked at before they are
 * opened: opening a device can do things, wake a GPU among them. */
static bool is_mask(int directory, const char *name)
{
	struct stat status;

	return fstatat(directory, name, &status, 0) == 0 && S_ISCHR(status.st_mode) &&
	       status.st_rdev == makedev(1, 3);
}

static bool is_special(int directory, const char *name)
{
	struct stat status;

	return fstatat(directory, name, &status, 0) == 0 && !S_ISREG(status.st_mode);
}

void rules_warn(struct run *run, const struct rule_reader *reader)
{
	for (size_t i = 0; i < reader->mistake_count; i++) {
		const struct rule_mistake *mistake = &reader->mistakes[i];

		if (mistake->line)
			run_warn(run, "%s:%u:%u: %s", mistake->file, mistake->line, mistake->column,
				mistake->text);
		else
			run_warn(run, "%s: %s", mistake->file, mistake->text);
	}
}

void rules_read_file(struct run *run, struct rule_reader *reader, int fd, const char *path)
{
	const char *problem = NULL;
	struct stat status;

	/* rule_drop, after a refusal, must forget this file and no other. */
	rule_begin(reader, path);
	*arena_push(run->arena, run->files, run->file_count) = (struct run_file){path, NULL};
	if (fd < 0) {
		refuse(run, reader, path,
			arena_printf(run->arena, "cannot be read: %s", strerror(errno)));
		return;
	}
	problem = fstat(fd, &status) == 0 ? hw_trust_problem(&run->hw.root, &status)
					  : strerror(errno);
	if (!problem && status.st_size > LIMIT)
		problem = "is larger than 16 MiB";
	if (!problem)
		problem = feed(run, reader, fd, path);
	if (problem) {
		rule_drop(reader);
		refuse(run, reader, path, problem);
	}
	file_done(fd);
}

static void refuse_special(struct run *run, struct rule_reader *reader, const char *path)
{
	*arena_push(run->arena, run->files, run->file_count) = (struct run_file){path, NULL};
	refuse(run, reader, path, "is not a regular file");
}

static void read_entry(struct run *run, const struct directory *directory, size_t number)
{
	const char *name = directory->files.names[number];
	unsigned char kind = directory->files.kinds[number];
	const char *path = arena_printf(run->arena, "%s/%s", directory->path, name);

	if (kind != DT_REG && is_mask(directory->fd, name))
		return;
	if (kind == DT_DIR || (kind != DT_REG && is_special(directory->fd, name)))
		refuse_special(run, &run->reader, path);
	else
		rules_read_file(run, &run->reader, openat(directory->fd, name, FLAGS), path);
}

static bool is_rule_file(const char *name)
{
	return str_ends(name, ".conf") && *name != '.';
}

static bool has(const struct directory *directory, const char *name)
{
	for (size_t i = 0; i < directory->files.count; i++) {
		if (str_eq(directory->files.names[i], name))
			return true;
	}
	return false;
}

/* A file is replaced by one of the same name in a directory that ranks higher. */
static void read_directories(struct run *run, struct directory *directories, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < directories[i].files.count; j++) {
			const char *name = directories[i].files.names[j];
			bool replaced = !is_rule_file(name);

			for (size_t k = i + 1; k < count && !replaced; k++)
				replaced = has(&directories[k], name);
			if (!replaced)
				read_entry(run, &directories[i], j);
		}
	}
}

/* A directory that is there and cannot be read is reported, as a file would be. */
static void list(struct run *run, struct directory *directory, const char *path, int fd)
{
	*directory = (struct directory){.path = path, .fd = fd};
	if (fd >= 0 ? !file_names(run->arena, fd, false, &directory->files)
		    : path && errno != ENOENT && errno != ENOTDIR)
		rules_read_file(run, &run->reader, -1, path);
}

static void read_standard(struct run *run)
{
	struct directory directories[3];
	const char *config = offload_env(run->environment, "XDG_CONFIG_HOME");
	const char *home = offload_env(run->environment, "HOME");
	const char *user = NULL;
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

	list(run, &directories[0], NV_RULES_SHIPPED,
		hw_root_open(&run->hw.root, NV_RULES_SHIPPED, flags));
	list(run, &directories[1], NV_RULES_SYSTEM,
		hw_root_open(&run->hw.root, NV_RULES_SYSTEM, flags));
	/* The base directory specification has relative paths ignored. */
	if (config && *config == '/')
		user = arena_printf(run->arena, "%s/nv-run/rules.d", config);
	else if (home && *home == '/')
		user = arena_printf(run->arena, "%s/.config/nv-run/rules.d", home);
	list(run, &directories[2], user, user ? open(user, flags) : -1);
	read_directories(run, directories, 3);
}

/* A rule file or a directory of them, named by the user: to be there is the least. */
static bool read_named(struct run *run, const char *path)
{
	struct directory directory;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		list(run, &directory, path, fd);
		read_directories(run, &directory, 1);
		return true;
	}
	if (errno == ENOTDIR && is_special(AT_FDCWD, path)) {
		refuse_special(run, &run->reader, path);
		return true;
	}
	if (errno == ENOTDIR) {
		rules_read_file(run, &run->reader, open(path, FLAGS), path);
		return true;
	}
	log_error("cannot read the rules '%s': %s", path, strerror(errno));
	return false;
}

bool rules_read(struct run *run)
{
	for (size_t i = 0; i < run->options.rule_count; i++) {
		if (!read_named(run, run->options.rules[i]))
			return false;
	}
	if (!run->options.rule_count && !run->options.no_rules)
		read_standard(run);
	return true;
}
