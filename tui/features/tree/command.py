"""`trace`: reads the trace of a run once, and prints its spans."""

from typing import TYPE_CHECKING

from tui.api.errors import ApiError
from tui.commands.options import run_argument
from tui.commands.output import Output
from tui.domain.run import RunId
from tui.domain.trace import GetRun, PlacedTrace, RowTree, SpanKind, SpanState, Waterfall, known_ends_of, placed_trace
from tui.features.config.command import open_session, session_command
from tui.features.tree import spans
from tui.features.tree.spans import cut_words, hidden_counts, sentences
from tui.settings.settings import Settings
from tui.sync.reads import Priority
from tui.text.blocks import Now
from tui.text.styled import Line, Piece, Token, wrap

if TYPE_CHECKING:
    from tui.sync.session import Session


@session_command("trace", run_argument)
async def trace(output: Output, settings: Settings, *, run_id: RunId, as_json: bool) -> None:
    """Show where the time of a run went. Prints its spans as a tree, with bars on one time axis.

    With --json, one span per line, as the server sent it, with those of the engine.
    """
    async with open_session(settings, output) as session:
        if as_json:
            await _print_objects(output, session, run_id)
        else:
            await _print_lines(output, session, run_id)


async def _print_objects(output: Output, session: "Session", run_id: RunId) -> None:
    """Print every span of the one answer. A cut answer is reported on stderr."""
    from tui.api.traces import read_records  # noqa: PLC0415

    api = session.fetcher.api
    scanner = await session.budget.request(("spans", run_id), Priority.SELECTED, lambda: api.read_trace_nodes(run_id))
    output.json_lines(read_records(scanner))
    if scanner.is_truncated:
        output.say(f"the trace is {cut_words(len(scanner.nodes))}; the rest is missing")


async def _print_lines(output: Output, session: "Session", run_id: RunId) -> None:
    """Print the trace. The run itself is read too, because only it says for certain whether it has ended."""
    api, store = session.fetcher.api, session.store
    found = await session.budget.request(("trace", run_id), Priority.SELECTED, lambda: api.read_trace(run_id))
    try:
        await session.fetcher.fetch_run(run_id, Priority.SELECTED)
        await session.settle()
    except ApiError as error:
        output.say(f"the status of the run is not known: {error}")
    waterfall = Waterfall(found)
    placed = placed_trace(waterfall, RowTree(waterfall), known_ends_of(waterfall, store.get))
    width, now = output.reading_width, Now(session.local_now())
    output.lines(trace_lines(placed, store.get, now, width, has_colors=output.has_color))


COMMANDS = (trace,)


# The trace that `trace` prints: one span a line with its bar, or as JSON objects.
#
# The keys of an object: `spanId`, `parentId` (null for the root of the whole trace), `runId`, `message`, `startTime`,
# `durationMs`, `isError`, `isPartial`, `level` (TRACE for spans, DEBUG for the engine's, else that of a log line),
# `depth` (0 for the root). Values are as the server answered them, and a value that it left out is null.
# `durationMs` of a span without an end (`isPartial`) is what the server counted until then, usually 0.


MIN_WIDTH = 60
"""In fewer cells nothing would be left of the bars. The lines are as long then."""


def trace_lines(placed: PlacedTrace, get_run: GetRun, now: Now, width: int, *, has_colors: bool) -> list[Line]:
    """Return the trace in lines of at most `width` cells: the axis, the spans with their bars, what the marks mean."""
    width, waterfall, tree = max(width, MIN_WIDTH), placed.waterfall, placed.tree
    parts = spans.parts_of(placed, tree, get_run, spans.columns_for(width, 0), now)
    lines = [spans.axis_line(parts), *(spans.row_line(each, parts) for each in spans.shown_spans(tree))]
    has_unknown, has_batch = SpanState.UNKNOWN in placed.extents.states, SpanKind.CALL in waterfall.kinds
    marks = spans.legend(width, has_unknown=has_unknown, has_batch=has_batch, has_colors=has_colors)
    lines += [(), marks] if marks else []
    missing = sentences(waterfall, None)
    if counts := hidden_counts(waterfall):
        missing.append(f"Not shown: {counts}; --json prints them too.")
    for sentence in missing:
        lines += [(Piece(row, Token.MUTED),) for row in wrap(sentence, width)]
    return lines
