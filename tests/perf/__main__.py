"""Prints a table of all benchmark figures, and marks those above their limit: `python -m tests.perf [NAME…]`.

The `bench_*` modules measure the figures. They are not part of the test suite, since a busy machine would fail it.
`soak` takes two hours, so that it runs only by name.
"""

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.perf.figure import Figure

ONLY_BY_NAME = {"soak"}


def figures(only: list[str]) -> Iterator[tuple[str, Figure]]:
    """Yield all figures, benchmark by benchmark. `only` selects benchmarks."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        room = module.name.removeprefix("bench_")
        if module.name.startswith("bench_") and (room in only if only else room not in ONLY_BY_NAME):
            for figure in importlib.import_module(f"tests.perf.{module.name}").measure():
                yield room, figure


def main() -> int:
    """Print each figure as it is measured. Return 1 if one is above its limit."""
    over = 0
    print(f"{'room':<9} {'figure':<66} {'measured':>10} {'limit':>9}")
    for room, figure in figures(sys.argv[1:]):
        is_over = figure.limit is not None and figure.value > figure.limit
        over += is_over
        limit = "" if figure.limit is None else f"{figure.limit:g}"
        mark = "  OVER" if is_over else ""
        print(f"{room:<9} {figure.name:<66} {figure.value:>10.4g} {limit:>9} {figure.unit}{mark}", flush=True)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
