# SPDX-License-Identifier: MIT
"""What nv-run costs, on the true paths of a recorded two-GPU laptop."""
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys

import machines
from bench_common import Results, write

BARE = "/bin/true"
LAPTOP = "laptop-intel-nvidia"
ROUNDS = 20

PRIME_RUN = """#!/bin/{shell}
__NV_PRIME_RENDER_OFFLOAD=1 __VK_LAYER_NV_optimus=NVIDIA_only \\
__GLX_VENDOR_LIBRARY_NAME=nvidia exec "$@"
"""

SETENV = r"""
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	(void)argc;
	setenv("__NV_PRIME_RENDER_OFFLOAD", "1", 1);
	setenv("__VK_LAYER_NV_optimus", "NVIDIA_only", 1);
	setenv("__GLX_VENDOR_LIBRARY_NAME", "nvidia", 1);
	execvp(argv[1], argv + 1);
	return 127;
}
"""

PEAK = r"""
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	struct rusage usage;
	int status;
	(void)argc;
	if (vfork() == 0) {
		execv(argv[1], argv + 1);
		_exit(127);
	}
	if (wait4(-1, &status, 0, &usage) < 0 || status)
		return 1;
	printf("%ld\n", usage.ru_maxrss);
	return 0;
}
"""


def sections(count):
    return "".join(f"[game-{i:06d}]\ngpu = discrete\nset.MANGOHUD = 1\n# of {count}\n\n"
                   for i in range(count))


