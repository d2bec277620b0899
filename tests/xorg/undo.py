# SPDX-License-Identifier: MIT
"""What goes wrong is taken back, what was done can be undone, and a plan is what is done."""
import json
import shlex

import rig
import sessions
from rig import Gpu, Output, e2e, tap
from sessions import (BOTH_LIT, PANEL_LIT, Relay, conf, hybrid, lit, links, nvidia, nvidia_first,
                      reset, run, same, screen, settled, setup, shows)


# --- mode sets that are refused

def refusing(output, others=(), autobind=False, **more):
    return hybrid(output, *others, autobind=autobind, **more)


def test_a_refused_mode_is_said_and_all_is_as_before():
    for autobind in False, True:
        with refusing("HDMI-1-0:c!:1280x720", autobind=autobind) as server:
            before = settled(server)
            said = setup(server, status=1)
            assert "--output HDMI-1-0 " in said and "the driver refused the mode" in said, said
            assert "all is as it was before" in said, said
            same(settled(server), before)
            shows(server, PANEL_LIT)


def test_a_refused_mode_takes_what_was_done_for_others_back():
    gpus = [screen(), nvidia("HDMI-1-0:c!:1280x720"),
            nvidia("DP-1-0:c:800x600", name="NVIDIA-G1")]
    for order in gpus, [gpus[0], gpus[2], gpus[1]]:
        with rig.xorg(order, autobind=False) as server:
            before = settled(server)
            said = setup(server, "--layout", "left-of", status=1)
            assert "HDMI-1-0" in said, said
            same(settled(server), before)
            shows(server, PANEL_LIT)


def test_a_picture_that_had_to_move_is_moved_back():
    with refusing("HDMI-1-0:c!:1280x720", panel=["eDP-1:c:1280x720", "DP-1:c:800x600"]) as server:
        server.client("xrandr", "--output", "eDP-1", "--pos", "0x50", "--output", "DP-1", "--pos",
                      "1280x0", "--primary")
        before = settled(server)
        setup(server, "--layout", "above", status=1)
        same(settled(server), before)
        shows(server, {"eDP-1": "1280x720+0+50", "DP-1": "800x600+1280+0"})


def test_an_output_that_begins_to_refuse_is_as_before():
    output = Output("HDMI-1-0", modes="1280x720,800x600", refuse_from=2)
    with refusing(output) as server:
        setup(server)
        shows(server, BOTH_LIT)
        before = settled(server)
        said = setup(server, conf(server, "[output HDMI*]\nmode = 800x600\n"), status=1)
        assert "HDMI-1-0" in said, said
        assert lit(server)["eDP-1"] == "1920x1080+0+0"
        # The server itself could not restore the mode: it refuses that as well.
        if "HDMI-1-0" in lit(server):
            same(settled(server), before)


def test_setup_works_again_once_an_output_obeys():
    with refusing("HDMI-1-0:c!:1280x720") as server:
        setup(server, status=1)
        server.control("allow HDMI-1-0")
        setup(server)
        shows(server, BOTH_LIT)
        reset(server)
        shows(server, PANEL_LIT)


def test_where_all_was_dark_the_others_are_lit_all_the_same():
    with nvidia_first("eDP-1-1:c!:1920x1080", "HDMI-1-1:c:1280x720") as server:
        said = setup(server, status=1)
        assert "--output eDP-1-1 " in said and "the driver refused the mode" in said, said
        shows(server, {"HDMI-1-1": "1280x720+0+0"})


def test_where_all_was_dark_and_all_refuse_nothing_is_left_behind():
    with nvidia_first("eDP-1-1:c!:1920x1080", "HDMI-1-1:c!:1280x720") as server:
        before = settled(server)
        said = setup(server, status=1)
        assert "eDP-1-1" in said and "HDMI-1-1" in said, said
        assert lit(server) == {} and sessions.pictures(server) == {}
        assert settled(server)["--verbose"] == before["--verbose"] or "eDP-1-1" in \
            server.client("xrandr", "--current")


def test_a_hook_that_fails_ends_with_0():
    with refusing("HDMI-1-0:c!:1280x720") as server:
        before = settled(server)
        said = setup(server, "--hook")
        assert "the driver refused the mode" in said, said
        same(settled(server), before)
        shows(server, PANEL_LIT)


# --- reset

BEFORE = {
    "that linked nothing": lambda: hybrid(),
    "that linked all": lambda: hybrid(autobind=True),
    "whose NVIDIA GPU has the screen": lambda: nvidia_first(),
}


def undone(make):
    with make() as server:
        before, shown = settled(server), lit(server)
        for times in 1, 2:
            for _ in range(times):
                setup(server)
            setup(server, conf(server, "[output *]\nprimary = no\n"), "--layout", "above")
            assert lit(server) != shown
            reset(server)
            same(settled(server), before)
            assert lit(server) == shown
            assert set(sessions.pictures(server)) == set(shown)
        assert "nothing to undo" in reset(server, words=["-v"])


def test_reset_after_left_of_moves_all_back():
    with hybrid() as server:
        before = settled(server)
        setup(server, "--layout", "left-of")
        reset(server)
        same(settled(server), before)
        shows(server, PANEL_LIT)


