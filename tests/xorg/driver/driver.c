/* SPDX-License-Identifier: MIT */
/* What the server asks a driver's module for; built once for each name (TESTGPU_NAME). */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

#define JOIN_2(a, b) a##b
#define JOIN(a, b) JOIN_2(a, b)
#define TEXT_2(a) #a
#define TEXT(a) TEXT_2(a)

/* The server's headers have it only since there are drivers without a console. */
#ifndef HW_SKIP_CONSOLE
#define HW_SKIP_CONSOLE 4
#endif

/* Set once a module made the GPUs of the environment: all names of the driver see the same list. */
#define GPUS_MADE "TESTGPU_GPUS_MADE"

const char testgpu_name[] = TEXT(TESTGPU_NAME);

static void identify(int flags)
{
	xf86Msg(X_INFO, "%s: testgpu, a driver for tests without hardware\n", testgpu_name);
}

GDevPtr testgpu_device(const char *spec)
{
	GDevPtr device = xnfcalloc(1, sizeof(*device));

	device->identifier = "testgpu";
	device->driver = testgpu_name;
	device->options = xf86AddNewOption(NULL, "Spec", spec);
	return device;
}

static Bool switch_mode(ScrnInfoPtr scrn, DisplayModePtr mode)
{
	return TRUE;
}

static void adjust_frame(ScrnInfoPtr scrn, int x, int y)
{
}

static Bool enter_vt(ScrnInfoPtr scrn)
{
	scrn->vtSema = TRUE;
	return TRUE;
}

static void leave_vt(ScrnInfoPtr scrn)
{
	scrn->vtSema = FALSE;
}

static void free_screen(ScrnInfoPtr scrn)
{
	free(scrn->driverPrivate);
	scrn->driverPrivate = NULL;
}

static ModeStatus valid_mode(ScrnInfoPtr scrn, DisplayModePtr mode, Bool verbose, int flags)
{
	return MODE_OK;
}

ScrnInfoPtr testgpu_new_screen(DriverPtr driver, GDevPtr device, Bool gpu)
{
	int entity = xf86ClaimNoSlot(driver, 0, device, TRUE);
	ScrnInfoPtr scrn = xf86AllocateScreen(driver, gpu ? XF86_ALLOCATE_GPU_SCREEN : 0);

	if (!scrn)
		return NULL;
	xf86AddEntityToScreen(scrn, entity);
	scrn->driverVersion = 1;
	scrn->driverName = testgpu_name;
	scrn->name = testgpu_name;
	scrn->PreInit = testgpu_pre_init;
	scrn->ScreenInit = testgpu_screen_init;
	scrn->SwitchMode = switch_mode;
	scrn->AdjustFrame = adjust_frame;
	scrn->EnterVT = enter_vt;
	scrn->LeaveVT = leave_vt;
	scrn->FreeScreen = free_screen;
	scrn->ValidMode = valid_mode;
	return scrn;
}

/* As AutoAddGPU would: GPU screens that no Device section is written for. */
static void add_from_environment(DriverPtr driver)
{
	const char *specs = getenv("TESTGPU_GPUS");
	char *copy, *rest, *spec;

	if (!specs || getenv(GPUS_MADE))
		return;
	rest = copy = xnfstrdup(specs);
	while ((spec = strsep(&rest, "\n")))
		if (*spec)
			testgpu_new_screen(driver, testgpu_device(spec), TRUE);
	free(copy);
	setenv(GPUS_MADE, "1", 1);
}

/* A Device section that no Screen section names is not wired up. Of a screen without GPUDevice the
 * server makes every Device section a GPU, the screen's own too: real drivers find that its card is
 * taken. */
static Bool is_wanted(GDevPtr device)
{
	confScreenPtr section = device->myScreenSection;

	return section && (section->device == device ||
				  strcmp(section->device->identifier, device->identifier) != 0);
}

static Bool is_gpu_device(GDevPtr device)
{
	confScreenPtr section = device->myScreenSection;

	for (int i = 0; i < section->num_gpu_devices; i++)
		if (section->gpu_devices[i] == device)
			return TRUE;
	return FALSE;
}

static Bool probe(DriverPtr driver, int flags)
{
	GDevPtr *devices = NULL;
	int count = xf86MatchDevice(testgpu_name, &devices);
	Bool found = FALSE;

	if (flags & PROBE_DETECT)
		count = 0;
	for (int i = 0; i < count; i++)
		if (is_wanted(devices[i]))
			found |= testgpu_new_screen(
					 driver, devices[i], is_gpu_device(devices[i])) != NULL;
	free(devices);
	if (found)
		add_from_environment(driver);
	return found;
}

static Bool answer(ScrnInfoPtr scrn, xorgDriverFuncOp question, void *data)
{
	if (question != GET_REQUIRED_HW_INTERFACES)
		return FALSE;
	/* No ports, no memory, no console: the server needs neither root nor a terminal. */
	*(CARD32 *)data = HW_SKIP_CONSOLE;
	return TRUE;
}

DriverRec testgpu_driver = {
	.driverVersion = 1,
	.driverName = testgpu_name,
	.Identify = identify,
	.Probe = probe,
	.AvailableOptions = testgpu_options,
	.driverFunc = answer,
};

static void *set_up(void *module, void *options, int *major, int *minor)
{
	static Bool done;

	if (done) {
		if (major)
			*major = LDR_ONCEONLY;
		return NULL;
	}
	done = TRUE;
	xf86AddDriver(&testgpu_driver, module, HaveDriverFuncs);
	return &testgpu_driver;
}

static XF86ModuleVersionInfo version = {
	.modname = testgpu_name,
	.vendor = MODULEVENDORSTRING,
	._modinfo1_ = MODINFOSTRING1,
	._modinfo2_ = MODINFOSTRING2,
	.xf86version = XORG_VERSION_CURRENT,
	.majorversion = 0,
	.minorversion = 1,
	.abiclass = ABI_CLASS_VIDEODRV,
	.abiversion = ABI_VIDEODRV_VERSION,
	.moduleclass = MOD_CLASS_VIDEODRV,
};

extern _X_EXPORT XF86ModuleData JOIN(TESTGPU_NAME, ModuleData);
XF86ModuleData JOIN(TESTGPU_NAME, ModuleData) = {&version, set_up, NULL};
