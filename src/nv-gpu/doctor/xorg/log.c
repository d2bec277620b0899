/* SPDX-License-Identifier: MIT */
/*
 * log: what the X server said when it started.
 *
 * A log is evidence only of this boot: an older one tells of other drivers and modules. On this
 * machine its last change tells the age; in a recording, where times of files mean nothing, the
 * date that the server wrote into it, give or take the time zone, and the kernel command line
 * there.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "hw/running.h"
#include "nv-gpu/doctor/xorg/xorg.h"
#include "offload/offload.h"

enum { LOG_LIMIT = 8 << 20, ZONES = 14 * 3600 };

struct log {
	const char *path, *text;
	long long when; /* of its last change */
};

/* The newest "Xorg.N.log" of a directory, if it is newer than the one known. */
static void look_into(struct doctor *doctor, const char *directory, struct log *log)
{
	struct gpu_run *run = doctor->run;
	struct file_list list;

	if (!hw_root_names(&run->hw.root, directory, &list))
		return;
	for (size_t i = 0; i < list.count; i++) {
		const char *path = arena_path(run->arena, directory, list.names[i]);
		struct stat status;
		char *text;
		int fd;

		if (!str_starts(list.names[i], "Xorg.") || !str_ends(list.names[i], ".log"))
			continue;
		fd = hw_root_open(&run->hw.root, path, O_RDONLY);
		if (fd < 0)
			continue;
		if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
			(log->path && status.st_mtim.tv_sec <= log->when)) {
			close(fd);
			continue;
		}
		text = file_text_fd(run->arena, fd, LOG_LIMIT, NULL);
		if (text)
			*log = (struct log){path, text, (long long)status.st_mtim.tv_sec};
	}
}

/* "(==) Log file: "/var/log/Xorg.0.log", Time: Fri Nov 21 10:00:00 2025"; 0 if it has none. */
static long long written(const char *text)
{
	const char *at = strstr(text, "\", Time: ");
	struct tm date = {0};

	if (!at || !strptime(at + strlen("\", Time: "), "%a %b %d %H:%M:%S %Y", &date))
		return 0;
	return (long long)timegm(&date);
}

static const char *stale(struct doctor *doctor, const struct log *log)
{
	struct gpu_run *run = doctor->run;
	long long boot = hw_boot_time(&run->hw), when = log->when;
	const char *words = hw_boot_words(&run->hw);
	const char *theirs = strstr(log->text, "Kernel command line: ");

	if (run->options.sysroot)
		when = written(log->text) ? written(log->text) + ZONES : 0;
	if (boot && when && when < boot)
		return arena_printf(run->arena, "%s is from before this boot", log->path);
	if (words && theirs) {
		size_t length = strcspn(words, "\n");

		theirs += strlen("Kernel command line: ");
		if (strncmp(theirs, words, length) != 0 || !strchr("\r\n", theirs[length]))
			return arena_printf(run->arena,
				"%s is of another boot: its kernel command line differs",
				log->path);
	}
	return NULL;
}

void xorg_find_log(struct doctor *doctor, struct xorg *xorg)
{
	struct gpu_run *run = doctor->run;
	const char *home = offload_env(run->environment, "HOME");
	struct log log = {0};

	look_into(doctor, "/var/log", &log);
	if (home && *home == '/')
		look_into(doctor, arena_path(run->arena, home, ".local/share/xorg"), &log);
	if (!log.path)
		return;
	xorg->log_stale = stale(doctor, &log);
	if (xorg->log_stale)
		return;
	xorg->log = log.text;
	xorg->log_path = log.path;
}

/* What NVIDIA's driver and the server say when it goes wrong; all words of a line must be there. */
struct complaint {
	const char *mark; /* in the line */
	bool note; /* the server runs, with less */
	const char *why, *fix;
};

