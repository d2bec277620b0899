# SPDX-License-Identifier: MIT
"""What the tests of display-manager hooks share: nv-session, and roots made of text."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import tap  # noqa: E402

NV_SESSION = os.environ["NV_SESSION"]
MISBEHAVE = os.environ.get("NV_MISBEHAVE", "")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
STATE = "var/lib/nv-run/hook"


def run(*command, env=None, timeout=60, **more):
    more.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          env={"PATH": PATH} if env is None else env, errors="replace",
                          timeout=timeout, check=False, **more)


def program():
    """Where hooks expect nv-session, as it was built."""
    with tempfile.TemporaryDirectory() as empty:
        return json.loads(run(NV_SESSION, "hook", "check", "--json", "--sysroot",
                              empty).stdout)["program"]


PROGRAM = program()


def write(path, text, mode=0o644):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


@contextlib.contextmanager
def root(**files):
    """A root directory with nv-session, and files given as {path: text or (text, mode)}."""
    with tempfile.TemporaryDirectory(prefix="nv-session-dm-") as directory:
        place = pathlib.Path(directory)
        write(place / PROGRAM[1:], "", 0o755)
        write(place / "proc/sys/kernel/random/boot_id", "11111111-2222\n")
        write(place / "proc/cmdline", "BOOT_IMAGE=/vmlinuz quiet\n")
        for path, text in files.get("files", {}).items():
            write(place / path, *(text if isinstance(text, tuple) else (text,)))
        yield place


def tree(place, but=(STATE,)):
    """All there is below a directory: {path: (mode, owner, text)}."""
    found = {}
    for path in sorted(place.rglob("*")):
        name = str(path.relative_to(place))
        status = path.lstat()
        if name.startswith(tuple(but)) or name in ("var", "var/lib", "var/lib/nv-run"):
            continue
        text = (os.readlink(path) if path.is_symlink() else
                path.read_bytes() if path.is_file() else None)
        found[name] = (oct(status.st_mode), status.st_uid, status.st_gid, text)
    return found


def hook(place, *words, status=0):
    result = run(NV_SESSION, "hook", *words, "--sysroot", place)
    assert result.returncode == status, \
        f"hook {words}: {result.returncode}\n{result.stdout}{result.stderr}"
    return result.stdout + result.stderr


def check(place, manager, status=0):
    result = run(NV_SESSION, "hook", "check", "--json", manager, "--sysroot", place)
    assert result.returncode == status, result.stdout + result.stderr
    return json.loads(result.stdout)["managers"][0]


@contextlib.contextmanager
def xvfb():
    """An X server; gives its display and its process."""
    reader, writer = os.pipe()
    with subprocess.Popen(
            ["Xvfb", "-displayfd", str(writer), "-screen", "0", "320x240x24", "-nolisten", "tcp"],
            pass_fds=[writer], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL) as server:
        os.close(writer)
        try:
            with os.fdopen(reader) as answer:
                number = answer.readline().strip()
            assert number, "Xvfb gave no display"
            yield f":{number}", server
        finally:
            server.send_signal(signal.SIGCONT)
            server.terminate()
            server.wait(10)


# A sanitizer wants to be the first library, and to look for leaks where nothing is left to look with.
SANITIZED = os.environ.get("NV_SANITIZED") == "1"
SANITIZER = {"ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"} if SANITIZED else {}

# What a test waits for something that would otherwise last for ever.
BOUND = 20


def guard(place=None, how=None, timeout="0.5", env=None, **more):
    """Runs setup --hook; it must end with 0."""
    words = [NV_SESSION, "setup", "--hook", *(["--timeout", timeout] if timeout else []),
             *(["--sysroot", str(place)] if place else [])]
    environment = {"PATH": PATH} if env is None else env
    if how:
        environment = {**environment, "NV_TEST_MISBEHAVE": how, "LD_PRELOAD": MISBEHAVE}
    environment = {**SANITIZER, **environment}
    more.setdefault("stdout", subprocess.PIPE)
    more.setdefault("stderr", subprocess.STDOUT)
    more.setdefault("stdin", subprocess.DEVNULL)
    result = subprocess.run(words, env=environment, timeout=BOUND, check=False, **more)
    assert result.returncode == 0, result
    return (result.stdout or b"").decode(errors="replace")


def soon(condition, seconds=20):
    """What a condition gives once it gives something."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            return found
        time.sleep(0.05)
    return found


def tests(module):
    return [(name[5:].replace("_", " "), function)
            for name, function in module.items()
            if name.startswith("test_") and callable(function)]


__all__ = ["tap"]
