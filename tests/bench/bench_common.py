# SPDX-License-Identifier: MIT
"""What the benches share."""


def write(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


class Results:
    """Numbers, and targets that they meet or miss."""

    def __init__(self):
        self.results = {"targets": []}

    def target(self, what, measured, limit):
        met = measured <= limit
        self.results["targets"].append(
            {"what": what, "measured": round(measured, 3), "at_most": limit, "met": met})

    def show_targets(self):
        print(f"\n{'target':44} {'measured':>9} {'at most':>9}")
        for target in self.results["targets"]:
            print(f"  {target['what']:42} {target['measured']:9.3f} {target['at_most']:9.3f}"
                  f"  {'met' if target['met'] else 'MISSED'}")

    def all_met(self):
        return all(target["met"] for target in self.results["targets"])
