"""The words about an outage."""

from datetime import UTC, datetime

import pytest

from tui.kit.words import gap_line, gap_remark, gap_sentence, gap_words
from tui.store.freshness import Completeness, Gap, MissedRuns
from tui.text.styled import line_width, plain

NOW = datetime(2026, 11, 24, 13, 49, 8, tzinfo=UTC)


def gap(since: str, until: str) -> Gap:
    return Gap(*(datetime.fromisoformat(f"2026-11-{text}+00:00") for text in (since, until)))


GAP = gap("24T13:22:10", "24T13:36:50")


@pytest.mark.parametrize(
    ("shown_gap", "expected"),
    [
        (GAP, "no data 13:22–13:36"),
        (gap("24T13:22:10", "24T13:22:50"), "no data for 40 s at 13:22"),
        (gap("24T12:22:10", "24T13:22:50"), "no data 12:22–13:22"),
        (gap("23T23:58:00", "24T00:04:00"), "no data 11-23 23:58–00:04"),
        (gap("22T13:22:00", "22T13:36:00"), "no data 11-22 13:22–13:36"),
        (gap("22T13:22:00", "23T13:22:00"), "no data 11-22 13:22–11-23 13:22"),
    ],
)
def test_gap_of_another_day_has_a_date(shown_gap: Gap, expected: str) -> None:
    assert gap_words(shown_gap, NOW) == expected


@pytest.mark.parametrize(
    ("missed", "expected", "short"),
    [
        (MissedRuns(37, 2), "37 runs caught up · 2 failed", "37 runs · 2 failed"),
        (MissedRuns(1, 0), "1 run caught up", "1 run caught up"),
        (MissedRuns(0, 0), "nothing missed", "nothing missed"),
        (MissedRuns(0, 0, Completeness.SO_FAR), "catching up", "catching up"),
        (MissedRuns(1204, 0, Completeness.SO_FAR), "catching up, 1,204 runs so far", "catching up, 1,204 runs"),
        (MissedRuns(0, 0, Completeness.AT_LEAST), "what was missed is not known", "what was missed is not known"),
        (
            MissedRuns(37, 2, Completeness.AT_LEAST),
            "at least 37 runs caught up · 2 failed",
            "at least 37 runs · 2 failed",
        ),
    ],
)
def test_gap_line_counts_runs_and_reaches_the_edge(missed: MissedRuns, expected: str, short: str) -> None:
    line = gap_line(GAP, missed, NOW, 120)
    assert plain(line).rstrip("╌") == f"  no data 13:22–13:36 · {expected}  "
    assert line_width(line) == 119
    assert plain(gap_line(GAP, missed, NOW, 50)).rstrip("╌ ") == f"  no data 13:22–13:36 · {short}"


def test_narrow_rule_shows_the_length_of_a_short_gap() -> None:
    short = gap("24T13:48:10", "24T13:48:50")
    expected = [plain(gap_remark(short, MissedRuns(37, 2), NOW, is_short=is_short)) for is_short in (True, False)]
    assert expected == [
        "no data for 40 s · 37 runs · 2 failed",
        "no data for 40 s at 13:48 · 37 runs caught up · 2 failed",
    ]


def test_gap_has_a_sentence_for_the_messages() -> None:
    assert gap_sentence(GAP, MissedRuns(37, 2), NOW) == "There was no data 13:22–13:36: 37 runs caught up, 2 failed."
