/* SPDX-License-Identifier: MIT */
#include "nv-gpu/doctor/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/gpu.h"

#define JOURNAL DOCTOR_STATE "/journal"

static const char *const things[] = {
	[THING_NOTHING] = "nothing",
	[THING_FILE] = "file",
	[THING_LINK] = "link",
	[THING_DIRECTORY] = "directory",
	[THING_ATTRIBUTE] = "attribute",
};

static bool thing_from(const char *name, enum thing *thing)
{
	for (size_t i = 0; i < sizeof(things) / sizeof(*things); i++) {
		if (str_eq(things[i], name)) {
			*thing = (enum thing)i;
			return true;
		}
	}
	return false;
}

/* The next word of a line; the rest of it for the last one. */
static char *word(char **at, bool last)
{
	char *start = *at, *end = last ? NULL : strchr(start, ' ');

	if (!end)
		end = start + strlen(start);
	*at = *end ? end + 1 : end;
	*end = '\0';
	return start;
}

/* A line that is none is passed over: its files stay, for people. */
static void read_line(struct journal *journal, char *line)
{
	const char *number = word(&line, false);
	struct entry entry = {.check = word(&line, false)};
	const char *before = word(&line, false), *after = word(&line, false);

	entry.path = word(&line, true);
	if (str_number(number, strlen(number), 10, &entry.number) && *entry.path == '/' &&
		thing_from(before, &entry.before) && thing_from(after, &entry.after))
		*arena_push(journal->root->arena, journal->list, journal->count) = entry;
}

bool journal_directories(struct journal *journal, const char *check, const char *path)
{
	struct arena *arena = journal->root->arena;

	for (const char *end = strchr(path + 1, '/'); end; end = strchr(end + 1, '/')) {
		const char *part = arena_copy(arena, path, (size_t)(end - path));

		if (hw_root_exists(journal->root, part))
			continue;
		*arena_push(arena, journal->list, journal->count) = (struct entry){
			journal_next(journal), check, THING_NOTHING, THING_DIRECTORY, part};
		if (!tree_directory(journal->root, part))
			return false;
	}
	return true;
}

static bool read_all(struct journal *journal, bool made)
{
	struct tree_file file;

	if (made && !journal_directories(journal, "-", JOURNAL))
		return false;
	journal->lock = hw_root_open(journal->root, DOCTOR_STATE, O_RDONLY | O_DIRECTORY);
	if (journal->lock < 0)
		return errno == ENOENT;
	if (flock(journal->lock, LOCK_EX | LOCK_NB) != 0 ||
		!tree_read(journal->root, JOURNAL, &file))
		return false;
	for (char *line = file.text, *next; line && *line; line = next) {
		next = strchrnul(line, '\n');
		if (*next)
			*next++ = '\0';
		read_line(journal, line);
	}
	return true;
}

int journal_begin(struct journal *journal, struct gpu_run *run, bool made)
{
	*journal = (struct journal){.root = &run->hw.root, .lock = -1};
	if (!run->options.sysroot && geteuid() != 0) {
		log_error("only root may change this machine; run it with sudo");
		return EXIT_REFUSED;
	}
	if (read_all(journal, made))
		return 0;
	if (errno == EWOULDBLOCK)
		log_error("another doctor is at work; try again when it is done");
	else
		log_error("cannot use " DOCTOR_STATE ": %s", strerror(errno));
	return EXIT_REFUSED;
}

bool journal_end(struct journal *journal)
{
	bool written = journal->lock < 0 || journal_write(journal);

	if (!written)
		log_error("cannot write " JOURNAL ": %s", strerror(errno));
	if (journal->lock >= 0)
		close(journal->lock);
	return written;
}

unsigned long journal_next(const struct journal *journal)
{
	unsigned long next = 1;

	for (size_t i = 0; i < journal->count; i++) {
		if (journal->list[i].number >= next)
			next = journal->list[i].number + 1;
	}
	return next;
}

/* Only what was made for the journal itself is left. */
static bool is_done(const struct journal *journal)
{
	for (size_t i = 0; i < journal->count; i++) {
		if (!str_eq(journal->list[i].check, "-"))
			return false;
	}
	return true;
}

bool journal_write(struct journal *journal)
{
	struct buf text = {0};
	bool written;

	if (is_done(journal)) {
		if (!tree_remove(journal->root, JOURNAL) && errno != ENOENT)
			return false;
		while (journal->count)
			tree_remove_directory(journal->root, journal->list[--journal->count].path);
		return true;
	}
	for (size_t i = 0; i < journal->count; i++) {
		const struct entry *entry = &journal->list[i];

		buf_printf(&text, "%lu %s %s %s %s\n", entry->number, entry->check,
			things[entry->before], things[entry->after], entry->path);
	}
	written = tree_write(journal->root, JOURNAL, text.text, text.length, NULL, 0644);
	buf_free(&text);
	return written;
}

const char *journal_file(const struct journal *journal, unsigned long number, const char *kind)
{
	return arena_printf(journal->root->arena, DOCTOR_STATE "/%lu.%s", number, kind);
}

void journal_forget(struct journal *journal, size_t i)
{
	unsigned long number = journal->list[i].number;

	tree_remove(journal->root, journal_file(journal, number, "before"));
	tree_remove(journal->root, journal_file(journal, number, "after"));
	journal->count--;
	memmove(&journal->list[i], &journal->list[i + 1],
		(journal->count - i) * sizeof(*journal->list));
}

bool state_look(const struct hw_root *root, const char *path, enum thing as, struct state *state)
{
	struct tree_file file;

	*state = (struct state){0};
	if (as == THING_LINK || as == THING_NOTHING) {
		state->text = tree_read_link(root, path);
		if (state->text) {
			*state = (struct state){THING_LINK, state->text, strlen(state->text)};
			return true;
		}
	}
	if (!tree_read(root, path, &file))
		return false;
	/* What a dangling link leads to is not made: nobody would know whose it is. */
	if (!file.text && as == THING_FILE && tree_read_link(root, path)) {
		errno = ENOLINK;
		return false;
	}
	if (file.text)
		*state = (struct state){as == THING_ATTRIBUTE ? THING_ATTRIBUTE : THING_FILE,
			file.text, file.length};
	return true;
}

bool state_equal(const struct state *a, const struct state *b)
{
	size_t left = a->length, right = b->length;

	if (a->thing != b->thing)
		return false;
	if (a->thing == THING_NOTHING || a->thing == THING_DIRECTORY)
		return true;
	if (a->thing == THING_ATTRIBUTE) {
		left -= left && a->text[left - 1] == '\n';
		right -= right && b->text[right - 1] == '\n';
	}
	return left == right && memcmp(a->text, b->text, left) == 0;
}
