# SPDX-License-Identifier: MIT
"""nv-gpu bind, unbind and restore: what they refuse and why, and what they do to a kernel. The
kernel is /sys of plain files and a library that takes orders as the kernel does."""
import json
import os
import shutil

import e2e
from e2e import machines, tap

NV_GPU = os.environ["NV_GPU"]
KERNEL = os.environ.get("NV_KERNEL", "")
MACHINE = "desktop-compute"
CARD = "0000:0a:00"
PATH = "sys/devices/pci0000:00/0000:00:01.0"
NVIDIA = f"{PATH}/{CARD}"
HOST = "nvidia snd_hda_intel xhci_hcd nvidia-gpu"
VM = "vfio-pci vfio-pci vfio-pci vfio-pci"


def machine(place, name=MACHINE):
    return machines.unpack(name, place / "machine")


def ask(root, *words):
    """What it would do to a recorded machine: the answer, and the exit status."""
    result = e2e.run(NV_GPU, *words, "--dry-run", "--json", "--sysroot", root)
    assert result.returncode in (0, 3), (result.returncode, result.stderr)
    return json.loads(result.stdout), result.returncode


def refusals(root, *words):
    """Each finding that refuses, by its name."""
    answer, status = ask(root, *words)
    found = {x["id"]: x for x in answer["findings"] if x["refuses"]}
    assert (status == 3) == bool(found) == answer["refused"], (status, found)
    return found


def notes(root, *words):
    return {x["id"]: x for x in ask(root, *words)[0]["findings"] if not x["refuses"]}


def check(change, name, *words):
    """A change refuses a move, and the machine without it does not; the finding."""
    words = words or ("bind", "0a:00", "vfio-pci")
    with e2e.place() as place:
        root = machine(place)
        assert name not in refusals(root, *words)
        change(root)
        found = refusals(root, *words)
    assert name in found, found
    assert list(found) == [name], found
    return found[name]


def process(root, pid, name, nodes=(), uid=0, unit="x.service", slices="system.slice"):
    place = root / "proc" / str(pid)
    e2e.write(place / "comm", name + "\n")
    e2e.write(place / "status", f"Name:\t{name}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n")
    e2e.write(place / "cgroup", f"0::/{slices}/{unit}\n")
    e2e.write(place / "maps", "")
    (place / "fd").mkdir()
    for number, node in enumerate(nodes):
        os.symlink(node, place / "fd" / str(number))


def test_a_dry_run_says_each_write_in_its_order():
    with e2e.place() as place:
        answer, status = ask(machine(place), "bind", "0a:00", "vfio-pci")
    assert status == 0
    steps = answer["steps"]
    moved = [x.split()[1] for x in steps if "/unbind" in x]
    assert moved == [f"{CARD}.{x}" for x in "3210"], steps
    assert steps[:3] == ["modprobe vfio-pci", "rmmod nvidia_drm", "rmmod nvidia_modeset"], steps
    audio = [x for x in steps if f"{CARD}.1" in x]
    device = f"/sys/bus/pci/devices/{CARD}.1"
    assert audio == [f"echo on > {device}/power/control",
                     f"echo {CARD}.1 > {device}/driver/unbind",
                     f"echo vfio-pci > {device}/driver_override",
                     f"echo {CARD}.1 > /sys/bus/pci/drivers_probe"], audio
    assert not any("new_id" in x for x in steps)


def test_a_slot_can_be_written_in_many_ways():
    with e2e.place() as place:
        root = machine(place)
        for word in ("0a:00", "a:0", "0a:00.0", "0000:0a:00", "0000:0A:00.0",
                     "00000000:0A:00.0", "PCI:10:0:0", "pci:10@0:0:0"):
            answer, status = ask(root, "bind", word, "vfio-pci")
            assert (answer["slot"], status) == (CARD, 0), word
            assert len([x for x in answer["functions"] if x["moves"]]) == 4, word


def test_wrong_usage_is_one_line():
    for words, part in (
            (["bind", "0a:00"], "too few words for 'bind SLOT DRIVER'"),
            (["bind", "nvidia", "vfio-pci"], "'nvidia' is no slot"),
            (["bind", "0a:00.8", "vfio-pci"], "'0a:00.8' is no slot"),
            (["bind", "0a:20", "vfio-pci"], "'0a:20' is no slot"),
            (["bind", "PCI:0a:00.0", "vfio-pci"], "'PCI:0a:00.0' is no slot"),
            (["bind", "0a:00.1", "vfio-pci"], "--only=1"),
            (["bind", "0a:00", "../vfio"], "is no name of a driver"),
            (["bind", "0a:00", ""], "is no name of a driver"),
            (["bind", "0a:00", "vfio-pci", "--only", "0b:00.1"], "--only takes a function"),
            (["bind", "0a:00", "vfio-pci", "--only", "8"], "--only takes a function"),
            (["bind", "0a:00", "vfio-pci", "--only=1", "--persist"], "--persist is for a whole"),
            (["unbind"], "too few words for 'unbind SLOT'"),
            (["restore", "0a:00", "nvidia"], "'nvidia' is too much for 'restore SLOT'")):
        result = e2e.run(NV_GPU, *words)
        assert result.returncode == 2, (words, result)
        assert part in result.stderr and result.stderr.count("\n") == 1, (words, result.stderr)


def test_a_recording_is_not_moved():
    with e2e.place() as place:
        result = e2e.run(NV_GPU, "bind", "0a:00", "vfio-pci", "--sysroot", machine(place))
    assert result.returncode == 2 and "add --dry-run" in result.stderr, result


