/* SPDX-License-Identifier: MIT */
#include "nv-session/hook/hook.h"

#define SIGNS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* In the order of "hook check". */
const struct manager hook_managers[] = {
	{"lightdm", SIGNS("/usr/sbin/lightdm", "/usr/bin/lightdm", "/etc/lightdm/lightdm.conf"),
		ini_plan_lightdm},
	{"sddm", SIGNS("/usr/bin/sddm", "/usr/sbin/sddm", "/etc/sddm.conf"), ini_plan_sddm},
	{"gdm",
		SIGNS("/usr/sbin/gdm3", "/usr/sbin/gdm", "/usr/bin/gdm", "/etc/gdm3/custom.conf",
			"/etc/gdm/custom.conf"),
		script_plan_gdm},
	{"xdm", SIGNS("/usr/bin/xdm", "/usr/sbin/xdm", "/etc/X11/xdm/xdm-config"), script_plan_xdm},
	{"lxdm", SIGNS("/usr/sbin/lxdm", "/usr/bin/lxdm", "/etc/lxdm/lxdm.conf"), script_plan_lxdm},
	{"startx", SIGNS("/usr/bin/startx", "/usr/bin/xinit"), script_plan_startx},
	{0},
};
