"""Freshness by source on a monotonic clock, the runs missed in a gap, and the runs of each minute."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.domain.patches import NOON, at, patch_of
from tui.domain.update import CaughtUp, RunPatch, RunsRead, SourceConnected, SourceRetrying, SourceStopped
from tui.store.changes import Changes
from tui.store.freshness import Completeness, Freshness, FreshnessTracker, Gap, Level, MissedRunCounter, MissedRuns
from tui.store.store import Store

REST, FEED, RELAY = "rest", "realtime", "relay"


@dataclass
class TrackedSources:
    """A tracker whose sources respond or fail at given seconds. Server time and clock agree."""

    tracker: FreshnessTracker = field(default_factory=lambda: FreshnessTracker(2.0))

    def respond(self, source: str, second: float, *, every_s: float | None = None, age_s: float = 0) -> None:
        interval_s = every_s or {REST: 2.0, FEED: 20.0, RELAY: 5.0}[source]
        self.tracker.record(SourceConnected(source, at(second - age_s), interval_s), second, at(second))

    def fail(self, source: str, second: float) -> None:
        failure = SourceRetrying(source, at(second), at(second + 4), 1, "no connection", is_answered=False)
        self.tracker.record(failure, second, at(second))

    def stop(self, source: str, second: float) -> None:
        self.tracker.record(SourceStopped(source, at(second), "401", 401), second, at(second))

    def now(self, second: float) -> Freshness:
        return self.tracker.at(second, at(second))

    def levels(self, *seconds: float) -> list[str]:
        return [self.now(second).level.value for second in seconds]


@pytest.fixture
def sources() -> TrackedSources:
    return TrackedSources()


def test_level_is_connecting_before_the_first_response(sources: TrackedSources) -> None:
    assert sources.now(0).level is Level.CONNECTING
    assert not sources.tracker.at(4, NOON, timedelta(seconds=4)).is_slow
    assert sources.tracker.at(6, NOON, timedelta(seconds=6)).is_slow
    sources.fail(REST, 7)
    assert not sources.tracker.at(8, NOON, timedelta(seconds=8)).is_slow


def test_refused_feed_is_no_failure_before_polling_begins(sources: TrackedSources) -> None:
    sources.fail(FEED, 0)
    before = sources.now(6)
    assert (before.level, before.failure, before.leader) == (Level.CONNECTING, None, None)
    sources.respond(REST, 7)
    assert (sources.now(8).leader, sources.now(8).other_failure is not None) == (REST, True)


def test_polling_is_late_after_two_intervals_stale_after_five(sources: TrackedSources) -> None:
    sources.respond(REST, 0)
    assert sources.levels(3.9, 4, 9.9, 10) == ["fresh", "late", "late", "stale"]
    assert sources.now(10).confirmed_at == at(0)


def test_feed_leads_and_is_measured_by_its_hold_time(sources: TrackedSources) -> None:
    sources.respond(REST, 0, every_s=30)
    sources.respond(FEED, 1)
    fresh = sources.now(39)
    assert (fresh.leader, fresh.level, fresh.is_live, fresh.confirmed_at) == (FEED, Level.FRESH, True, at(1))
    # A silent feed no longer leads. The polling source has not responded for as long.
    assert sources.now(41.5).leader == REST


def test_outage_does_not_begin_while_the_feed_works(sources: TrackedSources) -> None:
    sources.respond(REST, 0)
    sources.fail(REST, 2)
    sources.respond(FEED, 3600)
    assert (sources.now(3601).leader, sources.now(3601).other_failure is not None) == (FEED, True)
    sources.fail(FEED, 3610)
    sources.fail(REST, 3612)
    assert (sources.now(3613).leader, sources.now(3613).failure_since) == (REST, at(3600))


def test_poller_has_its_own_interval_after_the_feed_breaks(sources: TrackedSources) -> None:
    sources.respond(REST, 0, every_s=30)
    sources.respond(FEED, 15)
    sources.fail(FEED, 20)
    assert sources.now(20).leader == REST
    assert sources.levels(21, 24, 29.9, 30) == ["fresh", "late", "late", "stale"]
    assert sources.now(30).confirmed_at == at(15)
    sources.respond(REST, 31)
    after = sources.now(31)
    assert (after.level, after.leader, after.is_live) == (Level.FRESH, REST, False)
    assert after.other_failure is not None
    assert after.other_failure.source == FEED


def test_stopped_source_is_stale_at_once(sources: TrackedSources) -> None:
    sources.stop(REST, 1)
    assert sources.now(1).level is Level.STALE
    sources.respond(REST, 2)
    sources.stop(REST, 3)
    assert sources.now(3).level is Level.STALE


def test_gap_is_the_time_between_two_responses_around_staleness(sources: TrackedSources) -> None:
    sources.respond(REST, 0)
    sources.respond(REST, 9)
    assert sources.tracker.gap is None
    sources.fail(REST, 12)
    sources.respond(REST, 30)
    assert sources.tracker.gap == Gap(at(9), at(30))


def test_gap_needs_an_outage_of_feed_and_poller(sources: TrackedSources) -> None:
    sources.respond(REST, 0, every_s=30)
    sources.respond(FEED, 18)
    sources.fail(FEED, 20)
    sources.respond(REST, 20.1)
    sources.respond(FEED, 21)
    assert sources.tracker.gap is None
    sources.fail(FEED, 40)
    sources.fail(REST, 40.1)
    sources.respond(REST, 60)
    assert sources.tracker.gap == Gap(at(21), at(60))


def test_sleep_makes_a_gap_and_a_clock_change_does_not() -> None:
    tracker = FreshnessTracker(2.0)
    tracker.record(SourceConnected(REST, at(0), 2.0), 0, at(0))
    # The wall clock was set forward by ten minutes; two seconds have passed.
    tracker.record(SourceConnected(REST, at(602), 2.0), 2, at(602))
    assert tracker.gap is None
    assert tracker.at(3, at(603)).confirmed_at == at(602)
    tracker.record(SourceConnected(REST, at(4202), 2.0), 3602, at(4202))
    assert tracker.gap == Gap(at(602), at(4202))


def test_relay_is_not_fresher_than_its_upstream(sources: TrackedSources) -> None:
    sources.respond(RELAY, 0)
    assert sources.now(0).level is Level.CONNECTING
    sources.respond(FEED, 1)
    assert sources.now(2).leader == FEED
    for second in (5, 10, 15, 20):
        sources.respond(RELAY, second)
    sources.fail(FEED, 21)
    sources.fail(REST, 21)
    for second in (25, 30, 35):
        sources.respond(RELAY, second)
    now = sources.now(36)
    assert (now.level, now.leader, now.confirmed_at) == (Level.STALE, REST, at(1))
    assert now.failure is not None


def test_lost_relay_makes_its_data_stale(sources: TrackedSources) -> None:
    sources.respond(RELAY, 0)
    sources.respond(FEED, 0)
    assert sources.levels(9.9, 10, 24.9, 25) == ["fresh", "late", "late", "stale"]
    sources.fail(RELAY, 12)
    assert sources.now(13).leader == RELAY
    sources.respond(RELAY, 60)
    sources.respond(FEED, 60)
    assert sources.now(61).leader == FEED
    assert sources.tracker.gap == Gap(at(0), at(60))


words = st.lists(
    st.tuples(st.sampled_from([REST, FEED, RELAY]), st.sampled_from(["respond", "fail"]), st.floats(0.1, 60)),
    max_size=12,
)


@given(words, st.floats(0, 400))
def test_confirmed_time_is_never_in_the_future_and_only_ages(
    events: list[tuple[str, str, float]], later_s: float
) -> None:
    sources, second = TrackedSources(), 0.0
    for source, kind, pause_s in events:
        second += pause_s
        sources.respond(source, second) if kind == "respond" else sources.fail(source, second)
    order = [Level.CONNECTING, Level.FRESH, Level.LATE, Level.STALE]
    before, after = sources.now(second), sources.now(second + later_s)
    for each, moment in ((before, second), (after, second + later_s)):
        assert each.confirmed_at is None or each.confirmed_at <= at(moment) + timedelta(microseconds=1)
    assert order.index(after.level) >= order.index(before.level)


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


@settings(max_examples=40)
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
