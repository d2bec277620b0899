# SPDX-License-Identifier: MIT
"""setup --hook: what cannot go wrong for a login, whatever goes wrong."""
import json
import os
import pathlib
import platform
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import uuid

import dm
from dm import NV_SESSION, STATE, root, tap

# What a test waits for something that would otherwise last for ever.
BOUND = 20


def guard(place=None, how=None, timeout="0.5", env=None, **more):
    """Runs setup --hook; it must end with 0."""
    words = [NV_SESSION, "setup", "--hook", *(["--timeout", timeout] if timeout else []),
             *(["--sysroot", str(place)] if place else [])]
    environment = {"PATH": dm.PATH} if env is None else env
    if how:
        environment = {**environment, "NV_TEST_MISBEHAVE": how, "LD_PRELOAD": dm.MISBEHAVE}
    more.setdefault("stdout", subprocess.PIPE)
    more.setdefault("stderr", subprocess.STDOUT)
    more.setdefault("stdin", subprocess.DEVNULL)
    result = subprocess.run(words, env=environment, timeout=BOUND, check=False, **more)
    assert result.returncode == 0, result
    return (result.stdout or b"").decode(errors="replace")


def processes(mark):
    """Pids of processes that have a word in their environment."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and mark in pathlib.Path(f"/proc/{entry}/environ").read_bytes():
                if " Z " not in pathlib.Path(f"/proc/{entry}/stat").read_text():
                    found.append(int(entry))
        except OSError:
            pass
    return found


# --- the work

def test_work_that_hangs_is_killed():
    with root() as place:
        assert "was not done" in guard(place, "hang")


def test_work_that_crashes_is_reported():
    with root() as place:
        assert "crashed" in guard(place, "crash")


def test_work_without_memory_is_reported():
    with root() as place:
        assert "status 125" in guard(place, "exit")


def test_work_that_says_too_much_is_cut_short():
    with root() as place:
        said = guard(place, "flood")
        assert "there is more" in said and len(said) < 100000, len(said)


def test_the_last_line_of_killed_work_is_passed_on():
    with root() as place:
        assert "this line has no end\n" in guard(place, "no-newline")


def test_nothing_of_the_work_is_left_and_no_pipe_stays_open():
    with root() as place:
        for how in ("hang", "leave-a-child"):
            mark, (reader, writer) = uuid.uuid4().hex, os.pipe()
            # The end of stdout is waited for here, too.
            guard(place, how, env={"MARK": mark}, pass_fds=[writer])
            os.close(writer)
            assert os.read(reader, 1) == b""
            os.close(reader)
            assert dm.soon(lambda mark=mark: not processes(f"MARK={mark}".encode())), how


def test_a_daemon_that_gets_away_holds_no_file_of_the_display_manager():
    with root() as place:
        mark, (reader, writer) = uuid.uuid4().hex, os.pipe()
        guard(place, "leave-a-daemon", env={"MARK": mark}, pass_fds=[writer])
        os.close(writer)
        os.set_blocking(reader, False)
        left = processes(f"MARK={mark}".encode())
        try:
            assert len(left) == 1, left
            assert os.read(reader, 1) == b"", "it holds the pipe"
        finally:
            for process in left:
                os.kill(process, signal.SIGKILL)
            os.close(reader)


def test_the_work_ends_with_the_guard():
    with root() as place:
        mark = uuid.uuid4().hex
        with subprocess.Popen(
                [NV_SESSION, "setup", "--hook", "--timeout", "100", "--sysroot", str(place)],
                env={"MARK": mark, "NV_TEST_MISBEHAVE": "hang", "LD_PRELOAD": dm.MISBEHAVE},
                stdin=subprocess.DEVNULL) as process:
            assert dm.soon(lambda: len(processes(f"MARK={mark}".encode())) == 2)
            process.kill()
            process.wait(BOUND)
            assert dm.soon(lambda: not processes(f"MARK={mark}".encode()))


def test_a_stopped_x_server_holds_nothing_up():
    with root() as place, dm.xvfb() as (display, server):
        server.send_signal(signal.SIGSTOP)
        guard(place, env={"DISPLAY": display, "PATH": dm.PATH}, timeout="2")


def test_wrong_usage_of_a_hook_is_no_failure():
    for words in (["--bogus"], ["--timeout", "never"], ["--sysroot", "/nonexistent"], ["more"]):
        for order in (["--hook", *words], [*words, "--hook"]):
            result = dm.run(NV_SESSION, "setup", *order)
            assert result.returncode == 0 and result.stderr, (order, result)
    assert dm.run(NV_SESSION, "setup", "--bogus").returncode == 2


# --- what a display manager may hand down

def test_an_empty_environment_is_enough():
    with root() as place:
        assert "status" in guard(place, "exit", env={})
        guard(place, env={})


def test_closed_standard_files_are_no_harm():
    with dm.xvfb() as (display, _), root() as place:
        for closed in ("<&-", "<&- >&-", "<&- >&- 2>&-"):
            shutil.rmtree(place / "var", ignore_errors=True)
            result = dm.run("sh", "-c", f'exec "$@" {closed}', "sh", NV_SESSION, "setup", "--hook",
                            "--sysroot", place, env={"DISPLAY": display}, timeout=BOUND)
            assert result.returncode == 0
            # It saw the root, although that was opened where stdin or stderr belong.
            assert (place / STATE / "starts").exists(), closed


def inherit_signals():
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))


def test_ignored_and_blocked_signals_are_no_harm():
    with root() as place:
        assert "status 125" in guard(place, "exit", preexec_fn=inherit_signals)
        assert "crashed" in guard(place, "crash", preexec_fn=inherit_signals)
        assert "was not done" in guard(place, "hang", preexec_fn=inherit_signals)


def test_a_deleted_working_directory_is_no_harm():
    with root() as place, tempfile.TemporaryDirectory() as directory:
        gone = os.path.join(directory, "gone")
        os.mkdir(gone)
        guard(place, preexec_fn=lambda: (os.chdir(gone), os.rmdir(gone)))


def test_limits_are_no_harm():
    with root() as place, dm.xvfb() as (display, _):
        for limit, value in ((resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_NOFILE, 4),
                             (resource.RLIMIT_AS, 16 << 20),
                             (resource.RLIMIT_DATA, 1 << 20), (resource.RLIMIT_STACK, 64 << 10),
                             (resource.RLIMIT_NPROC, 0)):
            guard(place, env={"DISPLAY": display}, preexec_fn=lambda limit=limit, value=value:
                  resource.setrlimit(limit, (value, value)))


def test_a_process_that_cannot_be_started_is_reported():
    if os.geteuid() != 0:
        raise tap.Skip("needs root")
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        copy = shutil.copy(NV_SESSION, directory)

        def nobody():
            os.setgid(65534)
            os.setuid(65534)
            resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))

        result = dm.run(copy, "setup", "--hook", preexec_fn=nobody)
        assert result.returncode == 0 and "cannot start the hook's work" in result.stderr, result


def test_a_pipe_that_nobody_reads_holds_nothing_up():
    with root() as place:
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        try:
            while True:
                os.write(writer, b"x" * 4096)
        except BlockingIOError:
            os.set_blocking(writer, True)
        guard(place, "flood", stdout=writer, stderr=writer)
        os.close(reader)
        guard(place, "flood", stdout=writer, stderr=writer)
        os.close(writer)
        # Nobody will ever read it, and it has room.
        reader, writer = os.pipe()
        os.close(reader)
        guard(place, "flood", stdout=writer, stderr=writer)
        os.close(writer)


def test_files_that_may_not_grow_end_nothing_early():
    def no_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    with root() as place, dm.xvfb() as (display, _):
        assert "crashed" not in guard(place, env={"DISPLAY": display}, preexec_fn=no_files)
        with open(place / "said", "wb") as file:
            guard(place, "exit", stdout=file, stderr=file, preexec_fn=no_files)


LOG = """
import os, socket, subprocess, sys
place = sys.argv[1]
os.mkdir(place + "/dev")
subprocess.run(["mount", "--rbind", "/dev", place + "/dev"], check=True)
subprocess.run(["mount", "-t", "tmpfs", "none", "/dev"], check=True)
for name in ("null", "urandom"):
    open("/dev/" + name, "w").close()
    subprocess.run(["mount", "--bind", place + "/dev/" + name, "/dev/" + name], check=True)
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
environment = {"NV_TEST_MISBEHAVE": sys.argv[3], "LD_PRELOAD": sys.argv[4]}
if sys.argv[5] == "full":
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.setblocking(False)
    sender.connect("/dev/log")
    try:
        while True:
            sender.send(b"x" * 1000)
    except BlockingIOError:
        pass
