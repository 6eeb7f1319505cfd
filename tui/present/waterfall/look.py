"""The look of a span's row: its glyph, its name, the colours of its cells and of its bar."""

from collections.abc import Callable
from typing import Final, NamedTuple

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.text import Raw
from tui.domain.traces.extent import Extents, RunEnd, RunEnds, SpanState
from tui.domain.traces.waterfall import SpanKind, Waterfall
from tui.present.status import STATUS_STYLES, UNKNOWN, StatusStyle, style_of
from tui.present.styled import Token

GetRun = Callable[[RunId], Run | None]
"""Returns a run from the store."""

_WAITS: Final = frozenset({SpanKind.DELAY, SpanKind.WAIT})
_QUIET: Final = frozenset({SpanKind.DELAY, SpanKind.ENGINE, SpanKind.FUNCTION})


def run_ends(get_run: GetRun) -> RunEnds:
    """Return what the store knows about the ends of runs."""

    def end_of(run_id: RunId) -> RunEnd | None:
        run = get_run(run_id)
        return None if run is None or run.state is None else RunEnd(run.is_final, run.state.finished_at)

    return end_of


class SpanLook(NamedTuple):
    """How a span is drawn. `style` is None for a span that has no status: a wait that is over, a retry delay.

    `bar` is the character of the bar: `━` for work, `╌` for waiting, `─` for waiting for other runs.
    """

    name: Raw | str
    style: StatusStyle | None
    name_token: Token
    took_token: Token
    bar: str
    bar_token: Token


def look_of(waterfall: Waterfall, extents: Extents, index: int, get_run: GetRun, *, is_on_path: bool) -> SpanLook:
    """Return the look of a span.

    The store's status of a run counts, unless only the trace knows yet that the run has ended.
    """
    kind, state = waterfall.kinds[index], extents.states[index]
    style = style_of_span(waterfall, extents, index, get_run)
    is_error = is_failed(waterfall, index, style)
    is_running = state is SpanState.RUNNING
    if kind in _WAITS:
        bar, bar_token = "╌", Token.FAINT
    elif kind is SpanKind.CALL:
        bar, bar_token = "─", Token.MUTED
    elif kind is SpanKind.ENGINE:
        bar, bar_token = "━", Token.FAINT
    else:
        bar, bar_token = "━", _bar_token(style, state, is_error=is_error)
    if is_error:
        name_token, took_token = Token.BRIGHT, Token.TEXT
    elif kind in _QUIET:
        name_token, took_token = Token.FAINT, Token.FAINT
    elif is_running or is_on_path:
        name_token, took_token = Token.TEXT, Token.BLUE if is_running and bar == "━" else Token.TEXT
    else:
        name_token, took_token = Token.MUTED, Token.MUTED
    if is_running and style is STATUS_STYLES["Queued"]:
        name_token = took_token = Token.MUTED
    return SpanLook(name_of(waterfall, index), style, name_token, took_token, bar, bar_token)


def name_of(waterfall: Waterfall, index: int) -> Raw | str:
    """Return the name of a row: the task of a run, `attempt 2`, `retry delay`, `batch of 5`, or the span's own."""
    message, kind = waterfall.spans[index].message, waterfall.kinds[index]
    match kind:
        case SpanKind.ATTEMPT:
            return f"a{message[1:]}"
        case SpanKind.DELAY:
            return "retry delay"
        case SpanKind.CALL if (count := len(waterfall.awaited_runs(index))) > 1:
            return f"batch of {count:,}"
        case _:
            return message


def note_of(waterfall: Waterfall, index: int, call: int | None) -> Raw | str:
    """Return the remark behind a name: the call that waits for a run, or that a row is a span of the user's code."""
    kind = waterfall.kinds[index]
    if call is not None:
        return waterfall.spans[call].message
    if kind is SpanKind.SPAN:
        return "span"
    return waterfall.spans[index].message if kind is SpanKind.CALL and waterfall.awaited_runs(index) else ""


def style_of_span(waterfall: Waterfall, extents: Extents, index: int, get_run: GetRun) -> StatusStyle | None:
    """Return the status of a span as far as it is known; `?` where its end is not."""
    span, kind, state = waterfall.spans[index], waterfall.kinds[index], extents.states[index]
    if kind is SpanKind.RUN:
        run = get_run(span.run_id) if index == waterfall.run_spans[span.run_id] else None
        if run is not None and run.state is not None and (run.is_final or span.is_partial):
            return style_of(run)
    if state is SpanState.UNKNOWN:
        return UNKNOWN
    if kind in {SpanKind.WAIT, SpanKind.CALL}:
        if state is SpanState.RUNNING:
            return STATUS_STYLES["Waiting"]
        return STATUS_STYLES["Failed"] if span.is_error else None
    if kind in {SpanKind.DELAY, SpanKind.ENGINE}:
        return None
    if state is SpanState.RUNNING:
        is_queued = kind is SpanKind.RUN and index not in waterfall.dequeued
        return STATUS_STYLES["Queued" if is_queued else "Executing"]
    if span.is_cancelled:
        return STATUS_STYLES["Canceled"]
    return STATUS_STYLES["Failed" if span.is_error or span.exception is not None else "Completed"]


def is_failed(waterfall: Waterfall, index: int, style: StatusStyle | None) -> bool:
    """Return whether a row is an error: a failed run or attempt, or a span that threw."""
    span = waterfall.spans[index]
    if style is not None and style.is_bold:
        return True
    if style is not None and waterfall.kinds[index] is SpanKind.RUN:
        return False
    return (span.is_error or span.exception is not None) and not span.is_cancelled


def _bar_token(style: StatusStyle | None, state: SpanState, *, is_error: bool) -> Token:
    if is_error:
        return Token.ROSE
    if state is SpanState.RUNNING:
        return Token.BLUE
    if state is SpanState.UNKNOWN or style is None:
        return Token.MUTED
    return Token.GREEN if style.glyph_token is Token.GREEN else Token.MUTED
