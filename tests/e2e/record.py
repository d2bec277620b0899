# SPDX-License-Identifier: MIT
"""nv-gpu record and replay: recordings of made-up machines and of this one, there and back."""
import base64
import filecmp
import json
import os
import pathlib
import re
import shutil
import stat

import e2e
import goldens
import machines

NV_GPU = os.environ.get("NV_GPU") or str(pathlib.Path(e2e.NV_RUN).with_name("nv-gpu"))
GPU = "sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0"
PANEL = "sys/devices/pci0000:00/0000:00:02.0/drm/card1/card1-eDP-1"


def record(root=None, *words, **more):
    sysroot = [f"--sysroot={root}"] if root else []
    result = e2e.run(NV_GPU, "record", *sysroot, *words, **more)
    assert result.returncode == 0, result.stderr
    return result.stdout


def replay(text, place, expected=0):
    """What replay says; the tree is at place / "replayed"."""
    file = e2e.write(place / "recording", text)
    result = e2e.run(NV_GPU, "replay", file, place / "replayed")
    assert result.returncode == expected, result
    return result.stderr


def tree(root):
    """Every path below a directory, with what it is."""
    found = {}
    for directory, below, files in os.walk(root):
        for name in below + files:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                what = "-> " + os.readlink(path)
            elif stat.S_ISDIR(status.st_mode):
                what = "directory" if status.st_mode & 0o777 else "unreadable directory"
            else:
                with open(path, "rb") as file:
                    what = (status.st_mode & 0o777, file.read())
            found[os.path.relpath(path, root)] = what
    return found


def answers(root):
    found = {}
    for program, words in (
            (e2e.NV_RUN, ["--list", "--json"]), (e2e.NV_RUN, ["--list"]),
            *[(NV_GPU, [command, "--json"])
              for command in ("list", "show", "ps", "awake", "doctor")]):
        result = e2e.run(program, f"--sysroot={root}", *words)
        found[" ".join([pathlib.Path(program).name, *words])] = (
            result.returncode, result.stdout.replace(str(root), "DIR"),
            result.stderr.replace(str(root), "DIR"))
    return found


def same_answers(one, other):
    one, other = answers(one), answers(other)
    for question, answer in one.items():
        assert answer == other[question], f"{question}:\n{answer}\n{other[question]}"


def test_replay_makes_of_each_machine_what_the_tests_make_of_it():
    for name in machines.names():
        with e2e.place() as place:
            expected = machines.unpack(name, place / "expected")
            replay((machines.MACHINES / f"{name}.machine").read_bytes(), place)
            assert tree(expected) == tree(place / "replayed"), name


def test_a_recording_of_each_machine_gives_the_same_answers():
    for name in machines.names():
        with e2e.place() as place:
            root = machines.unpack(name, place / "machine")
            replay(record(root), place)
            same_answers(root, place / "replayed")


def test_a_recording_of_a_recording_is_the_same():
    for name in machines.names():
        with e2e.place() as place:
            first = record(machines.unpack(name, place / "machine"))
            replay(first, place)
            assert record(place / "replayed") == first, name


def test_both_readers_agree_on_what_record_writes():
    with e2e.place() as place:
        root = odd_machine(place / "machine")
        text = record(root)
        replay(text, place)
        expected = machines.unpack_text(text.encode(), place / "expected")
        assert tree(expected) == tree(place / "replayed")


def edid(serial=b"SN-4711-X", number=0x12345678, extension=b""):
    """A monitor's, with a serial number in both places (E-EDID 1.4)."""
    block = bytearray(128)
    block[0:8] = b"\x00\xff\xff\xff\xff\xff\xff\x00"
    block[8:12] = b"\x10\xac\x01\xa0"
    block[12:16] = number.to_bytes(4, "little")
    block[18:20] = b"\x01\x04"
    block[72:90] = b"\0\0\0\xff\0" + (serial + b"\n").ljust(13)
    block[90:108] = b"\0\0\0\xfc\0" + b"DELL U2720Q\n".ljust(13)
    block[126] = len(extension) // 128
    block[127] = -sum(block) % 256
    return bytes(block) + extension


