"""Helpers for the page of attempts: runs with attempts, and functions that read its rows."""

from dataclasses import replace
from typing import Any

from tests.support.present.samples import NOW, STAMP, attempt, failure, sample, text_of
from tui.domain.run import Attempt, AttemptHistory, Run
from tui.features.attempts.words import ReadProgress, attempts_page
from tui.features.errors.error import ErrorLayout
from tui.text.blocks import Now, Row, ToggleFold
from tui.text.styled import plain

LIVE = Now(NOW)


def of(run: Run, *attempts: Attempt, **history: Any) -> Run:
    return replace(run, attempts=(STAMP, replace(AttemptHistory(attempts), **history)))


def thrice() -> Run:
    return of(sample("FAILED", attempt_count=3), *(attempt(number, error=failure(number)) for number in (1, 2, 3)))


def rows_of(
    run: Run,
    limit: int = 63,
    *,
    progress: ReadProgress = ReadProgress(),  # noqa: B008  a value
    now: Now = LIVE,
    picked: int | None = None,
    **layout: Any,
) -> list[Row]:
    return attempts_page(run, progress, now, replace(ErrorLayout(limit), **layout), picked)


def text(run: Run, limit: int = 63, **more: Any) -> str:
    return text_of([row.line for row in rows_of(run, limit, **more)])


def fold_named(run: Run, words: str, limit: int = 63, **more: Any) -> object:
    """Return the key of the row with these words, which Enter folds or unfolds."""
    row = next(row for row in rows_of(run, limit, **more) if words in plain(row.line))
    assert isinstance(row.action, ToggleFold)
    return row.action.key
