# SPDX-License-Identifier: MIT
"""Servers that hang, end or change while they are set up."""
import json
import os
import pathlib
import time

import sessions
from rig import Process, e2e, tap
from sessions import (BOTH_LIT, NV_SESSION, PANEL_LIT, Relay, hybrid, lit, reset, run, settled,
                      setup, shows)

# For starting a program on a busy machine.
SLACK = 5


def frozen(test):
    """Runs a test on a server that does not answer, and sees that nothing is broken then."""
    def body():
        with hybrid() as server:
            server.freeze()
            test(server)
            server.thaw()
            shows(server, PANEL_LIT)
            setup(server)
            shows(server, BOTH_LIT)
    body.__name__ = test.__name__
    return body


def timed(server, *words, **more):
    begin = time.monotonic()
    result = run(server, *words, **more)
    return result, time.monotonic() - begin


# --- one that does not answer

@frozen
def test_setup_gives_a_server_up_that_does_not_answer(server):
    result, seconds = timed(server, "setup", "--timeout", "0.5")
    assert result.returncode == 1 and "does not answer" in result.stderr, result
    assert 0.5 <= seconds < 0.5 + SLACK, seconds


@frozen
def test_publish_gives_a_server_up_long_before_nv_run_would(server):
    tries = [timed(server, "publish") for _ in range(3)]
    for result, _ in tries:
        assert result.returncode == 1 and "does not answer" in result.stderr, result
    assert min(seconds for _, seconds in tries) < 1, tries
    assert not list(sessions.runtime(server).rglob("*")), "there is a file"


@frozen
def test_a_hook_gives_a_server_up_and_ends_with_0(server):
    result, seconds = timed(server, "setup", "--hook", "--timeout", "0.5")
    assert result.returncode == 0 and result.stderr, result
    assert seconds < 0.5 + SLACK, seconds


@frozen
def test_nv_run_goes_on_without_an_answer(server):
    result = server.try_client(e2e.NV_RUN, "-n", "--json", "true",
                               env={"XDG_RUNTIME_DIR": str(sessions.runtime(server))})
    assert result.returncode == 0 and json.loads(result.stdout), result


def test_setup_waits_for_a_server_that_stalls():
    with hybrid() as server:
        server.control("stall 400", wait=False)
        setup(server)
        shows(server, BOTH_LIT)


def test_a_server_that_stops_halfway_can_be_set_up_later():
    for change in "SetProviderOutputSource", "SetScreenSize", "SetCrtcConfig":
        with hybrid() as server:
            before = settled(server)

            def freeze(name, _, change=change, server=server):
                if name == change and not server.stopped:
                    server.freeze()

            with Relay(server, before=freeze) as relay:
                result = run(server, "setup", "--timeout", "0.5", env=relay.env())
            assert result.returncode == 1 and "does not answer" in result.stderr, result
            server.thaw()
            setup(server)
            shows(server, BOTH_LIT)
            reset(server)
            sessions.same(settled(server), before)


# --- one that ends

def killed_at(change, *words, status=1):
    with hybrid() as server:
        def kill(name, _):
            if name == change and server.alive():
                server.kill()

        with Relay(server, before=kill) as relay:
            result = run(server, *words, env=relay.env())
        assert not server.alive()
        assert result.returncode == status, result
        assert "the X server is gone" in result.stderr, result


def test_a_server_that_ends_ends_setup():
    for change in "ChangeProperty", "SetProviderOutputSource", "SetScreenSize", "SetCrtcConfig":
        killed_at(change, "setup")


def test_a_server_that_ends_does_not_fail_a_hook():
    killed_at("SetCrtcConfig", "setup", "--hook", status=0)


def test_a_server_that_ends_while_it_stalls_ends_setup():
    with hybrid() as server:
        server.control("stall 20000", wait=False)
        client = Process([NV_SESSION, "setup", f"--sysroot={sessions.root(server)}"],
                         server.place / "client", server.env)
        # It waits for an answer.
        stack = pathlib.Path(f"/proc/{client.pid}/wchan")
        sessions.rig.wait_for(lambda: not os.access(stack, os.R_OK) or "poll" in stack.read_text()
                              or "socket" in stack.read_text() or not client.alive(),
                              "it waits for nothing")
        server.kill()
        assert client.wait_end() == 1
        assert "cannot connect" in client.said() or "is gone" in client.said(), client.said()


# --- others that change it at the same time

def test_what_another_program_changes_in_between_is_no_crash():
    with hybrid() as server:
        def disturb(name, count):
            if name == "SetCrtcConfig" and count == 1:
                server.client("xrandr", "--output", "eDP-1", "--mode", "1280x720")

        with Relay(server, before=disturb) as relay:
            assert run(server, "setup", env=relay.env()).returncode in (0, 1)
        assert "eDP-1" in lit(server)
        setup(server)
        assert set(lit(server)) == {"eDP-1", "HDMI-1-0"}


def test_a_gpu_that_goes_in_between_is_no_crash():
    for change in "SetProviderOutputSource", "SetScreenSize", "SetCrtcConfig":
        with hybrid() as server:
            def unplug(name, count, change=change, server=server):
                if name == change and count == 1:
                    server.control("removegpu NVIDIA-G0")

            with Relay(server, before=unplug) as relay:
                result = run(server, "setup", env=relay.env())
            assert result.returncode in (0, 1), result
            assert server.alive() and list(lit(server)) == ["eDP-1"], result
            setup(server)


def test_two_setups_at_once_do_no_harm():
    with hybrid() as server:
        words = [NV_SESSION, "setup", f"--sysroot={sessions.root(server)}"]
        clients = [Process(words, server.place / f"client{n}", server.env) for n in range(4)]
        for client in clients:
            assert client.wait_end() in (0, 1), client.said()
        setup(server)
        assert set(lit(server)) == {"eDP-1", "HDMI-1-0"}


if __name__ == "__main__":
    tap.run(e2e.tests(globals()))
