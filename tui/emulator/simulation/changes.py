"""Records changes of runs: sets the status and the time of the change, logs it, and copies it to the lists later.

The log of recent changes lets the realtime feed find new rows without reading all runs.
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
"""How long the log keeps a change: longer than the server holds any poll. A poll that was held to the end does not use
the log but reads all runs.
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
    """Records changes. `lag_ms` is the shortest and the longest delay until lists show a change."""

    def __init__(self, agenda: Agenda, ledger: Ledger, lag_ms: tuple[int, int]) -> None:
        self.agenda = agenda
        self.ledger = ledger
        self.log = ChangeLog()
        self.is_copying = False
        """Whether changes are logged and copied to the lists. False while the history is simulated, which ends with a
        copy of all runs.
        """
        self._lag_ms = lag_ms

    def set_status(self, run: Run, status: Status) -> int:
        """Set the status. This cancels the run's scheduled events, by a new `Run.turn`, which is returned."""
        run.status = status
        run.turn += 1
        self.touch(run)
        return run.turn

    def touch(self, run: Run) -> None:
        """Set the time of the last change to now."""
        run.updated_ms = self.agenda.now_ms
        self.publish(run)

    def publish(self, run: Run) -> None:
        """Log a change of the run, and copy the run to the lists after the delay."""
        if self.is_copying:
            self.log.record(run, self.agenda.now_ms)
        self.copy_later(run)

    def copy_later(self, run: Run) -> None:
        """Copy the run to the lists after the delay, in the state that it has by then."""
        if self.is_copying and not run.is_copy_scheduled:
            run.is_copy_scheduled = True
            low, high = self._lag_ms
            self.agenda.after(low + run.seed % (high - low + 1), self._copy, run)

    def _copy(self, run: Run) -> None:
        run.is_copy_scheduled = False
        if run.number in self.ledger.by_number:
            self.ledger.copy(run)