def test_what_is_there_already_is_nothing_to_do():
    with e2e.place() as place:
        root = machine(place)
        answer, status = ask(root, "bind", "0a:00", "nvidia")
        assert (answer["steps"], status) == ([], 0), answer
        answer, status = ask(root, "restore", "0a:00")
        assert (answer["steps"], status) == ([], 0), answer
    with e2e.place() as place:
        root = machine(place, "desktop-vfio")
        answer, status = ask(root, "bind", "0a:00", "vfio-pci")
        assert (answer["steps"], status) == ([], 0), answer


def test_only_moves_one_function():
    with e2e.place() as place:
        root = machine(place)
        for only in ("1", "0a:00.1", f"{CARD}.1"):
            answer, status = ask(root, "bind", "0a:00", "vfio-pci", "--only", only)
            assert [x["slot"] for x in answer["functions"] if x["moves"]] == [f"{CARD}.1"]
            assert not any("rmmod" in x for x in answer["steps"]), answer["steps"]
            assert status == 0
        assert list(notes(root, "bind", "0a:00", "vfio-pci", "--only=1")) == ["group"]


def test_a_slot_without_a_GPU_is_refused():
    with e2e.place() as place:
        root = machine(place)
        assert "no PCI device" in refusals(root, "bind", "0b:00", "vfio-pci")["slot"]["what"]
        assert "no GPU" in refusals(root, "bind", "00:01", "vfio-pci")["slot"]["what"]
        found = refusals(root, "bind", "0a:00", "vfio-pci", "--only=5")
        assert "no such function" in found["slot"]["what"], found


def test_what_was_written_for_a_card_that_is_gone_is_told():
    with e2e.place() as place:
        root = machine(place)
        rule = "etc/udev/rules.d/05-nv-gpu-0000:0b:00.rules"
        assert not notes(root, "restore", "0b:00")
        e2e.write(root / rule, "")
        assert f"rm /{rule}" in notes(root, "restore", "0b:00")["slot"]["do"]
        assert list(refusals(root, "restore", "0b:00")) == ["slot"]


def test_a_driver_that_is_not_to_be_had_is_refused():
    with e2e.place() as place:
        root = machine(place)
        found = refusals(root, "bind", "0a:00", "vfio-pic")
        assert "no driver vfio-pic" in found["driver"]["what"], found
        found = refusals(root, "bind", "0a:00", "nouveau")
        assert "/etc/modprobe.d/no-nouveau.conf" in found["driver"]["what"], found
        (root / "etc/modprobe.d/no-nouveau.conf").write_text("blacklist nouveau\n")
        assert not refusals(root, "bind", "0a:00", "nouveau")
        # A file in /etc masks the one of its name that a package brings.
        e2e.write(root / "usr/lib/modprobe.d/x.conf", "install nouveau /bin/false\n")
        assert "driver" in refusals(root, "bind", "0a:00", "nouveau")
        e2e.write(root / "etc/modprobe.d/x.conf", "")
        assert not refusals(root, "bind", "0a:00", "nouveau")


def test_a_driver_of_other_hardware_is_refused():
    with e2e.place() as place:
        root = machine(place)
        assert list(refusals(root, "bind", "0a:00", "amdgpu")) == ["match"]


def test_a_process_that_holds_it_is_named():
    found = check(lambda root: process(root, 10, "game", ["/dev/nvidia0"]), "holder")
    assert "game (10, 0) holds /dev/nvidia0" in found["what"], found
    assert found["do"] == "systemctl stop x.service", found
    assert found["may-pass"], found


def test_the_refusal_tells_how_to_keep_desktop_programs_off_it():
    def hold(root, unit="app-plasmashell.service"):
        process(root, 10, "plasmashell", ["/dev/dri/renderD129"], 1000, unit,
                "user.slice/user-1000.slice/user@1000.service/app.slice")
    found = check(hold, "holder")
    assert "systemctl --user stop app-plasmashell.service" in found["do"], found
    assert "[plasmashell]\ngpu = integrated" in found["do"], found
    with e2e.place() as place:
        root = machine(place)
        hold(root)
        text = e2e.run(NV_GPU, "bind", "0a:00", "vfio-pci", "--dry-run", "--sysroot", root).stdout
        assert "\n      [plasmashell]\n      gpu = integrated\n" in text, text
    found = check(lambda root: hold(root, "app-flatpak-org.x.Y-1.scope"), "holder")
    assert "flatpak mask 'org.freedesktop.Platform.GL*.nvidia-*'" in found["do"], found


def test_the_sound_server_holds_the_audio_function():
    def hold(root):
        process(root, 10, "pipewire", ["/dev/snd/pcmC1D3p"], 1000)
    found = check(hold, "holder")
    assert "sound settings" in found["do"], found
    with e2e.place() as place:
        root = machine(place)
        hold(root)
        assert not refusals(root, "bind", "0a:00", "vfio-pci", "--only=0")
        assert "holder" in refusals(root, "bind", "0a:00", "vfio-pci", "--only=1")


def test_a_sound_server_with_the_control_alone_is_to_be_stopped():
    def hold(root):
        control = root / f"{NVIDIA}.1/sound/card1/controlC1/dev"
        e2e.write(control, "116:9\n")
        process(root, 10, "wireplumber", ["/dev/snd/controlC1"], 1000, "wireplumber.service",
                "user.slice/user-1000.slice/user@1000.service/session.slice")
    found = check(hold, "holder")
    assert "systemctl --user stop wireplumber.service, and start it again" in found["do"], found