def test_reset_brings_back_what_people_had_arranged():
    with hybrid(panel=[sessions.PANEL, "DP-1:c:800x600"]) as server:
        server.client("xrandr", "--setprovideroutputsource", "NVIDIA-G0", "modesetting")
        server.client("xrandr", "--output", "HDMI-1-0", "--mode", "800x600", "--pos", "0x1080",
                      "--output", "DP-1", "--off", "--output", "eDP-1", "--primary")
        before = settled(server)
        setup(server, conf(server, "[output HDMI*]\nmode = 1280x720\nprimary = yes\n"
                           "[output DP-1]\nenabled = yes\n"))
        assert len(lit(server)) == 3
        reset(server)
        same(settled(server), before)
        shows(server, {**PANEL_LIT, "HDMI-1-0": "800x600+0+1080"})


def test_reset_undoes_what_was_done_over_another_connection():
    with hybrid() as server, Relay(server) as relay:
        before = settled(server)
        setup(server)
        reset(server, env=relay.env())
        same(settled(server), before)


def test_nothing_is_to_be_undone_in_a_new_server():
    with hybrid() as server, Relay(server) as relay:
        assert "nothing to undo" in reset(server, words=["-v"], env=relay.env())
        assert relay.changes == []
        setup(server, "--mode", "offload")
        assert "nothing to undo" in reset(server, words=["-v"])


def test_reset_goes_on_without_a_gpu_that_is_gone():
    with rig.xorg([screen()], autobind=False) as server:
        card = Gpu("NVIDIA-G0", caps="sink-output", outputs=["DP-1-0:c:800x600"])
        server.control(f"addgpu {card.spec()}")
        setup(server, "--layout", "left-of")
        assert len(lit(server)) == 2
        server.control(f"removegpu {card.name}")
        reset(server)
        shows(server, PANEL_LIT)


# --- plan

PLANS = {
    "reverse sync": (lambda: hybrid(), [], ""),
    "reverse sync that the server linked": (lambda: hybrid(autobind=True), [], ""),
    "sync": (lambda: nvidia_first(), [], ""),
    "sync that the server linked": (lambda: nvidia_first(autobind=True), [], ""),
    "to the left": (lambda: hybrid(), ["--layout", "left-of"], ""),
    "to the left of what is linked": (lambda: hybrid(autobind=True), ["--layout", "left-of"], ""),
    "above": (lambda: hybrid(), ["--layout", "above"], ""),
    "below": (lambda: hybrid(), ["--layout", "below"], ""),
    "mirror": (lambda: hybrid(), ["--layout", "mirror"], ""),
    "two new outputs": (lambda: hybrid("HDMI-1-0:c:1280x720", "DP-1-0:c:800x600"), [], ""),
    "two new linked outputs to the left": (
        lambda: hybrid("HDMI-1-0:c:1280x720", "DP-1-0:c:800x600", autobind=True),
        ["--layout", "left-of"], ""),
    "outputs of the file": (
        lambda: hybrid(autobind=True), [],
        "[output HDMI*]\nmode = 800x600\nposition = 1920,10\nprimary = yes\n"),
    "offload with a file": (
        lambda: hybrid(), ["--mode", "offload"], "[output eDP-1]\nmode = 1280x720\n"),
    "dark by the file": (lambda: hybrid(), [], "[output HDMI*]\nenabled = no\n"),
    "an output of unknown modes": (lambda: hybrid("HDMI-1-0:c:1024x768"), [], ""),
    "outputs of unknown modes to the left": (
        lambda: hybrid("HDMI-1-0:c:1024x768", "DP-1-0:c:800x600"), ["--layout", "left-of"], ""),
    "an output of unknown modes above": (
        lambda: hybrid("HDMI-1-0:c:1024x768"), ["--layout", "above"], ""),
    "an output of unknown modes in place of the panel": (
        lambda: hybrid("HDMI-1-0:c:1024x768", autobind=True), [],
        "[output eDP-1]\nenabled = no\n[output HDMI*]\nprimary = yes\n"),
    "names with blanks": (
        lambda: rig.xorg([screen(name="AMD Radeon Graphics @ pci:0000:05:00.0", driver="amdgpu"),
                          nvidia()], autobind=False), [], ""),
}


def arranged(server):
    """The state without the choice of CRTCs, which xrandr makes itself, and the order that
    monitors have from it."""
    answers = settled(server)
    verbose = "".join(line for line in answers["--verbose"].splitlines(True)
                      if not line.startswith("\tCRTC: "))
    return {"--listproviders": answers["--listproviders"], "--verbose": verbose}


def planned(make, words, text):
    with make() as one, make() as other:
        words = [*words, f"--config={e2e.write(one.place / 'session.conf', text)}"]
        before = settled(one)
        commands = json.loads(run(one, "plan", "--json", *words).stdout)["commands"]
        assert commands == run(one, "plan", *words).stdout.splitlines()
        same(settled(one), before)
        for command in commands:
            program, *arguments = shlex.split(command)
            assert program == "xrandr", command
            one.client("xrandr", *arguments)
        setup(other, *words)
        assert lit(one) == lit(other), (commands, lit(one), lit(other))
        same(arranged(one), arranged(other))
        shows(one, lit(other))
        assert run(one, "plan", *words).stdout == ""


def test_a_plan_says_why_there_is_none():
    with hybrid() as server:
        result = run(server, "plan", "--mode", "sync")
        assert result.returncode == 1 and "sync cannot be: " in result.stderr, result
        told = json.loads(run(server, "plan", "--mode", "sync", "--json").stdout)
        assert told["commands"] == [] and "NVIDIA" in told["refused"], told


if __name__ == "__main__":
    tap.run(e2e.tests(globals()) +
            [(f"reset restores the state of a server {what}", lambda make=make: undone(make))
             for what, make in BEFORE.items()] +
            [(f"the commands of a plan do what setup does: {what}",
              lambda case=case: planned(*case)) for what, case in PLANS.items()])
