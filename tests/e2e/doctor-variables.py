# SPDX-License-Identifier: MIT
"""nv-gpu doctor: what it says of variables that are set for whole sessions."""
import json
import os
import shutil
import stat

import doctor_cases
import e2e
from doctor_cases import case

LAPTOP, DESKTOP, NVIDIA = "laptop-intel-nvidia", "desktop-nvidia-boot", "desktop-nvidia-only"
LIB = "/usr/lib/x86_64-linux-gnu"
EGL, ICD = "/usr/share/glvnd/egl_vendor.d", "/usr/share/vulkan/icd.d"
ENV = "/etc/environment"
HOME = {"/etc/passwd": "user:x:1000:1000::/home/user:/bin/bash\n"}


def set_in(path, text, verdict, expected, sentence, machine=LAPTOP, **more):
    edits = {path: text, **(HOME if path.startswith("/home/user/") else {}), **more}
    return case("session-variables", sentence, machine, edits, verdict, expected)


CASES = [
    # What names a driver.
    set_in(ENV, "# mine\nGBM_BACKEND=nvidia-drm\n", "problem", "/etc/environment:2: GBM_BACKEND",
           "NVIDIA's backend for GBM on a laptop"),
    set_in(ENV, "#GBM_BACKEND=nvidia-drm\n", "ok", "none", "a remark"),
    set_in(ENV, "GBM_BACKEND=nvidia-drm\n", "note", "Mesa 21.2",
           "NVIDIA's backend for GBM with NVIDIA alone", NVIDIA),
    set_in(ENV, "LIBVA_DRIVER_NAME=nvidia\n", "problem", "Video",
           "NVIDIA's decoder on a laptop"),
    set_in(ENV, "LIBVA_DRIVER_NAME=nvidia\n", "ok", "no harm", "NVIDIA's decoder with NVIDIA alone",
           NVIDIA),
    set_in(ENV, "LIBVA_DRIVER_NAME=iHD\n", "note", "Video", "the decoder of the desktop's GPU"),
    set_in(ENV, "LIBVA_DRIVER_NAME=nvidia\n", "problem", "nvidia_drv_video.so",
           "a decoder that is not installed", NVIDIA, **{f"{LIB}/libva.so.2": ""}),
    set_in(ENV, 'export __GLX_VENDOR_LIBRARY_NAME="nvidia"\n', "problem", "BadValue",
           "NVIDIA's GLX on a laptop"),
    set_in(ENV, "__GLX_VENDOR_LIBRARY_NAME=nvidia\n", "note", "BadValue",
           "NVIDIA's GLX where NVIDIA has the desktop", DESKTOP),
    set_in(ENV, "__GLX_VENDOR_LIBRARY_NAME=nvidia\n", "problem", "No GPU here",
           "NVIDIA's GLX without NVIDIA", "laptop-intel-dg2"),
    set_in(ENV, "__GLX_VENDOR_LIBRARY_NAME=mesa\n", "note", "BadValue", "Mesa's GLX on a laptop"),
    set_in(ENV, "VDPAU_DRIVER=nvidia\n", "problem", "players", "NVIDIA's VDPAU on a laptop"),
    set_in(ENV, "MESA_LOADER_DRIVER_OVERRIDE=zink\n", "note", "Mesa draws", "zink for all"),
    set_in(ENV, "MESA_LOADER_DRIVER_OVERRIDE=zink\n", "ok", "no harm",
           "zink for all without Mesa's GPUs", NVIDIA),
    set_in(ENV, "GALLIUM_DRIVER=llvmpipe\n", "problem", "CPU", "drawing on the CPU"),
    set_in(ENV, "LIBGL_ALWAYS_SOFTWARE=true\n", "problem", "CPU", "software alone"),
    set_in(ENV, "LIBGL_ALWAYS_SOFTWARE=0\n", "ok", "no harm", "software alone, turned off"),
    # What sends programs to a GPU.
    set_in(ENV, "DRI_PRIME=1\n", "problem", "gpu = discrete", "DRI_PRIME on a laptop",
           "laptop-amd-amd"),
    set_in(ENV, "DRI_PRIME=1\n", "note", "no other GPU", "DRI_PRIME with one GPU", NVIDIA),
    set_in(ENV, "DRI_PRIME=0\n", "note", "complaint", "DRI_PRIME of 0"),
    set_in(ENV, "__NV_PRIME_RENDER_OFFLOAD=1\n", "problem", "gpu = nvidia",
           "render offload on a laptop"),
    set_in(ENV, "__NV_PRIME_RENDER_OFFLOAD=0\n", "ok", "no harm", "render offload, turned off"),
    set_in(ENV, "__NV_PRIME_RENDER_OFFLOAD=1\n", "note", "NVIDIA's driver has no GPU",
           "render offload without NVIDIA", "laptop-amd-amd"),
    set_in(ENV, "MESA_VK_DEVICE_SELECT=list\n", "problem", "ends every Vulkan program",
           "Mesa's list", NVIDIA),
    # What lists files, filters and devices.
    set_in(ENV, f"VK_ICD_FILENAMES={ICD}/gone.json\n", "problem", "gone.json is not there",
           "a manifest that is not there"),
    set_in(ENV, f"VK_DRIVER_FILES={ICD}/nvidia_icd.json\n", "problem", "hides the drivers of Intel",
           "NVIDIA's manifest alone on a laptop"),
    set_in(ENV, f"VK_DRIVER_FILES={ICD}/intel_icd.x86_64.json\n", "note",
           "hides the drivers of NVIDIA", "the desktop's manifest alone on a laptop"),
    set_in(ENV, f"VK_DRIVER_FILES={ICD}/nvidia_icd.json\n", "ok", "no harm",
           "NVIDIA's manifest with NVIDIA alone", NVIDIA),
    set_in(ENV, "VK_LOADER_DRIVERS_SELECT=*nvidia*\n", "problem", "hides the drivers of Intel",
           "a filter that leaves NVIDIA"),
    set_in(ENV, "VK_LOADER_DRIVERS_DISABLE=*nvidia*\n", "note", "hides the drivers of NVIDIA",
           "a filter that hides NVIDIA"),
    set_in(ENV, "VK_LOADER_DRIVERS_DISABLE=*radeon*\n", "ok", "no harm",
           "a filter that hides nothing"),
    set_in(ENV, "__EGL_VENDOR_LIBRARY_FILENAMES=\n", "problem", "empty", "an empty list for EGL"),
    set_in(ENV, f"__EGL_VENDOR_LIBRARY_FILENAMES={EGL}/50_mesa.json\n", "note", "NVIDIA",
           "Mesa's EGL alone, to let the card sleep"),
    set_in(ENV, f"__EGL_VENDOR_LIBRARY_FILENAMES={EGL}/10_nvidia.json\n", "problem", "Intel",
           "NVIDIA's EGL alone"),
    set_in(ENV, "LIBVA_DRIVERS_PATH=/opt/va\n", "problem", "/opt/va is not there",
           "a directory that is not there"),
    set_in(ENV, "LIBVA_DRIVERS_PATH=$HOME/va\n", "note", "elsewhere",
           "a directory that is not known"),
    set_in(ENV, "VK_LOADER_LAYERS_DISABLE=VK_LAYER_NV*\n", "problem", "layer", "NVIDIA's layer off"),
    set_in(ENV, "VK_LOADER_LAYERS_DISABLE=VK_LAYER_NV*\n", "ok", "no harm",
           "NVIDIA's layer off with NVIDIA alone", NVIDIA),
    set_in(ENV, "DISABLE_LAYER_NV_OPTIMUS_1=\n", "problem", "whatever the value",
           "NVIDIA's layer off by its own switch"),
    set_in(ENV, "WLR_DRM_DEVICES=/dev/dri/card7:/dev/dri/card1\n", "problem", "no card7",
           "a card that is not there"),
    set_in(ENV, "AQ_DRM_DEVICES=/dev/dri/card1\n", "problem", "boot to boot", "a card by number"),
    set_in(ENV, "AQ_DRM_DEVICES=/dev/dri/card0\n", "ok", "no harm",
           "the only card by its number", NVIDIA),
    set_in(ENV, "WLR_DRM_DEVICES=/dev/dri/by-path/pci-0000:01:00.0-card\n", "problem", "colon",
           "a card by a path with colons"),
    set_in(ENV, "KWIN_DRM_DEVICES=/dev/dri/by-path/pci-0000\\\\:01\\\\:00.0-card\n", "ok",
           "no harm", "a card by a path with escaped colons"),
    set_in(ENV, "CUDA_VISIBLE_DEVICES=-1\n", "problem", "hides all", "no GPU for CUDA"),
    set_in(ENV, "CUDA_VISIBLE_DEVICES=GPU-12345678\n", "problem", "GPU-12345678",
           "a UUID that is not here"),
    set_in(ENV, "CUDA_VISIBLE_DEVICES=GPU-6b1d64ac\n", "note", "every program",
           "a UUID that is here"),
    set_in(ENV, "NVD_BACKEND=egl\n", "problem", "525", "a backend that does not work"),
    set_in(ENV, "NVD_BACKEND=direct\n", "ok", "no harm", "a backend that works"),
    # Where it is set.
    set_in("/etc/profile.d/nvidia.sh", "export DRI_PRIME=1 # fast\n", "problem",
           "/etc/profile.d/nvidia.sh:1", "a shell's file"),
    set_in("/etc/profile.d/nvidia.sh", "DRI_PRIME=1\n\nexport DRI_PRIME\n", "problem", ":1",
           "a shell's file that exports later"),
    set_in("/etc/profile.d/nvidia.sh", "DRI_PRIME=1\nDRI_PRIME=1 glxgears\n", "ok", "none",
           "a shell's file that exports nothing"),
    set_in("/etc/profile.d/nvidia.sh", "prime() {\n  export DRI_PRIME=1\n  \"$@\"\n}\n"
           "alias p='DRI_PRIME=1 '\n", "ok", "none", "a function and an alias"),
    set_in("/etc/profile.d/nvidia.sh", "prime() {\n  :\n}\nexport DRI_PRIME=1\n", "problem", ":4",
           "a line behind a function"),
    set_in("/etc/profile.d/nvidia.sh", "[ -d /sys ] && export A=1 DRI_PRIME=1\n", "problem",
           "take it out of /etc/profile.d/nvidia.sh, line 1", "a line that does more"),
    set_in("/etc/profile.d/nvidia.csh", "export DRI_PRIME=1\n", "ok", "none", "another shell's"),
    set_in("/etc/environment.d/a.conf", "DRI_PRIME=1\n", "problem", "a.conf:1", "environment.d"),
    set_in("/usr/lib/environment.d/a.conf", "DRI_PRIME=1\n", "problem",
           "ln -s /dev/null /etc/environment.d/a.conf", "a package's environment.d"),
    set_in("/usr/lib/environment.d/a.conf", "DRI_PRIME=1\n", "ok", "none",
           "environment.d that the administrator's hides",
           **{"/etc/environment.d/a.conf": "\n"}),
    set_in("/etc/security/pam_env.conf", "DRI_PRIME DEFAULT=1 OVERRIDE=\"2\"\n", "problem",
           "pam_env.conf:1: DRI_PRIME=2", "pam_env.conf"),
    set_in("/etc/systemd/user.conf.d/a.conf", "[Manager]\nDefaultEnvironment=A=1 \"DRI_PRIME=1\"\n",
           "problem", "a.conf:2", "systemd's user.conf"),
    set_in("/etc/X11/Xsession.d/90nvidia", "export DRI_PRIME=1\n", "problem", "90nvidia:1",
           "Debian's Xsession.d"),
    set_in("/home/user/.config/environment.d/a.conf", "DRI_PRIME=1\n", "problem", "a.conf:1",
           "a home's environment.d"),
    set_in("/home/user/.zshenv", "typeset -gx DRI_PRIME=1\n", "problem", ".zshenv:1",
           "a home's zsh"),
    set_in("/home/user/.config/hypr/hyprland.conf", "env = GBM_BACKEND,nvidia-drm\n", "problem",
           "hyprland.conf:1", "Hyprland"),
    set_in("/home/user/.config/uwsm/env", "export GBM_BACKEND=nvidia-drm\n", "problem", "env:1",
           "uwsm"),
    set_in("/etc/set-environment", 'export DRI_PRIME="1"\n', "problem", "configuration.nix",
           "NixOS", "nixos-laptop", **{"/etc/NIXOS": ""}),
    set_in("/home/user/.profile", "export DRI_PRIME=1\n", "problem", "sed -i",
           "a home on NixOS", "nixos-laptop", **{"/etc/NIXOS": ""}),
    set_in(ENV, b"DRI_PRIME=1\n\0" + os.urandom(5000), "ok", "none", "a file that is no text"),
    set_in(ENV, "A" * 70000 + "=1\nDRI_PRIME=1\n", "problem", ":2", "a line without end"),
    set_in("/home/user/.bashrc", "DRI_PRIME=1 x\n" * 70000, "ok", "none", "a file without end"),
    set_in("/home/user/.profile", ("link", "/dev/null"), "ok", "none", "a link to a device"),
    set_in("/home/user/.profile", ("link", ".profile"), "ok", "none", "a link to itself"),
    set_in("/home/user/.profile", ("directory",), "ok", "none", "a directory"),
]


