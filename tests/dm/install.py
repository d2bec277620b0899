# SPDX-License-Identifier: MIT
"""hook install, remove and check on roots made of text: what is written where, and undone."""
import os
import pathlib
import shlex
import shutil
import subprocess
import tempfile

import dm
from dm import PROGRAM, STATE, check, hook, root, tap, tree

L = "usr/sbin/lightdm"
S = "usr/bin/sddm"
X = "usr/bin/xdm"
SIGNS = {"lightdm": L, "sddm": S, "xdm": X, "lxdm": "usr/sbin/lxdm", "startx": "usr/bin/startx",
         "gdm": "usr/sbin/gdm"}
LD = "etc/lightdm/lightdm.conf"
DROP = f"{LD}.d/zz-nv-session.conf"
SDROP = "etc/sddm.conf.d/zz-nv-session.conf"
XSETUP = "usr/share/sddm/scripts/Xsetup"
XC = "etc/X11/xdm/xdm-config"
SCRIPT = ("#!/bin/sh\nexit 3\n", 0o755)
SEAT = "[Seat:*]\ndisplay-setup-script={}\n"
ALONE = f"/bin/sh -c '{PROGRAM} setup --hook; exit 0'"
CHAIN = f"/bin/sh -c '{PROGRAM} setup --hook; exec \"$@\"' nv-session "
SALONE = f"{PROGRAM} setup --hook"
SCHAIN = f'/bin/sh -c "{PROGRAM} setup --hook; exec """$@"""" nv-session '