def test_a_monitors_bus_that_is_open_counts():
    def hold(root):
        e2e.write(root / f"{NVIDIA}.0/i2c-5/i2c-dev/i2c-5/dev", "89:5\n")
        link = root / "sys/class/i2c-dev/i2c-5"
        link.parent.mkdir(parents=True)
        os.symlink(f"../../{NVIDIA[4:]}.0/i2c-5/i2c-dev/i2c-5", link)
        process(root, 10, "ddcutil", ["/dev/i2c-5"])
    assert "/dev/i2c-5" in check(hold, "holder")["what"]


def test_what_is_common_to_GPUs_is_a_doubt():
    found = check(lambda root: process(root, 10, "x", ["/dev/nvidia-modeset"]), "common")
    assert "may hold" in found["what"], found
    with e2e.place() as place:
        root = machine(place)
        process(root, 10, "x", ["/dev/nvidiactl"])
        assert not refusals(root, "bind", "0a:00", "vfio-pci")


def test_the_persistence_daemon_counts_by_its_socket_alone():
    def socket(root):
        e2e.write(root / "run/nvidia-persistenced/socket", "")
    found = check(socket, "persistence")
    assert "systemctl stop nvidia-persistenced" in found["do"], found
    with e2e.place() as place:
        root = machine(place)
        socket(root)
        e2e.write(root / "run/nvidia-persistenced/nvidia-persistenced.pid", "77\n")
        process(root, 77, "nvidia-persiste")
        assert not refusals(root, "bind", "0a:00", "vfio-pci")
        os.symlink("/dev/nvidia0", root / "proc/77/fd/9")
        found = refusals(root, "bind", "0a:00", "vfio-pci")["holder"]
        assert "systemctl stop nvidia-persistenced" in found["do"], found


def test_the_text_console_holds_it():
    def console(root):
        e2e.write(root / f"{NVIDIA}.0/graphics/fb0/dev", "29:0\n")
        e2e.write(root / "sys/class/vtconsole/vtcon1/name", "(M) frame buffer device\n")
        e2e.write(root / "sys/class/vtconsole/vtcon1/bind", "1\n")
    found = check(console, "console")
    assert found["do"] == "echo 0 > /sys/class/vtconsole/vtcon1/bind", found


def test_a_lit_output_is_refused_and_a_dark_monitor_is_not():
    output = f"{NVIDIA}.0/drm/card1/card1-HDMI-A-1"

    def light(root):
        e2e.write(root / output / "status", "connected\n")
        e2e.write(root / output / "enabled", "enabled\n")
        e2e.write(root / output / "dpms", "On\n")
    assert "HDMI-A-1 shows a picture" in check(light, "output")["what"]
    with e2e.place() as place:
        root = machine(place)
        light(root)
        e2e.write(root / output / "dpms", "Off\n")
        assert not refusals(root, "bind", "0a:00", "vfio-pci")
        assert "output" in notes(root, "bind", "0a:00", "vfio-pci")
        # Where the kernel does not tell, there may be a desktop on it.
        (root / output / "enabled").unlink()
        assert "output" in refusals(root, "bind", "0a:00", "vfio-pci")


def test_others_in_the_IOMMU_group_are_refused_but_ports_are_not():
    def mate(driver):
        def change(root):
            path = root / "sys/devices/pci0000:00/0000:00:1f.3"
            e2e.write(path / "class", "0x040300\n")
            if driver:
                os.symlink(f"../../../bus/pci/drivers/{driver}", path / "driver")
            os.symlink("../../../devices/pci0000:00/0000:00:1f.3",
                       root / "sys/bus/pci/devices/0000:00:1f.3")
            os.symlink("../../../../bus/pci/devices/0000:00:1f.3",
                       root / "sys/kernel/iommu_groups/14/devices/0000:00:1f.3")
        return change
    found = check(mate("snd_hda_intel"), "group")
    assert "0000:00:1f.3 (snd_hda_intel) is in IOMMU group 14" in found["what"], found
    for driver in (None, "vfio-pci", "pcieport"):
        with e2e.place() as place:
            root = machine(place)
            mate(driver)(root)
            assert not refusals(root, "bind", "0a:00", "vfio-pci"), driver
    with e2e.place() as place:
        root = machine(place)
        mate("snd_hda_intel")(root)
        assert not refusals(root, "unbind", "0a:00")


def test_without_an_IOMMU_only_the_unsafe_mode_will_do():
    def off(root):
        for number in range(4):
            (root / f"{NVIDIA}.{number}/iommu_group").unlink()
    check(off, "iommu")
    with e2e.place() as place:
        root = machine(place)
        off(root)
        e2e.write(root / "sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n")
        assert not refusals(root, "bind", "0a:00", "vfio-pci")
        assert not refusals(root, "unbind", "0a:00")


