"""Changes of runs: the status, the time of the change, and the delay after which lists know it.

The log of recent changes lets the realtime feed find new rows without a look at all runs.
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
"""How long the log keeps a change: longer than any poll is held. At the end of its hold a poll reads the runs instead.
"""


class Change(NamedTuple):
    """One change of a run. `version` counts the changes of its world."""

    version: int
    ms: int
    run: Run


class ChangeLog:
    """The changes of the last `LOG_MS`, in order."""

    def __init__(self) -> None:
        self.version = 0
        """The version of the last change."""
        self._recent: deque[Change] = deque()

    def record(self, run: Run, now_ms: int) -> None:
        """Log a change of the run at this time."""
        self.version += 1
        recent = self._recent
        recent.append(Change(self.version, now_ms, run))
        while recent[0].ms < now_ms - LOG_MS:
            recent.popleft()

    def after(self, version: int) -> Iterator[Change]:
        """The changes after that version, oldest first."""
        return self._last(takewhile(lambda change: change.version > version, reversed(self._recent)))

    def since(self, ms: int) -> Iterator[Change]:
        """The changes since that time, oldest first."""
        return self._last(takewhile(lambda change: change.ms >= ms, reversed(self._recent)))

    @staticmethod
    def _last(newest_first: Iterator[Change]) -> Iterator[Change]:
        return reversed(list(newest_first))


class Changes:
    """Changes runs. `lag_ms` is the shortest and the longest delay until lists know a change."""

    def __init__(self, agenda: Agenda, ledger: Ledger, lag_ms: tuple[int, int]) -> None:
        self.agenda = agenda
        self.ledger = ledger
        self.log = ChangeLog()
        self.is_copying = False
        """Whether each change reaches lists and the log. While the history is built it is False; then all runs are
        copied at once.
        """
        self._lag_ms = lag_ms

    def set_status(self, run: Run, status: Status) -> int:
        """Set the status, which voids the run's scheduled events. Returns its new turn."""
        run.status = status
        run.turn += 1
        self.touch(run)
        return run.turn

    def touch(self, run: Run) -> None:
        """Set the time of the last change to now."""
        run.updated_ms = self.agenda.now_ms
        self.publish(run)

    def publish(self, run: Run) -> None:
        """Log the change and let lists know it later."""
        if self.is_copying:
            self.log.record(run, self.agenda.now_ms)
        self.copy_later(run)

    def copy_later(self, run: Run) -> None:
        """Let lists know the run after the delay, as it is then."""
        if self.is_copying and not run.is_copying:
            run.is_copying = True
            low, high = self._lag_ms
            self.agenda.after(low + run.seed % (high - low + 1), self._copy, run)

    def _copy(self, run: Run) -> None:
        run.is_copying = False
        if run.number in self.ledger.by_number:
            self.ledger.copy(run)
