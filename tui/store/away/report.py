"""`AwayReport`: what a log says, at the key that ends it. It does not change any more."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from tui.domain.errors.kinds import ErrorKind, Fingerprint, kind_of
from tui.domain.ids import RunId, TaskId
from tui.domain.run import Run
from tui.domain.status import RunStatus
from tui.lazy_dataclass import dataclass
from tui.store.away.log import AwayLog, Episode
from tui.store.errors.failures import known_error
from tui.store.missed_runs import Gap

RESTED_FOR: Final = timedelta(minutes=10)
"""The keys have rested if none came for so long."""

OUTAGE_FOR: Final = timedelta(minutes=1)
"""An outage that lasts longer without a key counts as a rest."""

MAX_GROUPED: Final = 200
"""Failed runs whose errors are grouped, the newest: more would hold up the key."""


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed runs of one task and one kind of error. `kind` is None where the errors were not read."""

    task: TaskId | None
    kind: ErrorKind | None
    count: int


@dataclass(frozen=True, slots=True)
class AwayReport:
    """What happened from `since` to `until`.

    `groups` are sorted by their counts; `ungrouped` failed runs are in none. `was_judged`: findings were known.
    """

    since: datetime
    until: datetime
    counts: Mapping[RunStatus, int]
    episodes: tuple[Episode, ...] = ()
    dropped_episodes: int = 0
    groups: tuple[FailureGroup, ...] = ()
    ungrouped: int = 0
    outage: Gap | None = None
    was_judged: bool = True


def is_due(log: AwayLog, now: datetime, rested: timedelta, outage: Gap | None, *, rest: timedelta = RESTED_FOR) -> bool:
    """Return whether a key shows what happened: the keys have rested, and something did."""
    has_rested = rested >= rest
    if outage is not None and not has_rested:
        has_rested = min(outage.until, now) - max(outage.since, log.since) > OUTAGE_FOR
    return has_rested and log.has_news


def report_of(log: AwayLog, get: Callable[[RunId], Run | None], now: datetime, outage: Gap | None) -> AwayReport:
    """Return what a log says now. `get` returns the runs, whose errors may have been read since they failed."""
    counts: dict[tuple[TaskId | None, Fingerprint | None], int] = {}
    kinds: dict[Fingerprint, ErrorKind] = {}
    newest = list(log.failed_ids)[-MAX_GROUPED:]
    for run_id in newest:
        run = get(run_id)
        error = None if run is None or run.state is None else known_error(run, run.state)
        kind = None if error is None else kind_of(error)
        if kind is not None:
            kinds[kind.fingerprint] = kind
        key = (None if run is None else run.fixed.task, None if kind is None else kind.fingerprint)
        counts[key] = counts.get(key, 0) + 1
    groups = [
        FailureGroup(task, None if fingerprint is None else kinds[fingerprint], count)
        for (task, fingerprint), count in counts.items()
    ]
    groups.sort(key=lambda each: (-each.count, each.task or "", each.kind.fingerprint if each.kind else ""))
    is_outage_within = outage is not None and outage.until > log.since
    return AwayReport(
        log.since,
        now,
        dict(log.counts),
        tuple(log.episodes),
        log.dropped_episodes,
        tuple(groups),
        log.failed_count - len(newest),
        outage if is_outage_within else None,
        log.was_judged,
    )
