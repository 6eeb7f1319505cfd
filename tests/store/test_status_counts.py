"""The counts of the header agree with the rows, and with a simulated server whose counts are late."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.domain.patches import at, patch_of
from tui.domain.run import EXECUTING_FAMILY, FAILED, RunId, RunStatus, parse_status
from tui.domain.update import CountsRead, HistoryRead, RunsRead, WindowRead
from tui.store import indexes as status_counts
from tui.store.indexes import StatusCounts
from tui.store.store import Store
from tui.store.view import View

PERIOD = timedelta(seconds=3600)
START_S = 5000
"""The start of each test, more than the period after the oldest run."""

WHOLE = HistoryRead(at(0), 10, is_complete=True)
CUT = HistoryRead(at(0), 10, is_complete=True, is_cut=True)


def complete(now: datetime, **changes: Any) -> WindowRead:
    return WindowRead(now, PERIOD, **({"is_live_complete": True} | changes))


@dataclass(frozen=True)
class SimulatedRun:
    """The history of a run: its statuses, and the second at which each began."""

    number: int
    steps: tuple[tuple[float, str], ...]

    @property
    def id(self) -> RunId:
        return RunId(f"run_{self.number}")

    def word(self, now_s: float) -> str | None:
        """Return the status at a time; None before the creation."""
        return next((word for moment, word in reversed(self.steps) if moment <= now_s), None)

    def patch(self, now_s: float) -> Any:
        """Return the row of the run at that time."""
        moment, word = next(step for step in reversed(self.steps) if step[0] <= now_s)
        started = next((each for each, what in self.steps if what == "EXECUTING" and each <= now_s), None)
        state = {
            "started_at": None if started is None else at(started),
            "finished_at": at(moment) if parse_status(word).canonical.is_final else None,
        }
        created = self.steps[0][0]
        return patch_of(self.id, word, created=created, updated=moment, read=now_s, state=state)


@st.composite
def simulated_run(draw: st.DrawFn, number: int) -> SimulatedRun:
    moment = draw(st.integers(0, START_S + 30))
    steps = [(float(moment), draw(st.sampled_from(["QUEUED", "DELAYED", "PENDING_VERSION"])))]
    for word in draw(
        st.sampled_from(
            [
                (),
                ("EXECUTING",),
                ("CANCELED",),
                ("QUEUED", "EXECUTING", "WAITING", "EXECUTING", "FAILED"),
                ("EXECUTING", "QUEUED", "EXECUTING", "COMPLETED"),
                ("EXECUTING", "CRASHED"),
                ("EXECUTING", "WAITING"),
            ]
        )
    ):
        moment = draw(st.integers(moment + 1, max(moment + 2, START_S + 40)))
        steps.append((float(moment), word))
    return SimulatedRun(number, tuple(steps))


worlds = st.integers(0, 8).flatmap(lambda count: st.tuples(*(simulated_run(number) for number in range(count))))


def server_count(world: tuple[SimulatedRun, ...], now_s: float, lag_s: dict[int, float] | float) -> CountsRead:
    """Return the server's count of the runs created within the period, each as the replica knew it."""
    counts: Counter[RunStatus] = Counter()
    for simulated in world:
        word = simulated.word(now_s - (lag_s if isinstance(lag_s, float) else lag_s[simulated.number]))
        if word is not None and simulated.steps[0][0] >= now_s - 3600:
            counts[parse_status(word).canonical] += 1
    return CountsRead(dict(counts), at(now_s), 1)


def counts_of(statuses: Counter[RunStatus]) -> StatusCounts:
    return StatusCounts(
        queued=statuses[RunStatus.QUEUED],
        delayed=statuses[RunStatus.DELAYED],
        pending_version=statuses[RunStatus.WAITING_FOR_DEPLOY],
        executing=sum(statuses[status] for status in EXECUTING_FAMILY),
        waiting=statuses[RunStatus.WAITING_TO_RESUME],
        failed=sum(statuses[status] for status in FAILED),
    )


def truth(world: tuple[SimulatedRun, ...], now_s: float) -> StatusCounts:
    """Count live runs of any age, and the failed runs of the period."""
    statuses: Counter[RunStatus] = Counter()
    for simulated in world:
        word = simulated.word(now_s)
        status = None if word is None else parse_status(word).canonical
        if status is not None and (not status.is_final or simulated.steps[0][0] >= now_s - 3600):
            statuses[status] += 1
    return counts_of(statuses)


