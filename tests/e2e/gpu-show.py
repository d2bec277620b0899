# SPDX-License-Identifier: MIT
"""nv-gpu show: each fact on a machine that has it, and what is said where it cannot be had."""
import json
import os
import shutil
import time

import e2e
import machines
import tree
from e2e import tap
from ps import NV_GPU

INTEL = "sys/devices/pci0000:00/0000:00:02.0"
PORT = "sys/devices/pci0000:00/0000:00:01.0"
NVIDIA = f"{PORT}/0000:01:00.0"
LIBRARIES = "usr/lib/x86_64-linux-gnu"


def laptop(place):
    return machines.unpack(e2e.LAPTOP, place / "machine")


def show(root, gpu="nvidia"):
    result = e2e.run(NV_GPU, "show", gpu, "--json", "--sysroot", root)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)[0]


def text(root, gpu="nvidia"):
    result = e2e.run(NV_GPU, "show", gpu, "--sysroot", root)
    assert result.returncode == 0, result.stderr
    return result.stdout


def link(root, place, target):
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    if (root / place).is_symlink() or (root / place).exists():
        (root / place).unlink()
    os.symlink(target, root / place)


def speeds(root, device, **attributes):
    for name, value in attributes.items():
        e2e.write(root / device / name, value + "\n")


def test_every_machine_answers():
    for name in machines.names():
        with e2e.place() as place:
            root = machines.unpack(name, place / "machine")
            for form in ([], ["--json"]):
                result = e2e.run(NV_GPU, "show", *form, "--sysroot", root)
                assert result.returncode == 0, (name, result.stderr)
                if form:
                    json.loads(result.stdout)


def test_one_is_shown_or_all():
    with e2e.place() as place:
        root = laptop(place)
        for word in ("01:00.0", "0000:01:00", "nvidia", "discrete"):
            assert show(root, word)["slot"] == "0000:01:00.0", word
        every = json.loads(e2e.run(NV_GPU, "show", "--json", "--sysroot", root).stdout)
        assert [x["slot"] for x in every] == ["0000:00:02.0", "0000:01:00.0"], every
        result = e2e.run(NV_GPU, "show", "05:00.0", "--sysroot", root)
        assert result.returncode == 1 and "there is no GPU" in result.stderr, result


def test_a_slot_is_understood_as_other_programs_write_it():
    with e2e.place() as place:
        root = laptop(place)
        for word in ("01:00", "1:0.0", "00000000:01:00.0", "PCI:1:0:0", "PCI:1@0:0:0", "pci:1:0"):
            assert show(root, word)["slot"] == "0000:01:00.0", word
        root = machines.unpack("workstation-domain-1", place / "domain")
        for word in ("0001:0a:00.0", "0001:0A:00", "00000001:0A:00.0", "PCI:10@1:0:0"):
            assert show(root, word)["slot"] == "0001:0a:00.0", word
        for word in ("0a:00.0", "PCI:10:0:0", "0001:0a:00.1"):
            result = e2e.run(NV_GPU, "show", word, "--sysroot", root)
            assert result.stderr == (f"nv-gpu: there is no GPU '{word}'; 'nv-gpu list' shows those "
                                     "there are\n"), result.stderr
        result = e2e.run(NV_GPU, "show", "10de:2204", "--sysroot", root)
        assert result.stdout.startswith("0001:0a:00.0 "), result


def test_what_is_no_GPU_is_said_once():
    with e2e.place() as place:
        root = laptop(place)
        for word in ("zz", "nvida", "01:00.", "PCI:01:00.0"):
            for command in ("show", "ps", "awake"):
                result = e2e.run(NV_GPU, command, word, "--sysroot", root)
                assert result.returncode == 1, result
                assert result.stderr.count(f"'{word}'") == 1, result.stderr


def test_further_arguments_are_wrong_usage():
    for command in ("show", "ps", "awake"):
        result = e2e.run(NV_GPU, command, "nvidia", "extra")
        assert result.returncode == 2 and not result.stdout, result
        assert f"'extra' is too much for '{command} [GPU]'" in result.stderr, result.stderr
    result = e2e.run(NV_GPU, "lst")
    assert result.stderr == "nv-gpu: unknown command 'lst'; did you mean 'list'?\n", result.stderr