def test_a_file_linked_from_environment_d_is_told_of_once():
    with e2e.place() as place:
        root = doctor_cases.machine(LAPTOP, place / "machine", {
            ENV: "DRI_PRIME=1\n",
            "/usr/lib/environment.d/99-environment.conf": ("link", "../../../etc/environment")})
        found = doctor_cases.findings(root, "session-variables")
        assert len(found) == 1 and f"{ENV}:1" in found[0]["what"], found


def test_variables_are_taken_out_of_files_and_put_back():
    texts = {ENV: "A=1\nGBM_BACKEND=nvidia-drm\nB=2\n__GLX_VENDOR_LIBRARY_NAME=nvidia",
             "/etc/profile.d/a.sh": "if true; then\n\texport DRI_PRIME=1\nfi\n",
             "/etc/profile.d/b.sh": "export A=1\n"}
    with e2e.place() as place:
        root = doctor_cases.machine(LAPTOP, place / "machine", texts)
        before = doctor_cases.tree(root)
        found = doctor_cases.doctor(root, "--fix", "--only", "session-variables")
        assert not [x for x in found["findings"] if x["verdict"] == "problem"], found
        assert (root / ENV[1:]).read_text() == (
            "A=1\n#nv-gpu: GBM_BACKEND=nvidia-drm\nB=2\n"
            "#nv-gpu: __GLX_VENDOR_LIBRARY_NAME=nvidia")
        script = root / "etc/profile.d/a.sh"
        assert script.read_text() == "if true; then\n: #nv-gpu: \texport DRI_PRIME=1\nfi\n"
        assert e2e.run("sh", "-n", script).returncode == 0
        assert (root / "etc/profile.d/b.sh").read_text() == texts["/etc/profile.d/b.sh"]
        assert doctor_cases.doctor(root, "--undo")["status"] == 0
        assert doctor_cases.tree(root) == before


