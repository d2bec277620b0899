# SPDX-License-Identifier: MIT
"""nv-gpu on a real kernel, with a driver that behaves like NVIDIA's: gpu-tests.py SUBJECT. One
boot runs gpu-SUBJECT.sh; the tests are its checks."""
import functools
import os
import pathlib
import re
import sys

import vm
from vm import tap

SUBJECT = sys.argv[1]
SCRIPT = vm.HERE / f"gpu-{SUBJECT}.sh"
CHECKS = re.findall(r'^check "([^"]+)"', SCRIPT.read_text(), re.M)


@functools.lru_cache(maxsize=None)
def boot():
    return vm.run(SCRIPT, gpus="virtio,cirrus,cirrus", timeout=500, files={
        "nv-gpu": pathlib.Path(os.environ["NV_GPU"]), "gpu.sh": vm.HERE / "gpu.sh"})


def nothing_failed_beside_the_checks():
    assert boot().status == 0, boot()


if __name__ == "__main__":
    assert len(CHECKS) == len(set(CHECKS)) >= 5, CHECKS
    tap.run([(what, lambda what=what: boot().checked(what)) for what in CHECKS] +
            [(tap.sentence(nothing_failed_beside_the_checks), nothing_failed_beside_the_checks)])
