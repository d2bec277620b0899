# SPDX-License-Identifier: MIT
"""nv-gpu list, beside lspci and nv-run on the same machines; and that looking wakes nothing."""
import json
import os
import re

import e2e
import machines
import tree
from e2e import tap
from ps import NV_GPU

LSPCI = re.compile(r"^(\S+) ([^:]+): (.*?)(?: \(rev [0-9a-f]+\))?(?: \(prog-if [^)]*\))?$")
IDS = re.compile(r" \[([0-9a-f]{4}:[0-9a-f]{4})\](?: \(rev [0-9a-f]+\))?(?: \(prog-if [^)]*\))?$")
DISPLAY = re.compile(r"VGA|3D|Display|Class 03")

# Opening one of these wakes a GPU that sleeps; a path that is looked at unopened (O_PATH) does not.
OPENED = re.compile(r'open\w*\((?:AT_FDCWD|\d+), "(?P<path>[^"]+)", (?P<how>[^)]*)')
WAKES = re.compile(r"/sys/[^\"]*/config$|/dev/nvidia[^\"]*$|/dev/dri/(card|renderD|control)\d+$"
                   r"|/(current|max)_link_(speed|width)$|libnvidia-ml")

# Everything that only looks, with what it exits with.
LOOKING = [
    (["list"], [0]),
    (["list", "--json"], [0]),
    (["show"], [0]),
    (["show", "--json"], [0]),
    (["show", "nvidia"], [0]),
    (["ps"], [0]),
    (["ps", "--json"], [0]),
    (["awake"], [0]),
    (["awake", "--json"], [0]),
    (["doctor"], [0, 1]),
    (["doctor", "--json"], [0, 1]),
]


def listed(root, *words):
    result = e2e.run(NV_GPU, "list", "--json", "--sysroot", root, *words)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def laptop(place):
    return machines.unpack(e2e.LAPTOP, place / "machine")


def test_names_and_roles_are_those_of_nv_run():
    for name in machines.names():
        with e2e.place() as place:
            root = machines.unpack(name, place / "machine")
            ours = listed(root)
            theirs = json.loads(e2e.nv_run("--list", "--json", "--sysroot", root).stdout)
            for key in ("slot", "name", "driver", "role", "boot", "card", "render", "uuid"):
                assert [x[key] for x in ours] == [x[key] for x in theirs], (name, key)


def test_machine_conf_gives_roles():
    with e2e.place() as place:
        root = laptop(place)
        assert [x["role"] for x in listed(root)] == ["integrated", "discrete"]
        e2e.write(root / "etc/nv-run/machine.conf", "[01:00.0]\nrole = external\nrole = nonsense\n")
        found = listed(root)
        assert [x["role"] for x in found] == ["integrated", "external"], found
        assert found[1]["role-why"] == "/etc/nv-run/machine.conf:2 says so", found
        result = e2e.run(NV_GPU, "list", "--sysroot", root)
        assert "machine.conf:3:8: expected one of" in result.stderr, result.stderr
        # Selectors go by it too.
        text = e2e.run(NV_GPU, "show", "external", "--sysroot", root).stdout
        assert text.startswith("01:00.0 "), text


def test_a_machine_conf_that_others_may_write_is_not_obeyed():
    with e2e.place() as place:
        root = laptop(place)
        e2e.write(root / "etc/nv-run/machine.conf", "[01:00.0]\nrole = external\n", 0o666)
        result = e2e.run(NV_GPU, "list", "--json", "--sysroot", root)
        assert [x["role"] for x in json.loads(result.stdout)] == ["integrated", "discrete"]
        assert "not read: it can be written by everybody" in result.stderr, result.stderr


def test_what_is_not_known_is_null():
    with e2e.place() as place:
        root = laptop(place)
        intel = listed(root)[0]
        assert [intel[x] for x in ("nvidia-minor", "uuid", "driver-version")] == [None] * 3, intel
        assert ": -1" not in json.dumps(listed(root))


