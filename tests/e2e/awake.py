# SPDX-License-Identifier: MIT
"""nv-gpu awake: each reason on a machine that has it, and on the same one that does not."""
import json
import os
import signal
import subprocess

import e2e
import machines
from ps import NV_GPU, process

NVIDIA = "sys/devices/pci0000:00/0000:00:01.0/0000:01:00"


def laptop(place, status="active"):
    """The laptop, its NVIDIA GPU awake and otherwise at rest."""
    root = machines.unpack(e2e.LAPTOP, place / "machine")
    e2e.write(root / f"{NVIDIA}.0/power/runtime_status", status + "\n")
    return root


def ask(root, gpu="01:00.0"):
    result = e2e.run(NV_GPU, "awake", gpu, "--json", "--sysroot", root)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)[0]


def reasons(root):
    return {reason["id"]: reason for reason in ask(root)["reasons"]}


def check(change, name, status="active"):
    """The reason is there with the change, and not without it."""
    with e2e.place() as place:
        root = laptop(place, status)
        assert name not in reasons(root), reasons(root)
        change(root)
        found = reasons(root)
        assert name in found, found
        assert found[name]["do"], found
        return found[name]


def test_a_gpu_asleep_is_said_to_be_asleep():
    with e2e.place() as place:
        root = laptop(place, "suspended")
        assert ask(root)["asleep"] is True
        assert ask(root)["reasons"] == []
        text = e2e.run(NV_GPU, "awake", "nvidia", "--sysroot", root).stdout
        assert " is asleep" in text.splitlines()[0], text
        assert " is awake" in e2e.run(NV_GPU, "awake", "nvidia", "--sysroot",
                                      laptop(place / "b")).stdout


def test_a_holder_is_named():
    found = check(lambda root: process(root, 10, "game", ["/dev/nvidia0"]), "holder")
    assert "game (10, 1000) holds /dev/nvidia0" in found["what"], found


def test_a_mapping_is_named():
    found = check(lambda root: process(root, 10, maps="1-2 rw-s 0 00:06 5 /dev/nvidia0\n"),
                  "mapping")
    assert "no longer open" in found["what"], found


def test_who_holds_what_is_common_keeps_no_gpu_awake():
    with e2e.place() as place:
        root = laptop(place)
        process(root, 10, "compositor", ["/dev/nvidiactl"])
        assert "holder" not in reasons(root)


def test_the_persistence_daemon_is_named():
    check(lambda root: process(root, 10, "nvidia-persiste", ["/dev/nvidia0"]), "persistence")


def test_an_audio_function_that_may_not_sleep_is_named():
    found = check(lambda root: e2e.write(root / f"{NVIDIA}.1/power/control", "on\n"), "control")
    assert "0000:01:00.1 (audio)" in found["what"], found
    assert found["do"] == "echo auto > /sys/bus/pci/devices/0000:01:00.1/power/control", found


def test_an_audio_function_that_is_active_is_named():
    check(lambda root: e2e.write(root / f"{NVIDIA}.1/power/runtime_status", "active\n"),
          "function")


def test_d3cold_that_is_not_allowed_is_named():
    check(lambda root: e2e.write(root / f"{NVIDIA}.0/d3cold_allowed", "0\n"), "d3cold")


def test_a_monitor_is_named():
    check(lambda root: plug(root, "HDMI-A-9"), "output")


def test_the_text_console_is_named():
    def console(root):
        e2e.write(root / f"{NVIDIA}.0/graphics/fb0/dev", "29:0\n")
        e2e.write(root / "sys/class/vtconsole/vtcon1/name", "(M) frame buffer device\n")
        e2e.write(root / "sys/class/vtconsole/vtcon1/bind", "1\n")
    found = check(console, "console")
    assert found["do"] == "echo 0 > /sys/class/vtconsole/vtcon1/bind", found


def test_a_driver_that_does_not_let_it_sleep_is_named():
    path = "proc/driver/nvidia/gpus/0000:01:00.0/power"
    found = check(lambda root: e2e.write(root / path, "Runtime D3 status:   Disabled by default\n"),
                  "module")
    assert "Disabled by default" in found["what"], found


def test_uses_beyond_what_is_seen_are_the_drivers():
    with e2e.place() as place:
        root = laptop(place)
        e2e.write(root / f"{NVIDIA}.0/power/runtime_usage", "3\n")
        assert "3 uses beyond" in reasons(root)["driver"]["what"]
        process(root, 10, "game", ["/dev/nvidia0"])
        assert "driver" not in reasons(root)


OUTPUT = "../../devices/pci0000:00/0000:00:01.0/0000:01:00.0/drm/card0/card0-"


