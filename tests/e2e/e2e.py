# SPDX-License-Identifier: MIT
"""What the end-to-end tests share: nv-run on a recorded machine, X servers, namespaces."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import machines  # noqa: E402
import tap  # noqa: E402,F401

NV_RUN = os.environ["NV_RUN"]
LIBRARIES = os.environ.get("NV_LIBRARIES", "")
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/games"
LAPTOP = "laptop-intel-nvidia"


def needs(*programs):
    """Skips a test where a program is missing; CI counts that as a failure."""
    for program in programs:
        if not shutil.which(program):
            raise tap.Skip(f"{program} is not installed")


@contextlib.contextmanager
def place():
    """A directory that every user may enter."""
    with tempfile.TemporaryDirectory(prefix="nv-run-e2e-") as directory:
        os.chmod(directory, 0o755)
        yield pathlib.Path(directory)


def write(path, text, mode=0o644):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def environment(**more):
    """Nothing of the one who runs the tests."""
    return {"PATH": PATH, "HOME": "/nonexistent", **more}


# A traced process cannot look for leaks; builds with sanitizers must not try.
TRACED = {"ASAN_OPTIONS": "detect_leaks=0"}


def run(*command, env=None, timeout=30, **more):
    more.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([str(word) for word in command], env=env or environment(),
                          capture_output=True, text=True, errors="replace",
                          timeout=timeout, check=False, **more)


def nv_run(*arguments, **more):
    return run(NV_RUN, *arguments, **more)


def dry(*arguments, **more):
    result = nv_run("-n", "--json", *arguments, **more)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@contextlib.contextmanager
def xvfb():
    """A real X server without GPUs; gives its display, ":N"."""
    needs("Xvfb")
    reader, writer = os.pipe()
    with subprocess.Popen(
            ["Xvfb", "-displayfd", str(writer), "-screen", "0", "640x480x24", "-nolisten", "tcp"],
            pass_fds=[writer], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL) as server:
        os.close(writer)
        try:
            with os.fdopen(reader) as answer:
                number = answer.readline().strip()
            assert number, "Xvfb gave no display"
            yield f":{number}"
        finally:
            server.terminate()
            server.wait(10)


def socket_line(display):
    status = os.lstat(f"/tmp/.X11-unix/X{display[1:]}")
    return (f"socket {status.st_dev} {status.st_ino} "
            f"{status.st_ctime_ns // 10**9}.{status.st_ctime_ns % 10**9:09d}\n")


def session_file(runtime, display, *lines, mode=0o600):
    """A session file as nv-session writes it."""
    path = write(runtime / "nv-run" / f"session.{display}",
                 "nv-run-session 1\n" + socket_line(display) + "".join(f"{x}\n" for x in lines))
    path.chmod(mode)
    return path


def namespace(root, script, *words, env=None, timeout=60, processes=True):
    """Runs a shell script where a recorded machine is laid over /sys, /proc/driver and /dev/dri:
    the true paths, for the program as it is shipped. Without processes, it sees none but its own."""
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]
    unshare += [] if processes else ["-p", "--fork", "--mount-proc", "--kill-child"]
    if run(*unshare, "true").returncode:
        raise tap.Skip("mount namespaces are not to be had")
    before = f"""
set -e
mount --rbind {root}/sys /sys
if [ -d {root}/proc/driver ]; then
    mount -t tmpfs none /proc/driver
    mkdir /proc/driver/nvidia
    mount --bind {root}/proc/driver/nvidia /proc/driver/nvidia
fi
set +e
"""
    return run(*unshare, "sh", "-c", before + script, "sh", *words, env=env, timeout=timeout)


def tests(module):
    """All functions of a module whose names begin with test_, in order, as sentences."""
    return [(name[5:].replace("_", " "), function)
            for name, function in module.items()
            if name.startswith("test_") and callable(function)]
