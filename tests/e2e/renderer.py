# SPDX-License-Identifier: MIT
"""nv-session renderer: what real loaders and servers answer, and what bad drivers do to it."""
import functools
import json
import os
import shutil
import signal
import time

import e2e
from e2e import LAPTOP, LIBRARIES, machines, tap
from graphics import VENDOR_FILE

SESSION = os.environ["NV_SESSION"]
# A crash is to be a crash in builds with sanitizers too.
CRASHES = {"ASAN_OPTIONS": "handle_segv=0:detect_leaks=0"}
APIS = ("egl", "glx", "vulkan")
SLEEPER = "0000:01:00.0"
DISPLAY_GPU = "0000:00:02.0"


class Rig:
    """A recorded laptop, the test vendors, and an X server where one is wanted."""

    def __init__(self, place, display, machine=LAPTOP):
        if not LIBRARIES:
            raise tap.Skip("libglvnd's headers are not installed")
        self.place, self.log = place, place / "log"
        self.root = machines.unpack(machine, place / "root")
        self.env = e2e.environment(
            LD_LIBRARY_PATH=LIBRARIES, NV_TEST_VENDOR_LOG=str(self.log),
            XDG_RUNTIME_DIR=str(place / "runtime"), XDG_CACHE_HOME=str(place / "cache"),
            **CRASHES)
        if display:
            self.env["DISPLAY"] = display

    def status_file(self, slot):
        path, = self.root.glob(f"sys/devices/**/{slot}/power/runtime_status")
        return path

    def set_status(self, slot, status):
        self.status_file(slot).write_text(f"{status}\n")

    def run(self, *words, env=None, **more):
        if self.log.exists():
            self.log.unlink()
        return e2e.run(SESSION, "renderer", f"--sysroot={self.root}", *words,
                       env={**self.env, **(env or {})}, **more)

    def ask(self, *words, **more):
        result = self.run("--json", *words, **more)
        assert result.stdout, result
        return json.loads(result.stdout)

    def loaded(self):
        return self.log.read_text().split() if self.log.exists() else []

    def egl_file(self):
        return e2e.write(self.place / "10_nvidia.json", VENDOR_FILE % "libEGL_nvidia.so.0")

    def egl_vendor(self):
        """For behind "--": the test vendor alone."""
        return f"__EGL_VENDOR_LIBRARY_FILENAMES={self.egl_file()}"

    def vulkan_driver(self, library="libnv_test_vulkan.so", name="nvidia_icd.json"):
        return e2e.write(
            self.place / "icd" / name,
            '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s",'
            ' "api_version": "1.3.0"}}' % os.path.join(LIBRARIES, library))


def rig(test, x=True, machine=LAPTOP):
    @functools.wraps(test)
    def body():
        with e2e.place() as place:
            if not x:
                test(Rig(place, None, machine))
                return
            with e2e.xvfb() as display:
                test(Rig(place, display, machine))
    return body


def awake(test):
    """Nothing on the laptop sleeps."""
    @functools.wraps(test)
    def body(here):
        here.set_status(SLEEPER, "active")
        test(here)
    return rig(body)


def on(machine, x=True):
    return lambda test: rig(test, x, machine)


@on("no-gpu")
def test_each_api_of_mesa_is_asked_plainly_and_under_nv_run(here):
    answer = here.ask()
    for way in ("plain", "nv-run"):
        assert sorted(answer[way]) == sorted(APIS), answer
        for api in APIS:
            found = answer[way][api]
            assert found["state"] == "told", found
            assert "llvmpipe" in found["renderer"], found
            assert found["software"] is True and found["gpu"] is None, found
    assert answer["plain"]["egl"]["platform"] == "x11", answer["plain"]["egl"]
    assert answer["plain"]["glx"]["direct"] is True
    assert answer["plain"]["vulkan"]["devices"][0]["type"] == "cpu"


@on("no-gpu")
def test_the_table_says_software_plainly(here):
    result = here.run()
    assert result.returncode == 0, result
    rows = [line.split(None, 3) for line in result.stdout.splitlines()]
    assert rows[0] == ["API", "STARTED", "GPU", "RENDERER"], rows
    assert [row[:3] for row in rows[1:]] == [
        [api, way, "software"] for api in ("EGL", "GLX", "Vulkan") for way in ("plain", "nv-run")]
    assert all("llvmpipe" in row[3] for row in rows[1:]), rows


