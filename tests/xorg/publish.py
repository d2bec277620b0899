# SPDX-License-Identifier: MIT
"""The session file: what nv-session tells nv-run of a real server, and how it gets in."""
import json
import os
import shutil
import stat
import threading

import rig
import sessions
from rig import Gpu, Output, e2e, tap
from sessions import hybrid, nvidia, recorded, run, runtime, screen, setup, shows

INTEL, NVIDIA, LAPTOP = "0000:00:02.0", "0000:01:00.0", "laptop-intel-nvidia"


def path(server, display=None):
    return runtime(server) / "nv-run" / f"session.{display or server.display}"


def publish(server, *words, status=0, **more):
    """Has the file written. It gives up early, so as not to keep nv-run waiting: on a busy machine
    it may need another go."""
    for _ in range(20):
        result = run(server, "publish", *words, **more)
        if "does not answer" not in result.stderr:
            break
    assert result.returncode == status, (words, result)
    return result.stderr


def told(server):
    """The lines about the server."""
    lines = path(server).read_text().splitlines()
    assert lines[0] == "nv-run-session 1", lines
    assert lines[1] + "\n" == e2e.socket_line(server.display), lines
    return lines[2:]


def connector(root, card, name, edid=b"", status="connected"):
    """Adds one to a recorded machine."""
    link = root / f"sys/class/drm/card{card}"
    place = link.resolve() / f"card{card}-{name}"
    place.mkdir(exist_ok=True)
    (place / "status").write_text(status + "\n")
    (place / "edid").write_bytes(edid)
    entry = root / f"sys/class/drm/card{card}-{name}"
    if not entry.exists():
        entry.symlink_to(os.path.relpath(place, entry.parent))


# --- the file

def test_the_file_has_the_server_and_its_gpus():
    with hybrid() as server:
        publish(server)
        assert told(server) == ["server xorg", "screen - modesetting", "gpu - NVIDIA-G0"]
        assert stat.S_IMODE(path(server).stat().st_mode) == 0o600
        assert stat.S_IMODE(path(server).parent.stat().st_mode) == 0o700
        assert [one.name for one in path(server).parent.iterdir()] == [path(server).name]


def test_publishing_changes_nothing_in_the_server():
    with hybrid() as server, sessions.Relay(server) as relay:
        before = sessions.state(server)
        publish(server, env=relay.env())
        assert relay.changes == [] and relay.trips <= 10, (relay.changes, relay.trips)
        sessions.same(sessions.state(server), before)
        assert path(server, relay.display).exists()


def test_setup_publishes_too():
    for words in [], ["--mode", "offload"], ["--mode", "none"], ["--hook"]:
        with hybrid() as server:
            setup(server, *words)
            assert "gpu - NVIDIA-G0" in told(server), words


def test_names_are_whole():
    name = "AMD Radeon Graphics @ pci:0000:34:00.0"
    with rig.xorg([screen(name=name), nvidia(), nvidia("DP-1:d:800x600", name="NVIDIA-G1")],
                  autobind=False) as server:
        publish(server)
        lines = told(server)
        assert lines[1] == f"screen - {name}", lines
        assert sorted(lines[2:]) == ["gpu - NVIDIA-G0", "gpu - NVIDIA-G1"], lines


def test_the_screens_gpu_is_known_when_nvidia_has_it():
    with sessions.nvidia_first() as server:
        publish(server)
        assert told(server) == ["server xorg", "screen - NVIDIA-0", "gpu - modesetting"]


def test_the_file_is_never_there_in_part():
    with hybrid() as server:
        publish(server)
        whole, ends, wrong = path(server).read_bytes(), threading.Event(), []

        def read():
            while not ends.is_set():
                if path(server).read_bytes() != whole:
                    wrong.append(path(server).read_bytes())

        reader = threading.Thread(target=read)
        reader.start()
        for _ in range(20):
            publish(server)
        ends.set()
        reader.join()
        assert not wrong, wrong[0]


def test_a_link_in_the_place_of_the_file_is_replaced():
    with hybrid() as server:
        victim = e2e.write(server.place / "victim", "precious")
        path(server).parent.mkdir(mode=0o700)
        path(server).symlink_to(victim)
        publish(server)
        assert victim.read_text() == "precious" and not path(server).is_symlink()


# --- where it is not written

def test_the_directory_of_another_user_is_left_alone():
    if os.geteuid() != 0:
        raise tap.Skip("needs root")
    with hybrid() as server:
        os.chown(runtime(server), 65534, 65534)
        said = publish(server, status=1)
        assert "XDG_RUNTIME_DIR is no directory of yours" in said, said
        assert not list(runtime(server).iterdir())
        # The rest of setup does not depend on it.
        setup(server)
        shows(server, sessions.BOTH_LIT)


def test_without_a_directory_there_is_no_file():
    with hybrid() as server:
        for wrong in "relative", str(server.place / "missing"), "/dev/null":
            said = publish(server, status=1, env={"XDG_RUNTIME_DIR": wrong})
            assert "no session file" in said, said


