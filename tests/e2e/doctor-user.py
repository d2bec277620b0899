# SPDX-License-Identifier: MIT
"""nv-gpu doctor: what it says of the drivers' user side: what loaders find, CUDA, containers."""
import json
import os
import stat

import doctor_cases
import e2e
from doctor_cases import case

LAPTOP, DESKTOP, NVIDIA = "laptop-intel-nvidia", "desktop-nvidia-boot", "desktop-nvidia-only"
LIB = "/usr/lib/x86_64-linux-gnu"
EGL = "/usr/share/glvnd/egl_vendor.d"
ICD, LAYER = "/usr/share/vulkan/icd.d", "/usr/share/vulkan/implicit_layer.d"
PLATFORM = "/usr/share/egl/egl_external_platform.d"
UBUNTU = {"/etc/os-release": "ID=ubuntu\nID_LIKE=debian\n"}
HOME = {"/etc/passwd": "user:x:1000:1000::/home/user:/bin/bash\n"}
ELF32 = b"\x7fELF\x01" + bytes(60)


def manifest(library, key="ICD", **more):
    return json.dumps({"file_format_version": "1.0.0", key: {"library_path": library, **more}})


def linked(name, version, directory=LIB):
    """A library as packages have it: its name is a link to a file with the version."""
    base = name.rsplit(".", 1)[0]
    return {f"{directory}/{name}": ("link", f"{base}.{version}"),
            f"{directory}/{base}.{version}": ""}


GLX = [
    case("glx-vendor", "a library that is not installed", LAPTOP,
         {f"{LIB}/libGLX_nvidia.so.0": None, **UBUNTU}, "problem",
         "apt install libnvidia-gl-550"),
    case("glx-vendor", "a link to nothing", LAPTOP,
         {f"{LIB}/libGLX_nvidia.so.0": ("link", "libGLX_nvidia.so.550.54")}, "problem",
         "libGLX_nvidia.so.550.54, which is not there"),
    case("glx-vendor", "a library found by the loader's index alone", LAPTOP,
         {f"{LIB}/libGLX_nvidia.so.0": None, "/opt/nv/libGLX_nvidia.so.0": "",
          "/etc/ld.so.cache": b"x\0libGLX_nvidia.so.0\0/opt/nv/libGLX_nvidia.so.0\0"},
         "ok", "NVIDIA"),
    case("glx-vendor", "a library in a directory of ld.so.conf.d", LAPTOP,
         {f"{LIB}/libGLX_nvidia.so.0": None, "/opt/nv/libGLX_nvidia.so.0": "",
          "/etc/ld.so.conf.d/nv.conf": "# NVIDIA\n/opt/nv\n"}, "ok", "NVIDIA"),
    case("glx-vendor", "GLX and EGL of two versions", LAPTOP,
         {**linked("libGLX_nvidia.so.0", "550.163.01"), **linked("libEGL_nvidia.so.0", "550.54")},
         "problem", "550.54"),
    case("glx-vendor", "GLX and EGL of one version", LAPTOP,
         {**linked("libGLX_nvidia.so.0", "550.163.01"),
          **linked("libEGL_nvidia.so.0", "550.163.01")}, "ok", "no GLX library"),
    case("glx-vendor", "32-bit libraries of another version", LAPTOP,
         {**linked("libGLX_nvidia.so.0", "550.163.01"),
          **linked("libGLX_nvidia.so.0", "535.1.2", "/usr/lib/i386-linux-gnu")},
         "problem", "libGLX_nvidia.so.0 (32 bit)"),
    case("glx-vendor", "no 32-bit libraries where such programs run", LAPTOP,
         {"/lib/ld-linux.so.2": ""}, "note", "32-bit"),
    case("glx-vendor", "no 32-bit libraries where no such program runs", LAPTOP, {}, "ok",
         "no GLX library"),
    case("glx-vendor", "a 32-bit library does not stand for the 64-bit one", LAPTOP,
         {f"{LIB}/libGLX_nvidia.so.0": None, "/usr/lib/libGLX_nvidia.so.0": ELF32}, "problem",
         "libGLX_nvidia.so.0"),
    case("glx-vendor", "a library in /usr/lib, which is for 64 bit on Arch", LAPTOP,
         {f"{LIB}/libGLX_nvidia.so.0": None, "/usr/lib/libGLX_nvidia.so.0": "",
          "/usr/lib64": ("link", "lib")}, "ok", "no GLX library"),
    case("glx-vendor", "a server with CUDA alone", "server-eight-gpus",
         {f"{LIB}/libGLX_nvidia.so.0": None, f"{LIB}/libEGL_nvidia.so.0": None}, "note",
         "graphics"),
    case("glx-vendor", "Mesa's library missing beside glvnd's", LAPTOP,
         {f"{LIB}/libGLX.so.0": ""}, "problem", "libGLX_mesa.so.0"),
    case("glx-vendor", "Mesa's library beside glvnd's", LAPTOP,
         {f"{LIB}/libGLX.so.0": "", f"{LIB}/libGLX_mesa.so.0": ""}, "ok", "Intel"),
]

