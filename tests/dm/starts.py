# SPDX-License-Identifier: MIT
"""setup --hook: X servers that nobody logs in to are counted, and logins found."""
import json
import os
import platform
import shutil
import struct
import subprocess
import time

import dm
from dm import BOUND, NV_SESSION, STATE, guard, root, tap


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
