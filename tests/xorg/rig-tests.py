# SPDX-License-Identifier: MIT
"""That the rig is what it says, seen by xrandr: a rig that is wrong makes other tests lie."""
import os
import re
import signal
import time

import rig
from rig import Gpu, Output, e2e, tap

PANEL = "eDP-1:c:1920x1080,1280x720"


def screen(*outputs, **more):
    return Gpu("modesetting", outputs=list(outputs) or [PANEL], driver="modesetting", **more)


def nvidia(*outputs, name="NVIDIA-G0", **more):
    return Gpu(name, caps="sink-output,source-offload", driver="nvidia",
               outputs=list(outputs) or [Output("HDMI-1-0", modes="1280x720")], **more)


def hybrid(**more):
    return rig.xorg([screen(), nvidia()], **{"autobind": False, **more})


def providers(server):
    """(name, capabilities, outputs, how many others it is linked to), in the server's order."""
    lines = re.findall(r"^Provider \d+: id: \S+ cap: (\S+?),?(?: .*)? crtcs: \d+ outputs: (\d+) "
                       r"associated providers: (\d+) name:(.*)$",
                       server.client("xrandr", "--listproviders"), re.M)
    return [(name, int(caps, 16), int(outputs), int(links)) for caps, outputs, links, name in lines]


def names(server):
    return [name for name, *_ in providers(server)]


def outputs(server):
    """Output -> its state and, if it is lit, its geometry."""
    found = re.findall(r"^(\S+) (connected|disconnected)(?: primary)?(?: (\d+x\d+\+\d+\+\d+))?",
                       server.client("xrandr"), re.M)
    return {name: (state, geometry) for name, state, geometry in found}


def link(server, sink="NVIDIA-G0", source="modesetting"):
    server.client("xrandr", "--setprovideroutputsource", sink, source)


def light(server, output="HDMI-1-0", place="--right-of", other="eDP-1"):
    server.client("xrandr", "--output", output, "--auto", place, other)


def edids(server):
    """Output -> the bytes of its property EDID."""
    found, inside = {}, False
    for line in server.client("xrandr", "--prop").splitlines():
        heading = re.match(r"(\S+) (?:dis)?connected", line)
        if heading:
            output, inside = heading[1], False
        elif line.strip() == "EDID:":
            inside, found[output] = True, b""
        elif inside and re.fullmatch(r"\t\t[0-9a-f]{32}", line):
            found[output] += bytes.fromhex(line.strip())
        else:
            inside = False
    return found


# --- providers

def test_each_gpu_is_a_provider_with_its_name_and_capabilities():
    with hybrid() as server:
        assert providers(server) == [("modesetting", 0xf, 1, 0), ("NVIDIA-G0", 0x6, 1, 0)], \
            server.client("xrandr", "--listproviders")


def test_capabilities_may_be_a_number_or_none():
    with rig.xorg([screen(caps="0x9"), Gpu("b", caps="none")], autobind=False) as server:
        assert [(name, caps) for name, caps, *_ in providers(server)] == [
            ("modesetting", 9), ("b", 0)]


def test_a_gpu_may_have_no_outputs_at_all():
    with rig.xorg([screen(), Gpu("NVIDIA-G0", caps="source-offload")]) as server:
        assert providers(server)[1] == ("NVIDIA-G0", 4, 0, 1), providers(server)
        server.client("xrandr", "--setprovideroffloadsink", "NVIDIA-G0", "modesetting")


def test_the_first_gpu_needs_an_output():
    try:
        with rig.xorg([Gpu("NVIDIA-0")]):
            pass
    except rig.Late as said:
        assert "the first GPU needs an output and a CRTC" in str(said), said
    else:
        raise AssertionError("it started")


def test_the_first_gpu_may_have_no_monitor():
    with rig.xorg([Gpu("NVIDIA-0", caps="source-output", outputs=["DP-0:d:1024x768"]),
                   Gpu("modesetting", caps="sink-output", outputs=[PANEL])]) as server:
        light(server, "eDP-1", "--pos", "0x0")
        server.client("xsetroot", "-solid", "#123456")
        assert server.scanout("eDP-1").colours() == {(0x12, 0x34, 0x56)}
        assert server.scanout("DP-0") is None


def test_several_gpus_may_have_the_same_name():
    with rig.xorg([screen(), nvidia("DP-1-0:c:800x600", name="NVIDIA"),
                   nvidia("DP-2-0:c:800x600", name="NVIDIA")], autobind=False) as server:
        assert names(server) == ["modesetting", "NVIDIA", "NVIDIA"]