def test_nvidia_drm_is_taken_out_where_only_this_GPU_needs_it():
    module = "sys/module/nvidia_drm"
    with e2e.place() as place:
        root = machine(place)
        e2e.write(root / f"{module}/parameters/modeset", "N\n")
        assert not any("rmmod" in x for x in ask(root, "bind", "0a:00", "vfio-pci")[0]["steps"])
    found = check(lambda root: e2e.write(root / f"{module}/refcnt", "2\n"), "modeset")
    assert "it counts 2 uses" in found["what"], found

    def second(root):
        path = root / "sys/devices/pci0000:00/0000:0b:00.0"
        e2e.write(path / "class", "0x030000\n")
        e2e.write(path / "uevent", "DRIVER=nvidia\nPCI_CLASS=30000\nPCI_ID=10DE:2204\n")
        os.symlink("../../../devices/pci0000:00/0000:0b:00.0",
                   root / "sys/bus/pci/devices/0000:0b:00.0")
    assert "another NVIDIA GPU needs" in check(second, "modeset")["what"]
    with e2e.place() as place:
        root = machine(place)
        second(root)
        e2e.write(root / f"{module}/parameters/modeset", "N\n")
        assert not refusals(root, "bind", "0a:00", "vfio-pci")


def test_uses_of_the_driver_that_nobody_is_seen_to_have_are_refused():
    check(lambda root: e2e.write(root / "sys/module/nvidia/refcnt", "3\n"), "uses")


def test_the_UCSI_function_of_another_vendor_is_not_given_to_NVIDIAs_driver():
    with e2e.place() as place:
        root = machine(place)
        for number in range(4):
            (root / f"{NVIDIA}.{number}/driver").unlink()
        wanted = [x["wanted"] for x in ask(root, "bind", "0a:00", "nvidia")[0]["functions"]]
        assert wanted[3]["driver"] == "nvidia-gpu", wanted
        e2e.write(root / f"{NVIDIA}.3/vendor", "0x1002\n")
        wanted = [x["wanted"] for x in ask(root, "bind", "0a:00", "nvidia")[0]["functions"]]
    assert wanted[3]["driver"] is None and wanted[3]["any"], wanted
    assert wanted[1]["driver"] == "snd_hda_intel", wanted


def test_what_another_card_or_another_boot_was_does_not_count():
    text = "nv-gpu bind 1\n" + "".join(
        f"function\t{CARD}.{n}\t{driver}\t{driver}\t-\ton{{ids}}\n"
        for n, driver in enumerate(("nouveau", "snd_hda_intel", "xhci_hcd", "nvidia-gpu")))
    with e2e.place() as place:
        root = machine(place)
        e2e.write(root / f"run/nv-gpu/{CARD}", text.format(ids=""))
        assert ask(root, "restore", "0a:00", "--only=0")[0]["steps"]
        e2e.write(root / f"run/nv-gpu/{CARD}", text.format(ids="\t10de:2204"))
        assert ask(root, "restore", "0a:00", "--only=0")[0]["steps"]
        # A journal that outlived a reboot, as /run is not everywhere in memory, is of no use.
        e2e.write(root / "proc/sys/kernel/random/boot_id", "b\n")
        e2e.write(root / f"run/nv-gpu/{CARD}", text.format(ids="") + "boot\tb\n")
        assert ask(root, "restore", "0a:00", "--only=0")[0]["steps"]
        e2e.write(root / f"run/nv-gpu/{CARD}", text.format(ids="") + "boot\ta\n")
        assert not ask(root, "restore", "0a:00", "--only=0")[0]["steps"]
        e2e.write(root / f"run/nv-gpu/{CARD}", text.format(ids="\t1002:73bf"))
        assert not ask(root, "restore", "0a:00", "--only=0")[0]["steps"]


def test_pci_stub_asks_nothing_of_the_IOMMU():
    with e2e.place() as place:
        root = machine(place)
        e2e.write(root / "sys/bus/pci/drivers/pci-stub/unbind", "")
        for number in range(4):
            (root / f"{NVIDIA}.{number}/iommu_group").unlink()
        assert "iommu" in refusals(root, "bind", "0a:00", "vfio-pci")
        assert not refusals(root, "bind", "0a:00", "pci-stub")


def test_the_modules_name_of_vfio_pci_is_understood():
    with e2e.place() as place:
        answer, status = ask(machine(place), "bind", "0a:00", "vfio_pci")
    assert (answer["driver"], status) == ("vfio-pci", 0), answer


def test_virtual_functions_and_mediated_devices_are_refused():
    check(lambda root: (root / f"{NVIDIA}.0/virtfn0").symlink_to("../0000:0a:00.4"), "shared")

    def mediated(root):
        link = root / "sys/bus/mdev/devices/6d3c0e5a-0000-4000-8000-000000000001"
        link.parent.mkdir(parents=True)
        os.symlink(f"../../../{NVIDIA[4:]}.0/{link.name}", link)
    check(mediated, "shared")


def test_USB_devices_are_named_and_storage_in_use_is_refused():
    usb = f"{NVIDIA}.2/usb3/3-1"

    def plug(root, dev="8:17"):
        e2e.write(root / usb / "product", "Flash Drive\n")
        os.symlink(f"../../../{usb[4:]}", root / "sys/bus/usb/devices/3-1")
        e2e.write(root / usb / "host6/block/sdb/sdb1/dev", dev + "\n")
        link = root / "sys/class/block/sdb1"
        link.parent.mkdir(parents=True)
        os.symlink(f"../../{usb[4:]}/host6/block/sdb/sdb1", link)
        e2e.write(root / "proc/self/mountinfo", "30 1 8:17 / /mnt rw - ext4 /dev/sdb1 rw\n")
    assert "/dev/sdb1" in check(plug, "usb")["what"]
    with e2e.place() as place:
        root = machine(place)
        plug(root, "8:33")
        e2e.write(root / "sys/fs/btrfs/0b1c/devices/sdb1", "")
        assert "/dev/sdb1" in refusals(root, "bind", "0a:00", "vfio-pci")["usb"]["what"]
        shutil.rmtree(root / "sys/fs/btrfs")
        assert not refusals(root, "bind", "0a:00", "vfio-pci")
        assert "Flash Drive" in notes(root, "bind", "0a:00", "vfio-pci")["usb"]["what"]