def display_id(number=0x0badcafe):
    block = bytearray(128)
    block[0] = 0x70
    block[1:5] = bytes([0x12, 121, 0, 0])
    block[5:8] = bytes([0, 0, 12])
    block[8:13] = b"DEL\x01\xa0"
    block[13:17] = number.to_bytes(4, "little")
    block[126] = -sum(block[1:126]) % 256
    block[127] = -sum(block) % 256
    return bytes(block)


def odd_machine(place):
    """The laptop with a monitor, a holder, and files that are no plain text."""
    root = machines.unpack(e2e.LAPTOP, place)
    e2e.write(root / PANEL / "edid", edid())
    e2e.write(root / "etc/X11/xorg.conf.d/a b:", "no newline at the end")
    e2e.write(root / "etc/modprobe.d/latin.conf", b"# gr\xfcn\noptions nvidia x=1\r\n")
    e2e.write(root / "etc/modprobe.d/\u00fc\\x.conf", "blacklist nouveau\n\n\n")
    os.symlink("a\nb", root / "etc/modprobe.d/loop")
    os.symlink("self", root / "etc/modprobe.d/self")
    os.mkfifo(root / "etc/modprobe.d/fifo")
    (root / "etc/nv-run/rules.d").mkdir(parents=True)
    process(root, 10, ["/dev/nvidia0", "/dev/nvidiactl (deleted)", "/dev/null", "socket:[1]"])
    process(root, 11, ["/home/alice/secret-file"])
    return root


def process(root, pid, fds):
    one = root / "proc" / str(pid)
    (one / "fd").mkdir(parents=True)
    for number, target in enumerate(fds):
        os.symlink(target, one / "fd" / str(number))
    e2e.write(one / "comm", f"game-{pid}\n")
    e2e.write(one / "status", "Name:\tgame\nUid:\t1000\t1000\t1000\t1000\nGroups:\t4711\n")
    e2e.write(one / "cgroup", "0::/user.slice/user-1000.slice/app-game.scope\n")
    e2e.write(one / "maps", "7f0-7f1 rw-s 00000000 00:06 5    /dev/nvidia0\n"
              "7f2-7f3 r--p 00000000 08:01 6    /home/alice/library.so\n" if pid == 10 else "")
    e2e.write(one / "stat", f"{pid} (game) x) S 1 2 3 4 5 4194304 0 0\n")
    e2e.write(one / "environ", "TOKEN=hunter2\0")
    os.symlink("/home/alice/game", one / "exe")


def test_files_that_are_no_plain_text_come_back():
    with e2e.place() as place:
        root = odd_machine(place / "machine")
        replay(record(root), place)
        got = place / "replayed"
        for file in (f"{PANEL}/edid", "etc/X11/xorg.conf.d/a b:", "etc/modprobe.d/latin.conf",
                     "etc/modprobe.d/\u00fc\\x.conf"):
            assert (got / file).read_bytes() == (root / file).read_bytes(), file
        assert os.readlink(got / "etc/modprobe.d/loop") == "a\nb"
        assert os.readlink(got / "etc/modprobe.d/self") == "self"
        assert (got / "etc/modprobe.d/fifo").is_file()
        same_answers(root, got)


def test_what_manifests_and_settings_point_to_is_recorded_by_name():
    with e2e.place() as place:
        root = machines.unpack(e2e.LAPTOP, place / "machine")
        e2e.write(root / "etc/cdi/nvidia.yaml",
                  "containerEdits:\n  mounts:\n  - hostPath: /opt/driver/libodd.so.1\n"
                  "  - hostPath: /opt/gone.so\n  deviceNodes:\n  - path: /dev/nvidia0\n")
        e2e.write(root / "opt/driver/libodd.so.1", "1234")
        e2e.write(root / "usr/share/vulkan/icd.d/odd.json",
                  '{"ICD": {"library_path": "../../../../opt/vulkan/libicd.so"}}')
        e2e.write(root / "opt/vulkan/libicd.so", "12345")
        e2e.write(root / "etc/lightdm/lightdm.conf",
                  "[Seat:*]\ndisplay-setup-script=/srv/setup --now\n")
        e2e.write(root / "srv/setup", "#!/bin/sh\nsecret\n")
        text = record(root)
        for line in ("/opt/driver/libodd.so.1 % file 4\n", "/opt/vulkan/libicd.so % file 5\n",
                     "/srv/setup % file 17\n"):
            assert line in text, line
        assert "/opt/gone.so %" not in text and "secret" not in text


