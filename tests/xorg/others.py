# SPDX-License-Identifier: MIT
"""Servers without GPUs of their own, and no server at all: what each command says and how it
ends."""
import contextlib
import json
import os

import rig
import sessions
from rig import e2e, tap
from sessions import NV_SESSION

NOTHING = "there is nothing to set up"


class Other:
    """A display, with a runtime directory and an empty machine."""

    def __init__(self, place, env):
        self.place, self.runtime = place, place / "runtime"
        self.runtime.mkdir(mode=0o700)
        (place / "root").mkdir()
        self.env = {**env, "XDG_RUNTIME_DIR": str(self.runtime)}

    def run(self, *words, **more):
        return e2e.run(NV_SESSION, *words, f"--sysroot={self.place}/root",
                       env={**self.env, **more})

    def told(self):
        files = list((self.runtime / "nv-run").glob("session.*"))
        return files[0].read_text().splitlines()[2:] if files else None


@contextlib.contextmanager
def on_xvfb():
    with rig.xvfb() as display, e2e.place() as place:
        yield Other(place, e2e.environment(DISPLAY=display))


@contextlib.contextmanager
def on_xnest():
    with rig.xnest() as server, e2e.place() as place:
        yield Other(place, server.env)


@contextlib.contextmanager
def on_xwayland():
    with rig.xwayland() as server, e2e.place() as place:
        yield Other(place, server.env)


SERVERS = {
    "Xvfb": (on_xvfb, "other", "no GPU of its own"),
    "Xnest": (on_xnest, "other", "no GPU of its own"),
    "Xwayland": (on_xwayland, "xwayland", "a Wayland session"),
}


def nothing_to_set_up(make, kind, reason):
    with make() as other:
        for words in ["setup"], ["setup", "--mode", "reverse-sync"], ["plan"], ["reset"], \
                ["watch"]:
            result = other.run(*words, "-v")
            assert result.returncode == 0 and result.stdout == "", (words, result)
            assert reason in result.stderr and NOTHING in result.stderr, (words, result)
        result = other.run("setup", "--hook", "-v")
        assert result.returncode == 0 and NOTHING in result.stderr, result
        assert other.run("setup").stderr == "", "a login is not disturbed"
        del kind


def published(make, kind, _):
    with make() as other:
        # It gives up early: on a busy machine it may need another go.
        rig.wait_for(lambda: other.run("publish").returncode == 0, "it is not published")
        assert other.told() == [f"server {kind}"], other.told()


def shown(make, kind, _):
    with make() as other:
        result = other.run("providers")
        assert (result.returncode, result.stdout) == (0, "no providers\n"), result
        answer = json.loads(other.run("providers", "--json").stdout)
        assert answer["server"] == kind and answer["providers"] == [], answer
        result = other.run("status", "--json")
        assert result.returncode == 0 and json.loads(result.stdout), result


# --- no server

NEED_ONE = [["providers"], ["plan"], ["setup"], ["reset"], ["publish"], ["watch"]]


def test_without_a_display_commands_say_so():
    with e2e.place() as place:
        other = Other(place, e2e.environment())
        for words in NEED_ONE:
            result = other.run(*words)
            assert result.returncode == 1 and not result.stdout, (words, result)
            assert "DISPLAY is not set; try --display" in result.stderr, (words, result)
        assert other.run("setup", "--hook").returncode == 0


def test_a_display_without_a_server_is_said():
    with e2e.place() as place:
        other = Other(place, e2e.environment())
        for display in ":4999", "nonsense", ":", "unix:4999":
            for words in NEED_ONE:
                result = other.run(*words, "--display", display)
                assert result.returncode == 1 and not result.stdout, (words, result)
                assert f"cannot connect to X server '{display}'" in result.stderr, (words, result)
            assert other.run("setup", "--hook", DISPLAY=display).returncode == 0
        assert other.told() is None


def test_a_display_whose_server_has_ended_is_said():
    with sessions.hybrid() as server, e2e.place() as place:
        other = Other(place, server.env)
        server.kill()
        assert os.path.exists(server.socket), "its socket stays"
        for words in NEED_ONE:
            result = other.run(*words)
            assert result.returncode == 1, (words, result)
            assert f"cannot connect to X server '{server.display}'" in result.stderr, result


def test_a_wayland_session_without_x_has_nothing_to_set_up():
    with e2e.place() as place:
        other = Other(place, e2e.environment(WAYLAND_DISPLAY="wayland-0"))
        for words in ["setup"], ["plan"]:
            result = other.run(*words, "-v")
            assert result.returncode == 0 and NOTHING in result.stderr, (words, result)


def test_the_display_of_the_command_line_beats_the_environment():
    with sessions.hybrid() as server:
        sessions.setup(server, "--display", server.display, env={"DISPLAY": ":4999"})
        sessions.shows(server, sessions.BOTH_LIT)


def test_a_screen_number_means_the_same_server():
    with sessions.hybrid() as server:
        sessions.setup(server, env={"DISPLAY": f"{server.display}.0"})
        sessions.shows(server, sessions.BOTH_LIT)
        assert (sessions.runtime(server) / f"nv-run/session.{server.display}").exists()


if __name__ == "__main__":
    tap.run(e2e.tests(globals()) +
            [(f"{name} {what}", lambda case=case, test=test: test(*case))
             for name, case in SERVERS.items()
             for what, test in (("has nothing to set up", nothing_to_set_up),
                                ("is published as what it is", published),
                                ("has no providers to show", shown))])
