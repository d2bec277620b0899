# SPDX-License-Identifier: MIT
"""A recorded machine completed to what the kernel shows, so that lspci, libpci and libdrm take it
for theirs when it is bound over the true paths."""
import os
import pathlib
import struct

import e2e

# A minor that no GPU of this machine's has: the nodes made here must not lead to one.
MINOR = 1000

# (id, length, what follows the two bytes of every capability's header): power management, MSI,
# PCI Express. lspci -v and PCI_FILL_CAPS walk them.
CAPABILITIES = [(0x01, 8), (0x05, 16), (0x10, 60)]
EXTENDED = [0x0001, 0x0015]  # error reporting, resizable BAR


def _number(path, name, otherwise):
    file = path / name
    if not file.exists():
        e2e.write(file, otherwise + "\n")
    return int(file.read_text(), 16)


def config(vendor, device, kind, subvendor, subdevice, bridge):
    """4096 bytes of PCI Express configuration space."""
    space = bytearray(4096)
    struct.pack_into("<HHHHI", space, 0, vendor, device, 0x0406, 0x0010, kind << 8)
    space[0x0e] = 1 if bridge else 0
    if not bridge:
        struct.pack_into("<HH", space, 0x2c, subvendor, subdevice)
    place = space[0x34] = 0x40
    for number, (capability, length) in enumerate(CAPABILITIES):
        last = number + 1 == len(CAPABILITIES)
        space[place] = capability
        space[place + 1] = 0 if last else place + length
        place += length
    place = 0x100
    for number, capability in enumerate(EXTENDED):
        last = number + 1 == len(EXTENDED)
        behind = 0 if last else place + 64
        struct.pack_into("<I", space, place, capability | 1 << 16 | behind << 20)
        place += 64
    return bytes(space)


def complete(root):
    """Gives every PCI function of a machine what lspci reads."""
    devices = root / "sys/bus/pci/devices"
    for slot in sorted(os.listdir(devices)):
        path = pathlib.Path(os.path.realpath(devices / slot))
        kind = _number(path, "class", "0x060400")
        numbers = [_number(path, name, otherwise)
                   for name, otherwise in (("vendor", "0x8086"), ("device", "0x1901"))]
        numbers += [kind] + [_number(path, name, otherwise)
                             for name, otherwise in (("subsystem_vendor", "0x1028"),
                                                     ("subsystem_device", "0x0a61"))]
        for name, text in (("revision", "0xa1"), ("irq", "0"), ("enable", "1"),
                           ("resource", "\n".join(["0x0 0x0 0x0"] * 7))):
            if not (path / name).exists():
                e2e.write(path / name, text + "\n")
        if not (path / "config").exists():
            e2e.write(path / "config", config(*numbers, kind >> 8 == 0x0604))
        link(path / "subsystem", root / "sys/bus/pci")
    for node in nodes(root):
        path = pathlib.Path(os.path.realpath(root / "sys/class/drm" / node))
        link(path / "device", path.parent.parent)
        link(path / "subsystem", root / "sys/class/drm")
        # libdrm goes from a node's number to its device.
        e2e.write(path / "dev", f"226:{minor(node)}\n")
        link(root / f"sys/dev/char/226:{minor(node)}", path)
    return root


def link(path, target):
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_symlink():
        os.symlink(os.path.relpath(target, path.parent), path)


def nodes(root):
    place = root / "sys/class/drm"
    return [name for name in sorted(os.listdir(place)) if "-" not in name] if place.exists() else []


def minor(node):
    return MINOR + int(node.lstrip("cardrenderD"))


def over(root, script, *words, **more):
    """Runs a shell script with the machine bound over /sys, pci.ids and the nodes of /dev."""
    make = "".join(f"mknod /dev/dri/{node} c 226 {minor(node)} || exit 77\n"
                   for node in nodes(root))
    before = f"""
for file in /usr/share/misc/pci.ids /usr/share/hwdata/pci.ids; do
    if [ -e $file ] && [ -e {root}$file ]; then mount --bind {root}$file $file || exit 77; fi
done
mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 || exit 77
mkdir /dev/dri /dev/shm
mknod /dev/nvidia0 c 195 {MINOR}
{make}
"""
    result = e2e.namespace(root, before + script, *words, **more)
    if result.returncode == 77:
        raise e2e.tap.Skip("needs root, to make device nodes")
    return result
