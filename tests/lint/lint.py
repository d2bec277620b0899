# SPDX-License-Identifier: MIT
"""The linters, as tests: lint.py layers|clang-format|cppcheck|clang-tidy|shellcheck.

Each linter proves first that it finds a planted mistake: one that finds nothing is no test.
"""
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["NV_SOURCE"])
BUILD = pathlib.Path(os.environ["NV_BUILD"])
sys.path.insert(0, str(SOURCE / "tests"))
import tap  # noqa: E402  pylint: disable=wrong-import-position

CPPCHECK = ["--enable=warning,performance,portability", "--error-exitcode=1", "--inline-suppr",
            "--quiet", "--std=c11", "-D_GNU_SOURCE", f"-I{SOURCE / 'src'}"]
# Those of bash; their names are those of the programs.
COMPLETIONS = [SOURCE / "completions" / name for name in ("nv-run", "nv-session", "nv-gpu")]


def run(*command, **options):
    """Runs a linter and returns its status and what it said."""
    if not shutil.which(command[0]):
        raise tap.Skip(f"{command[0]} is not installed")
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            stdin=subprocess.DEVNULL, check=False, **options)
    return result.returncode, result.stdout


def passes(*command, **options):
    status, said = run(*command, **options)
    assert status == 0, f"{command[0]} has complaints:\n{said}"


def complains(word, *command, **options):
    """Asserts that a linter fails, and names what is wrong."""
    status, said = run(*command, **options)
    assert status != 0, f"{command[0]} did not see the planted mistake:\n{said}"
    assert word in said, f"{command[0]} did not name '{word}':\n{said}"


def c_files(*suffixes):
    return sorted(str(file) for folder in ("src", "tests") for file in
                  (SOURCE / folder).rglob("*") if file.suffix in suffixes)


def is_shell(file):
    if file.suffix in (".sh", ".bash") or file in COMPLETIONS:
        return True
    with open(file, "rb") as opened:
        first = opened.readline(80).split()
    words = [word.rsplit(b"/", 1)[-1] for word in first]
    return first[:1] and first[0].startswith(b"#!") and bool({b"sh", b"bash", b"dash"} & set(words))


def shell_files():
    found = []
    for folder, folders, names in os.walk(SOURCE):
        folders[:] = [name for name in folders if name not in (".git", "__pycache__", "shared") and
                      not (folder == str(SOURCE) and name.startswith("build"))]
        files = [pathlib.Path(folder) / name for name in names]
        found += [str(file) for file in files
                  if file.is_file() and not file.is_symlink() and is_shell(file)]
    assert str(SOURCE / "tools/bootstrap") in found, found
    assert {str(file) for file in COMPLETIONS} <= set(found), found
    return sorted(found)


class Planted:
    """A directory with one file that has a mistake."""

    def __init__(self, name, text):
        self.name, self.text = name, text

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory()
        file = pathlib.Path(self.directory.name) / self.name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.text, encoding="utf-8")
        return file

    def __exit__(self, *_):
        self.directory.cleanup()


# --- layers

# File, text, line and what check-layers must name.
BAD_LAYERS = [
    ("src/base/a.c", '#include "hw/hw.h"\n', 1, "base/ may not include hw/hw.h"),
    ("src/rule/a.c", '\n#include "hw/hw.h"\n', 2, "rule/ may not include hw/hw.h"),
    ("src/hw/a.h", '#include "rule/rule.h"\n', 1, "hw/ may not include rule/rule.h"),
    ("src/offload/a.c", '#include "hw/root.h"\n', 1, "offload/ may not include hw/root.h"),
    ("src/offload/a.c", '#include "rule/internal.h"\n', 1, "is for rule/ alone"),
    ("src/nv-run/a.c", '#include "hw/internal.h"\n', 1, "is for hw/ alone"),
    ("src/nv-run/a.c", '#include "nv-gpu/gpu.h"\n', 1, "another program's"),
    ("src/offload/a.c", '#include "nv-run/run.h"\n', 1, "may not include nv-run/run.h"),
    ("src/rule/a.c", '#include "internal.h"\n', 1, "does not say which layer"),
    ("src/rule/a.c", "#include <fcntl.h>\n", 1, "rule/ is pure"),
    ("src/x11/plan.c", "#include <poll.h>\n", 1, "x11/ is pure"),
    ("src/nv-run/a.c", "#include <X11/Xlib.h>\n", 1, "no part of libc"),
    ("src/x11/plan.c", "#include <xcb/randr.h>\n", 1, "src/x11/randr"),
    ("src/colour/a.c", "int a;\n", 1, "colour is in no layer"),
    ("src/nv-run/a.c", 'char *a = "x";\nchar *b = "/sys/bus/pci";\n', 2, "/sys/"),
    ("src/offload/a.c", 'char *b = "%s/proc/modules";\n', 1, "/proc/"),
    ("src/nv-run/a.c", 'char *b = "/dev/dri/card0";\n', 1, "/dev/dri"),
    ("src/base/a.c", 'char *b = "/dev/nvidia0";\n', 1, "/dev/nvidia0"),
    ("src/base/a.c", "/* one\n * two */ char *b = secure_getenv(x);\n", 2, "secure_getenv in a layer"),
    ("src/hw/a.c", "int f(void)\n{\n\texecvp(a, b);\n}\n", 3, "execvp in a layer"),
    ("src/hw/a.c", "posix_spawn (a);\n", 1, "posix_spawn in a layer"),
    ("src/rule/a.c", "extern char **environ;\n", 1, "environ in a layer"),
]

