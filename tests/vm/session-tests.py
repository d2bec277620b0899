# SPDX-License-Identifier: MIT
"""nv-session on a real kernel: two DRM GPUs, Xorg's own modesetting driver, reverse sync. One boot
runs session.sh; the tests look at what it said and at what each GPU showed."""
import functools
import os
import pathlib
import re

import vm
from vm import tap

CHECKS = re.findall(r'^check "([^"]+)"', (vm.HERE / "session.sh").read_text(), re.M)


@functools.lru_cache(maxsize=None)
def boot():
    return vm.run(vm.HERE / "session.sh",
                  files={"nv-session": pathlib.Path(os.environ["NV_SESSION"])})


def shows(dump, *colour):
    image = vm.Image(boot().files[dump])
    assert image.is_all(*colour), sorted(image.colours.items())[:10]


if __name__ == "__main__":
    assert len(CHECKS) > 15, CHECKS
    pictures = [("both0.ppm", (0x20, 0x60, 0xc0), "the first GPU shows what is painted"),
                ("both1.ppm", (0x20, 0x60, 0xc0), "the second GPU shows it by nv-session"),
                ("after0.ppm", (0xc0, 0x60, 0x20), "after reset the first GPU shows what is painted")]
    tap.run([(what, lambda what=what: boot().checked(what)) for what in CHECKS] +
            [(what, lambda dump=dump, colour=colour: shows(dump, *colour))
             for dump, colour, what in pictures])
