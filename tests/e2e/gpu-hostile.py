# SPDX-License-Identifier: MIT
"""nv-gpu where files are not what they should be: never a crash, a hang or a sanitizer's report."""
import json
import os
import pathlib
import random
import resource
import shutil
import subprocess
import threading

import e2e
import machines

NV_GPU = os.environ.get("NV_GPU") or str(pathlib.Path(e2e.NV_RUN).with_name("nv-gpu"))
SANITIZED = b"__asan_init" in pathlib.Path(NV_GPU).read_bytes()
COMMANDS = [["list"], ["list", "--json"], ["show"], ["show", "--json"], ["ps"], ["ps", "--json"],
            ["awake"], ["awake", "--json"], ["doctor"], ["doctor", "--json"], ["record"],
            ["record", "--anonymous"]]
# Nothing here is worth more memory; sanitizers need all the addresses that there are.
MEMORY = 1 << 30
NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}


def limit():
    if not SANITIZED:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def ask(root, words, program=NV_GPU, **more):
    """One command; what it says must be an answer."""
    try:
        result = subprocess.run(
            [program, *words, f"--sysroot={root}"], env=e2e.environment(), capture_output=True,
            stdin=subprocess.DEVNULL, timeout=60, check=False, preexec_fn=limit, **more)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"{words} hangs") from None
    said = result.stderr.decode(errors="replace")
    assert result.returncode in (0, 1), f"{words} ended with {result.returncode}: {said[-2000:]}"
    assert "Sanitizer" not in said and "runtime error" not in said, f"{words}: {said}"
    assert "out of memory" not in said, f"{words}: {said}"
    if "--json" in words and result.stdout:
        json.loads(result.stdout)
    return result


def ask_all(root, **more):
    for words in COMMANDS:
        ask(root, words, **more)


def files(root):
    found = []
    for directory, _, names in os.walk(root):
        found += [os.path.join(directory, name) for name in names]
    return sorted(found)


def directories(root):
    return sorted(directory for directory, _, _ in os.walk(root) if directory != str(root))


def holders(root):
    """Processes, so that ps has something to read."""
    for pid, node in ((10, "/dev/nvidia0"), (11, "/dev/dri/renderD128"), (12, "/dev/nvidiactl")):
        one = root / "proc" / str(pid)
        (one / "fd").mkdir(parents=True)
        os.symlink(node, one / "fd" / "3")
        e2e.write(one / "fdinfo/3", "drm-driver: i915\ndrm-client-id: 1\ndrm-engine-render: 5 ns\n"
                  "drm-resident-system0: 20 MiB\n")
        e2e.write(one / "maps", "7f0-7f1 rw-s 00000000 00:06 5    /dev/nvidia0\n")
        e2e.write(one / "comm", "game\n")
        e2e.write(one / "status", "Name:\tgame\nUid:\t1000\t1000\t1000\t1000\n")
        e2e.write(one / "cgroup", "0::/user.slice/app-game.scope\n")
        e2e.write(one / "stat", f"{pid} (game) S 1 2 3 4 5 4194304 0 0\n")
        os.symlink("/usr/bin/game", one / "exe")


def more(root):
    """Files that no machine of ours has and that some command reads."""
    for name in ("etc/X11/xorg.conf", "etc/modprobe.d/nvidia.conf", "etc/environment",
                 "etc/profile.d/gpu.sh", "etc/environment.d/90-gpu.conf", "etc/os-release",
                 "proc/cmdline", "proc/devices", "proc/modules", "proc/driver/nvidia/params",
                 "etc/cdi/nvidia.yaml", "etc/passwd", "etc/ld.so.cache", "proc/self/mountinfo",
                 "usr/share/vulkan/icd.d/nvidia_icd.json", "var/log/Xorg.0.log",
                 "etc/udev/rules.d/80-nvidia.rules", "etc/lightdm/lightdm.conf", "proc/mounts",
                 "usr/share/egl/egl_external_platform.d/10_nvidia_wayland.json",
                 "etc/OpenCL/vendors/nvidia.icd", "sys/module/nvidia_drm/parameters/modeset"):
        if not (root / name).exists():
            e2e.write(root / name, f"nvidia = {name}\nSection \"Device\"\n\tBusID \"PCI:1:0:0\"\n")
    for card in (root / "sys/class/drm").glob("card*-*"):
        place = root / "sys/class/drm" / os.readlink(card)
        if place.exists():
            e2e.write(place / "edid", b"\x00\xff\xff\xff\xff\xff\xff\x00" + bytes(120))


def machine(name, place):
    root = machines.unpack(name, place)
    holders(root)
    more(root)
    return root