EGL_VENDOR = [
    case("egl-vendor", "no file for NVIDIA", LAPTOP, {f"{EGL}/10_nvidia.json": None}, "problem",
         "no file of glvnd names NVIDIA"),
    case("egl-vendor", "NVIDIA's file in /etc", LAPTOP,
         {f"{EGL}/10_nvidia.json": None,
          "/etc/glvnd/egl_vendor.d/10_nvidia.json": manifest("libEGL_nvidia.so.0")}, "ok",
         "NVIDIA"),
    case("egl-vendor", "NVIDIA's file on NixOS", "nixos-laptop", {}, "ok", "NVIDIA"),
    case("egl-vendor", "no file for NVIDIA, nor a library", LAPTOP,
         {f"{EGL}/10_nvidia.json": None, f"{LIB}/libEGL_nvidia.so.0": None}, "problem",
         "not installed"),
    case("egl-vendor", "no file for Mesa", LAPTOP, {f"{EGL}/50_mesa.json": None}, "problem",
         "00:02.0"),
    case("egl-vendor", "no file at all, without glvnd", "laptop-intel-dg2",
         {f"{EGL}/50_mesa.json": None}, "ok", "no glvnd"),
    case("egl-vendor", "a file with a comma too many", LAPTOP,
         {f"{EGL}/10_nvidia.json": '{"ICD": {"library_path": "libEGL_nvidia.so.0",}}'},
         "problem", "10_nvidia.json:1:"),
    case("egl-vendor", "a file with a mark of UTF-8 and a rest, which loaders take", LAPTOP,
         {f"{EGL}/10_nvidia.json":
          b"\xef\xbb\xbf" + manifest("libEGL_nvidia.so.0").encode() + b"\nrest"}, "ok", "NVIDIA"),
    case("egl-vendor", "a file that is empty", LAPTOP, {f"{EGL}/10_nvidia.json": ""}, "problem",
         "not valid JSON"),
    case("egl-vendor", "a file of a list", LAPTOP, {f"{EGL}/10_nvidia.json": "[]"}, "problem",
         "no object"),
    case("egl-vendor", "a file that is binary", LAPTOP,
         {f"{EGL}/10_nvidia.json": os.urandom(4096)}, "problem", "not valid JSON"),
    case("egl-vendor", "a file nested without end", LAPTOP,
         {f"{EGL}/10_nvidia.json": "[" * 500000}, "problem", "not valid JSON"),
    case("egl-vendor", "a directory for a file", LAPTOP,
         {f"{EGL}/10_nvidia.json": ("directory",)}, "problem", "not a regular file"),
    case("egl-vendor", "a file of a newer format", LAPTOP,
         {f"{EGL}/10_nvidia.json": manifest("libEGL_nvidia.so.0").replace("1.0.0", "2.0.0")},
         "problem", "2.0.0"),
    case("egl-vendor", "a library that is not there", LAPTOP,
         {f"{LIB}/libEGL_nvidia.so.0": None}, "problem", "libEGL_nvidia.so.0, which is not there"),
    case("egl-vendor", "a file that NVIDIA's driver left behind", "laptop-intel-dg2",
         {f"{EGL}/10_nvidia.json": manifest("libEGL_nvidia.so.0")}, "note", "no GPU here"),
    case("egl-vendor", "a server with CUDA alone", "server-eight-gpus",
         {f"{EGL}/10_nvidia.json": None, f"{LIB}/libGLX_nvidia.so.0": None,
          f"{LIB}/libEGL_nvidia.so.0": None}, "ok", "graphics"),
    case("egl-vendor", "a desktop whose NVIDIA GPU only computes", "desktop-compute", {}, "ok",
         "graphics"),
    case("glx-vendor", "a desktop whose NVIDIA GPU only computes", "desktop-compute", {}, "note",
         "graphics"),
    case("vulkan-driver", "a desktop whose NVIDIA GPU only computes", "desktop-compute", {}, "ok",
         "Intel"),
    case("glx-vendor", "a desktop with a monitor at its NVIDIA GPU", "desktop-compute",
         {"/sys/devices/pci0000:00/0000:00:01.0/0000:0a:00.0/drm/card1/card1-HDMI-A-1/status":
          "connected\n"}, "problem", "libGLX_nvidia.so.0"),
]

