# SPDX-License-Identifier: MIT
"""nv-gpu on a real kernel: gpu-tests.py look|bind|kill. One boot runs gpu-SUBJECT.sh; the tests look
at what it said. See gpu-lib.sh for the GPUs."""
import functools
import os
import pathlib
import re
import sys

import vm
from vm import tap

SUBJECT = sys.argv[1]
SCRIPT = vm.HERE / f"gpu-{SUBJECT}.sh"
TOOLS = pathlib.Path(os.environ["NV_VM_TOOLS"])
CHECKS = re.findall(r'^\s*check "([^"]+)"', SCRIPT.read_text(), re.M)

DEVICES = """
-device pci-testdev,bus=rp1,addr=0.3
-device pci-testdev,bus=rp2,addr=0.3
-device pcie-pci-bridge,id=bridge,bus=hp0
-device bochs-display,bus=bridge,addr=1
-device intel-hda,bus=bridge,addr=2
"""


@functools.lru_cache(maxsize=None)
def boot():
    return vm.run(SCRIPT, gpus="virtio,ati,ati,bochs", timeout=900,
                  options=["--qemu", " ".join(DEVICES.split())],
                  files={"nv-gpu": pathlib.Path(os.environ["NV_GPU"]),
                         "hold": TOOLS / "hold", "steps": TOOLS / "steps",
                         "gpu-lib.sh": vm.HERE / "gpu-lib.sh"})


def the_script_came_to_its_end():
    assert boot().status in (0, 1), boot()


def was_fine(what):
    """A name with a variable stands for those that the script made of it."""
    pattern = re.sub(r"\\\$\w+", r"\\w+", re.escape(what))
    lines = boot().stdout.splitlines()
    made = [line for line in lines if re.fullmatch(f"(not )?ok - {pattern}", line)]
    assert made and all(line.startswith("ok") for line in made), (
        f"{made}; the guest said:\n{boot().stdout}{boot().stderr}")


if __name__ == "__main__":
    assert len(CHECKS) > 5, CHECKS
    tap.run([(tap.sentence(the_script_came_to_its_end), the_script_came_to_its_end)] +
            [(what, lambda what=what: was_fine(what)) for what in CHECKS])