# What it is, manager, files, {file: words that it must have afterwards}.
CASES = [
    ("nothing but lightdm", "lightdm", {L: ""}, {DROP: [f"[Seat:*]\ndisplay-setup-script={ALONE}\n"]}),
    ("lightdm.conf with everything commented out", "lightdm",
     {L: "", LD: "[Seat:*]\n#display-setup-script=/x\n"}, {DROP: [ALONE]}),
    ("another drop-in", "lightdm", {f"{LD}.d/20-x.conf": SEAT.format("/x -y")},
     {DROP: [CHAIN + "/x -y\n"]}),
    ("a drop-in of the distribution", "lightdm",
     {L: "", "usr/share/lightdm/lightdm.conf.d/99-x.conf": SEAT.format("/x")},
     {DROP: [CHAIN + "/x\n"]}),
    ("several drop-ins, of which the last counts", "lightdm",
     {"usr/share/lightdm/lightdm.conf.d/99-x.conf": SEAT.format("/1"),
      "etc/xdg/lightdm/lightdm.conf.d/99-x.conf": SEAT.format("/2"),
      f"{LD}.d/10-x.conf": SEAT.format("/3"), f"{LD}.d/20-x.conf": SEAT.format("/4"),
      f"{LD}.d/30-x.conf.bak": SEAT.format("/5")}, {DROP: [CHAIN + "/4\n"]}),
    ("an empty value", "lightdm", {f"{LD}.d/20-x.conf": SEAT.format("")}, {DROP: [ALONE + "\n"]}),
    ("lightdm.conf that sets it", "lightdm", {LD: SEAT.format("/x") + "xserver-command=X\n"},
     {LD: ["=/x\n# nv-session hook: begin", CHAIN + "/x\n# nv-session hook: end\nxserver-"]}),
    ("lightdm.conf that sets it in its last line, which has no end", "lightdm",
     {LD: SEAT.format("/x")[:-1]}, {LD: [CHAIN + "/x\n"]}),
    ("lightdm.conf that sets it twice", "lightdm", {LD: SEAT.format("/1") + SEAT.format("/2")},
     {LD: [f"=/2\n# nv-session hook: begin; 'nv-session hook remove' takes it out\n"
           f"display-setup-script={CHAIN}/2\n"]}),
    ("lightdm.conf with the section's old name", "lightdm",
     {LD: "[SeatDefaults]\ndisplay-setup-script = /x\n"}, {LD: [CHAIN + "/x\n"]}),
    ("a seat of its own in lightdm.conf", "lightdm",
     {LD: SEAT.format("/1") + "[Seat:seat1]\ndisplay-setup-script=/2\n"},
     {LD: [CHAIN + "/1\n", CHAIN + "/2\n"]}),
    ("a seat of its own in a drop-in", "lightdm",
     {f"{LD}.d/20-x.conf": "[Seat:seat1]\ndisplay-setup-script=/2\n"},
     {DROP: [f"[Seat:*]\ndisplay-setup-script={ALONE}\n",
             f"[Seat:seat1]\ndisplay-setup-script={CHAIN}/2\n"]}),
    ("a drop-in that sorts last", "lightdm", {f"{LD}.d/zzz.conf": SEAT.format("/x")},
     {f"{LD}.d/zzz.conf": [CHAIN + "/x\n"]}),
    ("the key in a section that is not read", "lightdm",
     {LD: "[LightDM]\ndisplay-setup-script=/x\n"}, {DROP: [ALONE]}),
    ("nothing but sddm", "sddm", {S: ""}, {SDROP: [f"[X11]\nDisplayCommand={SALONE}\n"]}),
    ("sddm's own Xsetup", "sddm", {S: "", XSETUP: SCRIPT},
     {SDROP: [f"DisplayCommand={SCHAIN}/{XSETUP}\n"]}),
    ("sddm's own Xsetup that is not executable", "sddm", {S: "", XSETUP: "#!/bin/sh\n"},
     {SDROP: [f"DisplayCommand={SCHAIN}/{XSETUP}\n"]}),
    ("an sddm drop-in before ours", "sddm",
     {"etc/sddm.conf.d/default.conf": "[X11]\nDisplayCommand=/x \"y z\"\n"},
     {SDROP: [SCHAIN + "/x \"y z\"\n"]}),
    ("an sddm drop-in that sorts last", "sddm",
     {"etc/sddm.conf.d/zzz": "[X11]\nDisplayCommand=/x\n[Users]\n"},
     {"etc/sddm.conf.d/zzz": [SCHAIN + "/x\n", "end\n[Users]\n"]}),
    ("an sddm drop-in that sorts last in some locales", "sddm",
     {"etc/sddm.conf.d/ZZZ.conf": "[X11]\nDisplayCommand=/x\n"},
     {"etc/sddm.conf.d/ZZZ.conf": [SCHAIN + "/x\n"]}),
    ("sddm.conf that sets it", "sddm",
     {"etc/sddm.conf": "[X11]\nDisplayCommand=/x\n", "etc/sddm.conf.d/a": "[X11]\nDisplayCommand=/y\n"},
     {"etc/sddm.conf": [SCHAIN + "/x\n"]}),
    ("xdm's Xsetup", "xdm", {XC: "DisplayManager*setup:\t/etc/xs\n", "etc/xs": SCRIPT},
     {"etc/xs": ["#!/bin/sh\n# nv-session hook: begin", "setup --hook || :\n", "end\nexit 3\n"]}),
    ("an Xsetup without a first line for it", "xdm",
     {XC: "DisplayManager*setup: /etc/xs", "etc/xs": ("echo\n", 0o755)},
     {"etc/xs": ["setup --hook || :\n# nv-session hook: end\necho\n"]}),
    ("an Xsetup of one line without an end", "xdm",
     {XC: "DisplayManager*setup: /etc/xs\n", "etc/xs": ("#! /usr/bin/env bash", 0o755)},
     {"etc/xs": ["bash\n# nv-session hook: begin"]}),
    ("an Xsetup that is named but not there", "xdm", {XC: "DisplayManager*setup: /etc/xs\n"},
     {"etc/xs": ["#!/bin/sh\n", "setup --hook"]}),
    ("an Xsetup for each display", "xdm",
     {XC: "DisplayManager._0.setup: /etc/x0\nDisplayManager._1.setup: /etc/x1\n"
      "DisplayManager.terminal_0.setup: /etc/x2\n!DisplayManager*setup: /etc/x3\n",
      "etc/x0": SCRIPT, "etc/x1": SCRIPT, "etc/x2": SCRIPT, "etc/x3": SCRIPT},
     {"etc/x0": ["setup --hook"], "etc/x1": ["setup --hook"]}),
    ("an xdm-config without a setup program", "xdm", {XC: "DisplayManager.requestPort: 0"},
     {XC: ["0\n! nv-session hook: begin", f"\nDisplayManager*setup: {PROGRAM} setup --hook\n"]}),
    ("lxdm", "lxdm", {"etc/lxdm/lxdm.conf": "", "etc/lxdm/LoginReady": SCRIPT,
                      "etc/lxdm/PreLogin": SCRIPT},
     {"etc/lxdm/LoginReady": ["setup --hook"], "etc/lxdm/PreLogin": ["hook login"]}),
    ("startx on Debian", "startx", {"usr/bin/startx": "", "etc/X11/Xsession.d/20x": ""},
     {"etc/X11/Xsession.d/19nv-session": ["setup --hook || :", "hook login || :"]}),
    ("startx on Arch", "startx", {"usr/bin/startx": "", "etc/X11/xinit/xinitrc.d/x.sh": ""},
     {"etc/X11/xinit/xinitrc.d/50-nv-session.sh": ["#!/bin/sh\n", "setup --hook || :"]}),
    ("an old gdm", "gdm", {"usr/sbin/gdm3": "", "usr/share/gdm/greeter/autostart/x.desktop": ""},
     {"usr/share/gdm/greeter/autostart/nv-session.desktop": ["X-GNOME-Autostart-Phase="],
      "etc/xdg/autostart/nv-session.desktop": ["[Desktop Entry]", "hook login"]}),
    ("a new gdm", "gdm", {"usr/sbin/gdm": "", "etc/xdg/autostart/x.desktop": ""},
     {"etc/xdg/autostart/nv-session.desktop": ["setup --hook"]}),
]


