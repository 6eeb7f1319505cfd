"""Runs a `FailureReader` on a fleet, as the errors view does."""

from collections.abc import Sequence
from datetime import timedelta

from tests.support.error_groups import regroup
from tests.support.fleet import Fleet, FleetRun, fleet_of
from tui.domain.facts import FailuresProgress, ServerGroupsRead
from tui.domain.run import RunId
from tui.store.changes import Changes
from tui.store.error_groups import ErrorGroups, Reading, TimeSpan
from tui.sync.failures import FailureReader
from tui.sync.session import Session

ERRORS = "/api/v1/errors"
RUNS = "/api/v1/runs"
QUERY = "/api/v1/query"
HOUR = timedelta(hours=1)


def failing_fleet(count: int, *, every_s: float = 10.0, end: str = "FAILED", task: str = "mail") -> Fleet:
    """A fleet whose runs 1 to `count` failed, the newest first. The key may not query."""
    return fleet_of(
        FleetRun(number, -number * every_s, -number * every_s, -number * every_s + 1, end, task)
        for number in range(1, count + 1)
    )


def details(fleet: Fleet) -> list[str]:
    """The ids of the runs whose details were requested, in order."""
    return [path.split("/")[4] for _, path, _ in fleet.requests if path.startswith("/api/v3/runs/")]


class ShownFailures:
    """An errors view without a screen: the visible runs, and what was reported."""

    def __init__(self, session: Session, period: timedelta = HOUR) -> None:
        self.session = session
        self.period = period
        self.visible: Sequence[RunId] = ()
        self._groups = ErrorGroups(session.store)
        """As in the view: the session tells changes ten times a second, so that it may lag behind the store."""
        self.reports: list[tuple[FailuresProgress, ServerGroupsRead]] = []
        session.subscribe(self._on_changes)
        self.reading = FailureReader(
            session,
            visible=lambda: self.visible,
            unread=lambda limit: self._groups.unread(self.span, limit),
            report=lambda: self.reports.append((self.reading.progress, self.reading.groups.result)),
        )

    @property
    def span(self) -> TimeSpan:
        return TimeSpan(self.session.now() - self.period, self.session.now())

    @property
    def counts(self) -> Reading:
        return ErrorGroups(self.session.store).reading(self.span)

    def _on_changes(self, changes: Changes) -> None:
        regroup(self._groups, self.session.store, changes)