def test_what_is_no_part_of_a_graphics_card_is_told():
    with e2e.place() as place:
        root = machine(place)
        assert "others" not in notes(root, "bind", "0a:00", "vfio-pci")
        e2e.write(root / f"{NVIDIA}.3/class", "0x108000\n")
        found = notes(root, "bind", "0a:00", "vfio-pci")["others"]
        assert f"{CARD}.3 (nvidia-gpu)" in found["what"] and "--only=0" in found["do"], found
        assert "others" not in notes(root, "bind", "0a:00", "vfio-pci", "--only=0")


def test_a_virtual_machine_that_runs_keeps_its_GPU():
    with e2e.place() as place:
        root = machine(place, "desktop-vfio")
        os.symlink("../../../../kernel/iommu_groups/14", root / f"{NVIDIA}.0/iommu_group")
        e2e.write(root / "sys/class/vfio/14/dev", "511:0\n")
        assert not refusals(root, "unbind", "0a:00")
        process(root, 10, "qemu-system-x86", ["/dev/vfio/14"])
        found = refusals(root, "unbind", "0a:00")
        assert list(found) == ["holder"], found
        assert found["holder"]["do"] == "shut the virtual machine down", found
        # Without an IOMMU the node has another name.
        (root / "sys/class/vfio/14").rename(root / "sys/class/vfio/noiommu-14")
        (root / "proc/10/fd/0").unlink()
        assert not refusals(root, "unbind", "0a:00")
        os.symlink("/dev/vfio/noiommu-14", root / "proc/10/fd/0")
        assert "holder" in refusals(root, "unbind", "0a:00")


def test_every_machine_answers():
    for name in machines.names():
        with e2e.place() as place:
            root = machine(place, name)
            for slot in sorted(x.name for x in (root / "sys/bus/pci/devices").glob("*")):
                for words in (["bind", slot[:-2], "vfio-pci"], ["bind", slot[:-2], "nvidia"],
                              ["unbind", slot[:-2]], ["restore", slot[:-2]]):
                    ask(root, *words)


def test_garbage_harms_nothing():
    with e2e.place() as place:
        root = machine(place)
        for name in ("class", "driver_override", "modalias", "power/control", "sriov_numvfs"):
            e2e.write(root / f"{NVIDIA}.1/{name}", os.urandom(5000))
        for path in ("lib/modules/6.1.0-31-amd64/modules.dep",
                     "lib/modules/6.1.0-31-amd64/modules.alias", "etc/modprobe.d/x.conf",
                     f"run/nv-gpu/{CARD}", f"etc/nv-run/bind.d/{CARD}"):
            e2e.write(root / path, os.urandom(5000))
            ask(root, "bind", "0a:00", "vfio-pci")
            ask(root, "restore", "0a:00")


# Below, a kernel that takes orders.

LIBRARY = f"""
gpu() {{
    : > $FAKE_KERNEL_LOG
    rm -f $FAKE_KERNEL_LOG.blocked
    LD_PRELOAD={KERNEL} {NV_GPU} "$@"
}}
drivers() {{
    for f in /sys/bus/pci/devices/{CARD}.?; do
        basename $(readlink $f/driver || echo none)
    done | xargs
}}
# What a move changes and a restore brings back.
state() {{
    drivers
    for f in /sys/bus/pci/devices/{CARD}.?; do
        cat $f/driver_override $f/power/control
    done
    ls -A /sys/module | grep -v vfio
    ls /run/nv-gpu /etc/udev/rules.d /etc/nv-run/bind.d 2>/dev/null | grep {CARD} | grep -v lock
}}
same() {{
    state > /mnt/now
    diff /mnt/before /mnt/now
}}
mount -t tmpfs none /run
mount -t tmpfs none /etc
mount -t tmpfs none /mnt
state > /mnt/before
"""


def kernel(script, change=None, timeout=240, **env):
    """Runs a script beside a kernel that takes orders: gpu WORD... is nv-gpu on it. The GPU's render
    node is made /dev/zero, so that anybody can hold it."""
    if os.geteuid():
        raise tap.Skip("needs root")
    with e2e.place() as place:
        root = machine(place)
        e2e.write(root / "sys/bus/pci/drivers_probe", "")
        e2e.write(root / f"{NVIDIA}.0/drm/renderD129/dev", "1:5\n")
        for number, driver in enumerate(HOST.split()):
            e2e.write(root / f"{NVIDIA}.{number}/natural", driver + "\n")
            e2e.write(root / f"sys/bus/pci/drivers/{driver}/unbind", "")
        if change:
            change(root)
        result = e2e.namespace(
            root, LIBRARY + script, timeout=timeout, processes=False,
            env=e2e.environment(FAKE_KERNEL_LOG="/mnt/log",
                                ASAN_OPTIONS="verify_asan_link_order=0", **env))
        print("".join(f"# {x}\n" for x in (result.stdout + result.stderr).splitlines()), end="")
        return result


