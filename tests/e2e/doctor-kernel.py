# SPDX-License-Identifier: MIT
"""nv-gpu doctor: what it says of kernel, driver and power, and what --fix changes there."""
import os
import shutil

import doctor_cases
import e2e
from doctor_cases import case

WELL, BROKEN = "doctor-laptop-healthy", "doctor-laptop-broken"
NOUVEAU, DESKTOP, SERVER = "laptop-nouveau", "desktop-nvidia-only", "server-eight-gpus"
PORT = "/sys/devices/pci0000:00/0000:00:01.0"
GPU = f"{PORT}/0000:01:00.0"
AUDIO = f"{PORT}/0000:01:00.1"
PROC = "/proc/driver/nvidia"
PARAMS = f"{PROC}/params"
POWER = f"{PROC}/gpus/0000:01:00.0/power"
MODULES = "/lib/modules/6.12.48+deb13-amd64/modules.dep"
NO_NVIDIA = "kernel/drivers/gpu/drm/nouveau/nouveau.ko:\n"
LIBRARIES = "/usr/lib/x86_64-linux-gnu"
SECURE = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
UNITS = "/etc/systemd/system"
VERSION = f"{PROC}/version"
PROPRIETARY = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.95.05  Tue Apr  8\n"
PLAIN = "/etc/modprobe.d/nvidia-options.conf"


def chip(device=0x25a2, driver="nvidia"):
    """The GPU as another one, and with another driver or none."""
    link = ("link", f"../../../../bus/pci/drivers/{driver}") if driver else None
    return {f"{GPU}/device": f"0x{device:04x}\n", f"{GPU}/driver": link,
            f"{GPU}/modalias": f"pci:v000010DEd0000{device:04X}sv00000000sd00000000bc03sc02i00\n",
            f"{GPU}/uevent": (f"DRIVER={driver}\n" if driver else "") +
            f"PCI_CLASS=30200\nPCI_ID=10DE:{device:04X}\nPCI_SLOT_NAME=0000:01:00.0\n"}


NO_NODES = {f"{GPU}/drm": None, "/sys/class/drm/card0": None, "/sys/class/drm/renderD129": None}
NOT_LOADED = {"/sys/module/nvidia": None, "/sys/module/nvidia_drm": None, PROC: None}


def unbound(device=0x25a2, driver=None):
    """The module is loaded and does not have the GPU."""
    return {**chip(device, driver), **NO_NODES}


def unloaded(device=0x25a2, driver=None):
    """Nor is the module."""
    return {**unbound(device, driver), **NOT_LOADED}


def params(**values):
    everything = {"DynamicPowerManagement": 3, "PreserveVideoMemoryAllocations": 1,
                  "TemporaryFilePath": '"/var/tmp"', **values}
    return {PARAMS: "".join(f"{key}: {value}\n" for key, value in everything.items())}


def runtime(status):
    return {POWER: f"Runtime D3 status:          {status}\nVideo Memory:               Off\n"}


GIVEN = {f"{AUDIO}/driver": ("link", "../../../../bus/pci/drivers/vfio-pci")}
GROUP = {"/sys/kernel/iommu_groups/9": ("directory",)}
AWAKE = {f"{GPU}/power/runtime_status": "active\n", f"{GPU}/power_state": "D0\n"}
SECURED = {SECURE: b"\x06\0\0\0\1"}
SERVICES = {f"{UNITS}/systemd-suspend.service.requires": None}
SWITCH = {"/sys/bus/pci/devices/0000:c0:00.0": ("link", "../../../devices/pci0000:c0/0000:c0:00.0"),
          "/sys/devices/pci0000:c0/0000:c0:00.0/class": "0x068000\n",
          "/sys/devices/pci0000:c0/0000:c0:00.0/vendor": "0x10de\n",
          "/sys/devices/pci0000:c0/0000:c0:00.0/device": "0x22a3\n"}
PROCESSES = {"/proc/1/comm": "systemd\n"}
BOX = "/sys/bus/thunderbolt/devices/0-1"


def box(authorized, place=BOX):
    return {f"{place}/authorized": f"{authorized}\n", f"{place}/vendor_name": "Razer\n",
            f"{place}/device_name": "Core X\n", f"{place}/unique_id": "00-11\n"}


def rates(now, here, above):
    return {f"{GPU}/current_link_speed": f"{now} GT/s PCIe\n",
            f"{GPU}/max_link_speed": f"{here} GT/s PCIe\n",
            f"{PORT}/max_link_speed": f"{above} GT/s PCIe\n"}


