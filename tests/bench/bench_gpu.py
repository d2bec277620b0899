# SPDX-License-Identifier: MIT
"""What nv-gpu costs on this machine's own /proc, with /sys recorded and a GPU's nodes made up."""
import json
import os
import pathlib
import subprocess
import sys

from bench_common import Results, write
import e2e
import machines

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


class Bench(Results):
    def __init__(self, options, place):
        super().__init__()
        self.options = options
        self.place = place
        self.nv_gpu = f"{options.build}/src/nv-gpu"

    def run(self):
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
