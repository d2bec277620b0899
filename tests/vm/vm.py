# SPDX-License-Identifier: MIT
"""A script in a virtual machine with several GPUs, from Python; see the file vm.

    result = vm.run("./nv-run --list", files={"nv-run": pathlib.Path(os.environ["NV_RUN"])})
    assert result.status == 0 and "01:00.0" in result.stdout, result
"""
import dataclasses
import functools
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import tap  # noqa: E402

VM = HERE / "vm"


@dataclasses.dataclass
class Result:
    """What a script left behind; files are those of the share, by name."""
    status: int
    stdout: str
    stderr: str
    files: dict = dataclasses.field(repr=False)

    def checked(self, what):
        """Asserts that a check of lib.sh was made, and was fine."""
        assert f"ok - {what}" in self.stdout.splitlines(), (
            f"not ok in the guest, which said:\n{self.stdout}{self.stderr}")


class Image:
    """A picture of QEMU's screendump: its size and the colours it has, each with how often."""

    def __init__(self, ppm):
        kind, size, depth, pixels = ppm.split(b"\n", 3)
        assert kind == b"P6" and depth == b"255", ppm[:20]
        self.width, self.height = map(int, size.split())
        assert len(pixels) == self.width * self.height * 3, f"{len(pixels)} bytes for {size}"
        self.colours = {}
        for place in range(0, len(pixels), 3):
            colour = pixels[place:place + 3]
            self.colours[colour] = self.colours.get(colour, 0) + 1

    def is_all(self, red, green, blue):
        """Is it of one colour, to the five bits a channel that some screens have?"""
        return all(abs(got - wanted) < 8 for colour in self.colours
                   for got, wanted in zip(colour, (red, green, blue)))


def is_debian():
    try:
        return platform.freedesktop_os_release()["ID"] == "debian"
    except OSError:
        return False


@functools.lru_cache(maxsize=None)
def build():
    """Once a process, also if it fails."""
    return subprocess.run([VM, "build"], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, errors="replace", timeout=3000, check=False)


def image():
    """The guest's image, built if there is none; skips where that cannot be."""
    if not is_debian() or platform.machine() != "x86_64":
        raise tap.Skip("needs Debian's packages on x86_64")
    if os.geteuid() != 0:
        raise tap.Skip("needs root to build the guest")
    for program in ("qemu-system-x86_64", "mmdebstrap"):
        if not shutil.which(program):
            raise tap.Skip(f"{program} is not installed")
    result = build()
    assert result.returncode == 0, f"the guest cannot be built:\n{result.stderr}"
    return result.stdout.strip()


def put(place, what):
    """A file in the share: a path is copied, text and bytes are written; all can be run."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(what, pathlib.Path):
        shutil.copy(what, place)
    else:
        place.write_bytes(what if isinstance(what, bytes) else what.encode())
        place.chmod(0o755)


def run(script, *arguments, gpus="virtio,cirrus", files=None, timeout=300, systemd=False,
        options=()):
    """Boots, runs a script (its text, or a Path) as root in a share with these files (name ->
    Path, text or bytes), and gives a Result. A status of 124 is out of time, 125 a dead guest.
    More options are those of vm run."""
    here = image()
    with tempfile.TemporaryDirectory(prefix="nv-run-vm-") as directory:
        share = pathlib.Path(directory, "share")
        share.mkdir()
        for name, what in (files or {}).items():
            put(share / name, what)
        if not isinstance(script, pathlib.Path):
            text = script if script.startswith("#!") else f"#!/bin/bash\n{script}"
            script = pathlib.Path(directory, "script")
            script.write_text(text, encoding="utf-8")
        result = subprocess.run(
            [VM, "run", "--image", here, "--gpus", gpus, "--share", share,
             "--timeout", str(timeout), *(["--systemd"] if systemd else []), *options, script, *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=timeout + 60, check=False)
        left = {str(path.relative_to(share)): path.read_bytes()
                for path in share.rglob("*") if path.is_file() and not path.is_symlink()}
    return Result(result.returncode, result.stdout, result.stderr, left)