def is_installed_and_undone(manager, files, wanted):
    with root(files={SIGNS[manager]: "", **files}) as place:
        before = tree(place)
        assert not check(place, manager, status=1)["hook"]
        hook(place, "install", manager)
        after = tree(place)
        changed = {path for path in after if after[path] != before.get(path)
                   and after[path][3] is not None}
        assert changed == set(wanted), f"{changed}, not {set(wanted)}"
        for path, words in wanted.items():
            text = after[path][3].decode()
            for word in words:
                assert word in text, f"{path} lacks {word}:\n{text}"
            if path in before:
                assert after[path][:3] == before[path][:3], "mode or owner changed"
        found = check(place, manager)
        assert found["wins"] and {path[1:] for path in found["files"]} >= changed, found
        assert "nothing to do" in hook(place, "install", manager)
        assert tree(place) == after, "a second install changed something"
        hook(place, "remove", manager)
        assert tree(place) == before, "remove did not give back what was there"
        assert not (place / STATE).exists(), list((place / STATE).iterdir())
        assert "nothing to do" in hook(place, "remove", manager)


def the_chain_ends_as_the_other_command_does():
    """Both lines, taken apart as LightDM (GLib, like a shell) and SDDM (Qt) do."""
    with tempfile.TemporaryDirectory() as directory:
        theirs = dm.write(f"{directory}/theirs", "#!/bin/sh\necho \"$# $2\"; exit 3\n", 0o755)
        for manager, path, text in (
                ("lightdm", DROP, {f"{LD}.d/2.conf": SEAT.format(f"{theirs} a 'b c'")}),
                ("sddm", SDROP, {"etc/sddm.conf.d/2": f"[X11]\nDisplayCommand={theirs} a \"b c\"\n"})):
            with root(files=text) as place:
                hook(place, "install", manager)
                line = [line for line in (place / path).read_text().splitlines()
                        if line.startswith(("display-setup-script", "DisplayCommand"))][0]
                words = shlex.split(line.split("=", 1)[1].replace('"""', '\\"'))
                result = dm.run(*words)
                assert (result.returncode, result.stdout) == (3, "2 b c\n"), (words, result)


