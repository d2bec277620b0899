# SPDX-License-Identifier: MIT
"""The modes of nv-session on each topology, seen by what is scanned out."""
import rig
import sessions
from rig import Gpu, Output, e2e, tap
from sessions import (BOTH_LIT, PANEL_LIT, Relay, hybrid, nvidia, nvidia_first, primary,
                      same, screen, setup, shows, state)

AMD = "AMD Radeon Graphics @ pci:0000:05:00.0"
SYNC_LIT = {"eDP-1-1": "1920x1080+0+0"}


# --- reverse sync

def test_reverse_sync_lights_the_outputs_of_the_nvidia_gpu():
    with hybrid() as server:
        setup(server, "--mode", "reverse-sync")
        shows(server, BOTH_LIT)
        assert primary(server) == "eDP-1"


def test_auto_is_reverse_sync_where_the_nvidia_gpu_is_a_gpu_screen():
    with hybrid() as server:
        said = setup(server, "-v")
        assert "reverse-sync: done" in said, said
        shows(server, BOTH_LIT)


def test_links_that_the_server_made_are_used():
    with hybrid(autobind=True) as server, Relay(server) as relay:
        setup(server, env=relay.env())
        assert "SetProviderOutputSource" not in relay.changes, relay.changes
        shows(server, BOTH_LIT)


def test_reverse_sync_works_for_an_amd_screen():
    with rig.xorg([screen("eDP-1:c:1920x1080", name=AMD, driver="amdgpu"), nvidia()],
                  autobind=False) as server:
        setup(server)
        shows(server, BOTH_LIT)


def test_three_gpus_share_one_picture():
    docked = Gpu("NVIDIA-G1", caps="sink-output,source-offload", driver="nvidia",
                 outputs=["DP-2-0:c:1024x768", "DP-2-1:d:1024x768"])
    with rig.xorg([screen(), nvidia(), docked], autobind=False) as server:
        setup(server)
        # The server lists the GPU that came last first.
        shows(server, {**PANEL_LIT, "DP-2-0": "1024x768+1920+0", "HDMI-1-0": "1280x720+2944+0"})


def test_a_gpu_that_is_not_nvidias_is_a_sink_too():
    with rig.xorg([screen(), nvidia(), Gpu(AMD, driver="amdgpu",
                                           outputs=["DisplayPort-1-0:c:1024x768"])],
                  autobind=False) as server:
        setup(server)
        shows(server, {**PANEL_LIT, "DisplayPort-1-0": "1024x768+1920+0",
                       "HDMI-1-0": "1280x720+2944+0"})


def test_gpus_of_the_same_name_are_told_apart():
    with rig.xorg([screen(), screen("DP-1-1:c:1280x720", name="modesetting")],
                  autobind=False) as server:
        assert "reverse-sync" not in setup(server, "-v"), "nobody asked for it"
        shows(server, PANEL_LIT)
        setup(server, "--mode", "reverse-sync")
        shows(server, {**PANEL_LIT, "DP-1-1": "1280x720+1920+0"})


def test_twins_of_nvidia_both_light_up():
    with rig.xorg([screen(), nvidia("DP-1-0:c:800x600", name="NVIDIA-G0"),
                   nvidia("DP-2-0:c:800x600", name="NVIDIA-G0")], autobind=False) as server:
        setup(server)
        shows(server, {**PANEL_LIT, "DP-2-0": "800x600+1920+0", "DP-1-0": "800x600+2720+0"})


def test_a_gpu_has_no_more_pictures_than_crtcs():
    with rig.xorg([screen(), nvidia("DP-1:c:800x600", "DP-2:c:800x600", crtcs=1)],
                  autobind=False) as server:
        said = setup(server)
        assert "DP-2 stays dark: its GPU has no CRTC left for it" in said, said
        shows(server, {**PANEL_LIT, "DP-1": "800x600+1920+0"})


def test_without_a_monitor_nothing_is_lit():
    with hybrid("HDMI-1-0:d:1280x720") as server:
        setup(server)
        shows(server, PANEL_LIT)


# --- sync

def test_sync_lights_the_outputs_of_the_other_gpu():
    with nvidia_first() as server:
        assert sessions.lit(server) == {}
        setup(server, "--mode", "sync")
        shows(server, SYNC_LIT)
        assert primary(server) == "eDP-1-1"


def test_auto_is_sync_where_the_nvidia_gpu_has_the_screen():
    for autobind in False, True:
        with nvidia_first(autobind=autobind) as server:
            said = setup(server, "-v")
            assert "nv-session: sync: done" in said, said
            shows(server, SYNC_LIT)


def test_sync_keeps_what_the_nvidia_gpu_shows_itself():
    with nvidia_first(outputs=["DP-0:c:1280x720"]) as server:
        setup(server)
        shows(server, {"DP-0": "1280x720+0+0", "eDP-1-1": "1920x1080+1280+0"})


