# SPDX-License-Identifier: MIT
"""The help, the manual pages and the completions say the same: docs.py SUBJECT.

Subjects: options (help and pages), pages (their own form), bash, zsh, fish.
"""
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(os.environ["NV_SOURCE"])
NV_RUN = pathlib.Path(os.environ["NV_RUN"])
sys.path.insert(0, str(SOURCE / "tests"))
import tap  # noqa: E402  pylint: disable=wrong-import-position

BASH_COMPLETION = "/usr/share/bash-completion/bash_completion"


def said(*command, **options):
    """What a command prints; it must succeed."""
    if not shutil.which(command[0]):
        raise tap.Skip(f"{command[0]} is not installed")
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, check=False, timeout=60, **options)
    assert result.returncode == 0, f"{command} ended with {result.returncode}:\n{result.stderr}"
    return result.stdout


def nv_run(*arguments):
    return said(str(NV_RUN), *arguments)


def same(one, other, left, right):
    """Asserts that two sets are the same, and says what either lacks."""
    one, other = set(one), set(other)
    assert one, f"{left} has none"
    assert other, f"{right} has none"
    lacking = [f"{right} lacks {', '.join(map(str, sorted(one - other)))}"] if one - other else []
    lacking += [f"{left} lacks {', '.join(map(str, sorted(other - one)))}"] if other - one else []
    assert not lacking, "; ".join(lacking)


# --- what --help says

def help_options():
    """(letter, name, argument) of each option; letter and argument may be ''."""
    options = re.findall(r"^  (?:-(\w), |    )--([\w-]+)(?:\[?=(\S+?)\]?)?(?: |$)",
                         nv_run("--help"), re.M)
    assert len(options) > 15, options
    return options


def help_words():
    """Every spelling: -g, --gpu, ..."""
    return {f"-{letter}" for letter, _, _ in help_options() if letter} | \
        {f"--{name}" for _, name, _ in help_options()}


def words_with_argument():
    return {word for letter, name, argument in help_options() if argument
            for word in (f"-{letter}", f"--{name}") if word != "-"}


def selectors():
    """The selectors that --help and --complete=gpus name, as the pages write them."""
    text = re.search(r"^GPU: (.*?)\.\nExit status", nv_run("--help"), re.M | re.S).group(1)
    text = re.sub(r"\([^)]*\)", "", text).replace(",", " ")
    words = set(text.split()) - {"a", "slot", "ids"}
    words |= {line.split("\t")[0] for line in nv_run("--complete=gpus").splitlines()
              if re.fullmatch(r"[a-z]+", line.split("\t")[0])}
    assert {"auto", "software", "none"} < words, words
    return words


# --- the manual pages

def page(name):
    path = SOURCE / "man" / f"{name}.scd"
    assert path.exists(), f"there is no man/{name}.scd"
    return path.read_text(encoding="utf-8")


def pages():
    found = sorted(path.name[:-4] for path in (SOURCE / "man").glob("*.scd"))
    assert {"nv-run.1", "nv-run.rules.5", "nv-run-session.5"} <= set(found), found
    return found


def plain(text):
    """scdoc's text without its marks."""
    return re.sub(r"\\(.)", r"\1", re.sub(r"(?<!\\)[*]|(?<![\\\w])_|(?<!\\)_(?!\w)", "", text))


def page_options():
    """(letter, name, argument) of the lines of OPTIONS that begin with one: -g, --gpu=GPU."""
    section = re.search(r"^# OPTIONS\n(.*?)(?=^# |\Z)", page("nv-run.1"), re.M | re.S)
    assert section, "man/nv-run.1.scd has no OPTIONS"
    found, letter = [], ""
    for line in section.group(1).splitlines():
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


def the_page_has_the_options_of_the_help():
    same(help_options(), page_options(), "--help", "man/nv-run.1.scd")


def the_page_describes_no_option_twice():
    names = [name for _, name, _ in page_options()]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, f"described twice: {twice}"


def the_pages_name_no_option_that_is_not_there():
    for name in ("nv-run.1", "nv-run.rules.5"):
        named = set(re.findall(r"\*(--?[\w-]+)", page(name)))
        assert named <= help_words(), f"man/{name}.scd has {named - help_words()}"


