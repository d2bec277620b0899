# SPDX-License-Identifier: MIT
"""nv-session on X servers with made-up GPUs: what the tests of it share."""
import contextlib
import difflib
import os
import pathlib
import random
import re
import select
import socket
import struct
import threading

import rig
from rig import Gpu, Output, e2e

NV_SESSION = os.environ["NV_SESSION"]
PANEL = "eDP-1:c:1920x1080,1280x720"
PANEL_LIT = {"eDP-1": "1920x1080+0+0"}
BOTH_LIT = {"eDP-1": "1920x1080+0+0", "HDMI-1-0": "1280x720+1920+0"}


# --- topologies

def screen(*outputs, name="modesetting", driver="modesetting", **more):
    return Gpu(name, outputs=list(outputs) or [PANEL], driver=driver, **more)


def nvidia(*outputs, name="NVIDIA-G0", caps="sink-output,source-offload", **more):
    return Gpu(name, caps=caps, driver="nvidia",
               outputs=list(outputs) or [Output("HDMI-1-0", modes="1280x720,800x600")], **more)


def hybrid(*outputs, panel=None, **more):
    """A laptop whose integrated GPU renders; outputs are those of the NVIDIA GPU."""
    return rig.xorg([screen(*(panel or [])), nvidia(*outputs)], **{"autobind": False, **more})


def nvidia_first(*sink, outputs=("DP-0:d:1280x720",), **more):
    """A laptop whose NVIDIA GPU renders; sink are the outputs of the integrated one."""
    return rig.xorg([Gpu("NVIDIA-0", caps="source-output,sink-offload", driver="nvidia",
                         outputs=list(outputs)),
                     Gpu("modesetting", caps="sink-output,source-offload", driver="modesetting",
                         outputs=list(sink) or [Output("eDP-1-1", modes="1920x1080")])],
                    **{"autobind": False, **more})


# --- nv-session

def root(server):
    """An empty machine, so that the one that runs the tests decides nothing."""
    path = server.place / "root"
    path.mkdir(exist_ok=True)
    return path


def runtime(server):
    path = server.place / "runtime"
    if not path.exists():
        path.mkdir(mode=0o700)
    return path


def run(server, *words, env=None, wrap=(), **more):
    """nv-session as it is called, with a machine and a runtime directory of the server's own."""
    env = {"XDG_RUNTIME_DIR": str(runtime(server)), **(env or {})}
    sysroot = [] if any(str(word).startswith("--sysroot") for word in words) else \
        [f"--sysroot={root(server)}"]
    return server.try_client(*wrap, NV_SESSION, *words, *sysroot, env=env, **more)


def setup(server, *words, status=0, command="setup", **more):
    """Runs it, checks its status and gives what it said."""
    result = run(server, command, *words, **more)
    assert result.returncode == status, (words, result)
    return result.stderr


def reset(server, words=(), **more):
    return setup(server, *words, command="reset", **more)


def conf(server, text, **more):
    """The option that gives this session.conf."""
    return f"--config={e2e.write(server.place / 'session.conf', text, **more)}"


# --- what the server says

def state(server):
    """All that RandR tells, as a dictionary. It has the time of each GPU's last change; that of
    the screen's GPU becomes the others' only when somebody asks for providers, so this is first."""
    return {question: server.client("xrandr", "--current", question)
            for question in ("--listproviders", "--listmonitors", "--verbose")}


def same(now, before):
    """That two states are the same; says where they are not."""
    for question, answer in before.items():
        assert now[question] == answer, "\n".join(
            difflib.unified_diff(answer.splitlines(), now[question].splitlines(), n=1))


def settled(server):
    """The state without times, and without what is in force only from a next mode set on."""
    return {question: re.sub(r"\t(Timestamp|PRIME Synchronization): .*\n", "", answer)
            for question, answer in state(server).items()}


def lit(server):
    """Output -> its geometry, of all that are lit."""
    return dict(re.findall(r"^(\S+) (?:dis)?connected(?: primary)? (\d+x\d+\+\d+\+\d+)",
                           server.client("xrandr", "--current"), re.M))


def primary(server):
    found = re.findall(r"^(\S+) (?:dis)?connected primary", server.client("xrandr", "--current"),
                       re.M)
    return found[0] if found else None


def size(server):
    return re.search(r"current (\d+) x (\d+)", server.client("xrandr", "--current")).groups()


def links(server):
    """How many other GPUs each one is linked to."""
    return re.findall(r"associated providers: (\d+) name:(.*)",
                      server.client("xrandr", "--current", "--listproviders"))


# --- what is shown

# Any 64 of these in a row tell where they begin.
CODE = [random.Random(1).getrandbits(1) for _ in range(8192)]
SEEN = 64


def code_bitmap(server, name, across):
    """A bitmap for xsetroot that has CODE from the left to the right, or from top to bottom."""
    if across:
        data = [sum(bit << n for n, bit in enumerate(CODE[x:x + 8]))
                for x in range(0, len(CODE), 8)]
        sizes = len(CODE), 1
    else:
        data, sizes = [255 * bit for bit in CODE], (8, len(CODE))
    return e2e.write(server.place / name,
                     f"#define c_width {sizes[0]}\n#define c_height {sizes[1]}\n"
                     "static char c_bits[] = {\n" + ",\n".join(map(hex, data)) + "};\n")


