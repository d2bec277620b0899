# SPDX-License-Identifier: MIT
"""The completions offer what the programs take, in each shell: lists of tests by shell."""
import os
import re

from programs import NV_GPU, NV_RUN, NV_SESSION, SOURCE, for_each, said, same
from shells import bash, environment, fish, more_gpus, zsh, zsh_offers


def gpus(beginning=""):
    offered = said(f"{more_gpus()}/nv-run", "--complete=gpus", env=environment())
    words = [line.split("\t")[0] for line in offered.splitlines()]
    assert any(":" in word for word in words), words
    return {word for word in words if word.startswith(beginning)}


def lines():
    """What may follow -o: keys with '=' behind, but for those that a name follows."""
    keys = [line.split("\t")[0] for line in NV_RUN("--complete=keys").splitlines()]
    return {key if key.endswith(".") else key + "=" for key in keys}


def without_equals(words):
    return {word.rstrip("=") for word in words}


def bash_options(beginning):
    return bash(f"{beginning} -")


def fish_options(beginning):
    # fish lists the long ones for "--" and all letters for "-".
    return (fish(f"{beginning} --") |
            {word for word in fish(f"{beginning} -") if len(word) == 2}) - {"--"}


def zsh_options(beginning):
    # zsh, too, lists letters for "-" and long ones for both.
    return {word for word in zsh_offers(f"{beginning} -") if word.startswith("-")}


def the_options_of_the_help_are_offered(shell, program):
    offered = OPTIONS[shell](program.name)
    same(program.words(), without_equals(offered), "--help", f"{shell}'s completion")
    if shell == "bash":
        takes = {word for word in program.words_with_argument() if word.startswith("--")}
        same(takes, {word.rstrip("=") for word in offered if word.endswith("=")},
             "--help", "bash's completion, with '=',")


OPTIONS = {"bash": bash_options, "fish": fish_options, "zsh": zsh_options}


def bash_knows_which_options_take_an_argument(program):
    for word in program.words() - program.other:
        probed = bool(bash(f"{program.name} {word} {program.probe}") & program.probed)
        assert probed == (word not in program.words_with_argument()), \
            f"behind {word}, {program.probe} is {'' if probed else 'not '}completed"


def fish_knows_which_options_take_an_argument(program):
    text = (SOURCE / f"completions/{program.name}.fish").read_text(encoding="utf-8")
    text = text.replace("\\\n", " ")
    found = set()
    for line in re.findall(r"^complete \$\w+ +(?:-n '[^']*' )?(.*)$", text, re.M):
        if re.match(r"-[xr] ", line):
            found |= {f"-{letter}" for letter in re.findall(r"-s (\w) ", line)}
            found |= {f"--{name}" for name in re.findall(r"-l ([\w-]+)", line)}
    same(program.words_with_argument(), found, "--help", "fish's completion, with -x or -r,")
    flags, specs = re.search(r"argparse (-[si]) (.*?)-- \$tokens", text, re.S).groups()
    # With -i, options that it is not told of take no argument.
    same({name + ("=" if argument else "") for _, name, argument in program.options
          if argument or flags == "-s"},
         {re.sub(r"^\w/|\+$", "", spec) for spec in specs.split()}, "--help", "fish's argparse")


def zsh_knows_which_options_take_an_argument(program):
    text = (SOURCE / f"completions/_{program.name}").read_text(encoding="utf-8")
    found = {}
    for entry in re.findall(r"^\t'(?:\([^)]*\))?\*?(.*)'(?: \\)?$", text, re.M):
        head = entry.split("[")[0]
        if not head.lstrip("'{").startswith("-"):
            continue
        for word in re.findall(r"--?[\w-]+[+=]?", head):
            found[word.rstrip("+=")] = word[-1] in "+="
    same(program.words(), found, "--help", f"completions/_{program.name}")
    same(program.words_with_argument(), {word for word, takes in found.items() if takes},
         "--help", f"completions/_{program.name}, with '=' or '+',")


def zsh_can_read_its_file(program):
    said("zsh", "-n", str(SOURCE / f"completions/_{program.name}"))


ASK = {"bash": bash, "fish": fish, "zsh": zsh_offers}


def the_commands_are_offered(shell, program):
    same(program.commands, ASK[shell](f"{program.name} "), "--help", f"{shell}'s completion")


def a_command_is_offered_its_own_options(shell, program):
    for command, names in program.taken.items():
        wanted = {word for letter, name, _ in program.options if name in names
                  for word in (f"-{letter}", f"--{name}") if word != "-"}
        same(wanted, without_equals(OPTIONS[shell](f"{program.name} {command}")),
             f"{program.name} {command}", f"{shell}'s completion")


def an_option_is_offered_what_it_takes(shell, program):
    listed = [name for _, name, _ in program.options if program.choices(name)]
    assert {"mode", "layout"} <= set(listed), listed
    for name in listed:
        same(program.choices(name), ASK[shell](f"{program.name} --{name} "),
             f"--{name}", f"{shell}'s completion")


