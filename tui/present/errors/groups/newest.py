"""The page of a group's newest failure: the run, its error with the folded stack, the payload's head, its tags."""

from tui.domain.attempt import AttemptHistory
from tui.domain.errors.error import RunError
from tui.domain.run import ABSENT, Run
from tui.present import formatting
from tui.present.actions.row_actions import Row
from tui.present.attempts.choice import selected_attempt
from tui.present.attempts.page import ReadProgress, equal_errors
from tui.present.attempts.sentence import sentence
from tui.present.columns import Now, took
from tui.present.detail.error import full_error
from tui.present.detail.summary import head_lines
from tui.present.detail.values import missing_words, value_of
from tui.present.errors.layout import ErrorLayout
from tui.present.errors.rows import error_rows
from tui.present.json.line import inline
from tui.present.key_words import tries_again
from tui.present.read_stage import ReadStage
from tui.present.styled import Line, Piece, Token, cut, joined, line_width, pad
from tui.present.text_block import LABEL, labelled


def newest_page(run: Run, progress: ReadProgress, now: Now, layout: ErrorLayout, *, has_head: bool) -> list[Row]:
    """Return the page in rows of at most `layout.limit` cells. `has_head`: with the status, the task and the id."""
    blocks = [_head(run, now, layout.limit) if has_head else [], _error(run, progress, layout)]
    blocks.append([*_payload(run, progress, layout.limit), *_tags(run, layout.limit)])
    rows: list[Row] = []
    for block in blocks:
        if block:
            rows += [Row((), ("above", block[0].key)), *block]
    return [
        row if line_width(row.line) <= layout.limit else row._replace(line=cut(row.line, layout.limit)) for row in rows
    ]


def _head(run: Run, now: Now, limit: int) -> list[Row]:
    lines = head_lines(run, now, limit, None)
    lasted = took(run, now.at) if run.is_final else None
    if lasted is not None:
        longer = joined([lines[0], (Piece(formatting.duration(lasted), Token.FAINT),)])
        lines[0] = longer if line_width(longer) <= limit else lines[0]
    return [Row(line, ("head", number)) for number, line in enumerate(lines)]


def _error(run: Run, progress: ReadProgress, layout: ErrorLayout) -> list[Row]:
    if progress.failure is not None and run.error is None:
        return sentence(f"{progress.failure.rstrip('.')}.{tries_again()}", layout, "failure", Token.AMBER)
    error = full_error(run)
    if error is None:
        words = progress.stage.words if progress.stage is not ReadStage.DONE else "Its error was not read."
        return sentence(words, layout, "none")
    rows = list(error_rows(error, layout, "error", _note(run, error)))
    if error.has_code_only:
        why = {ReadStage.DUE: "", ReadStage.LATE: "reading why…"}.get(progress.stage, "The server reports only a code.")
        rows = [*rows, *sentence(why, layout, "why")]
    return rows


def _note(run: Run, error: RunError) -> str:
    """Return `the same in all 3 attempts` where the attempts failed alike."""
    history = run.attempts[1] if run.attempts else AttemptHistory()
    selected = selected_attempt(history, None)
    if selected is None or selected.error is None or selected.error != error:
        return ""
    return equal_errors(history.attempts, selected)


def _payload(run: Run, progress: ReadProgress, limit: int) -> list[Row]:
    value, url = value_of(run, "payload")
    head = pad((Piece("payload", Token.FAINT),), LABEL)
    if url is not None:
        shown: Line = (Piece("stored apart", Token.FAINT),)
    elif value is ABSENT:
        words = missing_words(run, "payload", progress.stage)
        shown = (Piece(formatting.NONE if words is None else words, Token.FAINT),)
    else:
        shown, _ = inline(value, max(limit - LABEL, 1))
    return [Row((*head, *shown), "payload")]


def _tags(run: Run, limit: int) -> list[Row]:
    tags = run.state.tags if run.state is not None else ()
    if not tags:
        return []
    lines = labelled("tags", [(Piece(tag, Token.TEXT),) for tag in tags], limit)
    return [Row(line, ("tags", number)) for number, line in enumerate(lines)]
