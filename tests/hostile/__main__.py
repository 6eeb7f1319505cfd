"""The hostile suite: `python -m tests.hostile` attacks the program with hostile input, in some minutes.

    --only MODE     only this mode; may be given several times
    --seed N        other poisons for the same fields
    --case ID       one case alone, with its full failure

All cases run as parametrized tests of `test_cases.py` in parallel, whose short form is a part of `.ci/run`.
The exit code is 1 if a case failed, or if no case ran.
"""

import argparse
import os
import subprocess
import sys

from tests.hostile import test_cases
from tests.hostile.cases import Case
from tests.hostile.modes import MODES

MAX_PART_S = 1_200
"""A part that takes longer hangs: all of them together take a quarter of an hour."""


def main() -> int:
    """Run the cases that the options select. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description="Attack the program.")
    names = [mode.name for mode in MODES]
    parser.add_argument("--only", action="append", choices=names, metavar="MODE", help="only this mode")
    parser.add_argument("--seed", type=int, default=0, help="other poisons for the same fields")
    parser.add_argument("--case", metavar="ID", help="one case alone")
    options = parser.parse_args()
    if options.case is not None:
        case = Case.parse(options.case)
        (result,) = test_cases.mode_of(case.mode).run([case])
        print(result.trouble or "ok", "reached" if result.is_reached else "not reached", sep="\n")
        return 0 if result.has_passed else 1
    tests = [
        f"{test_cases.__file__}::{test_cases.test_program_survives_hostile_cases.__name__}[{name}-{part}]"
        for part in range(test_cases.PARTS)
        for name in options.only or names
    ]
    command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "worksteal", "-o", f"timeout={MAX_PART_S}"]
    return subprocess.run(
        [*command, *tests], env=os.environ | {test_cases.LONG: str(options.seed)}, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
