/* SPDX-License-Identifier: MIT */
/* user: names of people and of programs, as they may be shown. */
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "nv-gpu/gpu.h"

/* From the recorded machine's own list of users, if it has one. */
static const char *recorded(struct gpu_run *run, unsigned uid)
{
	const char *text = hw_root_text(&run->hw.root, "/etc/passwd");

	while (text && *text) {
		const char *end = strchrnul(text, '\n');
		char name[64];
		unsigned number;

		if (sscanf(text, "%63[^:\n]:%*[^:\n]:%u", name, &number) == 2 && number == uid)
			return arena_dup(run->arena, name);
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
	return name ? name : arena_printf(run->arena, "%u", uid);
}

const char *gpu_plain(struct gpu_run *run, const char *name)
{
	char *text = arena_dup(run->arena, name);

	for (char *at = text; *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 127)
			*at = '?';
	}
	return text;
}