def expect(got, wanted):
    assert got == wanted, f"offered {got!r}, not {wanted!r}"


def lists(got, *wanted):
    assert set(wanted) <= got, f"offered {got!r}, without {set(wanted) - got!r}"


def shell_tests(shell, *tests):
    """Tests that are alike in all shells."""
    def about(test):
        def asked(program):
            return test(shell, program)
        asked.__name__ = f"{shell}: {test.__name__}"
        return asked
    return [
        *for_each(about(the_options_of_the_help_are_offered), *tests),
        *for_each(about(the_commands_are_offered), about(a_command_is_offered_its_own_options),
                  of=[NV_SESSION, NV_GPU]),
        *for_each(about(an_option_is_offered_what_it_takes), of=[NV_SESSION]),
        (f"{shell} completes what a hook may be told",
         lambda: expect(ASK[shell]("nv-session hook "), {"install", "remove", "check"})),
        (f"{shell} completes display managers",
         lambda: expect(ASK[shell]("nv-session hook --json install "),
                        {"lightdm", "sddm", "gdm", "xdm", "lxdm", "startx"})),
        (f"{shell} completes GPUs to ask", lambda: expect(
            gpu_words(shell, "nv-session renderer --gpu "), gpus())),
        (f"{shell} completes a variable for the drivers",
         lambda: expect(without_equals(ASK[shell]("nv-session renderer -- NV_TEST_C")),
                        {"NV_TEST_COLOUR"})),
        (f"{shell} completes no variable for others",
         lambda: expect(ASK[shell]("nv-session plan -- NV_TEST_C"), set())),
        (f"{shell} completes a command behind an option and its argument",
         lambda: expect(ASK[shell]("nv-session --layout above stat"), {"status"})),
        (f"{shell} completes a configuration file",
         lambda: lists(ASK[shell]("nv-session plan --config /etc/passw"),
                       "passwd" if shell == "zsh" else "/etc/passwd")),
        (f"{shell} completes directories alone", lambda: only_directories(
            "/etc/", ASK[shell]("nv-session plan --sysroot /etc/"))),
        *gpu_tests(shell),
    ]


def gpu_tests(shell):
    """What nv-gpu's commands take."""
    def offers(line, wanted):
        return lambda: expect(without_help(ASK[shell](f"nv-gpu {line}")),
                              wanted() if callable(wanted) else wanted)

    def there():
        return gpus() - {"auto", "software", "none"}

    def slots():
        return {word for word in gpus() if ":" in word}

    return [
        *[(f"{shell} completes GPUs for nv-gpu {command}",
           lambda command=command: expect(gpu_words(shell, f"nv-gpu {command} "), there()))
          for command in ("show", "ps", "awake")],
        *[(f"{shell} completes slots alone for nv-gpu {command}",
           lambda command=command: expect(gpu_words(shell, f"nv-gpu {command} "), slots()))
          for command in ("bind", "unbind", "restore")],
        (f"{shell} completes a driver to move to", offers("bind 01:00 v", {"vfio-pci"})),
        (f"{shell} completes no driver to take away", offers("unbind 01:00 v", set())),
        (f"{shell} completes the doctor's checks", offers("doctor --only ", checks)),
        (f"{shell} completes no check for what moves a GPU", offers("bind --only driver-", set())),
        (f"{shell} completes a recording to unpack",
         lambda: lists(ASK[shell]("nv-gpu replay /etc/passw"),
                       "passwd" if shell == "zsh" else "/etc/passwd")),
        (f"{shell} completes directories to unpack it to", lambda: only_directories(
            "/etc/", ASK[shell]("nv-gpu replay file /etc/"))),
        (f"{shell} completes nothing behind the words that nv-gpu takes", offers("ps 01:00 ", set())),
    ]


def gpu_words(shell, line):
    """GPUs that are offered. fish and zsh write colons of slots their own way."""
    return {word.replace("\\", "") for word in ASK[shell](line)}


def checks():
    """The checks that the doctor says there are."""
    listed = NV_GPU.complaint("doctor", "--only=?").strip().split("; there are ")[1]
    return set(listed.split(", "))


def only_directories(parent, offered):
    names = {word.rstrip("/").rsplit("/", 1)[-1] for word in offered}
    assert names, f"nothing offered below {parent}"
    files = {name for name in names if not os.path.isdir(parent + name)}
    assert not files, f"offered {files}"


def without_help(words):
    return {word.split(":")[0] for word in words}


SHELLS = {
    "bash": [
        *shell_tests("bash", bash_knows_which_options_take_an_argument),
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
        *shell_tests("zsh", zsh_knows_which_options_take_an_argument, zsh_can_read_its_file),
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
        *shell_tests("fish", fish_knows_which_options_take_an_argument),
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