def test_of_processes_only_what_ps_shows_of_holders_is_recorded():
    with e2e.place() as place:
        text = record(odd_machine(place / "machine"))
        assert "/proc/10/fd/0 -> /dev/nvidia0\n" in text, text
        assert "/proc/10/fd/1 -> /dev/nvidiactl (deleted)\n" in text, text
        assert "/proc/10/exe -> /home/alice/game\n" in text, text
        for word in ("/proc/11", "hunter2", "secret-file", "library.so", "4711", "/fd/2"):
            assert word not in text.split("# who holds")[1], word


def test_what_could_not_be_read_is_marked_and_cannot_be_read_in_the_replay():
    with e2e.place() as place:
        lines = ("/sys/module/nvidia_drm/parameters/modeset ! EACCES\n"
                 "/proc/77/fd/ ! EACCES\n/proc/77/stat = 77 (x) S 1 1 1 1 1 0\n")
        text = (machines.MACHINES / f"{e2e.LAPTOP}.machine").read_text() + lines
        replay(text, place)
        root = place / "replayed"
        assert stat.S_IMODE((root / "sys/module/nvidia_drm/parameters/modeset").stat().st_mode) == 0
        found = json.loads(e2e.run(NV_GPU, f"--sysroot={root}", "ps", "--json").stdout)
        assert found["hidden"] == 1, found
        again = e2e.run(NV_GPU, f"--sysroot={root}", "record")
        for line in lines.splitlines():
            assert line + "\n" in again.stdout, line
        assert "2 files could not be read" in again.stderr, again.stderr


def test_who_is_no_root_is_told_what_was_not_seen():
    if os.geteuid():
        raise e2e.tap.Skip("needs root, to be somebody else")
    with e2e.place() as place:
        root = machines.unpack(e2e.LAPTOP, place / "machine")
        secret = e2e.write(root / "sys/module/nvidia_drm/parameters/modeset", "Y\n", 0o400)
        program = shutil.copy(NV_GPU, place / "nv-gpu")
        result = e2e.run(program, "record", f"--sysroot={root}", user=65534, group=65534,
                         extra_groups=[])
        assert result.returncode == 0, result
        assert "/nvidia_drm/parameters/modeset ! EACCES\n" in result.stdout
        assert "1 files could not be read" in result.stderr, result.stderr
        assert secret.read_text() == "Y\n"


def test_nodes_are_recorded_and_not_opened():
    if os.geteuid():
        raise e2e.tap.Skip("needs root, to make device nodes")
    with e2e.place() as place:
        root = machines.unpack(e2e.LAPTOP, place / "machine")
        (root / "dev/dri").mkdir(parents=True)
        try:
            os.mknod(root / "dev/nvidia0", 0o666 | stat.S_IFCHR, os.makedev(195, 0))
        except PermissionError:
            raise e2e.tap.Skip("device nodes cannot be made here") from None
        os.chmod(root / "dev/nvidia0", 0o640)
        text = record(root)
        assert "\n/dev/nvidia0 % char 195:0 640\n" in text, text
        replay(text, place)
        got = place / "replayed/dev/nvidia0"
        assert got.is_file() and stat.S_IMODE(got.stat().st_mode) == 0o640


def traced(place, root, *words):
    """What a record of the tree in the place of this machine opens."""
    e2e.needs("strace")
    log = place / "trace"
    script = f"strace -f -e trace=open,openat,openat2 -o {log} {NV_GPU} record > {place}/text"
    result = e2e.namespace(root, script, *words, env=e2e.environment(**e2e.TRACED))
    assert result.returncode == 0, result.stderr
    return log.read_text()


