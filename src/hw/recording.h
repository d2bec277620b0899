/* SPDX-License-Identifier: MIT */
/*
 * recording: a machine as text. nv-gpu-recording(5) is the specification.
 *
 * Reading and writing think only: bytes in, entries out, and back. Unpacking makes files of them.
 */
#ifndef NV_HW_RECORDING_H
#define NV_HW_RECORDING_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct buf;

enum recording_kind {
	RECORDING_FILE, /* text is what is in it */
	RECORDING_LINK, /* text is what it says */
	RECORDING_DIRECTORY,
	RECORDING_UNREADABLE, /* text is the error that reading it gave, "EACCES" */
	RECORDING_SPECIAL, /* text is what it is: "char 195:0 666", "socket", "file 1234" */
	RECORDING_REMARK, /* for people; of the writer alone, without a path */
};

struct recording_entry {
	enum recording_kind kind;
	bool directory; /* what is RECORDING_UNREADABLE is a directory */
	const char *path; /* absolute; no part is empty, "." or ".." */
	const char *text; /* may hold any byte, NUL-terminated besides */
	size_t length;
	unsigned line; /* where it begins in the text that was read */
};

struct recording {
	struct recording_entry *entries; /* in the order of the text */
	size_t count;
};

/* A place in the text, both counted from 1 (columns in bytes), and what is wrong and to do there.
 */
struct recording_error {
	unsigned line, column;
	const char *what;
};

enum { RECORDING_PATH = 4095, RECORDING_NAME = 255 };

/* Reads a whole recording. False with *error filled at the first mistake. */
bool recording_read(struct arena *arena, const char *text, size_t length,
	struct recording *recording, struct recording_error *error);

/* Adds what begins every recording: a remark that tells what machine it is, and the version. */
void recording_write_head(struct buf *out, const char *machine);

/* Adds an entry, in the form that people can read best. */
void recording_write(struct buf *out, const struct recording_entry *entry);

/*
 * Makes the files below an empty directory. Links are made, never followed; special files become
 * plain ones. False with *error filled, and then all that was made is taken away again.
 */
bool recording_unpack(struct arena *arena, const struct recording *recording, int directory,
	struct recording_error *error);

#endif