def edits_of_others_are_kept():
    with root(files={XC: "DisplayManager*setup: /etc/xs\n", "etc/xs": SCRIPT, L: "",
                     LD: SEAT.format("/x")}) as place:
        hook(place, "install")
        script, config = place / "etc/xs", place / LD
        script.write_text(script.read_text() + "echo more\n")
        script.chmod(0o700)
        config.write_text("# first\n" + config.read_text().replace("=/x\n", "=/y\n", 1))
        assert "is not what it must be now" in check(place, "lightdm", 1)["problem"]
        hook(place, "install", "lightdm")
        assert CHAIN + "/y\n" in config.read_text(), config.read_text()
        hook(place, "remove")
        assert script.read_text() == SCRIPT[0] + "echo more\n"
        assert script.stat().st_mode & 0o777 == 0o700
        assert config.read_text() == "# first\n" + SEAT.format("/y")


def our_drop_in_with_edits_is_kept_without_our_part():
    with root(files={L: ""}) as place:
        hook(place, "install", "lightdm")
        drop = place / DROP
        drop.write_text(drop.read_text() + "[Seat:*]\nxserver-command=X -br\n")
        hook(place, "remove", "lightdm")
        assert drop.read_text() == "[Seat:*]\nxserver-command=X -br\n"


def a_hook_that_another_file_beats_is_seen_and_mended():
    for manager, path, text in (
            ("lightdm", LD, SEAT.format("/x")), ("sddm", "etc/sddm.conf", "[X11]\nDisplayCommand=/x\n"),
            ("lightdm", f"{LD}.d/zzz.conf", SEAT.format("/x"))):
        with root(files={L: "", S: ""}) as place:
            hook(place, "install", manager)
            dm.write(place / path, text)
            found = check(place, manager, 1)
            assert f"/{path}:2 sets " in found["problem"], found
            assert not found["wins"] and found["hook"], found
            hook(place, "install", manager)
            assert check(place, manager)["wins"]
            # What lost is not left behind.
            assert not (place / DROP).exists() and not (place / SDROP).exists()
            hook(place, "remove", manager)
            assert (place / path).read_text() == text


def a_script_that_is_not_executable_is_reported():
    with root(files={XC: "DisplayManager*setup: /etc/xs\n", "etc/xs": SCRIPT[0], X: ""}) as place:
        assert "chmod 755 /etc/xs" in hook(place, "install", "xdm", status=1)
        assert (place / "etc/xs").read_text() == SCRIPT[0]
        (place / "etc/xs").chmod(0o755)
        hook(place, "install", "xdm")
        (place / "etc/xs").chmod(0o644)
        assert "chmod 755 /etc/xs" in check(place, "xdm", 1)["problem"]


def a_program_that_is_no_shell_script_is_not_touched():
    for text in ("#!/usr/bin/python3\nimport os\n", "#!/usr/bin/env perl\n"):
        with root(files={XC: "DisplayManager*setup: /etc/xs\n", "etc/xs": (text, 0o755)}) as place:
            assert "is not a shell script" in hook(place, "install", "xdm", status=1)
            assert (place / "etc/xs").read_text() == text


def nv_session_must_be_there_to_be_hooked():
    with root(files={L: ""}) as place:
        (place / PROGRAM[1:]).chmod(0o644)
        assert f"chmod 755 {PROGRAM}" in hook(place, "install", status=1)
        (place / PROGRAM[1:]).unlink()
        assert f"{PROGRAM} is not there" in hook(place, "install", status=1)
        assert not (place / DROP).exists()


def nv_session_gone_after_installing_is_reported():
    with root(files={L: ""}) as place:
        hook(place, "install")
        (place / PROGRAM[1:]).unlink()
        assert f"{PROGRAM} is not there" in hook(place, "check", status=1)


def only_what_is_installed_gets_a_hook():
    with root(files={L: "", S: ""}) as place:
        said = hook(place, "install")
        assert "lightdm: wrote" in said and "sddm: wrote" in said, said
        assert "xdm:" not in said and "gdm" not in said, said
        said = hook(place, "check")
        assert "gdm      not installed here" in said, said
        hook(place, "remove")
        assert not (place / "etc/sddm.conf.d").exists()


def no_display_manager_is_an_error():
    with root() as place:
        assert "no display manager is installed" in hook(place, "install", status=1)


def wrong_words_are_wrong_usage():
    with root(files={L: ""}) as place:
        said = hook(place, "install", "ligthdm", status=2)
        assert said == "nv-session: unknown display manager 'ligthdm'; did you mean 'lightdm'?\n"
        assert "did you mean 'remove'" in hook(place, "remvoe", status=2)
        hook(place, status=2)
        hook(place, "login", "sddm", status=2)
        assert "--json" in hook(place, "install", "--json", status=2)
        assert not (place / DROP).exists()


