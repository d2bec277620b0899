# SPDX-License-Identifier: MIT
"""The programs, and what each says of itself."""
import dataclasses
import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys

SOURCE = pathlib.Path(os.environ["NV_SOURCE"])
sys.path.insert(0, str(SOURCE / "tests"))
import tap  # noqa: E402  pylint: disable=wrong-import-position


def said(*command, **options):
    """What a command prints; it must succeed."""
    if not shutil.which(command[0]):
        raise tap.Skip(f"{command[0]} is not installed")
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, check=False, timeout=60, **options)
    assert result.returncode == 0, f"{command} ended with {result.returncode}:\n{result.stderr}"
    return result.stdout


def same(one, other, left, right):
    """Asserts that two sets are the same, and says what either lacks."""
    one, other = set(one), set(other)
    assert one, f"{left} has none"
    assert other, f"{right} has none"
    lacking = [f"{right} lacks {', '.join(map(str, sorted(one - other)))}"] if one - other else []
    lacking += [f"{left} lacks {', '.join(map(str, sorted(other - one)))}"] if other - one else []
    assert not lacking, "; ".join(lacking)


@dataclasses.dataclass(frozen=True)
class Program:
    """One of the project's programs; called, it prints."""
    name: str
    path: pathlib.Path
    probe: str  # the beginning of a word that may follow an option without argument,
    probed: frozenset  # and what may be offered for it
    other: frozenset = frozenset()  # options that change what may follow

    def __call__(self, *arguments):
        return said(str(self.path), *arguments)

    def printed(self, *arguments):
        """What it does prints on both channels; it must succeed."""
        result = self._run(*arguments)
        assert result.returncode == 0, f"{arguments} ended with {result.returncode}:\n{result.stderr}"
        return result

    def complaint(self, *arguments):
        """What it says on stderr, whatever its status."""
        return self._run(*arguments).stderr

    def _run(self, *arguments):
        return subprocess.run([str(self.path), *arguments], stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, check=False, timeout=60)

    @functools.cached_property
    def options(self):
        """(letter, name, argument) of each option; letter and argument may be ''."""
        options = re.findall(r"^  (?:-(\w), |    )--([\w-]+)(?:\[?=(\S+?)\]?)?(?: |$)",
                             self("--help"), re.M)
        assert len(options) >= 12, options
        return options

    def words(self):
        """Every spelling: -g, --gpu, ..."""
        return {f"-{letter}" for letter, _, _ in self.options if letter} | \
            {f"--{name}" for _, name, _ in self.options}

    def words_with_argument(self):
        return {word for letter, name, argument in self.options if argument
                for word in (f"-{letter}", f"--{name}") if word != "-"}

    @functools.cached_property
    def commands(self):
        """Its commands; none if it takes a program instead."""
        block = re.search(r"^Commands:\n(.*?)\n\n", self("--help"), re.M | re.S)
        return re.findall(r"^  ([\w-]+)", block.group(1), re.M) if block else []

    def choices(self, option):
        """What an option takes, as the complaint about anything else lists it; [] if it is no
        list."""
        listed = re.search(r"takes one of (.*), not '\?'", self.complaint(f"--{option}=?"))
        return listed.group(1).split(", ") if listed else []

    @functools.cached_property
    def taken(self):
        """The names of the options that each command takes. An option that is refused is refused
        before words that are missing are, and these before the missing machine is; so nothing is
        done."""
        return {command: {name for _, name, argument in self.options
                          if self._takes(command, name, argument)} for command in self.commands}

    def _takes(self, command, name, argument):
        if name in ("help", "version", "sysroot"):
            return True
        value = f"={(self.choices(name) or ['1'])[0]}" if argument else ""
        said_of_it = self.complaint("--sysroot=/nowhere/at/all", command, f"--{name}{value}")
        refused = f"takes no option --{name}" in said_of_it
        assert (refused or f"too few words for '{command} " in said_of_it or
                "cannot open --sysroot" in said_of_it), said_of_it
        return not refused


NV_RUN = Program("nv-run", pathlib.Path(os.environ["NV_RUN"]), "env",
                 frozenset({"env", "environ"}), frozenset({"--list", "--check"}))
NV_SESSION = Program("nv-session", pathlib.Path(os.environ["NV_SESSION"]), "stat",
                     frozenset({"status"}))
NV_GPU = Program("nv-gpu", pathlib.Path(os.environ["NV_GPU"]), "awa", frozenset({"awake"}))
PROGRAMS = (NV_RUN, NV_SESSION, NV_GPU)


def for_each(*tests, of=PROGRAMS):
    """(sentence, test) of each test about each program."""
    return [(f"{program.name}: {tap.sentence(test)}", functools.partial(test, program))
            for program in of for test in tests]
