# SPDX-License-Identifier: MIT
"""Real X servers for tests: Xorg with GPUs that driver/ makes up, Xnest, and Xwayland.

    with rig.xorg([rig.Gpu("modesetting", outputs=["eDP-1:c:1920x1080"]),
                   rig.Gpu("NVIDIA-G0", driver="nvidia", caps="sink-output,source-offload",
                           outputs=[rig.Output("HDMI-1-0", modes="1280x720")])],
                  autobind=False) as server:
        server.client("xrandr", "--setprovideroutputsource", "NVIDIA-G0", "modesetting")
        server.client("xrandr", "--output", "HDMI-1-0", "--auto")
        assert server.scanout("HDMI-1-0").pixel(0, 0) == (0, 0, 0)

The first GPU has the screen, the others are GPU screens. Every wait has an end, after which it
raises Late; every process that was started here is ended here, by its id.
"""
import contextlib
import dataclasses
import errno
import os
import pathlib
import secrets
import select
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import e2e  # noqa: E402
from e2e import tap, xvfb  # noqa: E402,F401

MODULES = os.environ.get("NV_XORG_MODULES", "")
# The server itself, not the wrapper that looks for a console; and where it has its modules.
XORG = ["/usr/lib/xorg/Xorg", "/usr/libexec/Xorg", "/usr/lib/Xorg", "/usr/bin/Xorg"]
SYSTEM_MODULES = ["/usr/lib/xorg/modules", "/usr/lib64/xorg/modules"]
# Far longer than anything takes, even where many tests share a slow machine.
PATIENCE = 20


class Late(AssertionError):
    """Something did not happen in time."""


