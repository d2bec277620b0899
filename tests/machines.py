# SPDX-License-Identifier: MIT
"""Recorded machines: reads tests/machines/*.machine and unpacks them for --sysroot."""
import os
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
MACHINES = HERE / "machines"


def names():
    return sorted(path.stem for path in MACHINES.glob("*.machine"))


def why(name):
    return (MACHINES / f"{name}.machine").read_text().splitlines()[0].lstrip("# ")


def unpack(name, directory):
    """Unpacks a machine below a directory and returns that."""
    root = pathlib.Path(directory)
    root.mkdir(parents=True, exist_ok=True)
    lines = (MACHINES / f"{name}.machine").read_text().splitlines()
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if not line or line.startswith("#"):
            continue
        if not line.startswith("/"):
            raise ValueError(f"{name}.machine:{number}: expected a path, got {line!r}")
        if " -> " in line:
            path, target = line.split(" -> ", 1)
            os.symlink(target, _parent(root, path))
        elif line.endswith("/"):
            (root / line[1:]).mkdir(parents=True, exist_ok=True)
        elif line.endswith(":") and " = " not in line:
            text = ""
            while number < len(lines) and lines[number].startswith("\t"):
                text += lines[number][1:] + "\n"
                number += 1
            _parent(root, line[:-1]).write_text(text)
        elif line.endswith(" ="):
            _parent(root, line[:-2]).write_text("")
        elif " = " in line:
            path, text = line.split(" = ", 1)
            _parent(root, path).write_text(text + "\n")
        else:
            raise ValueError(f"{name}.machine:{number}: expected '=', ':', '->' or '/'")
    return root


def _parent(root, path):
    place = root / path[1:]
    place.parent.mkdir(parents=True, exist_ok=True)
    return place
