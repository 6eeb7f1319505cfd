"""Periods in the server's notation, periods from a begin until an end, and queue names."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sure import sure
from tui.domain.filters import (
    MAX_PERIOD,
    InvalidPeriod,
    TypedSpan,
    parse_period,
    period_text,
    queue_names,
    read_period,
    time_span_text,
)
from tui.emulator.simulation.runs import duration_ms


@given(st.integers(1, 100_000).map(lambda seconds: timedelta(seconds=seconds)) | st.integers(1, 3650).map(timedelta))
def test_period_text_parses_back(period: timedelta) -> None:
    assert parse_period(period_text(period)) == period


@given(st.text("0123456789smhdw -.", max_size=8) | st.from_regex(r"\A[0-9]{1,7}[smhdwy]\Z"))
def test_parsed_period_equals_the_servers(text: str) -> None:
    period = parse_period(text)
    if period is not None:
        assert duration_ms(text) == period / timedelta(milliseconds=1)


@pytest.mark.parametrize("text", ["", "h", "0h", "1", "1.5h", "1h30m", "-1h", "1 h", "1h ", "1h\n", "１h", "9999w"])
def test_invalid_period_is_rejected(text: str) -> None:
    assert parse_period(text) is None


def test_longest_period_ago_is_a_valid_date() -> None:
    assert parse_period("3650d") == MAX_PERIOD
    assert parse_period("3651d") is None


def test_period_has_the_servers_text() -> None:
    assert [period_text(timedelta(hours=hours)) for hours in (48, 1.5)] == ["2d", "90m"]


def test_queue_name_means_a_named_queue_or_a_tasks_queue() -> None:
    assert queue_names(["task/ok"]) == ("task/ok",)
    assert queue_names(["subtask/ok"]) == ("subtask/ok", "task/subtask/ok")


NOW = datetime(2026, 11, 26, 14, 32, 10, tzinfo=UTC)


def parse_time_span(text: str, now: datetime) -> TypedSpan | None:
    try:
        period = read_period(text, now)
    except InvalidPeriod:
        return None
    return period if isinstance(period, TypedSpan) else None


def read(text: str, now: datetime = NOW) -> str | None:
    span = parse_time_span(text, now)
    return None if span is None else f"{span.begin:%m-%d %H:%M:%S} {span.end:%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("02:50-03:20", "11-26 02:50:00 11-26 03:20:00"),
        ("yesterday 02:50 \u2212 03:20", "11-25 02:50:00 11-25 03:20:00"),
        (" 2:50 — 3:20 UTC ", "11-26 02:50:00 11-26 03:20:00"),
        ("02:50:30-03:20:45", "11-26 02:50:30 11-26 03:20:45"),
        ("23:30-00:30", "11-25 23:30:00 11-26 00:30:00"),
        ("14:00-", "11-26 14:00:00 11-26 14:32:10"),
        ("Today 02:50-24:00", "11-26 02:50:00 11-27 00:00:00"),
        ("today", "11-26 00:00:00 11-27 00:00:00"),
        ("2026-11-20 - 2026-11-22", "11-20 00:00:00 11-23 00:00:00"),
        ("2026-11-20T22:00Z-2026-11-21T02:00Z", "11-20 22:00:00 11-21 02:00:00"),
    ],
)
def test_span_is_read(text: str, span: str) -> None:
    assert read(text) == span


@pytest.mark.parametrize(
    "text",
    [
        "", "-", "now", "90m", "24h", "02:50", "yesterday 02:50", "25:00-26:00", "02:60-03:00", "24:01-25:00",
        "02:50-02:50", "today 16:00-17:00", "2026-11-27 01:00-02:00", "2026-02-30", "13-40 01:00-02:00",
        "2026-11-21 02:00 - 2026-11-20 22:00", "yesterday-03:20", "1900-01-01", "0000-01-01", "9999-12-31",
        "02:50-03:20-04:00", "２:50-3:20x", "02:50" + " " * 200 + "-03:20", "2-3", "02-03", "11-20-11-22",
    ],
)  # fmt: skip
def test_other_text_is_no_span(text: str) -> None:
    assert parse_time_span(text, NOW) is None


def test_date_without_a_year_is_the_latest_one() -> None:
    assert read("12-31 23:00-23:30", datetime(2027, 1, 2, tzinfo=UTC)) == "12-31 23:00:00 12-31 23:30:00"


@given(st.text("0123456789:-– todayesrnwTZ", max_size=30), st.datetimes(timezones=st.just(UTC)))
def test_any_text_is_a_valid_span_or_none(text: str, now: datetime) -> None:
    span = parse_time_span(text, now)
    assert span is None or (span.begin < span.end and span.begin < now)


@given(st.integers(1, 10**7), st.integers(1, 10**6))
def test_text_of_a_span_is_read_as_the_same_span(ago_s: int, lasts_s: int) -> None:
    begin = NOW - timedelta(seconds=ago_s)
    end = begin + timedelta(seconds=lasts_s)
    assert parse_time_span(time_span_text(begin, end), NOW) == (begin, end)


def test_span_is_in_the_zone_of_now() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    now = datetime(2026, 3, 29, 12, 0, tzinfo=berlin)
    span = sure(parse_time_span("01:30-03:30", now))
    # Of these two hours on the clock, one is left out by the change to summer time.
    assert span.end.astimezone(UTC) - span.begin.astimezone(UTC) == timedelta(hours=1)
    assert time_span_text(span.begin, span.end) == "2026-03-29 01:30-03:30"
    in_utc = sure(parse_time_span("01:30z-03:30z", now))
    assert in_utc.begin == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert parse_time_span("02:15-02:45", now) is not None  # hours that this day does not have
    assert parse_time_span("2026-03-29", now) == (
        datetime(2026, 3, 29, tzinfo=berlin),
        datetime(2026, 3, 30, tzinfo=berlin),
    )