def test_the_commands_that_people_are_told_do_what_fix_does():
    text = "A=1\nGBM_BACKEND=nvidia-drm\n__GLX_VENDOR_LIBRARY_NAME=nvidia\n"
    with e2e.place() as place:
        root = doctor_cases.machine(LAPTOP, place / "machine", {ENV: text})
        for one in doctor_cases.findings(root, "session-variables"):
            command = one["do"].splitlines()[0].replace(ENV, str(root / ENV[1:]))
            assert e2e.run("sh", "-c", command).returncode == 0, command
        by_hand = (root / ENV[1:]).read_text()
        (root / ENV[1:]).write_text(text)
        doctor_cases.doctor(root, "--fix", "--only", "session-variables")
        assert by_hand == (root / ENV[1:]).read_text()


def test_one_variable_is_taken_out_and_put_back():
    doctor_cases.fix_and_undo("session-variables", LAPTOP, {ENV: "DRI_PRIME=1\n"}, [ENV])


def test_of_homes_that_others_own_the_lines_are_only_told():
    if os.geteuid() != 0:
        raise e2e.tap.Skip("needs root")
    with e2e.place() as place:
        root = doctor_cases.machine(LAPTOP, place / "machine", {
            "/home/user/.profile": "export DRI_PRIME=1\n", **HOME})
        os.chown(root / "home/user", 1000, 1000)
        found = doctor_cases.findings(root, "session-variables")
        assert found[0]["changes"] == [] and "line 1" in found[0]["do"], found


