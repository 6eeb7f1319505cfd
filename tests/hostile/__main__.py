"""The hostile suite: `python -m tests.hostile` attacks the program with hostile input, and prints a table.

    --short         about 500 cases, as in the tests; without it all cases, in some minutes
    --only MODE     only this mode; may be given several times
    --seed N        other poisons for the same fields
    --jobs N        parallel processes [default: the number of cores]
    --case ID       one case alone, with its full failure

The exit code is 1 if a case failed, if no case ran, or if too few short cases of a mode were reached.
"""

import argparse
import os
import shlex
import sys
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.hostile.cases import MIN_REACHED, Case, Mode, Result
from tests.hostile.modes import MODES
from tests.hostile.parts import Part, run_part


@dataclass(slots=True)
class Row:
    """One line of the table."""

    count: int = 0
    reached: int = 0
    failed: int = 0

    def add(self, result: Result) -> None:
        self.count += 1
        self.reached += result.is_reached
        self.failed += not result.has_passed

    @property
    def words(self) -> str:
        return "ok" if not self.failed else f"{self.failed} FAILED"


PARTS = 4
"""Parts of each mode in the long form, so that no core waits for the longest mode."""

Rows = dict[tuple[str, str], Row]


def main() -> int:
    """Run the cases that the options select. Return the exit code."""
    options = _options()
    if options.case is not None:
        return _one(Case.parse(options.case))
    rows: Rows = defaultdict(Row)
    failures: list[Result] = []
    began_s = time.monotonic()
    wanted = [mode.name for mode in MODES if not options.only or mode.name in options.only]
    count = 1 if options.short else PARTS
    parts = [Part(name, options.seed, options.short, index, count) for index in range(count) for name in wanted]
    with ThreadPoolExecutor(options.jobs) as pool:  # each thread waits for a process
        for results in pool.map(run_part, parts):
            for result in results:
                rows[result.case.mode, result.case.surface].add(result)
                if not result.has_passed:
                    failures.append(result)
                    print(f"FAILED {result.case.id}\n       {result.trouble}", file=sys.stderr, flush=True)
    _print(dict(sorted(rows.items())), failures, time.monotonic() - began_s)
    unmet = missed(rows) if options.short else []
    for name in unmet:
        print(f"FAILED {name}: fewer than {MIN_REACHED:.0%} of its cases were reached", file=sys.stderr)
    return 1 if unmet or not rows or any(row.failed for row in rows.values()) else 0


def missed(rows: Rows) -> list[str]:
    """Return the modes with too few cases reached."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for (mode, _), row in rows.items():
        counts[mode][0] += row.reached
        counts[mode][1] += row.count
    return [mode for mode, (reached, count) in counts.items() if reached < MIN_REACHED * count]


def _one(case: Case) -> int:
    mode = _mode_of(case)
    (result,) = mode.run([case])
    print(f"{result.case.id}\n{result.trouble or 'ok'}")
    print("reached" if result.is_reached else "not reached")
    return 0 if result.has_passed else 1


def _mode_of(case: Case) -> Mode:
    found = next((mode for mode in MODES if mode.name == case.mode), None)
    if found is None:
        sys.exit(f"no mode {case.mode!r}; there are {', '.join(mode.name for mode in MODES)}")
    return found


def _print(rows: Rows, failures: list[Result], took_s: float) -> None:
    print(f"{'mode':<11} {'surface':<34} {'cases':>6} {'reached':>8}  result")
    for (mode, surface), row in rows.items():
        print(f"{mode:<11} {surface:<34} {row.count:>6} {row.reached:>8}  {row.words}")
    total = Row(*(sum(getattr(row, name) for row in rows.values()) for name in Row.__slots__))
    print(f"{'':<11} {'total':<34} {total.count:>6} {total.reached:>8}  {total.words}")
    print(f"{took_s:.0f} s")
    for result in failures:
        print(f"\nFAILED: {result.trouble}")
        print(f"  python -m tests.hostile --case {shlex.quote(result.case.id)}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description="Attack the program.")
    parser.add_argument("--short", action="store_true", help="some 500 cases")
    parser.add_argument("--only", action="append", metavar="MODE", help="only this mode")
    parser.add_argument("--seed", type=int, default=0, help="other poisons for the same fields")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at once")
    parser.add_argument("--case", metavar="ID", help="one case alone")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
