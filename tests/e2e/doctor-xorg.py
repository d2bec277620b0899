# SPDX-License-Identifier: MIT
"""nv-gpu doctor: the X server's configuration and log, display managers, and other tools' files."""
import os
import shutil

import doctor_cases
import e2e
from doctor_cases import case

LAPTOP = e2e.LAPTOP
DOMAIN = "workstation-domain-1"
EGPU = "laptop-egpu"
CONF = "/etc/X11/xorg.conf"
MODULES = "/usr/lib/xorg/modules"
LOG = "/var/log/Xorg.0.log"

# The server's own modules: without them there is nowhere to look for drivers.
SERVER = {f"{MODULES}/drivers/modesetting_drv.so": ""}


def section(kind, *lines, path=CONF):
    text = "".join(f"\t{line}\n" for line in lines)
    return {path: f'Section "{kind}"\n{text}EndSection\n'}


def device(bus, driver="nvidia", *more, path=CONF):
    return section("Device", 'Identifier "gpu"', f'Driver "{driver}"', f'BusID "{bus}"', *more,
                   path=path)


def log(*lines, time="Fri Nov 21 10:00:00 2025", words="BOOT_IMAGE=/vmlinuz quiet"):
    head = [f"Kernel command line: {words}", f'(==) Log file: "{LOG}", Time: {time}',
            "(==) Automatically adding GPU devices",
            "(II) Platform probe for /sys/devices/pci0000:00/0000:00:02.0/drm/card1",
            "(II) modeset(0): using drv /dev/dri/card1"]
    text = "".join(f"[     5.678] {line}\n" for line in head + list(lines))
    # 21 November 2025, 9:00 UTC
    return {LOG: text, "/proc/stat": "cpu 1 2 3\nbtime 1763715600\nprocesses 1\n",
            "/proc/cmdline": "BOOT_IMAGE=/vmlinuz quiet\n"}


MET = "(II) Platform probe for /sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/drm/card0"
SCREEN = "(II) NVIDIA(G0): NVIDIA GPU NVIDIA GeForce RTX 3050 Laptop GPU at PCI:1:0:0"

BUSIDS = [
    case("xorg-busid", "the right one is well", LAPTOP, device("PCI:1:0:0"), "ok",
         "the BusID is that of a GPU"),
    case("xorg-busid", "none is well", LAPTOP, section("Device", 'Identifier "x"'), "ok",
         "no BusID is set"),
    case("xorg-busid", "that of a function's default is well", LAPTOP, device("PCI:1:0"), "ok",
         "the BusID"),
    case("xorg-busid", "that of a device which is not on PCI is left alone", LAPTOP,
         device("PLATFORM:0", "modesetting"), "ok", "BusID"),
    case("xorg-busid", "the one of lspci is wrong, and the right one is said", LAPTOP,
         device("PCI:01:00.0"), "problem", "s/PCI:01:00.0/PCI:1:0:0/' /etc/X11/xorg.conf"),
    case("xorg-busid", "its place is said", LAPTOP, device("PCI:01:00.0"), "problem",
         "/etc/X11/xorg.conf:4:9: BusID"),
    case("xorg-busid", "with the domain in front it is another slot", LAPTOP,
         device("PCI:0:1:0:0"), "problem", "is read as 0000:00:01.0"),
    case("xorg-busid", "the domain of the second PCI domain belongs behind an @", DOMAIN,
         device("PCI:1:10:0:0"), "problem", "PCI:10@1:0:0"),
    case("xorg-busid", "with the domain behind an @ it is well", DOMAIN, device("PCI:10@1:0:0"),
         "ok", "BusID"),
    case("xorg-busid", "without its domain it is no GPU, and the driver's only one is meant",
         DOMAIN, device("PCI:77:0:0"), "problem", "it is the only GPU for the section's driver"),
    case("xorg-busid", "hexadecimal digits are told", "laptop-amd-amd",
         device("PCI:e5:00:0", "modesetting"), "problem", "is no bus id"),
    case("xorg-busid", "without a GPU that could be meant all are told", "desktop-two-nvidia",
         device("PCI:99:0:0", "modesetting"), "problem", "The GPUs of this machine are:"),
    case("xorg-busid", "a file of a directory is read too", LAPTOP,
         device("PCI:9:9:9", path="/etc/X11/xorg.conf.d/20-gpu.conf"), "problem",
         "20-gpu.conf:4:9"),
    case("xorg-busid", "a file with another ending is not", LAPTOP,
         device("PCI:9:9:9", path="/etc/X11/xorg.conf.d/20-gpu.conf.old"), "ok", "no BusID"),
    case("xorg-busid", "a file that the server was started with is read too", "nixos-laptop",
         {**device("PCI:01:00.0", path="/nix/store/x-xserver.conf"), "/proc/700/comm": "X\n",
          "/proc/700/cmdline": b"X\0:0\0-config\0/nix/store/x-xserver.conf\0"}, "problem",
         "hardware.nvidia.prime"),
    case("xorg-busid", "a file that the log names is read too", LAPTOP,
         {**device("PCI:9:9:9", path="/opt/x.conf"),
          **log('(++) Using config file: "/opt/x.conf"')}, "problem", "/opt/x.conf:4:9"),
    case("xorg-busid", "an external GPU's changes, which is told", EGPU,
         device("PCI:99:0:0"), "problem", "changes with the port"),
]

