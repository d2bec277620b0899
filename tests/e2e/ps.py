# SPDX-License-Identifier: MIT
"""nv-gpu ps: processes of recorded machines, and real ones that hold a real character device."""
import json
import os
import pathlib
import shutil
import threading

import e2e
import machines

NV_GPU = os.environ.get("NV_GPU") or str(pathlib.Path(e2e.NV_RUN).with_name("nv-gpu"))
FDINFO = """pos:\t0
drm-driver:\ti915
drm-pdev:\t0000:00:02.0
drm-client-id:\t{client}
drm-engine-render:\t{ns} ns
drm-engine-capacity-render:\t2
drm-total-system0:\t40 MiB
drm-resident-system0:\t20 MiB
"""


def process(root, pid, name="game", fds=(), maps="", fdinfo=None, cgroup="0::/\n", uid=1000):
    """A process of a recorded machine."""
    place = root / "proc" / str(pid)
    (place / "fd").mkdir(parents=True)
    for number, target in enumerate(fds):
        os.symlink(target, place / "fd" / str(number))
    for number, text in (fdinfo or {}).items():
        e2e.write(place / "fdinfo" / str(number), text)
    e2e.write(place / "maps", maps)
    e2e.write(place / "comm", name + "\n")
    e2e.write(place / "status", f"Name:\t{name}\nUid:\t{uid}\t0\t0\t0\n")
    e2e.write(place / "cgroup", cgroup)
    return place


def ps(root, *words):
    result = e2e.run(NV_GPU, "ps", "--json", "--sysroot", root, *words)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def held(found, pid):
    one = [x for x in found["processes"] if x["pid"] == pid]
    return [x["node"] for x in one[0]["nodes"]] if one else None


def laptop(place):
    return machines.unpack(e2e.LAPTOP, place / "machine")


def test_holders_are_found_by_descriptors_and_by_mappings():
    with e2e.place() as place:
        root = laptop(place)
        process(root, 10, fds=["/dev/null", "/dev/nvidia0", "/dev/nvidia0"])
        process(root, 11, maps="7f0-7f1 rw-s 00000000 00:06 5    /dev/nvidia0\n")
        process(root, 12, fds=["/dev/dri/renderD999", "/dev/nvidia01", "socket:[7]"])
        found = ps(root, "nvidia")
        assert [x["pid"] for x in found["processes"]] == [10, 11], found
        assert found["processes"][0]["nodes"] == [
            {"node": "/dev/nvidia0", "gpu": "0000:01:00.0", "descriptors": 2, "mapped": False}]
        assert found["processes"][1]["nodes"][0]["mapped"] is True


def test_a_node_that_was_deleted_counts():
    with e2e.place() as place:
        root = laptop(place)
        process(root, 10, fds=["/dev/nvidia0 (deleted)"])
        assert held(ps(root), 10) == ["/dev/nvidia0"]


def test_a_process_of_one_gpu_is_no_holder_of_the_other():
    with e2e.place() as place:
        root = laptop(place)
        process(root, 10, fds=["/dev/nvidia0", "/dev/nvidiactl"])
        assert held(ps(root, "00:02.0"), 10) is None
        assert held(ps(root, "01:00.0"), 10) == ["/dev/nvidia0", "/dev/nvidiactl"]


def test_who_holds_only_what_is_common_is_listed_apart():
    with e2e.place() as place:
        root = laptop(place)
        process(root, 10, "compositor", ["/dev/nvidiactl", "/dev/nvidia-modeset"])
        assert ps(root)["processes"][0]["tied"] is False
        text = e2e.run(NV_GPU, "ps", "--sysroot", root).stdout
        assert "No process holds a GPU." in text and "Not tied to one GPU:" in text, text


def test_a_client_with_two_descriptors_is_counted_once():
    with e2e.place() as place:
        root = laptop(place)
        one, other = FDINFO.format(client=7, ns=1000), FDINFO.format(client=8, ns=30)
        process(root, 10, fds=["/dev/dri/renderD128"] * 3, fdinfo={0: one, 1: one, 2: other})
        usage = ps(root)["processes"][0]["usage"]
        assert [x.get("ns") for x in usage if "engine" in x] == [1030], usage
        assert [x.get("bytes") for x in usage if "memory" in x] == [40 << 20], usage


def test_the_innermost_unit_is_named():
    with e2e.place() as place:
        root = laptop(place)
        process(root, 10, fds=["/dev/nvidia0"],
                cgroup="0::/user.slice/user@1000.service/app.slice/app-game-1.scope/x\n")
        process(root, 11, fds=["/dev/nvidia0"], cgroup="1:name=systemd:/a/b.service\n0::/\n")
        assert [x["unit"] for x in ps(root)["processes"]] == ["app-game-1.scope", "b.service"]


