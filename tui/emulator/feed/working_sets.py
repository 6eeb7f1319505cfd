"""Working sets: which rows the server has sent under each handle of a feed.

The server forgets a handle that was unused for five minutes. Then it is as unknown as one that a client made up.
Source: tests/wire/recordings/README.md §8.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tui.emulator.feed.shapes import MAX_ROWS
from tui.emulator.simulation.changes import Change
from tui.emulator.simulation.runs import Run

RETENTION_MS = 300_000
MAX_SETS = 10_000


@dataclass(slots=True)
class WorkingSet:
    """The rows sent under one handle. `until_ms` is the end of the last window, `version` the world's version then."""

    sent: dict[int, int] = field(default_factory=dict)
    """The time of the last change that was sent, by the number of the run."""

    until_ms: int = 0
    version: int = 0
    used_ms: int = 0
    min_number: int = 0
    """Runs with lower numbers are not among the newest `MAX_ROWS`."""

    def is_new(self, change: Change) -> bool:
        """Whether the change was not sent yet."""
        if change.run.number < self.min_number:
            return False
        # Only the version shows that a change in the same millisecond as the last response came after it.
        return change.version > self.version or change.ms > self.sent.get(change.run.number, -1)

    def is_changed(self, run: Run) -> bool:
        """Whether the run changed since it was sent, or was never sent."""
        return run.updated_ms > self.sent.get(run.number, -1)

    def record(self, runs: Iterable[Run], version: int) -> list[tuple[Run, bool]]:
        """Record these runs as sent. Returns those that fit, each with whether it was sent before.

        `version` is the world's. Beyond `MAX_ROWS` the oldest are forgotten.
        """
        sent, self.version = self.sent, version
        found = [(run, run.number in sent) for run in runs]
        sent |= {run.number: run.updated_ms for run, _ in found}
        if len(sent) < MAX_ROWS:
            return found
        *dropped, self.min_number = sorted(sent)[: 1 - MAX_ROWS]
        for number in dropped:
            del sent[number]
        return [(run, is_known) for run, is_known in found if run.number >= self.min_number]


class WorkingSets:
    """The working sets of all environments, by handle."""

    def __init__(self) -> None:
        self._sets: OrderedDict[tuple[str, str], WorkingSet] = OrderedDict()

    def find(self, environment: str, handle: str, now_ms: int) -> WorkingSet | None:
        """The working set of a handle if the server still remembers it. Marks it as used now."""
        found = self._sets.get((environment, handle))
        if found is None or found.used_ms < now_ms - RETENTION_MS:
            return None
        found.used_ms = now_ms
        return found

    def make(self, environment: str, handle: str, now_ms: int) -> WorkingSet:
        """Create a working set for a handle."""
        made = self._sets[environment, handle] = WorkingSet(used_ms=now_ms)
        self._sets.move_to_end((environment, handle))
        if len(self._sets) > MAX_SETS:
            self._sets.popitem(last=False)
        return made

    def forget(self, environment: str) -> None:
        """Forget the sets of an environment, because its world was replaced."""
        for key in [key for key in self._sets if key[0] == environment]:
            del self._sets[key]
