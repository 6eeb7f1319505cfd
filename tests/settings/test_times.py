"""Quiet hours of the bell, time zones, and the hours around a change to or from summer time."""

import time
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.patches import patch_of
from tests.support.sure import sure
from tui.domain.filters import InvalidPeriod, read_period
from tui.domain.update import RunsRead
from tui.features.runs.words import Typed, read_typed
from tui.settings.reader import read_document
from tui.settings.schema import Bell
from tui.settings.secret import LocalZone, zone_of
from tui.settings.settings import is_calling, is_quiet, ring_of
from tui.store.filter import parse_filter
from tui.store.server_filter import SPAN_MARGIN
from tui.store.store import Store
from tui.store.view import View

BELL, NOTICE, BOTH, OFF = "bell", "notice", "both", "off"


def bell_of(text: str) -> Bell:
    document = read_document(tomllib.loads(f"[bell]\n{text}"))
    assert document.complaints == ()
    return document.values.bell


@pytest.mark.parametrize(
    ("text", "word", "ring"),
    [
        ("", "FAILING", OFF),
        ('ring = "both"', "STUCK", BOTH),
        ('ring = "both"\nslow = "off"', "SLOW", OFF),
        ('failing = "notice"', "FAILING", NOTICE),
        ('ring = "bell"\nmissing = "default"', "MISSING", BELL),
    ],
)
def test_each_word_rings_as_the_file_says(text: str, word: str, ring: str) -> None:
    assert ring_of(bell_of(text), word) == ring


@pytest.mark.parametrize(
    ("text", "is_on"),
    [
        ("", False),
        ('ring = "bell"', True),
        ('on_alert = ["a"]', True),
        ('ring = "both"\nfailing = "off"\nslow = "off"\nmissing = "off"\nstuck = "off"', False),
        ('quiet_hours = ["22:00-07:00"]', False),
    ],
)
def test_findings_are_watched_only_for_a_call(text: str, is_on: bool) -> None:
    assert is_calling(bell_of(text)) is is_on


@pytest.mark.parametrize(
    ("span", "clock", "quiet"),
    [
        ("22:00-07:00", "21:59", False),
        ("22:00-07:00", "22:00", True),
        ("22:00-07:00", "06:59", True),
        ("22:00-07:00", "07:00", False),
        ("08:00-08:00", "20:00", True),
    ],
)
def test_quiet_hours_begin_and_end_at_a_minute(span: str, clock: str, quiet: bool) -> None:
    at = datetime.combine(datetime(2026, 11, 26, tzinfo=UTC), datetime.strptime(clock, "%H:%M").time(), UTC)  # noqa: DTZ007
    assert is_quiet([span], at) is quiet
    assert is_quiet(["01:01-01:02", span], at) is quiet
    assert not is_quiet([], at)


def test_quiet_hours_follow_the_clock_of_the_zone() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    # On 25 October 2026 the hour from 02:00 comes twice, on 29 March it is left out.
    autumn, spring = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 3, 29, 0, 59, tzinfo=UTC)
    hour = ["02:00-03:00"]
    shown = [is_quiet(hour, (autumn + hours * timedelta(hours=1)).astimezone(berlin)) for hours in range(-1, 3)]
    assert shown == [False, True, True, False]
    assert not is_quiet(hour, spring.astimezone(berlin))
    assert not is_quiet(hour, (spring + timedelta(minutes=1)).astimezone(berlin))


def test_command_may_stand_above_all_tables() -> None:
    document = read_document(tomllib.loads('on_alert = ["notify", "a b", "$(id)"]\n[bell]\nring = "bell"'))
    assert document.complaints == ()
    assert "bell.on_alert" in document.keys
    assert (document.values.bell.on_alert, document.values.bell.ring) == (("notify", "a b", "$(id)"), "bell")
    both = read_document(tomllib.loads('on_alert = ["a"]\n[bell]\non_alert = ["b"]'))
    assert [str(each) for each in both.complaints] == ["on_alert: ignored: bell.on_alert is also set"]
    assert both.values.bell.on_alert == ("b",)


NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture(autouse=True, scope="module")
def new_york() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


@given(st.integers(0, 2_000_000_000).map(lambda stamp_s: datetime.fromtimestamp(stamp_s, UTC)))
def test_local_zone_agrees_with_the_database(at: datetime) -> None:
    ours, theirs = at.astimezone(LocalZone()), at.astimezone(NEW_YORK)
    assert ours.replace(tzinfo=None, fold=0) == theirs.replace(tzinfo=None, fold=0)
    assert (ours.utcoffset(), ours.tzname(), ours.fold) == (theirs.utcoffset(), theirs.tzname(), theirs.fold)
    assert ours.astimezone(UTC) == at


def test_zone_that_is_not_known_is_refused() -> None:
    assert zone_of("utc") is UTC
    assert zone_of("Europe/Berlin") == ZoneInfo("Europe/Berlin")
    for name in ("Europe", "Nowhere/City", "../zoneinfo", "Europe/Berlin\0", "a" + "/a" * 499):
        with pytest.raises(ValueError, match=r"."):
            zone_of(name)


BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)
AROUND = [
    datetime(2026, 3, 29, 1, 0, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 1, 0, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 2, 30, tzinfo=UTC),
]
around = pytest.mark.parametrize("utc", AROUND, ids=str)


def local(utc: datetime) -> datetime:
    return utc.astimezone(BERLIN)


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
    chosen = sure(read_typed(typed, timedelta(days=1), now))
    assert chosen.filters.created_from is not None
    assert utc - chosen.filters.created_from.astimezone(UTC) + SPAN_MARGIN == chosen.period


def test_span_in_the_hour_that_is_left_out_is_empty() -> None:
    now = local(datetime(2026, 3, 29, 12, tzinfo=UTC))
    with pytest.raises(InvalidPeriod, match="is empty"):
        read_period("2:00-3:00", now)
