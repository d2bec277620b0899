# SPDX-License-Identifier: MIT
"""The help, the manual pages and the completions say the same: docs.py SUBJECT.

Subjects: options (help and pages), pages (their own form), session (session.conf), bash, zsh,
fish. programs.py knows what the programs say of themselves, shells.py asks the shells.
"""
import sys

import programs  # noqa: F401  pylint: disable=unused-import
import tap
import completions
import pages
import session

TESTS = {
    "options": pages.OPTIONS,
    "pages": pages.PAGES,
    "session": session.TESTS,
    **completions.SHELLS,
}

if __name__ == "__main__":
    tap.run(TESTS[sys.argv[1]])
