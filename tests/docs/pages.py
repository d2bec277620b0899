# SPDX-License-Identifier: MIT
"""The manual pages: what they say of the programs, and their own form."""
import pathlib
import re
import shutil
import subprocess
import tempfile

import tap
from programs import NV_GPU, NV_RUN, NV_SESSION, SOURCE, for_each, said, same


def page(name):
    path = SOURCE / "man" / f"{name}.scd"
    assert path.exists(), f"there is no man/{name}.scd"
    return path.read_text(encoding="utf-8")


def pages():
    found = sorted(path.name[:-4] for path in (SOURCE / "man").glob("*.scd"))
    assert {"nv-run.1", "nv-run.rules.5", "nv-run-session.5", "nv-session.1",
            "nv-run-session.conf.5", "nv-gpu.1"} <= set(found), found
    return found


def plain(text):
    """scdoc's text without its marks."""
    return re.sub(r"\\(.)", r"\1", re.sub(r"(?<!\\)[*]|(?<![\\\w])_|(?<!\\)_(?!\w)", "", text))


def section(name, title):
    """The text under a title of a page."""
    found = re.search(rf"^# {title}\n(.*?)(?=^# |\Z)", page(name), re.M | re.S)
    assert found, f"man/{name}.scd has no {title}"
    return found.group(1)


def page_options(program):
    """(letter, name, argument) of the lines of OPTIONS that begin with one: -g, --gpu=GPU."""
    found, letter = [], ""
    for line in section(f"{program.name}.1", "OPTIONS").splitlines():
        if not line.startswith("*-"):
            continue
        for word in plain(line).split(", "):
            match = re.match(r"-(\w)$|--([\w-]+)(?:\[?=(\S+?)\]?)?(?= |$)", word)
            assert match, f"an option that cannot be read: {line}"
            if match.group(1):
                letter = match.group(1)
            else:
                found.append((letter, match.group(2), match.group(3) or ""))
                letter = ""
    return found


def the_page_has_the_options_of_the_help(program):
    same(program.options, page_options(program), "--help", f"man/{program.name}.1.scd")


def the_page_describes_no_option_twice(program):
    names = [name for _, name, _ in page_options(program)]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, f"described twice: {twice}"


def the_pages_name_no_option_that_is_not_there():
    for name in pages():
        # The page of one program may speak of the other's.
        known = NV_RUN.words() | (set() if name.startswith("nv-run.") else NV_SESSION.words())
        known |= NV_GPU.words() if name.startswith("nv-gpu") else set()
        named = set(re.findall(r"\*(--?\w[\w-]*)", page(name)))
        assert named <= known, f"man/{name}.scd has {named - known}"


def page_commands(program):
    """The options that the line about each command names."""
    found = {}
    for line in section(f"{program.name}.1", "COMMANDS").splitlines():
        command = re.match(r"\*([a-z][\w-]*)\*", line)
        if command:
            assert command.group(1) not in found, f"described twice: {command.group(1)}"
            found[command.group(1)] = set(re.findall(r"\*--([a-z][\w-]*)\*", line))
    return found


def the_page_has_the_commands_of_the_help(program):
    same(program.commands, page_commands(program), "--help", f"man/{program.name}.1.scd")


def the_page_gives_each_command_its_own_options(program):
    common = set.intersection(*program.taken.values())
    assert "sysroot" in common and "json" not in common, common
    for command, options in page_commands(program).items():
        own = program.taken[command] - common
        assert options == own, f"{command} takes {own}, and the page says {options}"


def the_help_names_the_command_of_an_option_that_only_one_takes(program):
    for _, name, _ in program.options:
        takers = [command for command, taken in program.taken.items() if name in taken]
        told = re.search(rf"--{name}(?:=\S+)? +(?:([\w-]+): )?", program("--help")).group(1)
        assert told == (takers[0] if len(takers) == 1 else None), \
            f"--help tells of --{name}: {told}; {takers} take it"


def bold(text):
    return re.findall(r"\*([a-z][\w-]*)\*", text)


def the_page_lists_what_an_option_takes(program):
    listed = {"mode": re.findall(r"^\*([\w-]+)\*$", section("nv-session.1", "MODES"), re.M)}
    for name in ("layout", "api"):
        entry = re.search(rf"^\*--{name}\*=.*\n\t(.*)", page("nv-session.1"), re.M)
        listed[name] = bold(entry.group(1))
    for name, words in listed.items():
        same(program.choices(name), words, f"--{name}", "man/nv-session.1.scd")
    same(set(listed), {name for _, name, _ in program.options if program.choices(name)},
         "this test", "nv-session")


