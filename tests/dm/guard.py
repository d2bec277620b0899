# SPDX-License-Identifier: MIT
"""setup --hook: what cannot go wrong for a login, whatever goes wrong."""
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid

import dm
from dm import BOUND, NV_SESSION, STATE, guard, root, tap

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


# A sanitizer's own needs are in the way of these: it reads /proc at the end, asks for descriptors
# and processes, and wants to be loaded first.
NOT_SANITIZED = {"the work ends with the guard", "limits are no harm",
                 "a process that cannot be started is reported", "the systems log is told",
                 "a full log holds nothing up"}

if __name__ == "__main__":
    tap.run((sentence, test) for sentence, test in dm.tests(globals())
            if not (dm.SANITIZED and sentence in NOT_SANITIZED))
