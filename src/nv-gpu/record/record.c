/* SPDX-License-Identifier: MIT */
/* record: this machine as text, for a bug report and for the tests. */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/collect.h"
#include "hw/sleep.h"
#include "nv-gpu/bind/bind.h"
#include "nv-gpu/gpu.h"
#include "nv-gpu/record/anonymous.h"

/* Of people; the numbers below and above are daemons and what stands for nobody. */
enum { FIRST_USER = 1000, NOBODY = 65534 };

struct homes {
	const char **list;
	size_t count;
};

/* Of the recorded machine all there are; here those of who asks, and of who became root for it. */
static struct homes find_homes(struct gpu_run *run)
{
	struct homes homes = {0};
	struct file_list names;
	const char *home = getenv("HOME"), *user = getenv("SUDO_USER");
	const struct passwd *entry = user ? getpwnam(user) : NULL;

	if (run->options.sysroot) {
		*arena_push(run->arena, homes.list, homes.count) = "/root";
		hw_root_names(&run->hw.root, "/home", &names);
		for (size_t i = 0; i < names.count; i++)
			*arena_push(run->arena, homes.list, homes.count) =
				arena_path(run->arena, "/home", names.names[i]);
	} else {
		if (home && *home == '/' && home[1])
			*arena_push(run->arena, homes.list, homes.count) = home;
		if (entry)
			*arena_push(run->arena, homes.list, homes.count) =
				arena_dup(run->arena, entry->pw_dir);
	}
	*arena_push(run->arena, homes.list, homes.count) = NULL;
	return homes;
}

/* The file, as far as it goes; users of a directory service are known by their homes. */
static void learn_users(struct gpu_run *run, struct anonymous *anonymous)
{
	static const char *const variables[] = {"USER", "LOGNAME", "SUDO_USER"};
	const char *text = hw_root_text(&run->hw.root, "/etc/passwd");

	while (text && *text) {
		const char *end = strchrnul(text, '\n'), *name = text;
		size_t length = strcspn(name, ":\n"), digits;
		unsigned long user;

		text += length + (text[length] == ':');
		text += strcspn(text, ":\n");
		text += *text == ':';
		digits = strcspn(text, ":\n");
		if (str_number(text, digits, 10, &user) && user >= FIRST_USER && user < NOBODY)
			anonymous_name(
				anonymous, ANONYMOUS_USER, arena_copy(run->arena, name, length));
		text = *end ? end + 1 : end;
	}
	for (size_t i = 0; !run->options.sysroot && i < sizeof(variables) / sizeof(*variables);
		i++) {
		const char *user = getenv(variables[i]);

		if (user && !str_eq(user, "root"))
			anonymous_name(anonymous, ANONYMOUS_USER, user);
	}
}

static void hide(struct gpu_run *run, struct recording *recording)
{
	struct anonymous anonymous = {.arena = run->arena};
	const char *host = hw_hostname(&run->hw), *dot = strchr(host, '.');

	anonymous_name(&anonymous, ANONYMOUS_HOST, host);
	if (dot)
		anonymous_name(&anonymous, ANONYMOUS_HOST,
			arena_copy(run->arena, host, (size_t)(dot - host)));
	learn_users(run, &anonymous);
	anonymous_recording(&anonymous, recording);
}

/* The functions about whose drivers the kernel does not answer now. */
static const char **find_stuck(struct gpu_run *run)
{
	const char **list = NULL, *override;
	size_t count = 0;

	for (size_t i = 0; i < run->hw.count; i++) {
		unsigned long functions;
		const struct hw_function *all = hw_functions(&run->hw, run->hw.gpus[i], &functions);

		for (size_t j = 0; run->hw.gpus[i]->pci && j < functions; j++) {
			if (kernel_override(run, all[j].slot, &override))
				continue;
			log_warning("the driver of %s is being taken away and does not leave; the "
				    "recording lacks what would wait for it",
				all[j].slot);
			*arena_push(run->arena, list, count) = all[j].slot;
		}
	}
	*arena_push(run->arena, list, count) = NULL;
	return list;
}

static const char *title(struct gpu_run *run)
{
	struct hw *hw = &run->hw;
	const char *text = hw->count ? "A machine with" : "A machine without a GPU";

	for (size_t i = 0; i < hw->count; i++)
		text = arena_printf(run->arena, "%s%s %s (%s)", text, i ? "," : "",
			gpu_title(run, hw->gpus[i]),
			hw->gpus[i]->driver ? hw->gpus[i]->driver : "no driver");
	return arena_printf(run->arena, "%s, recorded by nv-gpu " NV_VERSION ".", text);
}

int record_run(struct gpu_run *run)
{
	struct homes homes = find_homes(run);
	struct hw_collection collection;
	struct recording *recording = &collection.recording;
	struct buf out = {0};
	int status;

	hw_scan_all(&run->hw);
	hw_judge(&run->hw);
	hw_collect(&run->hw, homes.list, find_stuck(run), &collection);
	if (run->options.anonymous)
		hide(run, recording);
	recording_write_head(&out, title(run));
	for (size_t i = 0; i < recording->count; i++)
		recording_write(&out, &recording->entries[i]);
	if (collection.full)
		log_warning("the recording is not complete: there is too much on this machine");
	if (collection.refused)
		log_warning("%zu files could not be read, and are marked so%s", collection.refused,
			run->options.sysroot ? "" : "; root can read most of them");
	status = gpu_print(&out);
	buf_free(&out);
	return status;
}