SYNTAX = [
    case("xorg-syntax", "a file that can be read is well", LAPTOP, device("PCI:1:0:0"), "ok",
         "one file can be read"),
    case("xorg-syntax", "no file is well", LAPTOP, {}, "ok", "no configuration"),
    case("xorg-syntax", "a section without its end is told", LAPTOP,
         {CONF: 'Section "Device"\n\tDriver "nvidia"\n'}, "problem",
         'xorg.conf:1: Section "Device" has no EndSection'),
    case("xorg-syntax", "a section of no kind is told", LAPTOP,
         {CONF: 'Section "Devices"\nEndSection\n'}, "problem", 'no kind of section "Devices"'),
    case("xorg-syntax", "a line outside is told", LAPTOP, {CONF: "\n\nOption \"x\"\n"}, "problem",
         "xorg.conf:3: 'Option' stands outside"),
    case("xorg-syntax", "a link to nothing says nothing", LAPTOP, {CONF: ("link", "/dev/null")},
         "ok", "no configuration"),
    case("xorg-syntax", "a file that is too long is not seen", LAPTOP, {CONF: "#" * (2 << 20)},
         "unknown", "cannot be read"),
    case("xorg-syntax", "bytes are no configuration", LAPTOP, {CONF: bytes(range(1, 256)) * 9},
         "problem", "outside of any section"),
]

MODULEPATHS = [
    case("xorg-modulepath", "no ModulePath is well", LAPTOP, SERVER, "ok", "no ModulePath"),
    case("xorg-modulepath", "one with the server's own is well", LAPTOP,
         {**SERVER, **section("Files", f'ModulePath "{MODULES}"'),
          f"{MODULES}/drivers/nvidia_drv.so": ""}, "ok", "has what"),
    case("xorg-modulepath", "a directory that is not there is told", LAPTOP,
         {**SERVER, **section("Files", f'ModulePath "{MODULES},/opt/none"')}, "problem",
         "names /opt/none"),
    case("xorg-modulepath", "one without the server's own is told", LAPTOP,
         {**SERVER, "/opt/x/a.so": "", **section("Files", 'ModulePath "/opt/x"')}, "problem",
         f'ModulePath "{MODULES}"'),
    case("xorg-modulepath", "NVIDIA's driver beside is told", LAPTOP,
         {**SERVER, f"{MODULES}/drivers/nvidia_drv.so": None,
          "/usr/lib/x86_64-linux-gnu/nvidia/xorg/nvidia_drv.so": ""}, "problem",
         "does not look into /usr/lib/x86_64-linux-gnu/nvidia/xorg"),
    case("xorg-modulepath", "one of an OutputClass finds it", LAPTOP,
         {**SERVER, f"{MODULES}/drivers/nvidia_drv.so": None,
          "/usr/lib/x86_64-linux-gnu/nvidia/xorg/nvidia_drv.so": "",
          **section("OutputClass", 'Driver "nvidia"',
                    'ModulePath "/usr/lib/x86_64-linux-gnu/nvidia/xorg"',
                    path="/usr/share/X11/xorg.conf.d/11-nvidia.conf")}, "ok", "no ModulePath"),
]

