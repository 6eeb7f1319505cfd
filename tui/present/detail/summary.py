"""The head of a run's page: the status with its remarks, then the task and the id."""

from collections.abc import Iterable, Iterator

from tui.domain.run import Run
from tui.domain.status import EXECUTING_FAMILY
from tui.present import formatting
from tui.present.columns import Now, took
from tui.present.detail.waiting import meaning_words, waiting_words
from tui.present.status import style_of
from tui.present.styled import Line, Piece, Token, cut, fold, joined, line_width, wrap


def title_lines(run: Run, now: Now, limit: int) -> list[Line]:
    """Return status, task and id for `show`, in lines of at most `limit` cells. The id is never cut."""
    style = style_of(run)
    lines = _status_lines((style.mark, Piece(" "), style.name), remarks(run, now), Token.MUTED, limit)
    name: Line = (Piece(run.fixed.task or formatting.NONE, Token.BRIGHT),)
    run_id: Line = (Piece(run.id),)
    whole = joined([name, run_id])
    return lines + ([whole] if len(fold(whole, limit)) == 1 else [*fold(name, limit), *fold(run_id, limit)])


def head_lines(run: Run, now: Now, limit: int, action: Piece | None) -> list[Line]:
    """Return the head of the detail pane. `action` replaces the status word while an action is pending."""
    style = style_of(run)
    lines = _status_lines((style.mark, Piece(" "), action or style.name), remarks(run, now), Token.TEXT, limit)
    if meaning := meaning_words(run, now):
        one = joined([lines[0], (Piece(meaning, Token.FAINT),)])
        fits = len(lines) == 1 and line_width(one) <= limit
        lines = [one] if fits else [*lines, *_indented(wrap(meaning, limit - 2), Token.FAINT)]
    name: Line = (Piece(run.fixed.task or formatting.NONE, Token.BRIGHT, is_bold=True),)
    run_id: Line = (Piece(run.id, Token.FAINT),)
    whole = joined([name, run_id])
    return [*lines, whole] if line_width(whole) <= limit else [*lines, cut(name, limit), *fold(run_id, limit)]


def remarks(run: Run, now: Now) -> Iterator[str]:
    """Yield the short remarks that stand beside the status: attempts, running time, what the run waits for."""
    attempt = run.attempt_count or 0
    if run.state is None:
        yield "only its id is known"
    if run.is_waiting_to_retry:
        yield f"waiting to retry after attempt {attempt}"
    elif run.status.is_failed and attempt:
        yield f"after {formatting.plural(attempt, 'attempt')}"
    elif not run.is_final and attempt > 1:
        yield f"attempt {attempt}"
    if run.status in EXECUTING_FAMILY and (elapsed := took(run, now.frozen_at or now.at)) is not None:
        yield f"for {now.duration(elapsed)}"
    if waiting := waiting_words(run, now):
        yield waiting
    if run.is_gone:
        yield "gone from the server" if run.state is not None else "not found"


def _status_lines(status: Line, texts: Iterable[str], token: Token, limit: int) -> list[Line]:
    """Put remarks beside the status while they fit, and each of the others on a line below, unbroken if possible."""
    lines = fold(status, limit)
    for text in texts:
        one = joined([lines[0], (Piece(text, token),)])
        fits = len(lines) == 1 and line_width(one) <= limit
        lines = [one] if fits else [*lines, *_indented(wrap(text, limit - 2), token)]
    return lines


def _indented(rows: Iterable[str], token: Token) -> list[Line]:
    return [(Piece("  "), Piece(row, token)) for row in rows]
