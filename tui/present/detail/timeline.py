"""The timeline of a run: when it was created, queued, started and finished, as a drawing and as lines.

The attempts of the run have an axis of their own in `attempts.axis`.
"""

from datetime import datetime, timedelta
from typing import Final

from tui.domain.run import Run, State
from tui.domain.status import EXECUTING_FAMILY
from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.columns import Now, time_in_queue, took
from tui.present.status import STATUS_STYLES, style_of
from tui.present.styled import Line, Piece, Token
from tui.present.text_block import labelled

_MAX_WIDTH: Final = 60
_MIN_STROKES: Final = 2
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class _Phase:
    """One phase of the timeline, from its glyph to the glyph of the next phase."""

    glyph: Piece
    text: str
    length: timedelta
    stroke: str
    token: Token

    @property
    def least(self) -> int:
        """The fewest cells in which the phase can be drawn."""
        return 1 + len(self.text) + 2 + 2 * _MIN_STROKES


def timeline_line(run: Run, now: Now, limit: int) -> Line:
    """Return `○╌╌ 67ms ╌╌◐━━━━━━ 6.3s ━━━━━━✗`, to scale, within `limit` cells; empty where it does not fit."""
    spans = _phases(run, now)
    end = (style_of(run).mark,) if run.is_final else ()
    room = min(limit, _MAX_WIDTH) - len(end)
    spare = room - sum(span.least for span in spans)
    if not spans or spare < 0:
        return ()
    whole = sum((span.length for span in spans), timedelta()) or timedelta(seconds=1)
    line: list[Piece] = []
    for span in spans:
        cells = span.least + int(spare * (span.length / whole)) - 3 - len(span.text)
        before, after = span.stroke * (cells // 2), span.stroke * (cells - cells // 2)
        line += [span.glyph, Piece(before, span.token), Piece(f" {span.text} ", _text_token(span))]
        line.append(Piece(after, span.token))
    return (*line, *end)


def _text_token(span: _Phase) -> Token:
    return Token.BLUE if span.token is Token.BLUE else Token.MUTED


def _phases(run: Run, now: Now) -> list[_Phase]:
    created, state = run.created_at, run.state
    if created is None or state is None:
        return []
    here = now.frozen_at or now.at
    end = (state.finished_at or state.expired_at or state.updated_at) if run.is_final else here
    queued_from = max(created, min(state.delayed_until, end)) if state.delayed_until is not None else created
    spans: list[_Phase] = []

    def add(word: str, start: datetime, stop: datetime, stroke: str, token: Token) -> None:
        is_open = not run.is_final and stop == here
        text = now.duration(stop - start, is_running=is_open)
        glyph = Piece(STATUS_STYLES[word].glyph, token if token is Token.BLUE else Token.MUTED)
        length = max(stop - start, timedelta())
        spans.append(_Phase(glyph, text, now.drawn(length) if is_open else length, stroke, token))

    if queued_from > created:
        add("Delayed", created, queued_from, "╌", Token.GUIDE)
    if state.started_at is None:
        if queued_from < end or not spans:
            add("Queued", queued_from, end, "╌", Token.GUIDE)
        return spans
    add("Queued", queued_from, state.started_at, "╌", Token.GUIDE)
    is_running = run.status in EXECUTING_FAMILY
    add("Executing", state.started_at, end, "━" if is_running or run.is_final else "╌", _bar(is_running=is_running))
    return spans


def _bar(*, is_running: bool) -> Token:
    return Token.BLUE if is_running else Token.GUIDE


def time_lines(run: Run, now: Now, limit: int, *, shows_zone: bool = False) -> list[Line]:
    """Return the times, one a line. `shows_zone` adds their zone, where no clock on the screen says so."""
    lines: list[Line] = []

    def at(label: str, time: datetime | None, remark: str = "") -> None:
        if time is not None:
            lines.extend(labelled(label, [(Piece(formatting.moment(time, now.at)),)], limit, remark=remark))

    created, state = run.created_at, run.state
    zone = f" · times are {formatting.zone_name(now.at)}" if shows_zone else ""
    is_ahead = created is not None and created - now.at >= _SECOND  # of a schedule; clocks differ by less
    when = f"due in {now.duration(created - now.at)}" if created is not None and is_ahead else f"{now.age(created)} ago"
    at("created", created, f"{when}{zone}")
    if state is None:
        return lines
    at("delayed", state.delayed_until, _due(run, state, now))
    if state.started_at is not None:
        queued = time_in_queue(run, state.started_at)
        at("started", state.started_at, "" if queued is None else f"{formatting.duration(queued)} in queue")
    ran = took(run, now.frozen_at or now.at)
    running = f"of it {formatting.duration(state.compute)} running" if state.compute else ""
    at("finished", state.finished_at, ", ".join(filter(None, [formatting.duration(ran) if ran else "", running])))
    at("expired", state.expired_at)
    if not run.is_final and ran is not None:
        value = (Piece(now.duration(ran), style_of(run).row.took),)
        lines += labelled("so far", [value], limit, remark=running)
    return lines


def updated_lines(run: Run, now: Now, limit: int) -> list[Line]:
    """Return the line about the last change."""
    if run.state is None:
        return []
    at = run.state.updated_at
    return labelled("updated", [(Piece(formatting.moment(at, now.at)),)], limit, remark=f"{now.age(at)} ago")


def _due(run: Run, state: State, now: Now) -> str:
    until, here = state.delayed_until, now.frozen_at or now.at
    if until is None or until <= here or run.is_final:
        return ""
    return f"in {now.duration(until - here)}"