def test_sync_works_for_an_amd_sink():
    with rig.xorg([Gpu("NVIDIA-0", caps="source-output", driver="nvidia",
                       outputs=["DP-0:d:1280x720"]),
                   Gpu(AMD, caps="0xf", driver="amdgpu",
                       outputs=["eDP-1:c:1920x1080"])], autobind=False) as server:
        setup(server)
        shows(server, PANEL_LIT)


# --- offload, none

def test_offload_and_none_touch_nothing():
    for autobind in False, True:
        with hybrid(autobind=autobind) as server, Relay(server) as relay:
            before = state(server)
            for mode in "offload", "none":
                setup(server, "--mode", mode, env=relay.env())
            assert not relay.changes, relay.changes
            same(state(server), before)
            shows(server, PANEL_LIT)


def test_auto_is_offload_where_the_nvidia_gpu_has_no_outputs():
    for caps in "0x0", "source-offload":
        gpu = Gpu("NVIDIA-G0", caps=caps, driver="nvidia")
        with rig.xorg([screen(), gpu], autobind=False) as server:
            before = state(server)
            said = setup(server, "-v")
            assert "offload: nothing to do" in said, said
            same(state(server), before)
            shows(server, PANEL_LIT)


def test_auto_is_offload_where_there_is_one_gpu():
    with rig.xorg([screen()]) as server:
        before = state(server)
        assert "offload: nothing to do" in setup(server, "-v")
        same(state(server), before)


# --- what cannot be

REFUSALS = {
    "reverse sync needs a sink": (
        [screen(), nvidia(caps="source-offload")], "reverse-sync", "Sink Output"),
    "reverse sync needs a source": (
        [screen(caps="sink-output"), nvidia()], "reverse-sync", "Source Output"),
    "reverse sync needs another GPU with outputs": (
        [screen(), Gpu("NVIDIA-G0", caps="source-offload", driver="nvidia")], "reverse-sync",
        "no other GPU of the X server has outputs"),
    "reverse sync needs another GPU": (
        [screen()], "reverse-sync", "no other GPU of the X server has outputs"),
    "reverse sync is not for a screen of NVIDIA": (
        [Gpu("NVIDIA-0", caps="0xf", driver="nvidia", outputs=["DP-0:c:1280x720"]),
         screen("eDP-1-1:c:800x600")], "reverse-sync", "this is sync"),
    "sync needs a screen of NVIDIA": (
        [screen(), nvidia()], "sync", "NVIDIA's GPU does not drive the X screen"),
    "sync needs a source": (
        [Gpu("NVIDIA-0", caps="none", driver="nvidia", outputs=["DP-0:c:1280x720"]),
         screen("eDP-1-1:c:800x600")], "sync", "Source Output"),
    "sync needs a sink": (
        [Gpu("NVIDIA-0", caps="0x1", driver="nvidia", outputs=["DP-0:c:1280x720"]),
         screen("eDP-1-1:c:800x600", caps="source-offload")], "sync", "Sink Output"),
}


def refused(gpus, mode, reason):
    with rig.xorg(gpus, autobind=False) as server:
        before, shown = state(server), sessions.lit(server)
        said = setup(server, "--mode", mode, status=1)
        assert f"{mode} cannot be: " in said and reason in said, said
        same(state(server), before)
        shows(server, shown)
        # Nobody asked for it then.
        setup(server)


# --- twice

TOPOLOGIES = {
    "reverse sync": lambda: hybrid(),
    "reverse sync that the server linked": lambda: hybrid(autobind=True),
    "sync": lambda: nvidia_first(),
    "two outputs of one GPU": lambda: hybrid("HDMI-1-0:c:800x600", "DP-1-0:c:1024x768,800x600"),
    "an output without a monitor": lambda: hybrid("HDMI-1-0:d:800x600"),
}


def twice(topology):
    with topology() as server:
        setup(server)
        before = state(server)
        for _ in range(2):
            with Relay(server) as relay:
                said = setup(server, "-v", env=relay.env())
            assert "nothing to do" in said, said
            assert relay.changes == [], relay.changes
            same(state(server), before)
            # A server may be far away, and a login waits.
            assert relay.requests and relay.trips <= 10, relay.trips


def test_the_relay_sees_what_it_looks_for():
    with hybrid() as server, Relay(server) as relay:
        setup(server, env=relay.env())
        assert relay.changes == ["ChangeProperty", "SetProviderOutputSource", "SetScreenSize",
                                 "SetCrtcConfig", "ChangeProperty"], relay.changes
        assert relay.trips > 5


if __name__ == "__main__":
    tap.run(e2e.tests(globals()) +
            [(f"{what}, or is refused", lambda case=case: refused(*case))
             for what, case in REFUSALS.items()] +
            [(f"set up a second time, nothing is changed: {what}", lambda case=case: twice(case))
             for what, case in TOPOLOGIES.items()])