@on("no-gpu")
def test_api_asks_one_alone(here):
    answer = here.ask("--api", "glx")
    assert list(answer["plain"]) == ["glx"] and list(answer["nv-run"]) == ["glx"], answer


@on("no-gpu", x=False)
def test_without_an_x_server_egl_and_vulkan_answer_and_glx_says_why_not(here):
    answer = here.ask()["plain"]
    assert answer["egl"]["state"] == "told", answer["egl"]
    assert answer["egl"]["platform"] == "surfaceless", answer["egl"]
    assert answer["vulkan"]["state"] == "told", answer["vulkan"]
    assert answer["glx"]["state"] == "unavailable", answer["glx"]
    assert "DISPLAY is not set" in answer["glx"]["text"], answer["glx"]


@on(LAPTOP, x=False)
def test_a_role_of_machine_conf_counts(here):
    result = here.run("--gpu=external", "--api=egl")
    assert "there is no GPU 'external'" in result.stderr, result
    e2e.write(here.root / "etc/nv-run/machine.conf", "[01:00.0]\nrole = external\n")
    result = here.run("--gpu=external", "--api=egl")
    assert "there is no GPU" not in result.stderr and "EGL" in result.stdout, result


@on("no-gpu", x=False)
def test_the_status_is_1_where_nothing_could_be_asked(here):
    assert here.run("--api=glx").returncode == 1
    assert here.run("--api=egl").returncode == 0