def test_garbage_in_proc_harms_nothing():
    with e2e.place() as place:
        root = laptop(place)
        noise = os.urandom(200000)
        for pid, junk in enumerate([noise, b"", b"\n" * 5000, b"/nvidia" * 30000, b":" * 70000,
                                    b"drm-engine-x: 99999999999999999999999999 ns\ndrm-pdev:\n"
                                    b"drm-memory-: 999999999999999999 GiB\ndrm-client-id:", ], 20):
            one = process(root, pid, fds=["/dev/dri/renderD128"], fdinfo={0: junk})
            for name in ("maps", "cgroup", "status", "comm"):
                e2e.write(one / name, junk)
        (root / "proc/30/fd").mkdir(parents=True)
        (root / "proc/31").mkdir()
        assert [x["pid"] for x in ps(root)["processes"]] == list(range(20, 26))
        assert e2e.run(NV_GPU, "ps", "--sysroot", root).returncode == 0


def test_a_name_cannot_disturb_the_terminal():
    with e2e.place() as place:
        root = laptop(place)
        process(root, 10, "\x1b[2Jx", ["/dev/nvidia0"])
        assert "\x1b" not in e2e.run(NV_GPU, "ps", "--sysroot", root).stdout


def test_five_thousand_processes_some_ending_meanwhile():
    with e2e.place() as place:
        root = laptop(place)
        for pid in range(100, 5100):
            (root / f"proc/{pid}/fd").mkdir(parents=True)
            os.symlink("/dev/nvidia0" if pid % 1000 == 0 else "/dev/null",
                       root / f"proc/{pid}/fd/3")
        gone = threading.Thread(target=lambda: [
            shutil.rmtree(root / f"proc/{pid}") for pid in range(5099, 2500, -1) if pid % 1000])
        gone.start()
        found = ps(root)
        gone.join()
        assert [x["pid"] for x in found["processes"]] == [1000, 2000, 3000, 4000, 5000]


HOLD = """
import os, sys, time
os.open(sys.argv[1], os.O_RDWR)
if sys.argv[2] == "delete":
    os.unlink(sys.argv[1])
print("ready", flush=True)
time.sleep(60)
"""

# /dev/zero's device (1:5) in the GPU's place: everybody can open it. A mapping of it is memory
# and no longer the device's, so that mappings are tested in recordings alone.
SETUP = """
mount -t tmpfs none /dev/shm && mknod /dev/shm/node c 1 5 || exit 77
exec python3 -c "$1" "$2" "$3" "$4"
"""

LOOK = """
import subprocess, sys, os
hold, how, program = sys.argv[1:]
command = ["python3", "-c", hold, "/dev/shm/node", how]
if how == "namespace":
    command = ["unshare", "-m"] + command
child = subprocess.Popen(command, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
subprocess.run([program, "ps", "--json"])
child.kill()
"""


def real(how):
    """What ps says of a real process, and its pid."""
    with e2e.place() as place:
        root = laptop(place)
        e2e.write(root / "sys/class/drm/renderD128/dev", "1:5\n")
        result = e2e.namespace(root, SETUP, LOOK, HOLD, how, NV_GPU)
        if result.returncode == 77:
            raise e2e.tap.Skip("device nodes cannot be made here")
        assert result.returncode == 0, result.stderr
        pid, text = result.stdout.split("\n", 1)
        return json.loads(text), int(pid)


def check_real(how):
    found, pid = real(how)
    one = [x for x in found["processes"] if x["pid"] == pid]
    assert one, found
    node = [x for x in one[0]["nodes"] if x["node"] == "/dev/dri/renderD128"][0]
    assert node["descriptors"] == 1 and not node["mapped"], node


def test_a_real_descriptor_is_found_by_its_device_number():
    check_real("open")


def test_a_real_descriptor_of_a_deleted_node_is_found():
    check_real("delete")


def test_a_real_descriptor_in_another_mount_namespace_is_found():
    check_real("namespace")


def test_processes_of_others_are_counted_as_not_inspected():
    if os.geteuid():
        raise e2e.tap.Skip("needs root, to be somebody else")
    # A copy that others may reach; run as nobody, where this test runs as root.
    with e2e.place() as place:
        program = place / "nv-gpu"
        shutil.copy(NV_GPU, program)
        result = e2e.run(program, "ps", "--json", user=65534, group=65534, extra_groups=[])
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout)["hidden"] > 0, result.stdout
        text = e2e.run(program, "ps", user=65534, group=65534, extra_groups=[]).stdout
        assert "could not be inspected: permission denied" in text, text
        assert "run it as root to see all" in text, text


def test_looking_opens_no_device_node_and_no_configuration_space():
    e2e.needs("strace")
    with e2e.place() as place:
        root = laptop(place)
        for command in ("ps", "awake"):
            log = place / "trace"
            script = f"strace -f -e trace=open,openat,openat2 -o {log} {NV_GPU} {command}"
            result = e2e.namespace(root, script, env=e2e.environment(**e2e.TRACED))
            assert result.returncode == 0, result.stderr
            opened = [line for line in log.read_text().splitlines()
                      if '"/dev/' in line or '/config"' in line or "/fd/" in line]
            assert not opened, opened


if __name__ == "__main__":
    e2e.tap.run(e2e.tests(globals()))