EGL_PLATFORM = [
    case("egl-platform", "none for Wayland", LAPTOP,
         {f"{PLATFORM}/10_nvidia_wayland.json": None}, "note", "Wayland"),
    case("egl-platform", "one for Wayland", LAPTOP, {}, "ok", "Wayland"),
    case("egl-platform", "one of NVIDIA's newer library for Wayland", LAPTOP,
         {f"{PLATFORM}/10_nvidia_wayland.json": manifest("libnvidia-egl-wayland2.so.1"),
          f"{LIB}/libnvidia-egl-wayland2.so.1": ""}, "ok", "Wayland"),
    case("egl-platform", "a library that is not there", LAPTOP,
         {f"{PLATFORM}/15_nvidia_gbm.json": manifest("libnvidia-egl-gbm.so.1")}, "problem",
         "libnvidia-egl-gbm.so.1"),
    case("egl-platform", "a file that is no JSON", LAPTOP,
         {f"{PLATFORM}/15_nvidia_gbm.json": "{"}, "problem", "not valid JSON"),
    case("egl-platform", "a machine without NVIDIA", "laptop-intel-dg2",
         {f"{PLATFORM}/15_nvidia_gbm.json": "{"}, "ok", "no EGL library"),
]

VULKAN = [
    case("vulkan-driver", "no manifest for NVIDIA", LAPTOP, {f"{ICD}/nvidia_icd.json": None},
         "problem", "NVIDIA"),
    case("vulkan-driver", "NVIDIA's manifest under another name and place", LAPTOP,
         {f"{ICD}/nvidia_icd.json": None,
          "/etc/vulkan/icd.d/nvidia_icd.x86_64.json": manifest("libGLX_nvidia.so.0")}, "ok",
         "NVIDIA"),
    case("vulkan-driver", "NVIDIA's manifest in a home", LAPTOP,
         {f"{ICD}/nvidia_icd.json": None, **HOME,
          "/home/user/.local/share/vulkan/icd.d/nvidia.json": manifest("libEGL_nvidia.so.0")},
         "ok", "NVIDIA"),
    case("vulkan-driver", "NVIDIA's manifest on NixOS", "nixos-laptop", {}, "ok", "NVIDIA"),
    case("vulkan-driver", "no manifest for Intel", LAPTOP,
         {f"{ICD}/intel_icd.x86_64.json": None, "/etc/os-release": "ID=arch\n"}, "note",
         "pacman -S vulkan-intel"),
    case("vulkan-driver", "no manifest where there is no Vulkan", "laptop-intel-dg2",
         {f"{ICD}/intel_icd.x86_64.json": None, f"{ICD}/lvp_icd.x86_64.json": None}, "ok",
         "needed"),
    case("vulkan-driver", "a library that is not there", LAPTOP,
         {f"{LIB}/libvulkan_intel.so": None}, "problem", "libvulkan_intel.so"),
    case("vulkan-driver", "a library beside its manifest", LAPTOP,
         {f"{ICD}/intel_icd.x86_64.json": manifest("./libvulkan_intel.so"),
          f"{LIB}/libvulkan_intel.so": None, f"{ICD}/libvulkan_intel.so": ""}, "ok", "Intel"),
    case("vulkan-driver", "a library of no GPU here that is not there", LAPTOP,
         {f"{ICD}/radeon_icd.x86_64.json": manifest("libvulkan_radeon.so")}, "note",
         "libvulkan_radeon.so"),
    case("vulkan-driver", "a manifest for 32 bit with a 64-bit library alone", LAPTOP,
         {f"{ICD}/intel_icd.i686.json": manifest("libvulkan_intel.so")}, "note", "32-bit"),
    case("vulkan-driver", "a manifest for 32 bit with its library", LAPTOP,
         {f"{ICD}/intel_icd.i686.json": manifest("libvulkan_intel.so"),
          "/usr/lib/i386-linux-gnu/libvulkan_intel.so": ""}, "ok", "Intel"),
    case("vulkan-driver", "two manifests of a driver", LAPTOP,
         {"/etc/vulkan/icd.d/nvidia_icd.json": manifest("libGLX_nvidia.so.0")}, "note", "twice"),
    case("vulkan-driver", "two drivers for AMD", "laptop-amd-amd",
         {"/etc/vulkan/icd.d/amd_icd64.json": manifest("amdvlk64.so"), f"{LIB}/amdvlk64.so": ""},
         "note", "amd_icd64.json"),
    case("vulkan-driver", "a file that is no JSON", LAPTOP, {f"{ICD}/nvidia_icd.json": "ICD"},
         "problem", "nvidia_icd.json:1:"),
    case("vulkan-driver", "hidden by a variable", LAPTOP,
         {"/etc/environment": f"VK_DRIVER_FILES={ICD}/intel_icd.x86_64.json\n"}, "note",
         "/etc/environment:1: VK_DRIVER_FILES hides the Vulkan drivers of NVIDIA"),
    case("vulkan-driver", "a variable that leaves all", LAPTOP,
         {"/etc/environment":
          f"VK_DRIVER_FILES={ICD}/intel_icd.x86_64.json:{ICD}/nvidia_icd.json\n"}, "ok",
         "NVIDIA"),
]