@on("no-gpu", x=False)
def test_a_caller_that_ignores_its_children_gets_the_answer(here):
    result = here.run(
        "--json", "--api=egl", "--", "NV_TEST_VENDOR_FAULT=crash", here.egl_vendor(),
        preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    text = json.loads(result.stdout)["plain"]["egl"]["text"]
    assert text == "the driver crashed (SIGSEGV)", result


@on("no-gpu", x=False)
def test_a_server_that_is_not_there_is_a_finding(here):
    found = here.ask("--api=glx", "--display=:4711")["plain"]["glx"]
    assert found["state"] == "unavailable" and ":4711" in found["text"], found


@on("no-gpu")
def test_display_names_the_server_for_both_ways(here):
    display = here.env.pop("DISPLAY")
    answer = here.ask("--api=glx", f"--display={display}")
    assert [answer[way]["glx"]["state"] for way in answer] == ["told", "told"], answer


@awake
def test_glx_with_the_variables_of_nvidia_is_its_library_and_its_gpu(here):
    answer = here.ask("--api=glx", "--", "__GLX_VENDOR_LIBRARY_NAME=nvidia")
    found = answer["plain"]["glx"]
    assert found["renderer"] == "NVIDIA test GPU", found
    assert found["gpu"] == SLEEPER, found
    # The words behind "--" are for the plain program.
    assert "llvmpipe" in answer["nv-run"]["glx"]["renderer"], answer["nv-run"]


@awake
def test_a_warning_of_nv_run_is_part_of_the_answer(here):
    found = here.ask("--api=glx")["nv-run"]["glx"]
    assert any("nv-run: GLX programs stay on" in note for note in found["notes"]), found


@awake
def test_egl_is_mapped_to_a_gpu_by_its_drm_nodes(here):
    for nodes, slot in (("/dev/dri/card0 /dev/dri/renderD129", SLEEPER),
                        ("/dev/dri/card1 /dev/dri/renderD128", DISPLAY_GPU),
                        ("/dev/dri/card7 /dev/dri/renderD17", None)):
        found = here.ask("--api=egl", "--", here.egl_vendor(), "X=1",
                         env={"NV_TEST_VENDOR_NODES": nodes})["plain"]["egl"]
        assert found["vendor"] == "NVIDIA test vendor", found
        assert found["gpu"] == slot, (nodes, found)
        assert [device["gpu"] for device in found["devices"]] == [slot], found


@awake
def test_vulkan_devices_have_the_loaders_order_and_their_slots(here):
    manifest = here.vulkan_driver("libnv_test_vulkan_gpus.so")
    found = here.ask("--api=vulkan", "--", f"VK_DRIVER_FILES={manifest}")["plain"]["vulkan"]
    assert found["state"] == "told", found
    told = [(one["renderer"], one["ids"], one["pci"], one["gpu"]) for one in found["devices"]]
    assert told == [("NVIDIA test GPU", "10de:25a2", SLEEPER, SLEEPER),
                    ("Intel test GPU", "8086:46a6", None, DISPLAY_GPU)], told
    assert found["gpu"] == SLEEPER, found
    result = here.run("--api=vulkan", "--", f"VK_DRIVER_FILES={manifest}")
    assert "behind it Intel test GPU (0000:00:02.0)" in result.stdout, result.stdout


@on("desktop-two-same-nvidia", x=False)
def test_of_twins_a_pci_address_tells_the_slot(here):
    manifest = here.vulkan_driver("libnv_test_vulkan_gpus.so")
    found = here.ask("--api=vulkan", "--", f"VK_DRIVER_FILES={manifest}")["plain"]["vulkan"]
    assert found["gpu"] == "0000:01:00.0", found


@on("desktop-two-same-nvidia")
def test_of_twins_a_vendor_alone_tells_no_slot(here):
    found = here.ask("--api=glx", "--", "__GLX_VENDOR_LIBRARY_NAME=nvidia")["plain"]["glx"]
    assert found["renderer"] == "NVIDIA test GPU" and found["gpu"] is None, found


@on("desktop-two-nvidia")
def test_of_two_gpus_of_a_vendor_the_name_tells_the_slot(here):
    for name, slot in (("NVIDIA GeForce RTX 3090/PCIe/SSE2", "0000:41:00.0"),
                       ("NVIDIA GeForce RTX 3090 Ti/PCIe/SSE2", None)):
        found = here.ask("--api=glx", "--", "__GLX_VENDOR_LIBRARY_NAME=nvidia",
                         env={"NV_TEST_VENDOR_RENDERER": name})["plain"]["glx"]
        assert found["gpu"] == slot, found


def sabotage(here, api, fault):
    changes = [f"NV_TEST_VENDOR_FAULT={fault}", here.egl_vendor(),
               "__GLX_VENDOR_LIBRARY_NAME=nvidia", f"VK_DRIVER_FILES={here.vulkan_driver()}"]
    answer = here.ask(f"--api={api}", "--", *changes)
    assert here.loaded(), "the driver was not loaded at all"
    return answer["plain"]


@awake
def test_a_driver_that_crashes_is_a_finding(here):
    for api in APIS:
        found = sabotage(here, api, "crash")[api]
        assert found["state"] == "failed", found
        assert found["text"] == "the driver crashed (SIGSEGV)", found


@awake
def test_a_driver_that_exits_is_a_finding(here):
    for api in APIS:
        found = sabotage(here, api, "exit")[api]
        assert found["state"] == "failed", found
        assert found["text"] == "the driver ended the program (status 3)", found


@awake
def test_drivers_that_hang_are_findings_within_one_deadline_for_all(here):
    begun = time.monotonic()
    plain = sabotage(here, "all", "hang")
    took = time.monotonic() - begun
    for api in APIS:
        assert plain[api]["state"] == "failed", plain
        assert plain[api]["text"] == "the driver did not answer within 3 s", plain
    # A driver would have slept for a minute, and one after the other they take thrice as long.
    assert took < 20, took


@awake
def test_a_driver_that_prints_breaks_nothing_and_is_told_about(here):
    for api in ("egl", "glx"):
        found = sabotage(here, api, "print")[api]
        assert found["state"] == "told", found
        assert found["vendor"] == "NVIDIA test vendor", found
        assert any("name of a driver that talks, line 0" in note for note in found["notes"]), found


@awake
def test_a_driver_that_forks_answers_once(here):
    found = sabotage(here, "egl", "fork")["egl"]
    assert found["state"] == "told", found
    assert len(found["devices"]) == 1, found


def processes_with(text):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/environ", "rb") as environ:
                if text.encode() in environ.read():
                    found.append(name)
        except OSError:
            pass
    return found


@awake
def test_what_a_driver_started_ends_with_the_question(here):
    begun = time.monotonic()
    found = sabotage(here, "egl", "fork-and-stay")["egl"]
    assert found["state"] == "told", found
    assert time.monotonic() - begun < 20, "its pipes were waited for"
    # Killed before nv-session ended; the kernel may still be at it.
    for _ in range(100):
        left = processes_with(str(here.log))
        if not left:
            break
        time.sleep(0.05)
    assert not left, left


@awake
def test_bad_value_is_explained_as_nvidias_library_without_a_provider(here):
    found = here.ask("--api=glx", "--", "__GLX_VENDOR_LIBRARY_NAME=nvidia",
                     "NV_TEST_VENDOR_FAULT=BadValue")["plain"]["glx"]
    assert found["state"] == "failed", found
    assert found["text"].startswith("BadValue at glXCreateContext: NVIDIA's GLX library"), found


@awake
def test_a_server_that_hangs_up_is_a_finding(here):
    found = here.ask("--api=glx", "--", "__GLX_VENDOR_LIBRARY_NAME=nvidia",
                     "NV_TEST_VENDOR_FAULT=disconnect")["plain"]["glx"]
    assert found["state"] == "failed", found
    assert found["text"] == "the X server closed the connection", found


# Each library's place is laid over with links to all but it.
WITHOUT = """
library=$1; shift
folder=$(dirname "$(ldconfig -p | sed -n "s/.* => \\(.*\\/$library\\)$/\\1/p" | head -n 1)")
folder=$(readlink -f "$folder") || exit 99
mkdir "$PLACE/real" "$PLACE/links" || exit 99
for file in "$folder"/*; do
    name=${file##*/}
    case $name in "$library"*) ;; *) echo "$PLACE/real/$name" ;; esac
done | xargs ln -s -t "$PLACE/links" || exit 99
mount --bind "$folder" "$PLACE/real" && mount --bind "$PLACE/links" "$folder" || exit 99
exec "$@"
"""


def test_a_missing_library_is_a_finding():
    for api, library in (("egl", "libEGL.so.1"), ("vulkan", "libvulkan.so.1"),
                         ("glx", "libX11.so.6")):
        with e2e.place() as place:
            root = machines.unpack("no-gpu", place / "root")
            # ldconfig is not in every user's PATH.
            env = e2e.environment(PLACE=str(place), PATH=e2e.PATH + ":/usr/sbin:/sbin",
                                  DISPLAY=":4711")
            result = e2e.namespace(root, WITHOUT, library, SESSION, "renderer", "--json",
                                   f"--api={api}", env=env)
            assert result.returncode == 1, result
            found = json.loads(result.stdout)["plain"][api]
            assert found["state"] == "unavailable", found
            assert found["text"] == f"{library} is not installed", found


@on("no-gpu", x=False)
def test_run_under_nv_run_it_says_so(here):
    result = e2e.nv_run("-g", "none", "-e", "A=1", SESSION, "renderer", "--api=glx", env=here.env)
    assert "nv-run --undo" in result.stderr, result
    assert "nv-run --undo" not in here.run("--api=glx").stderr


@on("no-gpu", x=False)
def test_a_missing_nv_run_is_a_finding(here):
    alone = here.place / "alone" / "nv-session"
    alone.parent.mkdir()
    shutil.copy(SESSION, alone)
    result = e2e.run(alone, "renderer", "--json", "--api=egl", f"--sysroot={here.root}",
                     env=here.env)
    answer = json.loads(result.stdout)
    assert answer["plain"]["egl"]["state"] == "told", answer
    assert answer["nv-run"]["egl"]["state"] == "unavailable", answer
    assert "no nv-run next to" in answer["nv-run"]["egl"]["text"], answer


@on("no-gpu", x=False)
def test_wrong_words_are_told(here):
    for words, status, what in ((["--", "NAME"], 2, "NAME=VALUE"), (["--", "=x"], 2, "NAME=VALUE"),
                                (["--gpu=nonsense"], 1, "nonsense"),
                                (["--gpu=nvidia"], 1, "no ")):
        result = here.run(*words)
        assert result.returncode == status, result
        assert what in result.stderr and not result.stdout, result


if __name__ == "__main__":
    tap.run(e2e.tests(globals()))
