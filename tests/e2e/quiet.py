# SPDX-License-Identifier: MIT
"""Looking wakes nothing: no PCI configuration space, no device node, on any machine; and the
true paths give the same answers as a recording does."""
import json
import re

import e2e
from e2e import NV_RUN, machines, tap

FORBIDDEN = re.compile(r'"[^"]*(/sys/[^"]*/config|/dev/nvidia[^"]*|/dev/dri[^"]*)"')
QUESTIONS = [["--list"], ["-n", "true"], ["-x", "-g", "nvidia", "true"], ["-g", "integrated", "true"],
             ["-o", "cuda=nvidia", "true"], ["-g", "uuid=GPU-1", "true"], ["true"]]


def opened(*command, env=None):
    """The paths in all system calls of a command that name one, up to its exec."""
    with e2e.place() as place:
        trace = place / "trace"
        e2e.run("strace", "-f", "-e", "trace=%file", "-o", trace, *command, env=env)
        return trace.read_text()


def test_the_check_sees_what_it_looks_for():
    e2e.needs("strace")
    for path in ("/sys/bus/pci/devices/0000:00:00.0/config", "/dev/nvidia0", "/dev/dri/card0"):
        assert FORBIDDEN.search(opened("cat", path)), path


def quiet(name):
    e2e.needs("strace")
    with e2e.place() as place:
        root = machines.unpack(name, place / "root")
        env = e2e.environment(DISPLAY=":4711", XDG_SESSION_TYPE="x11", **e2e.TRACED)
        rules = e2e.write(place / "rules.conf", "[true]\nwhen.awake = yes\nwhen.gpu = nvidia\n"
                          "[true]\nwhen.display = external\n[true]\nwhen.power = ac\n")
        for question in QUESTIONS:
            text = opened(NV_RUN, f"--sysroot={root}", f"--rules={rules}", *question, env=env)
            assert "class/drm" in text, "the trace shows nothing"
            found = FORBIDDEN.search(text)
            assert not found, (question, found.group(0))


def same_on_true_paths(name):
    """The shipped binary in a mount namespace with the machine bound over /sys and /proc."""
    e2e.needs("strace")
    with e2e.place() as place:
        root = machines.unpack(name, place / "root")
        env = e2e.environment(**e2e.TRACED)
        for question in (["--list", "--json"], ["-n", "--json", "-g", "integrated", "true"],
                         ["-n", "--json", "-g", "nvidia", "true"]):
            words = ["--no-rules", *question]
            recorded = e2e.nv_run(f"--sysroot={root}", *words, env=env)
            trace = place / "trace"
            over = f"mount -t overlay overlay -o lowerdir={root}/usr:/usr /usr 2>/dev/null;"
            real = e2e.namespace(root, over + 'exec "$@"', "strace", "-e", "trace=%file", "-o",
                                 trace, NV_RUN, *words, env=env)
            assert real.returncode == recorded.returncode, (question, real)
            assert json.loads(real.stdout) == json.loads(recorded.stdout), question
            assert not FORBIDDEN.search(trace.read_text()), question


TRUE_PATHS = ["laptop-intel-nvidia", "laptop-amd-nvidia", "laptop-amd-amd", "desktop-vfio",
              "desktop-two-same-nvidia", "workstation-domain-1", "laptop-boot-display", "server-eight-gpus"]

if __name__ == "__main__":
    tap.run(e2e.tests(globals()) +
            [(f"{name} is looked at without waking anything", lambda name=name: quiet(name))
             for name in machines.names()] +
            [(f"{name} is the same on true paths", lambda name=name: same_on_true_paths(name))
             for name in TRUE_PATHS])
