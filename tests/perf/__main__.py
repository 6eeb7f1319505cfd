"""Prints the table of figures, or the benchmarks that are named: see `tests/perf/README.md`.

Neither is part of the test suite, since a busy machine would fail it. `tests/test_figures.py` holds the exact
figures.
"""

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.perf.figures.row import Effort
from tests.perf.figures.rows import ROWS
from tests.perf.figures.table import lines


def benchmarks() -> list[str]:
    """Return the names of the benchmarks: those of the modules in their folder."""
    return [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent / "benchmarks")])]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was asked for. Return 1 if a figure misses its goal or is above its limit."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf", description="Print the table of figures.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"a benchmark instead of the table: {known()}")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a third of the time, more noise")
    parser.add_argument("--markdown", action="store_true", help="print the table as it stands in the README")
    parser.add_argument("--match", default="", metavar="TEXT", help="only rows of the table that contain this text")
    parser.add_argument("--soak", type=float, default=0.0, metavar="MINUTES", help="measure the long run too")
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - {*benchmarks()}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; the names are {known()}")
    if given.names:
        return print_benchmarks(given.names)
    sys.setswitchinterval(0.0005)  # the thread of a slow link does not wait for the drawing of a screen
    rows, missed = [row for row in ROWS if given.match in row.figure], 0
    for line, is_missed in lines(rows, Effort(given.quick, given.soak), is_markdown=given.markdown):
        missed += is_missed
        print(line, flush=True)
    return 1 if missed else 0


def known() -> str:
    return ", ".join(benchmarks())


def print_benchmarks(names: Sequence[str]) -> int:
    """Print each figure of some benchmarks as it is measured, and mark those above their limit."""
    over = 0
    print(f"{'room':<9} {'figure':<66} {'measured':>10} {'limit':>9}")
    for room in names:
        for figure in importlib.import_module(f"tests.perf.benchmarks.{room}").measure():
            is_over = figure.limit is not None and figure.value > figure.limit
            over += is_over
            limit = "" if figure.limit is None else f"{figure.limit:g}"
            mark = "  OVER" if is_over else ""
            print(f"{room:<9} {figure.name:<66} {figure.value:>10.4g} {limit:>9} {figure.unit}{mark}", flush=True)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
