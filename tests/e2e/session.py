# SPDX-License-Identifier: MIT
"""What nv-run believes of an X server, and when it asks nv-session."""
import os
import pathlib
import shutil
import socket
import stat
import subprocess
import time

import e2e
from e2e import LAPTOP, NV_RUN, machines, tap


class Server:
    """A socket where an X server's would be, a runtime directory and a recorded laptop."""

    def __init__(self, place, number):
        self.place, self.display = place, f":{number}"
        self.path = f"/tmp/.X11-unix/X{number}"
        os.makedirs("/tmp/.X11-unix", mode=0o1777, exist_ok=True)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)
        self.runtime = place / "runtime"
        self.runtime.mkdir(mode=0o700)
        self.root = machines.unpack(LAPTOP, place / "root")
        self.env = e2e.environment(DISPLAY=self.display, XDG_RUNTIME_DIR=str(self.runtime))

    def restart(self):
        self.close()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)

    def close(self):
        self.socket.close()
        os.unlink(self.path)

    def session(self, *lines, **more):
        return e2e.session_file(self.runtime, self.display, *lines, **more)

    def forces_glx(self, *words, **more):
        answer = e2e.dry(f"--sysroot={self.root}", "--no-rules", "-g", "nvidia", *words, "true",
                         env={**self.env, **more})
        return any(c["name"] == "__GLX_VENDOR_LIBRARY_NAME" for c in answer["changes"])


def with_server(test):
    def body():
        with e2e.place() as place:
            number = next(n for n in range(4700, 4800) if not os.path.exists(f"/tmp/.X11-unix/X{n}"))
            server = Server(place, number)
            try:
                test(server)
            finally:
                server.close()
    body.__name__ = test.__name__
    return body


PROVIDER = ["server xorg", "screen 0000:00:02.0 modesetting", "gpu 0000:01:00.0 NVIDIA-G0"]


@with_server
def test_a_session_file_decides(here):
    assert not here.forces_glx(), "nothing is known of the server"
    here.session(*PROVIDER)
    assert here.forces_glx()
    assert here.forces_glx(DISPLAY=here.display + ".0")
    here.session("server xorg", "screen - modesetting")
    assert not here.forces_glx(XDG_SESSION_TYPE="x11")
    text = e2e.nv_run(f"--sysroot={here.root}", "--no-rules", "-x", "true", env=here.env).stdout
    assert "(nv-session told)" in text and "has no NVIDIA provider" in text, text


@with_server
def test_a_server_that_started_anew_is_another_one(here):
    here.session(*PROVIDER)
    assert here.forces_glx()
    time.sleep(0.01)
    here.restart()
    assert not here.forces_glx()


@with_server
def test_a_file_that_others_could_have_written_is_not_believed(here):
    path = here.session(*PROVIDER, mode=0o620)
    assert not here.forces_glx()
    path.chmod(0o602)
    assert not here.forces_glx()
    path.chmod(0o600)
    assert here.forces_glx()
    path.rename(here.place / "real")
    path.symlink_to(here.place / "real")
    assert not here.forces_glx(), "a link"
    path.unlink()
    if os.geteuid() == 0:
        os.chown(here.session(*PROVIDER), 1234, 0)
        assert not here.forces_glx(), "another owner"


@with_server
def test_hostile_files_neither_hang_nor_count(here):
    path = here.session(*PROVIDER)
    whole = path.read_text()
    for text in ("", whole[:-1], "x" + whole, whole.replace("1\n", "2\n", 1), "\0" * 100,
                 whole + "gpu " + "x" * (1 << 20) + "\n", whole.replace("server", "\xff")):
        e2e.write(path, text, 0o600)
        assert not here.forces_glx(), text[:60]
    path.unlink()
    os.mkfifo(path, 0o600)
    assert not here.forces_glx()
    path.unlink()
    path.mkdir()
    assert not here.forces_glx()


@with_server
def test_the_log_of_the_running_server_is_the_next_witness(here):
    log = here.root / f"var/log/Xorg.{here.display[1:]}.log"
    e2e.write(log, "[  1.0] (II) modeset(0): using drv\n[  1.2] (II) NVIDIA(G0): NVIDIA GPU\n")
    assert here.forces_glx()
    text = e2e.nv_run(f"--sysroot={here.root}", "--no-rules", "-x", "true", env=here.env).stdout
    assert "its log tells" in text, text
    e2e.write(log, "[  1.0] (II) modeset(0): using drv\n")
    assert not here.forces_glx(XDG_SESSION_TYPE="x11")
    e2e.write(log, "[  1.2] (II) NVIDIA(G0): an older server\n")
    os.utime(log, (1, 1))
    assert not here.forces_glx()


@with_server
def test_the_servers_process_is_asked_for_its_name(here):
    def named(name):
        program = shutil.copy(shutil.which("sleep"), here.place / name)
        return subprocess.Popen([program, "600"])

    lock = pathlib.Path(f"/tmp/.X{here.display[1:]}-lock")
    wayland = {"WAYLAND_DISPLAY": "wayland-0", "XDG_SESSION_TYPE": "wayland"}
    login = {"XDG_SESSION_TYPE": "x11"}
    cases = [("Xvfb", wayland, False), ("Xvfb", login, False), ("Xwayland", {}, True),
             ("Xorg", wayland, False), ("Xorg", login, True), ("gnome-shell", wayland, True),
             ("gnome-shell", {}, False)]
    for name, session, forced in cases:
        with named(name) as process:
            try:
                e2e.write(lock, f"{process.pid:10}\n")
                assert here.forces_glx(**session) == forced, (name, session)
            finally:
                lock.unlink()
                process.kill()
    for text in ("", "x\n", "         0\n", "4194399999\n", "-1\n"):
        e2e.write(lock, text)
        try:
            assert here.forces_glx(**wayland), text
        finally:
            lock.unlink()
    with named("Xvfb") as process:
        try:
            e2e.write(lock, f"{process.pid:10}\n")
            here.session(*PROVIDER)
            assert here.forces_glx(), "a session file comes first"
        finally:
            lock.unlink()
            process.kill()


