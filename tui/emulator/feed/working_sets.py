"""What a server remembers of the feeds of many runs: which rows it has told under which handle.

What lives here: one memory for each handle, and forgetting it. Source: wire/README.md §8: a handle that nobody used
for five minutes is as unknown as one that a client made up.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tui.emulator.feed.shapes import MAX_ROWS
from tui.emulator.simulation.changes import Change
from tui.emulator.simulation.runs import Run

KEPT_MS = 300_000
MAX_SETS = 10_000


@dataclass(slots=True)
class WorkingSet:
    """The rows that were told. `until_ms`: the last moment whose changes were gathered; `version`: the world's then."""

    sent: dict[int, int] = field(default_factory=dict)
    """When each run had changed last, by its number."""

    until_ms: int = 0
    version: int = 0
    used_ms: int = 0
    floor: int = 0
    """The least number that has room among the newest `MAX_ROWS`."""

    def is_new(self, change: Change) -> bool:
        """Whether the client has not been told of it."""
        if change.run.number < self.floor:
            return False
        # A change of the very millisecond of the last answer has only its version to tell that it came after.
        return change.version > self.version or change.ms > self.sent.get(change.run.number, -1)

    def is_changed(self, run: Run) -> bool:
        """Whether the run is another than it was told to be, or was not told at all."""
        return run.updated_ms > self.sent.get(run.number, -1)

    def record(self, runs: Iterable[Run], version: int) -> list[tuple[Run, bool]]:
        """Tell these as they are now; gives those that there is room for, each with whether it was told before.

        `version` is the world's. Beyond `MAX_ROWS` the oldest are forgotten.
        """
        sent, self.version = self.sent, version
        found = [(run, run.number in sent) for run in runs]
        sent |= {run.number: run.updated_ms for run, _ in found}
        if len(sent) < MAX_ROWS:
            return found
        *gone, self.floor = sorted(sent)[: 1 - MAX_ROWS]
        for number in gone:
            del sent[number]
        return [(run, is_known) for run, is_known in found if run.number >= self.floor]


class WorkingSets:
    """Those of all environments, by handle."""

    def __init__(self) -> None:
        self._sets: OrderedDict[tuple[str, str], WorkingSet] = OrderedDict()

    def find(self, environment: str, handle: str, now_ms: int) -> WorkingSet | None:
        """The one of that handle, if there is one still; it counts as used now."""
        found = self._sets.get((environment, handle))
        if found is None or found.used_ms < now_ms - KEPT_MS:
            return None
        found.used_ms = now_ms
        return found

    def make(self, environment: str, handle: str, now_ms: int) -> WorkingSet:
        """A new one for that handle."""
        made = self._sets[environment, handle] = WorkingSet(used_ms=now_ms)
        self._sets.move_to_end((environment, handle))
        if len(self._sets) > MAX_SETS:
            self._sets.popitem(last=False)
        return made

    def forget(self, environment: str) -> None:
        """Those of an environment: its world is another."""
        for key in [key for key in self._sets if key[0] == environment]:
            del self._sets[key]
