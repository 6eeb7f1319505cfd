"""The bell: which word rings how, and when it is quiet."""

import tomllib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tui.settings.reader import read_document
from tui.settings.schema import Bell
from tui.settings.settings import is_calling, is_quiet, ring_of

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
        ('ring = "both"', "NOT KNOWN", OFF),
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
        ('not_known = "notice"', True),
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
    assert [str(each) for each in both.complaints] == ["on_alert: not used, as bell.on_alert is set too"]
    assert both.values.bell.on_alert == ("b",)