GOOD_LAYERS = [
    ("src/nv-run/a.c", '#include "hw/hw.h"\n#include "offload/offload.h"\n#include "nv-run/run.h"\n'
     'char *a = "/dev/null";\nchar *b = getenv("HOME");\nint c = execve(a, b, 0);\n'),
    ("src/offload/a.c", '#include "hw/hw.h"\n#include "rule/rule.h"\n#include "offload/internal.h"\n'
     '#include <string.h>\n/* "/sys/bus" and getenv() in a remark */\nchar *a = "getenv(x)";\n'
     'char *b = "/system/proceed";\n'),
    ("src/hw/a.c", 'char *a = "/sys/bus/pci/devices", *b = "/proc/modules", *c = "/dev/dri";\n'),
    ("src/x11/randr.c", "#include <xcb/randr.h>\n"),
]

CHECK_LAYERS = str(SOURCE / "tools/check-layers")


def layers_refuse(name, text, line, what):
    with Planted(name, text) as file:
        root = str(file.parent.parent.parent)
        status, said = run(sys.executable, CHECK_LAYERS, root)
        assert status == 1, f"exit status {status}, not 1:\n{said}"
        lines = said.splitlines()
        assert len(lines) == 1, said
        assert lines[0].startswith(f"{name}:{line}: "), said
        assert what in lines[0] and "; " in lines[0], said


def layers_allow(name, text):
    with Planted(name, text) as file:
        passes(sys.executable, CHECK_LAYERS, str(file.parent.parent.parent))


def layers_need_files():
    with Planted("src/README", "no C here\n") as file:
        complains("no C file", sys.executable, CHECK_LAYERS, str(file.parent.parent))


# --- the other tools

def format_complains():
    with Planted("a.c", "int  main( ) {return 0;}\n") as file:
        shutil.copy(SOURCE / ".clang-format", file.parent)
        complains("clang-format", "clang-format", "--dry-run", "-Werror", str(file))


def format_passes():
    passes("clang-format", "--dry-run", "-Werror", *c_files(".c", ".h"))


def cppcheck_complains():
    with Planted("a.c", "int f(void)\n{\n\tint a[2];\n\ta[2] = 1;\n\treturn a[0];\n}\n") as file:
        complains("out of bounds", "cppcheck", *CPPCHECK, str(file))


def cppcheck_passes():
    # Modules of the guest's kernel are written with macros that only its headers explain.
    files = [file for file in c_files(".c") if "/tests/vm/modules/" not in file]
    passes("cppcheck", *CPPCHECK, f"-j{os.cpu_count()}", *files)


def tidy(file, *arguments):
    return run("clang-tidy", "--quiet", f"--config-file={SOURCE / '.clang-tidy'}", file, *arguments)


def tidy_complains():
    planted = "int f(int *a)\n{\n\tif (!a)\n\t\treturn *a;\n\treturn 0;\n}\n"
    with Planted("a.c", planted) as file:
        status, said = tidy(str(file), "--", "-std=gnu11")
        assert status != 0 and "core.NullDereference" in said, said


def compiled():
    """The project's C files that this build compiles: the linter must know their options."""
    entries = json.loads((BUILD / "compile_commands.json").read_text(encoding="utf-8"))
    files = {os.path.realpath(os.path.join(entry["directory"], entry["file"])) for entry in entries}
    return sorted(file for file in files if file.startswith(str(SOURCE.resolve()) + "/"))


def tidy_sees_every_file():
    missing = set(os.path.realpath(file) for file in c_files(".c")) - set(compiled())
    # Fuzz targets and the like are compiled by other builds; the layers and programs by all.
    layers = os.path.realpath(SOURCE / "src") + "/"
    missing = [file for file in missing if file.startswith(layers)]
    assert not missing, f"no build compiles {missing}"


def tidy_passes():
    # One file at a time: several in one run make its va_list checker see things.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda file: tidy(file, f"-p={BUILD}"), compiled())
        said = "".join(text for status, text in results if status != 0)
    assert not said, f"clang-tidy has complaints:\n{said}"


def shellcheck_complains():
    with Planted("a", "#!/bin/sh\nrm $1\n") as file:
        complains("SC2086", "shellcheck", str(file))


def shellcheck_passes():
    passes("shellcheck", "--external-sources", *shell_files(), cwd=SOURCE)


TESTS = {
    "layers": [
        (f"the layers refuse {name}: {what}",
         lambda bad=(name, text, line, what): layers_refuse(*bad))
        for name, text, line, what in BAD_LAYERS
    ] + [
        (f"the layers allow a good {name}", lambda good=(name, text): layers_allow(*good))
        for name, text in GOOD_LAYERS
    ] + [
        ("a tree without C files is no tree to pass", layers_need_files),
        ("the source keeps to its layers", lambda: passes(sys.executable, CHECK_LAYERS)),
    ],
    "clang-format": [
        ("clang-format sees a planted mistake", format_complains),
        ("the C files are formatted", format_passes),
    ],
    "cppcheck": [
        ("cppcheck sees a planted mistake", cppcheck_complains),
        ("cppcheck finds nothing", cppcheck_passes),
    ],
    "clang-tidy": [
        ("clang-tidy sees a planted mistake", tidy_complains),
        ("clang-tidy sees every file of the layers and programs", tidy_sees_every_file),
        ("clang-tidy finds nothing", tidy_passes),
    ],
    "shellcheck": [
        ("shellcheck sees a planted mistake", shellcheck_complains),
        ("shellcheck finds nothing", shellcheck_passes),
    ],
}

if __name__ == "__main__":
    tap.run(TESTS[sys.argv[1]])
