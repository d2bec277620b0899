# SPDX-License-Identifier: MIT
"""nv-session on real DRM GPUs, the modesetting driver on each. One boot runs session.sh; a short one
for each pair of GPUs that cannot share an X screen. What the checks are is read from that script, so
that none can be forgotten here."""
import functools
import os
import pathlib
import re

import vm
from vm import tap

SCRIPT = vm.HERE / "session.sh"
FILES = {f"bin/{name.lower().replace('_', '-')}": pathlib.Path(os.environ[name])
         for name in ("NV_SESSION", "NV_RUN")}

# Pairs that fail as hardware does, and what is said of each.
PAIRS = {
    "virtio,virtio": "the driver refused the mode; all is as it was before",
    "virtio,bochs": "no other GPU has the capability Sink Output",
    "bochs,cirrus": "lacks the capability Source Output",
}


def checks(of_a_pair):
    """What the script checks: all of it, or its function refused()."""
    text = SCRIPT.read_text(encoding="utf-8")
    start = text.index("\nrefused()")
    end = text.index("\n}", start)
    return re.findall(r'\bcheck "([^"]+)"', text[start:end] if of_a_pair else text[:start] + text[end:])


@functools.lru_cache(maxsize=None)
def boot(gpus="virtio,cirrus"):
    return vm.run(SCRIPT, *([PAIRS[gpus]] if gpus in PAIRS else []), gpus=gpus, files=FILES, timeout=200)


if __name__ == "__main__":
    tests = [(what, lambda what=what: boot().checked(what)) for what in checks(False)]
    tests += [(f"{gpus}: {what}", lambda gpus=gpus, what=what: boot(gpus).checked(what))
              for gpus in PAIRS for what in checks(True)]
    assert len({name for name, _ in tests}) == len(tests), "two checks of one name"
    tap.run(tests)