def test_functions_have_drivers_and_power():
    with e2e.place() as place:
        root = laptop(place)
        e2e.write(root / f"{NVIDIA}/d3cold_allowed", "1\n")
        own, audio = show(root)["functions"]
        assert (own["driver"], own["status"], own["state"], own["control"]) == (
            "nvidia", "suspended", "D3cold", "auto"), own
        assert own["d3cold-allowed"] is True and audio["d3cold-allowed"] is None
        assert (audio["class"], audio["driver"], audio["ids"]) == (
            "Audio device", "snd_hda_intel", "10de:2291"), audio


def test_an_iommu_group_names_its_other_members():
    with e2e.place() as place:
        root = laptop(place)
        assert show(root)["iommu"] is None
        assert "there is no IOMMU" in text(root)
        for slot, up in (("0000:00:01.0", ""), ("0000:01:00.0", "0000:00:01.0/"),
                         ("0000:01:00.1", "0000:00:01.0/")):
            link(root, f"sys/kernel/iommu_groups/17/devices/{slot}",
                 f"../../../../devices/pci0000:00/{up}{slot}")
            link(root, f"sys/devices/pci0000:00/{up}{slot}/iommu_group",
                 "../" * (4 if up else 3) + "kernel/iommu_groups/17")
        e2e.write(root / "sys/kernel/iommu_groups/17/type", "DMA-FQ\n")
        link(root, f"{PORT}/driver", "../../../bus/pci/drivers/pcieport")
        found = show(root)
        assert found["iommu"] == {"group": "17", "type": "DMA-FQ", "others": [
            {"slot": "0000:00:01.0", "class": "PCI bridge", "driver": "pcieport"}]}, found
        assert [x["iommu-group"] for x in found["functions"]] == ["17", "17"]
        assert "0000:00:01.0 PCI bridge: driver pcieport" in text(root)


def awake_with_link(root, speed="8.0 GT/s PCIe", width="8"):
    e2e.write(root / f"{NVIDIA}/power/runtime_status", "active\n")
    e2e.write(root / f"{NVIDIA}/power_state", "D0\n")
    speeds(root, NVIDIA, current_link_speed=speed, current_link_width=width,
           max_link_speed="16.0 GT/s PCIe", max_link_width="16")
    speeds(root, PORT, max_link_speed="16.0 GT/s PCIe", max_link_width="16")


def test_the_link_of_a_gpu_that_is_awake_is_told():
    with e2e.place() as place:
        root = laptop(place)
        awake_with_link(root)
        found = show(root)["link"]
        assert found == {
            "state": "known", "speed": "8.0 GT/s", "width": 8,
            "card": {"slot": "0000:01:00.0", "max-speed": "16.0 GT/s", "max-width": 16},
            "port": {"slot": "0000:00:01.0", "max-speed": "16.0 GT/s", "max-width": 16}}, found
        assert "narrower than both can do" in text(root)
        awake_with_link(root, "16.0 GT/s PCIe", "16")
        assert "than both can do" not in text(root)
        # As kernels before 5.7 write it.
        awake_with_link(root, "8 GT/s", "16")
        assert show(root)["link"]["speed"] == "8.0 GT/s"
        assert "slower than both can do" in text(root)


def test_the_link_of_a_gpu_asleep_is_asleep():
    with e2e.place() as place:
        root = laptop(place)
        awake_with_link(root)
        for status in ("suspended", "suspending", "resuming", "error"):
            e2e.write(root / f"{NVIDIA}/power/runtime_status", status + "\n")
            found = show(root)["link"]
            assert (found["state"], found["speed"]) == ("asleep", None), (status, found)
            assert "asleep; --wake" in text(root)


def test_a_link_that_answers_nonsense_is_unknown():
    with e2e.place() as place:
        root = laptop(place)
        for speed, width in (("Unknown", "63"), ("2.5 GT/s PCIe", "63"), ("Unknown", "0"),
                             ("", ""), ("9" * 3000, "1e9")):
            awake_with_link(root, speed, width)
            assert show(root)["link"]["state"] == "unknown", (speed, width)


def test_a_gpu_of_the_cpu_has_no_link():
    with e2e.place() as place:
        root = laptop(place)
        speeds(root, INTEL, current_link_speed="Unknown", current_link_width="0")
        assert show(root, "intel")["link"] == {"state": "none"}
        assert "Link" not in text(root, "intel")
    # An APU is behind a bridge, and says what its inside would do.
    with e2e.place() as place:
        root = machines.unpack("laptop-amd-nvidia", place / "machine")
        gpu = os.path.realpath(root / "sys/bus/pci/devices" / show(root, "amd")["slot"])
        assert os.path.basename(os.path.dirname(gpu)).startswith("0000:"), gpu
        speeds(root, os.path.relpath(gpu, root), current_link_speed="16.0 GT/s PCIe",
               current_link_width="16")
        assert show(root, "amd")["link"] == {"state": "none"}