def test_a_link_brings_the_outputs():
    with hybrid() as server:
        assert set(outputs(server)) == {"eDP-1"}
        link(server)
        assert outputs(server)["HDMI-1-0"] == ("connected", "")
        assert [links for *_, links in providers(server)] == [1, 1]
        server.client("xrandr", "--setprovideroutputsource", "NVIDIA-G0", "0x0")
        assert set(outputs(server)) == {"eDP-1"}


def test_a_gpu_that_cannot_be_a_source_is_refused_as_one():
    with hybrid() as server:
        result = server.try_client(
            "xrandr", "--setprovideroutputsource", "modesetting", "NVIDIA-G0")
        assert result.returncode and "BadValue" in result.stderr, result
        assert names(server) == ["modesetting", "NVIDIA-G0"]


def test_without_being_told_the_server_links_but_lights_nothing():
    with rig.xorg([screen(), nvidia()]) as server:
        assert outputs(server)["HDMI-1-0"] == ("connected", "")
        assert [links for *_, links in providers(server)] == [1, 1]


def test_the_option_of_the_command_line_keeps_the_server_from_linking():
    with rig.xorg([screen(), nvidia()], server_args=["-noautoBindGPU"]) as server:
        assert set(outputs(server)) == {"eDP-1"}


def test_drivers_load_under_the_names_of_real_ones():
    gpus = [Gpu(driver, driver=driver, outputs=[f"{driver}-1:c:800x600"])
            for driver in ("testgpu", "nvidia", "modesetting", "amdgpu", "intel")]
    with rig.xorg(gpus, autobind=False) as server:
        assert sorted(names(server)) == sorted(gpu.driver for gpu in gpus)
        for gpu in gpus:
            assert f"{rig.MODULES}/{gpu.driver}_drv.so" in server.said(), gpu.driver


def test_a_configuration_of_ones_own_is_taken():
    config = '''Section "ServerFlags"
\tOption "AutoAddGPU" "false"
\tOption "AutoAddDevices" "false"
EndSection
Section "Device"
\tIdentifier "nvidia"
\tDriver "nvidia"
\tBusID "PCI:1:0:0"
\tOption "Spec" "NVIDIA-0|source-output|DP-0:d:1920x1080"
EndSection
Section "Screen"
\tIdentifier "nvidia"
\tDevice "nvidia"
\tOption "AllowEmptyInitialConfiguration"
EndSection
'''
    with rig.xorg(config=config) as it:
        assert providers(it) == [("NVIDIA-0", 1, 1, 0)], it.client("xrandr", "--listproviders")


def test_gpus_may_come_from_the_environment():
    more = "\n".join(nvidia(f"DP-{n}:c:800x600", name=f"NVIDIA-G{n}").spec() for n in (0, 1))
    env = {"TESTGPU_PRIMARY": screen("eDP-1:c:1280x720").spec(), "TESTGPU_GPUS": more}
    with rig.xorg([Gpu("other")], env=env) as server:
        assert sorted(names(server)) == ["NVIDIA-G0", "NVIDIA-G1", "modesetting"]
        assert outputs(server) == {"eDP-1": ("connected", "1280x720+0+0"),
                                   "DP-0": ("connected", ""), "DP-1": ("connected", "")}


# --- outputs

def test_a_mode_set_lights_an_output_of_another_gpu():
    with hybrid() as server:
        link(server)
        light(server)
        assert outputs(server) == {"eDP-1": ("connected", "1920x1080+0+0"),
                                   "HDMI-1-0": ("connected", "1280x720+1920+0")}, outputs(server)


def test_each_output_shows_what_was_painted():
    with hybrid() as server:
        link(server)
        assert server.scanout("HDMI-1-0") is None, "it is dark"
        light(server)
        for colour, pixel in ("#ff8000", (255, 128, 0)), ("#0102fe", (1, 2, 254)):
            server.client("xsetroot", "-solid", colour)
            for output, size in ("eDP-1", (1920, 1080)), ("HDMI-1-0", (1280, 720)):
                picture = server.scanout(output)
                assert (picture.width, picture.height) == size
                assert picture.colours() == {pixel}, (output, colour, picture.pixel(0, 0))


