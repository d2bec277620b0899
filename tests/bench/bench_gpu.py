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
import json, os, subprocess, sys, time, resource
program, directory, processes, runs, seconds = sys.argv[1:]
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
        found = json.loads(subprocess.run([program, "ps", "--json"], check=True,
                                          stdout=subprocess.PIPE).stdout)
        watch = subprocess.Popen([program, "awake", "--watch"], stdout=void)
        time.sleep(2)
        def used():
            # On-CPU nanoseconds: clock ticks of 10 ms are too coarse for so little.
            return int(open(f"/proc/{watch.pid}/schedstat").read().split()[0])
        before = used()
        time.sleep(int(seconds))
        share = (used() - before) / (int(seconds) * 1e9) * 100
        watch.terminate()
        watch.wait()
    print(json.dumps({"found": len(found["processes"]), "watch": share}))
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
        self.results["wall_ms"] = {"nv-gpu ps": ours, "fuser -v": fuser}
        self.results["found"] = said["found"]
        print(f"with {PROCESSES} processes, {said['found']} of them holders\n"
              f"  nv-gpu ps {ours:.1f} ms, fuser -v {fuser:.1f} ms")
        self.target(f"ps / fuser -v, {PROCESSES} processes", ours / fuser, 0.5)
        self.target("awake --watch, % CPU", said["watch"], 0.1)