def test_a_card_goes_to_a_virtual_machine_and_comes_back():
    result = kernel(f"""
gpu bind 0a:00 vfio-pci -v || echo failed
drivers
cat /sys/bus/pci/devices/{CARD}.1/driver_override
ls /run/nv-gpu
ls /sys/module | grep nvidia
gpu restore 0a:00 || echo failed
same || echo differs
gpu restore 0a:00
""")
    lines = result.stdout.splitlines()
    assert "failed" not in lines and "differs" not in lines
    assert VM in lines and "vfio-pci" in lines and CARD in lines
    assert "nvidia" in lines and "nvidia_drm" not in lines and "nvidia_modeset" not in lines
    assert "Nothing to restore: nv-gpu has not moved it." in lines
    assert "unbind 0000:0a:00.0 from nvidia" in result.stderr


def test_a_card_goes_back_to_the_host_by_its_drivers_names():
    def boot(root):
        """The card as a boot with vfio-pci.ids= leaves it."""
        shutil.rmtree(root / "sys/module/nvidia_drm")
        shutil.rmtree(root / "sys/module/nvidia_modeset")
        e2e.write(root / "sys/bus/pci/drivers/vfio-pci/unbind", "")
        for number in range(4):
            driver = root / f"{NVIDIA}.{number}/driver"
            driver.unlink()
            os.symlink("../../../../bus/pci/drivers/vfio-pci", driver)
    result = kernel(f"""
drivers
gpu bind 0a:00 nvidia || echo failed
drivers
cat /sys/bus/pci/devices/{CARD}.?/driver_override
gpu restore 0a:00 || echo failed
same || echo differs
""", boot, FAKE_KERNEL_PICKS="vfio-pci")
    lines = result.stdout.splitlines()
    assert "failed" not in lines and "differs" not in lines
    assert HOST in lines and VM in lines
    at = lines.index(HOST)
    assert lines[at + 1:at + 5] == ["nvidia", "(null)", "(null)", "(null)"], lines[at:]


def test_unbind_leaves_no_driver_and_lets_none_come():
    result = kernel(f"""
gpu unbind 0a:00 || echo failed
drivers
echo {CARD}.1 > /sys/bus/pci/drivers_probe
cat /sys/bus/pci/devices/{CARD}.1/driver_override
gpu restore 0a:00 || echo failed
same || echo differs
""")
    lines = result.stdout.splitlines()
    assert "failed" not in lines and "differs" not in lines
    assert "none none none none" in lines and "none" in lines


def test_what_was_before_the_first_move_is_restored_after_many():
    result = kernel("""
gpu bind 0a:00 vfio-pci --only=1 || echo failed
gpu bind 0a:00 vfio-pci || echo failed
gpu unbind 0a:00 || echo failed
gpu restore 0a:00 --only=0 || echo failed
drivers
gpu restore 0a:00 || echo failed
same || echo differs
""")
    lines = result.stdout.splitlines()
    assert "failed" not in lines and "differs" not in lines
    assert "nvidia none none none" in lines


# For each order of a move, or each write of the program: what happens, and what comes of it.
LOOP = """
# The first loads vfio-pci, which stays.
gpu bind 0a:00 vfio-pci >/dev/null || echo failed
gpu restore 0a:00 >/dev/null || echo failed
FAKE_KERNEL_AT="KIND0 -" gpu bind 0a:00 vfio-pci >/dev/null || echo failed
orders=$(wc -l < $FAKE_KERNEL_LOG)
gpu restore 0a:00 >/dev/null || echo failed
n=0
while true; do
    n=$((n + 1))
    PREPARE
    FAKE_KERNEL_AT="KIND$n ACTION" gpu COMMAND > /mnt/out 2>&1
    status=$?
    [ $(wc -l < $FAKE_KERNEL_LOG) -ge $n ] || break
    CHECK
done
echo "orders $orders rounds $n"
"""


def loop(action, command, check, prepare="", kind="", **env):
    script = LOOP
    for name, text in (("PREPARE", prepare or ":"), ("KIND", kind), ("ACTION", action),
                       ("COMMAND", command), ("CHECK", check)):
        script = script.replace(name, text)
    result = kernel(script, **env)
    lines = result.stdout.splitlines()
    assert "failed" not in lines and "differs" not in lines
    last = lines[-1].split()
    orders, rounds = int(last[1]), int(last[3])
    assert orders >= 16 and rounds >= orders, lines[-1]
    return lines


# The table tells of what was asked for, whatever became of it.
ASKED = "grep -q '^  0000:0a:00.0 .* nvidia  *-> vfio-pci' /mnt/out || { echo failed; cat /mnt/out; }"

FAILS = """
    [ $status = 1 ] || { echo "failed"; echo "order $n: status $status"; cat /mnt/out; }
    """ + ASKED + """
    grep -q 'Everything is as before' /mnt/out || { echo failed; cat /mnt/out; }
    same || { echo differs; echo "order $n"; cat /mnt/out; }
"""


def test_whatever_order_fails_all_is_taken_back():
    loop("fail", "bind 0a:00 vfio-pci", FAILS)


def test_an_order_that_does_nothing_is_noticed():
    # power/control is a wish, and what a module was unloaded for shows by itself.
    loop("ignore", "bind 0a:00 vfio-pci", """
    case $(sed -n ${n}p $FAKE_KERNEL_LOG) in
    *power/control*|nvidia*) [ $status = 0 ] && gpu restore 0a:00 >/dev/null || echo failed ;;
    *) [ $status = 1 ] && grep -q 'Everything is as before' /mnt/out || { echo failed; cat /mnt/out; }
    esac
    same || { echo differs; echo "order $n"; cat /mnt/out; }
""")