CASES = [
    case("module-loaded", "a GPU with its driver and nodes is well", WELL, {}, "ok",
         "is driven by nvidia"),
    case("module-loaded", "a module that is not built for this kernel, but for another", WELL,
         {**unloaded(), MODULES: NO_NVIDIA,
          "/lib/modules/6.1.0-1/modules.dep": "updates/dkms/nvidia.ko:\n"},
         "problem", "only for 6.1.0-1"),
    case("module-loaded", "a module that is installed, but not loaded", WELL, unloaded(), "problem",
         "installed, but not loaded"),
    case("module-loaded", "a module that a file keeps away", WELL,
         {**unloaded(), "/etc/modprobe.d/x.conf": "blacklist nvidia\n"}, "note",
         "--only module-blocked"),
    case("module-loaded", "a line that falls back to nothing keeps nothing away", WELL,
         {**unloaded(), "/etc/modprobe.d/x.conf":
          "install nvidia /sbin/modprobe -i nvidia && /sbin/modprobe nvidia-uvm || /bin/true\n"},
         "problem", "installed, but not loaded"),
    case("module-loaded", "an alias that is off", WELL,
         {**unloaded(), "/etc/modprobe.d/x.conf": "alias nvidia off\n"}, "note",
         "--only module-blocked"),
    case("module-loaded", "a module that another tool keeps away", WELL,
         {**unloaded(), "/etc/modprobe.d/blacklist-nvidia.conf": "# EnvyControl\nblacklist nvidia\n"},
         "note", "--only leftovers"),
    case("module-loaded", "a GPU that the driver does not know any more", WELL, unloaded(0x0fe4),
         "note", "--only legacy-gpu"),
    case("module-loaded", "a GPU that the module's flavour does not know", WELL, unbound(0x1c20),
         "note", "--only module-flavour"),
    case("module-loaded", "a module that Secure Boot may refuse", WELL,
         {**unloaded(), **SECURED}, "note", "--only secure-boot"),
    case("module-loaded", "a module that did not take the GPU", WELL, unbound(), "problem",
         "although NVIDIA's module is loaded"),
    case("module-loaded", "no module anywhere", WELL, {**unloaded(), MODULES: NO_NVIDIA}, "problem",
         "is not installed"),
    case("module-loaded", "a kernel whose modules are not to be seen", WELL,
         {**unloaded(), "/lib/modules": None}, "unknown", "are not to be seen"),
    case("module-loaded", "a GPU for a virtual machine is well", WELL, chip(driver="vfio-pci"), "ok",
         "kept for a virtual machine"),
    case("module-loaded", "nodes that nobody can make", WELL,
         {"/dev/nvidia0": None, "/usr/bin/nvidia-modprobe": None}, "problem", "no node /dev/nvidia0"),
    case("module-loaded", "nodes that the first program makes", WELL, {"/dev/nvidia0": None}, "ok",
         "the first program that uses it makes it"),
    case("module-loaded", "a GPU without DRM nodes", "laptop-nvidia-no-drm", {}, "note",
         "modprobe nvidia_drm"),

    case("driver-version", "driver and libraries of one version are well", WELL, {}, "ok",
         "are 580.95.05"),
    case("driver-version", "libraries that are newer than the loaded module", BROKEN, {}, "problem",
         "reboot: the module 580.95.05 is built"),
    case("driver-version", "libraries of which no module is built", BROKEN, {"/var/lib/dkms": None},
         "problem", "install the kernel module of version 580.95.05"),
    case("driver-version", "a library for 32 bits that is left behind", WELL,
         {"/usr/lib/i386-linux-gnu/libcuda.so.1": ("link", "libcuda.so.570.1.2"),
          "/usr/lib/i386-linux-gnu/libcuda.so.570.1.2": ""},
         "problem", "i386-linux-gnu/libcuda.so.1 is 570.1.2"),
    case("driver-version", "a library in a directory that only the loader knows", WELL,
         {"/opt/nvidia/libcuda.so.1": ("link", "libcuda.so.570.1.2"),
          "/opt/nvidia/libcuda.so.570.1.2": "",
          "/etc/ld.so.cache": b"ld.so-1.7.0\0\0libcuda.so.1\0/opt/nvidia/libcuda.so.1\0"},
         "problem", "/opt/nvidia/libcuda.so.1 is 570.1.2"),
    case("driver-version", "NixOS's libraries", "nixos-laptop",
         {"/run/opengl-driver/lib/libcuda.so.1": ("link", "libcuda.so.560.1"),
          "/run/opengl-driver/lib/libcuda.so.560.1": ""}, "problem", "the kernel driver is 565.77"),
    case("driver-version", "a flatpak of another version", WELL,
         {"/var/lib/flatpak/runtime/org.freedesktop.Platform.GL.nvidia-570-1-2": ("directory",)},
         "problem", "flatpak update"),
    case("driver-version", "a flatpak of this version is well", WELL,
         {"/var/lib/flatpak/runtime/org.freedesktop.Platform.GL.nvidia-570-1-2": ("directory",),
          "/var/lib/flatpak/runtime/org.freedesktop.Platform.GL.nvidia-580-95-05": ("directory",)},
         "ok", "580.95.05"),
    case("driver-version", "a version that only /proc tells", WELL,
         {"/sys/module/nvidia/version": None}, "ok", "580.95.05"),
    case("driver-version", "a machine without the driver is well", NOUVEAU, {}, "ok", "not loaded"),
    case("driver-version", "libraries that tell no version", "laptop-intel-nvidia", {}, "unknown",
         "no library of the driver"),

    case("competing", "nouveau that is kept away is well", WELL, {}, "ok", "no other driver"),
    case("competing", "nouveau that has the GPU", WELL, unloaded(driver="nouveau"), "problem",
         "nouveau drives 01:00.0"),
    case("competing", "nouveau that has a GPU which the driver does not know", WELL,
         unloaded(0x0dcd, "nouveau"), "ok", "does not know"),
    case("competing", "nothing keeps nouveau away", BROKEN, {}, "note", "nothing keeps nouveau"),
    case("competing", "the command line keeps nouveau away", BROKEN,
         {"/proc/cmdline": "quiet modprobe.blacklist=x,nouveau\n"}, "ok", "no other driver"),
    case("competing", "an install line keeps nouveau away", BROKEN,
         {"/etc/modprobe.d/x.conf": "install\tnouveau /bin/false\n"}, "ok", "no other driver"),
    case("competing", "a file in /run hides none of another name", BROKEN,
         {"/run/modprobe.d/y.conf": "blacklist nouveau # really\n"}, "ok", "no other driver"),
    case("competing", "an empty file in /etc hides that of the distribution", WELL,
         {"/etc/modprobe.d/fbdev-blacklist.conf": ""}, "note", "nvidiafb"),
    case("competing", "nouveau that is loaded beside it", WELL,
         {"/sys/module/nouveau": ("directory",)}, "note", "modprobe -r nouveau"),
    case("competing", "nouveau where NVIDIA's driver is not installed", NOUVEAU, {}, "ok",
         "no NVIDIA GPU with NVIDIA's driver"),

    case("legacy-gpu", "a GPU that the driver knows is well", WELL, {}, "ok", "no GPU is too old"),
    case("legacy-gpu", "a Kepler under driver 580 on Debian", WELL,
         {**unbound(0x0fe4)}, "problem", "nvidia-tesla-470-driver"),
    case("legacy-gpu", "a Fermi under driver 580 on Arch", WELL,
         {**unbound(0x0dcd), "/etc/os-release": "ID=manjaro\nID_LIKE=arch\n"}, "problem",
         "nvidia-390xx-dkms"),
    case("legacy-gpu", "a Pascal under driver 590", WELL,
         {**unbound(0x1c20), "/sys/module/nvidia/version": "590.1.2\n"}, "problem",
         "install driver 580"),
    case("legacy-gpu", "a Pascal under driver 580 is well", WELL, {**unbound(0x1c20)}, "ok",
         "no GPU is too old"),
    case("legacy-gpu", "a Blackwell under driver 550", WELL,
         {**unbound(0x2d18), "/sys/module/nvidia/version": "550.1.2\n"}, "problem",
         "needs driver 570"),
    case("legacy-gpu", "an old GPU that nouveau drives is well", WELL,
         unloaded(0x0fe4, "nouveau"), "ok", "no GPU is too old"),

    case("module-flavour", "the open module and an Ampere are well", WELL, {}, "ok",
         "the open kernel module"),
    case("module-flavour", "the open module and a Pascal", WELL, {**unbound(0x1c20)},
         "problem", "needs the proprietary"),
    case("module-flavour", "the open module and a Turing are well", WELL, chip(0x1f91), "ok",
         "every GPU can use it"),
    case("module-flavour", "a Pascal that needs another version too", WELL,
         {**unbound(0x1c20), "/sys/module/nvidia/version": "590.1.2\n"}, "ok", "open kernel module"),
    case("module-flavour", "the proprietary module and a Blackwell", WELL,
         {**unbound(0x2d18), VERSION: PROPRIETARY}, "problem", "needs the open"),
    case("module-flavour", "the proprietary module and an Ada are well", WELL,
         {**chip(0x28e0), VERSION: PROPRIETARY}, "ok", "the proprietary kernel module"),
    case("module-flavour", "the open module and a Pascal for a virtual machine", WELL,
         chip(0x1c20, "vfio-pci"), "ok", "every GPU can use it"),
    case("module-flavour", "a module that does not say what it is", WELL, {VERSION: None}, "unknown",
         "does not say"),

    case("gsp", "firmware that runs is well", WELL, {"/usr/lib/firmware": None}, "ok", "has it"),
    case("gsp", "the open module without firmware", WELL,
         {f"{PROC}/gpus/0000:01:00.0/information": "Model: X\nGPU Firmware: N/A\n",
          "/usr/lib/firmware/nvidia/580.95.05": None}, "problem", "gsp_ga10x.bin"),
    case("gsp", "the proprietary module without firmware", WELL,
         {f"{PROC}/gpus/0000:01:00.0/information": "Model: X\nGPU Firmware: N/A\n",
          VERSION: PROPRIETARY, "/usr/lib/firmware/nvidia/580.95.05": None}, "note",
         "gsp_ga10x.bin"),
    case("gsp", "firmware of another version", WELL,
         {f"{PROC}/gpus/0000:01:00.0/information": None,
          "/usr/lib/firmware/nvidia/580.95.05": None,
          "/usr/lib/firmware/nvidia/570.1.2/gsp_ga10x.bin": ""}, "problem", "580.95.05/gsp_ga10x"),
    case("gsp", "firmware that is compressed is well", WELL,
         {f"{PROC}/gpus/0000:01:00.0/information": None,
          "/usr/lib/firmware/nvidia/580.95.05/gsp_ga10x.bin": None,
          "/usr/lib/firmware/nvidia/580.95.05/gsp_ga10x.bin.zst": ""}, "ok", "has it"),
    case("gsp", "a Turing takes the other file", WELL,
         {**chip(0x1f91), f"{PROC}/gpus/0000:01:00.0/information": None,
          "/usr/lib/firmware/nvidia/580.95.05/gsp_tu10x.bin": None}, "problem", "gsp_tu10x.bin"),
    case("gsp", "firmware that is not to be seen", WELL,
         {f"{PROC}/gpus/0000:01:00.0/information": None, "/usr/lib/firmware": None}, "unknown",
         "no directory with firmware"),

    case("secure-boot", "a machine without UEFI is well", WELL, {}, "ok", "Secure Boot is off"),
    case("secure-boot", "an unsigned module that was loaded all the same", WELL, SECURED, "note",
         "without a valid signature"),
    case("secure-boot", "a signed module is well", WELL,
         {**SECURED, "/sys/module/nvidia/taint": "O\n"}, "ok", "NVIDIA's module is loaded"),
    case("secure-boot", "a module that was not loaded", WELL,
         {**unloaded(), **SECURED,
          "/sys/kernel/security/lockdown": "none [integrity] confidentiality\n"},
         "problem", "the kernel locked down"),
    case("secure-boot", "a module that a file keeps away", WELL,
         {**unloaded(), **SECURED, "/etc/modprobe.d/x.conf": "blacklist nvidia\n"}, "ok",
         "not in use"),
    case("secure-boot", "Secure Boot that is off", WELL,
         {**unloaded(), SECURE: b"\x06\0\0\0\0"}, "ok", "Secure Boot is off"),
    case("secure-boot", "a variable that is cut short", WELL, {SECURE: b"\x06\0"}, "unknown",
         "cannot be read"),
    case("secure-boot", "variables that are not mounted", WELL,
         {"/sys/firmware/efi/efivars": ("directory",)}, "unknown", "cannot be read"),

    case("drm-modeset", "modeset that is on is well", WELL, {}, "ok", "modeset is on"),
    case("drm-modeset", "modeset that is off beside another GPU", BROKEN, {}, "problem",
         "modeset=1 fbdev=1"),
    case("drm-modeset", "modeset that is off on a machine of NVIDIA's alone", DESKTOP,
         {"/sys/module/nvidia_drm/parameters/modeset": "N\n"}, "note", "modeset off"),
    case("drm-modeset", "modeset that is off on a server that computes", SERVER,
         {"/sys/module/nvidia_drm/parameters/modeset": "N\n", "/sys/devices/pci0000:00": None}, "ok",
         "only compute"),
    case("drm-modeset", "modeset that the command line has off", BROKEN,
         {"/proc/cmdline": "quiet nvidia-drm.modeset=0\n"}, "problem",
         "take nvidia-drm.modeset=0 out"),
    case("drm-modeset", "modeset that will be on", BROKEN,
         {PLAIN: "options nvidia_drm modeset=1\n"}, "note", "from the next boot on"),
    case("drm-modeset", "modeset that nobody may read, of a card with connectors", DESKTOP, {},
         "ok", "has connectors"),
    case("drm-modeset", "modeset that nobody may read", "laptop-intel-nvidia", {}, "unknown",
         "only root may read"),
    case("drm-modeset", "modeset that nobody may read, and a file sets", "laptop-intel-nvidia",
         {PLAIN: "options nvidia-drm modeset=0\n"}, "unknown", "sets modeset to 0"),
    case("drm-modeset", "fbdev that is off where NVIDIA shows the console", DESKTOP,
         {"/sys/module/nvidia_drm/parameters/modeset": "Y\n",
          "/sys/module/nvidia_drm/parameters/fbdev": "N\n"}, "note", "fbdev off"),
    case("drm-modeset", "fbdev that is off where another GPU does is well", WELL,
         {"/sys/module/nvidia_drm/parameters/fbdev": "N\n"}, "ok", "modeset is on"),
    case("drm-modeset", "nomodeset on the command line", WELL, {"/proc/cmdline": "nomodeset\n"},
         "problem", "take nomodeset out"),

    case("runtime-pm", "a GPU that may sleep is well", WELL, {}, "ok", "may sleep"),
    case("runtime-pm", "an audio function that may not", WELL, {f"{AUDIO}/power/control": "on\n"},
         "problem", "echo auto > /sys/bus/pci/devices/0000:01:00.1/power/control"),
    case("runtime-pm", "a GPU that may not", WELL, {f"{GPU}/power/control": "on\n"}, "problem",
         "80-nv-gpu-power.rules"),
    case("runtime-pm", "the same on a desktop is well", WELL,
         {f"{GPU}/power/control": "on\n", "/sys/class/dmi/id/chassis_type": "3\n"}, "ok",
         "no laptop"),
    case("runtime-pm", "a GPU older than Turing is left alone", WELL,
         {**chip(0x1c20), **runtime("?"), f"{GPU}/power/control": "on\n"}, "ok", "begins with Turing"),
    case("runtime-pm", "a driver that has it off", WELL, runtime("Disabled by default"), "problem",
         "NVreg_DynamicPowerManagement=0x02"),
    case("runtime-pm", "a driver that will have it on", WELL,
         {**runtime("Disabled"),
          PLAIN: "options nvidia NVreg_DynamicPowerManagement=0x02\n"},
         "note", "from the next boot on"),
    case("runtime-pm", "a command line that has it off", WELL,
         {**runtime("Disabled"),
          "/proc/cmdline": "nvidia.NVreg_DynamicPowerManagement=0x00\n"},
         "problem", "instead of 0x00"),
    case("runtime-pm", "firmware that cannot", WELL,
         {**runtime("Not supported"),
          "/sys/devices/LNXSYSTM:00/PNP0A08:00/device:01/power_resources_D3hot": None},
         "note", "no power resource (_PR3)"),
    case("runtime-pm", "a Turing under the open module", WELL,
         {**chip(0x1f91), **runtime("Not supported")}, "note", "proprietary flavour"),
    case("runtime-pm", "D3cold that is not allowed", WELL, {f"{GPU}/d3cold_allowed": "0\n"},
         "problem", "echo 1 > /sys/bus/pci/devices/0000:01:00.0/d3cold_allowed"),
    case("runtime-pm", "a port that may not sleep", WELL, {f"{PORT}/power/control": "on\n"},
         "problem", "echo auto > /sys/bus/pci/devices/0000:00:01.0/power/control"),
    case("runtime-pm", "a port that may not enter D3cold", WELL, {f"{PORT}/d3cold_allowed": "0\n"},
         "problem", "0000:00:01.0/d3cold_allowed"),
    case("runtime-pm", "ports that the command line keeps awake", WELL,
         {"/proc/cmdline": "pcie_port_pm=off\n"}, "problem", "pcie_port_pm=off"),
    case("runtime-pm", "a driver that does not say", WELL, {POWER: None}, "unknown", "does not say"),

    case("card-removed", "a rule that takes the sound away", WELL,
         {"/lib/udev/rules.d/80-x.rules":
          'ACTION=="add", ATTR{vendor}=="0x10de", ATTR{class}=="0x040300", ATTR{remove}="1"\n'},
         "note", "its sound device"),
    case("card-removed", "the same rule commented out", WELL,
         {"/lib/udev/rules.d/80-x.rules":
          '#ACTION=="add", ATTR{vendor}=="0x10de", ATTR{class}=="0x040300", ATTR{remove}="1"\n'},
         "ok", "no udev rule"),
    case("card-removed", "the same rule under a kernel that wants it", WELL,
         {"/proc/sys/kernel/osrelease": "5.4.0\n", "/lib/udev/rules.d/80-x.rules":
          'ACTION=="add", ATTR{vendor}=="0x10de", ATTR{class}=="0x040300", ATTR{remove}="1"\n'},
         "ok", "no udev rule"),
    case("card-removed", "a rule behind one that such a kernel wants", WELL,
         {"/proc/sys/kernel/osrelease": "5.4.0\n", "/lib/udev/rules.d/70-x.rules":
          'ACTION=="add", ATTR{vendor}=="0x10de", ATTR{class}=="0x03*", ATTR{remove}="1"\n',
          "/lib/udev/rules.d/80-x.rules":
          'ACTION=="add", ATTR{vendor}=="0x10de", ATTR{class}=="0x040300", ATTR{remove}="1"\n'
          'ACTION=="add", ATTR{vendor}=="0x10de", ATTR{class}=="0x03*", ATTR{remove}="1"\n'},
         "problem", "80-x.rules:2"),
    case("suspend", "memory that is kept, and services that are started, are well", WELL, {}, "ok",
         "its services are started"),
    case("suspend", "services that are not started", WELL, SERVICES, "problem",
         "ln -sfn /usr/lib/systemd/system/nvidia-suspend.service"),
    case("suspend", "services that are masked", WELL,
         {**SERVICES, f"{UNITS}/nvidia-suspend.service": ("link", "/dev/null")}, "problem",
         "unmask"),
    case("suspend", "a machine without systemd", WELL,
         {**SERVICES, "/proc/1/comm": "init\n"}, "unknown", "not systemd's"),
    case("suspend", "services that vendors start are well", WELL,
         {**SERVICES,
          "/usr/lib/systemd/system/systemd-suspend.service.wants/nvidia-suspend.service": "",
          "/usr/lib/systemd/system/systemd-suspend.service.wants/nvidia-resume.service": ""}, "ok",
         "services are started"),
    case("suspend", "memory that is not kept", WELL,
         {**params(PreserveVideoMemoryAllocations=0), PLAIN: ""}, "note",
         "NVreg_PreserveVideoMemoryAllocations=1"),
    case("suspend", "memory that will be kept", WELL, params(PreserveVideoMemoryAllocations=0),
         "note", "from the next boot on"),
    case("suspend", "a driver that the kernel tells needs no services", WELL,
         {**SERVICES, **params(PreserveVideoMemoryAllocations=2, UseKernelSuspendNotifiers=1)}, "ok",
         "the kernel tells the driver"),
    case("suspend", "a driver that would keep it if it were told", WELL,
         {**params(PreserveVideoMemoryAllocations=2, UseKernelSuspendNotifiers=0), PLAIN: ""}, "note",
         "is not kept"),
    case("suspend", "memory that is saved to memory", WELL,
         {**params(TemporaryFilePath='""'), PLAIN: ""}, "note", "saved to /tmp"),
    case("suspend", "memory that is saved to memory, whatever was mounted later", WELL,
         {**params(TemporaryFilePath='"/tmp/x"'), PLAIN: "",
          "/proc/mounts": "none /tmp tmpfs rw 0 0\n/dev/x / ext4 rw 0 0\n"}, "note", "(tmpfs)"),
    case("suspend", "memory that is saved to a disk at /tmp is well", WELL,
         {**params(TemporaryFilePath='"/tmp"'), "/proc/mounts": "/dev/x / ext4 rw 0 0\n"}, "ok",
         "is kept"),
    case("suspend", "a server that does not suspend is well", SERVER,
         {"/sys/power/state": "\n"}, "ok", "no NVIDIA GPU of a machine that suspends"),
    case("suspend", "a driver that does not say", WELL, {PARAMS: None}, "unknown", "does not say"),

    case("persistenced", "a laptop without it is well", WELL, {}, "ok", "is not wanted"),
    case("persistenced", "a laptop that it keeps awake", BROKEN, {}, "problem",
         "rm /etc/systemd/system/multi-user.target.wants/nvidia-persistenced.service"),
    case("persistenced", "a laptop with fine-grained sleep", BROKEN,
         runtime("Enabled (fine-grained)"), "note", "systemctl stop"),
    case("persistenced", "a laptop where it holds nothing is well", BROKEN,
         {"/proc/700/cmdline": b"/usr/bin/nvidia-persistenced\0--no-persistence-mode\0"}, "ok",
         "holds no GPU"),
    case("persistenced", "a server without it", SERVER, PROCESSES, "note", "does not run"),
    case("persistenced", "a server with it is well", SERVER,
         {"/run/nvidia-persistenced/socket": ""}, "ok", "nvidia-persistenced runs"),
    case("persistenced", "a server whose processes are not to be seen", SERVER, {}, "unknown",
         "not to be seen"),

    case("powerd", "a laptop where it runs is well", WELL, {}, "ok", "nvidia-powerd runs"),
    case("powerd", "a laptop where it does not run", BROKEN, {}, "note",
         "systemctl start nvidia-powerd.service"),
    case("powerd", "a laptop without Dynamic Boost is well", BROKEN, runtime("Disabled"), "ok",
         "no GPU says"),

    case("fabric-manager", "a server without switches is well", SERVER, PROCESSES, "ok",
         "no NVSwitches"),
    case("fabric-manager", "a server with switches where it does not run", SERVER,
         {**PROCESSES, **SWITCH}, "problem", "1 NVSwitch"),
    case("fabric-manager", "a server with switches where it runs is well", SERVER,
         {"/proc/9/comm": "nv-fabricmanage\n", **SWITCH}, "ok", "nv-fabricmanager runs"),

    case("pcie-link", "a GPU that sleeps is not asked", WELL, {f"{GPU}/current_link_width": "4\n"},
         "unknown", "asleep"),
    case("pcie-link", "a GPU that the kernel has in D3 is not asked", WELL,
         {f"{GPU}/power/runtime_status": None}, "unknown", "asleep"),
    case("pcie-link", "a GPU with all lanes is well", WELL, AWAKE, "ok", "has all its 8 lanes"),
    case("pcie-link", "a laptop's narrow link", BROKEN, {}, "note", "has 4 lanes; both ends can do 8"),
    case("pcie-link", "a desktop's narrow link", BROKEN, {"/sys/class/dmi/id/chassis_type": "3\n"},
         "problem", "seat the card"),
    case("pcie-link", "a slot of four lanes is well", BROKEN, {f"{PORT}/max_link_width": "4\n"}, "ok",
         "has all its 4 lanes"),
    case("pcie-link", "a slow link of full width is well", WELL,
         {**AWAKE, f"{GPU}/current_link_speed": "2.5 GT/s PCIe\n"}, "ok", "now at 2.5 GT/s"),
    case("pcie-link", "a link that is held back", WELL, {**AWAKE, **rates("8.0", "16.0", "16.0")},
         "note", "runs at 8.0 GT/s PCIe; both ends can do 16.0 GT/s"),
    case("pcie-link", "a slot of an older generation is well", WELL,
         {**AWAKE, **rates("8.0", "16.0", "8.0")}, "ok", "now at 8.0 GT/s"),
    case("pcie-link", "a link at its best is well", WELL,
         {**AWAKE, **rates("16.0", "16.0", "32.0")}, "ok", "now at 16.0 GT/s"),
    case("pcie-link", "ends that do not say what they can are well", WELL,
         {**AWAKE, f"{GPU}/current_link_speed": "8 GT/s\n", f"{PORT}/max_link_speed": None}, "ok",
         "now at 8 GT/s"),
    case("pcie-link", "widths that say nothing", WELL,
         {**AWAKE, f"{GPU}/current_link_width": "63\n"}, "unknown", "tells of no link"),

    case("vfio", "a machine that gives nothing away is well", WELL, {}, "ok", "no GPU is kept"),
    case("vfio", "an audio function that is left behind", WELL,
         {**chip(driver="vfio-pci"), **GROUP},
         "problem", "nv-gpu bind 0000:01:00.0 vfio-pci"),
    case("vfio", "no IOMMU", WELL,
         {**chip(driver="vfio-pci"), **GIVEN, "/sys/kernel/iommu_groups": ("directory",)}, "problem",
         "intel_iommu=on"),
    case("vfio", "all functions given away are well", WELL,
         {**chip(driver="vfio-pci"), **GIVEN, **GROUP}, "ok", "all functions"),

    case("egpu", "nothing plugged in is well", WELL, {}, "ok", "nothing is plugged"),
    case("egpu", "a box that is not authorised", WELL, box(0), "note", "boltctl enroll 00-11"),
    case("egpu", "a box that is authorised is well", WELL, box(1), "ok", "authorised"),
    case("egpu", "the machine itself does not count", WELL,
         box(0, "/sys/bus/thunderbolt/devices/0-0"), "ok", "nothing is plugged"),
]


