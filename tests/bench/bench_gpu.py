# SPDX-License-Identifier: MIT
"""What nv-gpu costs on this machine's own /proc, with /sys recorded and a GPU's nodes made up."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

from bench_common import Results, write
import e2e
import machines
import tree

PROCESSES, WATCH_SECONDS = 2000, 20

# In a mount namespace: the recorded /sys, and the nodes that fuser is asked for, by the number
# that /sys tells. They are those of /dev/full, as nobody here has a GPU's.
INSIDE = """
import ctypes, json, os, platform, struct, subprocess, sys, time
program, directory, processes, runs, seconds = sys.argv[1:]

# Linux before 6.11 does not know PROCMAP_QUERY: a filter that refuses it (seccomp(2)), for x86_64
# and what has its numbers from asm-generic.
def older_kernel():
    ioctl = {"x86_64": 16}.get(platform.machine(), 29)
    code = [(0x20, 0, 0, 0), (0x15, 0, 3, ioctl), (0x20, 0, 0, 24), (0x15, 0, 1, 0xc0686611),
            (0x06, 0, 0, 0x00050019), (0x06, 0, 0, 0x7fff0000)]
    text = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
    program = struct.pack("HxxxxxxP", len(code), ctypes.addressof(text))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")
os.makedirs("/dev/shm/dri", exist_ok=True)
subprocess.run(["mount", "-t", "tmpfs", "none", "/dev/shm"], check=True)
nodes = ["/dev/shm/renderD128", "/dev/shm/card1"]
for node in nodes:
    subprocess.run(["mknod", node, "c", "1", "7"], check=True)
sleepers = [subprocess.Popen(["sleep", "600"], stdin=open(nodes[0]) if i % 100 == 0 else None)
            for i in range(int(processes))]
try:
    with open(os.devnull, "w") as void:
        subprocess.run(["hyperfine", "-N", "-i", "--warmup", "3", "--runs", runs,
                        "--export-json", directory + "/times.json", program + " ps",
                        "fuser -v " + " ".join(nodes)], check=True, stdout=void, stderr=void)
        subprocess.run(["hyperfine", "-N", "-i", "--warmup", "3", "--runs", runs, "--export-json",
                        directory + "/older.json", program + " ps"], check=True, stdout=void,
                       stderr=void, preexec_fn=older_kernel)
        found = json.loads(subprocess.run([program, "ps", "--json"], check=True,
                                          stdout=subprocess.PIPE).stdout)
        watch = subprocess.Popen([program, "awake", "--watch"], stdout=void)
        time.sleep(2)
        def used():
            # On-CPU nanoseconds: clock ticks of 10 ms are too coarse for so little.
            return int(open(f"/proc/{watch.pid}/schedstat").read().split()[0])
        def wakeups():
            status = open(f"/proc/{watch.pid}/status").read()
            return int(status.split("voluntary_ctxt_switches:")[1].split()[0])
        before, woken = used(), wakeups()
        time.sleep(int(seconds))
        woken = (wakeups() - woken) / int(seconds)
        share = (used() - before) / (int(seconds) * 1e9) * 100
        watch.terminate()
        watch.wait()
    print(json.dumps({"found": len(found["processes"]), "watch": share, "wakeups": woken}))
finally:
    for sleeper in sleepers:
        sleeper.kill()
"""

# list and lspci -D on one tree; then what each opens, the dynamic loader's files too.
LIST = """
import json, os, re, subprocess, sys
program, directory, runs = sys.argv[1:]
commands = [[program, "list"], ["lspci", "-D"]]
with open(os.devnull, "w") as void:
    subprocess.run(["hyperfine", "-N", "--warmup", "10", "--runs", runs, "--export-json",
                    directory + "/times.json", *(" ".join(x) for x in commands)],
                   check=True, stdout=void, stderr=void)
    opened = []
    for command in commands:
        trace = directory + "/trace"
        subprocess.run(["strace", "-f", "-e", "trace=open,openat,openat2", "-o", trace, *command],
                       check=True, stdout=void)
        opened.append(len(re.findall(r"open", open(trace).read())))
