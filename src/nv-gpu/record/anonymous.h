/* SPDX-License-Identifier: MIT */
/*
 * anonymous: takes out of a recording what tells whose machine it is. The same value becomes the
 * same placeholder wherever it stands, so that what belonged together still does.
 */
#ifndef NV_GPU_ANONYMOUS_H
#define NV_GPU_ANONYMOUS_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct recording;

enum anonymous_kind {
	ANONYMOUS_HOST,
	ANONYMOUS_USER,
	ANONYMOUS_SERIAL,
	ANONYMOUS_DISK,
	ANONYMOUS_MAIL,
	ANONYMOUS_UUID, /* from here on in hex digits, in letters of either case */
	ANONYMOUS_DIGITS, /* 32 hex digits: a machine-id, an EDID's dump */
	ANONYMOUS_ADDRESS, /* of a network card */
	ANONYMOUS_KINDS
};

struct anonymous_value {
	enum anonymous_kind kind;
	const char *value;
	size_t length;
	unsigned number; /* of its kind, from 1 */
	bool word; /* replaced wherever it stands as a word */
};

struct anonymous {
	struct arena *arena;
	struct anonymous_value *values;
	size_t count;
	unsigned counts[ANONYMOUS_KINDS];
};

/* A name that is replaced wherever it stands as a word, unless it is one that every machine has
 * ("nvidia", "debian"), which tells nothing. */
void anonymous_name(struct anonymous *anonymous, enum anonymous_kind kind, const char *name);

/* Replaces in all entries, in place. Names in the recording itself need not be told. */
void anonymous_recording(struct anonymous *anonymous, struct recording *recording);

/* Text with all that is known or looks like something to hide replaced; *length is updated. */
const char *anonymous_text(struct anonymous *anonymous, const char *text, size_t *length);

/* The number of a value of a kind, a new one the first time. */
struct anonymous_value *anonymous_value(
	struct anonymous *anonymous, enum anonymous_kind kind, const char *value, size_t length);

/*
 * edid.c: takes the serial numbers out of an EDID (VESA E-EDID 1.4, 3.4 and 3.10.3; DisplayID) and
 * mends its checksums. What is no EDID becomes zeros. The serial texts become names.
 */
void anonymous_edid(struct anonymous *anonymous, unsigned char *edid, size_t length);

#endif