def test_each_output_shows_its_own_part_of_the_screen():
    with rig.xorg([screen(PANEL, "DP-1:c:800x600"), nvidia()]) as server:
        server.client("xrandr", "--output", "DP-1", "--auto", "--pos", "1928x0",
                      "--output", "HDMI-1-0", "--auto", "--pos", "2728x0")
        # A pattern of 16 by 16 pixels, from the screen's corner: the left half of it is set.
        bitmap = e2e.write(server.place / "bitmap", "#define a_width 16\n#define a_height 16\n"
                           "static char a_bits[] = {\n" + ", ".join(["0xff", "0x00"] * 16) + "};\n")
        server.client("xsetroot", "-bitmap", bitmap, "-fg", "#ff0000", "-bg", "#0000ff")
        left, right = [(255, 0, 0)] * 8, [(0, 0, 255)] * 8
        # The others begin in the middle of the pattern.
        for output, pixels in ("eDP-1", left + right), ("DP-1", right + left), \
                ("HDMI-1-0", right + left):
            picture = server.scanout(output)
            assert [picture.pixel(x, 100) for x in range(16)] == pixels, output


def test_an_output_may_refuse_every_mode_set():
    with rig.xorg([screen(), nvidia("DP-1:c!:1280x720")]) as server:
        result = server.try_client("xrandr", "--output", "DP-1", "--auto")
        assert result.returncode and "failed" in result.stderr, result
        assert outputs(server)["DP-1"] == ("connected", "")
        assert server.scanout("DP-1") is None


def test_an_output_may_refuse_from_the_nth_mode_set_on():
    output = Output("DP-1", modes="1280x720,800x600", refuse_from=3)
    with rig.xorg([screen(), nvidia(output)]) as it:
        status = [it.try_client("xrandr", "--output", "DP-1", "--mode", mode).returncode != 0
                  for mode in ("1280x720", "800x600", "1280x720", "1280x720")]
        assert status == [False, False, True, True], status
        it.control("allow DP-1")
        it.client("xrandr", "--output", "DP-1", "--mode", "1280x720")


def test_refusing_can_begin_and_end_while_the_server_runs():
    with hybrid() as server:
        link(server)
        server.control("refuse HDMI-1-0")
        assert server.try_client("xrandr", "--output", "HDMI-1-0", "--auto").returncode
        server.control("allow HDMI-1-0")
        light(server)
        assert outputs(server)["HDMI-1-0"] == ("connected", "1280x720+1920+0")


def test_a_monitor_comes_and_goes():
    with rig.xorg([screen(), nvidia("HDMI-1-0:d:1280x720")]) as server:
        assert outputs(server)["HDMI-1-0"] == ("disconnected", "")
        server.control("connect HDMI-1-0")
        assert "HDMI-1-0 connected" in server.client("xrandr", "--current")
        server.control("disconnect HDMI-1-0")
        assert "HDMI-1-0 disconnected" in server.client("xrandr", "--current")


def test_a_gpu_with_fewer_crtcs_lights_no_more_outputs():
    with rig.xorg([screen(), nvidia("DP-1:c:800x600", "DP-2:c:800x600", crtcs=1)]) as server:
        server.client("xrandr", "--output", "DP-1", "--auto")
        result = server.try_client("xrandr", "--output", "DP-2", "--auto")
        assert result.returncode and "cannot find crtc" in result.stderr, result


def test_a_look_at_an_output_may_take_long():
    with rig.xorg([screen(detect_ms=300)]) as server:
        before = time.monotonic()
        server.client("xrandr")
        # At least: how long it takes on a busy machine is nobody's business.
        assert time.monotonic() - before >= 0.3


def test_an_edid_can_be_read_and_is_the_one_that_was_given():
    one, two = rig.edid("SERIAL-1"), rig.edid("SERIAL-2")
    assert one != two
    for edid in one, two:
        assert len(edid) == 128 and sum(edid) % 256 == 0
    # An extension block, with nothing in it.
    extension = bytes([0x02, 0x03]) + bytes(125)
    two = two[:126] + b"\x01" + bytes([(two[127] - 1) % 256])
    two += extension + bytes([-sum(extension) % 256])
    with rig.xorg([screen(Output("eDP-1", edid=one), Output("DP-1", edid=one, connected=False)),
                   nvidia(Output("HDMI-1-0", edid=two), Output("HDMI-2-0"))]) as server:
        assert edids(server) == {"eDP-1": one, "HDMI-1-0": two}, edids(server)
        server.control("connect DP-1")
        assert edids(server)["DP-1"] == one


# --- GPUs that come and go

EXTERNAL = Gpu("AMD Radeon RX 6800 @ pci:0000:05:00.0", outputs=["DisplayPort-2-0:c:1280x720"])