def sleeper(place, status):
    root = machines.unpack(e2e.LAPTOP, place / "machine")
    for name in ("config", "rom", "resource0", "resource1_wc", "vpd", "current_link_speed",
                 "current_link_width", "max_link_width", "resource", "class"):
        e2e.write(root / GPU / name, "0x030200\n")
    e2e.write(root / GPU / "power/runtime_status", f"{status}\n")
    return root


def test_recording_wakes_nothing():
    with e2e.place() as place:
        log = traced(place, sleeper(place, "suspended"))
        for name in ("config", "rom", "resource0", "resource1_wc", "vpd", "current_link_speed",
                     "current_link_width", "max_link_width"):
            assert f"/{name}\"" not in log, name
        opened = [line for line in log.splitlines()
                  if '"/dev/' in line and '"/dev/null"' not in line]
        assert all("O_DIRECTORY" in line for line in opened), opened
        assert "/class\"" in log and "/resource\"" in log


def test_the_link_of_a_gpu_that_is_awake_is_recorded():
    with e2e.place() as place:
        assert "/current_link_speed\"" in traced(place, sleeper(place, "active"))
        assert f"/{GPU}/current_link_speed = 0x030200\n" in (place / "text").read_text()


def test_a_recording_of_this_machine_replays_and_answers_as_it_does():
    with e2e.place() as place:
        text = record()
        assert text.startswith("# A machine with") and "\nversion 1\n" in text, text[:200]
        replay(text, place)
        here = json.loads(e2e.run(NV_GPU, "list", "--json").stdout)
        there = json.loads(
            e2e.run(NV_GPU, "list", "--json", f"--sysroot={place}/replayed").stdout)
        assert here == there, (here, there)
        assert record(place / "replayed").split("\n", 1)[1]


def test_a_machine_in_the_place_of_this_one_is_recorded_with_a_real_holder():
    with e2e.place() as place:
        root = machines.unpack(e2e.LAPTOP, place / "machine")
        e2e.write(root / "sys/class/drm/renderD128/dev", "1:5\n")
        script = """
mount -t tmpfs none /dev/shm && mknod /dev/shm/node c 1 5 || exit 77
exec 9< /dev/shm/node
rm /dev/shm/node
"$1" ps --json > "$2/there" && "$1" record > "$2/text"
"""
        result = e2e.namespace(root, script, NV_GPU, place)
        if result.returncode == 77:
            raise e2e.tap.Skip("device nodes cannot be made here")
        assert result.returncode == 0, result.stderr
        replay((place / "text").read_bytes(), place)
        here = json.loads(e2e.run(NV_GPU, "ps", "--json", f"--sysroot={place}/replayed").stdout)
        there = json.loads((place / "there").read_text())
        held = [[(node["node"], node["descriptors"]) for node in one["nodes"]]
                for found in (here, there) for one in found["processes"] if one["name"] == "sh"]
        assert held[0] == held[1] == [("/dev/dri/renderD128", 1)], (here, there)


def test_long_files_are_cut_and_said_to_be():
    with e2e.place() as place:
        root = machines.unpack(e2e.LAPTOP, place / "machine")
        e2e.write(root / "var/log/Xorg.0.log", "x" * 99 + "\n" * 600000)
        with open(e2e.write(root / "etc/modprobe.d/huge.conf", ""), "wb") as huge:
            huge.truncate(100 << 20)
        text = record(root)
        assert "# cut: /var/log/Xorg.0.log is longer\n" in text
        assert "# cut: /etc/modprobe.d/huge.conf is longer\n" in text
        assert len(text) < 4 << 20, len(text)