LAYERS = [
    case("vulkan-layer", "NVIDIA's layer is missing", LAPTOP,
         {f"{LAYER}/nvidia_layers.json": None}, "note", "VK_LAYER_NV_optimus"),
    case("vulkan-layer", "NVIDIA's layer is there", LAPTOP, {}, "ok", "is there"),
    case("vulkan-layer", "NVIDIA's layer in a list of layers", LAPTOP,
         {f"{LAYER}/nvidia_layers.json": json.dumps({"layers": [
             {"name": "other"}, {"name": "VK_LAYER_NV_optimus",
                                 "library_path": "libGLX_nvidia.so.0"}]})}, "ok", "is there"),
    case("vulkan-layer", "NVIDIA's layer is not missed with NVIDIA alone", NVIDIA,
         {f"{LAYER}/nvidia_layers.json": None}, "ok", "no layer"),
    case("vulkan-layer", "NVIDIA's layer without a library", LAPTOP,
         {f"{LAYER}/nvidia_layers.json":
          manifest("libgone.so", "layer", name="VK_LAYER_NV_optimus")}, "problem", "libgone.so"),
    case("vulkan-layer", "another layer without a library", LAPTOP,
         {f"{LAYER}/overlay.json": manifest("/opt/overlay.so", "layer", name="OVERLAY")}, "note",
         "/opt/overlay.so"),
    case("vulkan-layer", "another layer with its library", LAPTOP,
         {f"{LAYER}/overlay.json": manifest("/opt/overlay.so", "layer", name="OVERLAY"),
          "/opt/overlay.so": ""}, "ok", "is there"),
    case("vulkan-layer", "a file that is no JSON", LAPTOP, {f"{LAYER}/overlay.json": "{]"},
         "problem", "overlay.json:1:"),
    case("vulkan-layer", "turned off by a variable", LAPTOP,
         {"/etc/environment": "VK_LOADER_LAYERS_DISABLE=~implicit~\n"}, "note",
         "/etc/environment:1"),
    case("vulkan-layer", "a variable that turns off another one", LAPTOP,
         {"/etc/environment": "VK_LOADER_LAYERS_DISABLE=*MESA*\n"}, "ok", "is there"),
]

