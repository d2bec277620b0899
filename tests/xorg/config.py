# SPDX-License-Identifier: MIT
"""session.conf and the kernel's command line, and who is obeyed."""
import os

import sessions
from rig import Output, e2e, tap
from sessions import (BOTH_LIT, PANEL_LIT, Relay, conf, hybrid, lit, primary, reset, same, setup,
                      shows, state)

MODES = Output("HDMI-1-0", modes="1280x720@60,1280x720@50,800x600@60")


def configured(server, text, *words, **more):
    return setup(server, conf(server, text), *words, **more)


def rates(server):
    """The rates in force."""
    return [line.split("*")[0].split()[-1] for line in server.client("xrandr").splitlines()
            if "*" in line]


# --- [session]

def test_the_mode_is_read_from_the_file():
    with hybrid() as server:
        assert "offload: nothing to do" in configured(server, "[session]\nmode = offload\n", "-v")
        shows(server, PANEL_LIT)
        configured(server, "[session]\nmode = reverse-sync\n")
        shows(server, BOTH_LIT)


def test_an_option_beats_the_file():
    with hybrid() as server:
        text = "[session]\nmode = offload\nlayout = above\n"
        configured(server, text, "--mode", "reverse-sync", "--layout", "below")
        shows(server, {**PANEL_LIT, "HDMI-1-0": "1280x720+0+1080"})


def test_the_layout_is_read_from_the_file():
    with hybrid() as server:
        configured(server, "[session]\nlayout = left-of\n")
        shows(server, {"eDP-1": "1920x1080+1280+0", "HDMI-1-0": "1280x720+0+0"})


def test_synchronization_is_turned_off():
    with hybrid() as server:
        configured(server, "[session]\nprime-sync = no\n")
        assert "PRIME Synchronization: 0" in server.client("xrandr", "--prop")
        shows(server, BOTH_LIT)


def test_synchronization_that_a_driver_cannot_do_is_a_remark():
    # The server takes the 1, sets the mode anew, and has the 0 again.
    with hybrid() as server:
        for _ in range(2):
            with Relay(server) as relay:
                said = configured(server, "[output HDMI*]\nprime-sync = yes\n", env=relay.env())
            assert "PRIME Synchronization' 1' had no effect" in said, said
            assert "PRIME Synchronization: 0" in server.client("xrandr", "--prop")
            shows(server, BOTH_LIT)
        # It would be in force from the next mode set on.
        changes = [one for one in relay.changes if one != "ChangeProperty"]
        assert changes == ["ChangeOutputProperty", "SetCrtcConfig"], relay.changes


# --- [output NAME]

def test_an_output_gets_the_mode_and_place_of_the_file():
    with hybrid(MODES) as server:
        configured(server, "[output HDMI-1-0]\nmode = 800x600\nposition = 2000,100\n")
        shows(server, {**PANEL_LIT, "HDMI-1-0": "800x600+2000+100"})
        before = state(server)
        configured(server, "[output HDMI-1-0]\nmode = 800x600\nposition = 2000,100\n")
        same(state(server), before)


def test_a_lit_output_is_changed_if_the_file_names_it():
    with hybrid(MODES) as server:
        setup(server)
        configured(server, "[output eDP-*]\nmode = 1280x720\nposition = 0x200\n"
                   "[output HDMI-*]\nmode = 800x600\n")
        shows(server, {"eDP-1": "1280x720+0+200", "HDMI-1-0": "800x600+1920+0"})


def test_a_rate_is_the_nearest_one():
    with hybrid(MODES) as server:
        configured(server, "[output HDMI-1-0]\nmode = 1280x720\nrate = 50.4\n")
        shows(server, BOTH_LIT)
        assert any(abs(float(rate) - 50) < 1 for rate in rates(server)), rates(server)
        configured(server, "[output HDMI-1-0]\nrate = 60\n")
        assert not any(abs(float(rate) - 50) < 1 for rate in rates(server)), rates(server)
        shows(server, BOTH_LIT)


def test_a_mode_that_is_not_there_leaves_the_preferred_one():
    with hybrid(MODES) as server:
        said = configured(server, "[output HDMI-1-0]\nmode = 1234x567\n")
        assert "HDMI-1-0 has no mode 1234x567: it gets 1280x720" in said, said
        shows(server, BOTH_LIT)
        said = configured(server, "[output eDP-1]\nmode = 1234x567\n")
        assert "eDP-1 has no such mode: it keeps its own" in said, said
        shows(server, BOTH_LIT)


def test_a_rotation_that_cannot_be_is_passed_over():
    with hybrid() as server:
        configured(server, "[output HDMI-1-0]\nrotate = left\n")
        shows(server, BOTH_LIT)


def test_the_primary_output_is_the_one_of_the_file():
    with hybrid() as server:
        configured(server, "[output HDMI-1-0]\nprimary = yes\n")
        assert primary(server) == "HDMI-1-0"
        setup(server)
        assert primary(server) == "HDMI-1-0", "nobody said otherwise"
        configured(server, "[output HDMI-1-0]\nprimary = no\n")
        assert primary(server) == "eDP-1"


def test_an_output_may_be_kept_dark():
    with hybrid("HDMI-1-0:c:1280x720", "DP-1-0:c:800x600") as server:
        configured(server, "[output HDMI*]\nenabled = no\n")
        shows(server, {**PANEL_LIT, "DP-1-0": "800x600+1920+0"})


