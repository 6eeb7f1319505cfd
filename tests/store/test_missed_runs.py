"""The runs missed in a gap are counted, and compared with a world in which every run's history is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.domain.patches import at, patch_of
from tui.domain.update import CaughtUp, RunPatch, RunsRead
from tui.store.changes import Changes
from tui.store.freshness import Completeness, Gap, MissedRunCounter, MissedRuns
from tui.store.store import Store

ENDS = {"COMPLETED": False, "FAILED": True, "CRASHED": True, "EXPIRED": False, "CANCELED": False}


@dataclass(frozen=True)
class SimulatedRun:
    """The history of one run: the seconds at which it is created, started, touched and ended."""

    number: int
    created: int
    started: int | None
    touched: tuple[int, ...]
    ended: int | None
    end: str

    def updated(self, now: int) -> int | None:
        """Return the second of the last change up to now."""
        moments = (self.created, self.started, *self.touched, self.ended)
        return max((moment for moment in moments if moment is not None and moment <= now), default=None)

    def patch(self, now: int) -> RunPatch:
        """Return the server's current row of the run."""
        state: dict[str, Any] = {}
        word = "QUEUED"
        if self.started is not None and self.started <= now:
            word, state["started_at"] = "EXECUTING", at(self.started)
        if self.ended is not None and self.ended <= now:
            word = self.end
            state["expired_at" if word == "EXPIRED" else "finished_at"] = at(self.ended)
        updated = self.updated(now) or 0
        return patch_of(f"run_{self.number}", word, created=self.created, updated=updated, read=now, state=state)

    def has_visible_change(self, since: int, until: int, reads: Sequence[int]) -> bool:
        """Return whether a read at one of these seconds shows that the run changed in between."""
        times = {moment for now in reads for moment in (self.created, self.started, self.ended, self.updated(now))}
        return any(moment is not None and since < moment <= until and moment <= reads[-1] for moment in times)

    def fails_in(self, since: int, until: int) -> bool:
        return self.ended is not None and ENDS[self.end] and since < self.ended <= until


@st.composite
def simulated_runs(draw: st.DrawFn) -> list[SimulatedRun]:
    many = []
    for number in range(draw(st.integers(0, 6))):
        created, *later = sorted(draw(st.lists(st.integers(0, 100), min_size=1, max_size=5)))
        started = later[0] if later else None
        ended = later[-1] if len(later) > 1 and draw(st.booleans()) else None
        many.append(
            SimulatedRun(number, created, started, tuple(later[1:-1]), ended, draw(st.sampled_from(sorted(ENDS))))
        )
    return many


@settings(max_examples=100)
@given(
    simulated_runs(),
    st.integers(0, 60),
    st.integers(1, 30),
    st.lists(st.integers(0, 40), min_size=1, max_size=3),
    st.data(),
)
def test_count_equals_the_runs_that_changed_in_the_gap(
    world: list[SimulatedRun], since: int, lasted: int, delays: list[int], data: st.DataObject
) -> None:
    until = since + lasted
    reads = [since, *(until + delay for delay in sorted(delays))]
    noticed_before = data.draw(
        st.integers(1, len(reads))
    )  # the read that ends an outage may come before the gap is known
    store = Store()

    def read(now: int) -> Changes:
        return store.apply(RunsRead(tuple(simulated.patch(now) for simulated in world if simulated.created <= now)))

    for now in reads[:noticed_before]:
        read(now)
    counter = MissedRunCounter(store, Gap(at(since), at(until)))
    counter.count_more(lambda: False)
    for now in reads[noticed_before:]:
        counter.on_changes(read(now))
    counter.on_changes(store.apply(CaughtUp("rest", at(until))))
    later_reads = reads[noticed_before - 1 :]
    missed = [simulated for simulated in world if simulated.has_visible_change(since, until, later_reads)]
    assert counter.missed(at(until)) == MissedRuns(
        len(missed), sum(simulated.fails_in(since, until) for simulated in missed)
    )


def test_count_is_final_once_a_source_has_caught_up() -> None:
    store = Store()
    store.apply(RunsRead((patch_of("run_a", "FAILED", updated=15),)))
    counter = MissedRunCounter(store, Gap(at(10), at(20)))
    assert counter.missed(at(20)) == MissedRuns(0, 0, Completeness.SO_FAR)
    counter.count_more(lambda: False)
    assert counter.missed(at(20)) == MissedRuns(1, 1, Completeness.SO_FAR)
    counter.on_changes(store.apply(CaughtUp("rest", at(19))))
    counter.on_changes(store.apply(RunsRead((patch_of("run_b", updated=20, created=5),))))
    assert counter.missed(at(100)) == MissedRuns(2, 1, Completeness.SO_FAR)
    assert counter.missed(at(140)) == MissedRuns(2, 1, Completeness.AT_LEAST)
    counter.on_changes(store.apply(CaughtUp("rest", at(21))))
    counter.on_changes(store.apply(RunsRead((patch_of("run_c", updated=12),))))
    assert counter.missed(at(1000)) == MissedRuns(2, 1, Completeness.ALL)


def test_known_run_that_was_due_in_the_gap_does_not_count() -> None:
    """A scheduled run is created at its due time, and is listed before."""
    store = Store()
    store.apply(RunsRead((patch_of("run_a", "QUEUED", created=15, updated=5, read=6),)))
    counter = MissedRunCounter(store, Gap(at(10), at(20)))
    counter.count_more(lambda: False)
    assert counter.missed(at(21)).run_count == 0


def test_run_that_failed_in_the_gap_counts_after_later_changes() -> None:
    store = Store()
    counter = MissedRunCounter(store, Gap(at(10), at(20)))
    counter.on_changes(store.apply(RunsRead((patch_of("run_a", "FAILED", updated=25, state={"finished_at": at(15)}),))))
    assert counter.missed(at(30)) == MissedRuns(1, 1, Completeness.SO_FAR)


def test_many_runs_are_checked_in_slices() -> None:
    store = Store()
    store.apply(RunsRead(tuple(patch_of(f"run_{number}", updated=15) for number in range(200))))
    store.apply(CaughtUp("rest", at(20)))
    counter = MissedRunCounter(store, Gap(at(10), at(20)))
    turns = [counter.count_more(lambda: True)]
    assert counter.missed(at(20)) == MissedRuns(64, 0, Completeness.SO_FAR)
    while not turns[-1]:
        turns.append(counter.count_more(lambda: True))
    assert (turns, counter.missed(at(20))) == ([False, False, False, True], MissedRuns(200, 0))
