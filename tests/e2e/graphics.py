# SPDX-License-Identifier: MIT
"""The real libGLX, libEGL and Vulkan loader: which vendor a program really gets."""
import functools
import os

import e2e
from e2e import LAPTOP, LIBRARIES, machines, tap

VENDOR_FILE = '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s"}}'


class Rig:
    """A laptop's recording, the test vendors, an X server and a log of what was loaded."""

    def __init__(self, place, display):
        if not LIBRARIES:
            raise tap.Skip("libglvnd's headers are not installed")
        self.root = machines.unpack(LAPTOP, place / "root")
        self.place, self.display = place, display
        self.log = place / "log"
        self.env = e2e.environment(
            DISPLAY=display, LD_LIBRARY_PATH=LIBRARIES, NV_TEST_VENDOR_LOG=str(self.log),
            XDG_RUNTIME_DIR=str(place / "runtime"), XDG_CACHE_HOME=str(place / "cache"))

    def run(self, *words, **env):
        if self.log.exists():
            self.log.unlink()
        return e2e.run(e2e.NV_RUN, f"--sysroot={self.root}", "--no-rules", *words,
                       env={**self.env, **env})

    def loaded(self):
        return self.log.read_text().split() if self.log.exists() else []

    def provider(self):
        e2e.session_file(self.place / "runtime", self.display, "server xorg",
                         "screen 0000:00:02.0 modesetting", "gpu 0000:01:00.0 NVIDIA-G0")


def rig(test):
    @functools.wraps(test)
    def body():
        with e2e.place() as place, e2e.xvfb() as display:
            test(Rig(place, display))
    return body


@rig
def test_glx_gets_nvidias_library_where_the_server_has_its_provider(here):
    e2e.needs("glxinfo")
    here.provider()
    result = here.run("-g", "nvidia", "glxinfo", "-B", LD_DEBUG="libs")
    assert "NVIDIA test GPU" in result.stdout, result.stdout + result.stderr[-500:]
    assert "libGLX_nvidia.so.0" in result.stderr, "the loader was not asked for it"
    assert "glx" in here.loaded()


@rig
def test_glx_of_the_integrated_gpu_is_mesas_and_never_opens_nvidias(here):
    e2e.needs("glxinfo", "strace")
    here.provider()
    trace = here.place / "trace"
    result = e2e.run("strace", "-f", "-e", "trace=openat,open", "-o", trace, e2e.NV_RUN,
                     f"--sysroot={here.root}", "--no-rules", "-g", "integrated", "glxinfo", "-B",
                     env={**here.env, **e2e.TRACED, "__GLX_VENDOR_LIBRARY_NAME": "nvidia", "LD_DEBUG": "libs"})
    assert result.returncode == 0, result.stderr[-500:]
    assert "llvmpipe" in result.stdout, result.stdout
    opened = trace.read_text()
    assert "libGLX_mesa.so.0" in opened and "libGLX_nvidia" not in opened
    assert "libGLX_nvidia" not in result.stderr
    assert not here.loaded()


@rig
def test_glx_is_not_forced_on_a_server_without_a_provider(here):
    e2e.needs("glxinfo")
    for lines in ([], ["server other"], ["server xorg", "screen - modesetting"]):
        if lines:
            e2e.session_file(here.place / "runtime", here.display, *lines)
        result = here.run("-g", "nvidia", "glxinfo", "-B")
        assert result.returncode == 0, result.stderr
        assert "llvmpipe" in result.stdout, result.stdout
        assert "nv-run: GLX programs stay on" in result.stderr, result.stderr
        assert not here.loaded()


def vendor_directory(here):
    """Both vendors' files, NVIDIA's first, where a namespace puts them in libEGL's own place."""
    directory = here.place / "egl_vendor.d"
    e2e.write(directory / "10_nvidia.json", VENDOR_FILE % "libEGL_nvidia.so.0")
    e2e.write(directory / "50_mesa.json", VENDOR_FILE % "libEGL_mesa.so.0")
    return directory


def egl(here, *words, **env):
    directory = vendor_directory(here)
    probe = os.path.join(LIBRARIES, "egl-probe")
    if here.log.exists():
        here.log.unlink()
    return e2e.namespace(
        here.root, f'mount --bind {directory} /usr/share/glvnd/egl_vendor.d || exit 99; exec "$@"',
        e2e.NV_RUN, "--no-rules", *words, probe, env={**here.env, **env})


@rig
def test_egl_reaches_nvidias_vendor_although_the_session_pins_mesa(here):
    result = egl(here, "-q", "-g", "nvidia",
                 __EGL_VENDOR_LIBRARY_FILENAMES="/usr/share/glvnd/egl_vendor.d/50_mesa.json")
    assert "vendor: NVIDIA test vendor" in result.stdout, result.stdout + result.stderr
    assert "egl" in here.loaded()


@rig
def test_egl_of_the_integrated_gpu_never_loads_nvidias_vendor(here):
    result = egl(here, "-g", "integrated")
    assert "vendor: Mesa" in result.stdout, result.stdout + result.stderr
    assert "NVIDIA" not in result.stdout
    assert not here.loaded()
    # And without nv-run it does: the test would see it.
    result = egl(here, "-g", "none")
    assert "egl" in here.loaded()


def vulkan(here, *words):
    """The real loader with lavapipe and a driver whose manifest is called as NVIDIA's is."""
    e2e.needs("vulkaninfo")
    library = os.path.join(LIBRARIES, "libnv_test_vulkan.so")
    data = here.place / "data"
    e2e.write(data / "vulkan/icd.d/nvidia_icd.json",
              '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s",'
              ' "api_version": "1.3.0"}}' % library)
    return here.run(*words, "vulkaninfo", "--summary",
                    XDG_DATA_DIRS=f"{data}:/usr/share", DISPLAY="")


@rig
def test_vulkan_of_the_integrated_gpu_does_not_load_nvidias_driver(here):
    vulkan(here, "-g", "none")
    assert "vulkan" in here.loaded(), "without a choice the loader tries every driver"
    result = vulkan(here, "-g", "integrated")
    assert result.returncode == 0, result.stderr
    assert "llvmpipe" in result.stdout, result.stdout
    assert not here.loaded()


@rig
def test_vulkan_of_the_nvidia_gpu_is_reached_although_a_launcher_hid_it(here):
    here.env["VK_LOADER_DRIVERS_DISABLE"] = "*nvidia*"
    vulkan(here, "-g", "none")
    assert not here.loaded()
    vulkan(here, "-q", "-g", "nvidia")
    assert "vulkan" in here.loaded()


@rig
def test_vulkan_in_software_is_lavapipe_alone(here):
    result = vulkan(here, "-g", "software")
    assert "llvmpipe" in result.stdout, result.stdout + result.stderr
    assert result.stdout.count("deviceName") == 1, result.stdout
    assert not here.loaded()


@rig
def test_vulkan_off_finds_no_driver(here):
    result = vulkan(here, "-g", "integrated", "-o", "vulkan=off")
    assert "llvmpipe" not in result.stdout, result.stdout
    assert not here.loaded()


if __name__ == "__main__":
    tap.run(e2e.tests(globals()))
