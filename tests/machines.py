# SPDX-License-Identifier: MIT
"""Recorded machines: reads tests/machines/*.machine and unpacks them for --sysroot.

The format is that of man/nv-gpu-recording.5.scd. This is a second reader of it, for what the tests
can trust: tests/e2e/record.py compares it with nv-gpu replay.
"""
import base64
import os
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
MACHINES = HERE / "machines"


def names():
    return sorted(path.stem for path in MACHINES.glob("*.machine"))


def why(name):
    return (MACHINES / f"{name}.machine").read_text().splitlines()[0].lstrip("# ")


def unpack(name, directory):
    """Unpacks a machine below a directory and returns that."""
    return unpack_text((MACHINES / f"{name}.machine").read_bytes(), directory, f"{name}.machine")


def set_ids(function, vendor, device):
    """Makes a function (its directory) one of other ids, four hexadecimal digits each."""
    for name, text in (("vendor", vendor), ("device", device)):
        (function / name).write_text(f"0x{text.lower()}\n")
    _replace(function / "uevent", "PCI_ID=.*", f"PCI_ID={vendor.upper()}:{device.upper()}")
    _replace(function / "modalias", "v[0-9A-F]{8}d[0-9A-F]{8}",
             f"v0000{vendor.upper()}d0000{device.upper()}")


def set_driver(function, driver):
    """Gives a function (its directory) another driver, or None."""
    _replace(function / "uevent", r"DRIVER=.*\n", f"DRIVER={driver}\n" if driver else "")
    link = function / "driver"
    target = pathlib.PurePath(os.readlink(link))
    link.unlink()
    if driver:
        link.symlink_to(target.with_name(driver))


def _replace(path, pattern, text):
    before = path.read_text()
    assert re.search(pattern, before), (path, pattern)
    path.write_text(re.sub(pattern, text, before, count=1))


def unpack_text(text, directory, name="recording"):
    root = pathlib.Path(directory)
    root.mkdir(parents=True, exist_ok=True)
    lines = text.split(b"\n")
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if not line or line.startswith(b"#") or line == b"version 1":
            continue
        if not line.startswith(b"/"):
            raise ValueError(f"{name}:{number}: expected a path, got {line!r}")
        path, _, rest = line.partition(b" ")
        block = []
        if path.endswith(b":"):
            while number < len(lines) and lines[number].startswith(b"\t"):
                block.append(lines[number][1:])
                number += 1
        if not _entry(root, path, rest, block):
            raise ValueError(f"{name}:{number}: expected '=', ':', '->', '!', '%' or '/'")
    return root


def _entry(root, path, rest, block):
    """Makes what a line and the lines of its block say; false if that is nothing."""
    operator, _, value = rest.partition(b" ")
    if path.endswith(b":"):
        if rest not in (b"", b"escaped", b"base64"):
            return False
        _parent(root, path[:-1]).write_bytes(
            b"".join(map(base64.b64decode, block)) if rest == b"base64"
            else b"".join(map(_line, block)) if rest == b"escaped"
            else b"".join(line + b"\n" for line in block))
    elif path.endswith(b"/"):
        place = _parent(root, path[:-1])
        place.mkdir(exist_ok=True)
        if operator == b"!":
            place.chmod(0)
        return not rest or operator == b"!"
    elif rest == b"=":
        _parent(root, path).write_bytes(b"")
    elif operator == b"=":
        _parent(root, path).write_bytes(value + b"\n")
    elif operator == b"->":
        os.symlink(_unescape(value), _parent(root, path))
    elif operator in (b"!", b"%"):
        place = _parent(root, path)
        place.write_bytes(b"")
        words = value.split()
        place.chmod(0 if operator == b"!" else
                    int(words[2], 8) if words[0] in (b"char", b"block") else 0o644)
    else:
        return False
    return True


def _line(text):
    ended = re.search(rb"(\\*)$", text).group(1)
    if len(ended) % 2:
        return _unescape(text[:-1])
    return _unescape(text) + b"\n"


def _unescape(text):
    return re.sub(rb"\\(\\|x([0-9a-fA-F]{2}))",
                  lambda found: bytes([int(found.group(2), 16)]) if found.group(2) else b"\\", text)


def _parent(root, path):
    place = root / os.fsdecode(_unescape(path)[1:])
    place.parent.mkdir(parents=True, exist_ok=True)
    return place
