# SPDX-License-Identifier: MIT
"""nv-session in Wayland sessions: the compositor's GPUs, and what would change them."""
import contextlib
import ctypes
import json
import os
import socket

import e2e
from e2e import LAPTOP, machines, tap

NV_SESSION = os.environ["NV_SESSION"]

# What each compositor understands.
CHANGES = {"sway": "WLR_DRM_DEVICES=/dev/dri/card0", "Hyprland": "AQ_DRM_DEVICES=/dev/dri/card0",
           "kwin_wayland": "KWIN_DRM_DEVICES=/dev/dri/card0",
           "gnome-shell": "mutter-device-preferred-primary", "weston": "--drm-device=card0"}


@contextlib.contextmanager
def compositor(name, place):
    """A process of that name that listens where a compositor does; gives its id."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(place / "wayland-7"))
    server.listen(8)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        ctypes.CDLL(None).prctl(15, name.encode(), 0, 0, 0)
        # The one who listens is whom the kernel tells of.
        server.listen(8)
        os.write(1, b"")
        os.read(reader, 1)
        os._exit(0)
    os.close(reader)
    server.close()
    try:
        for _ in range(500):
            with open(f"/proc/{child}/comm", encoding="ascii") as comm:
                if comm.read().strip() == name[:15]:
                    break
            os.sched_yield()
        yield child
    finally:
        os.close(writer)
        os.waitpid(child, 0)


def recorded(place, pid, name, nodes):
    """A laptop on which a process of that id and name has nodes open."""
    root = machines.unpack(LAPTOP, place / "root")
    files = root / "proc" / str(pid) / "fd"
    files.mkdir(parents=True)
    (files.parent / "comm").write_text(f"{name}\n")
    for number, node in enumerate(nodes, 3):
        (files / str(number)).symlink_to(node)
    return root


def status(place, root, **env):
    result = e2e.run(NV_SESSION, "status", "--json", f"--sysroot={root}", timeout=60,
                     env=e2e.environment(XDG_RUNTIME_DIR=str(place), XDG_SESSION_TYPE="wayland",
                                         WAYLAND_DISPLAY="wayland-7", **env))
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_the_compositors_gpus_are_those_whose_nodes_it_has_open():
    with e2e.place() as place, compositor("sway", place) as pid:
        root = recorded(place, pid, "sway", ["/dev/dri/card1", "/dev/null", "/dev/dri/renderD128",
                                             "socket:[12]"])
        told = status(place, root)
    assert told["session"] == "wayland" and told["server"] is None, told
    assert told["compositor"] == "sway", told
    assert told["compositor-gpus"] == ["0000:00:02.0"], told
    assert "compositor decides" in told["nothing-to-set-up"], told


def test_what_changes_its_gpu_is_told_in_each_compositors_words():
    for name, words in CHANGES.items():
        with e2e.place() as place, compositor(name, place) as pid:
            told = status(place, recorded(place, pid, name, ["/dev/dri/card1"]))
        how = {one["slot"]: one["how"] for one in told["compositor-changes"]}
        assert words in how["0000:01:00.0"], (name, how)


def test_a_compositor_nobody_knows_gets_no_advice():
    with e2e.place() as place, compositor("cosmic-comp", place) as pid:
        told = status(place, recorded(place, pid, "cosmic-comp", ["/dev/dri/card1"]))
    assert told["compositor"] == "cosmic-comp", told
    assert all(one["how"] is None for one in told["compositor-changes"]), told


def test_without_a_compositors_descriptors_its_gpus_are_unknown():
    with e2e.place() as place, compositor("sway", place):
        told = status(place, machines.unpack(LAPTOP, place / "root"))
    assert told["compositor-gpus"] == [], told


def test_setup_in_a_wayland_session_says_that_there_is_nothing_to_set_up():
    with e2e.place() as place:
        env = e2e.environment(XDG_RUNTIME_DIR=str(place), XDG_SESSION_TYPE="wayland",
                              WAYLAND_DISPLAY="wayland-7")
        result = e2e.run(NV_SESSION, "setup", "-v", env=env)
        assert result.returncode == 0, result
        assert "a Wayland session" in result.stderr, result.stderr
        result = e2e.run(NV_SESSION, "setup", env=env)
        assert result.returncode == 0 and not result.stderr, result


tap.run(e2e.tests(globals()))
