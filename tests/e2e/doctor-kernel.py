# SPDX-License-Identifier: MIT
"""nv-gpu doctor: what it says of kernel, driver and power, and what --fix changes there."""
import doctor_cases
import e2e

CASES = [
]

if __name__ == "__main__":
    doctor_cases.run_cases(CASES, e2e.tests(globals()))