def test_the_version_of_a_driver_that_came_from_elsewhere_is_told():
    with e2e.place() as place:
        root = laptop(place)
        assert [x["driver-version"] for x in listed(root)] == [None, "550.163.01"]
        e2e.write(root / "sys/module/i915/version", "1.23.10\n")
        assert listed(root)[0]["driver-version"] == "1.23.10"
        # Of a driver whose number counts nothing, none is.
        machines.set_driver(root / "sys/devices/pci0000:00/0000:00:02.0", "vfio-pci")
        e2e.write(root / "sys/module/vfio-pci/version", "0.2\n")
        assert listed(root)[0]["driver-version"] is None


def test_how_deep_one_sleeps_is_told():
    with e2e.place() as place:
        root = laptop(place)
        assert listed(root)[1]["power-state"] == "D3cold"
        text = e2e.run(NV_GPU, "list", "--sysroot", root).stdout
        assert "suspended (D3cold)" in text, text


def test_a_name_cannot_disturb_the_terminal():
    with e2e.place() as place:
        root = laptop(place)
        e2e.write(root / "proc/driver/nvidia/gpus/0000:01:00.0/information",
                  "Model: \x1b[2JX\nVideo BIOS: \x1b[3JY\n")
        text = e2e.run(NV_GPU, "list", "--sysroot", root).stdout
        assert "?[2JX" in text and "\x1b" not in text, text
        text = e2e.run(NV_GPU, "show", "--sysroot", root).stdout
        assert "?[2JX" in text and "?[3JY" in text and "\x1b" not in text, text


def lspci(root, *words):
    result = tree.over(root, 'exec lspci "$@"', "-D", *words)
    assert result.returncode == 0, result.stderr
    return [LSPCI.match(line).groups() for line in result.stdout.splitlines()]


def beside_lspci(name):
    e2e.needs("lspci")
    with e2e.place() as place:
        root = tree.complete(machines.unpack(name, place / "machine"))
        theirs = {slot: rest for slot, kind, rest in lspci(root) if DISPLAY.search(kind)}
        result = tree.over(root, 'exec "$@"', NV_GPU, "list", "--json")
        assert result.returncode == 0, result.stderr
        ours = {x["slot"]: x for x in json.loads(result.stdout)}
        assert sorted(ours) == sorted(theirs) and ours, (ours, theirs)
        for slot, gpu in ours.items():
            assert gpu["pci-name"] == theirs[slot], (gpu, theirs[slot])
        numbered = tree.over(root, "exec lspci -D -nn").stdout.splitlines()
        ids = {x.split(" ")[0]: IDS.search(x).group(1) for x in numbered}
        assert {slot: ids[slot] for slot in ours} == {x["slot"]: x["ids"] for x in ours.values()}
        # And show has each function's from libpci.
        every = {slot: (kind, rest) for slot, kind, rest in lspci(root)}
        result = tree.over(root, 'exec "$@"', NV_GPU, "show", "--json")
        for gpu in json.loads(result.stdout):
            for function in gpu["functions"]:
                said = (function["class"], function["name"])
                assert said[1] == every[function["slot"]][1], (function, every)
                # This machine's file has classes, the recorded ones need not.
                assert "Class" in every[function["slot"]][0] or said == every[function["slot"]]


def test_a_gpu_that_pci_ids_does_not_have_is_called_as_lspci_calls_it():
    e2e.needs("lspci")
    with e2e.place() as place:
        root = laptop(place)
        nvidia = root / "sys/bus/pci/devices/0000:01:00.0"
        for vendor, device in (("10DE", "FFF7"), ("FFF8", "0001")):
            machines.set_ids(nvidia, vendor, device)
            tree.complete(root)
            theirs = {slot: rest for slot, _, rest in lspci(root)}
            ours = json.loads(tree.over(root, 'exec "$@"', NV_GPU, "list", "--json").stdout)
            assert ours[1]["pci-name"] == theirs["0000:01:00.0"], (ours, theirs)
            assert device.lower() in ours[1]["pci-name"]


def opened(text):
    """What a trace shows as opened that wakes."""
    return [x.group("path") for x in OPENED.finditer(text)
            if "O_PATH" not in x.group("how") and WAKES.search(x.group("path"))]


