# SPDX-License-Identifier: MIT
"""nv-session renderer: who really draws, and drivers that misbehave."""
import functools
import json
import os
import shutil
import time

import e2e
from e2e import LAPTOP, LIBRARIES, machines, tap

NV_SESSION = os.environ["NV_SESSION"]
VENDOR_FILE = '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s"}}'
MESA = "/usr/share/glvnd/egl_vendor.d/50_mesa.json"


class Rig:
    def __init__(self, place, display):
        if not LIBRARIES:
            raise tap.Skip("libglvnd's headers are not installed")
        self.place = place
        self.log = place / "log"
        self.env = e2e.environment(
            DISPLAY=display, LD_LIBRARY_PATH=LIBRARIES, NV_TEST_VENDOR_LOG=str(self.log),
            XDG_CACHE_HOME=str(place / "cache"), XDG_RUNTIME_DIR=str(place),
            LIBGL_ALWAYS_SOFTWARE="1")

    def ask(self, *words, program=NV_SESSION, **env):
        """(who, api) -> what was told."""
        words = list(words)
        changes = words[words.index("--"):] if "--" in words else []
        options = words[:len(words) - len(changes)]
        result = e2e.run(program, "renderer", "--json", *options, *changes, timeout=60,
                         env={**self.env, **env})
        told = json.loads(result.stdout)["renderers"]
        return {(one["who"], one["api"]): one for one in told}, result

    def vendor(self, library):
        return str(e2e.write(self.place / "vendor.json", VENDOR_FILE % library))

    def bad(self, what, *words):
        """What is said of an EGL vendor that does this."""
        told, result = self.ask("--api", "egl", *words, "--",
                                "__EGL_VENDOR_LIBRARY_FILENAMES=" +
                                self.vendor(f"{LIBRARIES}/libnv_test_bad.so"),
                                f"NV_TEST_BAD={what}")
        return told["desktop", "egl"], result

    def sleeping(self, driver="nvidia"):
        """A laptop whose discrete GPU sleeps, and whose Mesa is this machine's."""
        root = machines.unpack(LAPTOP, self.place / "root")
        for status in (root / "sys").rglob("power/runtime_status"):
            if driver == "i915" or "01:00.0" in str(status):
                status.write_text("suspended\n")
        return root


def rig(test):
    @functools.wraps(test)
    def body():
        with e2e.place() as place, e2e.xvfb() as display:
            test(Rig(place, display))
    return body


@rig
def test_three_apis_tell_who_draws_for_the_desktop_and_for_nv_run(here):
    told, result = here.ask()
    assert result.returncode == 0, result.stderr
    assert set(told) == {(who, api) for who in ("desktop", "nv-run")
                         for api in ("egl", "glx", "vulkan")}
    for one in told.values():
        assert "llvmpipe" in one["renderer"] and one["software"], one
        assert one["slot"] is None and one["problem"] is None, one


@rig
def test_people_read_that_the_cpu_draws(here):
    result = e2e.run(NV_SESSION, "renderer", "--api", "glx", env=here.env)
    assert result.stdout.count("the CPU draws") == 2, result.stdout
    assert result.stdout.startswith("desktop     GLX"), result.stdout


@rig
def test_variables_behind_two_dashes_reach_the_desktops_probe(here):
    told, _ = here.ask("--api", "glx", "--", "__GLX_VENDOR_LIBRARY_NAME=nvidia")
    assert list(told) == [("desktop", "glx")], told
    assert "NVIDIA" in told["desktop", "glx"]["renderer"], told
    assert "glx" in here.log.read_text(), "the vendor was not loaded"


@rig
def test_a_driver_that_crashes_is_an_answer(here):
    one, result = here.bad("crash")
    assert "crashed" in one["problem"] and one["renderer"] is None, one
    assert result.returncode == 1, "nothing could be told"


@rig
def test_a_driver_that_ends_the_program_is_an_answer(here):
    one, _ = here.bad("exit")
    assert one["problem"] == "the driver ended the program", one


@rig
def test_a_driver_that_hangs_is_given_up(here):
    start = time.monotonic()
    one, _ = here.bad("hang")
    assert "did not answer within" in one["problem"], one
    assert time.monotonic() - start < 30, "it waited for the driver"


