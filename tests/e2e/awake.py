# SPDX-License-Identifier: MIT
"""nv-gpu awake: each reason on a machine that has it, and on the same one that does not."""
import json
import os
import signal
import subprocess

import e2e
import machines
from ps import NV_GPU, process

NVIDIA = "sys/devices/pci0000:00/0000:00:01.0/0000:01:00"


def laptop(place, status="active"):
    """The laptop, its NVIDIA GPU awake and otherwise at rest."""
    root = machines.unpack(e2e.LAPTOP, place / "machine")
    e2e.write(root / f"{NVIDIA}.0/power/runtime_status", status + "\n")
    return root


def ask(root, gpu="nvidia"):
    result = e2e.run(NV_GPU, "awake", gpu, "--json", "--sysroot", root)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)[0]


def reasons(root):
    return {reason["id"]: reason for reason in ask(root)["reasons"]}


def check(change, name, status="active"):
    """The reason is there with the change, and not without it."""
    with e2e.place() as place:
        root = laptop(place, status)
        assert name not in reasons(root), reasons(root)
        change(root)
        found = reasons(root)
        assert name in found, found
        assert found[name]["do"], found
        return found[name]


def test_a_gpu_asleep_is_said_to_be_asleep():
    with e2e.place() as place:
        root = laptop(place, "suspended")
        assert ask(root)["asleep"] is True
        assert ask(root)["reasons"] == []
        text = e2e.run(NV_GPU, "awake", "nvidia", "--sysroot", root).stdout
        assert " is asleep" in text.splitlines()[0], text
        assert " is awake" in e2e.run(NV_GPU, "awake", "nvidia", "--sysroot",
                                      laptop(place / "b")).stdout


def test_a_holder_is_named():
    found = check(lambda root: process(root, 10, "game", ["/dev/nvidia0"]), "holder")
    assert "game (10, 1000) holds /dev/nvidia0" in found["what"], found


def test_a_mapping_is_named():
    found = check(lambda root: process(root, 10, maps="1-2 rw-s 0 00:06 5 /dev/nvidia0\n"),
                  "mapping")
    assert "no longer open" in found["what"], found


def test_who_holds_what_is_common_keeps_no_gpu_awake():
    with e2e.place() as place:
        root = laptop(place)
        process(root, 10, "compositor", ["/dev/nvidiactl"])
        assert "holder" not in reasons(root)


def test_the_persistence_daemon_is_named():
    check(lambda root: process(root, 10, "nvidia-persiste", ["/dev/nvidia0"]), "persistence")


def test_an_audio_function_that_may_not_sleep_is_named():
    found = check(lambda root: e2e.write(root / f"{NVIDIA}.1/power/control", "on\n"), "control")
    assert "0000:01:00.1 (audio)" in found["what"], found
    assert found["do"] == "echo auto > /sys/bus/pci/devices/0000:01:00.1/power/control", found


def test_an_audio_function_that_is_active_is_named():
    check(lambda root: e2e.write(root / f"{NVIDIA}.1/power/runtime_status", "active\n"),
          "function")


def test_d3cold_that_is_not_allowed_is_named():
    check(lambda root: e2e.write(root / f"{NVIDIA}.0/d3cold_allowed", "0\n"), "d3cold")


def test_a_monitor_is_named():
    def plug(root):
        connector = root / f"{NVIDIA}.0/drm/card0/card0-HDMI-A-9"
        e2e.write(connector / "status", "connected\n")
        os.symlink("../../devices/pci0000:00/0000:00:01.0/0000:01:00.0/drm/card0/card0-HDMI-A-9",
                   root / "sys/class/drm/card0-HDMI-A-9")
    check(plug, "output")


def test_the_text_console_is_named():
    def console(root):
        e2e.write(root / f"{NVIDIA}.0/graphics/fb0/dev", "29:0\n")
        e2e.write(root / "sys/class/vtconsole/vtcon1/name", "(M) frame buffer device\n")
        e2e.write(root / "sys/class/vtconsole/vtcon1/bind", "1\n")
    found = check(console, "console")
    assert found["do"] == "echo 0 > /sys/class/vtconsole/vtcon1/bind", found


def test_a_driver_that_does_not_let_it_sleep_is_named():
    path = "proc/driver/nvidia/gpus/0000:01:00.0/power"
    found = check(lambda root: e2e.write(root / path, "Runtime D3 status:   Disabled by default\n"),
                  "module")
    assert "Disabled by default" in found["what"], found


def test_uses_beyond_what_is_seen_are_the_drivers():
    with e2e.place() as place:
        root = laptop(place)
        e2e.write(root / f"{NVIDIA}.0/power/runtime_usage", "3\n")
        assert "3 uses beyond" in reasons(root)["driver"]["what"]
        process(root, 10, "game", ["/dev/nvidia0"])
        assert "driver" not in reasons(root)


def test_garbage_in_sys_harms_nothing():
    with e2e.place() as place:
        root = laptop(place)
        for name in ("runtime_status", "control", "runtime_usage"):
            e2e.write(root / f"{NVIDIA}.0/power/{name}", os.urandom(5000))
        e2e.write(root / f"{NVIDIA}.0/d3cold_allowed", "")
        result = e2e.run(NV_GPU, "awake", "--json", "--sysroot", root)
        assert result.returncode == 0, result.stderr
        json.loads(result.stdout)


def test_every_machine_answers():
    for name in machines.names():
        with e2e.place() as place:
            root = machines.unpack(name, place / "machine")
            result = e2e.run(NV_GPU, "awake", "--json", "--sysroot", root)
            assert result.returncode == 0, (name, result.stderr)
            json.loads(result.stdout)


def watch(sign):
    """A watch that sees a game wake the GPU; what it wrote."""
    with e2e.place() as place:
        root = laptop(place, "suspended")
        process(root, 9, "compositor", ["/dev/nvidia0"])
        with subprocess.Popen([NV_GPU, "awake", "nvidia", "--watch", "--json", "--sysroot", root],
                              stdout=subprocess.PIPE, text=True, env=e2e.environment()) as child:
            lines = [json.loads(child.stdout.readline())]
            process(root, 10, "game", ["/dev/nvidia0"])
            # As the kernel does it: the attribute stays the same file.
            (root / f"{NVIDIA}.0/power/runtime_status").write_text("active\n")
            lines.append(json.loads(child.stdout.readline()))
            child.send_signal(sign)
            assert child.wait(10) == 0
        return lines


def test_a_watch_names_what_is_new_and_ends_on_a_signal():
    for sign in (signal.SIGINT, signal.SIGTERM):
        first, second = watch(sign)
        assert (first["event"], first["by"]) == ("asleep", []), first
        assert second["event"] == "awake", second
        assert [x["name"] for x in second["by"]] == ["game"], second


if __name__ == "__main__":
    e2e.tap.run(e2e.tests(globals()))