def test_a_card_with_a_switch_is_plugged_in_with_the_switch():
    """An AMD card: what its GPU says is true of the card's inside alone."""
    with e2e.place() as place:
        top = "sys/devices/pci0000:00/0000:00:01.0"
        up, down = f"{top}/0000:01:00.0", f"{top}/0000:01:00.0/0000:02:00.0"
        gpu = f"{down}/0000:03:00.0"
        root = place / "machine"
        for path, vendor, kind, device in ((top, "0x1022", "0x060400", "0x14db"),
                                           (up, "0x1002", "0x060400", "0x1478"),
                                           (down, "0x1002", "0x060400", "0x1479"),
                                           (gpu, "0x1002", "0x030000", "0x744c")):
            for name, value in (("vendor", vendor), ("class", kind), ("device", device)):
                e2e.write(root / path / name, value + "\n")
            link(root, f"sys/bus/pci/devices/{os.path.basename(path)}",
                 f"../../../{path[4:]}")
            speeds(root, path, current_link_speed="16.0 GT/s PCIe", current_link_width="16",
                   max_link_speed="16.0 GT/s PCIe", max_link_width="16")
        e2e.write(root / gpu / "uevent", "DRIVER=amdgpu\nPCI_CLASS=30000\nPCI_ID=1002:744C\n")
        e2e.write(root / gpu / "power/runtime_status", "active\n")
        speeds(root, up, current_link_width="4")
        found = show(root, "03:00.0")["link"]
        assert (found["width"], found["card"]["slot"], found["port"]["slot"]) == (
            4, "0000:01:00.0", "0000:00:01.0"), found


def edid(name=b"DELL U2720Q"):
    block = bytearray(128)
    block[:12] = b"\0\xff\xff\xff\xff\xff\xff\0\x10\xac\xb1\xa0"
    if name:
        block[72:90] = b"\0\0\0\xfc\0" + name.ljust(13, b"\n")[:13]
    return bytes(block)


def test_connectors_tell_their_state_and_monitor():
    with e2e.place() as place:
        root = laptop(place)
        panel = root / f"{INTEL}/drm/card1/card1-eDP-1"
        e2e.write(panel / "enabled", "enabled\n")
        e2e.write(root / f"{INTEL}/drm/card1/card1-DP-1/enabled", "disabled\n")
        for data, name in ((edid(), "DELL U2720Q"), (edid(b""), "DEL a0b1"), (b"", None),
                           (edid()[:100], None), (os.urandom(40000), None),
                           (edid(b"\x1b[2J" + b"x" * 9), "DEL a0b1")):
            e2e.write(panel / "edid", data)
            found = {x["name"]: x for x in show(root, "intel")["connectors"]}
            assert found["eDP-1"] == {"name": "eDP-1", "status": "connected", "lit": True,
                                      "monitor": name}, (data[:20], found)
            assert found["DP-1"]["status"] == "disconnected" and not found["DP-1"]["lit"]
        e2e.write(panel / "edid", edid())
        assert "eDP-1 connected, lit: DELL U2720Q" in text(root, "intel")


def test_parameters_that_only_root_may_read_are_unknown():
    if os.geteuid():
        raise tap.Skip("needs root, to be somebody else")
    with e2e.place() as place:
        root = laptop(place)
        program = place / "nv-gpu"
        shutil.copy(NV_GPU, program)
        modeset = e2e.write(root / "sys/module/nvidia_drm/parameters/modeset", "N\n", 0o400)
        e2e.write(root / "sys/module/nvidia_drm/parameters/fbdev", "N\n")
        e2e.write(root / "proc/driver/nvidia/params",
                  'DynamicPowerManagement: 3\nRmMsg: ""\nnonsense\n:\n')

        def parameters():
            result = e2e.run(program, "show", "nvidia", "--json", "--sysroot", root,
                             user=65534, group=65534, extra_groups=[])
            return {x["name"]: x["parameters"] for x in json.loads(result.stdout)[0]["modules"]}
        assert parameters() == {
            "nvidia": {"NVreg_DynamicPowerManagement": "3", "NVreg_RmMsg": '""'},
            "nvidia_drm": {"fbdev": "N", "modeset": None}}, parameters()
        modeset.chmod(0o444)
        assert parameters()["nvidia_drm"]["modeset"] == "N"


