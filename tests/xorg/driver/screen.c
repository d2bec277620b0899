/* SPDX-License-Identifier: MIT */
/* A screen in memory, drawn by the server's own fb. */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

#include <fb.h>
#include <micmap.h>
#include <mipointer.h>
#include <picturestr.h>
#include <xf86cmap.h>

static Bool set_up_depth(ScrnInfoPtr scrn)
{
	rgb none = {0};

	return xf86SetDepthBpp(scrn, 24, 24, 32, Support32bppFb) && scrn->depth == 24 &&
	       xf86SetWeight(scrn, none, none) && xf86SetDefaultVisual(scrn, -1);
}

Bool testgpu_pre_init(ScrnInfoPtr scrn, int flags)
{
	EntityInfoPtr entity = xf86GetEntityInfo(scrn->entityList[0]);
	GDevPtr device = entity->device;
	Gamma no_gamma = {0};
	struct testgpu *gpu;

	free(entity);
	if (flags & PROBE_DETECT)
		return TRUE;
	scrn->driverPrivate = gpu = xnfcalloc(1, sizeof(*gpu));
	gpu->fifo = -1;
	scrn->monitor = scrn->confScreen->monitor;
	if (!set_up_depth(scrn))
		return FALSE;
	xf86CollectOptions(scrn, device->options);
	testgpu_read_spec(scrn, &gpu->spec);
	if (gpu->spec.log_name[0])
		scrn->name = gpu->spec.log_name;
	scrn->progClock = TRUE;
	scrn->capabilities = gpu->spec.capabilities;
	/* The server would look for the first of both, and crash. */
	if (!scrn->is_gpu && (!gpu->spec.output_count || !gpu->spec.crtc_count)) {
		xf86DrvMsg(scrn->scrnIndex, X_ERROR,
			"testgpu: the first GPU needs an output and a CRTC\n");
		return FALSE;
	}
	testgpu_create_outputs(scrn);
	if (!xf86InitialConfiguration(scrn, TRUE) || !xf86SetGamma(scrn, no_gamma))
		return FALSE;
	scrn->currentMode = scrn->modes;
	xf86SetDpi(scrn, 0, 0);
	if (!xf86LoadSubModule(scrn, "fb"))
		return FALSE;
	xf86DrvMsg(scrn->scrnIndex, X_INFO,
		"testgpu: provider '%s', capabilities 0x%x, %d CRTCs, %d outputs\n",
		gpu->spec.provider, (unsigned)gpu->spec.capabilities, gpu->spec.crtc_count,
		gpu->spec.output_count);
	return TRUE;
}

static Bool create_resources(ScreenPtr screen)
{
	ScrnInfoPtr scrn = xf86ScreenToScrn(screen);
	struct testgpu *gpu = testgpu(scrn);
	PixmapPtr pixmap;
	Bool created;

	screen->CreateScreenResources = gpu->create_resources;
	created = screen->CreateScreenResources(screen);
	screen->CreateScreenResources = create_resources;
	pixmap = screen->GetScreenPixmap(screen);
	if (pixmap)
		screen->ModifyPixmapHeader(pixmap, -1, -1, -1, -1, -1, gpu->pixels);
	if (!scrn->is_gpu)
		testgpu_open_control(scrn);
	return created;
}

static Bool close_screen(ScreenPtr screen)
{
	ScrnInfoPtr scrn = xf86ScreenToScrn(screen);
	struct testgpu *gpu = testgpu(scrn);

	testgpu_close_control(scrn);
	testgpu_unshare(screen);
	scrn->vtSema = FALSE;
	screen->CreateScreenResources = gpu->create_resources;
	screen->CloseScreen = gpu->close_screen;
	free(gpu->pixels);
	gpu->pixels = NULL;
	return screen->CloseScreen(screen);
}

static void load_palette(ScrnInfoPtr scrn, int count, int *indices, LOCO *colours, VisualPtr visual)
{
}

static Bool set_up_visuals(ScrnInfoPtr scrn)
{
	miClearVisualTypes();
	return miSetVisualTypes(scrn->depth, miGetDefaultVisualMask(scrn->depth), scrn->rgbBits,
		       scrn->defaultVisual) &&
	       miSetPixmapDepths();
}

/* fb does not know in which order this memory has its colours. */
static void set_masks(ScreenPtr screen)
{
	ScrnInfoPtr scrn = xf86ScreenToScrn(screen);

	for (int i = 0; i < screen->numVisuals; i++) {
		VisualPtr visual = &screen->visuals[i];

		if ((visual->class | DynamicClass) != DirectColor)
			continue;
		visual->offsetRed = (int)scrn->offset.red;
		visual->offsetGreen = (int)scrn->offset.green;
		visual->offsetBlue = (int)scrn->offset.blue;
		visual->redMask = scrn->mask.red;
		visual->greenMask = scrn->mask.green;
		visual->blueMask = scrn->mask.blue;
	}
}

/* The first modes, and what can only be set up once there are CRTCs. */
static Bool finish(ScreenPtr screen)
{
	ScrnInfoPtr scrn = xf86ScreenToScrn(screen);

	if (!xf86CrtcScreenInit(screen))
		return FALSE;
	/* The server looks at the first CRTC without asking whether there is one. */
	if (testgpu(scrn)->spec.crtc_count > 0 && !xf86SetDesiredModes(scrn))
		return FALSE;
	if (!miCreateDefColormap(screen) ||
		!xf86HandleColormaps(screen, 256, scrn->rgbBits, load_palette, NULL,
			CMAP_PALETTED_TRUECOLOR | CMAP_RELOAD_ON_MODE_SWITCH))
		return FALSE;
	xf86DPMSInit(screen, xf86DPMSSet, 0);
	if (serverGeneration == 1)
		xf86ShowUnusedOptions(scrn->scrnIndex, scrn->options);
	return TRUE;
}

Bool testgpu_screen_init(ScreenPtr screen, int argc, char **argv)
{
	ScrnInfoPtr scrn = xf86ScreenToScrn(screen);
	struct testgpu *gpu = testgpu(scrn);

	scrn->pScreen = screen;
	scrn->displayWidth = scrn->virtualX;
	/* A GPU without outputs has no size. */
	gpu->pixels = calloc(max(scrn->virtualY, 1), (size_t)max(scrn->virtualX, 1) * 4);
	if (!gpu->pixels || !set_up_visuals(scrn) ||
		!fbScreenInit(screen, NULL, scrn->virtualX, scrn->virtualY, scrn->xDpi, scrn->yDpi,
			scrn->displayWidth, scrn->bitsPerPixel))
		return FALSE;
	set_masks(screen);
	fbPictureInit(screen, NULL, 0);
	gpu->create_resources = screen->CreateScreenResources;
	screen->CreateScreenResources = create_resources;
	xf86SetBlackWhitePixels(screen);
	xf86SetBackingStore(screen);
	xf86SetSilkenMouse(screen);
	miDCInitialize(screen, xf86GetPointerScreenFuncs());
	scrn->vtSema = TRUE;
	screen->SaveScreen = xf86SaveScreen;
	gpu->close_screen = screen->CloseScreen;
	screen->CloseScreen = close_screen;
	testgpu_share(screen);
	return finish(screen);
}