def this_machine(**environment):
    result = e2e.run(doctor_cases.NV_GPU, "doctor", "--json", "-v", "--only", "session-variables",
                     env=e2e.environment(**environment))
    assert result.returncode in (0, 1) and not result.stderr, result
    return json.loads(result.stdout)["findings"]


def test_ones_own_environment_counts():
    found = [x for x in this_machine(MESA_VK_DEVICE_SELECT="list")
             if "MESA_VK_DEVICE_SELECT=list" in x["what"]]
    assert [x["verdict"] for x in found] == ["problem"], found
    assert "this session" in found[0]["what"] and "unset" in found[0]["do"], found


def test_what_nv_run_set_for_a_child_is_no_fault():
    found = this_machine(MESA_VK_DEVICE_SELECT="list", NV_RUN_SAVED="1")
    assert not [x for x in found if "MESA_VK_DEVICE_SELECT" in x["what"]], found


def manager(place, script):
    """A user manager that systemctl can ask; the script is systemctl."""
    e2e.write(place / "run/systemd/private", "")
    e2e.write(place / "bin/systemctl", "#!/bin/sh\n" + script).chmod(0o755)
    return {"XDG_RUNTIME_DIR": str(place / "run"), "PATH": f"{place}/bin:{e2e.PATH}"}


