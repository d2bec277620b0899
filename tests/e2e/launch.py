# SPDX-License-Identifier: MIT
"""nv-run as a launcher: what becomes of the process, its arguments and its environment."""
import ctypes
import os
import signal
import subprocess

import e2e
from e2e import LAPTOP, NV_RUN, machines, tap

X11 = {"DISPLAY": ":4711", "XDG_SESSION_TYPE": "x11"}


def start(arguments, raw_environment, executable=NV_RUN):
    """Starts with an environment given as a list of raw entries, duplicates and all."""
    libc = ctypes.CDLL(None, use_errno=True)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(writer, 1)
        words = (ctypes.c_char_p * (len(arguments) + 1))(*[a.encode() for a in arguments], None)
        entries = (ctypes.c_char_p * (len(raw_environment) + 1))(*raw_environment, None)
        libc.execve(executable.encode(), words, entries)
        os._exit(99)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        output = answer.read()
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), output


ODD = [b"PATH=/usr/bin:/bin", b"HOME=/nonexistent", b"DRI_PRIME=1", b"EMPTY=",
       b"LINES=a\nb\n", b"SIGNS=;%=+@1:x;%25", b"TWICE=1", b"__GLX_VENDOR_LIBRARY_NAME=mesa",
       b"TWICE=2", b"BYTES=\xff\xfe", b"VK_DRIVER_FILES=/x/lvp.json", b"TWICE=3", b"LAST=\x7f"]


def test_undo_gives_back_the_environment_byte_for_byte():
    with e2e.place() as place:
        root = machines.unpack(LAPTOP, place / "root")
        status, changed = start(
            ["nv-run", f"--sysroot={root}", "--no-rules", "-q", "-g", "nvidia", "-e", "NEW=1",
             "-u", "TWICE", "-e", "EMPTY=full", "-u", "LINES", "cat", "/proc/self/environ"], ODD)
        assert status == 0 and b"NEW=1" in changed and b"\0TWICE=" not in changed, changed
        assert b"EMPTY=full" in changed and b"\0DRI_PRIME=" not in changed, changed
        status, undone = start(
            ["nv-run", f"--sysroot={root}", "--no-rules", "-q", "-g", "nvidia", "-e", "NEW=1",
             "-u", "TWICE", "-e", "EMPTY=full", "-u", "LINES",
             NV_RUN, "--undo", "cat", "/proc/self/environ"], ODD)
        assert status == 0
        assert undone == b"".join(entry + b"\0" for entry in ODD), undone


def test_undo_without_nv_run_before_it_changes_nothing():
    status, same = start(["nv-run", "--undo", "cat", "/proc/self/environ"], ODD)
    assert status == 0 and same == b"".join(entry + b"\0" for entry in ODD)


def test_undoing_is_explained():
    text = e2e.nv_run("--undo", "-x", "true", env=e2e.environment(NV_RUN_SAVED="1;+A", A="1")).stdout
    assert "not chosen: --undo gives the environment back" in text and "unset A" in text, text
    assert "asked for" not in text and "null" not in text, text


def test_nv_run_inside_nv_run_starts_from_the_original_environment():
    with e2e.place() as place:
        root = machines.unpack(LAPTOP, place / "root")
        common = [f"--sysroot={root}", "--no-rules", "-q"]
        inner = [*common, "-g", "integrated", "env", "-0"]
        alone = start(["nv-run", *inner], ODD)[1].split(b"\0")
        nested = start(["nv-run", *common, "-g", "nvidia", "-e", "X=1", NV_RUN, *inner],
                       ODD)[1].split(b"\0")
        assert sorted(alone) == sorted(nested)
        again = start(["nv-run", *common, "-g", "nvidia", NV_RUN, *common, "-g", "software",
                       NV_RUN, "--undo", "env", "-0"], ODD)[1]
        assert again == b"".join(entry + b"\0" for entry in ODD)