ADDING = [
    case("xorg-autoaddgpu", "on is well", LAPTOP,
         section("ServerFlags", 'Option "AutoAddGPU" "on"'), "ok", "may add"),
    case("xorg-autoaddgpu", "off is told", LAPTOP,
         section("ServerFlags", 'Option "AutoAddGPU" "off"'), "problem",
         "xorg.conf:2 turns AutoAddGPU off"),
    case("xorg-autoaddgpu", "negated is off", LAPTOP,
         section("ServerLayout", 'Option "NoAutoAddGPU"'), "problem", "turns AutoAddGPU off"),
    case("xorg-autoaddgpu", "off with a GPU that is named is no problem", LAPTOP,
         section("ServerLayout", 'Inactive "nvidia"', 'Option "AutoAddGPU" "off"'), "note",
         "Only the GPUs that the ServerLayout names"),
    case("xorg-autoaddgpu", "off with one GPU does not matter", "desktop-nvidia-only",
         section("ServerFlags", 'Option "AutoAddGPU" "off"'), "ok", "may add"),
    case("xorg-autoaddgpu", "in a section where it does nothing it does nothing", LAPTOP,
         section("Device", 'Option "AutoAddGPU" "off"'), "ok", "may add"),
    case("xorg-autoaddgpu", "not linking is told", LAPTOP,
         section("ServerFlags", 'Option "AutoBindGPU" "false"'), "note", "nv-session setup"),
    case("xorg-autoaddgpu", "not linking by the command line is told", LAPTOP,
         {"/proc/700/comm": "Xorg\n", "/proc/700/cmdline": b"Xorg\0-noautoBindGPU\0"}, "note",
         "process 700"),
    case("xorg-autoaddgpu", "an external GPU has to be allowed", EGPU, SERVER, "problem",
         "AllowExternalGpus"),
    case("xorg-autoaddgpu", "an external GPU that is allowed is well", EGPU,
         {**SERVER, **section("OutputClass", 'Driver "nvidia"', 'Option "AllowExternalGpus"')},
         "ok", "may add"),
]

OPTIONS = [
    case("xorg-options", "the primary GPU is a matter of an OutputClass", LAPTOP,
         section("OutputClass", 'MatchDriver "nvidia-drm"', 'Option "PrimaryGPU" "yes"'), "ok",
         "where it counts"),
    case("xorg-options", "and not of a Device", LAPTOP,
         section("Device", 'Option "PrimaryGPU" "yes"'), "problem",
         "xorg.conf:2: PrimaryGPU does nothing in section Device"),
    case("xorg-options", "GPU screens of NVIDIA's are a matter of the layout", LAPTOP,
         section("ServerLayout", 'Option "AllowNVIDIAGPUScreens"'), "ok", "where it counts"),
    case("xorg-options", "and not of a Screen", LAPTOP,
         section("Screen", 'Option "AllowNVIDIAGPUScreens"'), "problem", "AllowNVIDIAGPUScreens"),
    case("xorg-options", "an empty configuration is allowed", LAPTOP,
         section("Device", 'Driver "nvidia"', 'Option "AllowEmptyInitialConfiguration"'), "ok",
         "where it counts"),
    case("xorg-options", "an option of NVIDIA's driver is none of modesetting's", LAPTOP,
         section("Device", 'Driver "modesetting"', 'Option "ForceFullCompositionPipeline" "on"'),
         "note", "driver modesetting does not know"),
    case("xorg-options", "an option of modesetting is none of NVIDIA's", LAPTOP,
         section("Device", 'Driver "nvidia"', 'Option "TearFree" "on"'), "note",
         "driver nvidia does not know option TearFree"),
    case("xorg-options", "modesetting without acceleration has no offload", LAPTOP,
         section("Device", 'Driver "modesetting"', 'Option "AccelMethod" "none"'), "note",
         "ends render offload"),
    case("xorg-options", "modesetting with glamor has", LAPTOP,
         section("Device", 'Driver "modesetting"', 'Option "AccelMethod" "glamor"'), "ok",
         "where it counts"),
    case("xorg-options", "NVIDIA's driver that is not installed is told", LAPTOP,
         {**SERVER, f"{MODULES}/drivers/nvidia_drv.so": None, **device("PCI:1:0:0")}, "problem",
         'driver "nvidia" is not installed'),
    case("xorg-options", "NVIDIA's driver that is installed is well", LAPTOP,
         {**SERVER, f"{MODULES}/drivers/nvidia_drv.so": "", **device("PCI:1:0:0")}, "ok",
         "each driver is there"),
    case("xorg-options", "where no modules are recorded none is missing", LAPTOP,
         {f"{MODULES}/drivers/nvidia_drv.so": None, **device("PCI:1:0:0")}, "ok",
         "each driver is there"),
    case("xorg-options", "intel's driver that is not installed is told", LAPTOP,
         {**SERVER, **device("PCI:0:2:0", "intel")}, "problem", 'Write Driver "modesetting"'),
    case("xorg-options", "intel's driver beside NVIDIA's is told", LAPTOP,
         {**SERVER, f"{MODULES}/drivers/intel_drv.so": "", **device("PCI:0:2:0", "intel")},
         "note", "is not maintained"),
    case("xorg-options", "modesetting beside NVIDIA's is well", LAPTOP,
         {**SERVER, **device("PCI:0:2:0", "modesetting")}, "ok", "each driver is there"),
    case("xorg-options", "nouveau's driver for a GPU of NVIDIA's is told", LAPTOP,
         device("PCI:1:0:0", "nouveau"), "problem", "which the kernel driver nvidia has"),
    case("xorg-options", "nouveau's driver for a GPU of nouveau's is well", "laptop-nouveau",
         device("PCI:1:0:0", "nouveau"), "ok", "each driver is there"),
    case("xorg-options", "NVIDIA's driver for a GPU that is lent is told", "desktop-vfio",
         section("Device", 'Driver "nvidia"'), "problem", "no GPU runs with the kernel driver"),
]