def test_fix_and_undo_of_modeset_leave_no_trace():
    fixed = doctor_cases.fix_and_undo("drm-modeset", BROKEN, {},
                                      ["/etc/modprobe.d/zz-nv-gpu-modeset.conf"])
    assert "from the next boot on" in fixed["findings"][0]["what"], fixed


def test_fix_and_undo_of_sleep_leave_no_trace():
    fixed = doctor_cases.fix_and_undo(
        "runtime-pm", BROKEN, {},
        ["/etc/modprobe.d/zz-nv-gpu-power.conf", "/etc/udev/rules.d/80-nv-gpu-power.rules",
         "/sys/bus/pci/devices/0000:01:00.1/power/control"])
    assert [x["verdict"] for x in fixed["findings"]] == ["note"], fixed


def test_what_two_findings_want_is_done_once():
    fixed = doctor_cases.fix_and_undo(
        "runtime-pm", WELL, {f"{GPU}/power/control": "on\n", f"{AUDIO}/power/control": "on\n"},
        ["/etc/udev/rules.d/80-nv-gpu-power.rules"] +
        [f"/sys/bus/pci/devices/0000:01:00.{i}/power/control" for i in (0, 1)])
    assert len(fixed["done"]) == 3, fixed


def test_fix_and_undo_of_services_leave_no_trace():
    links = [f"{UNITS}/systemd-{when}.service.requires/nvidia-{unit}.service"
             for when, unit in (("suspend", "suspend"), ("suspend", "resume"),
                                ("hibernate", "hibernate"), ("hibernate", "resume"))]
    fixed = doctor_cases.fix_and_undo("suspend", BROKEN, params(), links)
    assert [x["verdict"] for x in fixed["findings"]] == ["ok"], fixed


