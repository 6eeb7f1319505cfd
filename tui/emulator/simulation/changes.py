"""How a run changes: its status, its time of change, and when lists learn of it.

What lives here: the three that always go together, and the log of the last changes, from which the realtime feed learns
what is new without looking at all runs. What changes when is `dispatch`'s, `attempts`' and `lifecycle`'s matter.
"""

from collections import deque
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from tui.emulator.simulation.agenda import Agenda
from tui.emulator.simulation.ledger import Ledger
from tui.emulator.simulation.runs import Run
from tui.emulator.simulation.statuses import Status

LOG_MS = 30_000
"""So long a change is kept in the log: longer than any feed is held, after which the runs themselves are looked at."""


class Change(NamedTuple):
    """A run became another at that moment; `version` counts the changes of its world."""

    version: int
    ms: int
    run: Run


class ChangeLog:
    """The changes of the last `LOG_MS`, in order."""

    def __init__(self) -> None:
        self.version = 0
        """That of the last change."""
        self._kept: deque[Change] = deque()

    def record(self, run: Run, now_ms: int) -> None:
        """The run is another since now."""
        self.version += 1
        kept = self._kept
        kept.append(Change(self.version, now_ms, run))
        while kept[0].ms < now_ms - LOG_MS:
            kept.popleft()

    def after(self, version: int) -> Iterator[Change]:
        """Those that came after that one, the oldest first."""
        return self._last(takewhile(lambda change: change.version > version, reversed(self._kept)))

    def since(self, ms: int) -> Iterator[Change]:
        """Those of that moment and later, the oldest first."""
        return self._last(takewhile(lambda change: change.ms >= ms, reversed(self._kept)))

    @staticmethod
    def _last(newest_first: Iterator[Change]) -> Iterator[Change]:
        return reversed(list(newest_first))


class Changes:
    """Changes runs. `lag_ms`: how long lists may take to follow, at least and at most."""

    def __init__(self, agenda: Agenda, ledger: Ledger, lag_ms: tuple[int, int]) -> None:
        self.agenda = agenda
        self.ledger = ledger
        self.log = ChangeLog()
        self.is_copying = False
        """Whether lists and the log follow run by run; not while the history is made, which is copied as a whole."""
        self._lag_ms = lag_ms

    def set_status(self, run: Run, word: Status) -> int:
        """Give it a status; whatever was planned for it before is void. Gives the new turn."""
        run.status = word
        run.turn += 1
        self.touch(run)
        return run.turn

    def touch(self, run: Run) -> None:
        """It is another than before since now."""
        run.updated_ms = self.agenda.now_ms
        self.publish(run)

    def publish(self, run: Run) -> None:
        """Whoever follows it learns of it now, or in a while."""
        if self.is_copying:
            self.log.record(run, self.agenda.now_ms)
        self.copy_later(run)

    def copy_later(self, run: Run) -> None:
        """Let lists see it as it is then, in a while."""
        if self.is_copying and not run.is_copying:
            run.is_copying = True
            low, high = self._lag_ms
            self.agenda.after(low + run.seed % (high - low + 1), self._copy, run)

    def _copy(self, run: Run) -> None:
        run.is_copying = False
        if run.number in self.ledger.by_number:
            self.ledger.copy(run)
