"""Drops the oldest finished runs of a world."""

from collections.abc import Collection

from tui.emulator.simulation.ledger import Ledger
from tui.emulator.simulation.runs import Run

MAX_DROPPED_SHARE = 0.25
"""The indexes are rebuilt when they hold more dropped runs than this share of the kept ones."""


def drop_oldest(ledger: Ledger, count: int, kept: Collection[Run] = ()) -> None:
    """Drop the oldest `count` finished runs, except `kept` roots with their families.

    Whole families go first, then single runs and the leaves of families.
    """
    dropped: list[Run] = []
    for run in ledger:
        if len(dropped) >= count:
            break
        family = _family(run) if run.root is None and run not in kept else []
        if len(dropped) + len(family) <= count and all(member.status.is_final for member in family):
            dropped += family
    for run in dropped:
        ledger.drop(run)
    count -= len(dropped)
    if count > 0:
        _drop_single_runs(ledger, count, kept)
    if len(ledger.visible()) > len(ledger) * (1 + MAX_DROPPED_SHARE):
        ledger.compact()


def _drop_single_runs(ledger: Ledger, count: int, kept: Collection[Run]) -> None:
    for run in sorted(ledger, key=lambda run: (run.depth > 0, -run.depth, run.number)):
        if count > 0 and run.status.is_final and not run.children and (run.root or run) not in kept:
            count -= 1
            if run.parent is not None:
                # The trace still refers to it, and so do runs that wait for it. Only the rows disappear.
                run.parent.children = tuple(child for child in run.parent.children if child is not run)
            ledger.drop(run)


def _family(root: Run) -> list[Run]:
    family = [root]
    for run in family:
        family.extend(run.children)
    return family
