# SPDX-License-Identifier: MIT
"""nv-gpu doctor as a whole: every check has a case that fires and one that does not."""
import importlib.util
import json
import pathlib

import doctor_cases
import e2e
import machines

HERE = pathlib.Path(__file__).resolve().parent
NV_GPU = doctor_cases.NV_GPU


def tables():
    """All cases of the files doctor-*.py."""
    cases = []
    for path in sorted(HERE.glob("doctor-*.py")):
        spec = importlib.util.spec_from_file_location(path.stem.replace("-", "_"), path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        cases += [doctor_cases.full(case) for case in module.CASES]
    return cases


def names():
    """The rows of the table, as the program has them."""
    result = e2e.run(NV_GPU, "doctor", "--only", "nonsense")
    assert result.returncode == 2, result
    assert not result.stdout, result
    return result.stderr.split("there are ", 1)[1].strip().split(", ")


def test_every_check_has_a_case_that_fires_and_one_that_does_not():
    missing = []
    cases = tables()
    for name in names():
        verdicts = {case[4] for case in cases if case[0] == name}
        if not verdicts & set(doctor_cases.FIRES):
            missing.append(f"{name} never fires")
        if not verdicts & set(doctor_cases.QUIET):
            missing.append(f"{name} is never quiet")
    assert not missing, missing


def test_every_case_is_of_a_check_that_there_is():
    assert not {case[0] for case in tables()} - set(names())


def test_every_check_answers_on_every_machine():
    for name in machines.names():
        with e2e.place() as place:
            found = doctor_cases.doctor(machines.unpack(name, place / "machine"))
            assert {x["check"] for x in found["findings"]} == set(names()), name
            for one in found["findings"]:
                assert one["what"] and one["about"], one
                assert one["verdict"] in doctor_cases.QUIET or one["why"], one


def test_every_check_answers_on_this_machine():
    result = e2e.run(NV_GPU, "doctor", "--json")
    assert result.returncode in (0, 1), result
    assert {x["check"] for x in json.loads(result.stdout)["findings"]} == set(names())


def test_every_check_answers_where_there_is_nothing_at_all():
    with e2e.place() as place:
        root = place / "empty"
        root.mkdir()
        found = doctor_cases.doctor(root)
        assert found["status"] == 0, doctor_cases.show(found)
        assert {x["check"] for x in found["findings"]} == set(names())


if __name__ == "__main__":
    e2e.tap.run(e2e.tests(globals()))