GBM_LIBRARY = {f"{LIB}/libgbm.so.1": ""}
ALLOCATOR = {f"{LIB}/libnvidia-allocator.so.1": ""}
BACKEND = f"{LIB}/gbm/nvidia-drm_gbm.so"
GBM = [
    case("gbm-backend", "no backend", LAPTOP, {**GBM_LIBRARY, **ALLOCATOR}, "problem", BACKEND),
    case("gbm-backend", "a backend", LAPTOP,
         {**GBM_LIBRARY, **ALLOCATOR, BACKEND: ("link", "../libnvidia-allocator.so.1")}, "ok",
         BACKEND),
    case("gbm-backend", "a backend that is a link to nothing", LAPTOP,
         {**GBM_LIBRARY, **ALLOCATOR, BACKEND: ("link", "../libnvidia-allocator.so.5")},
         "problem", "libnvidia-allocator.so.5, which is not there"),
    case("gbm-backend", "no allocator", LAPTOP, {**GBM_LIBRARY, **UBUNTU}, "problem",
         "libnvidia-gl-550"),
    case("gbm-backend", "a driver from before", LAPTOP,
         {**GBM_LIBRARY, "/sys/module/nvidia/version": "470.256.02\n"}, "ok", "495"),
    case("gbm-backend", "no libgbm", LAPTOP, {}, "ok", "no libgbm"),
    case("gbm-backend", "no NVIDIA GPU", "laptop-intel-dg2", GBM_LIBRARY, "ok", "no GPU"),
]

VA = {f"{LIB}/libva.so.2": "", f"{LIB}/dri/iHD_drv_video.so": ""}
VIDEO = [
    case("video-drivers", "no VA-API driver for NVIDIA", LAPTOP, VA, "note", "01:00.0"),
    case("video-drivers", "a VA-API driver for both", LAPTOP,
         {**VA, f"{LIB}/dri/nvidia_drv_video.so": ""}, "ok", "nvidia_drv_video.so"),
    case("video-drivers", "no VA-API driver for Intel", "laptop-intel-dg2",
         {f"{LIB}/libva.so.2": ""}, "note", "00:02.0"),
    case("video-drivers", "a VA-API driver of RPM Fusion's", "laptop-amd-amd",
         {"/usr/lib64/libva.so.2": "", "/usr/lib64/dri-freeworld/radeonsi_drv_video.so": ""},
         "ok", "dri-freeworld"),
    case("video-drivers", "VDPAU without NVIDIA's driver", NVIDIA,
         {f"{LIB}/libvdpau.so.1": ""}, "note", "VDPAU"),
    case("video-drivers", "VDPAU with NVIDIA's driver", NVIDIA,
         {f"{LIB}/libvdpau.so.1": "", f"{LIB}/vdpau/libvdpau_nvidia.so.1": ""}, "ok", "no library"),
    case("video-drivers", "nothing that decodes", LAPTOP, {}, "ok", "no library"),
]

VENDORS = "/etc/OpenCL/vendors"
OPENCL = [
    case("opencl", "NVIDIA's library is not there", LAPTOP,
         {f"{VENDORS}/nvidia.icd": "libnvidia-opencl.so.1\n"}, "problem", "libnvidia-opencl.so.1"),
    case("opencl", "NVIDIA's library is there", LAPTOP,
         {f"{VENDORS}/nvidia.icd": "libnvidia-opencl.so.1\n",
          f"{LIB}/libnvidia-opencl.so.1": ""}, "ok", "1"),
    case("opencl", "a library by its path", LAPTOP,
         {f"{VENDORS}/intel.icd": f"{LIB}/intel-opencl/libigdrcl.so\n",
          f"{LIB}/intel-opencl/libigdrcl.so": ""}, "ok", "1"),
    case("opencl", "a library of no GPU here that is not there", LAPTOP,
         {f"{VENDORS}/amdocl64.icd": "libamdocl64.so\n"}, "note", "libamdocl64.so"),
    case("opencl", "an empty file", LAPTOP, {f"{VENDORS}/nvidia.icd": "\n"}, "problem", "empty"),
    case("opencl", "NVIDIA's library that no file names", LAPTOP,
         {f"{LIB}/libnvidia-opencl.so.1": ""}, "note", "no file names it"),
]