def plug(root, name, **attributes):
    connector = root / f"{NVIDIA}.0/drm/card0/card0-{name}"
    for attribute, text in {"status": "connected", **attributes}.items():
        e2e.write(connector / attribute, text + "\n")
    if not os.path.lexists(root / f"sys/class/drm/card0-{name}"):
        os.symlink(OUTPUT + name, root / f"sys/class/drm/card0-{name}")


def driver(root, name):
    machines.set_driver(root / f"{NVIDIA}.0", name)


def test_a_lit_output_keeps_awake_and_a_dark_one_does_not():
    with e2e.place() as place:
        root = laptop(place)
        driver(root, "nouveau")
        plug(root, "DP-9", enabled="disabled", dpms="Off")
        assert "output" not in reasons(root), reasons(root)
        plug(root, "DP-9", enabled="enabled", dpms="Off")
        assert "output" not in reasons(root), reasons(root)
        plug(root, "DP-9", enabled="enabled", dpms="On")
        assert reasons(root)["output"]["what"] == "it lights the monitor at DP-9"


def test_an_output_that_the_kernel_takes_for_dark_may_be_lit_by_nvidias_x_driver():
    with e2e.place() as place:
        root = laptop(place)
        plug(root, "DP-9", enabled="disabled")
        assert "plugged into DP-9" in reasons(root)["output"]["what"]


def test_a_gpu_that_shows_the_desktop_has_its_holders_counted_alone():
    with e2e.place() as place:
        root = laptop(place)
        plug(root, "DP-9", enabled="enabled")
        process(root, 10, "compositor", ["/dev/nvidia0"])
        process(root, 11, "game", ["/dev/nvidia0"])
        found = reasons(root)
        assert "holder" not in found and "2 processes hold it" in found["holders"]["what"], found


def test_a_sound_driver_that_never_sleeps_is_told_from_sound_that_plays():
    with e2e.place() as place:
        root = laptop(place)
        e2e.write(root / f"{NVIDIA}.1/power/runtime_status", "active\n")
        assert reasons(root)["function"]["do"] == "end what plays sound there"
        parameter = "sys/module/snd_hda_intel/parameters/power_save"
        e2e.write(root / parameter, "0\n")
        assert reasons(root)["function"]["do"] == f"echo 1 > /{parameter}"


def test_a_control_node_of_a_sound_card_keeps_nothing_awake():
    with e2e.place() as place:
        root = laptop(place)
        for name, minor in (("controlC1", 32), ("pcmC1D3p", 33)):
            e2e.write(root / f"{NVIDIA}.1/sound/card1/{name}/dev", f"116:{minor}\n")
        process(root, 10, "wireplumber", ["/dev/snd/controlC1"])
        assert "holder" not in reasons(root), reasons(root)
        process(root, 11, "player", ["/dev/snd/pcmC1D3p"])
        assert "player (11, 1000) holds /dev/snd/pcmC1D3p" == reasons(root)["holder"]["what"]


def test_the_chipsets_functions_in_an_apus_slot_are_not_the_gpus():
    with e2e.place() as place:
        root = laptop(place)
        e2e.write(root / f"{NVIDIA}.3/class", "0x0c0330\n")
        e2e.write(root / f"{NVIDIA}.3/power/control", "on\n")
        e2e.write(root / f"{NVIDIA}.3/vendor", "0x1022\n")
        assert "control" not in reasons(root), reasons(root)
        e2e.write(root / f"{NVIDIA}.3/vendor", "0x10de\n")
        assert "(USB) is on" in reasons(root)["control"]["what"]


PORT = "sys/devices/pci0000:00/0000:00:01.0"


def test_a_port_that_may_not_sleep_makes_sleep_less_deep():
    for name, text, reason in (("power/control", "on\n", "port"),
                               ("d3cold_allowed", "0\n", "d3cold")):
        with e2e.place() as place:
            root = laptop(place, "suspended")
            e2e.write(root / f"{NVIDIA}.0/power_state", "D3hot\n")
            assert reason not in reasons(root)
            e2e.write(root / f"{PORT}/{name}", text)
            found = reasons(root)[reason]
            assert found["keeps-awake"] is False and "0000:00:01.0" in found["what"], found
            assert found["do"].endswith(f" > /sys/bus/pci/devices/0000:00:01.0/{name}"), found
            e2e.write(root / f"{NVIDIA}.0/power_state", "D3cold\n")
            assert reason not in reasons(root), "it is without power all the same"


def test_what_the_driver_beyond_is_left_in_doubt_of_is_said_in_spite_of_the_port():
    with e2e.place() as place:
        root = laptop(place)
        e2e.write(root / f"{NVIDIA}.0/power_state", "D0\n")
        e2e.write(root / f"{PORT}/power/control", "on\n")
        assert {"port", "driver"} <= set(reasons(root))