done = subprocess.run([sys.argv[2], "setup", "--hook", "--timeout", "1"], env=environment,
                      stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=15)
assert done.returncode == 0
log.setblocking(False)
try:
    while True:
        print(log.recv(4096).decode())
except BlockingIOError:
    pass
"""


def log(how, state):
    if os.geteuid() != 0:
        raise tap.Skip("needs root")
    with tempfile.TemporaryDirectory() as directory:
        result = dm.run("unshare", "--mount", sys.executable, "-c", LOG, directory, NV_SESSION, how,
                        dm.MISBEHAVE, state)
        if "unshare" in result.stderr:
            raise tap.Skip("mount namespaces are not to be had")
        assert result.returncode == 0, result.stderr
        return result.stdout


def test_the_systems_log_is_told():
    said = log("exit", "read")
    # <28>: daemon, warning.
    assert said.startswith("<28>nv-session["), said
    assert "]: the hook's work failed after" in said, said


def test_a_full_log_holds_nothing_up():
    assert "xxx" in log("flood", "full")


# --- off

def test_the_kernel_command_line_turns_it_off():
    with dm.xvfb() as (display, _):
        for text, off in (("quiet nv-session=off", True), ("nv-session=off\tquiet", True),
                          ('"nv-session=off" a', True), ('nv-session="off"', True),
                          ("nv-session=on nv-session=off", True), ("nv-session=offload", False),
                          ("nv-session=off nv-session=auto", False), ("xnv-session=off", False),
                          ("nv-session", False), ('a="b nv-session=off"', False)):
            with root(files={"proc/cmdline": text + "\n"}) as place:
                said = guard(place, env={"DISPLAY": display})
                assert ("nothing is done: the kernel command line" in said) == off, (text, said)
                assert (place / STATE / "starts").exists() != off, text
                found = json.loads(dm.run(NV_SESSION, "hook", "check", "--json", "--sysroot",
                                          place).stdout)
                assert found["state"]["off"] == off


# --- starts without a session

def start(place, calls=1):
    """A new X server on which the hook is called; what it said."""
    with dm.xvfb() as (display, _):
        return "".join(guard(place, env={"DISPLAY": display}) for _ in range(calls))


def count(place):
    for line in (place / STATE / "starts").read_text().splitlines():
        if line.startswith("starts "):
            return int(line.split()[1])
    return None


DISARMED = "nothing is done: after 2 starts"


def state(place):
    return json.loads(dm.run(NV_SESSION, "hook", "check", "--json", "--sysroot",
                             place).stdout)["state"]


def test_after_two_starts_without_a_session_it_does_nothing():
    with root() as place:
        assert state(place) == {"armed": True, "off": False, "starts_without_login": 0,
                                "disarmed_since": None}
        assert DISARMED not in start(place) and count(place) == 1
        assert state(place)["armed"]
        assert DISARMED not in start(place) and count(place) == 2
        assert not state(place)["armed"]
        for _ in range(2):
            assert DISARMED in start(place, calls=2)
        found = state(place)
        assert found["starts_without_login"] == 2 and found["disarmed_since"].startswith("20")
        said = dm.run(NV_SESSION, "hook", "check", "--sysroot", place).stdout
        assert "disarmed since" in said and f"rm /{STATE}/starts" in said, said
        (place / STATE / "starts").unlink()
        assert state(place)["armed"] and DISARMED not in start(place)


def test_several_calls_for_one_server_count_once():
    with root() as place:
        start(place, calls=4)
        assert count(place) == 1


def test_another_boot_is_another_start():
    with root() as place, dm.xvfb() as (display, _):
        guard(place, env={"DISPLAY": display})
        dm.write(place / "proc/sys/kernel/random/boot_id", "3333-4444\n")
        guard(place, env={"DISPLAY": display})
        assert count(place) == 2


def test_without_a_server_nothing_is_counted():
    with root() as place:
        guard(place, env={"DISPLAY": ":4711"})
        guard(place, env={})
        assert not (place / STATE / "starts").exists()


def record(kind, pid, line, host):
    layout = "=hxxi32s4s32s256shhiii4i20s" if platform.machine() == "x86_64" else \
        "@hi32s4s32s256shhlqq4i20s"
    return struct.pack(layout, kind, pid, line.encode(), b"", b"somebody", host.encode(), 0, 0, 0,
                       int(time.time()), 0, 0, 0, 0, 0, b"")


def wtmp(place, *records):
    path = place / "var/log/wtmp"
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab") as file:
        for one in records:
            file.write(record(*one))


def rearms(login, armed=True, before=()):
    """Two starts, a login of some kind, and another start."""
    with root() as place:
        wtmp(place, *before)
        start(place)
        start(place)
        login(place)
        said = start(place)
        assert (DISARMED not in said) == armed, said
        assert count(place) == (1 if armed else 3)


GONE = 4190000


def test_hook_login_arms_it_again():
    rearms(lambda place: dm.hook(place, "login"))


def test_a_login_in_wtmp_arms_it_again():
    # LightDM and SDDM; sessreg.
    rearms(lambda place: wtmp(place, (7, GONE, "tty7", ":0"), (8, GONE, "tty7", ":0")))
    rearms(lambda place: wtmp(place, (7, GONE, ":0", "")))


def test_a_new_wtmp_is_read_from_its_beginning():
    def rotate(place):
        (place / "var/log/wtmp").unlink()
        wtmp(place, (7, GONE, "tty7", ":0"))
    rearms(rotate, before=[(7, GONE, "tty2", "")] * 3)


def test_a_login_that_is_older_and_over_does_not_count():
    rearms(lambda place: None, armed=False, before=[(7, GONE, "tty7", ":0")])


def test_a_session_that_lasts_counts_at_every_start():
    rearms(lambda place: None, before=[(2, 0, "~", "6.1"), (7, os.getpid(), "tty7", ":0")])
    with root() as place:
        # A screen that is locked by a new greeter each time.
        wtmp(place, (7, os.getpid(), "tty7", ":0"))
        for _ in range(4):
            assert DISARMED not in start(place)


def test_a_login_of_an_earlier_boot_does_not_last():
    rearms(lambda place: None, armed=False,
           before=[(7, os.getpid(), "tty7", ":0"), (2, 0, "~", "6.1")])


def test_a_login_on_a_console_does_not_count():
    rearms(lambda place: wtmp(place, (7, os.getpid(), "tty2", ""), (7, os.getpid(), "pts/0", "10.0.0.1")),
           armed=False)


def test_a_cut_wtmp_is_no_harm():
    rearms(lambda place: dm.write(place / "var/log/wtmp", b"\7" * 1000), armed=False)


def test_a_graphical_session_of_logind_arms_it_again():
    session = "UID=1000\nUSER=a\nACTIVE=1\nTYPE={}\nCLASS={}\n"
    for kind, group, armed in (("x11", "user", True), ("wayland", "user", True),
                               ("tty", "user", False), ("x11", "greeter", False)):
        rearms(lambda place, text=session.format(kind, group):
               dm.write(place / "run/systemd/sessions/3", text), armed=armed)


def test_users_can_touch_the_mark_and_nothing_else():
    if os.geteuid() != 0:
        raise tap.Skip("needs root")
    with root() as place:
        start(place)
        start(place)
        place.chmod(0o755)
        program = shutil.copy(NV_SESSION, place / "copy")
        mark = place / STATE / "login"
        before = mark.lstat()

        def nobody():
            os.setgid(65534)
            os.setuid(65534)

        result = dm.run(program, "hook", "login", "--sysroot", place, preexec_fn=nobody)
        assert result.returncode == 0, result.stderr
        assert mark.lstat().st_mtime_ns != before.st_mtime_ns
        assert oct(mark.lstat().st_mode) == "0o10622"
        for path in ("starts", "new"):
            result = dm.run("sh", "-c", f"echo >>{place / STATE / path}", preexec_fn=nobody)
            assert result.returncode != 0, path
        assert DISARMED not in start(place)


def test_a_mark_that_is_something_else_is_made_anew():
    with root() as place:
        dm.write(place / STATE / "login", "x")
        start(place)
        assert (place / STATE / "login").is_fifo()


def test_login_without_a_hook_is_no_error():
    with root() as place:
        dm.hook(place, "login")
        assert not (place / "var").exists()


def test_what_is_not_understood_is_counted_afresh():
    with root() as place:
        start(place)
        good = (place / STATE / "starts").read_bytes()
        for bad in (b"", b"\0" * 200, b"x" * 3000, good[:-9], good + b"more\n", good.replace(b"1", b"-"),
                    good.replace(b"starts 1", b"starts 99"), good.replace(b"hook 1", b"hook 2"),
                    os.urandom(300), good.replace(b"boot ", b"boot " + b"a" * 100)):
            (place / STATE / "starts").write_bytes(bad)
            assert DISARMED not in start(place), bad
            assert count(place) == 1, bad


def test_state_that_cannot_be_written_is_no_harm():
    with root() as place:
        dm.write(place / "var/lib/nv-run", "a file where a directory should be")
        for _ in range(4):
            assert DISARMED not in start(place)
    with root() as place:
        (place / STATE / "starts").mkdir(parents=True)
        for _ in range(4):
            assert DISARMED not in start(place)


def test_a_state_of_somebody_else_is_not_believed():
    if os.geteuid() != 0:
        raise tap.Skip("needs root")
    with root() as place:
        start(place)
        start(place)
        os.chown(place / STATE / "starts", 1000, 1000)
        assert DISARMED not in start(place)


def test_a_second_hook_does_not_see_half_a_state():
    with root() as place, dm.xvfb() as (display, _):
        runs = [subprocess.Popen([NV_SESSION, "setup", "--hook", "--sysroot", str(place)],
                                 env={"DISPLAY": display}, stdin=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL) for _ in range(10)]
        assert [one.wait(BOUND) for one in runs] == [0] * 10
        assert count(place) == 1
        assert sorted(os.listdir(place / STATE)) == ["login", "starts"]


if __name__ == "__main__":
    tap.run(dm.tests(globals()))