static const struct complaint complaints[] = {
	{"Failed to initialize the NVIDIA kernel module", false,
		"The X driver found no kernel module that it can talk to: it is not loaded, or of "
		"another version.",
		"nv-gpu doctor --only driver-version\n"
		"After an update of the driver, reboot."},
	{"Failed to initialize the NVIDIA GPU", false,
		"The driver could not start the GPU; the kernel's log has its reason.",
		"journalctl -k -b -g 'NVRM|nvidia'"},
	{"Failed to initialize the NVIDIA graphics device", false,
		"The driver could not start the GPU; the kernel's log has its reason.",
		"journalctl -k -b -g 'NVRM|nvidia'"},
	{"Failed to acquire modesetting permission", false,
		"Another program has the GPU's displays: another X server, a Wayland compositor, "
		"or "
		"the boot splash.",
		"nv-gpu ps nvidia\n"
		"End what is listed there, or start the X server later."},
	{"is an external GPU", false,
		"NVIDIA's X driver leaves external GPUs alone unless it is told to use them, as X "
		"does "
		"not survive their being unplugged.",
		"nv-gpu doctor --only xorg-autoaddgpu"},
	{"module ABI major version", false,
		"The X server is of another version than what this driver was made for.",
		"Install the driver and the X server of one release of the distribution."},
	{"no screens found", false, "The server ended: no driver had a GPU to show a desktop with.",
		"nv-gpu doctor --only xorg-options\n"
		"nv-gpu doctor --only xorg-busid"},
	{"Failed to load module \"nvidia\"", false,
		"The X server has no NVIDIA driver: there is no GPU screen and no render offload.",
		"Install the distribution's X driver for NVIDIA (xserver-xorg-video-nvidia, "
		"xorg-x11-drv-nvidia, nvidia-utils)."},
	{"Failed to bind sideband socket", true, "G-SYNC and Vulkan's direct modes need it.",
		"Let the user that runs X write in the directory of Option "
		"\"SidebandSocketPath\"."},
};

static const char *line_of(struct arena *arena, const char *text, const char *at, unsigned *number)
{
	const char *start = at;

	*number = 1;
	while (start > text && start[-1] != '\n')
		start--;
	for (const char *c = text; c < start; c++)
		*number += *c == '\n';
	/* "[    12.345] (EE) ...": the time says nothing here. */
	if (*start == '[' && strchr(start, ']') && strchr(start, ']') < at)
		start = strchr(start, ']') + 1;
	start += strspn(start, " \t");
	return arena_copy(arena, start, strcspn(start, "\r\n"));
}

/* The module named nvidia fails to load on many machines that never wanted it. */
static bool is_meant(const struct xorg *xorg, const struct complaint *complaint)
{
	return xorg->uses_nvidia || !strstr(complaint->mark, "Failed to load module");
}

static bool complain(struct doctor *doctor, const struct xorg *xorg)
{
	struct arena *arena = doctor->run->arena;
	bool any = false;

	for (size_t i = 0; i < sizeof(complaints) / sizeof(*complaints); i++) {
		const struct complaint *complaint = &complaints[i];
		const char *at = strstr(xorg->log, complaint->mark), *what;
		unsigned line;

		if (!at || !is_meant(xorg, complaint))
			continue;
		what = line_of(arena, xorg->log, at, &line);
		what = arena_printf(arena, "%s: %s", xorg_place(doctor, xorg->log_path, line, 0),
			gpu_plain(doctor->run, what));
		if (complaint->note)
			doctor_note(doctor, what, complaint->why, complaint->fix);
		else
			doctor_problem(doctor, what, complaint->why, complaint->fix);
		any = true;
	}
	return any;
}

void check_xorg_log(struct doctor *doctor)
{
	const struct xorg *xorg = xorg_read(doctor);
	bool wrong;

	if (!xorg->log && xorg->log_stale) {
		doctor_ok(doctor,
			arena_printf(doctor->run->arena, "%s: not looked at", xorg->log_stale));
		return;
	}
	if (!xorg->log) {
		doctor_ok(doctor, "no X server left a log (some display managers send it to the "
				  "journal: journalctl -b _COMM=Xorg)");
		return;
	}
	wrong = complain(doctor, xorg);
	if (!wrong)
		doctor_ok(doctor,
			arena_printf(doctor->run->arena, "%s has no complaint", xorg->log_path));
}