LOGS = [
    case("xorg-log", "no log is well", LAPTOP, {}, "ok", "journalctl"),
    case("xorg-log", "one without complaints is well", LAPTOP, log(MET, SCREEN), "ok",
         "has no complaint"),
    case("xorg-log", "a kernel module of another version is told", LAPTOP,
         log("(EE) NVIDIA: Failed to initialize the NVIDIA kernel module. Please see the"),
         "problem", "Xorg.0.log:6: (EE) NVIDIA: Failed to initialize"),
    case("xorg-log", "a server without screens is told", LAPTOP,
         log("(EE) no screens found(EE)"), "problem", "The server ended"),
    case("xorg-log", "a driver that is not there is told", LAPTOP,
         log('(EE) Failed to load module "nvidia" (module does not exist, 0)'), "problem",
         "The X server has no NVIDIA driver"),
    case("xorg-log", "where NVIDIA's driver runs nothing it need not be there", "laptop-nouveau",
         log('(EE) Failed to load module "nvidia" (module does not exist, 0)'), "ok",
         "has no complaint"),
    case("xorg-log", "an external GPU that was left out is told", EGPU,
         log("(WW) NVIDIA(GPU-0): This device is an external GPU, but external GPUs have not"),
         "problem", "unless it is told to use them"),
    case("xorg-log", "one of before this boot is no evidence", LAPTOP,
         log("(EE) no screens found(EE)", time="Wed Nov 19 10:00:00 2025"), "ok",
         "is from before this boot"),
    case("xorg-log", "one of another kernel command line is no evidence", LAPTOP,
         log("(EE) no screens found(EE)", words="BOOT_IMAGE=/vmlinuz quiet nomodeset"), "ok",
         "is of another boot"),
    case("xorg-log", "one of a user's own server counts", LAPTOP,
         {"/home/me/.local/share/xorg/Xorg.0.log": "(EE) no screens found(EE)\n"}, "problem",
         "/home/me/.local/share/xorg/Xorg.0.log:1", env={"HOME": "/home/me"}),
    case("xorg-log", "bytes are no complaint", LAPTOP, {LOG: bytes(range(256)) * 99}, "ok",
         "no complaint"),
]

PROVIDERS = [
    case("provider", "a GPU screen is well", LAPTOP, log(MET, SCREEN), "ok", "has a screen"),
    case("provider", "without NVIDIA's driver there is nothing to miss", "laptop-nouveau",
         log(MET), "ok", "runs no GPU"),
    case("provider", "without a server nothing can be said", LAPTOP, SERVER, "unknown",
         "no X server to ask"),
    case("provider", "a server that never met the GPU is told", LAPTOP, log(), "note",
         "nvidia-drm was loaded later"),
    case("provider", "with outputs it is a problem", "laptop-boot-display", log(), "problem",
         "Its outputs stay dark"),
    case("provider", "a GPU that NVIDIA's X driver did not get is told", LAPTOP, log(MET), "note",
         "did not give it to NVIDIA's X driver"),
    case("provider", "that the server may not add GPUs is told", LAPTOP,
         log("(**) Not automatically adding GPU devices"), "note", "told not to add GPUs"),
    case("provider", "a log of another boot says nothing", LAPTOP,
         log(time="Wed Nov 19 10:00:00 2025"), "unknown", "no log"),
]

