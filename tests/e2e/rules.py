# SPDX-License-Identifier: MIT
"""Rule files as they lie on disk: order, masks, trust and hostile contents."""
import json
import os

import e2e
from e2e import NV_RUN, machines, tap

PLAIN_USER = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


class Rules:
    """The system's and the user's directory, seen through a recording and a home."""

    def __init__(self, place):
        self.place = place
        self.root = machines.unpack("no-gpu", place / "root")
        self.system = self.root / "etc/nv-run/rules.d"
        self.user = place / "config/nv-run/rules.d"
        for directory in (self.system, self.user):
            directory.mkdir(parents=True)
        self.env = e2e.environment(XDG_CONFIG_HOME=str(place / "config"))

    def run(self, *words, before=()):
        return e2e.run(*before, NV_RUN, f"--sysroot={self.root}", *words, env=self.env)

    def changes(self, *words):
        result = self.run("-n", "--json", *words, "true")
        assert result.returncode == 0, result.stderr
        return {c["name"]: (c.get("value"), c["from"]) for c in
                json.loads(result.stdout)["changes"]}


def with_rules(test):
    def body():
        with e2e.place() as place:
            test(Rules(place))
    body.__name__ = test.__name__
    return body


@with_rules
def test_higher_directories_win_key_by_key(here):
    e2e.write(here.system / "50-a.conf", "[true]\nset.A = system\nset.B = system\n")
    e2e.write(here.user / "10-b.conf", "[true]\nset.A = user\n")
    changes = here.changes()
    assert changes["A"][0] == "user" and changes["A"][1].endswith("/10-b.conf:2"), changes
    assert changes["B"] == ("system", "/etc/nv-run/rules.d/50-a.conf:3"), changes


@with_rules
def test_files_of_one_directory_are_read_by_name(here):
    e2e.write(here.system / "9.conf", "[true]\nset.A = nine\n")
    e2e.write(here.system / "10.conf", "[true]\nset.A = ten\n")
    e2e.write(here.system / "z.conf~", "[true]\nset.A = backup\n")
    e2e.write(here.system / ".z.conf", "[true]\nset.A = hidden\n")
    assert here.changes()["A"][0] == "nine"


@with_rules
def test_a_file_replaces_one_of_its_name_below_and_a_link_masks_it(here):
    e2e.write(here.system / "a.conf", "[true]\nset.A = 1\n")
    e2e.write(here.system / "b.conf", "[true]\nset.B = 1\n")
    e2e.write(here.user / "a.conf", "[true]\nset.C = 1\n")
    (here.user / "b.conf").symlink_to("/dev/null")
    assert set(here.changes()) == {"C"}


@with_rules
def test_a_link_to_a_file_is_followed(here):
    e2e.write(here.place / "real", "[true]\nset.A = 1\n")
    (here.user / "a.conf").symlink_to(here.place / "real")
    assert set(here.changes()) == {"A"}


def refused(here, words, *more, before=()):
    """The rest counts, the file does not, and somebody is told; strictly it is an error."""
    e2e.write(here.user / "z-good.conf", "[env]\nset.GOOD = 1\n")
    os.chown(here.user / "z-good.conf", 65534 if before else 0, 0)
    result = here.run(*more, "env", before=before)
    assert result.returncode == 0, result
    assert "GOOD=1" in result.stdout, result
    assert "BAD=1" not in result.stdout, result.stdout
    assert words in result.stderr and "a.conf" in result.stderr, result.stderr
    strict = here.run("--strict", *more, "env", before=before)
    assert strict.returncode == 125 and not strict.stdout, strict


BAD = "[env]\nset.BAD = 1\n"


@with_rules
def test_a_file_that_everybody_can_write_is_not_believed(here):
    e2e.write(here.user / "a.conf", BAD, 0o646)
    refused(here, "everybody")


@with_rules
def test_a_file_of_another_user_is_not_believed(here):
    os.chown(e2e.write(here.user / "a.conf", BAD), 1234, 0)
    refused(here, "belong")
    if os.geteuid() == 0:
        refused(here, "belongs to another user", before=PLAIN_USER)


@with_rules
def test_root_believes_only_roots_files(here):
    os.chown(e2e.write(here.user / "a.conf", BAD), 65534, 65534)
    refused(here, "does not belong to root")
    result = here.run("env", before=PLAIN_USER)
    assert "BAD=1" in result.stdout and not result.stderr, "its owner does believe it"


