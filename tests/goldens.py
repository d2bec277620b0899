# SPDX-License-Identifier: MIT
"""What nv-run and nv-gpu say about each recorded machine, against tests/machines/*.golden.

--update rewrites the goldens; read the diff before you keep it.
"""
import difflib
import os
import subprocess
import sys
import tempfile

import machines
import tap

# Nothing of this machine's own: no rules, no session, no display but the ones named.
PLAIN = {"PATH": "/nonexistent", "HOME": "/nonexistent"}
X11 = {"DISPLAY": ":4711", "XDG_SESSION_TYPE": "x11"}
WAYLAND = {"DISPLAY": ":4711", "WAYLAND_DISPLAY": "wayland-0", "XDG_SESSION_TYPE": "wayland"}

NV_RUN = [
("--list", {}),
    ("--list --json", {}),
    ("--explain PROGRAM", X11),
    ("--explain --json PROGRAM", X11),
    ("--dry-run --json --gpu=nvidia PROGRAM", WAYLAND),
    ("--dry-run --json --gpu=integrated PROGRAM", X11),
    ("--dry-run --json --gpu=integrated PROGRAM", WAYLAND),
    ("--dry-run --json --gpu=discrete:1 PROGRAM", {}),
    ("--dry-run --json --gpu=software PROGRAM", WAYLAND),
]
NV_GPU = [
    ("list", {}),
    ("list --json", {}),
    ("show", {}),
    ("show --json", {}),
    ("ps", {}),
    ("ps --json", {}),
    ("awake", {}),
]
DOCTOR = [
    ("doctor -v", {}),
]

# What a golden's name ends with -> the program and what it is asked.
KINDS = {
    ".golden": ("nv-run", NV_RUN),
    ".gpu.golden": ("nv-gpu", NV_GPU),
    ".doctor.golden": ("nv-gpu", DOCTOR),
}


VARIABLES = {"nv-run": "NV_RUN", "nv-gpu": "NV_GPU"}


def ask(asked, root, directory, question, environment):
    program = os.path.join(directory, "glxgears")
    words = [program if word == "PROGRAM" else word for word in question.split()]
    result = subprocess.run(
        [os.environ[VARIABLES[asked]], f"--sysroot={root}", *words],
        env={**PLAIN, **environment}, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=20, check=False)
    text = result.stdout
    if result.stderr:
        text += "".join(f"stderr: {line}\n" for line in result.stderr.splitlines())
    if result.returncode:
        text += f"exit status: {result.returncode}\n"
    return text.replace(directory, "/usr/bin").replace(root, "DIR")


def answers(name, kind):
    asked, questions = KINDS[kind]
    with tempfile.TemporaryDirectory() as directory:
        root = str(machines.unpack(name, os.path.join(directory, "root")))
        programs = os.path.join(directory, "bin")
        os.mkdir(programs)
        with open(os.path.join(programs, "glxgears"), "w", encoding="utf-8") as program:
            program.write("#!/bin/sh\n")
        os.chmod(program.name, 0o755)
        text = ""
        for question, environment in questions:
            shown = " ".join(f"{key}={value}" for key, value in environment.items())
            command = f"{asked} {question}".replace("PROGRAM", "glxgears")
            text += f"$ {shown + ' ' if shown else ''}{command}\n"
            text += ask(asked, root, programs, question, environment) + "\n"
        return text


def golden(name, kind):
    return machines.MACHINES / f"{name}{kind}"


def compare(name, kind):
    expected = golden(name, kind).read_text() if golden(name, kind).exists() else ""
    got = answers(name, kind)
    if got != expected:
        diff = "\n".join(difflib.unified_diff(
            expected.splitlines(), got.splitlines(), "golden", "now", lineterm=""))
        raise AssertionError(f"{name}{kind} differs:\n{diff}")


def has_a_reason(name):
    first = (machines.MACHINES / f"{name}.machine").read_text().splitlines()[0]
    assert first.startswith("# ") and len(first) > 20, "the first line says why it is there"


if __name__ == "__main__":
    CASES = [(machine, kind) for machine in machines.names() for kind in KINDS]
    if sys.argv[1:] == ["--update"]:
        for case in CASES:
            golden(*case).write_text(answers(*case))
    else:
        tap.run(
            [(f"{name} says why it is there", lambda name=name: has_a_reason(name))
             for name in machines.names()] +
            [(f"{name} is answered as before by {KINDS[kind][0]}{kind}",
             lambda case=(name, kind): compare(*case))
             for name, kind in CASES])
