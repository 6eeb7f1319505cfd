"""Runs a session on a fleet, with the realtime feed and polling beside it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse, Response

from tests.support.chaos import set_faults
from tests.support.fleet import NO_QUERIES, Fleet, FleetRun, fleet_of
from tests.support.session import Later, live
from tests.support.sure import sure
from tui.domain.run import Run, RunId, RunStatus, parse_status
from tui.domain.update import Reconciled
from tui.store.changes import Changes
from tui.store.freshness import Freshness, FreshnessTracker
from tui.sync.session import Session

FEED, LIST = "/realtime/v1/runs", "/api/v1/runs"
UP_TO_DATE = {"headers": {"control": "up-to-date"}}


@dataclass
class Followed:
    """A session that follows a fleet, with shortcuts for tests."""

    fleet: Fleet
    session: Session
    later: Later
    connection: FreshnessTracker
    missed: list[Reconciled] = field(default_factory=list)
    """The comparisons that found changes which the feed had not reported."""

    def on_changes(self, _: Changes) -> None:
        """Record the status of each source, as a screen does."""
        comparison = self.session.store.reconciled
        if comparison is not None and comparison.missed_count and comparison not in self.missed:
            self.missed.append(comparison)
        for status in self.session.store.source_statuses.values():
            self.connection.record(status, self.session.clock.elapsed_s(), self.session.now())

    def run(self, number: int) -> Run:
        return sure(self.session.store.get(RunId(FleetRun(number, 0).id)))

    def status(self, number: int) -> RunStatus | None:
        run = self.session.store.get(RunId(FleetRun(number, 0).id))
        return None if run is None else run.status

    def source(self, name: str) -> Any:
        return self.session.store.source_statuses[name]

    @property
    def freshness(self) -> Freshness:
        return self.connection.at(self.session.clock.elapsed_s(), self.session.now())

    def set_faults(self, *specs: dict[str, Any]) -> None:
        set_faults(self.fleet.emulator, self.fleet.world, [NO_QUERIES, *specs])

    def request_count(self, path: str, since_s: float) -> int:
        return sum(moment >= since_s for moment, _ in self.fleet.requests_to(path))

    def assert_equals_world(self) -> None:
        now_s = self.fleet.now_s
        known = {run.id: run.status_title for run in self.session.store.runs()}
        assert known == {
            run.id: parse_status(run.status(now_s)).title for run in self.fleet.runs if run.created_s <= now_s
        }


@asynccontextmanager
async def live_session(tmp_path: Path, fleet: Fleet | None = None, **changes: Any) -> AsyncIterator[Followed]:
    """Follow a fleet for ten seconds, and yield what follows it."""
    served_fleet = fleet or a_fleet()
    async with live(served_fleet, tmp_path, **changes) as (session, later):
        followed = Followed(served_fleet, session, later, FreshnessTracker(session.settings.interval_s))
        session.subscribe(followed.on_changes)
        await later(10)
        yield followed


def a_fleet() -> Fleet:
    """Finished runs, and one that stays live."""
    return fleet_of(
        (FleetRun(number, -500.0 - number, -400.0, -300) for number in range(10, 40)), FleetRun(1, -50, -40)
    )


def snapshot_count(followed: Followed) -> int:
    return sum(query.get("offset") == "-1" for _, query in followed.fleet.requests_to(FEED))


def changed_columns(number: int, **columns: str) -> dict[str, Any]:
    """Return an update message as Electric sends it: only the changed columns and the key."""
    return {"value": {"id": FleetRun(number, 0).id[4:], **columns}, "headers": {"operation": "update"}}


def electric_answer(fleet: Fleet, body: list[Any]) -> Response:
    return JSONResponse(body, headers={"electric-handle": "h", "electric-offset": f"9_{len(fleet.requests)}"})