def test_a_file_that_cannot_be_written_is_said():
    with hybrid() as server:
        (runtime(server) / "nv-run").write_text("in the way")
        said = publish(server, status=1)
        assert "no session file: " in said and "Not a directory" in said, said


# --- who is let in

def test_a_cookie_is_found_where_it_is_known_to_be():
    with hybrid(auth=True) as server:
        for name in "xauth_kd83Hd", "gdm/Xauthority", ".mutter-Xwaylandauth.A1B2C3":
            place = runtime(server) / name
            place.parent.mkdir(exist_ok=True)
            shutil.copy(server.xauthority, place)
            for wrong in "", str(server.place / "missing"), "/dev/null":
                publish(server, env={"XAUTHORITY": wrong})
                assert told(server)[0] == "server xorg"
                path(server).unlink()
            place.unlink()


def test_wrong_cookies_do_not_hide_the_right_one():
    with hybrid(auth=True) as server, hybrid(auth=True) as other:
        for number in range(3):
            shutil.copy(other.xauthority, runtime(server) / f"xauth_{number}")
        shutil.copy(server.xauthority, runtime(server) / "xauth_9")
        publish(server, env={"XAUTHORITY": str(other.xauthority)})
        assert told(server)


def test_without_a_cookie_there_is_no_file():
    with hybrid(auth=True) as server:
        said = publish(server, status=1, env={"XAUTHORITY": "/dev/null"})
        assert "XAUTHORITY does not let us in" in said, said
        assert not path(server).exists()
        setup(server)
        shows(server, sessions.BOTH_LIT)


def test_a_pipe_among_the_cookies_is_not_waited_for():
    with hybrid(auth=True) as server:
        os.mkfifo(runtime(server) / "xauth_pipe", 0o600)
        shutil.copy(server.xauthority, runtime(server) / "xauth_real")
        publish(server, env={"XAUTHORITY": ""})
        assert told(server)


# --- which GPU a provider is

def test_slots_are_known_by_driver():
    with hybrid() as server:
        recorded(server, LAPTOP)
        publish(server)
        assert told(server) == ["server xorg", f"screen {INTEL} modesetting",
                                f"gpu {NVIDIA} NVIDIA-G0"]


def test_the_slot_in_a_name_beats_all():
    with rig.xorg([screen(name=f"AMD Radeon @ pci:{NVIDIA}"), nvidia()],
                  autobind=False) as server:
        recorded(server, LAPTOP)
        publish(server)
        assert told(server)[1] == f"screen {NVIDIA} AMD Radeon @ pci:{NVIDIA}", told(server)


def twins(server, edids):
    """A recorded machine with two cards of one driver: slot -> the EDID of its monitor."""
    root = recorded(server, "laptop-amd-amd")
    for link in list((root / "sys/class/drm").glob("card[0-9]")):
        for old in link.parent.glob(f"{link.name}-*"):
            (old.resolve() / "status").write_text("disconnected\n")
        connector(root, link.name[4:], "DP-7", edids[link.resolve().parent.parent.name])


AMD_CARDS = "0000:07:00.0", "0000:03:00.0"


def test_twins_are_told_apart_by_their_monitors():
    one, two = rig.edid("ONE"), rig.edid("TWO")
    for first, second in AMD_CARDS, AMD_CARDS[::-1]:
        gpus = [screen(Output("DP-1", edid=one)), screen(Output("DP-1-1", edid=two))]
        with rig.xorg(gpus, autobind=False) as server:
            twins(server, {first: one, second: two})
            # Xorg has EDIDs to tell once somebody made it look, as every desktop does; those of
            # outputs that are not linked, only then.
            server.client("xrandr", "--setprovideroutputsource", "1", "0")
            server.client("xrandr")
            publish(server)
            assert told(server)[1:] == [f"screen {first} modesetting",
                                        f"gpu {second} modesetting"], (first, told(server))


def test_of_twins_that_cannot_be_told_apart_nothing_is_claimed():
    gpus = [screen("DP-1:c:800x600"), screen("DP-1-1:c:800x600")]
    with rig.xorg(gpus, autobind=False) as server:
        twins(server, dict.fromkeys(AMD_CARDS, b""))
        publish(server)
        assert told(server)[1:] == ["screen - modesetting", "gpu - modesetting"], told(server)


def test_the_providers_are_shown_with_how_they_are_known():
    with hybrid() as server:
        recorded(server, LAPTOP)
        answer = json.loads(run(server, "providers", "--json").stdout)
        assert answer["server"] == "xorg"
        one, two = answer["providers"]
        assert (one["name"], one["drives"], one["slot"]) == ("modesetting", "x-screen", INTEL)
        assert (two["name"], two["drives"], two["slot"]) == ("NVIDIA-G0", "gpu-screen", NVIDIA)
        assert one["slot-sure"] and two["slot-sure"], answer
        assert {out["name"] for out in answer["outputs"]} == {"eDP-1", "HDMI-1-0"}
        text = run(server, "providers").stdout
        assert "NVIDIA-G0: a GPU screen" in text and "01:00.0" in text, text