def gone(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def _replace(path, data):
    gone(path)
    pathlib.Path(path).write_bytes(data)


def _text(path):
    try:
        return pathlib.Path(path).read_bytes() if os.path.isfile(path) else b""
    except OSError:
        return b""


def huge(path, _=None):
    data = _text(path)
    _replace(path, data)
    os.truncate(path, 100 << 20)


def a_directory(path, _):
    gone(path)
    os.mkdir(path)


def dangling(path, _):
    gone(path)
    os.symlink("nowhere/at/all", path)


def looping(path, _):
    gone(path)
    os.symlink(os.path.basename(path), path)


def upwards(path, chance):
    gone(path)
    os.symlink(chance.choice(["..", "../..", "/", ".", "/proc/self", "a" * 3000, "../" * 300]), path)


def a_fifo(path, _):
    gone(path)
    os.mkfifo(path)


def unreadable(path, _):
    _replace(path, _text(path))
    os.chmod(path, 0)


def binary(path, chance):
    _replace(path, chance.randbytes(chance.choice([1, 20, 5000, 300000])))


def truncated(path, chance):
    data = _text(path)
    _replace(path, data[:chance.randrange(len(data) + 1)])


def scrambled(path, chance):
    data = bytearray(_text(path) or b"x")
    for _ in range(chance.randrange(1, 20)):
        at = chance.randrange(len(data))
        data[at:at + chance.randrange(3)] = chance.choice(
            [b"", b"\0", b"\n", b"9" * 30, b"-1", b"%s%n", b"\xff\xfe", b":", b"=", b"/", b"\"", b"\\",
             b"\x1b[2J", b"{" * 50, b"../", data[:200]])
        data = data or bytearray(b"x")
    _replace(path, bytes(data))


def repeated(path, chance):
    # Again and again, by a test that goes on: megabytes at most.
    _replace(path, _text(path)[:10000] * chance.choice([2, 500]))


def without_ends(path, _):
    _replace(path, (_text(path) or b"x").replace(b"\n", b"") * 2000)


MUTATIONS = [huge, a_directory, dangling, looping, upwards, a_fifo, unreadable, binary, truncated,
             scrambled, scrambled, scrambled, repeated, without_ends, lambda path, _: gone(path)]


def everywhere(mutation, name=e2e.LAPTOP, where="", **more_words):
    """All files of a machine, below a directory of it, spoilt in one way."""
    with e2e.place() as place:
        root = machine(name, place / "machine")
        chance = random.Random(4711)
        for path in files(root / where):
            if os.path.lexists(path) and (where or not os.path.islink(path)):
                mutation(path, chance)
        ask_all(root, **more_words)


def test_files_that_are_empty():
    everywhere(lambda path, _: _replace(path, b""))


def test_files_of_a_hundred_megabytes():
    everywhere(huge)


def test_files_that_are_directories():
    everywhere(a_directory)


def test_files_that_are_binary():
    everywhere(binary)


def test_files_without_a_newline():
    everywhere(without_ends)


def test_files_that_are_truncated():
    everywhere(truncated)


def test_links_that_lead_nowhere():
    everywhere(dangling)


def test_links_that_lead_to_themselves():
    everywhere(looping)


def test_links_that_lead_upwards():
    for name in (e2e.LAPTOP, "desktop-vfio", "server-eight-gpus"):
        everywhere(upwards, name)


def test_pipes_that_nobody_writes_to():
    everywhere(a_fifo)


def test_pipes_that_somebody_holds_open():
    with e2e.place() as place:
        root = machine(e2e.LAPTOP, place / "machine")
        held = []
        for path in files(root):
            if not os.path.islink(path):
                a_fifo(path, None)
                held.append(os.open(path, os.O_RDWR | os.O_NONBLOCK))
        ask_all(root)
        for fd in held:
            os.close(fd)


def test_processes_whose_files_are_anything():
    for mutation in (huge, a_directory, dangling, looping, upwards, a_fifo, binary, unreadable):
        everywhere(mutation, where="proc")


def test_files_that_root_may_not_read():
    everywhere(unreadable)


def test_files_that_others_may_not_read():
    if os.geteuid():
        raise e2e.tap.Skip("needs root, to be somebody else")
    with e2e.place() as place:
        program = shutil.copy(NV_GPU, place / "nv-gpu")
        root = machine(e2e.LAPTOP, place / "machine")
        for path in files(root):
            if not os.path.islink(path):
                os.chmod(path, 0)
        ask_all(root, program=program, **NOBODY)
        for path in directories(root):
            os.chmod(path, 0)
        ask_all(root, program=program, **NOBODY)


def test_directories_that_are_files():
    with e2e.place() as place:
        for number, name in enumerate(["sys", "proc", "etc", "usr", "sys/class", "sys/class/drm",
                                       "sys/bus/pci/devices", "proc/10", "proc/10/fd",
                                       "sys/module", "proc/driver/nvidia/gpus",
                                       "sys/devices/pci0000:00"]):
            root = machine(e2e.LAPTOP, place / str(number))
            _replace(root / name, b"0x030000\n")
            ask_all(root)


def test_names_that_are_anything():
    with e2e.place() as place:
        root = machine(e2e.LAPTOP, place / "machine")
        for name in ["card", "card-", "card-1-DP-1", "card99999999999-DP-1", "renderD", "renderD-1",
                     "renderD1048576", "card1-", "card0-\x1b[2J", "card0-\n", "x" * 255, "0000:01:00.",
                     "0000:01:00.8", "10000:e1:00.0", "123456789:01:00.0", "0000:zz:00.0"]:
            for directory in ("sys/class/drm", "sys/bus/pci/devices", "proc"):
                os.symlink("../../devices/pci0000:00/0000:00:02.0/drm/" + name[:200],
                           root / directory / name)
            e2e.write(root / "etc/modprobe.d" / name, "options nvidia x\n")
        for pid in ("0", "99999999999999999999", "1x", "-1", "0001"):
            (root / "proc" / pid / "fd").mkdir(parents=True)
            os.symlink("/dev/nvidia0", root / "proc" / pid / "fd" / "99999999999999999999")
            e2e.write(root / "proc" / pid / "fdinfo/99999999999999999999", "drm-client-id:\n")
        ask_all(root)


def test_a_tree_without_an_end():
    with e2e.place() as place:
        root = machine(e2e.LAPTOP, place / "machine")
        for directory in ("etc/nv-run/rules.d", "proc/driver/nvidia/capabilities",
                          "etc/bumblebee"):
            (root / directory).mkdir(parents=True, exist_ok=True)
            for number in range(4):
                os.symlink("..", root / directory / f"up{number}")
                os.symlink(".", root / directory / f"here{number}")
        deep = root / "etc/optimus-manager"
        deep.mkdir()
        for _ in range(300):
            deep = deep / "deep"
            deep.mkdir()
        ask_all(root)


def test_files_that_change_while_they_are_read():
    with e2e.place() as place:
        root = machine(e2e.LAPTOP, place / "machine")
        paths = [path for path in files(root) if not os.path.islink(path)]
        texts = [_text(path) for path in paths]
        stop = threading.Event()

        def rewrite():
            chance = random.Random(815)
            while not stop.is_set():
                one = chance.randrange(len(paths))
                try:
                    chance.choice([scrambled, truncated, binary, repeated, a_directory, dangling,
                                   lambda path, _: gone(path)])(paths[one], chance)
                except OSError:
                    pass
                try:
                    if chance.randrange(2):
                        _replace(paths[one], texts[one])
                except OSError:
                    try:
                        pathlib.Path(paths[one]).write_bytes(texts[one])
                    except OSError:
                        pass

        changer = threading.Thread(target=rewrite)
        changer.start()
        try:
            for _ in range(8):
                ask_all(root)
        finally:
            stop.set()
            changer.join()


RENAME = """
import os
os.mkdir("a")
print("ready", flush=True)
while os.getppid() == {parent}:
    os.rename("a", "b")
    os.rename("b", "a")
"""


def test_renames_elsewhere_on_the_machine_change_no_answer():
    with e2e.place() as place:
        root = machine(e2e.LAPTOP, place / "machine")
        (place / "elsewhere").mkdir()
        expected = ask(root, ["awake", "--json"]).stdout
        with subprocess.Popen(["python3", "-c", RENAME.format(parent=os.getpid())],
                              stdout=subprocess.PIPE, cwd=place / "elsewhere") as renaming:
            try:
                renaming.stdout.readline()
                for _ in range(100):
                    assert ask(root, ["awake", "--json"]).stdout == expected
            finally:
                renaming.kill()


def spoil(seed):
    """A machine with some of its files, links and directories spoilt at random."""
    chance = random.Random(seed)
    with e2e.place() as place:
        root = machine(chance.choice(machines.names()), place / "machine")
        paths = files(root)
        for path in chance.sample(paths, min(len(paths), chance.choice([1, 5, 30]))):
            if os.path.lexists(path):
                chance.choice(MUTATIONS)(path, chance)
        if not chance.randrange(4):
            path = chance.choice(directories(root))
            if os.path.lexists(path) and not os.path.islink(path):
                chance.choice([a_directory, dangling, looping, upwards, a_fifo, binary])(path, chance)
        for words in chance.sample(COMMANDS, 4):
            ask(root, words)


def test_three_hundred_machines_spoilt_at_random():
    for seed in range(300):
        try:
            spoil(seed)
        except AssertionError as found:
            raise AssertionError(f"seed {seed}: {found}") from None


if __name__ == "__main__":
    e2e.tap.run(e2e.tests(globals()))