def test_a_signal_at_any_order_takes_all_back():
    # The one that comes with the last order comes too late.
    lines = loop("stop", "bind 0a:00 vfio-pci", """
    [ $n = $orders ] && [ $status = 0 ] && gpu restore 0a:00 >/dev/null
    [ $n = $orders ] || [ $status = 1 ] || { echo failed; echo "order $n"; cat /mnt/out; }
    same || { echo differs; echo "order $n"; cat /mnt/out; }
""")
    assert lines


def test_whatever_order_blocks_it_is_reported_and_the_rest_taken_back():
    loop("block", "bind 0a:00 vfio-pci", """
    [ $status = 1 ] || { echo failed; echo "order $n: status $status"; cat /mnt/out; }
    """ + ASKED + """
    grep -q 'waits in the kernel and cannot be ended' /mnt/out || { echo failed; cat /mnt/out; }
    # Function 0 goes last: unless it is the one, it is where it was.
    grep -q '0000:0a:00.0 is stuck' /mnt/out || [ "$(drivers | cut -d' ' -f1)" = nvidia ] ||
        echo failed
    # Nothing more is asked of what is stuck.
    slot=$(sed -n ${n}p $FAKE_KERNEL_LOG | grep -o '0000:0a:00[.].' | head -1)
    [ "$slot" ] && sed 1,${n}d $FAKE_KERNEL_LOG | grep -F $slot && echo failed
    gpu restore 0a:00 > /mnt/out || { echo failed; cat /mnt/out; }
    same || { echo differs; echo "order $n"; cat /mnt/out; }
""")


def test_a_process_that_is_stuck_holds_up_nobody_but_keeps_the_slot():
    # The last unbind: that of the GPU itself.
    result = kernel("""
gpu bind 0a:00 vfio-pci >/dev/null; gpu restore 0a:00 >/dev/null
answer=$(FAKE_KERNEL_AT="14 stuck" gpu bind 0a:00 vfio-pci 2>&1)
echo "status $?"
echo "$answer" | grep 'unbind 0000:0a:00.0 from nvidia: it does not come back'
drivers
gpu restore 0a:00; echo "status $?"
kill -9 $(cat $FAKE_KERNEL_LOG.stuck)
gpu restore 0a:00 >/dev/null; echo "status $?"
same || echo differs
""")
    lines = result.stdout.splitlines()
    assert [x for x in lines if x.startswith("status")] == ["status 1", "status 3", "status 0"]
    assert any("it does not come back: process" in x for x in lines) and HOST in lines
    assert "differs" not in lines


KILLED = """
    [ $status = 137 ] || { echo failed; echo "write $n: status $status"; cat /mnt/out; }
    gpu restore 0a:00 > /mnt/out 2>&1 || { echo failed; cat /mnt/out; }
    same || { echo differs; echo "write $n"; cat /mnt/out; }
"""


def test_after_a_kill_at_any_order_restore_brings_all_back():
    for action in ("before", "after"):
        loop(action, "bind 0a:00 vfio-pci", KILLED)


def test_after_a_kill_at_any_write_restore_brings_all_back():
    # The very last is the answer, when all is done.
    loop("before", "bind 0a:00 vfio-pci", KILLED, kind="write ")


def test_after_a_kill_of_restore_itself_restore_brings_all_back():
    for kind in ("", "write "):
        loop("before", "restore 0a:00", KILLED, kind=kind,
             prepare="gpu bind 0a:00 vfio-pci >/dev/null || echo failed")


def test_a_holder_that_comes_after_the_preflight_is_seen_before_the_unbind():
    result = kernel("""
FAKE_KERNEL_AT="4 hold" gpu bind 0a:00 vfio-pci
echo "status $?"
same || echo differs
""")
    lines = result.stdout.splitlines()
    assert "status 1" in lines and "differs" not in lines
    assert any("holds 0000:0a:00.0 since a moment ago" in x for x in lines)


def test_waiting_ends_when_the_holder_does():
    result = kernel("""
sleep 600 < /dev/zero &
holder=$!
gpu bind 0a:00 vfio-pci; echo "status $?"
gpu bind 0a:00 vfio-pci --wait 0.3; echo "status $?"
(sleep 1; kill $holder) &
gpu bind 0a:00 vfio-pci --wait 60; echo "status $?"
drivers
""")
    lines = result.stdout.splitlines()
    assert [x for x in lines if x.startswith("status")] == ["status 3", "status 3", "status 0"]
    assert any(x.startswith("  * sleep (") and "renderD129" in x for x in lines)
    assert lines[-1] == VM


def test_waiting_is_not_for_what_will_not_pass():
    result = kernel("gpu bind 0a:00 amdgpu --wait 600; echo \"status $?\"", lambda root: e2e.write(
        root / f"lib/modules/{os.uname().release}/modules.alias", ""), timeout=60)
    assert "status" in result.stdout


def test_two_do_not_move_a_slot_at_once():
    result = kernel("""
mkdir -p /run/nv-gpu
exec 9> /run/nv-gpu/0000:0a:00.lock
flock -n 9
gpu bind 0a:00 vfio-pci 2>&1; echo "status $?"
gpu bind 0a:00 vfio-pci --dry-run 2>&1; echo "status $?"
exec 9>&-
gpu bind 0a:00 vfio-pci --dry-run >/dev/null; echo "status $?"
""")
    lines = result.stdout.splitlines()
    assert [x for x in lines if x.startswith("status")] == ["status 3", "status 3", "status 0"]
    assert any("another nv-gpu is moving 0000:0a:00" in x for x in lines)


