"""Injects faults of all kinds into a session, and checks that its store equals the world after each.

`tests/sources/test_chaos.py` runs this in virtual time. The world stands still while it is compared, so that the store
and the counts of a gap can be compared exactly.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tui.domain.run import REALTIME, Run, RunStatus, parse_status
from tui.domain.update import SourceConnected
from tui.emulator.routes.table import NAMES
from tui.emulator.server.emulator import Emulator
from tui.emulator.simulation.runs import Run as TrueRun
from tui.emulator.world import World
from tui.store.changes import EPOCH, Changes, Topic
from tui.store.freshness import Completeness, FreshnessTracker, Gap, MissedRunCounter, MissedRuns
from tui.sync.feed import HOLD_S
from tui.sync.session import Session

FAULT_S = 16.0
"""Long enough to make everything stale when the timeouts are short."""

ALLOWED_S = 2 * HOLD_S
"""How long recovery may take: two intervals of the feed."""

SETTLING_S = 5.0

STALE = {"kind": "stale"}
KINDS: dict[str, list[dict[str, Any]]] = {
    "refused": [{"kind": "refuse"}, {"kind": "drop"}],
    "reset": [{"kind": "close"}],
    "half-open": [{"kind": "half-open"}],
    "5xx": [{"kind": "error", "status": 503}],
    "old data": [{"kind": "cached"}],
    "rate limit": [{"kind": "rate-limit", "most": 0}, {"kind": "realtime-limit", "most": 0}, {"kind": "drop"}],
    "a clock set ahead": [{"kind": "clock-skew", "seconds": 600}],
    "no feed": [{"kind": "error", "status": 403, "route": "feed"}],
    "the feed forgets": [{"kind": "must-refetch"}],
    "a proxy that buffers": [{"kind": "buffered"}],
    "the world stands still": [STALE],
}


def set_faults(emulator: Emulator, world: World, specs: list[dict[str, Any]]) -> None:
    """Replace the faults of the emulator. If polls are held, its own event loop has to do it."""

    def apply() -> bool:
        if not any(spec["kind"] == "stale" for spec in emulator.faults.specs):
            world.advance(emulator.clock())
        emulator.faults.set(specs, NAMES)
        return True

    if not emulator.feeds._on_loop(apply, otherwise=False):
        apply()


SILENT = frozenset({"refused", "reset", "half-open", "5xx", "rate limit"})
"""Faults that let no response through, so that there must be a gap."""


@dataclass(frozen=True)
class Outcome:
    """The result of one fault: the seconds until the store equaled the world (None: too long), and the counted gap."""

    kind: str
    recovered_s: float | None
    wrong: list[str]
    gap: Gap | None = None
    counted: MissedRuns | None = None
    expected: MissedRuns | None = None
    most: MissedRuns | None = None

    @property
    def is_right(self) -> bool:
        """Whether the store recovered in time, and the missed runs were counted exactly."""
        has_gap = self.gap is not None or self.kind not in SILENT
        return self.recovered_s is not None and has_gap and self._is_counted_right

    @property
    def _is_counted_right(self) -> bool:
        """Whether the counts are exact, except for runs that changed again after the gap."""
        if self.counted is None or self.expected is None or self.most is None:
            return self.counted is None
        return (
            self.expected.run_count <= self.counted.run_count <= self.most.run_count
            and self.expected.failed_count <= self.counted.failed_count <= self.most.failed_count
        )


@dataclass
class ChaosSession:
    """A session on an emulator. `later` lets seconds pass for both. The session follows `world`."""

    session: Session
    emulator: Emulator
    world: World
    later: Callable[[float], Awaitable[None]]
    random: Random
    step_s: float = 1.0
    connection: FreshnessTracker = field(default_factory=FreshnessTracker)
    catch_ups: list[MissedRunCounter] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.session.subscribe(self._on_changes)

    def _on_changes(self, changes: Changes) -> None:
        """Record sources and count missed runs, as a screen does."""
        for each in self.catch_ups:
            each.on_changes(changes)
        if Topic.SOURCES in changes.topics:
            for status in self.session.store.source_statuses.values():
                self.connection.record(status, self.session.clock.elapsed_s(), self.session.now())
            gap = self.connection.gap
            if gap is not None and all(each.gap != gap for each in self.catch_ups):
                self.catch_ups.append(MissedRunCounter(self.session.store, gap))
                self.catch_ups[-1].count_more(lambda: False)

    def kinds(self, count: int) -> Iterator[str]:
        """Yield `count` kinds of fault. Each comes once before any is repeated."""
        while count > 0:
            order = list(KINDS)
            self.random.shuffle(order)
            yield from order[:count]
            count -= len(order)

    async def inject(self, kind: str, fault_s: float = FAULT_S) -> Outcome:
        """Inject one fault, end it, and compare."""
        known = len(self.catch_ups)
        set_faults(self.emulator, self.world, KINDS[kind])
        await self.later(fault_s)
        frozen_at = self.session.now()
        set_faults(self.emulator, self.world, [STALE])
        recovered_s = await self._recovered()
        outcome = Outcome(kind, recovered_s, self.wrong()[:5])
        await self.later(SETTLING_S)  # runs arrive before the sources are connected again
        if self.catch_ups[known:]:
            catch_up = self.catch_ups[-1]
            waited_s = 0.0
            while catch_up.missed(self.session.now()).completeness is not Completeness.ALL and waited_s < ALLOWED_S:
                await self.later(self.step_s)
                waited_s += self.step_s
            counted = catch_up.missed(self.session.now())
            expected = most = self._missed_in(catch_up.gap)
            if catch_up.gap.until < frozen_at:
                again = sum(_time(run.updated_ms) > catch_up.gap.until for run in self._all())
                most = MissedRuns(expected.run_count + again, expected.failed_count + again)
            outcome = replace(outcome, gap=catch_up.gap, counted=counted, expected=expected, most=most)
        set_faults(self.emulator, self.world, [])
        await self.later(SETTLING_S)
        return outcome

    async def _recovered(self) -> float | None:
        waited_s = 0.0
        while self.wrong():
            if waited_s >= ALLOWED_S:
                return None
            await self.later(self.step_s)
            waited_s += self.step_s
        return waited_s

    def wrong(self) -> list[str]:
        """Return a sentence for every run that differs from the world, if the session can know it."""
        return [difference for true in self._all() if (difference := _differs(true, self.session.store.get(true.id)))]  # type: ignore[arg-type]

    def _all(self) -> Iterable[TrueRun]:
        """Return the runs that a session can know. Lists lag behind a new run; a feed does not."""
        is_live = isinstance(self.session.store.source_statuses.get(REALTIME), SourceConnected)
        listed = [run for run in list(self.world.ledger) if is_live or run.listed_status is not None]
        return [run for run in listed if not self._is_before_the_list(run)]

    def _is_before_the_list(self, run: TrueRun) -> bool:
        """Whether a run ended, and was created before the period that the list reads."""
        is_old = _time(run.created_ms) < self.session.now() - self.session.settings.history
        is_final = parse_status(run.status.database).canonical.is_final
        return is_old and is_final and run.id not in self.session.store

    def _missed_in(self, gap: Gap) -> MissedRuns:
        """Return the true counts of the runs that changed in a gap, runs of a feed that has ended included."""
        knowable = {run.id: run for run in self._all()}
        knowable |= {run.id: run for run in list(self.world.ledger) if run.id in self.session.store}
        changed = [run for run in knowable.values() if any(_within(gap, ms) for ms in _moments(run))]
        failed = [run for run in changed if parse_status(run.status.database).canonical.is_failed]
        return MissedRuns(len(changed), sum(_within(gap, run.finished_ms or run.updated_ms) for run in failed))


def _moments(run: TrueRun) -> Iterator[int | None]:
    yield from (run.updated_ms, run.finished_ms, run.started_ms, run.created_ms)


def _within(gap: Gap, ms: int | None) -> bool:
    return ms is not None and gap.since < _time(ms) <= gap.until


def _time(ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=ms)


def _differs(true: TrueRun, known: Run | None) -> str:
    status = parse_status(true.status.database)
    if known is None or known.state is None:
        return f"{true.id} is {status.title} and not in the store"
    is_same = known.state.status.title == status.title or known.status is RunStatus.REATTEMPTING
    if not is_same or known.state.updated_at != _time(true.updated_ms):
        stored = f"stored as {known.status_title} since {known.state.updated_at}"
        return f"{true.id} is {status.title} since {_time(true.updated_ms)}, {stored}"
    return ""
