/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "nv-gpu/record/anonymous.h"

enum {
	BLOCK = 128,
	SERIAL = 12,
	DESCRIPTORS = 54,
	DESCRIPTOR = 18,
	TEXT = 13,
	EXTENSION_ID = 0x70
};

static void mend(unsigned char *block, size_t from, size_t last)
{
	unsigned char sum = 0;

	for (size_t i = from; i < last; i++)
		sum = (unsigned char)(sum + block[i]);
	block[last] = (unsigned char)-sum;
}

/* Text ends with a newline and is filled up with blanks. */
static void hide_text(struct anonymous *anonymous, unsigned char *text)
{
	char name[TEXT + 1];
	const char *placeholder;
	size_t length;
	struct anonymous_value *value;

	memcpy(name, text, TEXT);
	name[TEXT] = '\0';
	length = strcspn(name, "\n");
	name[length] = '\0';
	anonymous_name(anonymous, ANONYMOUS_SERIAL, name);
	value = anonymous_value(anonymous, ANONYMOUS_SERIAL, name, length);
	placeholder = arena_printf(anonymous->arena, "serial-%u\n", value->number);
	length = strlen(placeholder);
	memset(text, ' ', TEXT);
	memcpy(text, placeholder, length < TEXT ? length : TEXT);
}

static void hide_base(struct anonymous *anonymous, unsigned char *block)
{
	const unsigned char *serial = block + SERIAL;
	unsigned long number = serial[0] | (unsigned)serial[1] << 8 | (unsigned)serial[2] << 16 |
			       (unsigned long)serial[3] << 24;

	if (number) {
		const char *text = arena_printf(anonymous->arena, "%lu", number);

		number = anonymous_value(anonymous, ANONYMOUS_SERIAL, text, strlen(text))->number;
		for (size_t i = 0; i < 4; i++)
			block[SERIAL + i] = (unsigned char)(number >> 8 * i);
	}
	for (size_t i = 0; i < 4; i++) {
		unsigned char *descriptor = block + DESCRIPTORS + i * DESCRIPTOR;

		if (!descriptor[0] && !descriptor[1] && !descriptor[2] && descriptor[3] == 0xff)
			hide_text(anonymous, descriptor + 5);
	}
	mend(block, 0, BLOCK - 1);
}

/*
 * A DisplayID section in an extension: version, bytes, kind, extensions, then data blocks: tag,
 * revision, bytes. Product identification is tag 0x00 of version 1 and 0x20 of version 2: three
 * bytes of vendor, two of product, four of serial number.
 */
static void hide_display_id(unsigned char *block)
{
	size_t end = 5 + (size_t)block[2], at = 5;

	if (end > BLOCK - 2)
		end = BLOCK - 2;
	while (at + 3 <= end) {
		size_t size = block[at + 2];

		if ((block[at] == 0x20 || (block[at] == 0 && size >= 12)) && size >= 9 &&
			at + 12 <= end)
			memset(block + at + 8, 0, 4);
		at += 3 + size;
	}
	if (end < BLOCK - 1)
		mend(block, 1, end);
	mend(block, 0, BLOCK - 1);
}

void anonymous_edid(struct anonymous *anonymous, unsigned char *edid, size_t length)
{
	static const unsigned char head[] = {0, 255, 255, 255, 255, 255, 255, 0};

	if (length < BLOCK || length % BLOCK || memcmp(edid, head, sizeof(head)) != 0) {
		memset(edid, 0, length);
		return;
	}
	hide_base(anonymous, edid);
	for (size_t at = BLOCK; at < length; at += BLOCK) {
		if (edid[at] == EXTENSION_ID)
			hide_display_id(edid + at);
	}
}