def toolkit(version, directory="/usr/local/cuda"):
    return {f"{directory}/version.json": json.dumps({"cuda": {"version": version}})}


UVM = {"/sys/module/nvidia_uvm/initstate": "live\n", "/usr/bin/nvidia-modprobe": None,
       "/proc/devices": "Character devices:\n195 nvidia\n511 nvidia-uvm\n"}
CUDA = [
    case("cuda", "a toolkit newer than the driver", LAPTOP, toolkit("13.0.1"), "problem",
         "needs driver 580 at least; loaded is 550.163.01"),
    case("cuda", "a toolkit that the driver runs", LAPTOP, toolkit("12.4.1"), "ok", "12.4"),
    case("cuda", "an old toolkit", LAPTOP,
         {"/usr/local/cuda/version.txt": "CUDA Version 10.2.89\n"}, "ok", "10.2"),
    case("cuda", "an old driver of the same branch", LAPTOP,
         {**toolkit("12.2.0"), "/sys/module/nvidia/version": "525.60.11\n"}, "problem",
         "525.60.13"),
    case("cuda", "a toolkit with a newer minor version", LAPTOP, toolkit("12.8.0"), "note", "PTX"),
    case("cuda", "a toolkit on Arch, by its header", LAPTOP,
         {"/opt/cuda/include/cuda.h": "#define CUDA_VERSION 13000\n"}, "problem", "CUDA 13.0"),
    case("cuda", "a second toolkit that the driver does not run", LAPTOP,
         {**toolkit("12.4.1", "/usr/local/cuda-12.4"), "/usr/local/cuda": ("link", "cuda-12.4"),
          **toolkit("13.0.1", "/usr/local/cuda-13.0")}, "note", "/usr/local/cuda-13.0"),
    case("cuda", "CUDA_PATH leads nowhere", LAPTOP,
         {"/etc/profile.d/cuda.sh": "export CUDA_PATH=/usr/local/cuda-11.8\n"}, "problem",
         "/etc/profile.d/cuda.sh:1"),
    case("cuda", "CUDA_PATH leads somewhere", LAPTOP,
         {"/etc/profile.d/cuda.sh": "export CUDA_PATH=/opt/nvidia/cuda\n",
          **toolkit("12.1.0", "/opt/nvidia/cuda")}, "ok", "12.1"),
    case("cuda", "no library with a toolkit", LAPTOP,
         {**toolkit("12.4.1"), f"{LIB}/libcuda.so.1": None}, "problem", "libcuda.so.1"),
    case("cuda", "no library and no toolkit", LAPTOP, {f"{LIB}/libcuda.so.1": None}, "note",
         "libcuda.so.1"),
    case("cuda", "the stub of a toolkit", LAPTOP,
         {f"{LIB}/libcuda.so.1": None, "/etc/ld.so.conf.d/cuda.conf": "/opt/cuda/lib/stubs\n",
          "/opt/cuda/lib/stubs/libcuda.so.1": ""}, "problem", "stub"),
    case("cuda", "the module is not loaded, and nothing loads it", LAPTOP,
         {"/usr/bin/nvidia-modprobe": None}, "problem", "nvidia_uvm is not loaded"),
    case("cuda", "the module is not loaded, but will be", LAPTOP, {}, "ok", "550.163.01"),
    case("cuda", "the module without its node", LAPTOP, {**UVM, "/dev/nvidia0": ""}, "problem",
         "c 511 0"),
    case("cuda", "the module with its node", LAPTOP,
         {**UVM, "/dev/nvidia0": "", "/dev/nvidia-uvm": ""}, "ok", "550.163.01"),
    case("cuda", "a recording without devices", LAPTOP, UVM, "ok", "550.163.01"),
    case("cuda", "no GPU", "laptop-intel-dg2", toolkit("13.0.1"), "ok", "no GPU"),
]