def wait_for(condition, what, seconds=PATIENCE):
    """Asks until the answer is true, and returns it."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Late(f"after {seconds} seconds: {what() if callable(what) else what}")
        time.sleep(0.01)


# --- what a GPU should be

@dataclasses.dataclass
class Output:
    """An output; modes are "WxH" or "WxH@HZ" between commas, the preferred one first. Every mode
    set fails if it refuses, or from the Nth on (refuse_from; the server's own one at its start
    counts). Without an EDID there is no such property."""
    name: str
    connected: bool = True
    modes: str = "1024x768"
    refuses: bool = False
    refuse_from: int = 0
    edid: bytes = b""

    def __str__(self):
        state = ("c" if self.connected else "d") + ("!" if self.refuses else "")
        options = [f"edid={self.edid.hex()}"] if self.edid else []
        options += [f"refuse-from={self.refuse_from}"] if self.refuse_from else []
        return ":".join([self.name, state, self.modes, ",".join(options)])


@dataclasses.dataclass
class Gpu:
    """A GPU: the name of its provider, what it can (as the driver's option Caps), and its outputs,
    each an Output or a string as driver/driver.h has them. The driver is one of those built."""
    name: str
    caps: str = "0xf"
    outputs: list = dataclasses.field(default_factory=list)
    driver: str = "testgpu"
    crtcs: int = -1
    detect_ms: int = 0
    log_name: str = ""

    def spec(self):
        """As one string, for the command addgpu."""
        return f"{self.name}|{self.caps}|{';'.join(map(str, self.outputs))}"

    def section(self, identifier):
        options = {"Spec": self.spec(), "Crtcs": self.crtcs, "DetectDelayMs": self.detect_ms}
        if self.log_name:
            options["LogName"] = self.log_name
        lines = [f'\tOption "{name}" "{value}"' for name, value in options.items()]
        return "\n".join(['Section "Device"', f'\tIdentifier "{identifier}"',
                          f'\tDriver "{self.driver}"', *lines, "EndSection", ""])


def edid(serial, name="testgpu", vendor="NVR", product=1):
    """A valid EDID of 128 bytes: a monitor of 1024x768, told from others by name and serial."""
    def text(tag, what):
        return bytes([0, 0, 0, tag, 0]) + (what[:13] + "\n"[:13 - len(what)]).ljust(13).encode()

    letters = [ord(letter) - ord("A") + 1 for letter in vendor]
    header = b"\x00" + b"\xff" * 6 + b"\x00"
    identity = struct.pack(">H", letters[0] << 10 | letters[1] << 5 | letters[2])
    identity += struct.pack("<HI", product, 1) + bytes([1, 33, 1, 3])
    display = bytes([0x80, 27, 20, 120, 0x0a]) + bytes(10)
    nothing_established, no_standard_timings = bytes(3), b"\x01" * 16
    # 1024x768 at 60 Hz: 65 MHz, 1344 by 806 in all; 271 by 203 mm.
    timing = bytes.fromhex("641900404100263018883600" "0fcb10000018")
    block = (header + identity + display + nothing_established + no_standard_timings + timing +
             text(0xff, serial) + text(0xfc, name) + bytes([0, 0, 0, 0x10]) + bytes(14) + b"\x00")
    assert len(block) == 127, len(block)
    return block + bytes([-sum(block) % 256])


def configuration(gpus, autobind=True):
    """An xorg.conf for these GPUs."""
    def flag(value):
        return "true" if value else "false"

    devices = "".join(gpu.section(f"gpu{n}") for n, gpu in enumerate(gpus))
    others = "".join(f'\tGPUDevice "gpu{n}"\n' for n in range(1, len(gpus)))
    # The log is read while the server runs: it must not stay in a buffer.
    return f"""Section "ServerFlags"
\tOption "AutoAddDevices" "false"
\tOption "AutoEnableDevices" "false"
\tOption "AutoAddGPU" "false"
\tOption "AutoBindGPU" "{flag(autobind)}"
\tOption "AllowEmptyInput" "true"
\tOption "Log" "flush"
EndSection
{devices}Section "Screen"
\tIdentifier "screen"
\tDevice "gpu0"
{others}EndSection
"""


# --- what a GPU shows

class Picture:
    """A binary PPM."""

    def __init__(self, data):
        kind, size, depth, self.bytes = data.split(b"\n", 3)
        assert (kind, depth) == (b"P6", b"255"), (kind, depth)
        self.width, self.height = map(int, size.split())
        assert len(self.bytes) == 3 * self.width * self.height, "a picture is cut off"

    def pixel(self, x, y):
        """Red, green and blue, each 0 to 255."""
        assert 0 <= x < self.width and 0 <= y < self.height, (x, y)
        start = 3 * (y * self.width + x)
        return tuple(self.bytes[start:start + 3])

    def colours(self):
        """All that are in it."""
        return {tuple(self.bytes[n:n + 3]) for n in range(0, len(self.bytes), 3)}


# --- processes and servers

class Process:
    """A process that was started here."""

    def __init__(self, command, log, env, **more):
        self.log, self.stopped = log, False
        with open(log, "ab") as said:
            # pylint: disable-next=consider-using-with
            self.process = subprocess.Popen([str(word) for word in command],
                                            stdin=subprocess.DEVNULL, stdout=said,
                                            stderr=subprocess.STDOUT, env=env, **more)
        self.pid = self.process.pid

    def alive(self):
        return self.process.poll() is None

    def freeze(self):
        """It does not answer until thaw()."""
        self.process.send_signal(signal.SIGSTOP)
        self.stopped = True

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)
        self.stopped = False

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)

    def wait_end(self, seconds=PATIENCE):
        """Waits until it ends of itself; gives its status, as subprocess does."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Late(f"{self.process.args[0]} still runs after {seconds} seconds") from None

    def stop(self):
        """Asks it to end, and ends it if it does not."""
        if not self.alive():
            return
        self.process.terminate()
        if self.stopped:
            self.thaw()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()

    def said(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Server(Process):
    """An X server that chooses its display and says which."""

    def __init__(self, command, place, env, auth=False, **more):
        self.place, self.xauthority = place, None
        more_words = []
        if auth:
            self.xauthority = place / "Xauthority"
            self.cookie = secrets.token_bytes(16)
            # The display is not known yet, and a server takes the cookie of any line.
            self.authorize("0")
            more_words = ["-auth", self.xauthority]
        reader, writer = os.pipe()
        try:
            super().__init__([*command, "-displayfd", writer, *more_words], place / "said", env,
                             pass_fds=[writer], **more)
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        self.identity = None
        try:
            self.display = f":{self.read_display(reader)}"
            self.socket = pathlib.Path(f"/tmp/.X11-unix/X{self.display[1:]}")
            self.identity = self.socket_identity()
        except BaseException:
            self.stop()
            raise
        finally:
            os.close(reader)
        if auth:
            self.authorize(self.display[1:])
        self.env = e2e.environment(DISPLAY=self.display, HOME=str(place))
        if auth:
            self.env["XAUTHORITY"] = str(self.xauthority)

    def read_display(self, reader):
        answer, end = b"", time.monotonic() + PATIENCE
        while not answer.endswith(b"\n"):
            ready = select.select([reader], [], [], max(0, end - time.monotonic()))[0]
            chunk = os.read(reader, 64) if ready else b""
            if not chunk:
                raise Late(f"no display from {self.process.args[0]}:\n{self.said()[-4000:]}")
            answer += chunk
        return int(answer)

    def authorize(self, number):
        """Writes an authority file with one cookie for a display of this machine."""
        def field(data):
            return struct.pack(">H", len(data)) + data

        family_local = 256
        e2e.write(self.xauthority, struct.pack(">H", family_local) +
                  field(socket.gethostname().encode()) + field(number.encode()) +
                  field(b"MIT-MAGIC-COOKIE-1") + field(self.cookie), 0o600)

    def client(self, *command, **more):
        """Runs a program on this server's display; fails if it does."""
        result = self.try_client(*command, **more)
        assert result.returncode == 0, f"{command}: {result.returncode}: {result.stderr}"
        return result.stdout

    def try_client(self, *command, env=None, **more):
        return e2e.run(*command, env={**self.env, **(env or {})}, **more)

    def socket_identity(self):
        """Tells its socket from that of a server which took the display later; None if it is
        gone."""
        try:
            status = os.lstat(self.socket)
        except OSError:
            return None
        return status.st_dev, status.st_ino, status.st_ctime_ns

    def stop(self):
        super().stop()
        # A server that was killed leaves it. (Of one with -displayfd there is no lock.)
        if self.identity and self.socket_identity() == self.identity:
            os.unlink(self.socket)


class Xorg(Server):
    """An Xorg with GPUs that the driver makes up."""

    def __init__(self, place, gpus, autobind, server_args, config, auth, env):
        self.fifo, self.pictures = place / "control", place / "scanout"
        self.pictures.mkdir()
        self.xorg_log = place / "Xorg.log"
        text = config or configuration(gpus, autobind)
        modules = [MODULES, *(path for path in SYSTEM_MODULES if os.path.isdir(path))]
        command = [next(path for path in XORG if os.access(path, os.X_OK)),
                   "-config", e2e.write(place / "xorg.conf", text),
                   "-configdir", place, "-logfile", self.xorg_log, "-modulepath", ",".join(modules),
                   "-noreset", "-nolisten", "tcp", "-novtswitch", "-nocursor", *server_args]
        env = e2e.environment(TESTGPU_FIFO=str(self.fifo), TESTGPU_SCANOUT_DIR=str(self.pictures),
                              **(env or {}))
        super().__init__(command, place, env, auth)

    def logged(self):
        return self.xorg_log.read_text(errors="replace") if self.xorg_log.exists() else ""

    def said(self):
        return super().said() + self.logged()

    def answers(self):
        """What the driver said of commands so far."""
        return [line.split("testgpu: ", 1)[1] for line in self.logged().splitlines()
                if "testgpu: done: " in line or "testgpu: failed: " in line]

    def control(self, command, wait=True):
        """Gives the driver a command of driver/control.c; fails if it does."""
        before = len(self.answers())
        line = f"{command}\n".encode()
        assert len(line) <= select.PIPE_BUF, "too long a command"

        def write():
            try:
                fifo = os.open(self.fifo, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                assert error.errno == errno.ENXIO, error
                return False
            try:
                return os.write(fifo, line) == len(line)
            except BlockingIOError:
                return False
            finally:
                os.close(fifo)

        wait_for(write, f"the server does not take '{command}'")
        if wait:
            wait_for(lambda: len(self.answers()) > before or not self.alive(),
                     f"no answer to '{command}'")
            assert self.alive(), f"'{command}' ended the server:\n{self.said()[-4000:]}"
            answer = self.answers()[before]
            assert answer.startswith("done: "), answer

    def scanout(self, output, gpu=None):
        """The Picture that an output shows now, None if it is dark. The GPU, counted from 0 for
        the screen's, is needed only if several have an output of this name."""
        for old in self.pictures.iterdir():
            old.unlink()
        self.control("scanout")
        index = "*" if gpu is None else "0" if gpu == 0 else f"G{gpu - 1}"
        found = list(self.pictures.glob(f"{index}-{output}.ppm"))
        assert len(found) < 2, f"several GPUs have an output {output}: {found}"
        return Picture(found[0].read_bytes()) if found else None


@contextlib.contextmanager
def running(make):
    with e2e.place() as place:
        server = make(place)
        try:
            yield server
        finally:
            server.stop()


def needs_driver():
    """Skips a test where the driver was not built; CI counts that as a failure."""
    e2e.needs("xrandr")
    if not any(os.access(path, os.X_OK) for path in XORG):
        raise tap.Skip("Xorg is not installed")
    if not MODULES:
        raise tap.Skip("the build found no xorg-server.pc")


def xorg(gpus=(), autobind=True, server_args=(), config=None, auth=False, env=None):
    """A context that gives an Xorg. config is an xorg.conf in place of the one for these GPUs, env
    is more of the server's environment; with auth, clients need its XAUTHORITY."""
    needs_driver()
    return running(lambda place: Xorg(place, gpus, autobind, server_args, config, auth, env))


@contextlib.contextmanager
def xnest(**more):
    """An Xnest inside of an Xvfb."""
    e2e.needs("Xnest")
    with xvfb() as display:
        env = e2e.environment(DISPLAY=display)
        with running(lambda place: Server(["Xnest", "-nolisten", "tcp"], place, env, **more)) as it:
            yield it


@contextlib.contextmanager
def weston():
    """A Wayland compositor without a screen; gives its environment."""
    e2e.needs("weston")
    with e2e.place() as place:
        runtime = place / "runtime"
        runtime.mkdir(mode=0o700)
        env = e2e.environment(XDG_RUNTIME_DIR=str(runtime), WAYLAND_DISPLAY="wayland-test")
        compositor = Process(["weston", "--backend=headless-backend.so", "--no-config",
                              "--idle-time=0", "--socket=wayland-test"],
                             place / "weston.log",
                             {k: v for k, v in env.items() if k != "WAYLAND_DISPLAY"})
        try:
            wait_for(lambda: (runtime / "wayland-test").exists() or not compositor.alive(),
                     "weston has no socket")
            assert compositor.alive(), compositor.said()
            yield env
        finally:
            compositor.stop()


@contextlib.contextmanager
def xwayland(**more):
    """A rootful Xwayland, in a headless weston."""
    e2e.needs("Xwayland")
    with weston() as env:
        with running(lambda place: Server(["Xwayland", "-noreset", "-nolisten", "tcp", "-shm"],
                                          place, env, **more)) as server:
            yield server