def the_page_names_every_selector():
    words = set(re.findall(r"[^\s,;()|]+", plain(page("nv-run.1"))))
    words |= {re.sub(r"[.:]$", "", word) for word in words}
    for selector in selectors():
        kind = selector.split("=")[0] + "=" if "=" in selector else selector
        assert any(word == selector or "=" in kind and word.startswith(kind) for word in words), \
            f"man/nv-run.1.scd does not name the selector '{selector}'"


def source_keys():
    text = (SOURCE / "src/rule/keys.c").read_text(encoding="utf-8")
    table = re.search(r"rule_keys\[\] = \{(.*?)\n\};", text, re.S).group(1)
    keys = set(re.findall(r'^\t\{"([^"]+)"', table, re.M))
    assert len(keys) > 15, keys
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
    completed = {line.split("\t")[0] for line in nv_run("--complete=keys").splitlines()}
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


# --- completions

def environment(**more):
    """A plain environment in which nv-run is the one that was built."""
    return {"PATH": f"{NV_RUN.parent}:/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8",
            "NV_TEST_COLOUR": "red", "TERM": "dumb", **more}


def gpus(beginning=""):
    words = [line.split("\t")[0] for line in nv_run("--complete=gpus").splitlines()]
    return {word for word in words if word.startswith(beginning)}


def lines():
    """What may follow -o: keys with '=' behind, but for those that a name follows."""
    keys = [line.split("\t")[0] for line in nv_run("--complete=keys").splitlines()]
    return {key if key.endswith(".") else key + "=" for key in keys}


BASH = r"""
. "$1"; . "$2"; shift 2
COMP_LINE=$1; COMP_POINT=${#1}; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
function=$(complete -p nv-run | sed 's/.*-F \([^ ]*\).*/\1/')
compopt() { :; }
$function nv-run "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


def bash(line):
    """What bash offers; words are broken as readline does, at blanks, '=' and ':'."""
    if not os.path.exists(BASH_COMPLETION):
        raise tap.Skip("bash-completion is not installed")
    words = re.findall(r"[=:]+|[^\s=:]+", line) + ([""] if line.endswith(" ") else [])
    offered = said("bash", "--norc", "-c", BASH, "bash", BASH_COMPLETION,
                   str(SOURCE / "completions/nv-run"), line, *words, env=environment())
    return {word for word in offered.splitlines() if word}


def fish(line):
    """What fish offers, without the descriptions."""
    with tempfile.TemporaryDirectory() as home:
        offered = said("fish", "--private", "-c",
                       f"source {SOURCE}/completions/nv-run.fish; complete -C '{line}'",
                       env=environment(HOME=home))
    return {word.split("\t")[0] for word in offered.splitlines()}


ZSH = r"""
PS1=; fpath=({fpath} $fpath); autoload -U compinit; compinit -u -D
unsetopt beep list_beep zle_bracketed_paste
zstyle ':completion:*' list-prompt ''; zstyle ':completion:*' format ''
show() {{ print -r -- "<<$BUFFER>>"; BUFFER=; zle accept-line }}; zle -N show
bindkey '^I' expand-or-complete; bindkey '^X' show; print is-rea''dy
"""


def zsh(line):
    """The line as zsh, in a terminal of its own, completes it."""
    if not shutil.which("zsh"):
        raise tap.Skip("zsh is not installed")
    with tempfile.TemporaryDirectory() as home:
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(home)
            os.execvpe("zsh", ["zsh", "-f", "-i"], environment(HOME=home))
        setup = ZSH.format(fpath=SOURCE / "completions").strip().replace("\n", "; ")
        os.write(terminal, (setup + "\n").encode())
        heard = listen(terminal, "is-ready")
        os.write(terminal, f"{line}\t\x18".encode())
        heard += listen(terminal, ">>")
        os.close(terminal)
        os.waitpid(child, 0)
    answer = re.findall(r"<<(.*?)>>", heard.split("is-ready", 1)[-1])
    assert answer, f"zsh did not answer: {heard!r}"
    return answer[-1].rstrip()


def listen(terminal, mark):
    heard, end = "", time.monotonic() + 30
    while mark not in heard and time.monotonic() < end:
        if select.select([terminal], [], [], 0.5)[0]:
            try:
                heard += os.read(terminal, 65536).decode(errors="replace")
            except OSError:
                break
    return heard


def without_equals(words):
    return {word.rstrip("=") for word in words}


def bash_offers_the_options_of_the_help():
    offered = bash("nv-run -")
    same(help_words(), without_equals(offered), "--help", "completions/nv-run")
    takes = {word for word in words_with_argument() if word.startswith("--")}
    same(takes, {word.rstrip("=") for word in offered if word.endswith("=")},
         "--help", "completions/nv-run, with '=',")


def bash_knows_which_options_take_an_argument():
    for word in help_words():
        if word == "--list":
            continue
        programs = "env" in bash(f"nv-run {word} env") or "environ" in bash(f"nv-run {word} env")
        assert programs == (word not in words_with_argument() and word != "--check"), \
            f"behind {word}, a program is {'' if programs else 'not '}offered"


def fish_offers_the_options_of_the_help():
    # fish lists the long ones for "--" and all letters for "-".
    offered = fish("nv-run --") | {word for word in fish("nv-run -") if len(word) == 2}
    same(help_words(), without_equals(offered) - {"--"}, "--help", "completions/nv-run.fish")


def fish_knows_which_options_take_an_argument():
    text = (SOURCE / "completions/nv-run.fish").read_text(encoding="utf-8")
    found = set()
    for line in re.findall(r"^complete \$here (.*)$", text, re.M):
        if re.match(r"-[xr] ", line):
            found |= {f"-{letter}" for letter in re.findall(r"-s (\w) ", line)}
            found |= {f"--{name}" for name in re.findall(r"-l ([\w-]+)", line)}
    same(words_with_argument(), found, "--help", "completions/nv-run.fish, with -x or -r,")
    specs = re.search(r"argparse -s (.*?) --$|argparse -s (.*?)-- \$tokens", text, re.S).group(2)
    same({name + ("=" if argument else "") for _, name, argument in help_options()},
         {re.sub(r"^\w/|\+$", "", spec) for spec in specs.replace("\\", " ").split()},
         "--help", "fish's argparse")


def zsh_words():
    """The words of zsh's table and whether each takes an argument."""
    text = (SOURCE / "completions/_nv-run").read_text(encoding="utf-8")
    table = text[text.index("_arguments"):]
    found = {}
    for entry in re.findall(r"^\t'(?:\([^)]*\))?\*?(.*)' \\$", table, re.M):
        head = entry.split("[")[0]
        if not head.lstrip("'{").startswith("-"):
            continue
        for word in re.findall(r"--?[\w-]+[+=]?", head):
            found[word.rstrip("+=")] = word[-1] in "+="
    return found


