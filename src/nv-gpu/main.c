/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "nv-gpu/gpu.h"

/* In the order of --help; what each does, in the same order. */
const struct command gpu_commands[] = {
	{"list", "json", NULL, "a line a GPU"},
	{"show", "json wake", "[GPU]", "everything known of a GPU"},
	{"ps", "json", "[GPU]", "the processes that hold it"},
	{"awake", "json watch", "[GPU]", "why it is (not) asleep"},
	{"bind", "json dry-run wait only persist", "SLOT DRIVER", "move it to another driver"},
	{"unbind", "json dry-run wait only", "SLOT", "take its drivers away"},
	{"restore", "json dry-run wait only", "SLOT", "bring its drivers back"},
	{"doctor", "json fix undo only", NULL, "what is wrong, and what to do"},
	{"record", "anonymous", NULL, "this machine as text"},
	{"replay", "", "FILE DIR", "unpack a recording for --sysroot"},
	{NULL, NULL, NULL, NULL},
};

static int (*const runs[])(struct gpu_run *run) = {list_run, show_run, ps_run, awake_run, bind_run,
	unbind_run, restore_run, doctor_run, record_run, replay_run};

int gpu_print(const struct buf *out)
{
	if (buf_write(out, STDOUT_FILENO))
		return 0;
	log_error("cannot write the answer: %s", strerror(errno));
	return EXIT_FAILED;
}

int main(int argc, char **argv)
{
	extern char **environ;
	struct gpu_run run = {.arena = arena_main(), .environment = environ};
	int status;

	file_stay();
	status = options_parse(run.arena, &run.options, argc, argv);
	if (!status && !hw_init(&run.hw, run.arena, run.options.sysroot)) {
		log_error("cannot open --sysroot '%s': %s", run.options.sysroot, strerror(errno));
		status = EXIT_FAILED;
	}
	if (!status)
		status = runs[run.options.command - gpu_commands](&run);
	return status < 0 ? 0 : status;
}