def moments_of(world: tuple[SimulatedRun, ...], after_s: float = START_S) -> list[float]:
    return sorted({moment for simulated in world for moment, _ in simulated.steps if moment > after_s})


def read_all(store: Store, world: tuple[SimulatedRun, ...], now_s: float) -> None:
    born = [simulated for simulated in world if simulated.steps[0][0] <= now_s]
    store.apply(RunsRead(tuple(simulated.patch(now_s) for simulated in born)))


@settings(max_examples=40, deadline=None)
@given(worlds, st.data())
def test_header_equals_the_rows_if_all_live_runs_are_known(
    world: tuple[SimulatedRun, ...], data: st.DataObject
) -> None:
    store = Store()
    store.apply(complete(at(START_S)))
    store.apply(WHOLE)
    for now_s in (float(START_S), *moments_of(world)):
        # A run may be read now or later, and the server may count now or never. Both must not matter.
        read = [simulated for simulated in world if simulated.steps[0][0] <= now_s and data.draw(st.booleans())]
        store.apply(RunsRead(tuple(simulated.patch(now_s) for simulated in read)))
        if data.draw(st.booleans()):
            store.apply(server_count(world, now_s, 0.65))
        now = at(now_s)
        view = View(store, since=now - PERIOD)
        rows = [store.get(run_id) for run_id in view.slice(0, len(view))]
        assert store.status_counts(now) == counts_of(Counter(run.status for run in rows if run is not None))


@settings(max_examples=40, deadline=None)
@given(worlds, worlds, st.lists(st.floats(START_S, START_S + 60), max_size=4))
def test_counts_are_updated_between_two_of_the_server(
    world: tuple[SimulatedRun, ...], unread: tuple[SimulatedRun, ...], counted: list[float]
) -> None:
    """A change from the feed is counted once, before or after the server's count. The count has all others."""
    still = tuple(
        SimulatedRun(100 + simulated.number, ((float(START_S - 10), simulated.steps[0][1]),)) for simulated in unread
    )
    store = Store()
    read_all(store, world, START_S - 5)
    store.apply(complete(at(START_S), is_live_complete=False))
    store.apply(CUT)
    for now_s in sorted((float(START_S), *counted, *moments_of(world, START_S - 5))):
        read_all(store, world, now_s)
        if now_s == START_S or now_s in counted:
            store.apply(server_count((*world, *still), now_s, 0.65))
        found = store.status_counts(at(now_s))
        if now_s >= START_S and found.counted_at is None:
            assert found == truth((*world, *still), now_s)


def live_store(*words: str) -> Store:
    store = Store()
    rows = (patch_of(f"run_{number}", word, created=number) for number, word in enumerate(words))
    store.apply(RunsRead(tuple(rows)))
    return store


def test_old_count_has_its_age() -> None:
    store = live_store("QUEUED")
    store.apply(complete(at(10), is_live_complete=False))
    store.apply(CountsRead({RunStatus.QUEUED: 7}, at(10), 1))
    assert store.status_counts(at(60)).counted_at is None
    assert store.status_counts(at(71)).counted_at == at(10)


def test_count_has_its_age_after_too_many_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_counts, "MAX_STATUS_CHANGES", 2)
    store = live_store()
    store.apply(complete(at(10), is_live_complete=False))
    store.apply(CountsRead({RunStatus.QUEUED: 7}, at(10), 1))
    store.apply(RunsRead(tuple(patch_of(f"run_{number}", "QUEUED", created=11, updated=11) for number in range(3))))
    assert store.status_counts(at(12)) == StatusCounts(queued=7, counted_at=at(10))
    store.apply(CountsRead({RunStatus.QUEUED: 10}, at(20), 1))
    assert store.status_counts(at(20)) == StatusCounts(queued=10)


def test_run_from_the_future_is_counted_once() -> None:
    """A scheduled run is created at its due time. The server counts it before."""
    store = Store()
    store.apply(complete(at(START_S), is_live_complete=False))
    store.apply(CUT)
    store.apply(CountsRead({}, at(START_S), 1))
    store.apply(RunsRead((patch_of("run_a", "QUEUED", created=START_S + 90, updated=START_S + 10, read=START_S + 10),)))
    assert store.status_counts(at(START_S + 11)).queued == 1
    store.apply(CountsRead({RunStatus.QUEUED: 1}, at(START_S + 20), 1))
    assert store.status_counts(at(START_S + 21)).queued == 1