SECRETS = {
    "host": "tantalus-9", "user": "wilhelmina", "other": "Bjorn.K", "home": "zed",
    "gpu": "GPU-6b1d64ac-10e2-2f6d-2f2b-7f3f5f6a1c01", "mig": "MIG-11111111-2222-3333-4444-5555deadbeef",
    "disk": "deadbeef-0000-4000-8000-c0ffee000001", "dos": "1a2b3c4d-02", "label": "WilmasDisk",
    "machine": "0123456789abcdef0123456789abcdef", "mac": "52:54:00:ab:cd:ef",
    "dashes": "52-54-00-AB-CD-FE", "serial": "SN-4711-X", "word": "QX99Z17", "volume": "vgsecret-root",
    "mail": "w.k@tantalus.example", "builder": "wk@forge", "password": "hunter2",
}
LOG = """\
[    1.0] Current Operating System: Linux {host} 6.1.0-13-amd64 #1 SMP x86_64
[    1.0] Kernel command line: root=UUID={disk} resume=PARTUUID={dos} LABEL={label}
[    2.0] (II) modeset(0): Manufacturer: DEL  Model: a001  Serial#: 305419896
[    2.0] (II) modeset(0): Serial No: {serial}
[    2.0] (II) modeset(0): EDID (in hex):
[    2.0] (II) modeset(0): \t00ffffffffffff0010ac01a078563412
[    2.0] raw: 00 ff ff ff ff ff ff 00 10 ac 01 a0 78 56 34 12
[    3.0] {mac} and {dashes}; {machine}; ID_SERIAL_SHORT="{word}"; by {mail}
[    3.0] {user} on {host}.lan, {host}, ({user}), /home/{home}/x, {other}; {mig} {gpu}
[    3.0] {HOST} {USER}
"""


def plant(root):
    """Secrets wherever a recording has room for them."""
    s = {**SECRETS, "HOST": SECRETS["host"].upper(), "USER": SECRETS["user"].upper()}
    log = LOG.format(**s)
    e2e.write(root / "proc/sys/kernel/hostname", s["host"] + "\n")
    e2e.write(root / "etc/passwd", f"root:x:0:0::/root:/bin/sh\n{s['user']}:x:1000:1000:Wilma K:"
              f"/srv/{s['user']}:/bin/sh\n{s['other']}:x:1001:1001::/x:/bin/sh\n")
    e2e.write(root / "proc/cmdline", f"BOOT_IMAGE=/vmlinuz root=/dev/mapper/{s['volume']} "
              f"resume=UUID={s['disk']} rd.luks.uuid=luks-{s['disk']} ifname=eth0:{s['mac']} "
              f"nvidia-drm.modeset=1 quiet pass={s['password']} cred=\"a {s['password']}\" "
              f"-- --token {s['password']}\n")
    e2e.write(root / "proc/version", f"Linux version 6.1.0 ({s['builder']}) (gcc 12) #1\n")
    for file in ("var/log/Xorg.0.log", "etc/X11/xorg.conf", "etc/modprobe.d/x.conf",
                 "etc/nv-run/rules.d/x.conf", f"home/{s['home']}/.local/share/xorg/Xorg.0.log",
                 f"home/{s['home']}/.config/environment.d/nvidia.conf",
                 "proc/driver/nvidia/capabilities/x", f"etc/modprobe.d/{s['host']}-{s['user']}.conf",
                 f"etc/modprobe.d/{s['disk']}.conf", f"etc/modprobe.d/{s['mac']}"):
        e2e.write(root / file, log)
    os.symlink(f"/home/{s['home']}/{s['host']}", root / "etc/modprobe.d/link")
    os.symlink(f"../devices/{s['mig'][4:]}", _made(root / "sys/bus/mdev/devices") / s["mig"][4:])
    e2e.write(root / "etc/machine-id", s["machine"] + "\n")
    e2e.write(root / PANEL / "edid", edid(s["serial"].encode(), 305419896, display_id()))
    e2e.write(root / "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
              b"\6\0\0\0\1")
    process(root, 10, ["/dev/nvidia0"])
    e2e.write(root / "proc/10/comm", s["user"] + "\n")
    os.unlink(root / "proc/10/exe")
    os.symlink(f"/home/{s['home']}/.steam/game", root / "proc/10/exe")
    return root


def _made(directory):
    directory.mkdir(parents=True)
    return directory


def test_nothing_planted_is_left_in_an_anonymous_recording():
    with e2e.place() as place:
        root = plant(machines.unpack(e2e.LAPTOP, place / "machine"))
        plain, text = record(root), record(root, "--anonymous")
        got = machines.unpack_text(text.encode(), place / "got")
        everything = text + "".join(
            f"{path}\n{what if isinstance(what, str) else what[1].decode('latin-1')}\n"
            for path, what in tree(got).items())
        for name, secret in SECRETS.items():
            assert secret.lower() not in everything.lower(), f"{name}: {secret}"
            if name not in ("machine", "dashes"):
                assert secret in plain or name == "serial", f"{name} was not planted"
        for trace in (b"\x78\x56\x34\x12", b"\xfe\xca\xad\x0b"):
            assert trace not in (got / PANEL / "edid").read_bytes(), trace
        for trace in ("305419896", "78563412", "78 56 34 12", "Wilma", "tantalus"):
            assert trace not in everything, trace


