# SPDX-License-Identifier: MIT
"""The virtual machine is what other tests take it for: two GPUs that can show one desktop, and
that can be given away. One boot runs rig.sh; the tests look at what it said and left."""
import functools

import vm
from vm import tap

# What rig.sh checks, by its own words.
CHECKS = [
    "two GPUs are DRM devices at their slots",
    "Xorg starts on two GPUs",
    "an unbound GPU has no outputs",
    "xrandr makes the first GPU the source of the second",
    "a bound GPU has an output",
    "the output of the second GPU can be lit",
    "the kernel drives a CRTC on each GPU",
    "the output can be turned off",
    "and the GPU unbound",
    "Xorg ends in order",
    "the slot of the second GPU has a GPU, audio and USB",
    "its functions are in one IOMMU group",
    "vfio-pci takes all three functions",
    "the GPU is no DRM device then",
    "a process can take the GPU from vfio",
    "the functions go back to their drivers",
    "the GPU is a DRM device again",
]


@functools.lru_cache(maxsize=None)
def boot():
    return vm.run(vm.HERE / "rig.sh", "one", "two words", files={"given/note": "a note\n"})


def the_guest_runs_a_script_and_hands_back_what_it_left():
    result = boot()
    assert result.status == 7, result
    assert "arguments: one two words" in result.stdout.splitlines(), result
    assert result.stderr == "failed: 0\n", result
    assert result.files["given/note"] == b"a note\n", sorted(result.files)
    assert b"X.Org X Server" in result.files["Xorg.0.log"], sorted(result.files)


def shows(gpu):
    image = vm.Image(boot().files[f"{gpu}.ppm"])
    assert (image.width, image.height) >= (1024, 768), (image.width, image.height)
    assert image.is_all(0x20, 0x60, 0xc0), sorted(image.colours.items())[:10]


def the_first_GPU_shows_the_colour_of_the_root_window():
    shows("gpu0")


def the_second_GPU_shows_it_too():
    shows("gpu1")


if __name__ == "__main__":
    own = (the_guest_runs_a_script_and_hands_back_what_it_left,
           the_first_GPU_shows_the_colour_of_the_root_window,
           the_second_GPU_shows_it_too)
    tap.run([(tap.sentence(test), test) for test in own] +
            [(what, lambda what=what: boot().checked(what)) for what in CHECKS])