def test_a_gpu_without_runtime_power_management_is_said_to_have_none():
    with e2e.place() as place:
        root = laptop(place)
        driver(root, "nouveau")
        assert "unsupported" not in reasons(root)
        e2e.write(root / f"{NVIDIA}.0/power/runtime_status", "unsupported\n")
        assert "nouveau, has no runtime power" in reasons(root)["unsupported"]["what"]
        driver(root, "")
        assert reasons(root)["unsupported"]["what"] == "it has no runtime power management"
        (root / f"{NVIDIA}.0/power/runtime_status").unlink()
        assert "unknown" in reasons(root) and ask(root)["asleep"] is None


def test_an_error_of_power_management_is_named():
    check(lambda root: e2e.write(root / f"{NVIDIA}.0/power/runtime_status", "error\n"), "error")


def test_vfio_that_keeps_idle_devices_awake_is_named():
    with e2e.place() as place:
        root = laptop(place)
        driver(root, "vfio-pci")
        assert "module" not in reasons(root), reasons(root)
        e2e.write(root / "sys/module/vfio_pci/parameters/disable_idle_d3", "Y\n")
        assert "disable_idle_d3=0" in reasons(root)["module"]["do"]


def test_nvidias_settings_are_told_apart():
    power = "proc/driver/nvidia/gpus/0000:01:00.0/power"
    for text, cure in (("Disabled by default", "firmware"), ("Disabled", "=0x02'"),
                       ("Not supported", "nothing"), ("Not Supported", "nothing")):
        with e2e.place() as place:
            root = laptop(place)
            e2e.write(root / power, f"Runtime D3 status:          {text}\nVideo Memory: Active\n")
            assert cure in reasons(root)["module"]["do"], reasons(root)
    for text in ("Enabled (fine-grained)", "?"):
        with e2e.place() as place:
            root = laptop(place)
            e2e.write(root / power, f"Runtime D3 status:          {text}\n")
            assert "module" not in reasons(root), reasons(root)


def test_drivers_that_do_not_tell_are_known_by_their_parameter_and_debian_by_its_module():
    with e2e.place() as place:
        root = laptop(place)
        e2e.write(root / "proc/driver/nvidia/params", "Foo: 1\nDynamicPowerManagement: 0\n")
        assert "options nvidia NVreg" in reasons(root)["module"]["do"], reasons(root)
        e2e.write(root / "proc/sys/kernel/osrelease", "6.1.0-31-amd64\n")
        e2e.write(root / "lib/modules/6.1.0-31-amd64/modules.dep",
                  "updates/dkms/nvidia-current.ko:\nupdates/dkms/nvidia-current-drm.ko:\n")
        assert "options nvidia-current NVreg" in reasons(root)["module"]["do"]
        e2e.write(root / "etc/NIXOS", "")
        assert "> /etc" not in reasons(root)["module"]["do"], reasons(root)
        assert "boot.extraModprobeConfig" in reasons(root)["module"]["do"], reasons(root)
        e2e.write(root / f"{NVIDIA}.1/power/control", "on\n")
        said = e2e.run(NV_GPU, "awake", "nvidia", "--sysroot", root).stdout
        assert "to keep it so, services.udev.extraRules in configuration.nix: ACTION" in said, said
        (root / "etc/NIXOS").unlink()
        said = e2e.run(NV_GPU, "awake", "nvidia", "--sysroot", root).stdout
        assert "to keep it so, a file in /etc/udev/rules.d: ACTION" in said, said


def test_coarse_runtime_d3_matters_to_a_gpu_that_is_held():
    with e2e.place() as place:
        root = laptop(place)
        e2e.write(root / "proc/driver/nvidia/gpus/0000:01:00.0/power",
                  "Runtime D3 status:          Enabled (coarse-grained)\n")
        assert "coarse" not in reasons(root)
        process(root, 10, "game", ["/dev/nvidia0"])
        assert "coarse" in reasons(root)


def test_a_framebuffer_that_no_console_is_on_keeps_nothing_awake():
    with e2e.place() as place:
        root = laptop(place)
        e2e.write(root / f"{NVIDIA}.0/graphics/fb1/dev", "29:1\n")
        e2e.write(root / "sys/class/graphics/fb0/dev", "29:0\n")
        e2e.write(root / "sys/class/vtconsole/vtcon1/name", "(M) frame buffer device\n")
        e2e.write(root / "sys/class/vtconsole/vtcon1/bind", "1\n")
        assert "console" not in reasons(root)
        e2e.write(root / "proc/cmdline", "quiet fbcon=map:1\n")
        assert "console" in reasons(root)


def test_devices_below_it_that_are_awake_are_counted():
    with e2e.place() as place:
        root = laptop(place)
        e2e.write(root / f"{NVIDIA}.0/power/runtime_active_kids", "2\n")
        assert "2 devices of its own are awake" in reasons(root)["children"]["what"]