def links_are_followed_and_kept():
    with root(files={XC: "DisplayManager*setup: /etc/xs\n", "opt/real": SCRIPT}) as place:
        (place / "etc/xs").symlink_to("/opt/real")
        before = tree(place)
        hook(place, "install", "xdm")
        assert (place / "etc/xs").is_symlink()
        assert "setup --hook" in (place / "opt/real").read_text()
        hook(place, "remove", "xdm")
        assert tree(place) == before


def links_do_not_lead_out_of_the_root():
    with tempfile.TemporaryDirectory() as outside, root(files={L: ""}) as place:
        (place / "etc").mkdir(exist_ok=True)
        (place / "etc/lightdm").symlink_to(outside)
        dm.run(dm.NV_SESSION, "hook", "install", "lightdm", "--sysroot", place)
        assert not os.listdir(outside), os.listdir(outside)


def attributes_are_kept():
    with root(files={XC: "DisplayManager*setup: /etc/xs\n", "etc/xs": SCRIPT}) as place:
        try:
            os.setxattr(place / "etc/xs", "user.nv", b"kept")
        except OSError:
            os.setxattr(place / "etc/xs", "trusted.nv", b"kept")
        names = os.listxattr(place / "etc/xs")
        os.chown(place / "etc/xs", *((1234, 1235) if os.geteuid() == 0 else (-1, -1)))
        before = tree(place)
        hook(place, "install", "xdm")
        assert os.listxattr(place / "etc/xs") == names
        hook(place, "remove", "xdm")
        assert tree(place) == before and os.listxattr(place / "etc/xs") == names


def what_cannot_be_written_is_said_and_nothing_is_half_done():
    if os.geteuid() != 0:
        raise tap.Skip("needs root")
    for path in ("etc/lightdm", "var/lib/nv-run"):
        with root(files={LD: SEAT.format("/x"), "var/lib/nv-run/x": ""}) as place:
            before = tree(place)
            result = dm.run("unshare", "--mount", "sh", "-c", 'mount --bind "$1" "$1" && '
                            'mount -o remount,ro,bind "$1" && shift && exec "$@"', "sh",
                            place / path, dm.NV_SESSION, "hook", "install", "lightdm",
                            "--sysroot", place)
            if "mount" in result.stderr:
                raise tap.Skip("mount namespaces are not to be had")
            assert result.returncode == 1, result.stdout
            assert "Read-only file system" in result.stderr, result.stderr
            assert tree(place) == before


def a_block_without_an_end_is_left_to_people():
    text = f"{SEAT.format('/x')}# nv-session hook: begin; x\ndisplay-setup-script=y\n"
    with root(files={LD: text}) as place:
        assert "no end" in hook(place, "install", "lightdm", status=1)
        assert "no end" in hook(place, "remove", "lightdm", status=1)
        assert (place / LD).read_text() == text


def a_lost_list_of_what_was_installed_is_no_harm():
    with root(files={LD: SEAT.format("/x"), L: ""}) as place:
        before = tree(place)
        hook(place, "install", "lightdm")
        shutil.rmtree(place / STATE)
        hook(place, "remove", "lightdm")
        assert tree(place) == before


def the_old_place_is_cleaned_when_configuration_moves_on():
    with root(files={XC: "DisplayManager*setup: /etc/x1\n", "etc/x1": SCRIPT,
                     "etc/x2": SCRIPT}) as place:
        hook(place, "install", "xdm")
        (place / XC).write_text("DisplayManager*setup: /etc/x2\n")
        assert "/etc/x2" in check(place, "xdm", 1)["problem"]
        hook(place, "install", "xdm")
        assert (place / "etc/x1").read_text() == SCRIPT[0]
        assert "setup --hook" in (place / "etc/x2").read_text()