def test_a_gpu_comes_and_goes_while_the_server_runs():
    with hybrid() as server:
        for _ in range(3):
            server.control(f"addgpu {EXTERNAL.spec()}")
            assert set(names(server)) == {"modesetting", "NVIDIA-G0", EXTERNAL.name}
            assert "DisplayPort-2-0" not in outputs(server)
            server.control(f"removegpu {EXTERNAL.name}")
            assert names(server) == ["modesetting", "NVIDIA-G0"]


def test_a_gpu_that_comes_is_linked_if_the_server_links():
    with rig.xorg([screen()]) as server:
        server.control(f"addgpu {EXTERNAL.spec()}")
        assert outputs(server)["DisplayPort-2-0"] == ("connected", "")
        light(server, "DisplayPort-2-0")
        server.client("xsetroot", "-solid", "#00ff00")
        assert server.scanout("DisplayPort-2-0").colours() == {(0, 255, 0)}
        server.control(f"removegpu {EXTERNAL.name}")
        assert set(outputs(server)) == {"eDP-1"}


# --- the rig itself

def test_what_the_driver_cannot_do_is_said():
    with hybrid() as server:
        for command in "connect DP-9", "removegpu NVIDIA-G9", "paint it black":
            try:
                server.control(command)
            except AssertionError as said:
                assert str(said).startswith(f"failed: {command}: "), said
            else:
                raise AssertionError(f"'{command}' was done")
        assert names(server) == ["modesetting", "NVIDIA-G0"]


def test_a_crash_is_one():
    with hybrid() as server:
        server.control("crash", wait=False)
        assert server.wait_end() == -signal.SIGABRT, server.said()


def test_a_server_that_stalls_answers_later():
    with hybrid() as server:
        before = time.monotonic()
        server.control("stall 300")
        assert time.monotonic() - before >= 0.3
        assert names(server) == ["modesetting", "NVIDIA-G0"]


def test_a_frozen_server_does_not_answer_until_it_is_thawed():
    with hybrid() as server:
        server.freeze()
        # "T" is a process that was stopped.
        rig.wait_for(lambda: open(f"/proc/{server.pid}/stat", encoding="ascii").read()
                     .rsplit(")", 1)[1].split()[0] == "T", "it is not stopped")
        server.control("refuse eDP-1", wait=False)
        assert not server.answers()
        server.thaw()
        rig.wait_for(server.answers, "it does not go on")


def test_a_server_that_is_killed_leaves_nothing_behind():
    with hybrid() as server:
        server.kill()
        assert server.socket.exists()
    for path in server.socket, f"/tmp/.X{server.display[1:]}-lock", server.place:
        assert not os.path.exists(path), path


def test_servers_run_side_by_side():
    with hybrid() as one, hybrid() as two, rig.xvfb() as three:
        assert len({one.display, two.display, three}) == 3
        link(one)
        assert "HDMI-1-0" in outputs(one) and "HDMI-1-0" not in outputs(two)


def test_a_server_with_an_authority_file_lets_no_other_in():
    with hybrid(auth=True) as server:
        assert names(server) == ["modesetting", "NVIDIA-G0"]
        result = server.try_client("xrandr", env={"XAUTHORITY": "/dev/null"})
        assert result.returncode and "Authorization required" in result.stderr, result


def test_a_server_that_does_not_start_says_why():
    try:
        with rig.xorg([screen()], server_args=["-no-such-option"]):
            pass
    except rig.Late as said:
        assert "-no-such-option" in str(said), said
    else:
        raise AssertionError("it started")


def test_a_wait_has_an_end():
    try:
        rig.wait_for(lambda: False, "never", seconds=0.05)
    except rig.Late as said:
        assert "never" in str(said), said
    else:
        raise AssertionError("it waited no longer, and said nothing")


# --- servers without GPUs

def test_xvfb_has_no_providers():
    with rig.xvfb() as display:
        answer = e2e.run("xrandr", "--listproviders", env=e2e.environment(DISPLAY=display))
        assert answer.stdout == "Providers: number : 0\n", answer


def test_xwayland_has_no_providers():
    with rig.xwayland(auth=True) as server:
        assert server.client("xrandr", "--listproviders") == "Providers: number : 0\n"
        assert any(name.startswith("XWAYLAND") for name in outputs(server)), outputs(server)


def test_xnest_has_no_randr():
    with rig.xnest() as server:
        answer = server.try_client("xrandr", "--listproviders")
        assert answer.returncode and "RandR extension missing" in answer.stderr, answer


if __name__ == "__main__":
    tap.run(e2e.tests(globals()))
