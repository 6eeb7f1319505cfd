"""Measures rendering: a row of the list, a page of `ls`, the page of a run with a large payload, a deep tree."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.perf.figure import Figure
from tests.support.present.run_rows import columns_for, row
from tests.support.present.samples import NOW, STAMP, full, sample
from tui.domain.run import Body, RunId, TaskId
from tui.domain.tree import RunTree, TreeNode
from tui.features.runs.columns import PRINTED_TABLE
from tui.features.runs.command import run_page, tree_lines
from tui.features.runs.printed import run_object
from tui.text.blocks import Now
from tui.text.json import compact
from tui.text.table import Print

ROUNDS = 5


def best(work: Callable[[], object], repeat: int = 1) -> float:
    """Return the milliseconds of one call, in the fastest of several rounds."""
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(repeat):
            work()
        rounds.append((time.perf_counter() - start) / repeat * 1000)
    return min(rounds)


def measure() -> Iterator[Figure]:
    """Yield the figures of rendering."""
    runs = [sample(word, run_id=f"run_{n:025}") for n, word in enumerate(["FAILED", "EXECUTING", "COMPLETED"] * 33)]
    slots, now = columns_for(200), Now(NOW)
    yield Figure("a screen of 60 rows at 200 columns", best(lambda: [row(r, slots, now) for r in runs[:60]], 5), "ms")
    yield Figure("a page of ls, 99 rows", best(lambda: Print(PRINTED_TABLE, 120).page(runs, NOW), 5), "ms")
    yield Figure("a page of ls --json, 99 rows", best(lambda: [compact(run_object(r)) for r in runs], 5), "ms")
    big = replace(full(), body=(STAMP, Body([{"i": n, "text": "lorem ipsum " * 8} for n in range(3000)])))
    yield Figure("the page of a run with a payload of 300 KB", best(lambda: run_page(big, now=NOW, width=80)), "ms")
    yield Figure("a tree of 5,000 runs, one below the other", best(_deep_tree), "ms")


def _deep_tree() -> object:
    below: tuple[TreeNode, ...] = ()
    for depth in range(5000, -1, -1):
        below = (TreeNode(RunId(f"run_{depth:025}"), depth, TaskId("task"), None, None, below),)
    return tree_lines(RunTree(below[0], below[0].id), now=NOW, width=80)


if __name__ == "__main__":
    for figure in measure():
        print(f"{figure.name:50} {figure.value:8.2f} {figure.unit}")
