"""Shapes: the sets of runs that a client can subscribe to, a batch or the recent runs with certain tags.

Source: tests/wire/recordings/README.md §8, recordings 730-751.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import groupby, islice, takewhile

from tui.emulator.simulation.ledger import Ledger
from tui.emulator.simulation.runs import Run
from tui.emulator.world import LIST_LAG_MS, World

MAX_ROWS = 1000
"""A shape with more rows loses the oldest ones without notice (recording 750)."""


@dataclass(frozen=True, slots=True)
class RecentRuns:
    """The runs created since a time that have all of these tags."""

    since_ms: int
    tags: tuple[str, ...] = ()

    def matches(self, run: Run) -> bool:
        """Whether the shape contains the run now. A run may get its tags later."""
        return run.created_ms >= self.since_ms and all(tag in run.tags for tag in self.tags)

    def newest(self, world: World) -> list[Run]:
        """The newest runs, at most `MAX_ROWS`, newest first."""
        runs = _newest_first(world, self.tags) if self.tags else reversed(world.ledger.by_number.values())
        recent = takewhile(lambda run: run.created_ms >= self.since_ms, runs)
        return list(islice(filter(self.matches, recent), MAX_ROWS))


@dataclass(frozen=True, slots=True)
class BatchRuns:
    """The runs of a batch, which all exist from its start."""

    batch_id: str
    runs: tuple[Run, ...]

    def matches(self, run: Run) -> bool:
        return run.batch_id == self.batch_id

    def newest(self, world: World) -> list[Run]:
        """The newest runs, at most `MAX_ROWS`, newest first."""
        known = (run for run in reversed(self.runs) if run.number in world.ledger.by_number)
        return list(islice(known, MAX_ROWS))


Shape = RecentRuns | BatchRuns
"""A shape of many runs. The shape of a single run is the run itself."""


def _newest_first(world: World, tags: tuple[str, ...]) -> Iterator[Run]:
    """Candidates for all of the tags: from the index of the rarest tag, and the runs too new for an index."""
    ledger = world.ledger
    rarest = min((ledger.with_field("tag", tag) for tag in tags), key=len)
    recent_ms = world.now_ms - 2 * LIST_LAG_MS[1]
    recent = takewhile(lambda run: run.created_ms >= recent_ms, reversed(ledger.by_number.values()))
    numbers = merge(reversed(rarest), (run.number for run in recent), reverse=True)
    return _known(ledger, (number for number, _ in groupby(numbers)))


def _known(ledger: Ledger, numbers: Iterable[int]) -> Iterator[Run]:
    return filter(None, map(ledger.by_number.get, numbers))
