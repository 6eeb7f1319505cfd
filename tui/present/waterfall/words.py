"""The sentences about a whole trace: how much of it came, what has no row, and why it could not be read."""

from datetime import datetime, timedelta
from typing import Final

from tui.domain.traces.extent import Extents
from tui.domain.traces.row_tree import RowTree
from tui.domain.traces.waterfall import ROOT, Waterfall
from tui.present import formatting
from tui.present.columns import Now
from tui.present.frame.failure import without_request
from tui.present.key_words import key_of, tries_again
from tui.present.styled import Line, Piece, Token

MAX_TRACE_ROWS: Final = 5_000
"""Rows of one response. A span is a row when it begins, another when it ends, and one for each of its events, so that
fewer spans come. Source: tests/wire/recordings/README.md §5."""

ROOMY: Final = 100
"""From this width on, the rule counts the spans."""

WITH_RUNS: Final = 76
"""From this width on, the rule of a cut trace counts the runs."""


def no_trace() -> str:
    """Return that there is no trace."""
    return f"The server has no trace of this run.{tries_again('reads it again')}"


def cut_words(received: int) -> str:
    """Return where the server cut a trace: `cut at 5,000 rows`, with the number of spans that came."""
    return f"{_cut_at(received)}, {formatting.plural(received, 'span')} received"


def _cut_at(received: int) -> str:
    return f"cut at {max(MAX_TRACE_ROWS, received):,} rows"


def sentences(waterfall: Waterfall, failure: str | None) -> list[str]:
    """Return the sentences below the rows: what is missing, and why the last read failed."""
    trace = waterfall.trace
    found = []
    if trace.is_truncated:
        found.append(f"Trace {cut_words(trace.received)}; the rest is not shown.")
    if trace.unreadable:
        found.append(f"{formatting.plural(trace.unreadable, 'span')} could not be read.")
    if failure:
        found.append(failure_words(failure))
    return found


def failure_words(failure: str) -> str:
    """Return why the trace could not be read, and what the user can do."""
    reason = without_request(failure).removeprefix("the trace could not be read: ").rstrip(".")
    return f"The trace could not be read: {reason}{'' if reason.endswith('?') else '.'}{tries_again()}"


def not_shown(waterfall: Waterfall, tree: RowTree) -> Line:
    """Return how many spans have no row, and the key that shows them; empty if all have one."""
    counts = hidden_counts(waterfall)
    if not counts or tree.with_engine:
        return ()
    return (
        Piece(f"not shown: {counts} (", Token.FAINT),
        Piece(key_of("engine-spans", "i"), Token.TEXT, is_bold=True),
        Piece(")", Token.FAINT),
    )


def hidden_counts(waterfall: Waterfall) -> str:
    """Return `7 engine spans and 2 run() spans`: those that get a row only on request; empty if there are none."""
    return " and ".join(
        formatting.plural(count, noun)
        for count, noun in ((waterfall.engine_count, "engine span"), (waterfall.function_count, "run() span"))
        if count
    )


def extent(
    waterfall: Waterfall, extents: Extents, span_count: int, read_at: datetime | None, now: Now, *, width: int
) -> Line:
    """Return `6 runs · 14 spans · cut at 5,000 rows · 17s so far · read 2s ago` for a rule of `width` cells.

    A narrow rule leaves the spans out, a narrower one of a cut trace the runs too. `span_count` is the number of rows.
    """
    is_narrow, is_cut = width < ROOMY, waterfall.trace.is_truncated
    line: list[Piece] = []
    if not is_cut or width >= WITH_RUNS:
        line.append(Piece(formatting.plural(len(waterfall.run_spans), "run"), Token.TEXT))
    if not is_narrow:
        line.append(Piece(f" · {formatting.plural(span_count, 'span')}", Token.MUTED))
    if is_cut:
        gap: list[Piece] = [Piece(" · ", Token.MUTED)] if line else []
        line += [*gap, Piece(_cut_at(waterfall.trace.received), Token.AMBER)]
    at = now.frozen_at or now.at
    took = timedelta(microseconds=extents.end(ROOT, waterfall.moment(at)))
    if extents.is_live:
        line += [Piece(" · ", Token.MUTED), Piece(now.duration(took), Token.BLUE), Piece(" so far", Token.TEXT)]
        if read_at is not None:
            line.append(Piece(f" · {'' if is_narrow else 'read '}{now.age(read_at)} ago", Token.MUTED))
    else:
        line.append(Piece(f" · {formatting.duration(took)}", Token.TEXT))
    return tuple(line)
