# SPDX-License-Identifier: MIT
"""Starts a real display manager in namespaces of its own: rig.py MANAGER, as root of them.

Its /etc is a copy; /run, /tmp, /var/log and the state directories are empty; the X server is Xvfb,
or a real Xorg with the GPUs that the test makes up (tests/xorg).
Processes, mounts and sockets go when it ends. Reads one JSON object with what the test wants, and
writes one with what came of it.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The name or class of the greeter's window; helpers of toolkits are small.
GREETERS = {"lightdm": "lightdm-gtk-greeter", "sddm": "sddm-greeter", "xdm": "xlogin"}
WINDOW = r'"[^"]*{}[^"]*".* (\d+)x(\d+)\+'
BOUND = 60

XSERVER = """#!/bin/bash
# What display managers start as X: no screen to take, no terminal to switch to.
arguments=()
while (($#)); do
    case $1 in
        vt[0-9]* | -novtswitch | -nolisten-tcp) ;;
        -seat | -background | -verbose) shift ;;
        *) arguments+=("$1") ;;
    esac
    shift
done
printf '%s\\n' "${arguments[*]}" >>/tmp/rig/servers
echo "$$" >/tmp/rig/pid
if [[ -e /tmp/rig/xorg.conf ]]; then
    exec "$(cat /tmp/rig/xorg)" -config /tmp/rig/xorg.conf -modulepath "$(cat /tmp/rig/modulepath)" \\
        -logfile /tmp/rig/xorg.log -novtswitch "${arguments[@]}" 2>>/tmp/rig/server.log
fi
exec Xvfb "${arguments[@]}" -screen 0 640x480x24 2>>/tmp/rig/server.log
"""

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen>
<auth>EXTERNAL</auth><policy context="default"><allow user="*"/><allow own="*"/>
<allow send_destination="*"/><allow eavesdrop="true"/></policy></busconfig>
"""

CONFIG = {
    "lightdm": {"/etc/lightdm/lightdm.conf.d/10-rig.conf": """[LightDM]
lock-memory=false
logind-check-graphical=false
[Seat:*]
type=local
xserver-command=/tmp/rig/X
greeter-session=lightdm-gtk-greeter
"""},
    "sddm": {"/etc/sddm.conf.d/10-rig.conf": """[General]
DisplayServer=x11
[X11]
ServerPath=/tmp/rig/X
ServerArguments=-nolisten tcp
[Theme]
Current=
"""},
    "xdm": {"/etc/X11/xdm/Xservers": ":0 local /tmp/rig/X :0\n"},
}


def write(path, text, mode=0o644):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def mount(*words):
    subprocess.run(["mount", *words], check=True)


def prepare(place, manager, wanted):
    """Lays what may be changed over what is there."""
    subprocess.run(["cp", "-a", "/etc", str(place / "etc")], check=True)
    mount("--bind", str(place / "etc"), "/etc")
    homes = {name: os.stat(f"/var/lib/{name}") for name in ("lightdm", "sddm", "xdm", "xkb")
             if os.path.isdir(f"/var/lib/{name}")}
    for directory in ("/run", "/var/log", "/var/lib", "/var/cache", "/home"):
        mount("-t", "tmpfs", "-o", "mode=755", "none", directory)
    for name, owner in homes.items():
        os.mkdir(f"/var/lib/{name}")
        os.chown(f"/var/lib/{name}", owner.st_uid, owner.st_gid)
    os.makedirs("/run/dbus")
    os.makedirs("/run/user")
    os.makedirs("/var/cache/lightdm", exist_ok=True)
    if os.path.isdir("/var/lib/lightdm"):
        owner = os.stat("/var/lib/lightdm")
        os.chown("/var/cache/lightdm", owner.st_uid, owner.st_gid)
    for name in ("wtmp", "btmp", "lastlog"):
        write(f"/var/log/{name}", "")
    os.makedirs("/tmp/.X11-unix")
    os.chmod("/tmp/.X11-unix", 0o1777)
    write("/tmp/rig/X", XSERVER, 0o755)
    write("/tmp/rig/bus.conf", BUS)
    for path in ("/etc/sddm.conf", "/etc/sddm.conf.d", "/etc/lightdm/lightdm.conf.d"):
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif os.path.exists(path):
            os.unlink(path)
    for path, text in {**CONFIG[manager], **wanted.get("files", {})}.items():
        write(path, text, 0o755 if text.startswith("#!") else 0o644)


def put_program(program, real, how, library):
    """nv-session at the place where hooks start it, or something that goes wrong."""
    directory = os.path.dirname(program)
    mount("-t", "tmpfs", "-o", "mode=755", "none", directory)
    shutil.copy(real, f"{directory}/nv-session.real")
    preload = (f"NV_TEST_MISBEHAVE={how} LD_PRELOAD={library} "
               if how not in ("", "stopped server") else "")
    stop = "kill -STOP $(cat /tmp/rig/pid)" if how == "stopped server" else ""
    go_on = "kill -CONT $(cat /tmp/rig/pid)" if how == "stopped server" else ""
    write(program, f"""#!/bin/sh
echo "$*" "${{DISPLAY-none}}" >>/tmp/rig/hooks
{stop}
{preload}{directory}/nv-session.real "$@" 2>>/tmp/rig/said
status=$?
{go_on}
echo "$status" >>/tmp/rig/statuses
exit "$status"
""", 0o755)