print(json.dumps(opened))
"""

HERE = "this machine"
FROM_DRIVER, FROM_IDS = "8 GPUs, named by the driver", "8 GPUs, named by pci.ids"


class Bench(Results):
    def __init__(self, options, place):
        super().__init__()
        self.options = options
        self.place = place
        self.nv_gpu = f"{options.build}/src/nv-gpu"

    def run(self):
        self.list()
        self.ps_and_watch()

    def eight(self, name):
        """The server with eight GPUs; pci.ids is this machine's, in its full length."""
        root = self.place / name.split()[-1]
        tree.complete(machines.unpack("server-eight-gpus", root))
        if name == FROM_IDS:
            shutil.rmtree(root / "proc/driver/nvidia/gpus")
        return root

    def list(self):
        e2e.needs("lspci", "strace")
        for name in (FROM_DRIVER, FROM_IDS, HERE):
            command = [sys.executable, "-c", LIST, self.nv_gpu, str(self.place),
                       str(max(20, self.options.runs // 5))]
            if name == HERE:
                result = e2e.run(*command, timeout=600)
            else:
                result = e2e.namespace(self.eight(name), 'exec "$@"', *command, timeout=600)
            if result.returncode:
                raise subprocess.SubprocessError(result.stderr)
            opened = json.loads(result.stdout)
            times = json.loads((self.place / "times.json").read_text())["results"]
            ours, lspci = [x["median"] * 1000 for x in times]
            self.results[f"list, {name}"] = {"nv-gpu list ms": ours, "lspci -D ms": lspci,
                                             "files opened": opened}
            print(f"{name}: nv-gpu list {ours:.2f} ms, lspci -D {lspci:.2f} ms; "
                  f"files opened {opened[0]} and {opened[1]}")
            self.target(f"list / lspci -D, {name}", ours / lspci, 0.5)
            self.target("  files opened, of lspci's", opened[0] / opened[1], 1.0)

    def ps_and_watch(self):
        e2e.needs("fuser")
        root = machines.unpack(e2e.LAPTOP, self.place / "machine")
        for node in ("renderD128", "card1"):
            write(pathlib.Path(os.path.realpath(root / f"sys/class/drm/{node}")) / "dev", "1:7\n")
        result = e2e.namespace(root, 'exec "$@"', sys.executable, "-c", INSIDE, self.nv_gpu,
                               str(self.place), str(PROCESSES),
                               str(max(10, self.options.runs // 20)), str(WATCH_SECONDS),
                               timeout=600)
        if result.returncode:
            raise subprocess.SubprocessError(result.stderr)
        said = json.loads(result.stdout)
        times = json.loads((self.place / "times.json").read_text())["results"]
        ours, fuser = [x["median"] * 1000 for x in times]
        older = json.loads((self.place / "older.json").read_text())["results"][0]["median"] * 1000
        self.results["wall_ms"] = {"nv-gpu ps": ours, "nv-gpu ps, by the text of maps": older,
                                   "fuser -v": fuser}
        self.results["processors"] = len(os.sched_getaffinity(0))
        self.results["found"] = said["found"]
        print(f"with {PROCESSES} processes, {said['found']} of them holders, on "
              f"{self.results['processors']} processors\n"
              f"  nv-gpu ps {ours:.1f} ms, as on kernels before 6.11 {older:.1f} ms, "
              f"fuser -v {fuser:.1f} ms\n"
              f"  awake --watch wakes up {said['wakeups']:.1f} times a second")
        self.target(f"ps / fuser -v, {PROCESSES} processes", ours / fuser, 0.5)
        self.target("  the same by the text of maps", older / fuser, 0.5)
        self.target("awake --watch, % CPU", said["watch"], 0.1)
        self.target("awake --watch, wakeups a second", said["wakeups"], 4)