CDI_YAML = """---
cdiVersion: 0.5.0
kind: nvidia.com/gpu
devices:
  - name: "0"
    containerEdits:
      deviceNodes:
        - path: /dev/nvidia0
  - name: all
containerEdits:
  hooks:
    - hookName: createContainer
      path: /usr/bin/nvidia-cdi-hook
  mounts:
    - hostPath: %s/libcuda.so.%s  # the driver
      containerPath: /gone/libcuda.so.1
"""
CDI = {"/usr/bin/nvidia-cdi-hook": "", f"{LIB}/libcuda.so.550.163.01": ""}
CDI_JSON = json.dumps({"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": [
    {"name": "all", "containerEdits": {"mounts": [
        {"hostPath": f"{LIB}/libcuda.so.550.163.01", "containerPath": "/gone"}]}}]})
CONTAINERS = [
    case("containers", "a specification of an older driver", LAPTOP,
         {**CDI, "/etc/cdi/nvidia.yaml": CDI_YAML % (LIB, "535.54.03")}, "problem",
         "it is of driver 535.54.03, loaded is 550.163.01"),
    case("containers", "a specification of this driver", LAPTOP,
         {**CDI, "/etc/cdi/nvidia.yaml": CDI_YAML % (LIB, "550.163.01")}, "ok", "1"),
    case("containers", "a specification in JSON of an older driver", LAPTOP,
         {**CDI, "/var/run/cdi/nvidia.json": CDI_JSON.replace("550.163.01", "535.54.03")},
         "problem", "nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.json"),
    case("containers", "a specification in JSON of this driver", LAPTOP,
         {**CDI, "/run/cdi/nvidia.json": CDI_JSON}, "ok", "1"),
    case("containers", "a hook that is gone", LAPTOP,
         {**CDI, "/usr/bin/nvidia-cdi-hook": None,
          "/etc/cdi/nvidia.yaml": CDI_YAML % (LIB, "550.163.01")}, "problem", "nvidia-cdi-hook"),
    case("containers", "a device that is gone", LAPTOP,
         {**CDI, "/dev/nvidiactl": "", "/etc/cdi/nvidia.yaml": CDI_YAML % (LIB, "550.163.01")},
         "problem", "/dev/nvidia0"),
    case("containers", "a device by another path on the host", LAPTOP,
         {**CDI, "/dev/nvidiactl": "", "/run/nvidia/driver/dev/nvidia0": "",
          "/etc/cdi/nvidia.yaml": (CDI_YAML % (LIB, "550.163.01")).replace(
              "- path: /dev/nvidia0",
              "- path: /dev/nvidia0\n          hostPath: /run/nvidia/driver/dev/nvidia0")},
         "ok", "1"),
    case("containers", "a device twice in both directories", LAPTOP,
         {**CDI, "/etc/cdi/nvidia.yaml": CDI_YAML % (LIB, "550.163.01"),
          "/var/run/cdi/nvidia.json": CDI_JSON}, "note", "nvidia.com/gpu=all"),
    case("containers", "a device twice in one directory", LAPTOP,
         {**CDI, "/etc/cdi/a.json": CDI_JSON, "/etc/cdi/b.json": CDI_JSON}, "problem",
         "exclude each other"),
    case("containers", "other devices in the other directory", LAPTOP,
         {**CDI, "/etc/cdi/a.json": CDI_JSON,
          "/var/run/cdi/b.json": CDI_JSON.replace('"all"', '"0"')}, "ok", "2"),
    case("containers", "a specification that is binary", LAPTOP,
         {"/etc/cdi/nvidia.yaml": os.urandom(100000)}, "ok", "1"),
    case("containers", "Docker's runtime is gone", LAPTOP,
         {"/etc/docker/daemon.json":
          '{"runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}}'}, "problem",
         "nvidia-container-runtime"),
    case("containers", "Docker's runtime is there", LAPTOP,
         {"/etc/docker/daemon.json":
          '{"runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}}',
          "/usr/bin/nvidia-container-runtime": ""}, "ok", "no CDI"),
    case("containers", "Docker's default runtime is not defined", LAPTOP,
         {"/etc/docker/daemon.json": '{"default-runtime": "nvidia"}'}, "problem", "default"),
    case("containers", "Docker's file is no JSON", LAPTOP,
         {"/etc/docker/daemon.json": "{'a': 1}"}, "problem", "daemon.json:1:"),
    case("containers", "Docker's file is empty", LAPTOP, {"/etc/docker/daemon.json": "\n"}, "ok",
         "no CDI"),
]