LIGHTDM = {"/usr/sbin/lightdm": "", "/bin/sh": ""}
SDDM = {"/usr/bin/sddm": "", "/bin/sh": ""}
OWN = "/bin/sh -c '/usr/bin/nv-session setup --hook; exec \"$@\"' nv-session "
SEAT = "/etc/lightdm/lightdm.conf.d/20-gpu.conf"
SETUP = "[Seat:*]\ndisplay-setup-script=/usr/local/bin/setup\n"
SCRIPT = "#!/bin/sh\n# xrandr is of no use\nxrandr --auto\n"
HOOKS = [
    case("dm-hooks", "no display manager is well", LAPTOP, {}, "ok", "what display managers run"),
    case("dm-hooks", "a script that is not there ends in a login loop", LAPTOP,
         {**LIGHTDM, SEAT: SETUP}, "problem", f"{SEAT}:2: display-setup-script of LightDM"),
    case("dm-hooks", "a script of a manager that is not there does not matter", LAPTOP,
         {SEAT: SETUP}, "ok", "what display managers run"),
    case("dm-hooks", "a script that is not executable is told", LAPTOP,
         {**LIGHTDM, SEAT: SETUP, "/usr/local/bin/setup": SCRIPT}, "problem",
         "chmod 755 /usr/local/bin/setup"),
    case("dm-hooks", "a line that another file overrules does not matter", LAPTOP,
         {**LIGHTDM, SEAT: SETUP,
          "/etc/lightdm/lightdm.conf": "[Seat:*]\ndisplay-setup-script =\n"}, "ok",
         "what display managers run"),
    case("dm-hooks", "a line that is a remark does not matter", LAPTOP,
         {**LIGHTDM, SEAT: SETUP.replace("display", "#display")}, "ok",
         "what display managers run"),
    case("dm-hooks", "SDDM goes on without it", LAPTOP,
         {**SDDM, "/etc/sddm.conf": "[X11]\nDisplayCommand=/opt/none --x\n"}, "note",
         "/opt/none is not there"),
    case("dm-hooks", "a script behind nv-session's hook is looked at too", LAPTOP,
         {**LIGHTDM, SEAT: f"[Seat:*]\ndisplay-setup-script={OWN}/opt/none\n"}, "problem",
         "/opt/none is not there"),
    case("dm-hooks", "a recording without programs does not tell", LAPTOP,
         {"/usr/sbin/lightdm": "", SEAT: SETUP}, "unknown", "/usr/local/bin/setup"),
    case("dm-hooks", "a hook of nv-session that does not win is told", LAPTOP,
         {**SDDM, "/etc/sddm.conf": "[X11]\nDisplayCommand=\n",
          "/etc/sddm.conf.d/zz-nv-session.conf":
          "# nv-session hook: begin\n[X11]\nDisplayCommand=x\n# nv-session hook: end\n"},
         "problem", "nv-session's hook in sddm is not run"),
    case("dm-hooks", "a display manager without a hook of nv-session needs none", LAPTOP,
         {**SDDM, "/etc/sddm.conf": "[X11]\nDisplayCommand=\n"}, "ok",
         "what display managers run"),
]

WAYLAND = [
    case("wayland-session", "nothing said is well", LAPTOP, {}, "ok", "nothing keeps"),
    case("wayland-session", "GDM that was told not to is told", LAPTOP,
         {"/etc/gdm3/custom.conf": "[daemon]\nWaylandEnable=false\n"}, "note",
         "/etc/gdm3/custom.conf:2"),
    case("wayland-session", "a remark tells GDM nothing", LAPTOP,
         {"/etc/gdm3/custom.conf": "[daemon]\n#WaylandEnable=false\n"}, "ok", "nothing keeps"),
    case("wayland-session", "GDM that decided not to is told", LAPTOP,
         {"/run/gdm/custom.conf": "[daemon]\nWaylandEnable = false\n"}, "note", "61-gdm.rules"),
    case("wayland-session", "a Wayland session without modesetting is told by drm-modeset alone", LAPTOP,
         {"/sys/module/nvidia_drm/parameters/modeset": "N\n"}, "ok", "nothing keeps",
         env={"XDG_SESSION_TYPE": "wayland"}),
    case("wayland-session", "an X session without modesetting is not", LAPTOP,
         {"/sys/module/nvidia_drm/parameters/modeset": "N\n"}, "ok", "nothing keeps",
         env={"XDG_SESSION_TYPE": "x11"}),
]

ENVY = "# Automatically generated by EnvyControl\n\nblacklist nouveau\nblacklist nvidia\n"
BLACKLIST = "/etc/modprobe.d/blacklist-nvidia.conf"
BUMBLEBEE = {"/etc/modprobe.d/bumblebee.conf": "blacklist nvidia\nblacklist nvidia-drm\n"}
REMOVE = ('ACTION=="add", SUBSYSTEM=="pci", ATTR{vendor}=="0x10de", \\\n'
          'ATTR{class}=="0x03[0-9]*", ATTR{remove}="1"\n')
