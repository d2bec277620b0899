# SPDX-License-Identifier: MIT
"""What nv-session does to outputs: what is lit stays as it is, new ones get a place."""
import re

import rig
import sessions
from rig import Gpu, e2e, tap
from sessions import (BOTH_LIT, PANEL_LIT, hybrid, lit, nvidia, primary, same, screen, setup, shows,
                      size, state)

DOCK = "DP-1:c:800x600"


def link(server):
    server.client("xrandr", "--setprovideroutputsource", "NVIDIA-G0", "modesetting")


# --- what is lit

def test_lit_outputs_keep_mode_place_and_primary():
    with hybrid(panel=[sessions.PANEL, DOCK]) as server:
        server.client("xrandr", "--output", "DP-1", "--pos", "0x120", "--primary",
                      "--output", "eDP-1", "--mode", "1280x720", "--pos", "800x0")
        setup(server)
        shows(server, {"DP-1": "800x600+0+120", "eDP-1": "1280x720+800+0",
                       "HDMI-1-0": "1280x720+2080+0"})
        assert primary(server) == "DP-1"


def test_a_lit_output_of_the_other_gpu_keeps_its_mode_and_place():
    with hybrid() as server:
        link(server)
        server.client("xrandr", "--output", "HDMI-1-0", "--mode", "800x600", "--below", "eDP-1",
                      "--primary")
        before = state(server)
        assert "nothing to do" in setup(server, "-v")
        same(state(server), before)
        shows(server, {**PANEL_LIT, "HDMI-1-0": "800x600+0+1080"})


def test_an_output_of_the_screens_gpu_that_was_turned_off_stays_off():
    with hybrid(panel=[sessions.PANEL, DOCK]) as server:
        server.client("xrandr", "--output", "DP-1", "--off")
        setup(server)
        shows(server, BOTH_LIT)


def test_mirrors_go_on_showing_the_same():
    with hybrid(panel=["eDP-1:c:1280x720", "DP-1:c:1280x720"]) as server:
        server.client("xrandr", "--output", "DP-1", "--auto", "--same-as", "eDP-1")
        setup(server)
        shows(server, {"eDP-1": "1280x720+0+0", "DP-1": "1280x720+0+0",
                       "HDMI-1-0": "1280x720+1280+0"})


def test_an_odd_frame_around_the_outputs_is_kept():
    with hybrid() as server:
        server.client("xrandr", "--fb", "4000x2000")
        setup(server)
        assert size(server) == ("4000", "2000")
        shows(server, BOTH_LIT)


def test_without_a_primary_output_the_panel_becomes_it():
    with hybrid() as server:
        server.client("xrandr", "--noprimary")
        setup(server)
        assert primary(server) == "eDP-1"


# --- where new ones go

LAYOUTS = {
    "right-of": BOTH_LIT,
    "left-of": {"eDP-1": "1920x1080+1280+0", "HDMI-1-0": "1280x720+0+0"},
    "above": {"eDP-1": "1920x1080+0+720", "HDMI-1-0": "1280x720+0+0"},
    "below": {"eDP-1": "1920x1080+0+0", "HDMI-1-0": "1280x720+0+1080"},
    "mirror": {"eDP-1": "1920x1080+0+0", "HDMI-1-0": "1280x720+0+0"},
}


def laid_out(layout):
    with hybrid() as server:
        setup(server, "--layout", layout)
        shows(server, LAYOUTS[layout])
        before = state(server)
        setup(server, "--layout", layout)
        same(state(server), before)


def test_a_mirror_takes_the_mode_of_what_it_mirrors():
    with hybrid("HDMI-1-0:c:1280x720,1920x1080") as server:
        setup(server, "--layout", "mirror")
        shows(server, {**PANEL_LIT, "HDMI-1-0": "1920x1080+0+0"})


def test_two_new_outputs_stand_side_by_side():
    with hybrid("HDMI-1-0:c:1280x720", "DP-1-0:c:800x600") as server:
        setup(server)
        shows(server, {**BOTH_LIT, "DP-1-0": "800x600+3200+0"})
    with hybrid("HDMI-1-0:c:1280x720", "DP-1-0:c:800x600") as server:
        setup(server, "--layout", "left-of")
        shows(server, {"eDP-1": "1920x1080+2080+0", "HDMI-1-0": "1280x720+800+0",
                       "DP-1-0": "800x600+0+0"})


def test_an_output_for_which_the_screen_has_no_room_stays_dark():
    with hybrid("HDMI-1-0:c:16000x720", "DP-1-0:c:16000x600") as server:
        limit = int(re.search(r"maximum (\d+) x", server.client("xrandr"))[1])
        assert limit < 1920 + 2 * 16000, limit
        said = setup(server)
        found = [line for line in said.splitlines() if "stays dark: with it the X screen" in line]
        assert found and f"the server's limit is {limit}x" in found[0], said
        assert "eDP-1" in lit(server) and len(lit(server)) == 3 - len(found), lit(server)


# --- what comes and goes

def test_a_monitor_that_comes_is_lit_the_next_time():
    with hybrid("HDMI-1-0:c:1280x720", "DP-1-0:d:800x600") as server:
        setup(server)
        shows(server, BOTH_LIT)
        server.control("connect DP-1-0")
        shows(server, BOTH_LIT)
        setup(server)
        shows(server, {**BOTH_LIT, "DP-1-0": "800x600+3200+0"})


def test_a_monitor_that_goes_leaves_the_others_alone():
    with hybrid("HDMI-1-0:c:1280x720", "DP-1-0:c:800x600") as server:
        setup(server)
        server.control("disconnect HDMI-1-0")
        setup(server)
        now = lit(server)
        assert now["eDP-1"] == "1920x1080+0+0" and now["DP-1-0"] == "800x600+3200+0", now
        server.client("xsetroot", "-solid", "#00ff00")
        shown = sessions.pictures(server)
        assert shown["eDP-1"].colours() == shown["DP-1-0"].colours() == {(0, 255, 0)}


def test_a_gpu_that_comes_is_set_up_the_next_time():
    card = Gpu("AMD Radeon RX 6800 @ pci:0000:05:00.0", outputs=["DisplayPort-2-0:c:800x600"])
    with hybrid() as server:
        setup(server)
        server.control(f"addgpu {card.spec()}")
        setup(server)
        shows(server, {**BOTH_LIT, "DisplayPort-2-0": "800x600+3200+0"})
        server.control(f"removegpu {card.name}")
        setup(server)
        shows(server, BOTH_LIT)


def test_a_gpu_that_comes_before_the_others_changes_no_numbers():
    # What is known by its place in the list would now be another GPU.
    with rig.xorg([screen(), nvidia(name="NVIDIA-G0")], autobind=False) as server:
        server.control("addgpu NVIDIA-G1|sink-output|DP-9-0:c:800x600")
        setup(server)
        shows(server, {**PANEL_LIT, "DP-9-0": "800x600+1920+0", "HDMI-1-0": "1280x720+2720+0"})
        server.control("removegpu NVIDIA-G1")
        setup(server)
        shows(server, {**PANEL_LIT, "HDMI-1-0": "1280x720+2720+0"})


def test_detection_that_takes_its_time_is_waited_for():
    with rig.xorg([screen(), nvidia(detect_ms=300)], autobind=False) as server:
        setup(server)
        shows(server, BOTH_LIT)


if __name__ == "__main__":
    tap.run(e2e.tests(globals()) +
            [(f"new outputs go where the layout says: {layout}",
              lambda layout=layout: laid_out(layout)) for layout in LAYOUTS])
