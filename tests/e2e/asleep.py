# SPDX-License-Identifier: MIT
"""nv-session renderer where a GPU sleeps: what is not asked, and which drivers are kept out."""
import json

import e2e
from e2e import tap
from graphics import VENDOR_FILE
from renderer import APIS, SESSION, SLEEPER, on, rig


@rig
def test_a_sleeping_gpu_is_not_asked_and_its_driver_is_kept_out(here):
    answer = here.ask()
    for api in APIS:
        found = answer["nv-run"][api]
        assert found["state"] == "asleep", found
        assert f"--gpu {SLEEPER} asks" in found["text"], found
        assert answer["plain"][api]["state"] == "told", answer["plain"]
    for api in ("egl", "vulkan"):
        assert answer["plain"][api]["notes"] == [
            f"asked without NVIDIA's driver, as {SLEEPER} sleeps"], answer["plain"]
    assert not here.loaded()


def in_its_place(here, *words):
    """The laptop in place of this machine, NVIDIA's libraries installed where the loaders look."""
    vendors = here.place / "egl_vendor.d"
    e2e.write(vendors / "10_nvidia.json", VENDOR_FILE % "libEGL_nvidia.so.0")
    e2e.write(vendors / "50_mesa.json", VENDOR_FILE % "libEGL_mesa.so.0")
    data = here.place / "data"
    manifest = here.vulkan_driver()
    e2e.write(data / "vulkan/icd.d/nvidia_icd.json", manifest.read_text())
    if here.log.exists():
        here.log.unlink()
    result = e2e.namespace(
        here.root, f'mount --bind {vendors} /usr/share/glvnd/egl_vendor.d || exit 99; exec "$@"',
        SESSION, "renderer", "--json", *words,
        env={**here.env, "XDG_DATA_DIRS": f"{data}:/usr/share"})
    assert result.stdout, result
    return json.loads(result.stdout)


@rig
def test_no_loader_opens_the_driver_of_a_sleeping_gpu(here):
    in_its_place(here)
    assert not here.loaded(), here.loaded()
    # The same where it is awake: the test would see it.
    here.set_status(SLEEPER, "active")
    in_its_place(here)
    assert {"egl", "vulkan"} <= set(here.loaded()), here.loaded()


@rig
def test_gpu_asks_a_sleeping_gpu_through_nv_run(here):
    answer = in_its_place(here, f"--gpu={SLEEPER}")
    assert answer["nv-run"]["egl"]["vendor"] == "NVIDIA test vendor", answer["nv-run"]
    assert answer["nv-run"]["egl"]["gpu"] == SLEEPER, answer["nv-run"]
    assert {"egl", "vulkan"} <= set(here.loaded()), here.loaded()
    # The other one does not: nothing wakes.
    in_its_place(here, "--gpu=integrated")
    assert not here.loaded(), here.loaded()


@rig
def test_variables_that_would_wake_a_gpu_are_not_tried_out(here):
    for api, change in (("glx", "__GLX_VENDOR_LIBRARY_NAME=nvidia"), ("egl", here.egl_vendor()),
                        ("vulkan", f"VK_DRIVER_FILES={here.vulkan_driver()}"),
                        ("vulkan", "__NV_PRIME_RENDER_OFFLOAD=1")):
        found = here.ask(f"--api={api}", "--", change)["plain"][api]
        assert found["state"] == "asleep", found
        assert change.split("=")[0] in found["text"], found
        assert not here.loaded(), here.loaded()
        found = here.ask(f"--api={api}", f"--gpu={SLEEPER}", "--", change)["plain"][api]
        assert found["state"] != "asleep", found


@on("laptop-amd-amd")
def test_a_sleeping_gpu_of_mesa_leaves_glx_alone_to_ask(here):
    result = here.run("--json")
    plain = json.loads(result.stdout)["plain"]
    assert plain["glx"]["state"] == "told", plain
    for api in ("egl", "vulkan"):
        assert plain[api]["state"] == "asleep", plain
        assert "--gpu 0000:" in plain[api]["text"], plain


@on("desktop-two-nvidia")
def test_of_two_gpus_of_nvidia_one_is_not_asked_while_the_other_sleeps(here):
    sleeper = "0000:41:00.0"
    here.set_status(sleeper, "suspended")
    answer = here.ask("--api=vulkan", "--gpu=0000:01:00.0")
    assert answer["nv-run"]["vulkan"]["state"] == "asleep", answer
    assert sleeper in answer["nv-run"]["vulkan"]["text"], answer
    assert answer["plain"]["vulkan"]["notes"], answer
    assert here.ask("--api=vulkan", "--gpu=none")["nv-run"]["vulkan"]["state"] == "told"


@rig
def test_a_gpu_that_woke_all_the_same_is_told(here):
    data = here.place / "data"
    manifest = here.vulkan_driver()
    for name, woke in (("nvidia_icd.json", False), ("other_icd.json", True)):
        e2e.write(data / "vulkan/icd.d" / name, manifest.read_text())
        result = here.run("--api=vulkan", env={
            "XDG_DATA_DIRS": f"{data}:/usr/share",
            "NV_TEST_VENDOR_WAKES": str(here.status_file(SLEEPER))})
        assert (f"{SLEEPER} woke up" in result.stderr) == woke, (name, result)


@rig
def test_egl_without_an_x_server_is_not_asked_while_a_gpu_sleeps(here):
    del here.env["DISPLAY"]
    assert here.ask("--api=egl")["plain"]["egl"]["state"] == "asleep"
    # Nor does it look elsewhere where the server turns out not to be there.
    found = here.ask("--api=egl", "--display=:4711")["plain"]["egl"]
    assert found["state"] == "none" and not found["platform"], found


if __name__ == "__main__":
    tap.run(e2e.tests(globals()))