LEFTOVERS = [
    case("leftovers", "nothing is well", LAPTOP, {}, "ok", "no other tool"),
    case("leftovers", "what a tool that is gone blocks is told", LAPTOP, {BLACKLIST: ENVY},
         "problem", f"rm {BLACKLIST}"),
    case("leftovers", "a file of the same name by somebody else is not", LAPTOP,
         {BLACKLIST: "blacklist nouveau\n"}, "ok", "no other tool"),
    case("leftovers", "of a tool that is there it is no more than a note", LAPTOP,
         {BLACKLIST: ENVY, "/usr/bin/envycontrol": ""}, "note", "EnvyControl, which steers"),
    case("leftovers", "of Bumblebee it is told", LAPTOP, BUMBLEBEE, "problem", "left by Bumblebee"),
    case("leftovers", "of supergfxctl what blocks nothing is a note", LAPTOP,
         {"/etc/modprobe.d/supergfxd.conf": "blacklist nouveau\noptions nvidia-drm modeset=1\n"},
         "note", "keeps nothing from working"),
    case("leftovers", "of system76-power it is told", LAPTOP,
         {"/etc/modprobe.d/system76-power.conf": "blacklist nvidia\nalias nvidia off\n"},
         "problem", "left by system76-power"),
    case("leftovers", "of optimus-manager it is told", LAPTOP,
         {"/etc/X11/xorg.conf.d/10-optimus-manager.conf": ""}, "problem", "X server uses"),
    case("leftovers", "of nvidia-prime a card that is removed is told", LAPTOP,
         {"/lib/udev/rules.d/50-pm-nvidia.rules": "# nvidia-prime\n" + REMOVE}, "problem",
         "off the PCI bus"),
    case("leftovers", "a service of a tool that is gone is a dangling link", LAPTOP,
         {"/etc/systemd/system/multi-user.target.wants/nvidia-xrun-pm.service":
          ("link", "/usr/lib/systemd/system/nvidia-xrun-pm.service")}, "problem", "nvidia-xrun"),
]

NOT_LOADED = {"/sys/module/nvidia/version": None, "/sys/module/nvidia": None,
              "/sys/module/nvidia_drm": None}
BLOCKED = [
    case("module-blocked", "nothing is well", LAPTOP, {}, "ok", "nothing keeps"),
    case("module-blocked", "a blacklist is told", LAPTOP,
         {**NOT_LOADED, "/etc/modprobe.d/x.conf": "# x\nblacklist nvidia-drm\n"}, "problem",
         "/etc/modprobe.d/x.conf:2 blocks the module nvidia_drm"),
    case("module-blocked", "that nouveau is blocked is as it should be", LAPTOP,
         {**NOT_LOADED, "/etc/modprobe.d/x.conf": "blacklist nouveau\nblacklist nvidiafb\n"},
         "ok", "nothing keeps"),
    case("module-blocked", "loaded all the same it is a note", LAPTOP,
         {"/etc/modprobe.d/x.conf": "blacklist nvidia\n"}, "note", "loaded all the same"),
    case("module-blocked", "an installation of nothing is told", LAPTOP,
         {**NOT_LOADED, "/usr/lib/modprobe.d/x.conf": "install nvidia /bin/false\n"}, "problem",
         "blocks the module nvidia"),
    case("module-blocked", "an installation of something is not", LAPTOP,
         {**NOT_LOADED, "/usr/lib/modprobe.d/x.conf":
          "install nvidia /sbin/modprobe --ignore-install nvidia\n"}, "ok", "nothing keeps"),
    case("module-blocked", "a file that another one hides does not count", LAPTOP,
         {**NOT_LOADED, "/usr/lib/modprobe.d/x.conf": "blacklist nvidia\n",
          "/etc/modprobe.d/x.conf": ("link", "/dev/null")}, "ok", "nothing keeps"),
    case("module-blocked", "a GPU that is lent needs no driver", "desktop-vfio",
         {"/etc/modprobe.d/x.conf": "blacklist nvidia\n"}, "ok", "lent to virtual machines"),
    case("module-blocked", "where nouveau is meant it is not told", "laptop-nouveau",
         {"/etc/modprobe.d/x.conf": "blacklist nvidia\n"}, "ok", "is not installed"),
    case("module-blocked", "the kernel command line is looked at", LAPTOP,
         {**NOT_LOADED, "/proc/cmdline": "quiet module_blacklist=nouveau,nvidia\n"}, "problem",
         "on the kernel command line blocks the module nvidia"),
    case("module-blocked", "nomodeset that does no harm is not told", LAPTOP,
         {"/proc/cmdline": "quiet nomodeset\n"}, "ok", "nothing keeps"),
    case("module-blocked", "nomodeset that takes the other GPU's driver is told", LAPTOP,
         {"/proc/cmdline": "quiet nomodeset\n", "/sys/class/drm/renderD128": None}, "problem",
         "nomodeset"),
]

