# SPDX-License-Identifier: MIT
"""The doctor's checks as a table: a machine, what is changed on it, and what is then said.

A case is (check, sentence, machine, edits, verdict, text), and env={...} behind it where the
environment matters. edits maps a path to its text (str or bytes), to None (it is taken away), to
("link", target) or to ("directory",). The answer of the check must have a finding of that verdict
with the text in what, why or do; where the verdict is "ok" or "unknown", no note and no problem. So
a case fires with "note" or "problem" and is a neighbour that does not with "ok" or "unknown".
"""
import json
import os
import pathlib
import shutil

import e2e
import machines

NV_GPU = os.environ.get("NV_GPU") or str(pathlib.Path(e2e.NV_RUN).with_name("nv-gpu"))
FIRES = ("note", "problem")
QUIET = ("ok", "unknown")


def case(check, sentence, machine, edits, verdict, text, env=None):
    assert verdict in FIRES + QUIET, verdict
    return check, sentence, machine, edits, verdict, text, env or {}


def edit(root, edits):
    """Changes files below a root; directories come by themselves."""
    for path, new in edits.items():
        place = root / path.lstrip("/")
        if place.is_symlink() or place.is_file():
            place.unlink()
        elif place.is_dir() and new is None:
            shutil.rmtree(place)
        if new is None:
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(new, tuple):
            e2e.write(place, new)
        elif new[0] == "link":
            os.symlink(new[1], place)
        else:
            place.mkdir()


def doctor(root, *words, env=None, **more):
    """The answer as JSON; the exit status under "status"."""
    result = e2e.run(NV_GPU, "doctor", "--json", "--sysroot", root, *words,
                     env=e2e.environment(**(env or {})), **more)
    assert result.stdout, result.stderr
    return {**json.loads(result.stdout), "status": result.returncode}


def findings(root, check, **more):
    """What one check says; its status must fit to that."""
    found = doctor(root, "--only", check, **more)
    assert found["findings"], f"{check} says nothing"
    assert found["status"] == int(any(x["verdict"] == "problem" for x in found["findings"])), found
    return found["findings"]


def machine(name, place, edits=()):
    root = machines.unpack(name, place)
    edit(root, dict(edits))
    return root


def show(found):
    return json.dumps(found, indent=1)


def check_case(check, machine_name, edits, verdict, text, env):
    with e2e.place() as place:
        root = machine(machine_name, place / "machine", edits)
        found = findings(root, check, env=env)
        if verdict in QUIET:
            assert not [x for x in found if x["verdict"] in FIRES], show(found)
        assert [x for x in found if x["verdict"] == verdict and text in
                "\n".join(filter(None, (x["what"], x["why"], x["do"])))], \
            f"no {verdict} with {text!r}: {show(found)}"
        for one in found:
            assert one["verdict"] in QUIET or one["why"], f"a reader learns no reason: {one}"


def full(one):
    return one if len(one) == 7 else (*one, {})


def run_cases(cases, more=()):
    """Runs a table of cases, then more tests: (sentence, function) pairs."""
    tests = [(f"{check}: {sentence}", lambda a=(check, *rest): check_case(*a))
             for check, sentence, *rest in map(full, cases)]
    e2e.tap.run(tests + list(more))


def tree(root):
    """All that is below a root, with kinds, modes and contents."""
    found = {}
    for path in sorted(pathlib.Path(root).rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_dir():
            found[name] = ("directory", oct(path.stat().st_mode))
        else:
            found[name] = (oct(path.stat().st_mode), path.read_bytes())
    return found


def fix_and_undo(check, name, edits, changed):
    """--fix changes these paths, once; --undo then leaves not a byte of it."""
    with e2e.place() as place:
        root = machine(name, place / "machine", edits)
        before = tree(root)
        promised = [x["path"] for one in findings(root, check) for x in one["changes"]]
        assert set(promised) == set(changed), promised
        assert tree(root) == before, "looking changed something"
        fixed = doctor(root, "--fix", "--only", check)
        assert not [x for x in fixed["done"] if x["failed"]], show(fixed)
        after = tree(root)
        state = "var/lib/nv-gpu"
        differ = {x for x in before.keys() | after.keys()
                  if before.get(x) != after.get(x) and not state.startswith(x)
                  and not x.startswith(state)}
        files = {x for x in differ if after.get(x, ("",))[0] != "directory"}
        # A path may lead to its file through links, as those of /sys do.
        assert len(files) == len(set(changed)), (files, changed)
        again = doctor(root, "--fix", "--only", check)
        assert again["done"] == [] and tree(root) == after, show(again)
        assert doctor(root, "--undo")["status"] == 0
        assert tree(root) == before, {x for x in before.keys() | tree(root).keys()
                                      if before.get(x) != tree(root).get(x)}
        return fixed
