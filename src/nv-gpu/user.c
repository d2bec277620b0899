/* SPDX-License-Identifier: MIT */
/* user: names of people and of programs, as they may be shown. */
#include <pwd.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/gpu.h"

/* From the recorded machine's own list of users, if it has one: "name:x:1000:...". */
static const char *recorded(struct gpu_run *run, unsigned uid)
{
	const char *text = hw_root_text(&run->hw.root, "/etc/passwd");

	while (text && *text) {
		const char *end = strchrnul(text, '\n');
		const char *password = memchr(text, ':', (size_t)(end - text)), *number = NULL;
		unsigned long own;

		if (password)
			number = memchr(password + 1, ':', (size_t)(end - password) - 1);
		if (number && str_number(number + 1, strcspn(number + 1, ":\n"), 10, &own) &&
			own == uid)
			return arena_copy(run->arena, text, (size_t)(password - text));
		text = *end ? end + 1 : end;
	}
	return NULL;
}

const char *gpu_user(struct gpu_run *run, unsigned uid)
{
	const char *name = NULL;

	if (run->options.sysroot) {
		name = recorded(run, uid);
	} else {
		const struct passwd *entry = getpwuid(uid);

		name = entry ? arena_dup(run->arena, entry->pw_name) : NULL;
	}
	return name ? gpu_plain(run, name) : arena_printf(run->arena, "%u", uid);
}

/* The character that a valid sequence of UTF-8 stands for. */
static unsigned long character(const unsigned char *text, size_t length)
{
	static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	unsigned long value = text[0] & first[length];

	for (size_t i = 1; i < length; i++)
		value = value << 6 | (text[i] & 0x3f);
	return value;
}

/* Controls, of ASCII's and of the terminal's second set, and what turns the line around. */
static bool disturbs(unsigned long value)
{
	static const struct {
		unsigned long first, last;
	} ranges[] = {{0, 0x1f}, {0x7f, 0x9f}, {0x61c, 0x61c}, {0x200b, 0x200f}, {0x2028, 0x202e},
		{0x2060, 0x206f}, {0xfeff, 0xfeff}};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		if (value >= ranges[i].first && value <= ranges[i].last)
			return true;
	}
	return false;
}

const char *gpu_plain(struct gpu_run *run, const char *name)
{
	char *text = arena_alloc(run->arena, strlen(name) + 1), *to = text;

	while (*name) {
		size_t length = str_utf8(name);

		if (!length || disturbs(character((const unsigned char *)name, length))) {
			*to++ = '?';
		} else {
			memcpy(to, name, length);
			to += length;
		}
		name += length ? length : 1;
	}
	return text;
}