RULES = "/etc/udev/rules.d/60-gpu.rules"
REMOVED = [
    case("card-removed", "no rule is well", LAPTOP, {}, "ok", "no udev rule"),
    case("card-removed", "a rule that removes the GPU is told", LAPTOP, {RULES: REMOVE},
         "problem", f"{RULES}:2 takes NVIDIA's devices off the bus: the GPU itself"),
    case("card-removed", "a rule that is a remark is not", LAPTOP,
         {RULES: "#" + REMOVE.replace("\\\n", "")}, "ok", "no udev rule"),
    case("card-removed", "a rule for sound is a note", LAPTOP,
         {RULES: REMOVE.replace("0x03[0-9]*", "0x040300")}, "note", "its sound device"),
    case("card-removed", "a rule for power is none", LAPTOP,
         {RULES: REMOVE.replace('ATTR{remove}="1"', 'ATTR{power/control}="auto"')}, "ok",
         "no udev rule"),
    case("card-removed", "a rule for another maker's card is none", LAPTOP,
         {RULES: REMOVE.replace("0x10de", "0x1b21")}, "ok", "no udev rule"),
]

MACHINE = [
    case("leftovers", "are all found on a machine full of them", "doctor-leftovers", {}, "problem",
         "EnvyControl"),
    case("module-blocked", "a driver that nobody may load is found there", "doctor-leftovers", {},
         "problem", "modprobe.d/no-nvidia.conf:2"),
    case("card-removed", "a card that is removed is found there", "doctor-leftovers", {},
         "problem", "99-no-nvidia.rules"),
]

CASES = (BUSIDS + SYNTAX + MODULEPATHS + ADDING + OPTIONS + LOGS + PROVIDERS + HOOKS + WAYLAND +
         LEFTOVERS + BLOCKED + REMOVED + MACHINE)


def test_a_wrong_bus_id_is_mended_and_comes_back():
    # Without a newline at its end, and two of them in a file.
    text = device("PCI:01:00.0")[CONF] + device("PCI:00:02.0", "modesetting")[CONF].strip()
    doctor_cases.fix_and_undo("xorg-busid", LAPTOP, {CONF: text}, [CONF])


def test_what_mends_a_bus_id_by_hand_does_what_fix_does():
    with e2e.place() as place:
        root = doctor_cases.machine(LAPTOP, place / "machine", device("PCI:01:00.0"))
        command = doctor_cases.findings(root, "xorg-busid")[0]["do"].splitlines()[0]
        assert command.startswith("sed -i "), command
        e2e.run("sh", "-c", command.replace(" /etc", f" {root}/etc"))
        by_hand = (root / CONF[1:]).read_text()
        doctor_cases.edit(root, device("PCI:01:00.0"))
        doctor_cases.doctor(root, "--fix", "--only", "xorg-busid")
        assert (root / CONF[1:]).read_text() == by_hand
        assert 'BusID "PCI:1:0:0"' in by_hand


def test_what_a_tool_left_is_taken_away_and_comes_back():
    doctor_cases.fix_and_undo("leftovers", LAPTOP, {BLACKLIST: ENVY, **BUMBLEBEE},
                              [BLACKLIST, "/etc/modprobe.d/bumblebee.conf"])


def test_a_rule_that_removes_the_card_is_taken_away_and_comes_back():
    doctor_cases.fix_and_undo("card-removed", LAPTOP, {RULES: REMOVE}, [RULES])


def test_a_packages_rule_that_removes_the_card_is_hidden_and_comes_back():
    doctor_cases.fix_and_undo("card-removed", LAPTOP,
                              {"/usr/lib/udev/rules.d/60-gpu.rules": REMOVE}, [RULES])


def test_a_setup_script_that_is_not_there_is_taken_out_and_comes_back():
    doctor_cases.fix_and_undo("dm-hooks", LAPTOP, {**LIGHTDM, SEAT: SETUP}, [SEAT])


def test_a_machine_full_of_leftovers_is_mended_as_a_whole_and_comes_back():
    with e2e.place() as place:
        root = doctor_cases.machine("doctor-leftovers", place / "machine")
        before = doctor_cases.tree(root)
        fixed = doctor_cases.doctor(root, "--fix")
        assert not [x for x in fixed["done"] if x["failed"]], doctor_cases.show(fixed["done"])
        left = {x["check"] for x in fixed["findings"] if x["verdict"] == "problem"}
        # A line that somebody wrote by hand is for people to take out.
        assert not left & {"leftovers", "card-removed", "xorg-busid", "dm-hooks"}, left
        assert "module-blocked" in left, left
        doctor_cases.doctor(root, "--undo")
        assert doctor_cases.tree(root) == before