def traced(root, *command, expected=None):
    """The trace of a command on true paths."""
    # The trace goes to the machine's directory: /dev, /sys and parts of /proc are not ours there.
    trace = root / "trace"
    result = tree.over(root, 'exec "$@"', "strace", "-f", "-e", "trace=open,openat,openat2", "-o",
                       trace, *command, env=e2e.environment(**e2e.TRACED), timeout=60)
    assert expected is None or result.returncode in expected, (command, result)
    return trace.read_text(errors="replace")


def test_the_check_sees_what_it_looks_for():
    e2e.needs("strace", "lspci")
    with e2e.place() as place:
        root = tree.complete(laptop(place))
        nvidia = "/sys/bus/pci/devices/0000:01:00.0"
        e2e.write(root / f"{nvidia[1:]}/current_link_speed", "2.5 GT/s PCIe\n")
        for path in (f"{nvidia}/config", "/dev/nvidia0", "/dev/dri/card0", "/dev/dri/renderD129",
                     f"{nvidia}/current_link_speed"):
            assert opened(traced(root, "cat", path)) == [path], path
        assert any("config" in path for path in opened(traced(root, "lspci", "-D")))


def test_only_wake_opens_what_wakes():
    e2e.needs("strace")
    with e2e.place() as place:
        root = tree.complete(laptop(place))
        woken = opened(traced(root, NV_GPU, "show", "nvidia", "--wake", expected=[0]))
        assert any(path.endswith("/config") for path in woken), woken
        assert "/dev/dri/renderD129" in woken, woken


def wakes_nothing(words, expected):
    e2e.needs("strace")
    with e2e.place() as place:
        root = tree.complete(laptop(place))
        for slot in ("0000:00:01.0", "0000:01:00.0"):
            for name, text in (("current_link_speed", "2.5 GT/s PCIe"), ("max_link_width", "16")):
                e2e.write(root / f"sys/bus/pci/devices/{slot}/{name}", text + "\n")
        text = traced(root, NV_GPU, *words, expected=expected)
        assert "class/drm" in text, "the trace shows nothing"
        assert not opened(text), opened(text)
        # The same of a recording, whose paths are below its root.
        recorded = root / "recorded"
        result = e2e.run("strace", "-f", "-e", "trace=open,openat,openat2", "-o", recorded,
                         NV_GPU, *words, "--sysroot", root, env=e2e.environment(**e2e.TRACED))
        assert result.returncode in expected, result
        assert not opened(recorded.read_text(errors="replace"))


def test_the_link_of_a_gpu_that_is_awake_is_read():
    """Else the trace above would prove nothing about links."""
    e2e.needs("strace")
    with e2e.place() as place:
        root = tree.complete(laptop(place))
        nvidia = root / "sys/bus/pci/devices/0000:01:00.0"
        e2e.write(nvidia / "power/runtime_status", "active\n")
        e2e.write(nvidia / "current_link_speed", "2.5 GT/s PCIe\n")
        assert any("link" in path for path in opened(traced(root, NV_GPU, "show")))


def test_garbage_in_sys_harms_nothing():
    with e2e.place() as place:
        root = laptop(place)
        noise = os.urandom(100000)
        for path in list(root.rglob("*")):
            if path.is_file() and not path.is_symlink():
                path.write_bytes(noise[:len(path.name) * 999])
        for command in ("list", "show"):
            for form in ([], ["--json"]):
                result = e2e.run(NV_GPU, command, *form, "--sysroot", root)
                assert result.returncode == 0, (command, result)
                if form:
                    json.loads(result.stdout)


def test_a_machine_without_anything_is_answered():
    with e2e.place() as place:
        assert listed(place) == []
        for command in ("list", "show"):
            text = e2e.run(NV_GPU, command, "--sysroot", place).stdout
            assert text == "There is no GPU on this machine.\n", text


BESIDE = ["laptop-intel-nvidia", "laptop-amd-nvidia", "desktop-vfio", "desktop-two-same-nvidia",
          "workstation-domain-1", "laptop-egpu", "server-eight-gpus"]

if __name__ == "__main__":
    tap.run(e2e.tests(globals()) +
            [(f"{name} has the GPUs and names that lspci has", lambda name=name: beside_lspci(name))
             for name in BESIDE] +
            [(f"nv-gpu {' '.join(words)} wakes nothing",
              lambda words=words, expected=expected: wakes_nothing(words, expected))
             for words, expected in LOOKING])
