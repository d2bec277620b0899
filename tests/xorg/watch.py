# SPDX-License-Identifier: MIT
"""nv-session watch: what comes and goes while it runs, and who else is there."""
import contextlib
import os
import signal
import time

import rig
import sessions
from rig import Gpu, Output, e2e, tap
from sessions import (NV_SESSION, PANEL, conf, hybrid, lit, reset, root, run, runtime,
                      screen, setup, size)

HDMI = Output("HDMI-1-0", modes="1280x720")


@contextlib.contextmanager
def watching(server, *words, env=None):
    """A watch that has set up what there is; ends with the context."""
    log = server.place / "watch.log"
    process = rig.Process([NV_SESSION, "watch", "-v", f"--sysroot={root(server)}", *words], log,
                          {**server.env, "XDG_RUNTIME_DIR": str(runtime(server)), **(env or {})})
    try:
        rig.wait_for(lambda: (runtime(server) / "nv-run" / f"session.{server.display}").exists(),
                     process.said)
        yield process
    finally:
        process.stop()


def becomes(server, wanted, watch):
    """Waits until exactly these outputs are lit."""
    rig.wait_for(lambda: lit(server) == wanted or None,
                 lambda: f"{lit(server)}, not {wanted}\n{watch.said()}")


def stays(server, wanted, seconds=1.5):
    """That nothing else happens for a while; what should not happen has no end to wait for."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert lit(server) == wanted, lit(server)
        time.sleep(0.05)


PANEL_ONLY = {"eDP-1": "1920x1080+0+0"}
BOTH = {**PANEL_ONLY, "HDMI-1-0": "1280x720+1920+0"}


def test_a_monitor_that_comes_is_lit_and_one_that_goes_is_turned_off():
    with hybrid(Output("HDMI-1-0", False, "1280x720")) as server, watching(server) as watch:
        stays(server, PANEL_ONLY, 0.3)
        for _ in range(2):
            server.control("connect HDMI-1-0")
            becomes(server, BOTH, watch)
            server.client("xsetroot", "-solid", "#2060c0")
            rig.wait_for(lambda: server.scanout("HDMI-1-0").pixel(5, 5) == (0x20, 0x60, 0xc0),
                         "the picture")
            server.control("disconnect HDMI-1-0")
            becomes(server, PANEL_ONLY, watch)
            assert size(server) == ("1920", "1080"), size(server)


def test_to_the_left_nothing_is_left_behind():
    with hybrid(Output("HDMI-1-0", False, "1280x720")) as server, \
            watching(server, "--layout", "left-of") as watch:
        for _ in range(2):
            server.control("connect HDMI-1-0")
            becomes(server, {"HDMI-1-0": "1280x720+0+0", "eDP-1": "1920x1080+1280+0"}, watch)
            server.control("disconnect HDMI-1-0")
            becomes(server, PANEL_ONLY, watch)


def test_a_gpu_that_comes_is_linked_and_lit_and_one_that_goes_does_no_harm():
    gpu = Gpu("AMD Radeon RX 6800 @ pci:0000:05:00.0", caps="0xf", driver="amdgpu",
              outputs=["DisplayPort-2-0:c:1024x768"])
    with hybrid(HDMI) as server, watching(server, "--mode", "reverse-sync") as watch:
        becomes(server, BOTH, watch)
        for _ in range(2):
            server.control("addgpu " + gpu.spec())
            becomes(server, {**BOTH, "DisplayPort-2-0": "1024x768+3200+0"}, watch)
            session = (runtime(server) / "nv-run" / f"session.{server.display}")
            rig.wait_for(lambda: gpu.name in session.read_text(), session.read_text)
            server.control("removegpu " + gpu.name)
            becomes(server, BOTH, watch)
            rig.wait_for(lambda: gpu.name not in session.read_text(), session.read_text)
        assert server.alive() and watch.alive()


def test_what_was_turned_off_by_hand_stays_off():
    with hybrid(HDMI, Output("DP-1-0", False, "800x600")) as server, watching(server) as watch:
        becomes(server, BOTH, watch)
        server.client("xrandr", "--output", "HDMI-1-0", "--off")
        stays(server, PANEL_ONLY)
        server.control("connect DP-1-0")
        rig.wait_for(lambda: "DP-1-0" in lit(server), watch.said)
        assert "HDMI-1-0" not in lit(server), lit(server)


def test_undocked_the_panel_is_lit_though_it_was_turned_off():
    with hybrid(HDMI) as server, watching(server) as watch:
        becomes(server, BOTH, watch)
        server.client("xrandr", "--output", "eDP-1", "--off", "--output", "HDMI-1-0", "--pos",
                      "0x0")
        stays(server, {"HDMI-1-0": "1280x720+0+0"}, 0.5)
        server.control("disconnect HDMI-1-0")
        becomes(server, PANEL_ONLY, watch)


def test_setup_lights_the_panel_where_nothing_can_be_seen():
    with hybrid(HDMI) as server:
        setup(server)
        server.client("xrandr", "--output", "eDP-1", "--off")
        server.control("disconnect HDMI-1-0")
        setup(server)
        assert "eDP-1" in lit(server), lit(server)


def test_a_monitor_that_refuses_does_not_keep_others_dark():
    with hybrid(Output("HDMI-1-0", False, "1280x720"),
                Output("DP-1-0", False, "800x600", refuses=True)) as server, \
            watching(server) as watch:
        server.control("connect DP-1-0")
        server.control("connect HDMI-1-0")
        rig.wait_for(lambda: "HDMI-1-0" in lit(server), watch.said)
        assert "DP-1-0" not in lit(server) and "eDP-1" in lit(server), lit(server)
        rig.wait_for(lambda: "refused the mode" in watch.said(), watch.said)


def test_a_gpu_that_may_go_gets_no_primary_output_unasked():
    with hybrid(HDMI) as server, watching(server) as watch:
        becomes(server, BOTH, watch)
        server.client("xrandr", "--output", "eDP-1", "--off")
        stays(server, {"HDMI-1-0": "1280x720+0+0"}, 0.5)
        assert sessions.primary(server) != "HDMI-1-0", "Xorg ends with this output's GPU"
        server.control("removegpu NVIDIA-G0")
        becomes(server, PANEL_ONLY, watch)
        assert server.alive()


def test_a_desktop_that_disagrees_is_left_alone_in_the_end():
    with hybrid(HDMI) as server:
        config = conf(server, "[output HDMI-1-0]\nposition = 1920,0\n")
        with watching(server, config) as watch:
            becomes(server, BOTH, watch)
            for _ in range(12):
                server.client("xrandr", "--output", "HDMI-1-0", "--pos", "0x0")
                time.sleep(0.3)
            stays(server, {**PANEL_ONLY, "HDMI-1-0": "1280x720+0+0"}, 0.6)
            assert "another program changes outputs back" in watch.said(), watch.said()


def test_there_is_one_watch_a_server():
    with hybrid(HDMI) as server, watching(server) as watch:
        result = run(server, "watch")
        assert result.returncode == 1 and "watched already" in result.stderr, result
        assert watch.alive()


def test_it_ends_with_the_server():
    with hybrid(HDMI) as server, watching(server) as watch:
        server.stop()
        assert watch.wait_end() == 0, watch.said()


def test_a_server_that_was_frozen_is_waited_for():
    with hybrid(Output("HDMI-1-0", False, "1280x720")) as server, watching(server) as watch:
        server.control("stall 12000", wait=False)
        time.sleep(13)
        server.control("connect HDMI-1-0")
        becomes(server, BOTH, watch)


def test_while_nothing_happens_it_does_nothing():
    with hybrid(HDMI) as server, watching(server) as watch:
        becomes(server, BOTH, watch)
        time.sleep(1)

        def told():
            with open(f"/proc/{watch.pid}/stat", encoding="ascii") as stat:
                ticks = stat.read().rsplit(")", 1)[1].split()[11:13]
            with open(f"/proc/{watch.pid}/status", encoding="ascii") as status:
                switches = [line for line in status if line.startswith("voluntary")]
            return ticks, switches
        before = told()
        time.sleep(1.5)
        assert told() == before, (told(), before)


def test_reset_takes_back_what_setup_did_and_nothing_else():
    with hybrid(HDMI, panel=[PANEL, "DP-1:c:800x600"]) as server:
        server.client("xrandr", "--output", "DP-1", "--off")
        setup(server)
        server.client("xrandr", "--output", "DP-1", "--auto", "--pos", "0x0")
        reset(server)
        assert set(lit(server)) == {"eDP-1", "DP-1"}, lit(server)


def test_reset_leaves_something_to_see_where_the_old_monitor_is_gone():
    with hybrid(HDMI, panel=[PANEL, "DP-1:c:800x600"]) as server:
        server.client("xrandr", "--output", "eDP-1", "--off")
        setup(server)
        server.control("disconnect DP-1")
        server.client("xrandr", "--output", "eDP-1", "--auto", "--output", "HDMI-1-0", "--off")
        result = run(server, "reset")
        assert "eDP-1" in lit(server), (lit(server), result)


def test_a_fifo_among_the_cookies_holds_nobody_up():
    with hybrid(HDMI, auth=True) as server:
        fifo = runtime(server) / "xauth_fifo"
        os.mkfifo(fifo, 0o666)
        os.symlink(fifo, runtime(server) / "xauth_link")
        start = time.monotonic()
        result = run(server, "setup", env={"XAUTHORITY": "/nonexistent"})
        assert result.returncode == 1 and "cannot connect" in result.stderr, result
        assert time.monotonic() - start < 4, "it waited for the FIFO"


def test_a_docks_gpu_is_not_taken_for_nvidias():
    with rig.xorg([screen("eDP-1:c:1920x1080"),
                   Gpu("modesetting", caps="sink-output", driver="modesetting",
                       outputs=["DVI-I-1-1:c:1920x1080"])], autobind=False) as server:
        machine = e2e.machines.unpack(e2e.LAPTOP, server.place / "laptop")
        result = run(server, "providers", "--json", f"--sysroot={machine}")
        assert '"slot": "0000:00:02.0"' in result.stdout, result.stdout
        assert '"slot": "0000:01:00.0"' not in result.stdout, result.stdout


def test_a_watch_ends_when_it_is_told_to():
    with hybrid(HDMI) as server, watching(server) as watch:
        os.kill(watch.pid, signal.SIGTERM)
        assert watch.wait_end() == -signal.SIGTERM, watch.said()
        assert server.alive()


if __name__ == "__main__":
    tap.run(e2e.tests(globals()))