def test_the_open_kernel_module_is_told_from_the_proprietary_one():
    with e2e.place() as place:
        root = laptop(place)
        version = root / "proc/driver/nvidia/version"
        assert show(root)["nvidia"]["kernel-module"] == "proprietary"
        e2e.write(version, "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.163.01\n")
        assert show(root)["nvidia"]["kernel-module"] == "open"
        version.unlink()
        assert show(root)["nvidia"]["kernel-module"] is None
        for taint, kind in (("OE", "open"), ("POE", "proprietary")):
            e2e.write(root / "sys/module/nvidia/taint", taint + "\n")
            assert show(root)["nvidia"]["kernel-module"] == kind


def test_gsp_firmware_is_told():
    with e2e.place() as place:
        root = laptop(place)
        path = root / "proc/driver/nvidia/gpus/0000:01:00.0/information"
        before = path.read_text()
        for said, gsp, firmware in (("N/A", False, None), ("550.163.01", True, "550.163.01"),
                                    ("??", None, None), ("", None, None)):
            path.write_text(before.replace("GPU Firmware: \t N/A", f"GPU Firmware: \t {said}"))
            found = show(root)["nvidia"]
            assert (found["gsp"], found["gsp-firmware"]) == (gsp, firmware), (said, found)


def test_driver_and_library_versions_are_compared():
    with e2e.place() as place:
        root = laptop(place)
        glx = f"{LIBRARIES}/libGLX_nvidia.so.0"
        # The recorded machine has a library whose name does not tell.
        assert show(root)["nvidia"]["versions-agree"] is None
        link(root, glx, "libGLX_nvidia.so.550.163.01")
        assert show(root)["nvidia"]["versions-agree"] is True
        # Debian's way there.
        link(root, glx, "/etc/alternatives/glx--libGLX_nvidia.so.0")
        link(root, "etc/alternatives/glx--libGLX_nvidia.so.0",
             f"/{LIBRARIES}/nvidia/current/libGLX_nvidia.so.0")
        link(root, f"{LIBRARIES}/nvidia/current/libGLX_nvidia.so.0", "libGLX_nvidia.so.535.1.2")
        found = show(root)["nvidia"]
        assert (found["library-version"], found["versions-agree"]) == ("535.1.2", False), found
        assert "NOT the kernel driver's" in text(root)
        # A circle, and files alone, as in a container.
        link(root, glx, "libGLX_nvidia.so.0")
        assert show(root)["nvidia"]["library-version"] is None
        for version in ("99.1", "550.163.01"):
            e2e.write(root / f"{LIBRARIES}/libnvidia-ml.so.{version}", "")
        assert show(root)["nvidia"]["library-version"] == "550.163.01"
        for path in (root / LIBRARIES).glob("lib*nvidia*"):
            path.unlink()
        assert "none of NVIDIA's were found" in text(root)


def test_a_gpu_is_told_in_other_programs_words():
    with e2e.place() as place:
        found = show(laptop(place))
        assert (found["bus-id"], found["dri-prime"]) == ("PCI:1:0:0", "pci-0000_01_00_0"), found
    with e2e.place() as place:
        root = machines.unpack("workstation-domain-1", place / "machine")
        every = json.loads(e2e.run(NV_GPU, "show", "--json", "--sysroot", root).stdout)
        far = [x for x in every if x["slot"].startswith("0001:")][0]
        bus, device = (int(x, 16) for x in far["slot"][5:10].split(":"))
        assert far["bus-id"] == f"PCI:{bus}@1:{device}:0", far


def test_nodes_are_named_by_path_too():
    with e2e.place() as place:
        root = laptop(place)
        assert show(root)["by-path"] == []
        for name, target in (("pci-0000:01:00.0-card", "../card0"),
                             ("pci-0000:01:00.0-render", "../renderD129"),
                             ("pci-0000:00:02.0-card", "../card1"), ("dangling", "../card77")):
            link(root, f"dev/dri/by-path/{name}", target)
        found = show(root)
        assert found["by-path"] == ["/dev/dri/by-path/pci-0000:01:00.0-card",
                                    "/dev/dri/by-path/pci-0000:01:00.0-render"], found
        assert found["nodes"] == ["/dev/dri/card0", "/dev/dri/renderD129", "/dev/nvidia0"], found