def test_garbage_in_sys_harms_nothing():
    with e2e.place() as place:
        root = laptop(place)
        for name in ("runtime_status", "control", "runtime_usage"):
            e2e.write(root / f"{NVIDIA}.0/power/{name}", os.urandom(5000))
        e2e.write(root / f"{NVIDIA}.0/d3cold_allowed", "")
        result = e2e.run(NV_GPU, "awake", "--json", "--sysroot", root)
        assert result.returncode == 0, result.stderr
        json.loads(result.stdout)


def test_every_machine_answers():
    for name in machines.names():
        with e2e.place() as place:
            root = machines.unpack(name, place / "machine")
            result = e2e.run(NV_GPU, "awake", "--json", "--sysroot", root)
            assert result.returncode == 0, (name, result.stderr)
            json.loads(result.stdout)


def watch(sign):
    """A watch that sees a game wake the GPU; what it wrote."""
    with e2e.place() as place:
        root = laptop(place, "suspended")
        process(root, 9, "compositor", ["/dev/nvidia0"])
        with subprocess.Popen([NV_GPU, "awake", "nvidia", "--watch", "--json", "--sysroot", root],
                              stdout=subprocess.PIPE, text=True, env=e2e.environment()) as child:
            lines = [json.loads(child.stdout.readline())]
            process(root, 10, "game", ["/dev/nvidia0"])
            # As the kernel does it: the attribute stays the same file.
            (root / f"{NVIDIA}.0/power/runtime_status").write_text("active\n")
            lines.append(json.loads(child.stdout.readline()))
            child.send_signal(sign)
            assert child.wait(10) == 0
        return lines


def test_a_watch_names_what_is_new_and_ends_on_a_signal():
    for sign in (signal.SIGINT, signal.SIGTERM):
        first, second = watch(sign)
        assert (first["event"], first["by"]) == ("asleep", []), first
        assert second["event"] == "awake", second
        assert [x["name"] for x in second["by"]] == ["game"], second


def watched(root, change, *words):
    """What a watch writes of a GPU that slept and was woken, and how it ends when that is gone."""
    status = root / f"{NVIDIA}.0/power/runtime_status"
    with subprocess.Popen([NV_GPU, "awake", "nvidia", "--watch", *words, "--sysroot", root],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=e2e.environment()) as child:
        lines = [child.stdout.readline()]
        change(root)
        status.write_text("active\n")
        lines.append(child.stdout.readline())
        # An attribute of a device that went reads as nothing.
        status.write_text("")
        lines.append(child.stdout.readline())
        assert child.wait(10) == 1, lines
        assert "every GPU that was watched is gone" in child.stderr.read()
    return lines


def fdinfo(ns):
    return f"drm-pdev:\t0000:01:00.0\ndrm-client-id:\t1\ndrm-engine-gfx:\t{ns} ns\n"


def test_a_watch_suspects_those_that_held_the_gpu_before_and_those_whose_engines_ran():
    with e2e.place() as place:
        root = laptop(place, "suspended")
        process(root, 9, "compositor", ["/dev/nvidia0"])
        first, second, third = watched(root, lambda root: None)
        assert first.endswith(" 0000:01:00.0 asleep\n"), first
        assert "awake: by one that had it open before, compositor (9); or by the" in second, second
        assert third.endswith(" 0000:01:00.0 gone\n"), third
    for name, new in (("by", 500), ("held-before", 100)):
        with e2e.place() as place:
            root = laptop(place, "suspended")
            one = process(root, 9, "compositor", ["/dev/dri/card0"], fdinfo={0: fdinfo(100)})
            lines = watched(root, lambda root: e2e.write(one / "fdinfo/0", fdinfo(new)), "--json")
            found = json.loads(lines[1])
            assert [x["name"] for x in found[name]] == ["compositor"], found
            assert len(found["by"]) + len(found["held-before"]) == 1, found


def test_a_watch_says_so_when_nobody_is_there_to_suspect():
    with e2e.place() as place:
        lines = watched(laptop(place, "suspended"), lambda root: None)
        assert "awake: by the kernel, or by what has let go of it already" in lines[1], lines


def test_a_process_that_got_a_holders_number_is_new_to_the_watch():
    with e2e.place() as place:
        root = laptop(place, "suspended")
        one = process(root, 9, "old", ["/dev/nvidia0"])
        stat = "9 (x) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {} 0 0\n"
        e2e.write(one / "stat", stat.format(100))

        def again(root):
            e2e.write(one / "stat", stat.format(200))
            e2e.write(one / "comm", "new\n")
        assert ": woken by new (9)" in watched(root, again)[1]


if __name__ == "__main__":
    e2e.tap.run(e2e.tests(globals()))