def test_nv_run_inside_nv_run_finds_programs_where_it_stands():
    with e2e.place() as place:
        e2e.write(place / "bin/nv-run-test-tool", "#!/bin/sh\necho found\n", 0o755)
        rules = e2e.write(place / "r.conf", f"[sh]\nprepend.PATH = {place}/bin\n")
        for inner in ("--no-rules", "--undo"):
            result = e2e.nv_run(f"--rules={rules}", "sh", "-c",
                                f"nv-run-test-tool; {NV_RUN} {inner} nv-run-test-tool")
            assert result.stdout == "found\nfound\n", result


def test_a_record_that_makes_no_sense_is_reported_and_dropped():
    for bad in (b"x", b"1", b"1;", b"1;+", b"1;@0:A=1", b"1;+A;@x:A=1", b"1;+A;@0:B=1",
                b"1;+A;@0:A=%zz", b"1;+A=B", b"2;+A"):
        status, output = start(["nv-run", "-q", "--no-rules", "-g", "none", "env", "-0"],
                               [b"PATH=/usr/bin", b"A=1", b"NV_RUN_SAVED=" + bad])
        assert status == 0 and output.startswith(b"PATH=/usr/bin\0A=1\0"), (bad, output)
    result = e2e.nv_run("--no-rules", "-g", "none", "true",
                        env=e2e.environment(NV_RUN_SAVED="junk"))
    assert result.returncode == 0 and "NV_RUN_SAVED" in result.stderr


def test_an_environment_too_long_to_record_still_starts():
    big = "x" * 120000
    result = e2e.nv_run("--no-rules", "-g", "none", "-u", "BIG", "-u", "MORE", "true",
                        env=e2e.environment(BIG=big, MORE=big))
    assert result.returncode == 0, result.stderr
    assert "--undo" in result.stderr
    result = e2e.nv_run("--strict", "--no-rules", "-g", "none", "-u", "BIG", "-u", "MORE", "true",
                        env=e2e.environment(BIG=big, MORE=big))
    assert result.returncode == 125 and "--strict" in result.stderr, result


def test_the_program_is_the_same_process():
    with subprocess.Popen([NV_RUN, "--no-rules", "sh", "-c", "echo $$"], env=e2e.environment(),
                          stdout=subprocess.PIPE, text=True) as process:
        assert int(process.communicate(timeout=20)[0]) == process.pid


def test_the_exit_status_is_the_programs_or_says_what_failed():
    with e2e.place() as place:
        locked = e2e.write(place / "locked", "#!/bin/sh\n", 0o644)
        cases = [
            (["sh", "-c", "exit 7"], 7),
            (["true"], 0),
            ([], 125),
            (["--gpu"], 125),
            (["--nonsense", "true"], 125),
            (["-g", "nvdia", "true"], 125),
            (["-o", "gpy=1", "true"], 125),
            (["--json", "true"], 125),
            (["--rules", place / "none", "true"], 125),
            (["--sysroot", place / "none", "true"], 125),
            ([locked], 126),
            ([place], 126),
            (["no-such-program"], 127),
            ([place / "none"], 127),
            ([""], 127),
        ]
        for words, status in cases:
            result = e2e.nv_run(*words)
            assert result.returncode == status, (words, result)
            if status >= 125:
                lines = result.stderr.splitlines()
                assert len(lines) == 1 and lines[0].startswith("nv-run: "), lines


def test_a_signal_ends_the_program_itself():
    with subprocess.Popen([NV_RUN, "--no-rules", "sleep", "30"], env=e2e.environment()) as process:
        for _ in range(200):
            with open(f"/proc/{process.pid}/comm", encoding="utf-8") as name:
                if name.read().strip() == "sleep":
                    break
            signal.sigtimedwait([], 0.02)
        process.terminate()
        assert process.wait(10) == -signal.SIGTERM


def test_arguments_behind_the_program_are_its_own():
    for words in (["printf", "%s|", "-g", "--undo", "--", "-n"],
                  ["--", "printf", "%s|", "-g", "--undo", "--", "-n"]):
        result = e2e.nv_run("--no-rules", *words)
        assert result.stdout == "-g|--undo|--|-n|", result