class Bench(Results):
    def __init__(self, options, place):
        super().__init__()
        self.options = options
        self.place = place
        self.nv_run = str(pathlib.Path(options.build) / "src" / "nv-run")
        self.results |= {"wall_ms": {}, "instructions": {}}
        self.laptop = machines.unpack(LAPTOP, place / "laptop")
        write(place / "setenv.c", SETENV)
        subprocess.run(["cc", "-O2", "-static", str(place / "setenv.c"), "-o",
                        str(place / "setenv")], check=True)
        for shell in ("bash", "dash"):
            write(place / f"prime-run-{shell}", PRIME_RUN.format(shell=shell), 0o755)
        for count in (10, 1000, 100000):
            write(place / f"rules-{count}" / "50-games.conf", sections(count))
        for number in range(10):
            write(place / "ten" / f"{number}0.conf", sections(10))

    def rules(self, count):
        return f"{self.nv_run} -q --rules={self.place}/rules-{count}"

    def commands(self):
        """Everything that is timed, in one run of hyperfine."""
        here = self.place
        return {
            "the program alone": BARE,
            "env A=1": f"env A=1 {BARE}",
            "static C, three setenv": f"{here}/setenv {BARE}",
            "prime-run in dash": f"{here}/prime-run-dash {BARE}",
            "prime-run in bash": f"{here}/prime-run-bash {BARE}",
            "nv-run, no rules": f"{self.nv_run} -q --no-rules {BARE}",
            "nv-run, 10 sections": f"{self.rules(10)} {BARE}",
            "nv-run, 1,000 sections": f"{self.rules(1000)} {BARE}",
            "nv-run, 100,000 sections": f"{self.rules(100000)} {BARE}",
        }

    def on_laptop(self):
        """Shell lines that put the recorded laptop in this machine's place: its /sys, and its
        drivers' files laid over /usr."""
        return f"""mount --rbind {self.laptop}/sys /sys
mount -t overlay overlay -o lowerdir={self.laptop}/usr:/usr /usr
export DISPLAY=:4711 XDG_SESSION_TYPE=x11"""

    def time(self):
        """On the true paths of a two-GPU laptop: its /sys and /proc/driver over this machine's."""
        commands = self.commands()
        switcheroo = self.switcheroo()
        # In rounds: a machine that grows slower meanwhile slows all of them.
        script = write(self.place / "time.sh", f"""
set -e
{self.on_laptop()}
for round in $(seq {ROUNDS})
do hyperfine -N --warmup 5 --runs {max(1, self.options.runs // ROUNDS)} \\
    --export-json {self.place}/times-$round.json "$@"
done
""")
        names = list(commands)
        words = [commands[name] for name in names]
        if switcheroo:
            names.append("switcherooctl launch")
            words.append(f"switcherooctl launch {BARE}")
        subprocess.run([*switcheroo, *self.namespace(), "sh", str(script), *words], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times = [[] for _ in names]
        for path in self.place.glob("times-*.json"):
            for one, result in zip(times, json.loads(path.read_text())["results"]):
                one += result["times"]
        for name, one in zip(names, times):
            self.results["wall_ms"][name] = {
                key: round(1000 * value, 4) for key, value in (
                    ("median", statistics.median(one)), ("min", min(one)),
                    ("mean", statistics.fmean(one)), ("stddev", statistics.stdev(one)))}

    def namespace(self):
        return ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]

    def switcheroo(self):
        """A private system bus with the real daemon on it, if it is installed."""
        daemon = "/usr/libexec/switcheroo-control"
        if not (os.path.exists(daemon) and shutil.which("switcherooctl") and
                shutil.which("dbus-run-session")):
            return []
        script = write(self.place / "bus.sh", f"""#!/bin/sh
export DBUS_SYSTEM_BUS_ADDRESS=$DBUS_SESSION_BUS_ADDRESS
{daemon} >/dev/null 2>&1 &
daemon=$!
sleep 1
"$@"
status=$?
kill $daemon
exit $status
""", 0o755)
        return ["dbus-run-session", "--", str(script)]

    def count(self):
        """Instructions do not depend on the machine; a recording makes the work the same."""
        cases = {
            # A process that becomes another one leaves callgrind no end to write its count at:
            # these find no program, nv-run makes a dry run.
            "static C, three setenv": [f"{self.place}/setenv", "/nonexistent"],
            "env A=1": ["env", "A=1", "/nonexistent"],
        }
        for rules in (10, 1000, 100000):
            cases[f"nv-run, {rules:,} sections"] = [
                self.nv_run, "-q", f"--sysroot={self.laptop}",
                f"--rules={self.place}/rules-{rules}", "--dry-run", BARE]
        for name, command in cases.items():
            out = self.place / "callgrind.out"
            result = subprocess.run(
                ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}",
                 "--trace-children=no", *command],
                capture_output=True, text=True, check=False,
                env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"})
            total = re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.M)
            if not total:
                sys.exit(f"bench: valgrind gave no count for {name}: {result.stderr[-300:]}")
            self.results["instructions"][name] = int(total.group(1))

    def system_calls(self):
        """Own calls, those behind the C library's start, up to exec; on true paths, under X."""
        trace = self.place / "trace"
        script = write(self.place / "trace.sh", f"""
set -e
{self.on_laptop()}
exec strace -o {trace} {self.nv_run} -q --rules={self.place}/ten {BARE}
""")
        subprocess.run([*self.namespace(), "sh", str(script)], check=True)
        lines = trace.read_text().splitlines()
        calls = []
        for line in lines[1:]:
            if line.startswith("execve("):
                break
            calls.append(line)
        # The library's start ends with its own memory settled; the first call of main asks for a
        # file by the name that was given.
        first = next(i for i, line in enumerate(calls) if BARE in line)
        self.results["system_calls"] = {"own": len(calls) - first + 1, "all": len(calls) + 2}

    def memory(self):
        """The peak of a dry run, as its own parent sees it; the parent is as small as can be."""
        script = write(self.place / "peak.c", PEAK)
        subprocess.run(["cc", "-O2", "-static", str(script), "-o", str(self.place / "peak")],
                       check=True)
        result = subprocess.run(
            [str(self.place / "peak"), self.nv_run, f"--sysroot={self.laptop}", "-q",
             f"--rules={self.place}/rules-100000", "--dry-run", BARE],
            capture_output=True, text=True, check=True)
        self.results["memory_kib"] = {"peak": int(result.stdout.split()[-1])}

    def judge(self):
        wall = {name: value["median"] for name, value in self.results["wall_ms"].items()}
        alone = wall["the program alone"]
        over = {name: value - alone for name, value in wall.items()}
        thousand = over["nv-run, 1,000 sections"]
        self.target("overhead against env A=1", thousand / over["env A=1"], 1.0)
        self.target("overhead against static C", thousand / over["static C, three setenv"], 1.3)
        self.target("overhead against prime-run in dash", thousand / over["prime-run in dash"], 1.0)
        self.target("overhead against prime-run in bash", thousand / over["prime-run in bash"], 1.0)
        if "switcherooctl launch" in over:
            self.target("overhead against switcherooctl launch",
                        thousand / over["switcherooctl launch"], 1 / 20)
        self.target("100,000 sections over 10, ms",
                    wall["nv-run, 100,000 sections"] - wall["nv-run, 10 sections"], 3.0)
        ins = self.results["instructions"]
        small, middle, large = (ins[f"nv-run, {n} sections"] for n in ("10", "1,000", "100,000"))
        self.target("instructions a section, many against few",
                    ((large - middle) / 99000) / ((middle - small) / 990), 1.1)
        self.target("own system calls before exec", self.results["system_calls"]["own"], 64)
        self.target("peak memory with 100,000 sections, KiB",
                    self.results["memory_kib"]["peak"], 4096)

    def show(self):
        print(f"{'wall time of a start, ms':40} {'median':>8} {'min':>8} {'over alone':>11}")
        alone = self.results["wall_ms"]["the program alone"]["median"]
        for name, value in self.results["wall_ms"].items():
            print(f"  {name:38} {value['median']:8.3f} {value['min']:8.3f}"
                  f" {value['median'] - alone:11.3f}")
        print(f"\n{'instructions before exec':40} {'count':>12}")
        for name, value in self.results["instructions"].items():
            print(f"  {name:38} {value:12,}")
        calls = self.results["system_calls"]
        print(f"\nsystem calls before exec, 10 rule files: {calls['own']} own,"
              f" {calls['all']} with the C library's start")
        print(f"peak memory, 100,000 sections: {self.results['memory_kib']['peak']} KiB")

    def run(self):
        self.time()
        self.count()
        self.system_calls()
        self.memory()
        self.judge()
        self.show()
