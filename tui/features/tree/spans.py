"""The rows of the waterfall, its time axis, and the sentences about a trace and its selected span."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

from tui.domain.run import RunId
from tui.domain.text import Raw
from tui.domain.trace import NEVER_US, ROOT, Extents, GetRun, PlacedTrace, RowTree, Span, SpanKind, SpanState, Waterfall
from tui.features.detail.words import best_error
from tui.features.tree.words import Branch, branches_below, guides_of
from tui.kit.words import RuleText, could_not_read, rule_line
from tui.lazy_dataclass import dataclass
from tui.text import formatting
from tui.text.bars import BAR, DASH, MIN_WINDOW_US, Tick, TimeWindow, tick_labels, ticks
from tui.text.bars import BarCells as Cells
from tui.text.blocks import Now, few_rows, key_of
from tui.text.status import STATUS_STYLES, UNKNOWN, StatusStyle, style_of
from tui.text.styled import ELLIPSIS, Line, Piece, Token, cut, first_line, fit, joined, line_width

# The rows of the waterfall: names as a tree, durations, and bars on one time axis.


# The time axis of a waterfall: the window of time that is shown, its ticks, and their labels.


def whole_window(extents: Extents, now: int) -> TimeWindow:
    """Return the window of the whole trace.

    While the run is live it reaches beyond now and grows in steps, so that bars do not move with every second.
    """
    first, last = min(extents.first, 0), max(extents.last, extents.first + MIN_WINDOW_US)
    if not extents.is_live:
        return TimeWindow(first, last)
    length = max(last, now) - first
    step = max(1 << max(length.bit_length() - 4, 0), 1)
    return TimeWindow(first, first + -(-length // step) * step)


def zoomed(window: TimeWindow, whole: TimeWindow, *, step: int, around: int) -> TimeWindow:
    """Return a window of half (1) or twice (-1) the length, within the whole window, with a moment in its middle.

    The moment is moved into the whole window first.
    """
    length = window.length // 2 if step > 0 else window.length * 2
    length = max(min(length, whole.length), MIN_WINDOW_US)
    middle = min(max(around, whole.first), whole.last)
    return _inside(middle - length // 2, length, whole)


def panned(window: TimeWindow, whole: TimeWindow, *, step: int) -> TimeWindow:
    """Return the window moved by a quarter of its length to earlier (-1) or later (1) times."""
    return _inside(window.first + step * (window.length // 4), window.length, whole)


def _inside(first: int, length: int, whole: TimeWindow) -> TimeWindow:
    first = max(min(first, whole.first + whole.length - length), whole.first)
    return TimeWindow(first, first + length)


# The look of a span's row: its glyph, its name, the colours of its cells and of its bar.


_FIXED_BARS: Final = {
    SpanKind.DELAY: (DASH, Token.FAINT),
    SpanKind.WAIT: (DASH, Token.FAINT),
    SpanKind.CALL: ("─", Token.MUTED),
    SpanKind.ENGINE: (BAR, Token.FAINT),
}
"""The bars that look the same for every outcome of their span."""

_QUIET: Final = frozenset({SpanKind.DELAY, SpanKind.ENGINE, SpanKind.FUNCTION})


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


def look_of(parts: "RowParts", index: int) -> SpanLook:
    """Return the look of a span.

    The status of a run comes from the store, unless so far only the trace shows that the run has ended.
    """
    waterfall = parts.waterfall
    kind, state = waterfall.kinds[index], parts.extents.states[index]
    style = style_of_span(waterfall, parts.extents, index, parts.get_run)
    is_error = is_failed(waterfall, index, style)
    is_running = state is SpanState.RUNNING
    bar, bar_token = _FIXED_BARS.get(kind) or (BAR, _bar_token(style, state, is_error=is_error))
    if is_error:
        name_token, took_token = Token.BRIGHT, Token.TEXT
    elif kind in _QUIET:
        name_token, took_token = Token.FAINT, Token.FAINT
    elif is_running or index in parts.path:
        name_token, took_token = Token.TEXT, Token.BLUE if is_running and bar == BAR else Token.TEXT
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
    """Return the remark after a name: the call that waits for a run, or that a row is a span of the user's code."""
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