def test_a_gpu_in_a_virtual_machine_and_one_without_driver_are_shown():
    with e2e.place() as place:
        root = machines.unpack("desktop-vfio", place / "machine")
        found = show(root)
        assert (found["driver"], found["nvidia"], found["nodes"]) == ("vfio-pci", None, []), found
        machines.set_driver(next(root.glob("sys/devices/**/0000:0a:00.0")), None)
        assert show(root)["driver"] is None
        assert "  Driver        none\n" in text(root)


def test_a_pci_ids_with_mistakes_ends_nothing():
    with e2e.place() as place:
        root = laptop(place)
        path = root / "usr/share/misc/pci.ids"
        for noise in (b"\t\t\tx\n", b"zzzz  No\n", b"10de\n", b"10de  " + b"N" * 100000,
                      os.urandom(5000), b""):
            path.write_bytes(noise)
            result = e2e.run(NV_GPU, "show", "--json", "--sysroot", root)
            assert result.returncode == 0, (noise[:9], result)
            assert result.stderr == "", result.stderr
            json.loads(result.stdout)
        # What stands before a mistake is used.
        path.write_bytes(b"10de  Somebody\n\t25a2  Something\nzzzz  No\n")
        assert show(root)["functions"][0]["name"] == "Somebody Something"
        path.unlink()
        assert show(root)["functions"][0]["name"] == "Device 10de:25a2"


def test_what_would_wake_is_not_asked():
    with e2e.place() as place:
        found = show(laptop(place))
        assert found["drm"] == {"asked": False} and found["pci-capabilities"] == {"asked": False}
        assert "--wake does" in text(laptop(place / "b"))


def test_a_recording_cannot_be_woken():
    with e2e.place() as place:
        result = e2e.run(NV_GPU, "show", "--wake", "--sysroot", laptop(place))
        assert result.returncode == 2 and "a recording has none to wake" in result.stderr, result


def woken(root, timeout=60, **more):
    result = tree.over(root, 'exec "$@"', NV_GPU, "show", "nvidia", "--wake", "--json",
                       timeout=timeout, **more)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)[0]


def test_waking_asks_libpci_and_libdrm():
    with e2e.place() as place:
        root = tree.complete(laptop(place))
        speeds(root, NVIDIA, current_link_speed="2.5 GT/s PCIe", current_link_width="16")
        found = woken(root)
        assert found["link"]["speed"] == "2.5 GT/s", found["link"]
        assert [x["name"] for x in found["pci-capabilities"]["list"]] == [
            "Power Management", "MSI", "PCI Express", "Advanced Error Reporting",
            "Resizable BAR"], found["pci-capabilities"]
        # libdrm took the tree for its own; behind the node there is no driver.
        assert found["drm"] == {"asked": True, "node": "/dev/dri/renderD129",
                                "error": os.strerror(6)}, found["drm"]
        assert found["unanswered"] is None and found["power"] == "suspended"


def test_waking_a_gpu_whose_configuration_space_is_gone_is_answered():
    with e2e.place() as place:
        root = tree.complete(laptop(place))
        e2e.write(root / f"{NVIDIA}/config", b"\xff" * 4096)
        found = woken(root)["pci-capabilities"]
        assert found["asked"] is True and "list" not in found, found
        (root / f"{NVIDIA}/config").unlink()
        found = woken(root)["pci-capabilities"]
        assert "config" in found["error"], found


def test_a_circle_of_capabilities_ends():
    with e2e.place() as place:
        root = tree.complete(laptop(place))
        config = bytearray((root / f"{NVIDIA}/config").read_bytes())
        config[0x41] = 0x40
        e2e.write(root / f"{NVIDIA}/config", bytes(config))
        assert len(woken(root)["pci-capabilities"]["list"]) < 64


def test_a_driver_that_does_not_answer_is_not_waited_for_for_ever():
    with e2e.place() as place:
        root = tree.complete(laptop(place))
        (root / f"{NVIDIA}/config").unlink()
        # To open this waits for a writer that never comes.
        os.mkfifo(root / f"{NVIDIA}/config")
        before = time.monotonic()
        found = woken(root)
        assert time.monotonic() - before >= 9, "it did not wait at all"
        assert "configuration space could not be read within 10 seconds" in found["unanswered"]
        # What was found before stands.
        assert found["drm"]["node"] == "/dev/dri/renderD129", found["drm"]


if __name__ == "__main__":
    tap.run(e2e.tests(globals()))
