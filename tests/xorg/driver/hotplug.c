/* SPDX-License-Identifier: MIT */
/* GPUs that come and go while the server runs. The server does this for devices of udev alone, so
 * its steps are done here: xf86platformAddDevice() and xf86platformRemoveDevice() of its source. */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

#include <xf86Priv.h>

#ifdef XFreeXDGA
/* The server calls it when the screen is closed, and has set it only at its start. */
static int set_dga_mode(ScrnInfoPtr scrn, int mode, DGADevicePtr device)
{
	return Success;
}
#endif

const char *testgpu_add(ScrnInfoPtr primary, const char *spec)
{
	ScrnInfoPtr scrn = testgpu_new_screen(&testgpu_driver, testgpu_device(spec), TRUE);
	int index = xf86NumGPUScreens - 1;

	if (!scrn)
		return "the server has no room for it";
	scrn->confScreen = primary->confScreen;
	if (!scrn->PreInit(scrn, 0)) {
		xf86DeleteScreen(scrn);
		return "it cannot be set up";
	}
	scrn->configured = TRUE;
	scrn->EnableDisableFBAccess = primary->EnableDisableFBAccess;
#ifdef XFreeXDGA
	scrn->SetDGAMode = set_dga_mode;
#endif
	if (AddGPUScreen(scrn->ScreenInit, 0, NULL) != index) {
		xf86DeleteScreen(scrn);
		return "the server takes no screen for it";
	}
	scrn->pScreen = screenInfo.gpuscreens[index];
	dixSetPrivate(&scrn->pScreen->devPrivates, xf86ScreenKey, scrn);
	CreateScratchPixmapsForScreen(scrn->pScreen);
	if (scrn->pScreen->CreateScreenResources)
		scrn->pScreen->CreateScreenResources(scrn->pScreen);
	scrn->vtSema = TRUE;
	AttachUnboundGPU(primary->pScreen, scrn->pScreen);
	if (xf86Info.autoBindGPU)
		RRProviderAutoConfigGpuScreen(scrn->pScreen, primary->pScreen);
	RRResourcesChanged(primary->pScreen);
	RRTellChanged(primary->pScreen);
	return NULL;
}

const char *testgpu_remove(ScrnInfoPtr primary, const char *provider)
{
	for (int i = 0; i < xf86NumGPUScreens; i++) {
		ScrnInfoPtr scrn = xf86GPUScreens[i];
		ScreenPtr screen = scrn->pScreen;

		if (strcmp(testgpu(scrn)->spec.provider, provider) != 0)
			continue;
		screen->CloseScreen(screen);
		RemoveGPUScreen(screen);
		/* Or deleting the screen would unload the code that runs here. */
		scrn->module = NULL;
		xf86DeleteScreen(scrn);
		RRResourcesChanged(primary->pScreen);
		RRTellChanged(primary->pScreen);
		return NULL;
	}
	return "no GPU has this name";
}
