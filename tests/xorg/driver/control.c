/* SPDX-License-Identifier: MIT */
/* Commands over a FIFO. The log says "testgpu: done: COMMAND" after each, or "testgpu: failed:
 * COMMAND: WHY".
 *
 *   connect OUTPUT       a monitor is plugged in; clients are told
 *   disconnect OUTPUT    and out
 *   refuse OUTPUT        from now on every mode set of the output fails
 *   allow OUTPUT         and none
 *   addgpu SPEC          a card comes
 *   removegpu PROVIDER   and goes: the first of this name
 *   scanout              write what each lit output shows
 *   stall MS             the server does nothing for a while
 *   crash                the server aborts
 *
 * Names of outputs are those of the driver: an output is found on all GPUs that have it.
 */
#include "driver.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xf86Priv.h>

/* Calls a function for each output of this name, and for each screen that has one. */
static const char *each_output(ScrnInfoPtr primary, const char *name,
	void (*change)(struct testgpu_output *output), void (*after)(ScreenPtr screen))
{
	const char *wrong = "no output has this name";

	for (int i = -1; i < xf86NumGPUScreens; i++) {
		ScrnInfoPtr scrn = i < 0 ? primary : xf86GPUScreens[i];
		struct testgpu_spec *spec = &testgpu(scrn)->spec;

		for (int k = 0; k < spec->output_count; k++) {
			if (strcmp(spec->outputs[k].name, name) != 0)
				continue;
			change(&spec->outputs[k]);
			if (after)
				after(scrn->pScreen);
			wrong = NULL;
		}
	}
	return wrong;
}

static void set_connected(struct testgpu_output *output)
{
	output->connected = TRUE;
}

static void set_disconnected(struct testgpu_output *output)
{
	output->connected = FALSE;
}

static void set_refusing(struct testgpu_output *output)
{
	output->refuses = TRUE;
}

static void set_allowing(struct testgpu_output *output)
{
	output->refuses = FALSE;
	output->refuse_from = 0;
}

/* Looks at all outputs again and tells clients, as a driver does after a hot plug event. */
static void probe(ScreenPtr screen)
{
	RRGetInfo(screen, TRUE);
	RRSetChanged(screen);
	RRTellChanged(screen);
}

static const char *do_connect(ScrnInfoPtr primary, const char *name)
{
	return each_output(primary, name, set_connected, probe);
}

static const char *do_disconnect(ScrnInfoPtr primary, const char *name)
{
	return each_output(primary, name, set_disconnected, probe);
}

static const char *do_refuse(ScrnInfoPtr primary, const char *name)
{
	return each_output(primary, name, set_refusing, NULL);
}

static const char *do_allow(ScrnInfoPtr primary, const char *name)
{
	return each_output(primary, name, set_allowing, NULL);
}

static const char *do_scanout(ScrnInfoPtr primary, const char *none)
{
	Bool written = testgpu_dump(primary);

	for (int i = 0; i < xf86NumGPUScreens; i++)
		written &= testgpu_dump(xf86GPUScreens[i]);
	return written ? NULL : "the pictures cannot be written";
}

static const char *do_stall(ScrnInfoPtr primary, const char *ms)
{
	testgpu_sleep((int)strtol(ms, NULL, 10));
	return NULL;
}

static const char *do_crash(ScrnInfoPtr primary, const char *none)
{
	abort();
}

static const struct {
	const char *word;
	const char *(*run)(ScrnInfoPtr primary, const char *argument);
} commands[] = {
	{"connect", do_connect},
	{"disconnect", do_disconnect},
	{"refuse", do_refuse},
	{"allow", do_allow},
	{"addgpu", testgpu_add},
	{"removegpu", testgpu_remove},
	{"scanout", do_scanout},
	{"stall", do_stall},
	{"crash", do_crash},
};

static void obey(ScrnInfoPtr primary, const char *line)
{
	size_t length = strcspn(line, " ");
	const char *wrong = "no such command";

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strlen(commands[i].word) == length &&
			strncmp(line, commands[i].word, length) == 0)
			wrong = commands[i].run(primary, line + length + (line[length] == ' '));
	if (wrong)
		xf86DrvMsg(
			primary->scrnIndex, X_ERROR, "testgpu: failed: %.100s: %s\n", line, wrong);
	else
		xf86DrvMsg(primary->scrnIndex, X_INFO, "testgpu: done: %.100s\n", line);
}

static void read_fifo(int fd, int ready, void *data)
{
	struct testgpu *gpu = testgpu(data);
	ssize_t got =
		read(fd, gpu->line + gpu->line_length, sizeof(gpu->line) - gpu->line_length - 1);
	char *rest = gpu->line, *end;

	if (got <= 0)
		return;
	gpu->line_length += got;
	gpu->line[gpu->line_length] = '\0';
	while ((end = strchr(rest, '\n'))) {
		*end = '\0';
		obey(data, rest);
		rest = end + 1;
	}
	gpu->line_length = strlen(rest);
	memmove(gpu->line, rest, gpu->line_length);
	/* A line that does not end would leave no room to read on. */
	if (gpu->line_length >= sizeof(gpu->line) - 1)
		gpu->line_length = 0;
}

void testgpu_open_control(ScrnInfoPtr primary)
{
	struct testgpu *gpu = testgpu(primary);

	if (!gpu->spec.fifo[0] || gpu->fifo >= 0)
		return;
	mkfifo(gpu->spec.fifo, 0600);
	/* For writing too: or it would be at its end whenever nobody writes. */
	gpu->fifo = open(gpu->spec.fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (gpu->fifo >= 0)
		SetNotifyFd(gpu->fifo, read_fifo, X_NOTIFY_READ, primary);
}

void testgpu_close_control(ScrnInfoPtr primary)
{
	struct testgpu *gpu = testgpu(primary);

	if (gpu->fifo < 0)
		return;
	RemoveNotifyFd(gpu->fifo);
	close(gpu->fifo);
	gpu->fifo = -1;
}
