"""Ten kinds of fault in any order, one after the other: after each, what is known must be what is true.

What lives here: the ordeal itself, in whatever time. The suite runs it in virtual time (`sources/test_ordeal.py`), the
benchmarks for long and in real time, scaled (`perf/bench_ordeal.py`). While it is compared the world stands still,
so that what is known, and the count of what a gap had kept from us, can be held against it exactly.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tui.domain.run import Run
from tui.domain.source_names import REALTIME
from tui.domain.status import RunStatus, parse_status
from tui.domain.update import SourceConnected
from tui.emulator.routes.table import NAMES
from tui.emulator.server.emulator import Emulator
from tui.emulator.simulation.runs import Run as TrueRun
from tui.emulator.world import World
from tui.session import Session
from tui.sources.realtime.feed import HOLD_S
from tui.store.changes import Changes, Topic
from tui.store.freshness import FreshnessTracker
from tui.store.missed_runs import Completeness, Gap, MissedRunCounter, MissedRuns
from tui.store.orders import EPOCH

FAULT_S = 16.0
"""Long enough that everything is stale where those who hang are given up soon: an outage, and not a blip."""

ALLOWED_S = 2 * HOLD_S
"""Two intervals of the feed, after which all has to be known."""

BREATH_S = 5.0

STALE = {"kind": "stale"}
KINDS: dict[str, list[dict[str, Any]]] = {
    "refused": [{"kind": "refuse"}, {"kind": "drop"}],
    "reset": [{"kind": "close"}],
    "hang": [{"kind": "hang"}],
    "half-open": [{"kind": "half-open"}],
    "cut": [{"kind": "cut"}],
    "5xx": [{"kind": "error", "status": 503}],
    "a proxy's page": [{"kind": "error", "status": 502}],
    "old data": [{"kind": "cached"}],
    "rate limit": [{"kind": "rate-limit", "most": 0}, {"kind": "realtime-limit", "most": 0}, {"kind": "drop"}],
    "a clock set ahead": [{"kind": "clock-skew", "seconds": 600}],
    "no feed": [{"kind": "error", "status": 403, "route": "feed"}],
    "the feed forgets": [{"kind": "must-refetch"}],
    "a proxy that buffers": [{"kind": "buffered"}],
    "the world stands still": [STALE],
}


def set_faults(emulator: Emulator, world: World, specs: list[dict[str, Any]]) -> None:
    """From now on these. Where polls are held the server's own loop has to do it, and a request might be refused."""

    def begin() -> bool:
        if not any(spec["kind"] == "stale" for spec in emulator.faults.specs):
            world.advance(emulator.clock())
        emulator.faults.set(specs, NAMES)
        return True

    if not emulator.feeds._on_loop(begin, otherwise=False):
        begin()


SILENT = frozenset({"refused", "reset", "hang", "half-open", "cut", "5xx", "a proxy's page", "rate limit"})
"""Those that let nothing through at all: there must be a gap."""


@dataclass(frozen=True)
class Outcome:
    """What became of one fault: seconds until all was known (None: not in time), and the gap as it was counted."""

    kind: str
    recovered_s: float | None
    wrong: list[str]
    gap: Gap | None = None
    counted: MissedRuns | None = None
    expected: MissedRuns | None = None
    most: MissedRuns | None = None
    must_be_dark: bool = True

    @property
    def is_right(self) -> bool:
        """Whether everything was known in time, and what the gap had kept was counted exactly."""
        has_gap = self.gap is not None or self.kind not in SILENT or not self.must_be_dark
        return self.recovered_s is not None and has_gap and self._is_counted_right

    @property
    def _is_counted_right(self) -> bool:
        """Exactly, where the world has stood still since; else runs that changed again afterwards may count too."""
        if self.counted is None or self.expected is None or self.most is None:
            return self.counted is None
        return (
            self.expected.run_count <= self.counted.run_count <= self.most.run_count
            and self.expected.failed_count <= self.counted.failed_count <= self.most.failed_count
        )


@dataclass
class Ordeal:
    """A session on an emulator. `later` lets seconds pass for both; `world` is the one that is followed."""

    session: Session
    emulator: Emulator
    world: World
    later: Callable[[float], Awaitable[None]]
    random: Random
    step_s: float = 1.0
    connection: FreshnessTracker = field(default_factory=FreshnessTracker)
    catch_ups: list[MissedRunCounter] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.session.subscribe(self._see)

    def _see(self, changes: Changes) -> None:
        """What a screen does."""
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
        """So many of them, each once before any comes again."""
        while count > 0:
            order = list(KINDS)
            self.random.shuffle(order)
            yield from order[:count]
            count -= len(order)

    async def suffer(self, kind: str, fault_s: float = FAULT_S, *, must_be_dark: bool = True) -> Outcome:
        """One fault, its end, and what is known then. `must_be_dark`: it lasts for so long that all is stale."""
        known = len(self.catch_ups)
        set_faults(self.emulator, self.world, KINDS[kind])
        await self.later(fault_s)
        frozen_at = self.session.now()
        set_faults(self.emulator, self.world, [STALE])
        recovered_s = await self._recovered()
        outcome = Outcome(kind, recovered_s, self.wrong()[:5], must_be_dark=must_be_dark)
        await self.later(BREATH_S)  # runs are told before it is said that somebody was heard again
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
        await self.later(BREATH_S)
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
        """Every run of which something else is known than what is true, and can be known."""
        return [said for true in self._all() if (said := _differs(true, self.session.store.get(true.id)))]  # type: ignore[arg-type]

    def _all(self) -> Iterable[TrueRun]:
        """Lists hear of a new run a little late, and never while the world stands still; a feed does at once."""
        is_live = isinstance(self.session.store.source_statuses.get(REALTIME), SourceConnected)
        return [run for run in list(self.world.ledger) if is_live or run.listed_status is not None]

    def _missed_in(self, gap: Gap) -> MissedRuns:
        """The runs that changed in a gap, by the truth; those too of which a feed told that is gone by now."""
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
        return f"{true.id} is {status.title} and not known"
    is_same = known.state.status.title == status.title or known.status is RunStatus.REATTEMPTING
    if not is_same or known.state.updated_at != _time(true.updated_ms):
        told = f"known as {known.title} since {known.state.updated_at}"
        return f"{true.id} is {status.title} since {_time(true.updated_ms)}, {told}"
    return ""
