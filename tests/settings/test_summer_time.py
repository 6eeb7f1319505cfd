"""What is computed from the `now` of a text is right in the hours around a change to or from summer time.

Python computes with two times of one zone as their clocks show them. In Europe/Berlin, 02:30 came twice on 2026-10-25.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.support.domain.patches import patch_of
from tui.domain.filters import InvalidPeriod, TypedSpan, read_period
from tui.domain.update import RunsRead
from tui.features.errors.model import SPANS
from tui.features.runs.words import Typed, read_typed
from tui.store.filter import parse_filter
from tui.store.server_filter import SPAN_MARGIN
from tui.store.store import Store
from tui.store.view import View

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)
AROUND = [
    datetime(2026, 3, 29, 0, 59, 30, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 0, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 59, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 1, 0, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 2, 30, tzinfo=UTC),
]
around = pytest.mark.parametrize("utc", AROUND, ids=str)


def local(utc: datetime) -> datetime:
    return utc.astimezone(BERLIN)


@around
def test_spans_of_errors_are_those_of_utc(utc: datetime) -> None:
    for choice in SPANS:
        one, other = choice.at(local(utc)), choice.at(utc)
        assert (one.since, one.until) == (other.since, other.until)
        assert one.until - one.since == choice.length


@around
def test_filter_by_age_follows_the_time(utc: datetime) -> None:
    store = Store()
    store.apply(RunsRead((replace(patch_of("run_a"), created_at=utc - timedelta(hours=12) + MINUTE),)))
    view = View(store, parse_filter("age:<12h", now=local(utc)))
    assert len(view) == 1
    assert view.advance_to(local(utc + 2 * MINUTE)) == {"run_a"}


@around
def test_period_of_a_typed_span_reaches_its_begin(utc: datetime) -> None:
    now = local(utc)
    typed = Typed(frozenset(), "", "", "", "", period="2026-03-01 00:00-now")
    chosen = read_typed(typed, timedelta(days=1), now)
    assert chosen is not None
    assert chosen.filters.created_from is not None
    assert utc - chosen.filters.created_from.astimezone(UTC) + SPAN_MARGIN == chosen.period


def test_span_may_begin_in_the_first_of_two_equal_hours() -> None:
    now = local(datetime(2026, 10, 25, 1, 10, tzinfo=UTC))
    assert f"{now:%H:%M %Z}" == "02:10 CET"
    span = read_period("2:50-now", now)
    assert isinstance(span, TypedSpan)
    assert [each.astimezone(UTC) for each in span] == [datetime(2026, 10, 25, 0, 50, tzinfo=UTC), now.astimezone(UTC)]


def test_span_in_the_hour_that_is_left_out_is_empty() -> None:
    now = local(datetime(2026, 3, 29, 12, tzinfo=UTC))
    with pytest.raises(InvalidPeriod, match="begins when it ends"):
        read_period("2:00-3:00", now)
