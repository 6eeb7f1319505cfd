"""Runs of one task, and what is judged to be wrong with them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.support.domain.patches import at, patch_of
from tui.domain.error import RunError
from tui.domain.facts import NormalsRead, TaskNormal, WallFacts
from tui.domain.finding import Finding
from tui.domain.run import Fixed, Precision, Stamp, TaskId
from tui.domain.text import Raw
from tui.domain.update import HistoryRead, RunPatch, RunsRead, WindowRead
from tui.store.findings.counts import OwnCounts
from tui.store.findings.judging import judge
from tui.store.store import Store

NOW = at(7200)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
CHARGE = TaskId("charge")


def ended(
    number: int, second: float, *, fails: bool = False, version: str = "2", message: str | None = None
) -> RunPatch:
    error = None if message is None else (Stamp(at(second), Precision.FEED, at(second)), RunError(Raw(message)))
    return patch_of(
        f"run_{number:05}",
        "FAILED" if fails else "COMPLETED",
        updated=second,
        read=second,
        fixed=Fixed(task=CHARGE, version=Raw(version)),
        created=second - 2,
        state={"started_at": at(second - 1), "finished_at": at(second)},
        error=error,
    )


def own_of(
    patches: Sequence[RunPatch], now: datetime = NOW, reached: datetime | None = None, store: Store | None = None
) -> OwnCounts:
    store = Store() if store is None else store
    store.apply(RunsRead(tuple(patches)))
    store.apply(HistoryRead(reached or at(-100_000), 10, is_complete=True))
    store.apply(WindowRead(now, HOUR, is_live_complete=True))
    own = OwnCounts(store)
    own.settle(now)
    return own


def normal(runs: int = 700, failed: int = 7, p95: timedelta | None = SECOND, task: TaskId = CHARGE) -> WallFacts:
    return WallFacts(normals=NormalsRead(NOW, at(0), (TaskNormal(task, runs, failed, p95, 7),)))


def judged(patches: Sequence[RunPatch], facts: WallFacts, now: datetime = NOW) -> tuple[Finding, ...]:
    return judge(facts, own_of(patches, now), now)


def every(step_s: float, begin_s: float, end_s: float, first: int = 0, **more: Any) -> list[RunPatch]:
    count = int((end_s - begin_s) / step_s)
    return [ended(first + turn, begin_s + turn * step_s, **more) for turn in range(count)]