def test_other_names_behave_the_same():
    with e2e.place() as place:
        link = place / "prime-run"
        link.symlink_to(NV_RUN)
        result = e2e.run(link, "sh", "-c", 'echo "$0 $1"', "a", "-b")
        assert result.stdout == "a -b\n", result
        result = e2e.run(link)
        assert result.returncode == 125 and result.stderr.startswith("nv-run: "), result


def test_a_script_without_a_first_line_runs_in_a_shell():
    with e2e.place() as place:
        script = e2e.write(place / "script", 'echo "$1"\n', 0o755)
        assert e2e.nv_run("--no-rules", script, "a b").stdout == "a b\n"


def test_closed_descriptors_do_not_matter():
    command = f'exec "{NV_RUN}" --no-rules -g none true <&- >&- 2>&-'
    assert e2e.run("sh", "-c", command).returncode == 0


def test_an_answer_that_cannot_be_written_is_an_error():
    result = e2e.run("sh", "-c", f'"{NV_RUN}" --help >/dev/full')
    assert result.returncode == 125 and "cannot write" in result.stderr


def test_a_wrapper_stands_before_the_program():
    with e2e.place() as place:
        wrapper = e2e.write(place / "my tool", '#!/bin/sh\nprintf "<%s>" "$@"\n', 0o755)
        result = e2e.nv_run("--no-rules", "-o", f'wrap="{wrapper}" -x "a b"', "true", "y z")
        assert result.stdout == "<-x><a b><true><y z>", result
        answer = e2e.dry("--no-rules", "-o", f'wrap="{wrapper}"', "true")
        assert answer["program"] == str(wrapper) and answer["argv"] == [str(wrapper), "true"]


def test_a_wrapper_that_cannot_run_is_left_out():
    with e2e.place() as place:
        link = place / "prime-run"
        link.symlink_to(NV_RUN)
        for wrapper in ("no-such-wrapper", NV_RUN, link):
            result = e2e.nv_run("--no-rules", "-o", f"wrap={wrapper}", "echo", "started")
            assert result.stdout == "started\n", result
            assert "is left out" in result.stderr, result.stderr
            result = e2e.nv_run("--strict", "--no-rules", "-o", f"wrap={wrapper}", "echo", "x")
            assert result.returncode == 125 and not result.stdout


def test_a_wrapper_that_starts_nv_run_is_not_started_without_end():
    with e2e.place() as place:
        rules = e2e.write(place / "r.conf", f"[sh]\nwrap = env {NV_RUN} --rules={place}/r.conf\n")
        words = [f"--rules={rules}", "sh", "-c", "echo started"]
        for more in ({}, {"BIG": "x" * 120000}):
            extra = ["-u", "BIG", "-e", f"MORE={'%' * 60000}"] if more else []
            result = e2e.nv_run(*extra, *words, env=e2e.environment(**more))
            assert result.stdout == "started\n", result
            assert result.stderr.count("an outer nv-run has started it") == 1, result.stderr
        # A program's own child is another start, and undoing knows nothing of the mark.
        wrapper = e2e.write(place / "w", '#!/bin/sh\necho wrapped\nexec "$@"\n', 0o755)
        words = ["--no-rules", "-o", f"wrap={wrapper}"]
        result = e2e.nv_run(*words, "sh", "-c", f"{NV_RUN} {' '.join(words)} echo inside")
        assert result.stdout == "wrapped\nwrapped\ninside\n" and not result.stderr, result
        result = e2e.nv_run(*words, "sh", "-c", f"{NV_RUN} --undo printenv NV_RUN_SAVED")
        assert result.stdout == "wrapped\n" and result.returncode == 1, result


def test_a_wrapper_that_does_not_start_is_left_out():
    with e2e.place() as place:
        wrapper = e2e.write(place / "w", "#!/nonexistent\n", 0o755)
        words = ["--no-rules", "-o", f"wrap={wrapper}", "echo", "started"]
        result = e2e.nv_run(*words)
        assert result.stdout == "started\n" and result.returncode == 0, result
        assert "is left out: its interpreter is missing" in result.stderr, result.stderr
        assert not e2e.nv_run("-q", *words).stderr
        result = e2e.nv_run("--strict", *words)
        assert result.returncode == 125 and not result.stdout, result


