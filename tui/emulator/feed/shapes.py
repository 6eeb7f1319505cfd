"""Which runs a feed is about: one run, those of a batch, or those with certain tags since a moment.

What lives here: what a shape takes in, and which of its runs are the newest. Source: wire/README.md §8, recordings
730-751. How a client asks for one is `routes.feeds`' matter.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import groupby, islice, takewhile

from tui.emulator.simulation.ledger import Ledger
from tui.emulator.simulation.runs import Run
from tui.emulator.world import LIST_LAG_MS, World

MAX_ROWS = 1000
"""What a shape has more than that is cut off, the oldest first, and nothing tells of it (recording 750)."""


@dataclass(frozen=True, slots=True)
class RecentRuns:
    """The runs that were created at that moment or later and have all of these tags."""

    since_ms: int
    tags: tuple[str, ...] = ()

    def matches(self, run: Run) -> bool:
        """Whether the run is in it now; a run may get the tags later."""
        return run.created_ms >= self.since_ms and all(tag in run.tags for tag in self.tags)

    def newest(self, world: World) -> list[Run]:
        """Its newest runs, at most `MAX_ROWS`, the newest first."""
        runs = _newest_first(world, self.tags) if self.tags else reversed(world.ledger.by_number.values())
        recent = takewhile(lambda run: run.created_ms >= self.since_ms, runs)
        return list(islice(filter(self.matches, recent), MAX_ROWS))


@dataclass(frozen=True, slots=True)
class BatchRuns:
    """The runs of a batch, which are all there from its beginning."""

    batch_id: str
    runs: tuple[Run, ...]

    def matches(self, run: Run) -> bool:
        """Whether the run is in it."""
        return run.batch_id == self.batch_id

    def newest(self, world: World) -> list[Run]:
        """Its newest runs, at most `MAX_ROWS`, the newest first."""
        known = (run for run in reversed(self.runs) if run.number in world.ledger.by_number)
        return list(islice(known, MAX_ROWS))


Shape = RecentRuns | BatchRuns
"""Of many runs. That of one run is the run itself."""


def _newest_first(world: World, tags: tuple[str, ...]) -> Iterator[Run]:
    """Candidates for all of the tags: from the index of the rarest, and those that are too new for an index."""
    ledger = world.ledger
    rarest = min((ledger.with_field("tag", tag) for tag in tags), key=len)
    recent_ms = world.now_ms - 2 * LIST_LAG_MS[1]
    recent = takewhile(lambda run: run.created_ms >= recent_ms, reversed(ledger.by_number.values()))
    numbers = merge(reversed(rarest), (run.number for run in recent), reverse=True)
    return _known(ledger, (number for number, _ in groupby(numbers)))


def _known(ledger: Ledger, numbers: Iterable[int]) -> Iterator[Run]:
    return filter(None, map(ledger.by_number.get, numbers))
