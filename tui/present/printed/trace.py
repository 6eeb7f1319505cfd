"""The trace that `trace` prints: one span a line with its bar, or as JSON objects.

The keys of an object: `spanId`, `parentId` (null for the root of the whole trace), `runId`, `message`, `startTime`,
`durationMs`, `isError`, `isPartial`, `level` (TRACE for spans, DEBUG for the engine's, else that of a log line),
`depth` (0 for the root). Values are as the server answered them, and a value that it left out is null.
`durationMs` of a span without an end (`isPartial`) is what the server counted until then, usually 0.
"""

from datetime import datetime

from tui.domain.run import Json
from tui.domain.traces.extent import Extents, SpanState
from tui.domain.traces.longest_path import longest_path
from tui.domain.traces.row_tree import row_tree
from tui.domain.traces.span import SpanRecord
from tui.domain.traces.waterfall import SpanKind, Waterfall
from tui.present.columns import Now
from tui.present.styled import Line, Piece, Token, wrap
from tui.present.waterfall.axis import ticks, whole_window
from tui.present.waterfall.bars import Scale
from tui.present.waterfall.look import GetRun, look_of
from tui.present.waterfall.page import RowParts, axis_line, columns_for, legend, row_line, shown_spans
from tui.present.waterfall.words import hidden_counts, sentences

MIN_WIDTH = 60
"""In fewer cells nothing would be left of the bars. The lines are as long then."""


def record_object(record: SpanRecord) -> dict[str, Json]:
    """Return a span as a JSON object, with every key."""
    return {
        "spanId": record.id,
        "parentId": record.parent_id,
        "runId": record.run_id,
        "message": record.message,
        "startTime": record.start_time,
        "durationMs": record.duration_ms,
        "isError": record.is_error,
        "isPartial": record.is_partial,
        "level": record.level,
        "depth": record.depth,
    }


def trace_lines(
    waterfall: Waterfall, extents: Extents, get_run: GetRun, *, now: datetime, width: int, has_colors: bool
) -> list[Line]:
    """Return the trace in lines of at most `width` cells: the axis, the spans with their bars, what the marks mean."""
    width = max(width, MIN_WIDTH)
    tree, path = row_tree(waterfall), longest_path(waterfall, extents)
    columns = columns_for(width, 0)
    moment = waterfall.moment(now)
    window = whole_window(extents, moment)
    found = ticks(window, columns.bar)
    parts = RowParts(waterfall, extents, tree, path, columns, Scale.of(window, columns.bar, found, moment), Now(now))
    lines = [axis_line(columns, found)]
    for shown in shown_spans(waterfall, tree, ()):
        look = look_of(waterfall, extents, shown.span, get_run, is_on_path=shown.span in path)
        lines.append(row_line(shown, look, parts))
    marks = legend(
        width,
        has_unknown=SpanState.UNKNOWN in extents.states,
        has_batch=SpanKind.CALL in waterfall.kinds,
        has_colors=has_colors,
    )
    lines += [(), marks] if marks else []
    missing = sentences(waterfall, None)
    if counts := hidden_counts(waterfall):
        missing.append(f"Not shown: {counts}; --json prints them too.")
    for sentence in missing:
        lines += [(Piece(row, Token.MUTED),) for row in wrap(sentence, width)]
    return lines
