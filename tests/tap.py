# SPDX-License-Identifier: MIT
"""Tests as functions whose names are sentences; prints the Test Anything Protocol."""
import sys
import traceback


class Skip(Exception):
    """Raised by a test that cannot run on this kind of machine; says why."""


def run(tests):
    """Runs (sentence, function) pairs and exits with 1 if one failed."""
    tests = list(tests)
    failed = 0
    print(f"1..{len(tests)}", flush=True)
    for number, (sentence, test) in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} - {sentence}", flush=True)
        except Skip as reason:
            print(f"ok {number} - {sentence} # SKIP {reason}", flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            for line in traceback.format_exc().splitlines():
                print(f"# {line}")
            print(f"not ok {number} - {sentence}", flush=True)
    sys.exit(1 if failed else 0)


def sentence(function):
    return function.__name__.replace("_", " ")