@with_rules
def test_a_group_that_can_write_must_be_the_users_own(here):
    path = e2e.write(here.user / "a.conf", BAD, 0o664)
    os.chown(path, 65534, 65534)
    # 65534 is a group of its own ...
    e2e.write(here.root / "etc/passwd", "me:x:65534:65534::/:/bin/sh\nyou:x:7:7::/:/bin/sh\n")
    e2e.write(here.root / "etc/group", "me:x:65534:\nyou:x:7:\n")
    result = here.run("env", before=PLAIN_USER)
    assert "BAD=1" in result.stdout and not result.stderr, result
    # ... with a member, or another user's main group, it is none.
    e2e.write(here.root / "etc/group", "me:x:65534:you\n")
    refused(here, "its group", before=PLAIN_USER)
    e2e.write(here.root / "etc/group", "me:x:65534:\n")
    e2e.write(here.root / "etc/passwd", "me:x:65534:65534::/:\nyou:x:7:65534::/:\n")
    refused(here, "its group", before=PLAIN_USER)
    os.chown(path, 65534, 7)
    refused(here, "its group", before=PLAIN_USER)
    # Users of a directory service are in neither file: only equal numbers are a sign.
    e2e.write(here.root / "etc/passwd", "")
    e2e.write(here.root / "etc/group", "")
    os.chown(path, 65534, 65534)
    result = here.run("env", before=PLAIN_USER)
    assert "BAD=1" in result.stdout, result
    os.chown(path, 65534, 100)
    other = ["setpriv", "--reuid=65534", "--regid=100", "--clear-groups"]
    refused(here, "its group", before=other)


@with_rules
def test_what_is_no_file_is_refused_without_a_hang(here):
    os.mkfifo(here.user / "a.conf")
    refused(here, "not a regular file")
    os.unlink(here.user / "a.conf")
    (here.user / "a.conf").mkdir()
    refused(here, "regular file")
    os.rmdir(here.user / "a.conf")
    (here.user / "a.conf").symlink_to("/dev/zero")
    refused(here, "not a regular file")
    os.unlink(here.user / "a.conf")
    (here.user / "a.conf").symlink_to("/nonexistent")
    refused(here, "cannot be read")


@with_rules
def test_bytes_that_are_no_text_are_refused(here):
    e2e.write(here.user / "a.conf", BAD.encode() + b"#" * 100000 + b"\0\n")
    refused(here, "NUL byte")
    e2e.write(here.user / "a.conf", BAD.encode() + b"#\n" * (8 << 20))
    refused(here, "16 MiB")


@with_rules
def test_an_unreadable_file_is_reported(here):
    os.chown(e2e.write(here.user / "a.conf", BAD, 0o000), 65534, 65534)
    refused(here, "cannot be read", before=PLAIN_USER)


@with_rules
def test_lines_of_any_length_are_read(here):
    value = "x" * 100000
    e2e.write(here.user / "a.conf", f"[other]\nset.O = {value}\n[true]\nset.A = {value}\n")
    assert here.changes()["A"][0] == value


@with_rules
def test_a_value_with_which_no_program_starts_is_left_out(here):
    value = "x" * (131072 - len("A=") - 1)
    rules = e2e.write(here.user / "a.conf", f"[printenv]\nset.A = {value}\nset.B = b{value}\n"
                      "prepend.A = y\n")
    result = here.run("printenv", "A")
    assert result.returncode == 0 and result.stdout == value + "\n", result.stderr
    assert "a.conf:3:9: too long" in result.stderr, result.stderr
    assert "a.conf:4: A stays as it is" in result.stderr, result.stderr
    check = here.run("--check", rules)
    assert check.returncode == 1 and "3:9: too long" in check.stdout, check.stdout


@with_rules
def test_a_mistake_is_told_with_its_place_and_the_program_starts(here):
    e2e.write(here.user / "a.conf", "[other]\nnonsense\n[env]\n  gup = nvidia\nset.A = 1\n")
    result = here.run("env")
    assert "A=1" in result.stdout
    assert result.stderr.endswith("a.conf:4:3: unknown key 'gup'; did you mean 'gpu'?\n"), result
    assert len(result.stderr.splitlines()) == 1
    check = here.run("--check")
    assert check.returncode == 1 and "a.conf:2:9: expected '='" in check.stdout, check.stdout
    assert not here.run("-q", "env").stderr


