/* SPDX-License-Identifier: MIT */
/* testgpu: a video driver for tests, which gives a real Xorg several GPUs without hardware.
 *
 * One screen of the protocol and any number of GPU screens, all in memory, each with a RandR
 * provider whose name, capabilities and outputs are asked for in xorg.conf, in the environment or,
 * while the server runs, over a FIFO. All above the hardware is the server's own code: providers
 * and their ids, what may be linked to what, AutoBindGPU, mode setting, shared pixmaps, events,
 * aborts.
 *
 * The same code is built under the names of real drivers (nvidia_drv.so and so on), so that a
 * configuration which names those loads as it is.
 *
 * Options of a Device section:
 *
 *   Spec            a GPU in one string: PROVIDER|CAPS|OUTPUTS
 *   ProviderName    the provider's name
 *   Caps            a number (0xf), or some of source-output, sink-output, source-offload,
 *                   sink-offload between commas, or none
 *   Outputs         OUTPUT;OUTPUT...; each NAME:STATE:MODES:OPTIONS, where STATE is c (connected)
 * or d, then ! if every mode set fails; MODES are WxH or WxH@HZ between commas, the preferred one
 * first; OPTIONS between commas are edid=HEX (without it there is no EDID property) and
 * refuse-from=N (the Nth mode set and all after it fail; one that the server makes when it starts
 * counts) Crtcs           how many; without it one for each output DetectDelayMs   how long a look
 * at an output takes LogName         what the driver calls itself in the log ScanoutDir      where
 * the command scanout writes ControlFifo     where commands are read (first screen only)
 *
 * Environment: TESTGPU_PRIMARY is a Spec for the first screen; TESTGPU_GPUS has Specs, one a line,
 * of GPU screens without a Device section; TESTGPU_SCANOUT_DIR and TESTGPU_FIFO as the options.
 *
 * Commands, one a line: see control.c.
 */
#ifndef TESTGPU_DRIVER_H
#define TESTGPU_DRIVER_H

/* The server's own order: its configuration comes before all of its headers. */
#include <xorg-server.h>

#include <randrstr.h>
#include <xf86.h>
#include <xf86Crtc.h>
#include <xf86str.h>

#define MAX_OUTPUTS 16
#define MAX_MODES 16
#define MAX_SIZE 16384
#define MAX_EDID 256

struct testgpu_mode {
	int width, height;
	float hz;
};

struct testgpu_output {
	char name[64];
	Bool connected;
	Bool refuses; /* every mode set fails */
	int refuse_from; /* so do the Nth and all after it; 0 is never */
	int mode_sets; /* that were tried */
	int mode_count;
	struct testgpu_mode modes[MAX_MODES];
	int edid_size; /* 0 is none */
	unsigned char edid[MAX_EDID];
};

/* What a GPU should be. */
struct testgpu_spec {
	char provider[128];
	char log_name[64];
	uint32_t capabilities;
	int crtc_count;
	int output_count;
	struct testgpu_output outputs[MAX_OUTPUTS];
	int detect_ms;
	char scanout_dir[512];
	char fifo[512];
};

/* What a screen keeps. */
struct testgpu {
	struct testgpu_spec spec;
	CloseScreenProcPtr close_screen;
	CreateScreenResourcesProcPtr create_resources;
	ScreenBlockHandlerProcPtr block_handler;
	void *pixels;
	int fifo;
	char line[4096]; /* of the FIFO, as far as it was read */
	size_t line_length;
};

static inline struct testgpu *testgpu(ScrnInfoPtr scrn)
{
	return scrn->driverPrivate;
}

/* driver.c: this module's driver under the name it is built for. */
extern DriverRec testgpu_driver;
extern const char testgpu_name[];
/* A GPU of its own that a Spec asks for; never freed, since the server keeps what it points to. */
GDevPtr testgpu_device(const char *spec);
ScrnInfoPtr testgpu_new_screen(DriverPtr driver, GDevPtr device, Bool gpu);

/* spec.c */
const OptionInfoRec *testgpu_options(int chip, int bus);
/* Fills a spec from the options of a screen and from the environment. */
void testgpu_read_spec(ScrnInfoPtr scrn, struct testgpu_spec *spec);

/* outputs.c */
void testgpu_create_outputs(ScrnInfoPtr scrn);
/* The pixmap that a CRTC of a GPU screen was told to scan out, or NULL. */
PixmapPtr testgpu_scanned_pixmap(xf86CrtcPtr crtc);

/* screen.c */
Bool testgpu_pre_init(ScrnInfoPtr scrn, int flags);
Bool testgpu_screen_init(ScreenPtr screen, int argc, char **argv);

/* Sleeps all of that time: the server's timer would wake it up early. */
void testgpu_sleep(int ms);

/* scanout.c: sharing of pixmaps between GPUs, as PRIME does it. */
void testgpu_share(ScreenPtr screen);
void testgpu_unshare(ScreenPtr screen);
/* Writes what each lit CRTC of a screen shows to SCREEN-OUTPUT.ppm. */
Bool testgpu_dump(ScrnInfoPtr scrn);

/* hotplug.c: both as the server itself does it when a card comes or goes. NULL, or what is wrong.
 */
const char *testgpu_add(ScrnInfoPtr primary, const char *spec);
const char *testgpu_remove(ScrnInfoPtr primary, const char *provider);

/* control.c */
void testgpu_open_control(ScrnInfoPtr primary);
void testgpu_close_control(ScrnInfoPtr primary);

#endif