def test_a_lit_output_may_be_turned_off_but_not_the_last_one():
    with hybrid() as server:
        configured(server, "[output eDP-1]\nenabled = no\n", "--mode", "offload")
        shows(server, PANEL_LIT)
        # Lit first, and moved to where the other one was.
        assert not configured(server, "[output eDP-1]\nenabled = no\n")
        shows(server, {"HDMI-1-0": "1280x720+0+0"})
        said = configured(server, "[output *]\nenabled = no\n")
        assert "HDMI-1-0 stays on: nothing else is lit" in said, said


def test_an_output_of_the_screens_gpu_may_be_turned_on():
    with hybrid(panel=[sessions.PANEL, "DP-1:c:800x600"]) as server:
        server.client("xrandr", "--output", "DP-1", "--off")
        configured(server, "[output DP-1]\nenabled = yes\n", "--mode", "offload")
        shows(server, {**PANEL_LIT, "DP-1": "800x600+1920+0"})
        reset(server)
        shows(server, PANEL_LIT)


def test_later_lines_beat_earlier_ones():
    with hybrid(MODES) as server:
        configured(server, "[output *]\nmode = 800x600\n[output HDMI-1-0]\nmode = 1280x720\n"
                   "[output eDP*]\nmode = preferred\n")
        assert lit(server)["HDMI-1-0"].startswith("1280x720"), lit(server)


def test_none_passes_over_all_of_the_file():
    with hybrid() as server, Relay(server) as relay:
        text = "[session]\nmode = none\n[output eDP-1]\nmode = 1280x720\n"
        configured(server, text, env=relay.env())
        assert relay.changes == []


# --- mistakes

def test_a_mistake_in_the_file_has_a_place_and_the_rest_counts():
    with hybrid(MODES) as server:
        text = ("[session]\nmode = revers-sync\nlayuot = above\n  layout = below\n"
                "[output HDMI-1-0]\nmode = big\nmode = 800x600\nlayout = above\n[outptu X]\n")
        said = configured(server, text)
        path = server.place / "session.conf"
        for line, column, what in (2, 8, "mode"), (3, 1, "layuot"), (6, 8, "mode"):
            assert f"{path}:{line}:{column}: " in said, (line, column, said)
            assert any(f":{line}:" in one and what in one for one in said.splitlines()), said
        assert f"{path}:8:" in said and "belongs into [session]" in said, said
        assert f"{path}:9:" in said and "[outptu X]" in said, said
        shows(server, {**PANEL_LIT, "HDMI-1-0": "800x600+0+1080"})
        assert not configured(server, text, "-q"), "-q is quiet"


def test_a_file_that_is_named_and_missing_is_a_mistake():
    with hybrid() as server:
        said = setup(server, f"--config={server.place}/missing.conf")
        assert "missing.conf: cannot be read: No such file" in said, said
        shows(server, BOTH_LIT)


def test_a_file_that_others_may_write_is_not_read():
    with hybrid() as server:
        said = configured(server, "[session]\nmode = offload\n")
        shows(server, PANEL_LIT)
        path = server.place / "session.conf"
        path.chmod(0o666)
        said = setup(server, f"--config={path}")
        assert "session.conf: not read: it " in said, said
        shows(server, BOTH_LIT)


# --- who is obeyed

def as_root():
    if os.geteuid() != 0:
        raise tap.Skip("needs root")


def system_conf(server, text):
    return e2e.write(sessions.root(server) / "etc/nv-run/session.conf", text)


def test_a_hook_obeys_root_alone():
    as_root()
    with hybrid() as server:
        path = system_conf(server, "[session]\nmode = offload\n")
        setup(server, "--hook")
        shows(server, PANEL_LIT)
        os.chown(path, 65534, 65534)
        said = setup(server, "--hook")
        assert "session.conf: not read: it does not belong to root" in said, said
        shows(server, BOTH_LIT)


def test_a_hook_does_not_read_the_files_of_users():
    with hybrid() as server:
        home = server.place / "home"
        e2e.write(home / "nv-run/session.conf", "[session]\nmode = offload\n")
        env = {"XDG_CONFIG_HOME": str(home)}
        setup(server, env=env)
        shows(server, PANEL_LIT)
        setup(server, "--hook", env=env)
        shows(server, BOTH_LIT)


def test_the_users_file_beats_roots_key_by_key():
    with hybrid() as server:
        system_conf(server, "[session]\nmode = offload\nlayout = below\n")
        e2e.write(server.place / ".config/nv-run/session.conf", "[session]\nmode = auto\n")
        setup(server, env={"HOME": str(server.place)})
        shows(server, {**PANEL_LIT, "HDMI-1-0": "1280x720+0+1080"})


def command_line(server, text):
    e2e.write(sessions.root(server) / "proc/cmdline", text + "\n")


def test_the_kernel_command_line_beats_the_files():
    with hybrid() as server:
        system_conf(server, "[session]\nmode = reverse-sync\n")
        command_line(server, "quiet nv-session.mode=offload splash")
        setup(server)
        shows(server, PANEL_LIT)
        setup(server, "--mode", "auto")
        shows(server, BOTH_LIT)


def test_a_mistake_on_the_kernel_command_line_is_said():
    with hybrid() as server:
        command_line(server, "nv-session.mode=offlaod")
        said = setup(server)
        assert "kernel command line: nv-session.mode takes " in said and "'offlaod'" in said, said
        shows(server, BOTH_LIT)


def test_a_hook_is_turned_off_on_the_kernel_command_line():
    with hybrid() as server:
        command_line(server, "nv-session=off")
        setup(server, "--hook")
        shows(server, PANEL_LIT)


if __name__ == "__main__":
    tap.run(e2e.tests(globals()))
