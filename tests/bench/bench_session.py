# SPDX-License-Identifier: MIT
"""What nv-session costs, on a real Xorg with GPUs that are made up."""
import json
import os
import re
import subprocess
import time

import rig
from bench_common import Results, write

LAPTOP = [
    rig.Gpu("modesetting", caps="0xf", outputs=["eDP-1:c:1920x1080,1280x720",
                                                "HDMI-1:d:1920x1080"]),
    rig.Gpu("NVIDIA-G0", driver="nvidia", caps="sink-output,source-offload",
            outputs=["HDMI-1-0:c:2560x1440,1920x1080", "DP-1-0:d:1920x1080"]),
]


class Bench(Results):
    def __init__(self, options, place):
        super().__init__()
        self.options = options
        self.place = place
        self.nv_session = f"{options.build}/src/nv-session"
        self.results["wall_ms"] = {}

    def environment(self, server):
        place = self.place / "runtime"
        place.mkdir(mode=0o700, exist_ok=True)
        return {**server.env, "XDG_RUNTIME_DIR": str(place)}

    def time(self, server, commands, prepare=None):
        """Medians in milliseconds, by hyperfine, in one run."""
        words = []
        if prepare:
            words += ["--prepare", prepare]
        subprocess.run(["hyperfine", "-N", "--warmup", "5", "--runs",
                        str(max(10, self.options.runs // 5)), "--export-json",
                        str(self.place / "times.json"), *words, *commands.values()],
                       check=True, env=self.environment(server), stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        times = json.loads((self.place / "times.json").read_text())["results"]
        for name, result in zip(commands, times):
            self.results["wall_ms"][name] = round(result["median"] * 1000, 4)

    def set_up(self, server):
        """From a laptop's server as it started: what NixOS' hook runs, and we."""
        script = write(self.place / "hook", "#!/bin/dash\n"
                       "xrandr --setprovideroutputsource NVIDIA-G0 modesetting\n"
                       "xrandr --auto\n", 0o755)
        back = write(self.place / "back", "#!/bin/dash\n"
                     "xrandr --output HDMI-1-0 --off --output eDP-1 --pos 0x0\n"
                     "xrandr --setprovideroutputsource NVIDIA-G0 0x0\n"
                     "xrandr --fb 1920x1080\nexit 0\n", 0o755)
        self.time(server, {
            "two xrandr commands": str(script),
            "nv-session setup": f"{self.nv_session} setup --mode reverse-sync",
        }, str(back))

    def look(self, server):
        self.time(server, {
            "xrandr --listproviders": "xrandr --listproviders",
            "nv-session providers": f"{self.nv_session} providers",
            "nv-session setup, nothing to do": f"{self.nv_session} setup --mode reverse-sync",
        })

    def round_trips(self, server):
        """Of a setup with nothing to do: how often it sends something and then waits."""
        trace = self.place / "trace"
        subprocess.run(["strace", "-o", str(trace), "-e", "trace=network,read,write,writev,poll",
                        self.nv_session, "setup", "--mode", "reverse-sync"], check=True,
                       env=self.environment(server))
        trips, sent, fd = 0, False, None
        for line in trace.read_text().splitlines():
            match = re.match(r"(\w+)\((\d+)", line)
            if line.startswith("socket("):
                fd = line.split("= ")[-1]
            elif match and match.group(2) == fd:
                if match.group(1) in ("writev", "sendmsg", "sendto", "write"):
                    sent = True
                elif match.group(1) in ("recvmsg", "recvfrom", "read") and sent and "= -1" not in line:
                    trips, sent = trips + 1, False
        self.results["round_trips"] = trips

    def watch(self, server):
        """Five idle seconds."""
        with subprocess.Popen([self.nv_session, "watch", "--mode", "reverse-sync"],
                              env=self.environment(server)) as watch:
            time.sleep(1)
            before = self.ticks(watch.pid)
            time.sleep(5)
            status = open(f"/proc/{watch.pid}/status", encoding="ascii").read()
            self.results["watch_cpu_ticks"] = self.ticks(watch.pid) - before
            self.results["watch_peak_kib"] = int(re.search(r"VmHWM:\s+(\d+)", status).group(1))
            watch.terminate()
            watch.wait(10)

    @staticmethod
    def ticks(pid):
        fields = open(f"/proc/{pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def judge(self):
        wall = self.results["wall_ms"]
        self.target("setup against two xrandr commands",
                    wall["nv-session setup"] / wall["two xrandr commands"], 0.6)
        self.target("providers against xrandr --listproviders",
                    wall["nv-session providers"] / wall["xrandr --listproviders"], 1.0)
        self.target("round trips of a second setup", self.results["round_trips"], 10)
        self.target("CPU ticks of watch, five idle seconds", self.results["watch_cpu_ticks"], 0)
        self.target("peak memory of watch, KiB", self.results["watch_peak_kib"], 8 << 10)

    def run(self):
        os.environ.pop("DISPLAY", None)
        with rig.xorg(LAPTOP, autobind=False) as server:
            self.set_up(server)
            server.client(self.nv_session, "setup", "--mode", "reverse-sync")
            self.look(server)
            self.round_trips(server)
            self.watch(server)
        self.judge()
        print(f"{'wall time, ms':40} {'median':>8}")
        for name, value in self.results["wall_ms"].items():
            print(f"  {name:38} {value:8.3f}")