def selectors():
    """The selectors that --help and --complete=gpus name, as the pages write them."""
    text = re.search(r"^GPU: (.*?)\.\nExit status", NV_RUN("--help"), re.M | re.S).group(1)
    text = re.sub(r"\([^)]*\)", "", text).replace(",", " ")
    words = set(text.split()) - {"a", "slot", "ids"}
    words |= {line.split("\t")[0] for line in NV_RUN("--complete=gpus").splitlines()
              if re.fullmatch(r"[a-z]+", line.split("\t")[0])}
    assert {"auto", "software", "none"} < words, words
    return words


def the_page_names_every_selector():
    words = set(re.findall(r"[^\s,;()|]+", plain(page("nv-run.1"))))
    words |= {re.sub(r"[.:]$", "", word) for word in words}
    for selector in selectors():
        kind = selector.split("=")[0] + "=" if "=" in selector else selector
        assert any(word == selector or "=" in kind and word.startswith(kind) for word in words), \
            f"man/nv-run.1.scd does not name the selector '{selector}'"


def source_keys(name="rule_keys"):
    text = (SOURCE / "src/rule/keys.c").read_text(encoding="utf-8")
    table = re.search(rf"{name}\[\] = \{{(.*?)\n\}};", text, re.S).group(1)
    keys = set(re.findall(r'^\t\{"([^"]+)"', table, re.M))
    assert len(keys) > 5, keys
    return keys


def page_keys():
    """The keys in the lines that begin with one: *gpu* = ..., *set.*_NAME_ = ..., or for several
    at once *glx*, *egl* and *vulkan* each take ..."""
    found = set()
    for line in page("nv-run.rules.5").splitlines():
        if not re.match(r"\*[a-z]", line):
            continue
        found |= set(re.findall(r"\*([a-z.]+)\*(?:_NAME_)? = ", line))
        several = re.match(r"(.*) each take\b", line)
        if several:
            found |= set(re.findall(r"\*([a-z.]+)\*", several.group(1)))
    return found


def the_completed_keys_are_those_of_the_source():
    completed = {line.split("\t")[0] for line in NV_RUN("--complete=keys").splitlines()}
    conditions = {key for key in source_keys() if key.startswith("when.")}
    assert conditions, "keys.c has no conditions"
    same(completed | conditions, source_keys(), "--complete=keys", "src/rule/keys.c")


def the_page_of_the_rules_has_the_keys_of_the_source():
    same(source_keys(), page_keys() - {"role"}, "src/rule/keys.c", "man/nv-run.rules.5.scd")


def a_page_can_be_read(name):
    with tempfile.TemporaryDirectory() as directory:
        roff = pathlib.Path(directory) / name
        if not shutil.which("scdoc"):
            raise tap.Skip("scdoc is not installed")
        result = subprocess.run(["scdoc"], input=page(name), capture_output=True, text=True,
                                check=False)
        assert result.returncode == 0, result.stderr
        roff.write_text(result.stdout, encoding="utf-8")
        if not shutil.which("mandoc"):
            raise tap.Skip("mandoc is not installed")
        lint = subprocess.run(["mandoc", "-T", "lint", "-W", "error", str(roff)],
                              capture_output=True, text=True, check=False)
        assert lint.returncode == 0, lint.stdout + lint.stderr
        assert name.rsplit(".", 1)[0].lower() in said("mandoc", "-T", "ascii", str(roff)).lower()


def a_broken_page_is_refused():
    if not shutil.which("mandoc"):
        raise tap.Skip("mandoc is not installed")
    lint = subprocess.run(["mandoc", "-T", "lint", "-W", "error"], input=".TH x 1\n.SH\n.Bl\n.RE 7\n",
                          capture_output=True, text=True, check=False)
    assert lint.returncode != 0, "mandoc accepts anything"


OPTIONS = [
    *for_each(the_page_has_the_options_of_the_help, the_page_describes_no_option_twice),
    *for_each(the_page_has_the_commands_of_the_help, the_page_gives_each_command_its_own_options,
              the_help_names_the_command_of_an_option_that_only_one_takes,
              of=[NV_SESSION, NV_GPU]),
    *for_each(the_page_lists_what_an_option_takes, of=[NV_SESSION]),
    *[(tap.sentence(test), test) for test in (
        the_pages_name_no_option_that_is_not_there,
        the_page_names_every_selector,
        the_completed_keys_are_those_of_the_source,
        the_page_of_the_rules_has_the_keys_of_the_source,
    )],
]

PAGES = [
    ("there is a page for each command and one for each file", pages),
    ("mandoc refuses a broken page", a_broken_page_is_refused),
] + [(f"{name} can be read", lambda name=name: a_page_can_be_read(name)) for name in pages()]