def put_gpus(gpus):
    """A real Xorg with made-up GPUs: its configuration, and the driver that makes them up."""
    write("/tmp/rig/xorg.conf", gpus["config"])
    write("/tmp/rig/xorg", gpus["xorg"])
    write("/tmp/rig/modulepath", "/tmp/rig/modules," + gpus["system"])
    for name, data in gpus["modules"].items():
        path = pathlib.Path("/tmp/rig/modules") / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes.fromhex(data))


def text(path):
    try:
        return pathlib.Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def windows():
    """The tree of windows of the last server."""
    return asked("xwininfo", "-root", "-tree")


def asked(*command):
    """What a client of the last server prints, "" if it does not answer."""
    lines = text("/tmp/rig/servers").splitlines()
    if not lines:
        return ""
    match = re.search(r"-auth (\S+)", lines[-1])
    display = re.search(r"(?:^| )(:\d+)", lines[-1])
    environment = {"PATH": PATH, "DISPLAY": display.group(1) if display else ":0"}
    if match:
        environment["XAUTHORITY"] = match.group(1)
    try:
        return subprocess.run(command, env=environment, timeout=10,
                              capture_output=True, text=True, check=False).stdout
    except subprocess.TimeoutExpired:
        return ""


def start(manager):
    subprocess.Popen(["dbus-daemon", "--config-file=/tmp/rig/bus.conf", "--nofork", "--nopidfile"],
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 15
    while not os.path.exists("/run/dbus/system_bus_socket") and time.monotonic() < end:
        time.sleep(0.02)
    command = {"lightdm": ["lightdm", "--debug"], "sddm": ["sddm"],
               "xdm": ["xdm", "-nodaemon"]}[manager]
    with open("/tmp/rig/manager.log", "wb") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                env={"PATH": PATH, "LANG": "C.UTF-8"}, start_new_session=True)


def greeter(manager, bound):
    """Waits for the greeter's window; False if it did not come."""
    end = time.monotonic() + bound
    while time.monotonic() < end:
        for width, height in re.findall(WINDOW.format(GREETERS[manager]), windows()):
            if int(width) >= 200 and int(height) >= 100:
                return True
        time.sleep(0.2)
    return False


def main():
    manager, wanted = sys.argv[1], json.load(sys.stdin)
    mount("-t", "tmpfs", "-o", "mode=1777", "none", "/tmp")
    place = pathlib.Path("/tmp/place")
    place.mkdir()
    for name, data in (("real", "nv-session"), ("misbehave.so", "misbehave")):
        pathlib.Path(f"/tmp/{name}").write_bytes(bytes.fromhex(wanted[data]))
    os.chmod("/tmp/real", 0o755)
    prepare(place, manager, wanted)
    if "gpus" in wanted:
        put_gpus(wanted["gpus"])
    put_program(wanted["program"], "/tmp/real", wanted.get("how", ""), "/tmp/misbehave.so")
    answers = {"install": []}
    for command in wanted.get("before", [f"{wanted['program']} hook install {manager}"]):
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True,
                              check=False, env={"PATH": PATH})
        answers["install"].append([done.returncode, done.stdout + done.stderr])
    for name in ("hooks", "said", "statuses"):
        write(f"/tmp/rig/{name}", "")
    process = start(manager)
    answers["greeter"] = greeter(manager, wanted.get("bound", BOUND))
    # xdm shows its window before the hook has ended.
    end = time.monotonic() + 15
    while time.monotonic() < end:
        hooks = text("/tmp/rig/hooks").count("\n")
        # It may not have begun either; one that is gone never does.
        if text("/tmp/rig/statuses").count("\n") >= max(hooks, os.access(wanted["program"], os.X_OK)):
            break
        time.sleep(0.1)
    answers["running"] = process.poll() is None
    for name in ("hooks", "said", "statuses", "servers", "manager.log", "server.log", "theirs"):
        answers[name] = text(f"/tmp/rig/{name}")
    answers["log"] = "".join(text(path) for path in (
        "/var/log/lightdm/lightdm.log", "/var/log/sddm.log", "/var/log/xdm.log"))
    answers["windows"] = windows()
    answers["outputs"] = asked("xrandr") if "gpus" in wanted else ""
    answers["starts"] = text("/var/lib/nv-run/hook/starts")
    for command in wanted.get("after", []):
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True,
                              check=False, env={"PATH": PATH})
        answers.setdefault("after", []).append([done.returncode, done.stdout + done.stderr])
    # Everything else ends with this process, the first of its namespace.
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