# --- nv-run

def plan_of(server, *words):
    """Variable -> value that nv-run would set for the NVIDIA GPU."""
    result = server.try_client(
        e2e.NV_RUN, "-n", "--json", f"--sysroot={sessions.root(server)}", "--no-rules", "-g",
        "nvidia", *words, "true", env={"XDG_RUNTIME_DIR": str(runtime(server))})
    assert result.returncode == 0, result
    return {one["name"]: one["value"] for one in json.loads(result.stdout)["changes"]}


def explained(server):
    return server.try_client(
        e2e.NV_RUN, "--explain", f"--sysroot={sessions.root(server)}", "--no-rules", "-g",
        "nvidia", "true", env={"XDG_RUNTIME_DIR": str(runtime(server))}).stdout


def test_nv_run_uses_the_provider_that_was_published():
    with hybrid() as server:
        recorded(server, LAPTOP)
        publish(server)
        plan = plan_of(server)
        assert plan["__NV_PRIME_RENDER_OFFLOAD"] == "1", plan
        assert plan["__GLX_VENDOR_LIBRARY_NAME"] == "nvidia", plan
        assert "nv-session told" in " ".join(explained(server).split()), explained(server)


def started(server):
    """The GLX library of a program that nv-run starts on the machine's true paths, where it asks
    the nv-session beside it."""
    if os.geteuid():
        raise tap.Skip("needs root to lay NVIDIA's libraries over /usr")
    machine = sessions.root(server)
    script = f"""mount -t overlay overlay -o lowerdir={machine}/usr:/usr /usr || exit 9
exec {e2e.NV_RUN} --no-rules -g nvidia sh -c 'echo "started ${{__GLX_VENDOR_LIBRARY_NAME-}}"'"""
    env = {**server.env, "XDG_RUNTIME_DIR": str(runtime(server))}
    result = e2e.namespace(machine, script, env=env)
    assert result.returncode == 0 and result.stdout.startswith("started"), result
    return result.stdout.split()[1:]


def test_nv_run_asks_when_there_is_no_file():
    with hybrid() as server:
        recorded(server, LAPTOP)
        assert started(server) == ["nvidia"]
        assert told(server) == ["server xorg", f"screen {INTEL} modesetting",
                                f"gpu {NVIDIA} NVIDIA-G0"]


def test_nv_run_asks_anew_for_a_server_that_took_the_display():
    with hybrid() as server:
        recorded(server, LAPTOP)
        stale = e2e.session_file(runtime(server), server.display, "server other")
        assert started(server) == [], "it is believed"
        stale.write_text(stale.read_text().replace("socket ", "socket 9"))
        assert started(server) == ["nvidia"]
        assert f"gpu {NVIDIA} NVIDIA-G0" in told(server)


def test_nv_run_does_not_offload_where_the_nvidia_gpu_has_the_screen():
    with sessions.nvidia_first() as server:
        recorded(server, LAPTOP)
        publish(server)
        plan = plan_of(server)
        assert "__NV_PRIME_RENDER_OFFLOAD_PROVIDER" not in plan, plan


def test_nv_run_does_not_force_glx_where_nvidia_has_no_provider():
    with rig.xorg([screen()], autobind=False) as server:
        recorded(server, LAPTOP)
        publish(server)
        assert "__GLX_VENDOR_LIBRARY_NAME" not in plan_of(server)
        assert "has no NVIDIA provider" in explained(server), explained(server)


def test_the_second_nvidia_gpu_has_a_provider_of_its_own():
    gpus = [Gpu("modesetting", driver="modesetting", outputs=["HDMI-1:c:800x600"]),
            nvidia(Output("DP-1-0", edid=rig.edid("A"))),
            nvidia(Output("DP-2-0", edid=rig.edid("B")), name="NVIDIA-G1")]
    with rig.xorg(gpus, autobind=False) as server:
        root = recorded(server, "desktop-two-same-nvidia")
        # As the monitors are plugged in, G0 is the card of the higher slot.
        connector(root, 1, "DP-1", rig.edid("B"))
        connector(root, 2, "DP-2", rig.edid("A"))
        for gpu in "1", "2":
            server.client("xrandr", "--setprovideroutputsource", gpu, "0")
        server.client("xrandr")
        publish(server)
        assert {tuple(line.split()) for line in told(server)[2:]} == {
            ("gpu", "0000:02:00.0", "NVIDIA-G0"), ("gpu", "0000:01:00.0", "NVIDIA-G1")}
        for slot, name in ("0000:01:00.0", "NVIDIA-G1"), ("0000:02:00.0", "NVIDIA-G0"):
            plan = plan_of(server, "-g", slot)
            assert plan["__NV_PRIME_RENDER_OFFLOAD_PROVIDER"] == name, (slot, plan)


if __name__ == "__main__":
    tap.run(e2e.tests(globals()))
