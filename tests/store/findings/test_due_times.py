"""Due times follow the cron expression in its time zone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.facts import Schedule
from tui.domain.run import TaskId
from tui.domain.text import Raw
from tui.store.findings import bounds as due_times
from tui.store.findings.bounds import KEPT_SPANS, last_due, next_due, spans_of


def schedule(cron: str, zone: str = "UTC") -> Schedule:
    return Schedule("sched_1", TaskId("report"), Raw(cron), Raw(zone), True)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_due_times_are_in_the_zone_of_the_schedule() -> None:
    berlin = schedule("0 3 * * *", "Europe/Berlin")
    # Winter, then summer: the night in which 2:00 does not exist, and the one in which it exists twice.
    assert next_due(berlin, utc("2026-11-26 02:22")) == utc("2026-11-27 02:00")
    assert last_due(berlin, utc("2026-07-01 02:22")) == utc("2026-07-01 01:00")
    missing_hour = schedule("30 2 * * *", "Europe/Berlin")
    assert next_due(missing_hour, utc("2026-03-29 00:00")) == utc("2026-03-29 01:00")
    twice = schedule("30 2 * * *", "Europe/Berlin")
    assert next_due(twice, utc("2026-10-25 00:00")) == utc("2026-10-25 00:30")
    assert next_due(twice, utc("2026-10-25 00:30")) == utc("2026-10-26 01:30")


def test_a_due_time_is_the_last_one_at_its_own_moment() -> None:
    hourly = schedule("0 * * * *")
    assert last_due(hourly, utc("2026-11-26 14:00")) == utc("2026-11-26 14:00")
    assert last_due(hourly, utc("2026-11-26 13:59:59.9")) == utc("2026-11-26 13:00")
    assert next_due(hourly, utc("2026-11-26 14:00")) == utc("2026-11-26 15:00")


@pytest.mark.parametrize(
    ("cron", "zone"),
    [("nonsense", "UTC"), ("0 0 31 2 *", "UTC"), ("* * * * *", "../etc"), ("* * * * *", "Mars/X"), ("", ""),
     ("* * * * *", "a" + "/a" * 499)],
)  # fmt: skip
def test_an_unreadable_schedule_has_no_due_times(cron: str, zone: str) -> None:
    assert next_due(schedule(cron, zone), utc("2026-11-26 14:00")) is None
    assert last_due(schedule(cron, zone), utc("2026-11-26 14:00")) is None


@given(
    st.sampled_from(["*/7 * * * *", "0 * * * *", "15 2 * * 1", "0 0 1 * *", "30 */5 * * *"]),
    st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata"]),
    st.integers(0, 10**7),
)
def test_no_due_time_is_between_last_and_next(cron: str, zone: str, seconds: int) -> None:
    each, now = schedule(cron, zone), utc("2026-01-01 00:00") + timedelta(seconds=seconds)
    last, following = last_due(each, now), next_due(each, now)
    assert last is not None
    assert following is not None
    assert last <= now < following
    for moment in (last, following - timedelta(microseconds=1)):
        spans_of(cron, zone).clear()
        assert (last_due(each, moment), next_due(each, moment)) == (last, following)


def test_the_minutes_of_hours_are_not_kept() -> None:
    each, now = schedule("*/2 * * * *"), utc("2026-11-26 14:00")
    for minutes in range(100):
        last_due(each, now + timedelta(minutes=minutes))
    assert len(spans_of(each.cron, each.zone)) == KEPT_SPANS


def test_schedules_of_an_expression_share_their_due_times(monkeypatch: pytest.MonkeyPatch) -> None:
    found = list[datetime]()

    def due(cron: str, zone: str, moment: datetime, *, is_before: bool) -> datetime | None:
        found.append(moment)
        return find(cron, zone, moment, is_before=is_before)

    find = due_times._due
    monkeypatch.setattr(due_times, "_due", due)
    each, due_at = schedule("17 3 * * *", "Asia/Tokyo"), utc("2026-11-25 18:17")
    for seconds in range(0, 86_400, 60):
        assert last_due(each, due_at + timedelta(seconds=seconds)) == due_at
        assert next_due(each, due_at + timedelta(seconds=seconds, milliseconds=1)) == due_at + timedelta(days=1)
    assert len(found) == 2, "one search in each direction, however many newest runs there are"
