# SPDX-License-Identifier: MIT
"""nv-gpu ps: processes of recorded machines. real.py has real ones."""
import json
import os
import pathlib

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


ID = "0123456789ab" + "cdef" * 13


def test_units_and_containers_of_all_kinds_are_told():
    for cgroup, unit, container in (
            (f"0::/system.slice/docker-{ID}.scope\n", f"docker-{ID}.scope", "docker 0123456789ab"),
            (f"12:cpu:/docker/{ID}\n1:name=systemd:/docker/{ID}\n0::/system.slice/docker.service\n",
             "docker.service", "docker 0123456789ab"),
            ("0::/user.slice/user-1000.slice/user@1000.service/user.slice/"
             f"libpod-{ID}.scope/container\n", f"libpod-{ID}.scope", "podman 0123456789ab"),
            (f"0::/machine.slice/libpod-conmon-{ID}.scope\n", f"libpod-conmon-{ID}.scope", None),
            (f"0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{ID}.scope\n",
             f"cri-containerd-{ID}.scope", "containerd 0123456789ab"),
            (f"3:devices:/kubepods/besteffort/pod1/{ID}\n", None, "container 0123456789ab"),
            ("0::/lxc.payload.web/system.slice/x.service\n", "x.service", "lxc web"),
            ("0::/machine.slice/machine-qemu\\x2d1\\x2dwin.scope/libvirt\n",
             "machine-qemu\\x2d1\\x2dwin.scope", None),
            ("4:memory:/stale.service\n0::/session.scope\n", "session.scope", None),
            ("0::/\n", None, None), ("", None, None), ("0::/../../x\n", None, None)):
        with e2e.place() as place:
            root = laptop(place)
            process(root, 10, fds=["/dev/nvidia0"], cgroup=cgroup)
            one = ps(root)["processes"][0]
            assert (one["unit"], one["container"]) == (unit, container), (cgroup, one)
            shown = e2e.run(NV_GPU, "ps", "--sysroot", root).stdout
            assert (container or unit or " -  ") in shown, shown


def test_nodes_that_stand_for_many_and_nodes_below_a_chroot_are_found_by_name():
    with e2e.place() as place:
        root = laptop(place)
        e2e.write(root / "proc/devices", "Character devices:\n510 nvidia-uvm\n511 nvidia-caps\n")
        process(root, 10, fds=["/dev/nvidia-uvm-tools", "/dev/nvidia-caps/nvidia-cap2",
                               "/srv/root/dev/nvidia0", "/dev/nvidia-uvmx", "/tmp/nvidia0"])
        assert held(ps(root), 10) == ["/dev/nvidia0", "/dev/nvidia-uvm", "/dev/nvidia-caps"]


def test_a_virtual_machine_holds_the_group_of_its_gpu():
    with e2e.place() as place:
        root = machines.unpack("desktop-vfio", place / "machine")
        slot = root / "sys/bus/pci/devices/0000:0a:00.0"
        (slot.resolve() / "iommu_group").symlink_to("../../../../kernel/iommu_groups/14")
        e2e.write(root / "sys/class/vfio/14/dev", "511:0\n")
        process(root, 10, "qemu-system-x86", fds=["/dev/vfio/14", "/dev/vfio/vfio"])
        assert "/dev/vfio/14" in held(ps(root, "0a:00"), 10), ps(root)
        result = e2e.run(NV_GPU, "ps", "--sysroot", root)
        assert "vfio/14" in result.stdout, result.stdout


def test_only_shared_mappings_count():
    with e2e.place() as place:
        root = laptop(place)
        process(root, 10, maps="7f0-7f1 rw-p 00000000 00:06 5    /dev/nvidia0\n")
        process(root, 11, maps="7f0-7f1 r--s 00000000 00:06 5    /dev/dri/card0 (deleted)\n"
                               "7f1-7f2 rw-s 00000000 00:06 5    /srv/root/dev/nvidia0\n")
        process(root, 12, maps="x" * 200000 + "\n7f0-7f1 rw-s 00000000 00:06 5 /dev/nvidia0")
        found = ps(root)
        assert held(found, 10) is None
        assert held(found, 11) == ["/dev/dri/card0", "/dev/nvidia0"], found


def test_programs_that_compute_on_amd_gpus_are_listed_apart():
    with e2e.place() as place:
        root = machines.unpack("laptop-amd-amd", place / "machine")
        e2e.write(root / "sys/class/kfd/kfd/dev", "240:0\n")
        process(root, 10, "rocm", ["/dev/kfd"])
        assert ps(root)["processes"][0]["tied"] is False
        other = laptop(place / "other")
        e2e.write(other / "sys/class/kfd/kfd/dev", "240:0\n")
        process(other, 10, "rocm", ["/dev/kfd"])
        assert ps(other)["processes"] == []


def test_a_driver_that_would_wake_its_gpu_is_not_asked():
    with e2e.place() as place:
        root = machines.unpack("laptop-intel-dg2", place / "machine")
        gpu = next(path.parent for path in (root / "sys/devices").rglob("uevent")
                   if "03:00.0" in str(path))
        node = next((gpu / "drm").glob("renderD*")).name
        process(root, 10, fds=[f"/dev/dri/{node}"], fdinfo={0: FDINFO.format(client=1, ns=5)})
        for driver, status, told in (("xe", "suspended", False), ("xe", "active", True),
                                     ("i915", "suspended", True)):
            machines.set_driver(gpu, driver)
            e2e.write(gpu / "power/runtime_status", status + "\n")
            one = ps(root)["processes"][0]
            assert bool(one["usage"]) is told and one["asleep"] is not told, (driver, status, one)
        machines.set_driver(gpu, "xe")
        e2e.write(gpu / "power/runtime_status", "suspended\n")
        assert "asleep" in e2e.run(NV_GPU, "ps", "--sysroot", root).stdout


def test_usage_is_that_of_the_gpu_that_is_asked_for():
    with e2e.place() as place:
        root = laptop(place)
        process(root, 10, fds=["/dev/dri/renderD128", "/dev/nvidia0"],
                fdinfo={0: FDINFO.format(client=7, ns=5000000000)})
        assert "5.0s" in e2e.run(NV_GPU, "ps", "00:02.0", "--sysroot", root).stdout
        assert "5.0s" not in e2e.run(NV_GPU, "ps", "01:00.0", "--sysroot", root).stdout


def test_users_are_those_of_the_recorded_machine():
    with e2e.place() as place:
        root = laptop(place)
        e2e.write(root / "etc/passwd", "root::0:0::/:/bin/sh\n:\nbad\nann:x:1000:1000::/:/bin/sh")
        process(root, 10, fds=["/dev/nvidia0"])
        process(root, 11, fds=["/dev/nvidia0"], uid=0)
        process(root, 12, fds=["/dev/nvidia0"], uid=7)
        assert [x["user"] for x in ps(root)["processes"]] == ["ann", "root", "7"]


def test_a_machine_without_gpus_has_no_holders():
    with e2e.place() as place:
        root = machines.unpack("no-gpu", place / "machine")
        process(root, 10, fds=["/dev/nvidia0", "/dev/dri/card0"])
        assert ps(root)["processes"] == []
        assert "There is no GPU" in e2e.run(NV_GPU, "ps", "--sysroot", root).stdout


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
