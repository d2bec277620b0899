/* SPDX-License-Identifier: MIT */
/* kernel: the door to this machine's kernel. Each write is one system call, in a child. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nv-gpu/bind/bind.h"
#include "nv-gpu/gpu.h"

/* How long a step may take: drivers start and end the hardware in them. */
static const long deadlines[] = {
	[STEP_LOAD] = 60000,
	[STEP_UNLOAD] = 20000,
	[STEP_CONTROL] = 10000,
	[STEP_UNBIND] = 20000,
	[STEP_OVERRIDE] = 5000,
	[STEP_PROBE] = 60000,
};
enum { ASK_MS = 2000 };

struct errand {
	const struct bind_step *step;
	const char *path; /* to write to, or to run */
	struct hw *hw;
	const char *function; /* to ask about */
	int lock;
};

static int load(const struct errand *errand)
{
	char quiet[] = "-q",
	     path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin";
	char *words[] = {(char *)errand->path, quiet, (char *)errand->step->value, NULL};
	char *environment[] = {path, NULL};
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		/* As long as modprobe is stuck, nobody else moves the slot. */
		fcntl(errand->lock, F_SETFD, 0);
		execve(errand->path, words, environment);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : ENOENT;
}

static int do_step(void *context, int answer)
{
	const struct errand *errand = context;
	const char *value = errand->step->value;

	(void)answer;
	if (errand->step->kind == STEP_LOAD)
		return load(errand);
	if (errand->step->kind == STEP_UNLOAD)
		return hw_module_remove(value);
	/* An empty line takes an override back; nothing at all would be no write. */
	return hw_attribute_write(errand->path, *value ? value : "\n");
}

static const char *path_of(struct bind_kernel *kernel, const struct bind_step *step)
{
	static const char *const files[] = {
		[STEP_CONTROL] = "power/control",
		[STEP_UNBIND] = "driver/unbind",
		[STEP_OVERRIDE] = "driver_override",
	};

	if (step->kind == STEP_LOAD)
		return hw_modprobe(&kernel->run->hw);
	if (step->kind == STEP_UNLOAD)
		return NULL;
	return step->kind == STEP_PROBE ? hw_pci_probe_file()
					: hw_pci_file(kernel->run->hw.root.arena,
						  step->function->pci.slot, files[step->kind]);
}

static struct bind_result step_of(struct bind_door *door, const struct bind_step *step)
{
	struct bind_kernel *kernel = (struct bind_kernel *)door;
	struct errand errand = {.step = step, .path = path_of(kernel, step), .lock = kernel->lock};

	log_info("%s", bind_step_name(kernel->run->arena, step));
	return child_run(do_step, &errand, deadlines[step->kind], NULL, 0);
}

static int ask_override(void *context, int answer)
{
	const struct errand *errand = context;
	const char *text = hw_pci_override(errand->hw, errand->function);

	if (!text)
		return ENOENT;
	return write(answer, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : EIO;
}

bool kernel_override(struct gpu_run *run, const char *function, const char **override)
{
	struct errand errand = {.hw = &run->hw, .function = function};
	char text[4200];
	struct bind_result result;

	/* A recording answers always. */
	if (run->options.sysroot) {
		*override = hw_pci_override(&run->hw, function);
		return true;
	}
	result = child_run(ask_override, &errand, ASK_MS, text, sizeof(text));
	*override = result.error ? NULL : arena_dup(run->hw.root.arena, text);
	return !result.stuck;
}

static bool state_of(struct bind_door *door, const char *function, struct bind_state *state)
{
	struct bind_kernel *kernel = (struct bind_kernel *)door;
	struct hw *hw = &kernel->run->hw;

	*state = (struct bind_state){.driver = hw_pci_driver(hw, function)};
	if (!kernel_override(kernel->run, function, &state->override))
		return false;
	state->control =
		hw_root_text(&hw->root, hw_pci_file(hw->root.arena, function, "power/control"));
	return true;
}

/* Somebody may have come since the preflight. All is read anew, as nodes may have changed too. */
static const char *hold_of(struct bind_door *door, const struct bind_function *function)
{
	struct bind_kernel *kernel = (struct bind_kernel *)door;
	struct hw fresh = kernel->run->hw;
	struct gpu_run run = *kernel->run;
	struct hw_holders holders;
	const struct bind_facts facts = {
		.slot = arena_copy(run.arena, function->pci.slot, strlen(function->pci.slot) - 2)};
	struct hw_gpu **gpus = NULL;
	size_t count = 0;

	hw_again(&fresh, run.arena);
	run.hw = fresh;
	hw_scan_all(&run.hw);
	for (size_t i = 0; i < run.hw.count; i++) {
		if (str_starts(run.hw.gpus[i]->slot, facts.slot))
			*arena_push(run.arena, gpus, count) = run.hw.gpus[i];
	}
	hw_holders_scan(&run.hw, gpus, count, &holders);
	for (size_t i = 0; i < holders.count; i++) {
		const struct hw_holder *holder = &holders.list[i];

		if (bind_is_held(&facts, holder, function))
			return arena_printf(run.arena, "%s (%ld, %s) holds %s since a moment ago",
				gpu_plain(&run, holder->name), holder->pid,
				gpu_user(&run, holder->uid), function->pci.slot);
	}
	return NULL;
}

static bool note_of(struct bind_door *door, const struct bind_step *step)
{
	struct bind_kernel *kernel = (struct bind_kernel *)door;

	return journal_note(kernel->journal, kernel->run->arena, step);
}

/* Signals are blocked while something moves (bind.c), so one that came is pending. */
static bool stop_of(struct bind_door *door)
{
	sigset_t set;

	(void)door;
	return sigpending(&set) == 0 && (sigismember(&set, SIGINT) || sigismember(&set, SIGTERM) ||
						sigismember(&set, SIGHUP));
}

void kernel_door(struct bind_kernel *kernel, struct gpu_run *run, int journal, int lock)
{
	*kernel = (struct bind_kernel){
		.door = {.step = step_of,
			.state = state_of,
			.hold = hold_of,
			.note = note_of,
			.stop = stop_of},
		.run = run,
		.journal = journal,
		.lock = lock,
	};
}