CASES = (GLX + EGL_VENDOR + EGL_PLATFORM + VULKAN + LAYERS + GBM + VIDEO + OPENCL + CUDA +
         CONTAINERS)


def test_missing_files_and_links_are_made_and_taken_away_again():
    for check, name, edits, changed in (
            ("egl-vendor", LAPTOP, {f"{EGL}/10_nvidia.json": None},
             ["/etc/glvnd/egl_vendor.d/10_nvidia.json"]),
            ("gbm-backend", LAPTOP, {**GBM_LIBRARY, **ALLOCATOR}, [BACKEND]),
            ("gbm-backend", "doctor-user-broken", {}, [BACKEND]),
            ("opencl", LAPTOP, {f"{LIB}/libnvidia-opencl.so.1": ""},
             ["/etc/OpenCL/vendors/nvidia.icd"])):
        doctor_cases.fix_and_undo(check, name, edits, changed)


def test_what_fix_makes_is_what_the_checks_want():
    with e2e.place() as place:
        root = doctor_cases.machine(LAPTOP, place / "machine", {
            f"{EGL}/10_nvidia.json": None, **GBM_LIBRARY, **ALLOCATOR})
        for check in "egl-vendor", "gbm-backend":
            found = doctor_cases.doctor(root, "--fix", "--only", check)
            assert [x["verdict"] for x in found["findings"]] == ["ok"], found


def test_no_node_is_opened():
    e2e.needs("strace")
    with e2e.place() as place:
        root = doctor_cases.machine("doctor-user-broken", place / "machine", {
            **UVM, "/dev/nvidia0": "", "/dev/nvidia-uvm": "",
            f"{EGL}/20_node.json": ("link", "/dev/nvidia0")})
        node = root / "dev/nvidia0"
        node.unlink()
        os.mkfifo(node)  # to open it would hang, as a sleeping GPU would
        trace = place / "trace"
        result = e2e.run("strace", "-f", "-e", "trace=open,openat,openat2", "-o", trace,
                         doctor_cases.NV_GPU, "doctor", "--sysroot", root,
                         env=e2e.environment(**e2e.TRACED))
        assert "20_node.json" in result.stdout and result.returncode == 1, result
        text = trace.read_text()
        assert "nvidia_icd.json" in text, "the trace shows nothing"
        assert not [x for x in text.splitlines() if '/dev/nvidia' in x or '"nvidia-uvm' in x], text
        assert not [x for x in text.splitlines() if "20_node.json" in x and "O_PATH" not in x], text


def test_a_node_of_another_major_is_told_of():
    if os.geteuid() != 0:
        raise e2e.tap.Skip("needs root")
    with e2e.place() as place:
        root = doctor_cases.machine(LAPTOP, place / "machine", {**UVM, "/dev/nvidia0": ""})
        node = root / "dev/nvidia-uvm"
        os.mknod(node, 0o600 | stat.S_IFCHR, os.makedev(510, 0))
        found = doctor_cases.findings(root, "cuda")
        assert [x["verdict"] for x in found] == ["problem"] and "511" in found[0]["what"], found
        node.unlink()
        os.mknod(node, 0o600 | stat.S_IFCHR, os.makedev(511, 0))
        found = doctor_cases.findings(root, "cuda")
        assert [x["verdict"] for x in found] == ["ok"], found


if __name__ == "__main__":
    doctor_cases.run_cases(CASES, e2e.tests(globals()))
