# SPDX-License-Identifier: MIT
"""nv-gpu doctor as a whole: every check has a case that fires and one that does not."""
import fcntl
import importlib.util
import json
import os
import pathlib
import shutil

import doctor_cases
import e2e
import machines

HERE = pathlib.Path(__file__).resolve().parent
NV_GPU = doctor_cases.NV_GPU
BROKEN = "doctor-laptop-broken"
STATE = "var/lib/nv-gpu/doctor"
MODESET = "etc/modprobe.d/zz-nv-gpu-modeset.conf"
CONTROL = "sys/devices/pci0000:00/0000:00:01.0/0000:01:00.1/power/control"


def tables():
    """All cases of the files doctor-*.py."""
    cases = []
    for path in sorted(HERE.glob("doctor-*.py")):
        spec = importlib.util.spec_from_file_location(path.stem.replace("-", "_"), path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        cases += [doctor_cases.full(case) for case in module.CASES]
    return cases


def names():
    """The rows of the table, as the program has them."""
    result = e2e.run(NV_GPU, "doctor", "--only", "nonsense")
    assert result.returncode == 2, result
    assert not result.stdout, result
    return result.stderr.split("there are ", 1)[1].strip().split(", ")


def test_every_check_has_a_case_that_fires_and_one_that_does_not():
    missing = []
    cases = tables()
    for name in names():
        verdicts = {case[4] for case in cases if case[0] == name}
        if not verdicts & set(doctor_cases.FIRES):
            missing.append(f"{name} never fires")
        if not verdicts & set(doctor_cases.QUIET):
            missing.append(f"{name} is never quiet")
    assert not missing, missing


def test_every_case_is_of_a_check_that_there_is():
    assert not {case[0] for case in tables()} - set(names())


def test_every_check_answers_on_every_machine():
    for name in machines.names():
        with e2e.place() as place:
            found = doctor_cases.doctor(machines.unpack(name, place / "machine"))
            assert {x["check"] for x in found["findings"]} == set(names()), name
            for one in found["findings"]:
                assert one["what"] and one["about"], one
                assert one["verdict"] in doctor_cases.QUIET or one["why"], one


def test_every_check_answers_on_this_machine():
    result = e2e.run(NV_GPU, "doctor", "--json")
    assert result.returncode in (0, 1), result
    assert {x["check"] for x in json.loads(result.stdout)["findings"]} == set(names())


def test_every_check_answers_where_there_is_nothing_at_all():
    with e2e.place() as place:
        root = place / "empty"
        root.mkdir()
        found = doctor_cases.doctor(root)
        assert found["status"] == 0, doctor_cases.show(found)
        assert {x["check"] for x in found["findings"]} == set(names())


def fix(root, *words):
    return doctor_cases.doctor(root, "--fix", *words)


def undo(root, *words):
    return doctor_cases.doctor(root, "--undo", *words)


def test_looking_changes_nothing():
    with e2e.place() as place:
        root = doctor_cases.machine(BROKEN, place / "machine")
        before = doctor_cases.tree(root)
        assert doctor_cases.doctor(root)["status"] == 1
        assert doctor_cases.tree(root) == before


def test_all_fixes_are_done_once_and_undone_without_a_trace():
    with e2e.place() as place:
        root = doctor_cases.machine(BROKEN, place / "machine")
        before = doctor_cases.tree(root)
        promised = [x["path"] for one in doctor_cases.doctor(root)["findings"]
                    for x in one["changes"]]
        first = fix(root)
        assert len({x["what"] for x in first["done"]}) == len(set(promised)), first["done"]
        after = doctor_cases.tree(root)
        assert fix(root)["done"] == []
        assert doctor_cases.tree(root) == after
        assert not [x for x in first["findings"] if x["changes"]], first
        assert undo(root)["status"] == 0
        assert doctor_cases.tree(root) == before
        assert undo(root)["done"] == []


def test_what_is_done_is_told_with_the_way_back():
    with e2e.place() as place:
        root = doctor_cases.machine(BROKEN, place / "machine")
        text = e2e.run(NV_GPU, "doctor", "--fix", "--sysroot", root).stdout
        assert f"done     drm-modeset: wrote /{MODESET}\n         back rm /{MODESET}\n" in text
        assert "All of it back: nv-gpu doctor --undo\n" in text, text
        text = e2e.run(NV_GPU, "doctor", "--fix", "--sysroot", root).stdout
        assert text.startswith("There is nothing that --fix can do.\n"), text
        text = e2e.run(NV_GPU, "doctor", "--undo", "--sysroot", root).stdout
        assert f"done     drm-modeset: put back /{MODESET}\n" in text, text
        text = e2e.run(NV_GPU, "doctor", "--undo", "--sysroot", root).stdout
        assert text == "There is nothing to put back.\n", text


def test_the_commands_told_do_what_fix_does():
    """Run in the tree itself, with its paths for those of the machine."""
    with e2e.place() as place:
        root = doctor_cases.machine(BROKEN, place / "machine")
        other = doctor_cases.machine(BROKEN, place / "other")
        for check in ("drm-modeset", "runtime-pm", "competing", "powerd"):
            for one in doctor_cases.findings(root, check):
                script = one["do"]
                for folder in ("etc", "sys"):
                    script = script.replace(f" /{folder}/", f" {root}/{folder}/")
                lines = [x for x in script.split("\n")
                         if not x.startswith(("update-initramfs", "systemctl"))]
                result = e2e.run("sh", "-ec", "\n".join(lines))
                assert result.returncode == 0, result.stderr
            fix(other, "--only", check)
        shutil.rmtree(other / "var/lib/nv-gpu")
        by_hand, by_fix = doctor_cases.tree(root), doctor_cases.tree(other)
        differ = [(x, by_hand.get(x), by_fix.get(x)) for x in by_hand.keys() | by_fix.keys()
                  if by_hand.get(x) != by_fix.get(x)]
        assert not differ, differ


def test_a_file_that_is_replaced_comes_back_with_its_mode():
    with e2e.place() as place:
        root = doctor_cases.machine(BROKEN, place / "machine", {MODESET: "# mine\n"})
        (root / MODESET).chmod(0o640)
        before = doctor_cases.tree(root)
        done = fix(root, "--only", "drm-modeset")["done"]
        assert done[0]["back"].startswith(f"cp -p /{STATE}/"), done
        assert (root / MODESET).read_text().startswith("options ")
        assert (root / MODESET).stat().st_mode & 0o777 == 0o640
        undo(root)
        assert doctor_cases.tree(root) == before


def test_a_link_stays_and_what_it_leads_to_is_replaced():
    with e2e.place() as place:
        root = doctor_cases.machine(BROKEN, place / "machine", {
            MODESET: ("link", "/etc/alternatives/x"), "etc/alternatives/x": "# mine\n"})
        before = doctor_cases.tree(root)
        fix(root, "--only", "drm-modeset")
        assert (root / MODESET).is_symlink()
        assert (root / "etc/alternatives/x").read_text().startswith("options ")
        undo(root)
        assert doctor_cases.tree(root) == before


def test_undo_leaves_what_somebody_changed_since():
    with e2e.place() as place:
        root = doctor_cases.machine(BROKEN, place / "machine")
        fix(root)
        (root / MODESET).write_text("# mine\n")
        (root / CONTROL).write_text("something\n")
        done = undo(root)
        assert done["status"] == 1
        kept = [x["what"] for x in done["done"] if x["failed"]]
        assert len(kept) == 2 and all("changed since" in x for x in kept), kept
        assert (root / MODESET).read_text() == "# mine\n"
        # What was there before is still to be had, and the rest is back.
        assert [x for x in (root / STATE).iterdir() if x.suffix == ".before"]
        assert not (root / "etc/modprobe.d/nv-gpu-blacklist.conf").exists()
        (root / MODESET).unlink()
        (root / CONTROL).write_text("on\n")
        assert undo(root)["status"] == 0
        assert not (root / "var/lib/nv-gpu").exists()


def test_undo_can_be_limited_to_a_check():
    with e2e.place() as place:
        root = doctor_cases.machine(BROKEN, place / "machine")
        fix(root)
        done = undo(root, "--only", "drm-modeset")["done"]
        assert {x["check"] for x in done} == {"drm-modeset"}, done
        assert not (root / MODESET).exists()
        assert (root / "etc/modprobe.d/nv-gpu-blacklist.conf").exists()


def test_a_change_that_was_entered_and_not_made_is_forgotten():
    """As after a kill between the two."""
    with e2e.place() as place:
        root = doctor_cases.machine(BROKEN, place / "machine")
        before = doctor_cases.tree(root)
        fix(root, "--only", "drm-modeset")
        (root / MODESET).unlink()
        done = undo(root)
        assert (done["status"], done["done"]) == (0, []), done
        assert doctor_cases.tree(root) == before


def test_a_change_that_fails_is_said_and_leaves_nothing():
    with e2e.place() as place:
        root = doctor_cases.machine(BROKEN, place / "machine", {MODESET: ("directory",)})
        before = doctor_cases.tree(root)
        done = fix(root, "--only", "drm-modeset")
        assert done["status"] == 1 and done["done"][0]["failed"], done
        assert doctor_cases.tree(root) == before


def test_nothing_is_written_where_a_dangling_link_leads():
    with e2e.place() as place:
        root = doctor_cases.machine(BROKEN, place / "machine", {MODESET: ("link", "/nowhere")})
        assert fix(root, "--only", "drm-modeset")["done"][0]["failed"]
        assert not (root / "nowhere").exists()


def test_nixos_keeps_its_files_and_lets_attributes_be_written():
    with e2e.place() as place:
        root = doctor_cases.machine(BROKEN, place / "machine", {"etc/NIXOS": ""})
        done = fix(root, "--only", "runtime-pm")["done"]
        assert [x["failed"] for x in done if "/sys/" in x["what"]] == [False], done
        assert all("configuration.nix" in x["what"] for x in done if "/etc/" in x["what"]), done
        assert (root / CONTROL).read_text().strip() == "auto"


def test_nixos_is_told_what_configuration_nix_has():
    def advice(root, check):
        result = e2e.run(NV_GPU, "doctor", "--sysroot", root, "--only", check)
        return " ".join(result.stdout.split())

    with e2e.place() as place:
        root = doctor_cases.machine(BROKEN, place / "machine", {"etc/NIXOS": ""})
        assert ("do in configuration.nix: hardware.nvidia.modesetting.enable = true; "
                "nixos-rebuild boot; reboot") in advice(root, "drm-modeset")
        assert "boot.extraModprobeConfig = '' blacklist nouveau" in advice(root, "competing")
        power = advice(root, "runtime-pm")
        assert "echo auto > /sys/bus/pci" in power, power
        assert "services.udev.extraRules = '' # NVIDIA" in power, power
        assert ("hardware.nvidia.nvidiaPersistenced = false; nixos-rebuild switch"
                in advice(root, "persistenced"))
        suspend = advice(root, "suspend")
        assert suspend.count("hardware.nvidia.powerManagement.enable = true;") == 2, suspend
        assert "NVreg_TemporaryFilePath=/var/tmp" in suspend, suspend
        for check in ("drm-modeset", "competing", "runtime-pm", "persistenced", "suspend"):
            assert "> /etc/" not in advice(root, check) and "ln -s" not in advice(root, check)
        for unit in (root / "usr/lib/systemd/system").glob("nvidia-*.service"):
            unit.unlink()
        assert ("do in configuration.nix: hardware.nvidia.dynamicBoost.enable = true; "
                "nixos-rebuild switch") in advice(root, "powerd")
        assert "powerManagement.enable = true; nixos-rebuild switch" in advice(root, "suspend")
        (root / "etc/NIXOS").unlink()
        assert "nix" not in advice(root, "drm-modeset")
        assert "install (or unmask) nvidia-powerd.service" in advice(root, "powerd")
        root = doctor_cases.machine("doctor-leftovers", place / "leftovers", {"etc/NIXOS": ""})
        for check in ("card-removed", "leftovers"):
            told = advice(root, check)
            assert "take out what makes /etc/" in told, told
            assert "nixos-rebuild boot; reboot" in told and "update-initramfs" not in told, told
        told = advice(root, "module-blocked")
        assert "out of configuration.nix, then: nixos-rebuild boot; reboot" in told, told
        root = doctor_cases.machine("doctor-laptop-healthy", place / "healthy", {
            "etc/NIXOS": "", "/usr/share/glvnd/egl_vendor.d/10_nvidia.json": None})
        assert "hardware.graphics.enable = true;" in advice(root, "egl-vendor")


def test_two_doctors_do_not_work_at_once():
    with e2e.place() as place:
        root = doctor_cases.machine(BROKEN, place / "machine")
        fix(root, "--only", "competing")
        before = doctor_cases.tree(root)
        lock = os.open(root / STATE, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        for word in ("--fix", "--undo"):
            result = e2e.run(NV_GPU, "doctor", word, "--sysroot", root)
            assert result.returncode == 3 and "another doctor" in result.stderr, result
        os.close(lock)
        assert doctor_cases.tree(root) == before


def test_only_root_changes_this_machine():
    if os.geteuid():
        raise e2e.tap.Skip("needs root, to be somebody else")
    with e2e.place() as place:
        program = place / "nv-gpu"
        shutil.copy(NV_GPU, program)
        result = e2e.run(program, "doctor", "--undo", user=65534, group=65534, extra_groups=[])
        assert result.returncode == 3, result
        assert "only root" in result.stderr and not result.stdout, result


def test_fix_and_undo_exclude_each_other():
    result = e2e.run(NV_GPU, "doctor", "--fix", "--undo")
    assert result.returncode == 2 and "exclude each other" in result.stderr, result


def test_a_journal_of_garbage_harms_nothing():
    with e2e.place() as place:
        root = doctor_cases.machine(BROKEN, place / "machine")
        for junk in (os.urandom(50000), b"", b"\n" * 100, b"1 x file file /etc/x\n", b"1 2 3",
                     b"99999999999999999999 x nothing file /etc/x\n",
                     b"1 drm-modeset nothing directory /etc\n"):
            e2e.write(root / STATE / "journal", junk)
            for word in ("--undo", "--fix"):
                result = e2e.run(NV_GPU, "doctor", word, "--json", "--sysroot", root)
                assert result.returncode in (0, 1, 3), (junk[:40], result)
        assert (root / "etc/modprobe.d").is_dir()


def test_garbage_in_every_file_harms_nothing():
    with e2e.place() as place:
        root = doctor_cases.machine(BROKEN, place / "machine")
        files = [x for x in sorted(root.rglob("*")) if x.is_file() and not x.is_symlink()]
        for junk in (os.urandom(3000), b"", b"9" * 5000, b":" * 3000, b"\n /\n" * 1000, b"on\0off"):
            for path in files:
                path.write_bytes(junk)
            found = doctor_cases.doctor(root)
            assert {x["check"] for x in found["findings"]} == set(names())


if __name__ == "__main__":
    e2e.tap.run(e2e.tests(globals()))