@with_rules
def test_check_answers_in_json_and_by_file(here):
    good = e2e.write(here.place / "good.conf", "[a]\ngpu = nvidia\n")
    bad = e2e.write(here.place / "bad.conf", "[a]\ngpu = nvida\n")
    assert here.run("--check", good).returncode == 0
    result = here.run("--check", "--json", good, bad)
    answer = json.loads(result.stdout)
    assert result.returncode == 1 and answer["files"] == [str(good), str(bad)]
    assert answer["mistakes"] == [{"file": str(bad), "line": 2, "column": 7,
                                   "text": "unknown GPU 'nvida'; did you mean 'nvidia'?"}]
    assert here.run("--check", here.place / "none.conf").returncode == 125


@with_rules
def test_rules_may_be_named_or_left_out(here):
    e2e.write(here.user / "a.conf", "[true]\nset.A = 1\n")
    one = e2e.write(here.place / "one.conf", "[true]\nset.B = 1\nset.C = 1\n")
    e2e.write(here.place / "dir/two.conf", "[true]\nset.C = 2\n")
    assert not here.changes("--no-rules")
    assert {n: v[0] for n, v in here.changes("--rules", one, "--rules", here.place / "dir")
            .items()} == {"B": "1", "C": "2"}


@with_rules
def test_machine_conf_overrules_a_guess(here):
    root = machines.unpack("laptop-amd-amd", here.place / "amd")
    e2e.write(root / "etc/nv-run/machine.conf", "[03:00.0]\nrole = external\n[1002:1638]\n"
              "role = discrete\n[*]\nrole = nonsense\n")
    result = e2e.nv_run(f"--sysroot={root}", "--list", "--json")
    roles = {gpu["slot"]: (gpu["role"], gpu["role_why"]) for gpu in json.loads(result.stdout)}
    assert roles["0000:03:00.0"] == ("external", "/etc/nv-run/machine.conf:2 says so"), roles
    assert roles["0000:07:00.0"][0] == "discrete"
    assert "machine.conf:6:8: expected one of" in result.stderr, result.stderr


@with_rules
def test_machine_conf_is_a_file_like_the_others(here):
    root = machines.unpack("laptop-amd-amd", here.place / "amd")
    path = e2e.write(root / "etc/nv-run/machine.conf", "[0000:0[3-5]:00.0]\nrole = external\n"
                     "[1002:ABC[C-E]]\nrole = discrete\n")
    machines.set_ids(root / "sys/bus/pci/devices/0000:07:00.0", "1002", "abcd")
    roles = {gpu["slot"]: gpu["role"] for gpu in
             json.loads(e2e.nv_run(f"--sysroot={root}", "--list", "--json").stdout)}
    assert roles == {"0000:03:00.0": "external", "0000:07:00.0": "discrete"}, roles
    assert e2e.nv_run("--check", path).returncode == 0
    e2e.write(path, "[07:00.0]\nrole = disrete\n")
    result = e2e.nv_run("--check", path)
    assert result.returncode == 1 and "2:8: unknown value 'disrete'" in result.stdout, result
    path.chmod(0o646)
    result = e2e.nv_run(f"--sysroot={root}", "true")
    assert "machine.conf: not read: it can be written by everybody" in result.stderr, result


@with_rules
def test_what_may_not_be_read_is_reported(here):
    machine = e2e.write(here.root / "etc/nv-run/machine.conf", "", 0o600)
    here.system.chmod(0o700)
    os.chown(here.user, 65534, 65534)
    result = here.run("true", before=PLAIN_USER)
    assert result.returncode == 0, result
    for path in (here.system, machine):
        told = f"/{path.relative_to(here.root)}: not read: it cannot be read: Permission denied"
        assert told in result.stderr, (path, result.stderr)
    assert len(result.stderr.splitlines()) == 2, result.stderr


@with_rules
def test_a_rule_for_one_api_finds_its_gpu_by_name_and_uuid(here):
    root = machines.unpack("laptop-intel-nvidia", here.place / "laptop")
    listed = json.loads(e2e.nv_run(f"--sysroot={root}", "--list", "--json").stdout)
    card = next(gpu for gpu in listed if gpu["uuid"])
    for word in (f"uuid={card['uuid'][:12]}", "name=*rtx 3050*", card["slot"]):
        for gpu in ("none", "auto"):
            answer = e2e.dry(f"--sysroot={root}", "--no-rules", "-g", gpu, "-o", f"cuda={word}",
                             "-o", f"vulkan={word}", "true")
            changes = {c["name"]: c.get("value") for c in answer["changes"]}
            assert not answer["warnings"], (word, answer["warnings"])
            assert changes["CUDA_VISIBLE_DEVICES"] in (card["uuid"], "0"), (word, changes)
            ids = f"{card['vendor']}:{card['device']}"
            assert changes["VK_LOADER_DEVICE_SELECT"] == ids, (word, changes)