def test_an_anonymous_recording_gives_the_same_placeholder_for_the_same_value():
    with e2e.place() as place:
        root = plant(machines.unpack(e2e.LAPTOP, place / "machine"))
        text = record(root, "--anonymous")
        uuids = set(re.findall(r"GPU-([0-9a-f-]{36})", text))
        assert len(uuids) == 1, uuids
        assert "/proc/sys/kernel/hostname = host-1\n" in text
        assert "Linux host-1 6.1.0-13-amd64" in text
        user = re.search(r"/proc/10/exe -> /home/(user-\d)/.steam/game\n", text).group(1)
        assert f"/home/{user}/.local/share/xorg/Xorg.0.log:" in text, text
        assert "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c" in text
        assert "nvidia-drm.modeset=1 quiet" in text


def test_an_anonymous_edid_is_still_one():
    with e2e.place() as place:
        root = plant(machines.unpack(e2e.LAPTOP, place / "machine"))
        got = machines.unpack_text(record(root, "--anonymous").encode(), place / "got")
        block = (got / PANEL / "edid").read_bytes()
        assert len(block) == 256 and block[:8] == edid()[:8]
        assert sum(block[:128]) % 256 == 0 and sum(block[128:]) % 256 == 0
        assert sum(block[129:255]) % 256 == 0
        assert b"DELL U2720Q" in block and b"serial-" in block


def test_what_is_no_edid_is_left_out_of_an_anonymous_recording():
    for junk in (b"secret", b"\xff" * 128, edid()[:100], b""):
        with e2e.place() as place:
            root = machines.unpack(e2e.LAPTOP, place / "machine")
            e2e.write(root / PANEL / "edid", junk)
            got = machines.unpack_text(record(root, "--anonymous").encode(), place / "got")
            assert (got / PANEL / "edid").read_bytes() == bytes(len(junk)), junk


def test_an_anonymous_recording_answers_what_concerns_no_person():
    for name in machines.names():
        with e2e.place() as place:
            root = machines.unpack(name, place / "machine")
            replay(record(root, "--anonymous"), place)
            there, here = [
                re.sub("GPU-[0-9a-f-]*", "", e2e.run(NV_GPU, f"--sysroot={one}", "list", "--json").stdout)
                for one in (root, place / "replayed")]
            assert there == here, name


def test_a_host_with_an_ordinary_name_spoils_nothing():
    with e2e.place() as place:
        root = machines.unpack(e2e.LAPTOP, place / "machine")
        e2e.write(root / "proc/sys/kernel/hostname", "nvidia\n")
        e2e.write(root / "etc/passwd", "drm:x:1000:1000::/home/drm:/bin/sh\n")
        e2e.write(root / "home/drm/.config/environment.d/x.conf", "A=nvidia\n")
        e2e.write(root / "var/log/Xorg.0.log", "Current Operating System: Linux nvidia 6.1.0-1\n")
        text = record(root, "--anonymous")
        assert "/proc/sys/kernel/hostname = host-1\n" in text
        assert "Linux host-1 6.1.0-1" in text
        assert "/home/user-1/.config/environment.d/x.conf = A=nvidia\n" in text, text
        replay(text, place)
        assert e2e.run(NV_GPU, f"--sysroot={place}/replayed", "list").stdout == e2e.run(
            NV_GPU, f"--sysroot={root}", "list").stdout