def zsh_offers_the_options_of_the_help():
    words = zsh_words()
    same(help_words(), words, "--help", "completions/_nv-run")
    same(words_with_argument(), {word for word, takes in words.items() if takes},
         "--help", "completions/_nv-run, with '=' or '+',")


def expect(got, wanted):
    assert got == wanted, f"offered {got!r}, not {wanted!r}"


def lists(got, *wanted):
    assert set(wanted) <= got, f"offered {got!r}, without {set(wanted) - got!r}"


SHELLS = {
    "bash": [
        ("bash offers the options of the help", bash_offers_the_options_of_the_help),
        ("bash knows which options take an argument", bash_knows_which_options_take_an_argument),
        ("bash completes an option", lambda: expect(bash("nv-run --he"), {"--help"})),
        ("bash completes GPUs", lambda: expect(bash("nv-run -g "), gpus())),
        ("bash completes GPUs behind an equals sign",
         lambda: expect(bash("nv-run --gpu=in"), gpus("in"))),
        ("bash completes GPUs behind a group of letters",
         lambda: expect(bash("nv-run -ng in"), gpus("in"))),
        ("bash completes keys", lambda: expect(bash("nv-run -o "), lines())),
        ("bash completes the GPU of a line", lambda: expect(bash("nv-run -o gpu=in"), gpus("in"))),
        ("bash completes the GPU of a line from its equals sign on",
         lambda: expect(bash("nv-run -o gpu="), gpus())),
        ("bash completes the variable of a line",
         lambda: expect(bash("nv-run -o set.NV_TEST_C"), {"set.NV_TEST_COLOUR="})),
        ("bash completes a variable to remove",
         lambda: expect(bash("nv-run -u NV_TEST_C"), {"NV_TEST_COLOUR"})),
        ("bash completes a program", lambda: lists(bash("nv-run -g amd truncat"), "truncate")),
        ("bash completes a program behind --", lambda: lists(bash("nv-run -- truncat"), "truncate")),
        ("bash completes for the program behind options with = and :",
         lambda: expect(bash("nv-run --env=A=1 -g 0000:01:00.0 ls --reve"), {"--reverse"})),
        ("bash leaves the program's own options alone",
         lambda: expect(bash("nv-run ls --expl"), set())),
        ("bash completes files behind --check",
         lambda: lists(bash("nv-run --check /etc/pass"), "/etc/passwd")),
    ],
    "zsh": [
        ("zsh offers the options of the help", zsh_offers_the_options_of_the_help),
        ("zsh can read its file", lambda: said("zsh", "-n", str(SOURCE / "completions/_nv-run"))),
        ("zsh completes an option", lambda: expect(zsh("nv-run --he"), "nv-run --help")),
        ("zsh completes GPUs", lambda: expect(zsh("nv-run -g softw"), "nv-run -g software")),
        ("zsh completes GPUs behind an equals sign",
         lambda: expect(zsh("nv-run --gpu=softw"), "nv-run --gpu=software")),
        ("zsh completes keys", lambda: expect(zsh("nv-run -o vulk"), "nv-run -o vulkan=")),
        ("zsh completes the variable of a line",
         lambda: expect(zsh("nv-run -o set.NV_TEST_C"), "nv-run -o set.NV_TEST_COLOUR=")),
        ("zsh completes a program",
         lambda: expect(zsh("nv-run -g amd truncat"), "nv-run -g amd truncate")),
        ("zsh completes for the program",
         lambda: expect(zsh("nv-run --env=A=1 -g 0000:01:00.0 ls --reve"),
                        "nv-run --env=A=1 -g 0000:01:00.0 ls --reverse")),
        ("zsh leaves the program's own options alone",
         lambda: expect(zsh("nv-run ls --expl"), "nv-run ls --expl")),
        ("zsh completes files behind --check",
         lambda: expect(zsh("nv-run --check /etc/passw"), "nv-run --check /etc/passwd")),
    ],
    "fish": [
        ("fish offers the options of the help", fish_offers_the_options_of_the_help),
        ("fish knows which options take an argument", fish_knows_which_options_take_an_argument),
        ("fish completes GPUs", lambda: expect(fish("nv-run -g "), gpus())),
        ("fish completes GPUs behind an equals sign",
         lambda: expect(fish("nv-run --gpu=in"), {f"--gpu={gpu}" for gpu in gpus("in")})),
        ("fish completes keys", lambda: lists(fish("nv-run -o "), *lines())),
        ("fish completes the variable of a line",
         lambda: expect(fish("nv-run -o set.NV_TEST_C"), {"set.NV_TEST_COLOUR="})),
        ("fish completes a program", lambda: lists(fish("nv-run -g amd truncat"), "truncate")),
        ("fish completes for the program",
         lambda: expect(fish("nv-run --env=A=1 -g 0000:01:00.0 ls --reve"), {"--reverse"})),
        ("fish completes for the program behind --",
         lambda: expect(fish("nv-run -- ls --reve"), {"--reverse"})),
        ("fish leaves the program's own options alone",
         lambda: expect(fish("nv-run ls --expl"), set())),
        ("fish completes files behind --check",
         lambda: lists(fish("nv-run --check /etc/pass"), "/etc/passwd")),
    ],
}

TESTS = {
    "options": [(tap.sentence(test), test) for test in (
        the_page_has_the_options_of_the_help,
        the_page_describes_no_option_twice,
        the_pages_name_no_option_that_is_not_there,
        the_page_names_every_selector,
        the_completed_keys_are_those_of_the_source,
        the_page_of_the_rules_has_the_keys_of_the_source,
    )],
    "pages": [
        ("there is a page for the command and one for each file", pages),
        ("mandoc refuses a broken page", a_broken_page_is_refused),
    ] + [
        (f"{path.name[:-4]} can be read", lambda name=path.name[:-4]: a_page_can_be_read(name))
        for path in sorted((SOURCE / "man").glob("*.scd"))
    ],
    **SHELLS,
}

if __name__ == "__main__":
    tap.run(TESTS[sys.argv[1]])