def pictures(server):
    """Output -> the Picture it shows, of all that are lit."""
    for old in server.pictures.iterdir():
        old.unlink()
    server.control("scanout")
    return {path.stem.split("-", 1)[1]: rig.Picture(path.read_bytes())
            for path in server.pictures.iterdir()}


def shows(server, expected):
    """That these outputs and no others are lit, by what the server says of them and by what is
    scanned out: each its own part of what is painted."""
    assert lit(server) == expected, (lit(server), expected)
    for across in True, False:
        bitmap = code_bitmap(server, "across" if across else "down", across)
        server.client("xsetroot", "-bitmap", bitmap, "-fg", "#ff0000", "-bg", "#0000ff")
        found = pictures(server)
        assert set(found) == set(expected), (set(found), expected)
        for output, picture in found.items():
            width, height, x, y = map(int, re.split("[x+]", expected[output]))
            assert (picture.width, picture.height) == (width, height), output
            begin, length = (x, width) if across else (y, height)
            for start in 0, length - SEEN:
                pixels = [picture.pixel(start + n, 1) if across else picture.pixel(1, start + n)
                          for n in range(SEEN)]
                bits = [int(pixel == (255, 0, 0)) for pixel in pixels]
                assert set(pixels) <= {(255, 0, 0), (0, 0, 255)}, (output, set(pixels))
                assert bits == CODE[begin + start:begin + start + SEEN], \
                    (output, "across" if across else "down", start)
    server.client("xsetroot", "-solid", "#123456")
    for output, picture in pictures(server).items():
        assert picture.colours() == {(0x12, 0x34, 0x56)}, output


# --- what is asked for

class Relay(threading.Thread):
    """Stands between clients and the server, on a display of its own, and knows what was asked.
    before, if given, is called with each change and its number before the server gets it."""

    # Requests of RandR that change something.
    CHANGES = {2: "SetScreenConfig", 7: "SetScreenSize", 13: "ChangeOutputProperty",
               21: "SetCrtcConfig", 26: "SetCrtcTransform", 30: "SetOutputPrimary",
               34: "SetProviderOffloadSink", 35: "SetProviderOutputSource"}
    CHANGE_PROPERTY, DELETE_PROPERTY = 18, 19

    def __init__(self, server, before=None):
        super().__init__(daemon=True)
        self.server, self.before = server, before
        self.changes, self.trips, self.requests = [], 0, 0
        e2e.needs("xdpyinfo")
        answer = server.client("xdpyinfo", "-queryExtensions")
        self.randr = int(re.search(r"RANDR\s+\(opcode: (\d+)", answer)[1])
        self.listener = socket.socket(socket.AF_UNIX)
        self.display = rig.wait_for(self.take_display, "no display is free")
        self.path = pathlib.Path(f"/tmp/.X11-unix/X{self.display[1:]}")
        self.listener.listen()
        self.quit, self.wake = os.pipe()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        os.close(self.wake)
        self.join(rig.PATIENCE)
        self.listener.close()
        os.close(self.quit)
        self.path.unlink()

    def take_display(self):
        """One that no server takes, since these count from 0."""
        number = random.SystemRandom().randrange(5000, 60000)
        try:
            self.listener.bind(f"/tmp/.X11-unix/X{number}")
        except OSError:
            return None
        return f":{number}"

    def env(self):
        return {"DISPLAY": self.display}

    def run(self):
        while True:
            ready = select.select([self.listener, self.quit], [], [])[0]
            if self.quit in ready:
                return
            client = self.listener.accept()[0]
            with client, contextlib.suppress(OSError):
                self.serve(client)

    def serve(self, client):
        with socket.socket(socket.AF_UNIX) as server:
            server.connect(str(self.server.socket))
            waiting, asked, greeted = b"", False, False
            while True:
                ready = select.select([client, server, self.quit], [], [])[0]
                if self.quit in ready:
                    return
                if server in ready:
                    data = server.recv(1 << 20)
                    if not data:
                        return
                    self.trips += asked
                    asked = False
                    client.sendall(data)
                if client in ready:
                    data = client.recv(1 << 20)
                    if not data:
                        return
                    asked = True
                    waiting += data
                    while (request := self.first(waiting, greeted)) is not None:
                        self.note(request if greeted else b"")
                        greeted = True
                        server.sendall(request)
                        waiting = waiting[len(request):]

    @staticmethod
    def first(data, greeted):
        """The first whole request of what came; None if there is none."""
        if not greeted:
            if len(data) < 12:
                return None
            name, cookie = struct.unpack_from("=HH", data, 6)
            length = 12 + (name + 3 & ~3) + (cookie + 3 & ~3)
        else:
            if len(data) < 8 and (len(data) < 4 or data[2:4] == b"\0\0"):
                return None
            length = 4 * (struct.unpack_from("=H", data, 2)[0] or
                          struct.unpack_from("=I", data, 4)[0])
        return data[:length] if len(data) >= length else None

    def note(self, request):
        self.requests += 1
        name = None
        if request and request[0] == self.randr:
            name = self.CHANGES.get(request[1])
        elif request and request[0] in (self.CHANGE_PROPERTY, self.DELETE_PROPERTY):
            name = "ChangeProperty"
        if name:
            if self.before:
                self.before(name, self.changes.count(name) + 1)
            self.changes.append(name)


def recorded(server, laptop, directory="root"):
    """A recorded machine in the place of the empty one."""
    return e2e.machines.unpack(laptop, pathlib.Path(server.place) / directory)