@with_rules
def test_conditions_are_facts_of_the_machine(here):
    cases = [
        ("laptop-intel-nvidia", "power = battery", True),
        ("laptop-intel-nvidia", "power = ac", False),
        ("laptop-amd-nvidia", "power = ac", True),
        ("desktop-nvidia-only", "power = ac", True),
        ("laptop-intel-nvidia", "awake = no", True),
        ("laptop-amd-nvidia", "awake = yes", True),
        ("laptop-amd-nvidia", "display = external", True),
        ("laptop-intel-nvidia", "display = external", False),
        ("laptop-intel-nvidia", "gpu = nvidia", True),
        ("laptop-intel-nvidia", "gpu = nvidia:1", False),
        ("desktop-vfio", "gpu = nvidia", True),
        ("laptop-intel-nvidia", "gpu = name=*RTX 3050*", True),
        ("laptop-intel-nvidia", "host = laptop-*", True),
        ("laptop-intel-nvidia", "host = desktop-*", False),
        ("laptop-intel-nvidia", "session = tty", True),
        ("laptop-intel-nvidia", "session = x11", False),
    ]
    for machine, condition, holds in cases:
        root = here.place / machine
        if not root.exists():
            machines.unpack(machine, root)
        rules = e2e.write(here.place / "when.conf",
                          f"[true]\nset.HELD = 1\ngpu = none\nwhen.{condition}\n")
        answer = e2e.dry(f"--sysroot={root}", "--rules", rules, "true", env=here.env)
        held = any(change["name"] == "HELD" for change in answer["changes"])
        assert held == holds, (machine, condition)
        text = e2e.nv_run(f"--sysroot={root}", "--rules", rules, "-x", "true", env=here.env).stdout
        told = "used" if holds else f"line 4, when.{condition}, does not hold"
        assert told in " ".join(text.split()), text


@with_rules
def test_programs_are_recognised_by_what_started_them(here):
    rules = e2e.write(here.place / "ids.conf", "[steam:620]\nset.STEAM = 1\n[desktop:org.x.Y]\n"
                      "set.DESKTOP = 1\n[flatpak:org.z.W]\nset.FLATPAK = 1\n"
                      "[wine:game.exe]\nset.WINE = 1\n")
    launcher = e2e.write(here.place / "bin/flatpak", '#!/bin/sh\nexec env\n', 0o755)

    def seen(*words, before=(), **env):
        output = e2e.run(*before, NV_RUN, f"--rules={rules}", *words,
                         env=e2e.environment(**env)).stdout
        return {n for n in ("STEAM", "DESKTOP", "FLATPAK", "WINE") if f"\n{n}=1" in "\n" + output}

    assert not seen("env")
    assert seen("env", SteamAppId="620") == {"STEAM"}
    assert seen("env", SteamGameId="620", SteamAppId="0") == {"STEAM"}
    assert seen("--id", "desktop:org.x.Y", "--id=steam:620", "env") == {"DESKTOP", "STEAM"}
    assert seen(launcher, "--user", "run", "--arch=x86_64", "org.z.W/x86_64/stable") == {"FLATPAK"}
    assert not seen(launcher, "install", "org.z.W")
    assert seen("env", FLATPAK_ID="org.z.W") == {"FLATPAK"}
    assert seen("sh", "-c", "env", "C:\\dir/GAME.exe") == {"WINE"}
    own_pid = ["sh", "-c", 'GIO_LAUNCHED_DESKTOP_FILE_PID=$$ exec "$@"', "sh"]
    entry = {"GIO_LAUNCHED_DESKTOP_FILE": "/usr/share/applications/org.x.Y.desktop"}
    assert seen("env", before=own_pid, **entry) == {"DESKTOP"}
    assert not seen("env", GIO_LAUNCHED_DESKTOP_FILE_PID="1", **entry)


if __name__ == "__main__":
    tap.run(e2e.tests(globals()))