def test_a_missing_gpu_is_said_and_the_program_starts():
    with e2e.place() as place:
        root = machines.unpack("desktop-vfio", place / "root")
        words = [f"--sysroot={root}", "--no-rules", "-g", "nvidia"]
        shown = ["sh", "-c", "echo ${DRI_PRIME-unset}"]
        env = e2e.environment(DRI_PRIME="1", **X11)
        result = e2e.nv_run(*words, *shown, env=env)
        assert result.stdout == "unset\n" and "vfio-pci" in result.stderr, result
        result = e2e.nv_run(*words, "-o", "fallback=quiet", *shown, env=env)
        assert result.stdout == "unset\n" and not result.stderr, result
        for more in (["-o", "fallback=fail"], ["--strict"]):
            result = e2e.nv_run(*words, *more, *shown, env=env)
            assert result.returncode == 125 and not result.stdout, result
            assert "vfio-pci" in result.stderr


def test_a_sandbox_gets_no_variable_that_names_a_file():
    with e2e.place() as place:
        root = machines.unpack(LAPTOP, place / "root")
        for name in ("flatpak", "exports/flatpak/exports/bin/org.x.Y", "editor"):
            program = e2e.write(place / name, "#!/bin/sh\n", 0o755)
            answer = e2e.dry(f"--sysroot={root}", "--no-rules", "-g", "integrated", program,
                             "run", "org.x.Y")
            names = {change["name"] for change in answer["changes"]}
            assert "__GLX_VENDOR_LIBRARY_NAME" in names
            assert ("__EGL_VENDOR_LIBRARY_FILENAMES" in names) == (name == "editor"), name
            answer = e2e.dry(f"--sysroot={root}", "--no-rules", "-g", "none", "-o", "egl=mesa",
                             "-o", "opencl=mesa", program)
            count = 2 if name == "editor" else 0
            assert len(answer["changes"]) == count, (name, answer)
            assert len(answer["warnings"]) == 2 - count, (name, answer)
            answer = e2e.dry(f"--sysroot={root}", "--no-rules", "-g", "none", "-o",
                             "egl=/usr/lib/x.json", program)
            assert len(answer["changes"]) == 1 and not answer["warnings"], (name, answer)


def test_snap_is_where_the_distribution_has_it():
    program = "/var/lib/snapd/snap/bin/firefox"
    script = f"""mount -t tmpfs none /var/lib && mkdir -p {os.path.dirname(program)} &&
cp /bin/true {program} || exit 9
exec {NV_RUN} --no-rules -g integrated -n {program}"""
    with e2e.place() as place:
        result = e2e.namespace(machines.unpack(LAPTOP, place / "root"), script)
    assert result.returncode == 0, result
    assert "__GLX_VENDOR_LIBRARY_NAME=mesa" in result.stdout, result
    assert "__EGL_VENDOR_LIBRARY_FILENAMES" not in result.stdout, result


def test_the_dry_run_is_a_command_that_a_shell_obeys():
    with e2e.place() as place:
        root = machines.unpack(LAPTOP, place / "root")
        env = e2e.environment(DRI_PRIME="1", **X11)
        words = [f"--sysroot={root}", "--no-rules", "-e", "A=it's $x\n;", "-u", "B"]
        text = e2e.nv_run(*words, "-n", "env", "-0", env=env).stdout
        by_shell = e2e.run("sh", "-c", text, env=env).stdout.split("\0")
        really = e2e.nv_run(*words, "env", "-0", env=env).stdout.split("\0")
        really = [x for x in really if not x.startswith("NV_RUN_SAVED=")]
        assert sorted(x for x in by_shell if not x.startswith("PWD=")) == sorted(really)


if __name__ == "__main__":
    tap.run(e2e.tests(globals()))
