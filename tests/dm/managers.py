# SPDX-License-Identifier: MIT
"""Real display managers with the hook, and whatever goes wrong in it: the greeter comes up."""
import json
import os
import pathlib
import subprocess
import sys

import dm
from dm import tap

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "xorg"))
import rig as xorg  # noqa: E402  pylint: disable=wrong-import-position

RIG = pathlib.Path(__file__).with_name("rig.py")
MANAGERS = {"lightdm": ["lightdm", "lightdm-gtk-greeter"], "sddm": ["sddm", "sddm-greeter"],
            "xdm": ["xdm"]}
NAMESPACES = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]


def rig(manager, **wanted):
    for name in ["Xvfb", "xwininfo", "dbus-daemon", "unshare", *MANAGERS[manager]]:
        if not any(os.access(f"{directory}/{name}", os.X_OK) for directory in dm.PATH.split(":")):
            raise tap.Skip(f"{name} is not installed")
    if os.geteuid() != 0:
        raise tap.Skip("needs root")
    if dm.run(*NAMESPACES, "true").returncode:
        raise tap.Skip("mount namespaces are not to be had")
    for name, path in (("nv-session", dm.NV_SESSION), ("misbehave", dm.MISBEHAVE)):
        wanted[name] = pathlib.Path(path).read_bytes().hex()
    wanted.setdefault("program", dm.PROGRAM)
    done = subprocess.run([*NAMESPACES, sys.executable, str(RIG), manager],
                          input=json.dumps(wanted), capture_output=True, text=True, timeout=150,
                          check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def came(answers):
    assert answers["greeter"], json.dumps(answers, indent=1)
    assert answers["running"], json.dumps(answers, indent=1)
    return answers


def is_run(manager):
    answers = came(rig(manager))
    assert answers["install"][0][0] == 0, answers["install"]
    assert answers["hooks"].startswith("setup --hook :"), answers["hooks"]
    assert set(answers["statuses"].split()) == {"0"}, answers["statuses"]
    # It got as far as counting the server, which takes root and DISPLAY.
    assert "\nstarts 1\n" in answers["starts"], answers["starts"]


def survives(manager, how, words):
    answers = came(rig(manager, how=how))
    assert answers["hooks"], "the hook was not run"
    assert set(answers["statuses"].split()) == {"0"}, answers["statuses"]
    assert words in answers["said"], answers["said"]


def survives_its_end(manager, command):
    """nv-session is gone, or is no program any more, when the display manager starts."""
    came(rig(manager, before=[f"{dm.PROGRAM} hook install {manager}", command]))


def survives_configuration(manager):
    answers = came(rig(manager, files={"/etc/nv-run/session.conf": "\0[[[mode = = =\n"}))
    assert set(answers["statuses"].split()) == {"0"}, answers["statuses"]


def laptop():
    """What the rig needs for a real Xorg on a laptop with two GPUs."""
    if not xorg.MODULES:
        raise tap.Skip("the X server's headers are not installed")
    gpus = [xorg.Gpu("modesetting", outputs=["eDP-1:c:1280x720"]),
            xorg.Gpu("NVIDIA-G0", driver="nvidia", caps="sink-output,source-offload",
                     outputs=["HDMI-1-0:c:800x600"])]
    return {"config": xorg.configuration(gpus, False),
            "xorg": next(path for path in xorg.XORG if os.access(path, os.X_OK)),
            "system": next(path for path in xorg.SYSTEM_MODULES if os.path.isdir(path)),
            "modules": {path.name: path.read_bytes().hex()
                        for path in pathlib.Path(xorg.MODULES).glob("*_drv.so")}}


def sets_up(manager):
    """The second GPU's monitor shows the greeter's screen."""
    answers = came(rig(manager, gpus=laptop()))
    assert set(answers["statuses"].split()) == {"0"}, answers["statuses"]
    assert "eDP-1 connected primary 1280x720+0+0" in answers["outputs"], answers
    assert "HDMI-1-0 connected 800x600+1280+0" in answers["outputs"], answers


def survives_a_mode(manager):
    answers = came(rig(manager, gpus=laptop(),
                       files={"/etc/nv-run/session.conf": "[session]\nmode = sync\n"}))
    assert "sync cannot be: " in answers["said"], answers["said"]
    assert set(answers["statuses"].split()) == {"0"}, answers["statuses"]
    assert "eDP-1 connected primary 1280x720+0+0" in answers["outputs"], answers
    assert "HDMI-1-0" not in answers["outputs"], answers["outputs"]


THEIRS = "#!/bin/sh\necho \"theirs $#\" \"$@\" >>/tmp/rig/theirs\n"
CHAINS = [
    ("lightdm", "another drop-in", "/etc/lightdm/lightdm.conf.d/50-theirs.conf",
     "[Seat:*]\ndisplay-setup-script=/usr/bin/theirs a 'b c'\n", "theirs 2 a b c\n"),
    ("lightdm", "lightdm.conf", "/etc/lightdm/lightdm.conf",
     "[Seat:*]\ndisplay-setup-script=/usr/bin/theirs a 'b c'\n", "theirs 2 a b c\n"),
    # Without logind a seat has no name, which this pattern matches too.
    ("lightdm", "a seat's section", "/etc/lightdm/lightdm.conf.d/50-theirs.conf",
     "[Seat:**]\ndisplay-setup-script=/usr/bin/theirs\n", "theirs 0\n"),
    ("lightdm", "a drop-in that sorts last", "/etc/lightdm/lightdm.conf.d/zzz.conf",
     "[SeatDefaults]\ndisplay-setup-script = theirs one", "theirs 1 one\n"),
    ("sddm", "another drop-in", "/etc/sddm.conf.d/50-theirs.conf",
     "[X11]\nDisplayCommand=/usr/bin/theirs a \"b c\"\n", "theirs 2 a b c\n"),
    ("sddm", "a drop-in that sorts last", "/etc/sddm.conf.d/zzz",
     "[X11]\nDisplayCommand=/usr/bin/theirs a \"b c\"\n", "theirs 2 a b c\n"),
    ("sddm", "sddm.conf", "/etc/sddm.conf", "[X11]\nDisplayCommand = /usr/bin/theirs", "theirs 0\n"),
    ("xdm", "Xsetup", "/etc/X11/xdm/Xsetup", "#!/bin/sh\n/usr/bin/theirs a 'b c'\n",
     "theirs 2 a b c\n"),
]


def chains(manager, path, text, said):
    # /usr/bin is not to be written to: its place is taken by the rig's directory.
    text = text.replace("/usr/bin/theirs", "/tmp/rig/theirs.sh").replace(
        "= theirs one", "= /tmp/rig/theirs.sh one")
    if path.endswith("Xsetup"):
        text = text.replace("#!/bin/sh\n", "#!/bin/sh -e\n")
    answers = came(rig(manager, files={path: text, "/tmp/rig/theirs.sh": THEIRS},
                       after=[f"{dm.PROGRAM} hook check {manager}",
                              f"{dm.PROGRAM} hook remove {manager}", f"cat {path}"]))
    assert answers["hooks"].startswith("setup --hook :"), answers
    assert answers["theirs"] == said, answers["theirs"]
    assert answers["after"][0][0] == 0, answers["after"]
    assert answers["after"][2][1] == text, answers["after"]


def a_lockout_is_seen_as_one():
    answers = rig("lightdm", before=[], bound=8, files={
        "/etc/lightdm/lightdm.conf": "[Seat:*]\ndisplay-setup-script=/bin/false\n"})
    assert not answers["greeter"], "this rig would not see that nobody can log in"


def one_that_is_not_kept_is_none():
    """The last two starts are without a login: the hook does nothing, and LightDM goes on."""
    socketless = (f"mkdir -p /{dm.STATE}; printf 'nv-session hook 1\\nboot x\\nserver 1 1 1 1\\n"
                  f"when 1\\nstarts 2\\nmark 0 0\\nwtmp 0\\n' >/{dm.STATE}/starts")
    answers = came(rig("lightdm", before=[
        f"{dm.PROGRAM} hook install lightdm", f"rm -f /{dm.STATE}/login", socketless,
        f"mkfifo /{dm.STATE}/login; touch -d @0 /{dm.STATE}/login"]))
    assert "nothing is done: after 2 starts" in answers["said"], answers["said"]


HOWS = [("hang", "was not done"), ("crash", "crashed"), ("exit", "status 125"),
        ("leave-a-child", ""), ("flood", "there is more"), ("stopped server", "")]
TESTS = [("the rig sees that nobody can log in", a_lockout_is_seen_as_one),
         ("after two starts without a login LightDM starts without the hook's work",
          one_that_is_not_kept_is_none)]
for NAME in MANAGERS:
    TESTS.append((f"{NAME} runs the hook and reaches its greeter",
                  lambda name=NAME: is_run(name)))
    TESTS += [(f"{NAME} reaches its greeter when the work does this: {how}",
               lambda case=(NAME, how, words): survives(*case)) for how, words in HOWS]
    TESTS += [(f"{NAME} reaches its greeter when nv-session is {what}",
               lambda case=(NAME, command): survives_its_end(*case)) for what, command in (
                   ("gone", f"rm {dm.PROGRAM}"),
                   ("no program", f"printf '\\177ELF' >{dm.PROGRAM}"),
                   ("not executable", f"chmod 644 {dm.PROGRAM}"))]
    TESTS.append((f"{NAME} shows its greeter's screen on both GPUs of a real Xorg",
                  lambda name=NAME: sets_up(name)))
    TESTS.append((f"{NAME} reaches its greeter when the mode cannot work",
                  lambda name=NAME: survives_a_mode(name)))
    TESTS.append((f"{NAME} reaches its greeter when session.conf is nonsense",
                  lambda name=NAME: survives_configuration(name)))
TESTS += [(f"{case[0]} runs the hook and then what {case[1]} says",
           lambda case=case: chains(case[0], *case[2:])) for case in CHAINS]

if __name__ == "__main__":
    tap.run(TESTS)