# Draws the bars of a waterfall, to half a cell, with log marks, on the grid of the time axis.


MIN_MARKED_CELLS: Final = 3
"""A shorter bar has no log marks: they would hide it."""

GRID: Final = "┆"
UNKNOWN_END: Final = "░"
LOG: Final = "•"
_LOG_TOKENS: Final = {"ERROR": Token.ROSE, "WARN": Token.AMBER}
_LOG_RANKS: Final = {Token.BRIGHT: 0, Token.AMBER: 1, Token.ROSE: 2}


class RowParts(NamedTuple):
    """The parts that all rows are drawn from: a trace, the runs of the store, the columns, the time that is shown.

    `now` is the end of running bars, and `clock` the time of drawing. `path` and `on_path` are those of the trace.
    """

    waterfall: Waterfall
    extents: Extents
    tree: RowTree
    path: Collection[int]
    on_path: Mapping[int, int]
    get_run: GetRun
    columns: "WaterfallColumns"
    window: TimeWindow
    ticks: Sequence[Tick]
    now: int
    clock: Now


def parts_of(
    placed: PlacedTrace,
    tree: RowTree,
    get_run: GetRun,
    columns: "WaterfallColumns",
    clock: Now,
    zoom: TimeWindow | None = None,
) -> RowParts:
    """Return the parts that the rows of a trace are drawn from. Without `zoom` the whole time is shown."""
    now = moment_of(placed.waterfall, clock)
    window = zoom or whole_window(placed.extents, now)
    axis = ticks(window, columns.bar)
    spans, path = (placed.waterfall, placed.extents, tree), (placed.path, placed.on_path)
    return RowParts(*spans, *path, get_run, columns, window, axis, now, clock)


def moment_of(waterfall: Waterfall, clock: Now) -> int:
    """Return the time up to which running bars reach, in µs since the root's start."""
    at, started_at = clock.frozen_at or clock.at, waterfall.root.started_at
    return waterfall.moment(started_at + clock.drawn(at - started_at))