def test_a_script_needs_an_xrandr_only_if_it_runs_it():
    for xrandr, verdict in ((None, "problem"), ("", "ok")):
        with e2e.place() as place:
            root = doctor_cases.machine(LAPTOP, place / "machine", {
                **LIGHTDM, SEAT: SETUP, "/usr/bin/xrandr": xrandr})
            e2e.write(root / "usr/local/bin/setup", SCRIPT, 0o755)
            found = doctor_cases.findings(root, "dm-hooks")
            assert found[0]["verdict"] == verdict, doctor_cases.show(found)
            if verdict == "problem":
                assert "line 3 of /usr/local/bin/setup runs xrandr" in found[0]["what"], found


def test_configuration_that_may_not_be_read_is_unknown():
    if os.geteuid() != 0:
        raise e2e.tap.Skip("needs root")
    with e2e.place() as place:
        root = doctor_cases.machine(LAPTOP, place / "machine", device("PCI:01:00.0"))
        (root / CONF[1:]).chmod(0)
        result = e2e.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                         doctor_cases.NV_GPU, "doctor", "--only", "xorg-busid", "--sysroot", root)
        assert result.returncode == 0, result
        assert "unknown  xorg-busid: /etc/X11/xorg.conf cannot be read" in result.stdout, result


def session(root, place, answer, slow=False):
    """What the check of providers says beside an nv-session that answers this."""
    shutil.copy(doctor_cases.NV_GPU, place / "nv-gpu")
    e2e.write(place / "answer", answer)
    e2e.write(place / "nv-session",
              "#!/bin/sh\n" + ("exec sleep 600\n" if slow else f"cat {place}/answer\n"), 0o755)
    result = e2e.namespace(root, '"$1" doctor --json --only provider', str(place / "nv-gpu"),
                           env=e2e.environment(DISPLAY=":4711"))
    assert result.stdout, result.stderr
    return e2e.json.loads(result.stdout)["findings"]


def answered(answer, verdict, text, **more):
    with e2e.place() as place:
        root = doctor_cases.machine("laptop-boot-display", place / "machine")
        found = session(root, place, answer, **more)
        assert [x for x in found if x["verdict"] == verdict and text in x["what"]], found


def test_a_server_that_runs_is_asked_for_its_providers():
    answered('{"server":"xorg","providers":[{"slot":"0000:01:00.0","name":"NVIDIA-G0"}]}', "ok",
             "a provider for each GPU")
    answered('{"server":"xorg","providers":[{"slot":null,"name":"NVIDIA-G0"}]}', "ok",
             "a provider for each GPU")
    answered('{"server":"xorg","providers":[{"slot":"0000:00:02.0","name":"modesetting"}]}',
             "problem", "the X server has no provider for 01:00.0")
    answered('{"server":"xorg","providers":[{"slot":"0000:02:00.0","name":"NVIDIA-G1"}]}',
             "problem", "the X server has no provider for 01:00.0")
    answered('{"server":"xwayland","providers":[]}', "ok", "has no GPUs of its own")


def test_an_answer_that_is_none_is_no_answer():
    for answer in ("", "{", "[]", '{"server":1}', "\0" * 99, "x" * (2 << 20)):
        answered(answer, "unknown", "no X server to ask")


def test_an_nv_session_that_hangs_is_not_waited_for():
    answered("", "unknown", "no X server to ask", slow=True)


def refuses(place, text):
    """Whether a real X server cannot read this configuration."""
    e2e.write(place / "x.conf", text)
    log_file = place / "x.log"
    e2e.run("Xorg", ":4712", "-config", place / "x.conf", "-logfile", log_file, "-noreset",
            "-novtswitch", "-sharevts", "-configdir", place, timeout=60)
    said = log_file.read_text(errors="replace")
    assert "Using config file" in said or "Problem parsing" in said, said
    return "Problem parsing the config" in said or "Error parsing the config" in said


def test_the_server_refuses_what_is_called_a_mistake():
    e2e.needs("Xorg")
    if os.geteuid() != 0:
        raise e2e.tap.Skip("needs root")
    # A device that nothing has lets each server end at once.
    end = device("PCI:250:0:0", "vesa")[CONF]
    for text in (end, end + '# "\n', 'Section\n"Device" Identifier\n"a" Driver "vesa"\nEndSection',
                 end + 'Section "Device"\n', end + 'Section "Devices"\nEndSection\n',
                 end + 'Driver "x"\n', end + "EndSection\n", end + "hello\n",
                 end + 'Section "Device"\nSection "Screen"\nEndSection\n'):
        with e2e.place() as place:
            root = doctor_cases.machine(LAPTOP, place / "machine", {CONF: text})
            found = doctor_cases.findings(root, "xorg-syntax")
            mistaken = any(x["verdict"] == "problem" for x in found)
            assert refuses(place, text) == mistaken, (text, found)


if __name__ == "__main__":
    doctor_cases.run_cases(CASES, e2e.tests(globals()))
