/* SPDX-License-Identifier: MIT */
/* The CRTCs and outputs of a GPU: any mode can be set, on an output that does not refuse it. */
#include "driver.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <xf86DDC.h>

/* --- CRTCs */

static void crtc_nothing(xf86CrtcPtr crtc)
{
}

static void crtc_dpms(xf86CrtcPtr crtc, int mode)
{
}

static Bool crtc_lock(xf86CrtcPtr crtc)
{
	return FALSE;
}

static void crtc_gamma(xf86CrtcPtr crtc, CARD16 *red, CARD16 *green, CARD16 *blue, int size)
{
}

static Bool crtc_fixup(xf86CrtcPtr crtc, DisplayModePtr mode, DisplayModePtr adjusted)
{
	return TRUE;
}

static void crtc_mode_set(
	xf86CrtcPtr crtc, DisplayModePtr mode, DisplayModePtr adjusted, int x, int y)
{
	xf86DrvMsg(crtc->scrn->scrnIndex, X_INFO, "testgpu: mode %dx%d at +%d+%d\n", mode->HDisplay,
		mode->VDisplay, x, y);
}

static Bool crtc_scan_out(xf86CrtcPtr crtc, PixmapPtr pixmap)
{
	crtc->driver_private = pixmap;
	xf86DrvMsg(crtc->scrn->scrnIndex, X_INFO, "testgpu: scans out %s %dx%d\n",
		pixmap ? "a shared pixmap" : "no pixmap", pixmap ? pixmap->drawable.width : 0,
		pixmap ? pixmap->drawable.height : 0);
	return TRUE;
}

static const xf86CrtcFuncsRec crtc_functions = {
	.dpms = crtc_dpms,
	.lock = crtc_lock,
	.mode_fixup = crtc_fixup,
	.prepare = crtc_nothing,
	.mode_set = crtc_mode_set,
	.commit = crtc_nothing,
	.gamma_set = crtc_gamma,
	.destroy = crtc_nothing,
	.set_scanout_pixmap = crtc_scan_out,
};

PixmapPtr testgpu_scanned_pixmap(xf86CrtcPtr crtc)
{
	return crtc->driver_private;
}

/* --- outputs */

static struct testgpu_output *wanted(xf86OutputPtr output)
{
	return output->driver_private;
}

static void output_nothing(xf86OutputPtr output)
{
}

static void output_dpms(xf86OutputPtr output, int mode)
{
}

static int output_mode_valid(xf86OutputPtr output, DisplayModePtr mode)
{
	return MODE_OK;
}

/* The one step of a mode set that an output may refuse; the server then undoes what it did. */
static Bool output_fixup(xf86OutputPtr output, DisplayModePtr mode, DisplayModePtr adjusted)
{
	struct testgpu_output *want = wanted(output);

	want->mode_sets++;
	if (!want->refuses && (!want->refuse_from || want->mode_sets < want->refuse_from))
		return TRUE;
	xf86DrvMsg(output->scrn->scrnIndex, X_ERROR, "testgpu: mode set %d of %s refused\n",
		want->mode_sets, output->name);
	return FALSE;
}

static void output_mode_set(xf86OutputPtr output, DisplayModePtr mode, DisplayModePtr adjusted)
{
}

void testgpu_sleep(int ms)
{
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	while (ms > 0 && nanosleep(&left, &left) != 0 && errno == EINTR)
		;
}

static xf86OutputStatus output_detect(xf86OutputPtr output)
{
	int ms = testgpu(output->scrn)->spec.detect_ms;

	testgpu_sleep(ms);
	return wanted(output)->connected ? XF86OutputStatusConnected : XF86OutputStatusDisconnected;
}

static void set_edid(xf86OutputPtr output)
{
	struct testgpu_output *want = wanted(output);
	xf86MonPtr monitor = NULL;

	/* The monitor keeps pointing to the bytes, which live as long as the screen. */
	if (want->edid_size)
		monitor = xf86InterpretEEDID(output->scrn->scrnIndex, want->edid);
	/* Or the property would be the first block alone. */
	if (monitor && want->edid_size > 128)
		monitor->flags |= MONITOR_EDID_COMPLETE_RAWDATA;
	xf86OutputSetEDID(output, monitor);
}

static DisplayModePtr output_modes(xf86OutputPtr output)
{
	struct testgpu_output *want = wanted(output);
	DisplayModePtr modes = NULL, mode;

	set_edid(output);
	/* 96 dots an inch in the preferred mode. */
	output->mm_width = want->modes[0].width * 254 / 960;
	output->mm_height = want->modes[0].height * 254 / 960;
	for (int i = 0; i < want->mode_count; i++) {
		mode = xf86CVTMode(want->modes[i].width, want->modes[i].height, want->modes[i].hz,
			TRUE, FALSE);
		if (!mode)
			continue;
		xf86SetModeDefaultName(mode);
		mode->type = M_T_DRIVER | (i == 0 ? M_T_PREFERRED : 0);
		modes = xf86ModesAdd(modes, mode);
	}
	return modes;
}

static const xf86OutputFuncsRec output_functions = {
	.dpms = output_dpms,
	.mode_valid = output_mode_valid,
	.mode_fixup = output_fixup,
	.prepare = output_nothing,
	.commit = output_nothing,
	.mode_set = output_mode_set,
	.detect = output_detect,
	.get_modes = output_modes,
	.destroy = output_nothing,
};

/* The memory that the screen is drawn in; a GPU screen's is never shown. */
static Bool resize(ScrnInfoPtr scrn, int width, int height)
{
	ScreenPtr screen = scrn->pScreen;
	PixmapPtr pixmap = screen->GetScreenPixmap(screen);
	void *pixels;

	if (width == scrn->virtualX && height == scrn->virtualY)
		return TRUE;
	pixels = calloc(height, (size_t)width * 4);
	if (!pixels)
		return FALSE;
	if (pixmap &&
		!screen->ModifyPixmapHeader(pixmap, width, height, -1, -1, width * 4, pixels)) {
		free(pixels);
		return FALSE;
	}
	free(testgpu(scrn)->pixels);
	testgpu(scrn)->pixels = pixels;
	scrn->virtualX = width;
	scrn->virtualY = height;
	scrn->displayWidth = width;
	return TRUE;
}

static const xf86CrtcConfigFuncsRec config_functions = {.resize = resize};

void testgpu_create_outputs(ScrnInfoPtr scrn)
{
	struct testgpu_spec *spec = &testgpu(scrn)->spec;

	xf86CrtcConfigInit(scrn, &config_functions);
	xf86CrtcSetSizeRange(scrn, 8, 8, MAX_SIZE, MAX_SIZE);
	xf86ProviderSetup(scrn, NULL, spec->provider);
	for (int i = 0; i < spec->crtc_count; i++)
		xf86CrtcCreate(scrn, &crtc_functions);
	for (int i = 0; i < spec->output_count; i++) {
		xf86OutputPtr output =
			xf86OutputCreate(scrn, &output_functions, spec->outputs[i].name);

		if (!output)
			continue;
		output->driver_private = &spec->outputs[i];
		output->possible_crtcs = (1U << spec->crtc_count) - 1;
		output->interlaceAllowed = TRUE;
	}
}