def test_the_user_manager_is_asked():
    with e2e.place() as place:
        found = this_machine(**manager(place, """
[ "$*" = "--user --no-pager show-environment" ] || exit 1
echo LANG=C
echo "MESA_VK_DEVICE_SELECT=\\$'list'"
"""))
        found = [x for x in found if "MESA_VK_DEVICE_SELECT=list" in x["what"]]
        assert [x["verdict"] for x in found] == ["problem"], found
        assert found[0]["do"].startswith("systemctl --user unset-environment"), found


def test_a_user_manager_that_hangs_fails_or_floods_is_left_alone():
    with e2e.place() as place:
        for script in ("exec sleep 60", "exit 1", "exec yes MESA_VK_DEVICE_SELECT=list"):
            found = this_machine(**manager(place, script))
            assert not [x for x in found if "MESA_VK_DEVICE_SELECT" in x["what"]], script


def test_no_manager_is_started_to_be_asked():
    with e2e.place() as place:
        environment = manager(place, f"touch {place}/asked")
        (place / "run/systemd/private").unlink()
        this_machine(**environment)
        assert not (place / "asked").exists()
        root = doctor_cases.machine(LAPTOP, place / "machine")
        environment = manager(place, f"touch {place}/asked")
        doctor_cases.findings(root, "session-variables", env=environment)
        assert not (place / "asked").exists(), "a recording has no manager of this machine"


def test_files_that_may_not_be_read_are_unknown():
    with e2e.place() as place:
        root = doctor_cases.machine(LAPTOP, place / "machine", {"/etc/profile": "export A=1\n"})
        os.chmod(root / "etc/profile", stat.S_IWUSR)
        # Nothing is kept from root. The tests' own place may be.
        program = place / "nv-gpu"
        shutil.copy(doctor_cases.NV_GPU, program)
        nobody = {} if os.geteuid() else {"user": 65534, "group": 65534, "extra_groups": []}
        result = e2e.run(program, "doctor", "--json", "--only", "session-variables", "--sysroot",
                         root, **nobody)
        found = json.loads(result.stdout)["findings"]
        assert [x["verdict"] for x in found] == ["unknown"] and "root" in found[0]["what"], found


if __name__ == "__main__":
    doctor_cases.run_cases(CASES, e2e.tests(globals()))
