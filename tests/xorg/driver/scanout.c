/* SPDX-License-Identifier: MIT */
/* Pixmaps shared between GPUs, and what each GPU scans out of them. */
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>

#include <damage.h>

/* All GPUs are in one process here: the address of the pixels is handle enough. */
static Bool share_backing(PixmapPtr pixmap, ScreenPtr sink, void **handle)
{
	*handle = pixmap->devPrivate.ptr;
	return TRUE;
}

static Bool set_shared_backing(PixmapPtr pixmap, void *handle)
{
	/* The server says "none" like this, as if it were a file descriptor. */
	if (handle == (void *)-1L)
		handle = NULL;
	return pixmap->drawable.pScreen->ModifyPixmapHeader(pixmap, -1, -1, -1, -1, -1, handle);
}

/* Copies what changed on this screen to the pixmaps of its sinks, when drivers do so: before the
 * server sleeps. */
static void block_handler(ScreenPtr screen, void *timeout)
{
	struct testgpu *gpu = testgpu(xf86ScreenToScrn(screen));
	PixmapDirtyUpdatePtr dirty;

	screen->BlockHandler = gpu->block_handler;
	screen->BlockHandler(screen, timeout);
	gpu->block_handler = screen->BlockHandler;
	screen->BlockHandler = block_handler;

	xorg_list_for_each_entry(dirty, &screen->pixmap_dirty_list, ent)
	{
		if (!RegionNotEmpty(DamageRegion(dirty->damage)))
			continue;
		PixmapSyncDirtyHelper(dirty);
		DamageEmpty(dirty->damage);
	}
}

void testgpu_share(ScreenPtr screen)
{
	struct testgpu *gpu = testgpu(xf86ScreenToScrn(screen));

	gpu->block_handler = screen->BlockHandler;
	screen->BlockHandler = block_handler;
	screen->SharePixmapBacking = share_backing;
	screen->SetSharedPixmapBacking = set_shared_backing;
	screen->StartPixmapTracking = PixmapStartDirtyTracking;
	screen->StopPixmapTracking = PixmapStopDirtyTracking;
}

void testgpu_unshare(ScreenPtr screen)
{
	screen->BlockHandler = testgpu(xf86ScreenToScrn(screen))->block_handler;
}

/* A part of a pixmap as a picture; what lies outside of the pixmap is black. */
static Bool write_picture(
	const char *path, PixmapPtr pixmap, int left, int top, int width, int height)
{
	FILE *file = fopen(path, "w");

	if (!file)
		return FALSE;
	fprintf(file, "P6\n%d %d\n255\n", width, height);
	for (int y = top; y < top + height; y++) {
		const CARD32 *row = (const CARD32 *)((const char *)pixmap->devPrivate.ptr +
						     (ptrdiff_t)y * pixmap->devKind);

		for (int x = left; x < left + width; x++) {
			CARD32 pixel = x < pixmap->drawable.width && y < pixmap->drawable.height
					       ? row[x]
					       : 0;
			unsigned char rgb[3] = {pixel >> 16, pixel >> 8, pixel};

			fwrite(rgb, 1, sizeof(rgb), file);
		}
	}
	return fclose(file) == 0;
}

static Bool dump_output(ScrnInfoPtr scrn, xf86OutputPtr output)
{
	xf86CrtcPtr crtc = output->crtc;
	PixmapPtr pixmap = testgpu_scanned_pixmap(crtc);
	int index = scrn->is_gpu ? scrn->scrnIndex - GPU_SCREEN_OFFSET : scrn->scrnIndex;
	int x = 0, y = 0;
	char path[768];

	if (!pixmap && !scrn->is_gpu) {
		/* The first screen's CRTCs look at the screen itself. */
		pixmap = scrn->pScreen->GetScreenPixmap(scrn->pScreen);
		x = crtc->x;
		y = crtc->y;
	}
	if (!pixmap || !pixmap->devPrivate.ptr)
		return TRUE;
	snprintf(path, sizeof(path), "%s/%s%d-%s.ppm", testgpu(scrn)->spec.scanout_dir,
		scrn->is_gpu ? "G" : "", index, output->name);
	return write_picture(path, pixmap, x, y, crtc->mode.HDisplay, crtc->mode.VDisplay);
}

Bool testgpu_dump(ScrnInfoPtr scrn)
{
	xf86CrtcConfigPtr config = XF86_CRTC_CONFIG_PTR(scrn);
	Bool written = TRUE;

	if (!testgpu(scrn)->spec.scanout_dir[0])
		return FALSE;
	for (int i = 0; i < config->num_output; i++)
		if (config->output[i]->crtc && config->output[i]->crtc->enabled)
			written &= dump_output(scrn, config->output[i]);
	return written;
}