HOSTILE = {
    "/a -> OUT\n/a/sub/x = 1\n": ":2:1: /a/sub/x leads through a link",
    "/a -> OUT\n/a/b = x\n": ":2:1: /a/b leads through a link",
    "/a -> .\n/a/b/c = x\n": ":2:1: /a/b/c leads through a link",
    "/a -> ..\n/a/escaped/ ! EACCES\n": ":2:1: /a/escaped leads through a link",
    "/l -> OUT/new\n/l = x\n": ":2:1: /l is there twice",
    "/a = x\n/a/b = y\n": ":2:1: /a/b leads through a link or a file",
    "/a/b = x\n/a = y\n": ":2:1: /a is there twice",
    "/a = x\n/b/c/d = y\n/a -> z\n": ":3:1: /a is there twice",
    "/a/\n/a -> OUT\n/a/x = 1\n": ":2:1: /a is there twice",
    "/a -> OUT\n/a/\n": ":2:1: /a leads through a link",
    "/../x = 1\n": ":1:1: a path has no empty part",
    "/a/b\n/c = 1\n": ":1:5: behind a path stands",
    "/x = 1\n/a/\\x2e\\x2e/\\x2e\\x2e/b = 1\n": ":2:1: a path has no empty part",
}


def test_a_hostile_recording_writes_nothing_outside_and_leaves_nothing():
    for text, expected in HOSTILE.items():
        with e2e.place() as place:
            (place / "out/sub").mkdir(parents=True)
            told = replay(text.replace("OUT", str(place / "out")), place, expected=1)
            assert expected in told, (text, told)
            assert sorted(x.name for x in place.iterdir()) == ["out", "recording"], text
            assert tree(place / "out") == {"sub": "directory"}, text


def test_what_cannot_be_made_is_taken_away_again():
    with e2e.place() as place:
        # More than the file system has room for.
        text = "".join(f"/d{i}/f = {'x' * 60000}\n/d{i}/l -> a\n" for i in range(40))
        e2e.write(place / "recording", text)
        (place / "small").mkdir()
        result = e2e.run("unshare", "-m", "sh", "-c",
                         'mount -t tmpfs -o size=1m none "$1/small" || exit 77\n'
                         '"$2" replay "$1/recording" "$1/small"; echo "$?"; ls -A "$1/small"',
                         "sh", place, NV_GPU)
        if result.returncode == 77 or "unshare" in result.stderr:
            raise e2e.tap.Skip("mount namespaces are not to be had")
        assert "No space left on device" in result.stderr, result
        assert result.stdout == "1\n", result


def test_a_directory_that_is_not_empty_is_left_alone():
    with e2e.place() as place:
        e2e.write(place / "replayed/mine", "x")
        assert "is not empty" in replay("/a = b\n", place, expected=1)
        assert tree(place / "replayed") == {"mine": (0o644, b"x")}


def test_an_empty_directory_is_filled():
    with e2e.place() as place:
        (place / "replayed").mkdir()
        replay("/a = b\n", place)
        assert tree(place / "replayed") == {"a": (0o644, b"b\n")}


def test_a_recording_may_come_through_a_pipe():
    with e2e.place() as place:
        text = (machines.MACHINES / f"{e2e.LAPTOP}.machine").read_text()
        e2e.write(place / "text", text)
        result = e2e.run("sh", "-c", 'cat "$1/text" | "$2" replay - "$1/replayed"', "sh", place,
                         NV_GPU)
        assert result.returncode == 0, result.stderr
        assert tree(place / "replayed") == tree(machines.unpack(e2e.LAPTOP, place / "expected"))


def test_what_is_no_recording_is_told_in_one_line():
    with e2e.place() as place:
        for text in (b"\x7fELF\x02\x01\x01", b"{}\n", os.urandom(5000), b"\x1f\x8b" + bytes(50)):
            told = replay(text, place, expected=1)
            assert re.fullmatch(r"nv-gpu: \S+:\d+:\d+: [^\n]+\n", told), told
            assert not (place / "replayed").exists()
        for words, expected in (([], 2), (["a"], 2), (["a", "b", "c"], 2),
                                ([place / "none", place / "x"], 1), ([place, place / "x"], 1),
                                (["/dev/zero", place / "x"], 1)):
            result = e2e.run(NV_GPU, "replay", *words)
            assert result.returncode == expected and result.stderr.count("\n") == 1, result


if __name__ == "__main__":
    e2e.tap.run(e2e.tests(globals()))
