# SPDX-License-Identifier: MIT
"""Real shells, asked what they offer for a line that is being typed."""
import atexit
import functools
import os
import pathlib
import pty
import re
import select
import shutil
import tempfile
import time

import tap
from programs import NV_RUN, PROGRAMS, SOURCE, said

BASH_COMPLETION = "/usr/share/bash-completion/bash_completion"


# Slots are among what is completed, and the machine of the tests may have no GPU.
TWO_GPUS = r"""#!/bin/sh
"$NV_TEST_REAL" "$@"
status=$?
[ "$*" = --complete=gpus ] && printf '%s\tOne\n%s\tOther\n' 0000:01:00.0 0000:0a:00.0
exit $status
"""


@functools.cache
def more_gpus():
    """A directory with an nv-run that knows of two more GPUs."""
    directory = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, directory)
    program = pathlib.Path(directory) / "nv-run"
    program.write_text(TWO_GPUS, encoding="utf-8")
    program.chmod(0o755)
    return directory


def environment(**more):
    """A plain environment in which the programs are those that were built."""
    own = ":".join(str(program.path.parent) for program in PROGRAMS)
    return {"PATH": f"{more_gpus()}:{own}:/usr/local/bin:/usr/bin:/bin",
            "NV_TEST_REAL": str(NV_RUN.path),
            "LC_ALL": "C.UTF-8", "NV_TEST_COLOUR": "red", "TERM": "dumb", **more}


BASH = r"""
. "$1"; . "$2"; shift 2
COMP_LINE=$1; COMP_POINT=${#1}; program=$2; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
function=$(complete -p "$program" | sed 's/.*-F \([^ ]*\).*/\1/')
compopt() { :; }
$function "$program" "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


def bash(line):
    """What bash offers; words are broken as readline does, at blanks, '=' and ':'."""
    if not os.path.exists(BASH_COMPLETION):
        raise tap.Skip("bash-completion is not installed")
    words = re.findall(r"[=:]+|[^\s=:]+", line) + ([""] if line.endswith(" ") else [])
    offered = said("bash", "--norc", "-c", BASH, "bash", BASH_COMPLETION,
                   str(SOURCE / "completions" / words[0]), line, *words, env=environment())
    return {word for word in offered.splitlines() if word}


def fish(line):
    """What fish offers, without the descriptions."""
    with tempfile.TemporaryDirectory() as home:
        offered = said("fish", "--private", "-c",
                       f"source {SOURCE}/completions/{line.split()[0]}.fish; complete -C '{line}'",
                       env=environment(HOME=home))
    return {word.split("\t")[0] for word in offered.splitlines()}


ZSH = r"""
PS1=; fpath=({fpath} $fpath); autoload -U compinit; compinit -u -D
unsetopt beep list_beep zle_bracketed_paste
zstyle ':completion:*' list-prompt ''; zstyle ':completion:*' format ''
LISTMAX=9999; KEYTIMEOUT=1
compadd() {{ local -a hits; [[ ${{@[1,(i)(-|--)]}} == *-(O|A|D)\ * ]] ||
{{ builtin compadd -A hits "$@"; print -rl -- $hits >>$HOME/offered }}
builtin compadd "$@" }}
show() {{ print -r -- "<<$BUFFER>>"; BUFFER=; zle accept-line }}; zle -N show
bindkey '^I' expand-or-complete; bindkey '^X' show; print is-rea''dy
"""


@functools.cache
def start_zsh():
    """A zsh in a terminal of its own: the terminal, and the file of what it offers. One for all
    lines, as loading its completions takes a second."""
    if not shutil.which("zsh"):
        raise tap.Skip("zsh is not installed")
    home = tempfile.mkdtemp()
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(home)
        os.execvpe("zsh", ["zsh", "-f", "-i"], environment(HOME=home))

    def end():
        os.close(terminal)
        os.waitpid(child, 0)
        shutil.rmtree(home)
    atexit.register(end)
    setup = ZSH.format(fpath=SOURCE / "completions").strip().replace("||\n", "|| ")
    os.write(terminal, (setup.replace("\n", "; ") + "\n").encode())
    heard = listen(terminal, "is-ready")
    assert "is-ready" in heard, f"zsh did not start: {heard!r}"
    return terminal, pathlib.Path(home) / "offered"


def ask_zsh(line):
    """The line as zsh completes it, and all that it offers for that."""
    terminal, offered = start_zsh()
    offered.write_text("", encoding="utf-8")
    os.write(terminal, f"{line}\t\x18".encode())
    heard = listen(terminal, ">>")
    answer = re.findall(r"<<(.*?)>>", heard)
    assert answer, f"zsh did not answer: {heard!r}"
    return answer[-1].rstrip(), set(offered.read_text(encoding="utf-8").split("\n")) - {""}


def zsh(line):
    return ask_zsh(line)[0]


def zsh_offers(line):
    return ask_zsh(line)[1]


def listen(terminal, mark):
    heard, end = "", time.monotonic() + 30
    while mark not in heard and time.monotonic() < end:
        if select.select([terminal], [], [], 0.5)[0]:
            try:
                heard += os.read(terminal, 65536).decode(errors="replace")
            except OSError:
                break
    return heard
