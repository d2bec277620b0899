# SPDX-License-Identifier: MIT
"""session.conf: the template, the page and the program say the same."""
import pathlib
import re
import tempfile

import tap
from pages import page, plain, section, source_keys
from programs import NV_SESSION, SOURCE, same

PAGE = "nv-run-session.conf.5"
TEMPLATE = SOURCE / "data/session.conf"


def page_keys():
    """(section, key, what it takes) of the lines that begin with a key."""
    return [(kind, *re.match(r"([a-z-]+) = (.*)", plain(line)).groups())
            for kind, title in (("session", "THE SESSION"), ("output", "OUTPUTS"))
            for line in section(PAGE, title).splitlines() if re.match(r"\*[a-z-]+\* = ", line)]


def template_keys():
    """(section, header, key, value) of the template's lines, as if it had no remarks."""
    found, header = [], None
    for line in TEMPLATE.read_text(encoding="utf-8").splitlines():
        setting = re.match(r"#([a-z-]+) = (.*)", line)
        if re.match(r"#\[.*\]$", line):
            header = line[1:]
        elif setting:
            found.append((re.match(r"\[(\w+)", header).group(1), header, *setting.groups()))
        else:
            assert re.match(r"#( .*)?$|$", line), f"{TEMPLATE}: no remark: {line}"
    assert found, f"{TEMPLATE} has no line that could be used"
    return found


def mistakes(text):
    """What nv-session says of a configuration; a mistake never keeps it from answering."""
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory) / "session.conf"
        file.write_text(text, encoding="utf-8")
        file.chmod(0o600)
        heard = NV_SESSION.printed("xorg-conf", "--mode", "none", "--config", str(file)).stderr
        return "\n".join(line for line in heard.splitlines() if str(file) in line)


def the_page_has_the_keys_of_the_source():
    same(source_keys("session_keys"), {key for _, key, _ in page_keys()},
         "src/rule/keys.c", f"man/{PAGE}.scd")


def the_template_has_the_keys_of_the_page():
    keys = [(kind, key) for kind, _, key, _ in template_keys()]
    same({(kind, key) for kind, key, _ in page_keys()}, keys, f"man/{PAGE}.scd", TEMPLATE.name)
    assert len(keys) == len(set(keys)), f"{TEMPLATE} has a key twice"


def the_page_lists_what_the_options_take():
    takes = {(kind, key): words.split("|") for kind, key, words in page_keys()}
    for option in ("mode", "layout"):
        same(NV_SESSION.choices(option), takes["session", option], f"--{option}", f"man/{PAGE}.scd")


def the_template_names_what_the_options_take():
    text = TEMPLATE.read_text(encoding="utf-8")
    for option in ("mode", "layout"):
        remark = re.search(rf"((?:^# .*\n)+)#{option} = ", text, re.M).group(1)
        lacking = set(NV_SESSION.choices(option)) - set(re.findall(r"[\w-]+", remark))
        assert not lacking, f"above {option} = there is no {lacking}"


def the_template_has_the_defaults_of_the_page():
    given = {(kind, key): value for kind, _, key, value in template_keys()}
    modes = re.search(r"^\*(\w+)\*\n(?:\t.*\n)*\t.*This is the default", page("nv-session.1"), re.M)
    layout = re.search(r"\*([\w-]+)\* \(the default\)", page("nv-session.1"))
    sync = re.search(r"\*(\w+)\* is the default", section(PAGE, "THE SESSION"))
    for key, stated in (("mode", modes), ("layout", layout), ("prime-sync", sync)):
        assert given["session", key] == stated.group(1), f"{key} is {stated.group(1)} by default"


def a_line_of_the_template_has_no_mistake(header, key, value):
    said_of_it = mistakes(f"{header}\n{key} = {value}\n")
    assert not said_of_it, said_of_it


def the_whole_template_has_no_mistake():
    text = TEMPLATE.read_text(encoding="utf-8")
    for used in (text, re.sub(r"^#(?=\[|[a-z-]+ = )", "", text, flags=re.M)):
        assert not mistakes(used), mistakes(used)


def a_mistake_in_the_template_would_be_seen():
    for text in ("[session]\nmood = auto\n", "[session]\nrate = 60\n", "[output X]\nlayout = above\n",
                 "[session]\nmode = Auto\n", "[sessions]\nmode = auto\n"):
        assert re.search(r"session\.conf:[12]", mistakes(text)), f"no complaint about {text!r}"


TESTS = [(tap.sentence(test), test) for test in (
    the_page_has_the_keys_of_the_source,
    the_template_has_the_keys_of_the_page,
    the_page_lists_what_the_options_take,
    the_template_names_what_the_options_take,
    the_template_has_the_defaults_of_the_page,
    the_whole_template_has_no_mistake,
    a_mistake_in_the_template_would_be_seen,
)] + [
    (f"the template's {key} = {value} has no mistake under {header}",
     lambda line=(header, key, value): a_line_of_the_template_has_no_mistake(*line))
    for _, header, key, value in template_keys()
]
