"""Time zones by name, and that of the machine."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.settings.secret import LocalZone, zone_of
from tui.text.formatting import clock, full_moment, moment, time_of_day, zone_name

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


def test_texts_are_in_the_zone_of_now() -> None:
    at = datetime(2026, 11, 26, 3, 48, 37, 210_000, tzinfo=UTC)
    now = (at + timedelta(hours=1)).astimezone(NEW_YORK)
    assert time_of_day(at, now) == "22:48"
    assert clock(at, now) == "22:48:37"
    assert moment(at, now) == "22:48:37.210"
    assert full_moment(at, NEW_YORK) == "2026-11-25 22:48:37.210 EST"
    assert time_of_day(at, now + timedelta(hours=12)) == "11-25 22:48"


def test_zone_without_a_name_is_its_offset() -> None:
    at = datetime(2026, 11, 26, tzinfo=ZoneInfo("America/Sao_Paulo"))
    assert zone_name(at) == "UTC-03"
    assert zone_name(datetime(2026, 11, 26, tzinfo=UTC)) == "UTC"