@rig
def test_a_driver_that_leaves_a_child_behind_is_given_up_with_it(here):
    start = time.monotonic()
    one, _ = here.bad("fork")
    assert one["problem"], one
    assert time.monotonic() - start < 30, "it waited for the child"
    left = e2e.run("pgrep", "-f", "nv-session renderer").stdout.split()
    ours = [pid for pid in left if _has(pid, "NV_TEST_BAD=fork")]
    assert not ours, f"left behind: {ours}"


def _has(pid, word):
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return word.encode() in file.read()
    except OSError:
        return False


@rig
def test_what_a_driver_prints_is_no_answer(here):
    one, result = here.bad("chatter")
    assert one["renderer"] is None and one["problem"], one
    assert "own idea" not in result.stdout + result.stderr


@rig
def test_an_egl_without_vendors_says_so(here):
    told, _ = here.ask("--api", "egl", "--", "__EGL_VENDOR_LIBRARY_FILENAMES=")
    assert told["desktop", "egl"]["problem"] == "no EGL vendor serves this display", told


def test_without_an_x_server_glx_says_so():
    result = e2e.run(NV_SESSION, "renderer", "--json", "--api", "glx")
    told = json.loads(result.stdout)["renderers"]
    assert [one["problem"] for one in told] == ["there is no X server"] * 2, told
    assert result.returncode == 1


@rig
def test_a_library_that_is_not_installed_is_an_answer(here):
    if e2e.run("unshare", "-m", "true").returncode:
        raise tap.Skip("mount namespaces are not to be had")
    # The loader's cache names the library; nothing is at its place.
    script = """
for file in /usr/lib/*/libvulkan.so.1 /lib/*/libvulkan.so.1; do
    [ ! -e "$file" ] || mount --bind /dev/null "$(readlink -f "$file")"
done
exec "$@"
"""
    result = e2e.run("unshare", "-m", "sh", "-c", script, "sh", NV_SESSION, "renderer", "--json",
                     "--api", "vulkan", env=here.env)
    told = json.loads(result.stdout)["renderers"]
    assert told[0]["problem"] == "libvulkan.so.1 is not installed", (told, result.stderr)


@rig
def test_while_nvidias_gpu_sleeps_its_part_of_egl_is_kept_out(here):
    vendors = here.place / "vendors"
    e2e.write(vendors / "10_nvidia.json", VENDOR_FILE % "libEGL_nvidia.so.0")
    shutil.copy(MESA, vendors)
    root = here.sleeping()
    awake, _ = here.ask("--api", "egl", __EGL_VENDOR_LIBRARY_DIRS=str(vendors))
    assert awake["desktop", "egl"]["devices"], awake
    assert "egl" in here.log.read_text(), "awake, the vendor should have been loaded"
    here.log.unlink()
    told, _ = here.ask("--api", "egl", f"--sysroot={root}",
                       __EGL_VENDOR_LIBRARY_DIRS=str(vendors))
    assert "llvmpipe" in told["desktop", "egl"]["renderer"], told
    assert told["nv-run", "egl"]["problem"].startswith("asleep: not asked"), told
    assert not here.log.exists(), "NVIDIA's vendor was loaded while its GPU slept"


@rig
def test_while_another_gpu_sleeps_vulkan_is_not_asked(here):
    told, _ = here.ask("--api", "vulkan", f"--sysroot={here.sleeping('i915')}")
    assert told["desktop", "vulkan"]["problem"].startswith("not asked"), told


@rig
def test_a_gpu_that_is_named_is_asked_though_it_sleeps(here):
    root = here.sleeping()
    told, _ = here.ask("--api", "glx", "--gpu", "software", f"--sysroot={root}")
    assert list(told) == [("nv-run", "glx")], told
    assert "llvmpipe" in told["nv-run", "glx"]["renderer"], told


@rig
def test_nv_run_missing_beside_it_is_said(here):
    alone = here.place / "nv-session"
    shutil.copy(NV_SESSION, alone)
    told, _ = here.ask("--api", "glx", program=alone)
    assert told["nv-run", "glx"]["problem"] == "there is no nv-run beside this program", told


@rig
def test_wrong_words_for_the_renderer_are_usage_errors(here):
    for words in (["--gpu", "bananas:x"], ["--", "NOVALUE"], ["--api", "opengl"],
                  ["--gpu", "nvidia", "--", "A=1"]):
        result = e2e.run(NV_SESSION, "renderer", *words, env=here.env)
        assert result.returncode == 2, (words, result)
        assert result.stderr.startswith("nv-session: "), result.stderr


tap.run(e2e.tests(globals()))
