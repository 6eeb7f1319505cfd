"""The last line of the list, in words."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.domain.patches import NOON
from tui.domain.filters import SearchProgress, SearchStep
from tui.domain.update import HistoryRead
from tui.features.runs.words import ListFacts, end_line, reach_words
from tui.text.styled import line_width, plain

WHOLE = HistoryRead(NOON - timedelta(hours=9), 700, is_complete=True)
CUT = HistoryRead(NOON - timedelta(hours=2), 5_000, is_complete=True, is_cut=True)
READING = HistoryRead(NOON - timedelta(hours=1), 300, is_complete=False)
FACTS = ListFacts(NOON, NOON - timedelta(hours=24), WHOLE, SearchProgress())
SEARCHED = replace(FACTS, is_filtered=True, found=9, unread_count=0, failed_count=0)
REACHED: datetime = NOON - timedelta(days=2)


def end_text(facts: ListFacts, width: int = 200) -> str | None:
    line = end_line(facts, width)
    return None if line is None else plain(line)


def after(**progress: Any) -> SearchProgress:
    return SearchProgress(reached=REACHED, older_read=100, **progress)


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        (FACTS, None),
        (replace(FACTS, history=None), None),
        (replace(FACTS, history=READING), None),
        (replace(FACTS, history=CUT), "older than 10:00 not read   Enter here loads more"),
        (SEARCHED, "9 found · older than 11-23 12:00 not searched   Enter here asks the server"),
        (
            replace(SEARCHED, history=CUT, unread_count=139, failed_count=148),
            "9 found · 139 errors not read · older than 10:00 not searched   Enter here asks the server",
        ),
        (replace(SEARCHED, history=READING), "9 found · still reading older runs   Enter here asks the server"),
        (replace(SEARCHED, filters_queues=True), "9 found · queues not read · older than 11-23 12:00 not searched"),
        (
            replace(SEARCHED, failed_count=148, progress=after()),
            "9 found · older than 11-22 12:00 not searched · all 148 errors read   Enter here loads more",
        ),
        (
            replace(SEARCHED, failed_count=148, progress=after(is_at_end=True)),
            "9 found · searched back to 11-22 12:00 · all 148 errors read",
        ),
        (
            replace(SEARCHED, unread_count=3, failed_count=148, progress=after(is_at_end=True, unreadable_count=1)),
            "9 found · 2 errors not read · searched back to 11-22 12:00   Enter here loads more",
        ),
        (
            replace(SEARCHED, unread_count=3, progress=after(failure="GET /api/v1/runs: 503", is_at_end=True)),
            "9 found · stopped: 503 · 3 errors not read · searched back to 11-22 12:00   Enter here tries again",
        ),
        (
            replace(SEARCHED, unread_count=3, progress=SearchProgress(answers=("found by its id",), skips_older=True)),
            "9 found · 3 errors not read · found by its id   Enter here loads more",
        ),
    ],
)
def test_end_says_what_was_not_searched(facts: ListFacts, text: str | None) -> None:
    assert text == end_text(facts) if text is None else (end_text(facts) or "").startswith(text)


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (SearchProgress(SearchStep.ERRORS, 60, 139), "searching, 60 of 139 errors read   Esc stops"),
        (SearchProgress(SearchStep.OLDER_ERRORS), "searching, the server looks through its errors   Esc stops"),
        (SearchProgress(SearchStep.LIST), "searching, still reading older runs   Esc stops"),
        (SearchProgress(SearchStep.IDS), "searching, by id   Esc stops"),
        (SearchProgress(SearchStep.NAMES, older_read=1), "searching, by name, 1 run read   Esc stops"),
        (after(step=SearchStep.OLDER), "searching, 100 older runs read, back to 11-22 12:00   Esc stops"),
    ],
)
def test_search_shows_its_progress(progress: SearchProgress, text: str) -> None:
    assert end_text(replace(SEARCHED, progress=progress)) == text


def test_no_key_is_offered_where_a_relay_has_no_lists() -> None:
    stopped = SearchProgress(has_lists=False, failure="a relay cannot list older runs")
    text = "stopped: a relay cannot list older runs · older than 10:00 not"
    assert end_text(replace(FACTS, history=CUT, progress=stopped)) == f"{text} read"
    assert end_text(replace(SEARCHED, history=CUT, progress=stopped)) == f"9 found · {text} searched"
    unread = end_text(replace(SEARCHED, history=CUT, unread_count=1, progress=stopped))
    assert unread is not None
    assert unread.endswith("   Enter here loads more"), "errors are read one by one there"


def test_narrow_end_shortens_its_key() -> None:
    facts = replace(SEARCHED, history=CUT, unread_count=139, failed_count=148)
    text = "9 found · 139 errors not read · older than 10:00 not searched   Enter here asks"
    assert end_text(facts, 82) == text
    assert end_text(facts, 100) == f"{text} the server"


@pytest.mark.parametrize("width", [1, 12, 40, 60, 77, 200])
def test_end_fits_and_keeps_its_key(width: int) -> None:
    facts = replace(SEARCHED, history=CUT, unread_count=139, progress=SearchProgress(answers=("日本" * 40,)))
    line = end_line(facts, width)
    assert line is not None
    assert line_width(line) <= max(width, len("   Enter here loads more"))
    assert plain(line).endswith("Enter here loads more")


def test_extent_is_shown_where_reading_was_cut() -> None:
    assert reach_words(CUT, 5_048, NOON) == "newest 5,048, back to 10:00"
    assert reach_words(WHOLE, 700, NOON) is None
    assert reach_words(None, 0, NOON) is None