def test_fix_and_undo_of_a_link_that_goes_leave_no_trace():
    doctor_cases.fix_and_undo("persistenced", BROKEN, {},
                              [f"{UNITS}/multi-user.target.wants/nvidia-persistenced.service"])


def test_fix_and_undo_of_nouveau_leave_no_trace():
    fixed = doctor_cases.fix_and_undo("competing", BROKEN, {},
                                      ["/etc/modprobe.d/nv-gpu-blacklist.conf"])
    assert [x["verdict"] for x in fixed["findings"]] == ["ok"], fixed


def test_links_of_a_gpu_that_sleeps_are_not_read():
    e2e.needs("strace")
    with e2e.place() as place:
        root = doctor_cases.machine(WELL, place / "machine")
        for edits, read in (({}, False), (AWAKE, True)):
            doctor_cases.edit(root, edits)
            log = place / "trace"
            result = e2e.run("strace", "-f", "-o", log, "-e", "trace=open,openat,openat2",
                             doctor_cases.NV_GPU, "doctor", "--sysroot", root,
                             env=e2e.environment(**e2e.TRACED))
            assert result.returncode in (0, 1), result.stderr
            assert ("_link_" in log.read_text()) is read, edits


def test_looking_opens_no_device_node_and_no_configuration_space():
    e2e.needs("strace")
    with e2e.place() as place:
        root = doctor_cases.machine(WELL, place / "machine")
        log = place / "trace"
        script = f"strace -f -e trace=open,openat,openat2 -o {log} {doctor_cases.NV_GPU} doctor"
        result = e2e.namespace(root, script, env=e2e.environment(**e2e.TRACED))
        assert result.returncode in (0, 1), result.stderr
        assert "01:00.0" in log.read_text()
        opened = [line for line in log.read_text().splitlines()
                  if ('"/dev/' in line and '"/dev/null"' not in line) or '/config"' in line]
        assert not opened, opened


def test_a_user_learns_that_only_root_may_know_of_modeset():
    if os.geteuid():
        raise e2e.tap.Skip("needs root, to be somebody else")
    with e2e.place() as place:
        root = doctor_cases.machine(BROKEN, place / "machine")
        (root / "sys/module/nvidia_drm/parameters/modeset").chmod(0o400)
        program = place / "nv-gpu"
        shutil.copy(doctor_cases.NV_GPU, program)
        result = e2e.run(program, "doctor", "--only", "drm-modeset", "--sysroot", root,
                         user=65534, group=65534, extra_groups=[])
        assert result.returncode == 0, result
        assert result.stdout.startswith("unknown "), result.stdout
        assert "only root may read modeset" in result.stdout, result.stdout


if __name__ == "__main__":
    doctor_cases.run_cases(CASES, e2e.tests(globals()))