def bar_line(parts: RowParts, index: int, look: SpanLook) -> Line:
    """Return the bar of a span in exactly the cells of its column.

    The time in the queue is dashed. If the end is not known, the bar ends at the last sign of the span, and `░` reaches
    to the latest moment at which the span can have ended.
    """
    waterfall, extents, window, width = parts.waterfall, parts.extents, parts.window, parts.columns.bar
    # Empty cells have the colour of the grid, so that both make one piece.
    cells = Cells(width, Token.LINE, (tick.cell for tick in parts.ticks), GRID)

    def draw(begin: int, end: int, character: str, token: Token) -> tuple[int, int]:
        """Draw a bar of at least half a cell, even if the span has no length or is at the end of the window."""
        start = window.half_cells(begin, width)
        stop, past = max(window.half_cells(end, width), start + 1), start == 2 * width
        return cells.draw(start - past, stop - past, character, token)

    begin, end = waterfall.starts[index], extents.end(index, parts.now)
    is_unknown = extents.states[index] is SpanState.UNKNOWN
    shown_end = max(extents.seen[index], begin) if is_unknown else end
    started = min(_started(waterfall, index, shown_end), shown_end)
    if started > begin:
        draw(begin, started, DASH, Token.FAINT)
    first = last = 0
    if started < shown_end or started <= begin:
        first, last = draw(max(begin, started), shown_end, look.bar, look.bar_token)
    if is_unknown:
        # Use whole cells, at least one. A cell just outside at the right is moved inside.
        after = -(-window.half_cells(end, width) // 2)
        from_cell = max(-(-window.half_cells(shown_end, width) // 2), last)
        if after > 0 and from_cell <= width:
            from_cell = min(max(from_cell, 0), width - 1)
            cells.draw(2 * from_cell, 2 * max(after, from_cell + 1), UNKNOWN_END, Token.GUIDE)
    if last - first >= MIN_MARKED_CELLS:
        _draw_logs(cells, parts, parts.tree.logs.get(index, ()), first, last)
    return cells.line()


def _started(waterfall: Waterfall, index: int, end: int) -> int:
    """Return when a run left the queue. A run that has only the engine's spans never left it, and a span that is not a
    run was never in a queue.
    """
    if waterfall.kinds[index] is not SpanKind.RUN:
        return waterfall.starts[index]
    kinds = waterfall.kinds
    has_begun = index in waterfall.logs or any(kinds[each] is not SpanKind.ENGINE for each in waterfall.below[index])
    return waterfall.dequeued.get(index, waterfall.starts[index] if has_begun else end)


def _draw_logs(cells: Cells, parts: RowParts, logs: Iterable[int], first: int, last: int) -> None:
    """Draw log marks inside a bar. A mark at the begin of the bar is moved by a cell, so that the begin stays visible.

    If several marks are in one cell, the most severe one is drawn.
    """
    for log in logs:
        cell = parts.window.cell(parts.waterfall.starts[log], parts.columns.bar)
        if 0 <= cell < parts.columns.bar and first - 1 <= cell <= last:
            cell = min(max(cell, first + 1), last - 1)
            token = _LOG_TOKENS.get(parts.waterfall.spans[log].level, Token.BRIGHT)
            shown, before = cells.cells[cell]
            if shown != LOG or _LOG_RANKS[token] > _LOG_RANKS[before]:
                cells.cells[cell] = LOG, token


# The rows of the waterfall: names as a tree, `→` on the longest path, durations, and bars on one time axis.


_TOOK: Final = 7
_BEFORE_BAR: Final = 3
_ARROW: Final = 2
_EDGE: Final = 1
_MIN_NAME: Final = 8
_NOTE_FROM: Final = 60
"""Names have a remark if the name column is at least this wide."""

# The cells up to the end of the durations, for some widths of the page. Between these widths they grow evenly.
_LEFT: Final = ((40, 22), (80, 35), (120, 47), (200, 78))


class WaterfallColumns(NamedTuple):
    """The columns at one width, in cells of the page without its gutter."""

    name: int
    bar: int


def columns_for(width: int, gutter: int) -> WaterfallColumns:
    """Return the columns of a page of `width` cells after a gutter."""
    whole = width + gutter
    low, high = next((pair for pair in pairwise(_LEFT) if whole <= pair[1][0]), (_LEFT[-2], _LEFT[-1]))
    part = min(max(whole, low[0]), high[0]) - low[0]
    left = low[1] + part * (high[1] - low[1]) // (high[0] - low[0])
    name = max(min(left, whole - 10) - gutter - _TOOK - _ARROW, 1)
    return WaterfallColumns(name, max(width - name - _ARROW - _TOOK - _BEFORE_BAR - _EDGE, 0))


def shown_spans(tree: RowTree) -> list[Branch[int]]:
    """Return all rows in order."""
    return branches_below(ROOT, tree.below.__getitem__, lambda _: True)


def axis_line(parts: RowParts) -> Line:
    """Return the labels of the time axis, after the cells of names and durations."""
    return (
        Piece(" " * (parts.columns.name + _ARROW + _TOOK + _BEFORE_BAR)),
        *cut(tick_labels(parts.ticks), parts.columns.bar),
    )


def row_line(branch: Branch[int], parts: RowParts, *, is_bold: bool = False) -> Line:
    """Return the row of one span. `is_bold`: its name stands out."""
    columns, index = parts.columns, branch.entry
    look = look_of(parts, index)
    name: Line = (Piece(look.name, Token.BRIGHT if is_bold else look.name_token, is_bold=is_bold),)
    if look.style is not None:
        name = (look.style.mark, Piece(" "), *name)
    # The same room in all rows: of two siblings with names of different lengths, none is moved to the left.
    left: Line = (*guides_of(branch, columns.name - max(_MIN_NAME, columns.name * 2 // 5)), *name)
    if columns.name >= _NOTE_FROM and (note := note_of(parts.waterfall, index, parts.tree.calls.get(index))):
        left = (*left, Piece("  "), Piece(note, Token.FAINT))
    arrow = Piece(" →" if index in parts.path else "  ", Token.TEXT)
    took = Piece(took_text(parts, index).rjust(_TOOK)[:_TOOK], look.took_token)
    return (*fit(left, columns.name), arrow, took, Piece(" " * _BEFORE_BAR), *bar_line(parts, index, look))


def took_text(parts: RowParts, index: int) -> str:
    """Return how long a span took, or has taken until now; `·` if its end is not known."""
    state = parts.extents.states[index]
    if state is SpanState.UNKNOWN:
        return formatting.NONE
    us = parts.extents.end(index, parts.now) - parts.waterfall.starts[index]
    return parts.clock.duration(timedelta(microseconds=us), is_running=state is SpanState.RUNNING)


def legend(width: int, *, has_unknown: bool, has_batch: bool, has_colors: bool = True) -> Line:
    """Return the meaning of the marks, in short words where the long ones do not fit; empty if nothing fits.

    Without colours one bar looks like the other, and the glyph in front of the name says how a span ended.
    """
    marks = (
        ("━━", Token.GREEN, "completed", "completed", has_colors),
        ("━━", Token.BLUE, "executing", "executing", has_colors),
        ("━━", Token.ROSE, "failed", "failed", has_colors),
        ("━━", Token.TEXT, "executing", "executing", not has_colors),
        ("╌╌", Token.FAINT, "queued or waiting to retry", "queued", True),
        ("──", Token.MUTED, "waiting for runs", "waiting", has_batch),
        (UNKNOWN_END, Token.GUIDE, "end not known", "no end", has_unknown),
        (LOG, Token.BRIGHT, "log line", "log", True),
        ("→", Token.TEXT, "longest path", "longest path", True),
    )
    shown = [each for each in marks if each[-1]]
    wide = [(Piece(mark, token), Piece(f" {word}", Token.FAINT)) for mark, token, word, _, _ in shown]
    narrow = [(Piece(mark[:1], token), Piece(f" {word}", Token.FAINT)) for mark, token, _, word, _ in shown]
    lines = joined(wide, "   "), joined(narrow)
    return next((line for line in lines if line_width(line) <= width), ())


# The sentences about a whole trace: how much of it came, what has no row, and why it could not be read.


MAX_TRACE_ROWS: Final = 5_000
"""The most rows of one response. A span takes a row for its begin, one for its end, and one for each of its events, so
a response has fewer spans. Source: tests/wire/recordings/README.md §5.
"""


def cut_words(received: int) -> str:
    """Return where the server cut a trace: `cut at 5,000 rows`, with the number of spans that came."""
    return f"{_cut_at(received)}, {formatting.plural(received, 'span')} received"


def _cut_at(received: int) -> str:
    return f"cut at {max(MAX_TRACE_ROWS, received):,} rows"


def sentences(waterfall: Waterfall, failure: str | None, elsewhere: int = 0) -> list[str]:
    """Return the sentences below the rows: what is missing, and why the last read failed.

    `elsewhere`: how many runs of the tree are not in the trace.
    """
    trace = waterfall.trace
    found = []
    if trace.is_truncated:
        found.append(f"Trace {cut_words(trace.received)}; the rest is not shown.")
    if trace.unreadable:
        found.append(f"{formatting.plural(trace.unreadable, 'span')} could not be read.")
    if elsewhere:
        runs = formatting.plural(elsewhere, "run")
        found.append(f"Not in this trace: {runs} of the tree, above this run or triggered without waiting.")
    if failure:
        found.append(could_not_read("The trace", failure))
    return found


def hidden_counts(waterfall: Waterfall) -> str:
    """Return `7 engine spans and 2 run() spans`: the spans that get a row only on request. Empty if there are none."""
    counts = ((waterfall.engine_count, "engine span"), (waterfall.function_count, "run() span"))
    return " and ".join(formatting.plural(count, noun) for count, noun in counts if count)


def extent(placed: PlacedTrace, span_count: int, elsewhere: int, read_at: datetime | None, now: Now) -> Line:
    """Return `cut at 5,000 rows · 17s so far · 6 of 9 runs · 14 spans · read 2s ago`.

    `span_count` is the number of rows, `elsewhere` that of the tree's runs that are not in the trace.
    """
    waterfall, extents = placed.waterfall, placed.extents
    trace, is_live = waterfall.trace, extents.is_live
    took = timedelta(microseconds=extents.end(ROOT, waterfall.moment(now.until)))
    so_far: Line = (Piece(now.duration(took), Token.BLUE), Piece(" so far"))
    count, spans = len(waterfall.run_spans), formatting.plural(span_count, "span")
    part = f"{formatting.count(count)} of " if elsewhere else ""
    runs = f"{part}{formatting.plural(count + elsewhere, 'run')}"
    parts: tuple[Line, ...] = (
        (Piece(_cut_at(trace.received), Token.AMBER),) if trace.is_truncated else (),
        so_far if is_live else (Piece(formatting.duration(took)),),
        (Piece(f"{runs} · {spans}", Token.MUTED),),
        (Piece(f"read {now.ago(read_at)}", Token.MUTED),) if is_live and read_at is not None else (),
    )
    return joined(filter(None, parts), " · ")


# The texts about the selected span: a pane of facts below the rows, or a strip of two lines on a low screen.


LOGS_FROM: Final = 160
"""If the pane is at least this wide, the log lines of the span stand beside its facts."""

_LABEL: Final = 10
_LOG_TIME: Final = 8
_LOG_LEVEL: Final = 7
_INDENT: Final = 2
_PATH_ARROW: Final = " → "
_KIND_WORDS: Final = {
    SpanKind.RUN: "child run of",
    SpanKind.ATTEMPT: "attempt of",
    SpanKind.DELAY: "delay of",
    SpanKind.ENGINE: "engine span of",
    SpanKind.WAIT: "wait of",
}
_LEVELS: Final = {"ERROR": ("error", Token.ROSE), "WARN": ("warn", Token.AMBER), "LOG": ("info", Token.MUTED)}


@dataclass(frozen=True, slots=True)
class SelectedSpan:
    """The span under the cursor, its attributes or why they are not there; `current` is the selected run."""

    parts: RowParts
    index: int
    attributes: Line
    current: RunId | None

    @property
    def span(self) -> Span:
        """The span itself."""
        return self.parts.waterfall.spans[self.index]

    def name(self) -> Line:
        """Return the glyph and the name."""
        look = look_of(self.parts, self.index)
        name = Piece(look.name)
        return (name,) if look.style is None else (look.style.mark, Piece(" "), name)

    def belongs_to(self) -> Line:
        """Return the kind of the span, and its run."""
        if self.index == ROOT:
            return (Piece("the run of this trace", Token.FAINT),)
        waterfall = self.parts.waterfall
        kind = waterfall.kinds[self.index]
        of = waterfall.parents[self.index] if kind is SpanKind.RUN else self.index
        run = waterfall.spans[waterfall.run_spans[waterfall.spans[of].run_id]]
        return (Piece(f"{_KIND_WORDS.get(kind, 'span of')} ", Token.FAINT), Piece(run.message, Token.TEXT))

    def start(self) -> str:
        """Return when the span starts on the axis: `at 10.6s`. For the root, return its time of day."""
        if self.index == ROOT:
            return f"at {formatting.moment(self.span.started_at, self.parts.clock.at)}"
        return f"at {_moment(self.parts.waterfall.starts[self.index])}"

    def took(self) -> Line:
        """Return how long the span took, and how much of that time it was in the queue."""
        extents, waterfall, start = self.parts.extents, self.parts.waterfall, self.parts.waterfall.starts[self.index]
        if (state := extents.states[self.index]) is SpanState.UNKNOWN:
            return (Piece("end not known", Token.MUTED),)
        took = timedelta(microseconds=extents.end(self.index, self.parts.now) - start)
        queued = timedelta(microseconds=waterfall.dequeued.get(self.index, start) - start)
        part = f", {formatting.duration(queued)} of it queued" if queued > timedelta() else ""
        if state is SpanState.RUNNING:
            return (Piece(self.parts.clock.duration(took), Token.BLUE), Piece(" so far"), Piece(part, Token.MUTED))
        return (Piece(formatting.duration(took)), Piece(" long"), Piece(part, Token.MUTED))

    def path(self, room: int) -> Line:
        """Return the names from the root to the span. Where they do not fit, the first ones are left out."""
        parts, index = self.parts, self.index
        tail: Line = ()
        if (took := parts.on_path.get(index)) is not None:
            took -= NEVER_US - parts.now if took > NEVER_US // 2 else 0
            place = f"{list(parts.on_path).index(index) + 1} of {len(parts.on_path)} by time"
            passed = formatting.duration(timedelta(microseconds=took))
            tail = (Piece(f"  {passed} of the longest path, {place}", Token.FAINT),)
        line: Line = (Piece(self._path_name(index), Token.BRIGHT, is_bold=True),)
        arrow = Piece(_PATH_ARROW, Token.FAINT)
        room -= line_width(tail) + line_width(line)
        for above in parts.tree.ancestors(index) if index in parts.tree.above else ():
            step: Line = (Piece(self._path_name(above)), arrow)
            if line_width(step) + len(_PATH_ARROW) + 1 > room:
                return (Piece(ELLIPSIS, Token.FAINT), arrow, *line, *tail)
            line = (*step, *line)
            room -= line_width(step)
        return (*line, *tail)

    def _path_name(self, index: int) -> Raw:
        return first_line(Raw(name_of(self.parts.waterfall, index)))

    def error(self) -> Line:
        """Return the error that the span threw. The trace of a crashed run has none; the run itself has the reason."""
        error, run_id = self.span.exception, self.span.run_id
        if error is None and self.parts.waterfall.run_spans.get(run_id) == self.index:
            run = self.parts.get_run(run_id)
            error = None if run is None else best_error(run)
        if error is None:
            return ()
        name: Line = (Piece(error.name, Token.ROSE), Piece(" ")) if error.name else ()
        return (*name, Piece(first_line(error.message), Token.BRIGHT))

    def logs(self) -> list[int]:
        """Return the log lines inside the span or below it, in order of time."""
        waterfall = self.parts.waterfall
        return sorted(waterfall.logs_below(self.index), key=lambda log: (waterfall.starts[log], log))

    def last_log(self) -> Line:
        """Return the last log line. If the trace was cut, it is the last one that was received."""
        if not (logs := self.logs()):
            return ()
        waterfall = self.parts.waterfall
        span = waterfall.spans[logs[-1]]
        is_live = self.parts.extents.is_live
        when = self.parts.clock.ago(span.started_at) if is_live else _after_root(waterfall.starts[logs[-1]])
        rest = ", later lines are missing" if waterfall.trace.is_truncated else ""
        return (_level(span), Piece("  "), Piece(first_line(span.message)), Piece(f"  {when}{rest}", Token.FAINT))

    def hidden(self) -> Line:
        """Return how many spans have no row, and the key that shows them; empty if all have one."""
        counts = hidden_counts(self.parts.waterfall)
        if not counts or self.parts.tree.with_engine:
            return ()
        key = Piece(key_of("engine-spans", "i"), Token.TEXT, is_bold=True)
        return (Piece(f"not shown: {counts} (", Token.FAINT), key, Piece(")", Token.FAINT))

    def facts(self, room: int) -> Iterator[tuple[str, list[Line]]]:
        """Yield the label of each fact, and its lines."""
        start = self.start() if self.index == ROOT else _after_root(self.parts.waterfall.starts[self.index])
        yield "starts", [(Piece(f"{start}, "), *self.took())]
        yield "path", [self.path(room)]
        if error := self.error():
            yield "error", [error]
        if log := self.last_log():
            yield "last log", [log]
        yield "attrs", few_rows(self.attributes, room)
        hint = Piece("  Enter opens this run", Token.FAINT)
        yield "run", [(Piece(self.span.run_id, Token.MUTED), *((hint,) if self.span.run_id != self.current else ()))]


def detail_lines(selected: SelectedSpan, width: int, height: int) -> list[Line]:
    """Return the rule and the facts of a span, in at most `height` lines of at most `width` cells.

    In a wide pane its log lines stand beside them.
    """
    if width < LOGS_FROM:
        return _fact_lines(selected, width)[:height]
    left_width = width // 2
    left = [*_fact_lines(selected, left_width), *([()] * height)]
    right = [*_log_lines(selected, width - left_width - 1, height), *([()] * height)]
    joints = (Piece("│" if place else "┬", Token.LINE) for place in range(height))
    return [(*fit(left[place], left_width), joint, *right[place]) for place, joint in enumerate(joints)]


def _rule(selected: SelectedSpan, width: int, right: Line) -> Line:
    left = (*selected.name(), Piece(" · ", Token.FAINT), *selected.belongs_to())
    return rule_line(RuleText(left=left, right=right), width)


def _fact_lines(selected: SelectedSpan, width: int) -> list[Line]:
    right: Line = (Piece("following", Token.MUTED),) if selected.parts.extents.is_live else ()
    lines: list[Line] = [_rule(selected, width, right), ()]
    for title, facts in selected.facts(max(width - _INDENT - _LABEL - 1, 2)):
        for place, line in enumerate(facts):
            head = Piece(" " * _INDENT + (title if not place else "").ljust(_LABEL), Token.FAINT)
            lines.append(cut((head, *line), width - 1))
    if hidden := selected.hidden():
        lines += [(), (Piece(" " * _INDENT), *cut(hidden, width - _INDENT - 1))]
    return lines


def _log_lines(selected: SelectedSpan, width: int, height: int) -> list[Line]:
    """Return the rule and the last log lines inside a span and below it: time, level, message."""
    waterfall, logs = selected.parts.waterfall, selected.logs()
    left = (Piece("logs", Token.TEXT), Piece(" · this span and below", Token.FAINT))
    count = f"{'first ' * waterfall.trace.is_truncated}{formatting.plural(len(logs), 'line')}"
    lines = [rule_line(RuleText(left=left, right=(Piece(count, Token.MUTED),)), width), ()]
    for log in logs[max(len(logs) - max(height - 2, 0), 0) :]:
        at = f"{waterfall.starts[log] / 1_000_000:.1f}".rjust(_LOG_TIME)
        head = (Piece(f"  {at}   ", Token.FAINT), *fit((_level(waterfall.spans[log]),), _LOG_LEVEL))
        lines.append(cut((*head, Piece(first_line(waterfall.spans[log].message))), width - 1))
    return lines


def _level(span: Span) -> Piece:
    return Piece(*_LEVELS.get(span.level, (span.level.lower(), Token.MUTED)))


def strip_lines(selected: SelectedSpan, width: int) -> list[Line]:
    """Return two lines: a rule with the span, its start and its duration; below it its error or its last log line."""
    right = (Piece(f"{selected.start()}, ", Token.MUTED), *selected.took())
    second = selected.error() or selected.last_log() or selected.hidden()
    return [_rule(selected, width, right), cut((Piece("  "), *second), width)]


def _after_root(us: int) -> str:
    """Return `10.6s after the root`."""
    return f"{_moment(abs(us))} {'before' if us < 0 else 'after'} the root"


def _moment(us: int) -> str:
    """Return `10.6s`: tenths up to a minute, since spans that follow each other differ by less than a second."""
    sign, tenths = ("-" if us < 0 else ""), (abs(us) + 50_000) // 100_000
    if 10 <= tenths < 600:
        return f"{sign}{tenths // 10}.{tenths % 10}s"
    return sign + formatting.duration(timedelta(microseconds=abs(us)))