@with_server
def test_displays_elsewhere_are_not_asked_about(here):
    here.session(*PROVIDER)
    assert not here.forces_glx(DISPLAY="localhost" + here.display)


ANSWER = """#!/bin/sh
echo asked >>{count}
{body}
"""


class Asking:
    """nv-run beside an nv-session of the test's own, on the laptop's true paths."""

    def __init__(self, server, body):
        if os.geteuid():
            raise tap.Skip("needs root to lay NVIDIA's libraries over /usr")
        self.server = server
        self.count = server.place / "count"
        directory = server.place / "bin"
        directory.mkdir()
        self.nv_run = shutil.copy(NV_RUN, directory / "nv-run")
        if body is not None:
            e2e.write(directory / "nv-session", ANSWER.format(count=self.count, body=body), 0o755)

    def start(self, **more):
        script = f"""mount -t overlay overlay -o lowerdir={self.server.root}/usr:/usr /usr || exit 9
exec {self.nv_run} --no-rules -q -g nvidia sh -c 'echo "started ${{__GLX_VENDOR_LIBRARY_NAME-}}"'"""
        result = e2e.namespace(self.server.root, script, env={**self.server.env, **more})
        assert result.returncode == 0 and result.stdout.startswith("started"), result
        return result.stdout.strip()

    def asked(self):
        return len(self.count.read_text().split()) if self.count.exists() else 0


def publish(here, *lines):
    """What nv-session would do: the file, made beside its place and renamed."""
    text = "nv-run-session 1\n" + e2e.socket_line(here.display) + "".join(f"{x}\n" for x in lines)
    e2e.write(here.place / "answer", text)
    target = f"$XDG_RUNTIME_DIR/nv-run/session.{here.display}"
    return (f'[ "$1" = publish ] || exit 2\nmkdir -p "$XDG_RUNTIME_DIR/nv-run"\n'
            f'umask 077\ncp {here.place}/answer "{target}.new"\nmv "{target}.new" "{target}"')


@with_server
def test_nv_session_is_asked_once_for_each_server(here):
    rig = Asking(here, publish(here, *PROVIDER))
    assert rig.start() == "started nvidia" and rig.asked() == 1
    assert rig.start() == "started nvidia" and rig.asked() == 1
    time.sleep(0.01)
    here.restart()
    rig.start()
    assert rig.asked() == 2


@with_server
def test_an_nv_session_that_hangs_is_left_behind_once(here):
    rig = Asking(here, "exec sleep 30")
    before = time.monotonic()
    assert rig.start() == "started"
    assert time.monotonic() - before < 5, "the start waited for it"
    assert rig.start() == "started" and rig.asked() == 1
    path = here.runtime / "nv-run" / f"session.{here.display}"
    assert "server unknown" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    asleep = e2e.run("pgrep", "-f", "^sleep 30$")
    assert not asleep.stdout, "it was not ended"


@with_server
def test_an_nv_session_that_fails_is_not_asked_again(here):
    rig = Asking(here, "exit 1")
    assert rig.start() == "started" and rig.start() == "started" and rig.asked() == 1


@with_server
def test_no_nv_session_is_no_reason_to_wait_or_write(here):
    rig = Asking(here, None)
    assert rig.start() == "started"
    assert not (here.runtime / "nv-run").exists()


@with_server
def test_only_a_question_that_matters_is_asked(here):
    rig = Asking(here, publish(here, *PROVIDER))
    rig.start(DISPLAY="", WAYLAND_DISPLAY="wayland-0")
    rig.start(DISPLAY="elsewhere:0")
    assert rig.asked() == 0
    script = f"exec {rig.nv_run} --no-rules -g integrated true"
    assert e2e.namespace(here.root, script, env=here.env).returncode == 0
    assert rig.asked() == 0
    here.forces_glx()
    assert rig.asked() == 0, "a recorded machine's session is not asked for"


@with_server
def test_root_leaves_no_trace_in_a_users_runtime_directory(here):
    rig = Asking(here, "exit 1")
    here.session(*PROVIDER)
    folder = here.runtime / "nv-run"
    path = folder / f"session.{here.display}"
    for each in (here.runtime, folder, path):
        os.chown(each, 1234, 1234)
    before = path.stat()
    assert rig.start() == "started", "another user's file does not count"
    assert path.stat() == before and os.listdir(folder) == [path.name]
    path.unlink()
    rig.start()
    assert not os.listdir(folder)
    folder.rename(here.place / "real")
    rig.start()
    assert not folder.exists()
    folder.symlink_to(here.place / "real")
    rig.start()
    assert not os.listdir(here.place / "real")
    assert rig.asked() == 0


@with_server
def test_a_runtime_directory_that_others_can_write_is_not_written(here):
    rig = Asking(here, "exit 1")
    folder = here.runtime / "nv-run"
    here.runtime.chmod(0o777)
    rig.start()
    assert not folder.exists()
    here.runtime.chmod(0o700)
    elsewhere = here.place / "elsewhere"
    elsewhere.mkdir()
    folder.symlink_to(elsewhere)
    rig.start()
    assert not os.listdir(elsewhere) and rig.asked() == 0


if __name__ == "__main__":
    tap.run(e2e.tests(globals()))