def desktop_entries_are_valid():
    if not shutil.which("desktop-file-validate"):
        raise tap.Skip("desktop-file-validate is not installed")
    source = pathlib.Path(os.environ["NV_SOURCE"])
    build = pathlib.Path(os.environ["NV_BUILD"])
    shipped = build / "desktop-files/nv-session.desktop"
    assert "setup --hook" in shipped.read_text(), f"{source}: the entry does nothing"
    with root(files={"usr/sbin/gdm": "", "usr/share/gdm/greeter/autostart/x": ""}) as place:
        hook(place, "install", "gdm")
        greeter = (build / "desktop-files/nv-session-greeter.desktop").read_text()
        ours = (place / "usr/share/gdm/greeter/autostart/nv-session.desktop").read_text()
        lines = [line for line in ours.splitlines() if line and not line.startswith("#")]
        assert lines == greeter.splitlines(), ours
        for path in (shipped, build / "desktop-files/nv-session-greeter.desktop", place / "etc/xdg/autostart/nv-session.desktop",
                     place / "usr/share/gdm/greeter/autostart/nv-session.desktop"):
            result = dm.run("desktop-file-validate", path)
            assert result.returncode == 0 and not result.stdout, result.stdout


def the_shipped_entry_is_as_good_as_ours():
    shipped = (pathlib.Path(os.environ["NV_BUILD"]) / "desktop-files/nv-session.desktop").read_text()
    with root(files={"usr/sbin/gdm": "", "etc/xdg/autostart/nv-session.desktop": shipped}) as place:
        assert check(place, "gdm")["wins"]
        assert "nothing to do" in hook(place, "install", "gdm")
        hook(place, "remove", "gdm")
        assert (place / "etc/xdg/autostart/nv-session.desktop").read_text() == shipped


def lightdm_itself_says_that_ours_wins():
    """What it reads from the files, in its own words. (SDDM is only asked by starting it.)"""
    if os.geteuid() != 0:
        raise tap.Skip("needs root")
    if not any(os.access(f"{path}/lightdm", os.X_OK) for path in dm.PATH.split(":")):
        raise tap.Skip("lightdm is not installed")
    for files in ({L: ""}, {f"{LD}.d/zzz.conf": SEAT.format("/x")}, {LD: SEAT.format("/x")},
                  {LD: "[SeatDefaults]\ndisplay-setup-script=/x\n" + SEAT.format("/y")}):
        with root(files=files) as place:
            hook(place, "install", "lightdm")
            script = "mount -t tmpfs none /etc && cp -a \"$1\"/etc/. /etc && lightdm --show-config"
            result = subprocess.run(
                ["unshare", "--mount", "sh", "-c", script, "sh", str(place)],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                stdin=subprocess.DEVNULL, env={"PATH": dm.PATH}, check=False)
            if "unshare" in result.stdout:
                raise tap.Skip("mount namespaces are not to be had")
            found = [one for one in result.stdout.splitlines() if "display-setup-script=" in one]
            assert len(found) == 1 and f"{PROGRAM} setup --hook" in found[0], result.stdout


TESTS = [(f"the hook is installed and undone with {what}",
          lambda case=case: is_installed_and_undone(*case)) for what, *case in CASES]
TESTS += [(tap.sentence(function), function) for function in (
    the_chain_ends_as_the_other_command_does, edits_of_others_are_kept,
    our_drop_in_with_edits_is_kept_without_our_part,
    a_hook_that_another_file_beats_is_seen_and_mended,
    a_script_that_is_not_executable_is_reported, a_program_that_is_no_shell_script_is_not_touched,
    nv_session_must_be_there_to_be_hooked, nv_session_gone_after_installing_is_reported,
    only_what_is_installed_gets_a_hook, no_display_manager_is_an_error,
    wrong_words_are_wrong_usage, links_are_followed_and_kept, links_do_not_lead_out_of_the_root,
    attributes_are_kept, what_cannot_be_written_is_said_and_nothing_is_half_done,
    a_block_without_an_end_is_left_to_people, a_lost_list_of_what_was_installed_is_no_harm,
    the_old_place_is_cleaned_when_configuration_moves_on, desktop_entries_are_valid,
    the_shipped_entry_is_as_good_as_ours, lightdm_itself_says_that_ours_wins)]

if __name__ == "__main__":
    tap.run(TESTS)
