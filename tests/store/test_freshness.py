"""How fresh what is known is, by who leads, in seconds of a clock that never jumps."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.patches import NOON, at
from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped
from tui.store.freshness import Freshness, FreshnessTracker, Level
from tui.store.missed_runs import Gap

REST, FEED, RELAY = "rest", "realtime", "relay"


@dataclass
class Heard:
    """A connection whose sources speak at seconds of its time, which is the server's as well."""

    connection: FreshnessTracker = field(default_factory=lambda: FreshnessTracker(2.0))

    def good(self, source: str, second: float, *, every_s: float | None = None, age_s: float = 0) -> None:
        interval_s = every_s or {REST: 2.0, FEED: 20.0, RELAY: 5.0}[source]
        self.connection.record(SourceConnected(source, at(second - age_s), interval_s), second, at(second))

    def bad(self, source: str, second: float) -> None:
        trouble = SourceRetrying(source, at(second), at(second + 4), 1, "no connection", is_answered=False)
        self.connection.record(trouble, second, at(second))

    def stopped(self, source: str, second: float) -> None:
        self.connection.record(SourceStopped(source, at(second), "401", 401), second, at(second))

    def now(self, second: float) -> Freshness:
        return self.connection.at(second, at(second))

    def levels(self, *seconds: float) -> list[str]:
        return [self.now(second).level.value for second in seconds]


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_level_is_connecting_before_the_first_response(heard: Heard) -> None:
    assert heard.now(0).level is Level.CONNECTING
    assert not heard.connection.at(4, NOON, timedelta(seconds=4)).is_slow
    assert heard.connection.at(6, NOON, timedelta(seconds=6)).is_slow
    heard.bad(REST, 7)
    assert not heard.connection.at(8, NOON, timedelta(seconds=8)).is_slow


def test_refused_feed_is_no_trouble_before_polling_begins(heard: Heard) -> None:
    heard.bad(FEED, 0)
    before = heard.now(6)
    assert (before.level, before.trouble, before.leader) == (Level.CONNECTING, None, None)
    heard.good(REST, 7)
    assert (heard.now(8).leader, heard.now(8).other_trouble is not None) == (REST, True)


def test_polling_is_late_after_two_intervals_stale_after_five(heard: Heard) -> None:
    heard.good(REST, 0)
    assert heard.levels(3.9, 4, 9.9, 10) == ["fresh", "late", "late", "stale"]
    assert heard.now(10).confirmed_at == at(0)


def test_feed_leads_and_is_measured_by_its_hold_time(heard: Heard) -> None:
    heard.good(REST, 0, every_s=30)
    heard.good(FEED, 1)
    fresh = heard.now(39)
    assert (fresh.leader, fresh.level, fresh.is_live, fresh.confirmed_at) == (FEED, Level.FRESH, True, at(1))
    # A silent feed leads no more: who polls has had no word for as long.
    assert heard.now(41.5).leader == REST


def test_outage_does_not_begin_while_the_feed_works(heard: Heard) -> None:
    heard.good(REST, 0)
    heard.bad(REST, 2)
    heard.good(FEED, 3600)
    assert (heard.now(3601).leader, heard.now(3601).other_trouble is not None) == (FEED, True)
    heard.bad(FEED, 3610)
    heard.bad(REST, 3612)
    assert (heard.now(3613).leader, heard.now(3613).trouble_since) == (REST, at(3600))


def test_poller_has_its_own_interval_after_the_feed_breaks(heard: Heard) -> None:
    heard.good(REST, 0, every_s=30)
    heard.good(FEED, 15)
    heard.bad(FEED, 20)
    assert heard.now(20).leader == REST
    assert heard.levels(21, 24, 29.9, 30) == ["fresh", "late", "late", "stale"]
    assert heard.now(30).confirmed_at == at(15)
    heard.good(REST, 31)
    after = heard.now(31)
    assert (after.level, after.leader, after.is_live) == (Level.FRESH, REST, False)
    assert after.other_trouble is not None
    assert after.other_trouble.source == FEED


def test_broken_idle_feed_does_not_make_data_stale_at_once(heard: Heard) -> None:
    heard.good(REST, 0, every_s=30)
    heard.good(FEED, 1)
    heard.bad(FEED, 19)
    assert heard.now(19.1).level is Level.FRESH
    heard.good(REST, 19.2)
    assert heard.now(19.3).confirmed_at == at(19.2)


def test_late_notice_of_a_broken_feed_extends_no_deadline(heard: Heard) -> None:
    heard.good(REST, 0)
    heard.good(FEED, 1)
    heard.bad(FEED, 96)
    assert heard.levels(99.9, 100, 100.9, 101) == ["fresh", "late", "late", "stale"]


def test_poller_trouble_beside_a_live_feed_is_only_reported(heard: Heard) -> None:
    heard.good(FEED, 0)
    heard.bad(REST, 5)
    now = heard.now(30)
    assert (now.level, now.leader, now.trouble) == (Level.FRESH, FEED, None)
    assert now.other_trouble is not None
    assert now.other_trouble.source == REST


