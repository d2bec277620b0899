# SPDX-License-Identifier: MIT
"""What awake tells to do about a process: how it lets go, and how it is kept off from then on."""
import os

import e2e
import machines
from awake import laptop, reasons
from ps import process


def held_by(root, name="app", fds=("/dev/nvidia0",), exe=None, environ="", **more):
    """The reason that a process of a desktop session is."""
    more.setdefault("cgroup", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/"
                              "app-gnome-app-7.scope\n")
    one = process(root, 10, name, fds, **more)
    if exe:
        os.symlink(exe, one / "exe")
    e2e.write(one / "environ", environ)
    return reasons(root)["holder"]


def kept_off(**more):
    with e2e.place() as place:
        return held_by(laptop(place), **more)["later"]


def test_a_program_that_egl_leads_to_the_gpu_is_pinned_by_a_rule():
    later = kept_off(exe="/usr/bin/gnome-app")
    assert later.endswith("\n[gnome-app]\ngpu = integrated"), later
    assert "nv-run" in later and "Mesa's EGL vendor" in later, later
    for exe, name in (("/usr/bin/python3.11", "app"), ("/nix/store/x/bin/.foo-wrapped", "foo"),
                      ("/usr/bin/foo (deleted)", "foo"), (None, "app")):
        assert f"\n[{name}]\n" in kept_off(exe=exe), exe
    # And nv-run takes the rule.
    with e2e.place() as place:
        path = e2e.write(place / "50-egl.conf", "\n".join(later.split("\n")[1:]) + "\n")
        result = e2e.nv_run("--check", path)
        assert result.returncode == 0, result.stderr


def test_a_flatpak_is_kept_off_by_masking_nvidias_runtime():
    later = kept_off(cgroup="0::/user.slice/user-1000.slice/user@1000.service/app.slice/"
                            "app-flatpak-org.gnome.Maps-4711.scope\n")
    assert "from org.gnome.Maps" in later, later
    assert "flatpak mask 'org.freedesktop.Platform.GL*.nvidia-*'" in later, later
    assert later.endswith("org.freedesktop.Platform.GL.nvidia-550-163-01"), later


def test_who_is_there_on_purpose_is_not_told_to_stay_away():
    assert kept_off(environ="A=1\0__NV_PRIME_RENDER_OFFLOAD=1\0") is None
    assert kept_off(environ="A=1\0__NV_PRIME_RENDER_OFFLOAD=\0") is not None
    assert kept_off(fds=["/dev/nvidia0"], cgroup="0::/system.slice/ollama.service\n") is None
    with e2e.place() as place:
        root = laptop(place)
        e2e.write(root / "proc/devices", "510 nvidia-uvm\n")
        assert held_by(root, fds=["/dev/nvidia0", "/dev/nvidia-uvm"])["later"] is None


def test_where_there_is_no_other_gpu_nobody_is_told_to_use_it():
    with e2e.place() as place:
        root = machines.unpack("desktop-nvidia-only", place / "machine")
        card = next((root / "sys/class/drm").glob("card*-*"), None)
        if card:
            e2e.write(root / "sys/class/drm" / os.readlink(card) / "status", "disconnected\n")
        assert held_by(root)["later"] is None


def test_each_is_told_to_let_go_in_its_own_way():
    session = "0::/user.slice/user-1000.slice/session-2.scope\n"
    for more, cure in (
            ({"cgroup": "0::/system.slice/ollama.service\n"}, "systemctl stop ollama.service"),
            ({"cgroup": "0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.service\n"},
             "systemctl --user stop x.service"),
            ({"cgroup": "0::/system.slice/docker-" + "0123456789ab" * 5 + "0123.scope\n"},
             "stop the container docker 0123456789ab"),
            ({"cgroup": session}, "end it (kill 10)"),
            ({"name": "Xorg", "cgroup": session}, "AutoAddGPU"),
            ({"name": "gnome-shell"}, "mutter-device-ignore"),
            ({"name": "kwin_wayland"}, "KWIN_DRM_DEVICES=/dev/dri/card1"),
            ({"name": "sway", "cgroup": session}, "WLR_DRM_DEVICES=/dev/dri/card1"),
            ({"name": "swayidle", "cgroup": session}, "end it (kill 10)"),
            ({"name": "systemd-logind", "cgroup": "0::/system.slice/systemd-logind.service\n"},
             "nothing: it has it for the compositor"),
            ({"name": "nvtop", "cgroup": session}, "asks NVIDIA's library")):
        with e2e.place() as place:
            found = held_by(laptop(place), **more)
            assert cure in found["do"], (more, found)


if __name__ == "__main__":
    e2e.tap.run(e2e.tests(globals()))