def test_a_move_can_outlive_a_reboot_and_be_undone_after_it():
    result = kernel("""
mkdir -p /etc/udev/rules.d
gpu bind 0a:00 vfio-pci --persist || echo failed
cat /etc/udev/rules.d/*
umount /run; mount -t tmpfs none /run
gpu bind 0a:00 vfio-pci --persist >/dev/null || echo failed
gpu restore 0a:00 || echo failed
[ -e /sys/module/nvidia_drm ] && echo "drm is back"
same || echo differs
""")
    lines = result.stdout.splitlines()
    assert "failed" not in lines and "differs" not in lines and "drm is back" in lines
    rules = [x for x in lines if x.startswith("ACTION")]
    for number, device in enumerate(("2204", "1aef", "1ad8", "1ad9")):
        own = [x for x in rules if f'KERNEL=="{CARD}.{number}"' in x]
        assert all(f'ATTR{{device}}=="0x{device}"' in x for x in own) and own, own
        assert 'ATTR{driver_override}="vfio-pci"' in own[0], own
        # The GPU's own driver is never taken away in the middle of a boot.
        assert any("driver/unbind" in x for x in own) == (number > 0), own


def test_a_restore_that_fails_keeps_the_rule():
    result = kernel("""
mkdir -p /etc/udev/rules.d
gpu bind 0a:00 vfio-pci --persist >/dev/null || echo failed
FAKE_KERNEL_AT="3 fail" gpu restore 0a:00; echo "status $?"
ls /etc/udev/rules.d /etc/nv-run/bind.d
gpu restore 0a:00 >/dev/null || echo failed
same || echo differs
""")
    lines = result.stdout.splitlines()
    assert "failed" not in lines and "differs" not in lines
    assert "status 1" in lines and "Everything is as before." in lines
    assert f"05-nv-gpu-{CARD}.rules" in lines and CARD in lines


def test_where_rules_cannot_be_written_the_record_can_be_removed():
    result = kernel("""
mkdir -p /etc/udev/rules.d
mount -t tmpfs -o ro none /etc/udev/rules.d
gpu bind 0a:00 vfio-pci --persist | grep -o 'It will not survive a reboot'
ls /etc/nv-run/bind.d
gpu restore 0a:00 || echo failed
same || echo differs
mount -o remount,rw /etc/udev/rules.d
gpu bind 0a:00 vfio-pci --persist >/dev/null || echo failed
mount -o remount,ro /etc/udev/rules.d
gpu restore 0a:00 > /dev/null; echo "status $?"
""")
    lines = result.stdout.splitlines()
    assert "failed" not in lines and "differs" not in lines
    assert "It will not survive a reboot" in lines and CARD in lines
    assert lines[-1] == "status 1" and "cannot remove the udev rule" in result.stderr


def test_udev_does_what_the_rule_says():
    e2e.needs("udevadm")

    def subsystem(root):
        for number in range(4):
            os.symlink("../../../../bus/pci", root / f"{NVIDIA}.{number}/subsystem")
    result = kernel(f"""
mkdir -p /etc/udev/rules.d
gpu bind 0a:00 vfio-pci --persist >/dev/null || echo failed
mkdir /mnt/rules && mv /etc/udev/rules.d/* /mnt/rules
gpu restore 0a:00 >/dev/null || echo failed
mv /mnt/rules/* /etc/udev/rules.d
export SYSTEMD_DEVICE_VERIFY_SYSFS=0
echo unwritten > /sys/bus/pci/drivers/nvidia/unbind
announce() {{
    udevadm test --action=add /{NVIDIA}.$1 > /mnt/udev 2>&1 || cat /mnt/udev
    grep -i '05-nv-gpu.*\\(invalid\\|unknown\\|ignoring\\)' /mnt/udev
    echo "$1 $(cat /sys/bus/pci/devices/{CARD}.$1/driver_override) $(cat /sys/bus/pci/drivers_probe)"
}}
announce 0
announce 1
echo $(cat /sys/bus/pci/drivers/nvidia/unbind) $(cat /sys/bus/pci/drivers/snd_hda_intel/unbind)
# Another card in the slot is left alone.
echo 0x1234 > /sys/bus/pci/devices/{CARD}.2/device
announce 2
""", subsystem)
    lines = [x.strip() for x in result.stdout.splitlines()]
    assert lines == [f"0 vfio-pci {CARD}.0", f"1 vfio-pci {CARD}.1", f"unwritten {CARD}.1",
                     f"2 (null) {CARD}.1"], lines


def test_without_a_place_for_the_journal_nothing_is_begun():
    result = kernel("""
mount -o remount,ro /run
gpu bind 0a:00 vfio-pci; echo "status $?"
same || echo differs
""")
    assert "status 1" in result.stdout and "differs" not in result.stdout
    assert "cannot write below /run/nv-gpu" in result.stderr


def test_the_answer_as_JSON_tells_how_it_ended():
    result = kernel("""
FAKE_KERNEL_AT="9 fail" gpu bind 0a:00 vfio-pci --json
""")
    answer = json.loads(result.stdout)
    assert answer["end"] == "taken-back" and "Device or resource busy" in answer["failed"], answer
    assert answer["left"] == [], answer


def test_who_is_not_root_is_refused():
    result = kernel("""
setpriv --reuid=65534 --clear-groups sh -c '%s bind 0a:00 vfio-pci; echo "status $?"'
""" % NV_GPU)
    assert "status 3" in result.stdout and "only root can move a GPU" in result.stdout


if __name__ == "__main__":
    e2e.tap.run(e2e.tests(globals()))