def test_stopped_source_is_stale_at_once(heard: Heard) -> None:
    heard.stopped(REST, 1)
    assert heard.now(1).level is Level.STALE
    heard.good(REST, 2)
    heard.stopped(REST, 3)
    assert heard.now(3).level is Level.STALE


def test_old_response_confirms_its_own_time(heard: Heard) -> None:
    heard.good(REST, 0)
    for second in range(2, 20, 2):
        heard.good(REST, second, age_s=second)
    assert heard.now(19).level is Level.STALE
    assert heard.now(19).confirmed_at == at(0)


def test_gap_is_the_time_between_two_responses_around_staleness(heard: Heard) -> None:
    heard.good(REST, 0)
    heard.good(REST, 9)
    assert heard.connection.gap is None
    heard.bad(REST, 12)
    heard.good(REST, 30)
    assert heard.connection.gap == Gap(at(9), at(30))


def test_gap_needs_an_outage_of_feed_and_poller(heard: Heard) -> None:
    heard.good(REST, 0, every_s=30)
    heard.good(FEED, 18)
    heard.bad(FEED, 20)
    heard.good(REST, 20.1)
    heard.good(FEED, 21)
    assert heard.connection.gap is None
    heard.bad(FEED, 40)
    heard.bad(REST, 40.1)
    heard.good(REST, 60)
    assert heard.connection.gap == Gap(at(21), at(60))


def test_sleep_makes_a_gap_and_a_clock_change_does_not() -> None:
    connection = FreshnessTracker(2.0)
    connection.record(SourceConnected(REST, at(0), 2.0), 0, at(0))
    # Somebody set the clock, or the server's: ten minutes by the wall, two seconds in truth.
    connection.record(SourceConnected(REST, at(602), 2.0), 2, at(602))
    assert connection.gap is None
    assert connection.at(3, at(603)).confirmed_at == at(602)
    connection.record(SourceConnected(REST, at(4202), 2.0), 3602, at(4202))
    assert connection.gap == Gap(at(602), at(4202))


def test_relay_is_not_fresher_than_its_upstream(heard: Heard) -> None:
    heard.good(RELAY, 0)
    assert heard.now(0).level is Level.CONNECTING
    heard.good(FEED, 1)
    assert heard.now(2).leader == FEED
    for second in (5, 10, 15, 20):
        heard.good(RELAY, second)
    heard.bad(FEED, 21)
    heard.bad(REST, 21)
    for second in (25, 30, 35):
        heard.good(RELAY, second)
    now = heard.now(36)
    assert (now.level, now.leader, now.confirmed_at) == (Level.STALE, REST, at(1))
    assert now.trouble is not None


def test_lost_relay_makes_its_data_stale(heard: Heard) -> None:
    heard.good(RELAY, 0)
    heard.good(FEED, 0)
    assert heard.levels(9.9, 10, 24.9, 25) == ["fresh", "late", "late", "stale"]
    heard.bad(RELAY, 12)
    assert heard.now(13).leader == RELAY
    heard.good(RELAY, 60)
    heard.good(FEED, 60)
    assert heard.now(61).leader == FEED
    assert heard.connection.gap == Gap(at(0), at(60))


def test_lost_relay_hides_the_trouble_of_its_feed(heard: Heard) -> None:
    for source in (REST, RELAY):
        heard.good(source, 0)
    heard.bad(FEED, 1)
    beside = heard.now(1).other_trouble
    assert beside is not None
    assert beside.source == FEED
    heard.bad(RELAY, 2)
    assert heard.now(2).other_trouble is None


def test_late_response_from_before_does_not_end_a_gap(heard: Heard) -> None:
    heard.good(RELAY, 0)
    heard.good(FEED, 1)
    heard.bad(RELAY, 27)
    heard.good(RELAY, 29)
    assert heard.now(29).confirmed_at == at(1)
    assert heard.connection.gap is None
    heard.good(FEED, 30)
    assert heard.connection.gap == Gap(at(0), at(29))


words = st.lists(
    st.tuples(st.sampled_from([REST, FEED, RELAY]), st.sampled_from(["good", "bad"]), st.floats(0.1, 60)), max_size=12
)


@given(words, st.floats(0, 400))
def test_confirmed_time_is_never_in_the_future_and_only_ages(
    said: list[tuple[str, str, float]], later_s: float
) -> None:
    heard, second = Heard(), 0.0
    for source, kind, pause_s in said:
        second += pause_s
        heard.good(source, second) if kind == "good" else heard.bad(source, second)
    order = [Level.CONNECTING, Level.FRESH, Level.LATE, Level.STALE]
    before, after = heard.now(second), heard.now(second + later_s)
    for each, moment in ((before, second), (after, second + later_s)):
        assert each.confirmed_at is None or each.confirmed_at <= at(moment) + timedelta(microseconds=1)
    assert order.index(after.level) >= order.index(before.level)
