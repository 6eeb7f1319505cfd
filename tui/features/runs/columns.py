"""The columns of the list of runs, and how they use a wide screen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.text import formatting
from tui.text.blocks import Now
from tui.text.status import style_of
from tui.text.styled import Align, Line, Piece, Token, fit, joined, opening_line

# The columns of the list of runs: title, width, alignment, and a function that returns the cell of a run.
#
# A new column is one row of `COLUMNS`. `features.runs.printed` fits the same columns to the output of `ls`.


_DAY: Final = timedelta(days=1)


Cell = Callable[[Run, Now], Line]

_LIFTED: Final = {Token.FAINT: Token.MUTED, Token.MUTED: Token.TEXT, Token.TEXT: Token.BRIGHT}


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `width` is in cells; None takes the remaining cells. Panes narrower than `from_width` omit the
    column.

    In a printed table the column with the greatest `drop_rank` is dropped first. A column of rank 0 is never dropped.
    `is_value`: its cells are values out of metadata, payload or output, which may be read later than the run.
    """

    id: str
    title: str
    width: int | None
    cell: Cell
    align: Align = "left"
    from_width: int = 0
    drop_rank: int = 0
    is_value: bool = False


class SizedColumn(NamedTuple):
    """A column and its width in one table."""

    column: Column
    width: int


def took(run: Run, now: datetime) -> timedelta | None:
    """Return the time from start to finish, or to `now` while the run is live; None if one end is not known."""
    return run.took(now)


def times_same_until(run: Run, at: datetime) -> datetime:
    """Return until when `took`, `age` and `created` of a run have the same texts as at a moment, at least.

    At midnight in the zone of `at`, the date appears in `created`.
    """
    if run.created_at is None or run.state is None or (run.state.started_at is not None and not run.is_final):
        return at
    midnight = datetime(at.year, at.month, at.day, tzinfo=at.tzinfo) + _DAY
    until = at.astimezone(UTC) + formatting.same_age_for(run.created_at, at)
    return min(until, midnight.astimezone(UTC))


def time_in_queue(run: Run, until: datetime) -> timedelta | None:
    """Return how long the run had been queued at `until`: since its creation, or since the end of its delay."""
    created = run.created_at
    delayed = run.state.delayed_until if run.state else None
    known = [at for at in (created, delayed) if at is not None]
    return until - max(known) if known else None


def short_id(run_id: RunId, token: Token) -> Line:
    """Return `run_cm…6e3t`, with the last four characters one grey lighter. A short id stays whole."""
    if len(run_id) <= 11:
        return (Piece(run_id, token),)
    return (Piece(f"{run_id[:6]}…", token), Piece(run_id[-4:], _LIFTED.get(token, token)))


def whole_id(run: Run, _now: Now) -> Line:
    """Return the id of a run, however long."""
    return (Piece(run.id, style_of(run).row.rest),)


def _status(run: Run, _now: Now) -> Line:
    return (style_of(run).name,)


def _task(run: Run, _now: Now) -> Line:
    return (Piece(run.fixed.task or formatting.NONE, style_of(run).row.task),)


def _run(run: Run, _now: Now) -> Line:
    return short_id(run.id, style_of(run).row.rest)


def _took(run: Run, now: Now) -> Line:
    ran = took(run, now.frozen_at or now.at)
    return (Piece(now.duration(ran, is_running=not run.is_final), style_of(run).row.took),)


def _age(run: Run, now: Now) -> Line:
    return (Piece(now.age(run.created_at), style_of(run).row.number),)


def _created(run: Run, now: Now) -> Line:
    created = run.created_at
    text = formatting.NONE if created is None else formatting.clock(created, now.at)
    return (Piece(text, style_of(run).row.number),)


def _version(run: Run, _now: Now) -> Line:
    return (Piece(run.fixed.version or formatting.NONE, style_of(run).row.rest),)


def _tags(run: Run, _now: Now) -> Line:
    token = style_of(run).row.rest
    return joined((Piece(tag, token),) for tag in (run.state.tags if run.state else ()))


def _error(run: Run, _now: Now) -> Line:
    if not run.status.is_failed:
        return ()
    token, error = style_of(run).row.rest, run.error_value
    if error is None:
        return (Piece(formatting.NONE, token),)
    text = Raw(error.code) if error.has_code_only and error.code is not None else opening_line(error.message)
    return (Piece(text or error.name or formatting.NONE, token),)


def _tags_or_error(run: Run, now: Now) -> Line:
    """Return the error of a failed run, and the tags of others. Tags follow the error as far as there is room."""
    return joined(part for part in (_error(run, now), _tags(run, now)) if part)


def _cost(run: Run, _now: Now) -> Line:
    text = formatting.cost(run.state.cost_cents + run.state.base_cost_cents) if run.state else formatting.NONE
    return (Piece(text, style_of(run).row.rest),)


STATUS: Final = Column("status", "status", 15, _status)
TASK: Final = Column("task", "task", None, _task)
RUN: Final = Column("run", "run", 11, _run, from_width=72, drop_rank=2)
TOOK: Final = Column("took", "took", 7, _took, "right", from_width=50, drop_rank=1)
AGE: Final = Column("age", "age", 5, _age, "right")
CREATED: Final = Column("created", "created", 11, _created, "right")
VERSION: Final = Column("version", "version", 11, _version, from_width=96, drop_rank=3)
TAGS: Final = Column("tags", "tags", None, _tags, from_width=112, drop_rank=4)
ERROR: Final = Column("error", "error", None, _error, from_width=100, drop_rank=5)
COST: Final = Column("cost", "cost", 8, _cost, "right", from_width=190, drop_rank=6)
COLUMNS: Final = (STATUS, TASK, RUN, TOOK, AGE, VERSION, TAGS, ERROR, COST)

TAGS_OR_ERROR: Final = replace(TAGS, title="error, tags", cell=_tags_or_error)
"""Stands in the place of both where there is no room for two columns."""

ERROR_ALONE: Final = 150
"""From this pane width on, errors have a column of their own beside the tags."""

FAILURES: Final = (STATUS, TASK, TOOK, AGE, ERROR)
"""The columns of a narrow pane in which all runs failed."""

MIN_FAILURES: Final = 72
"""The narrowest pane with an error column."""

SHOWS_ERRORS: Final = frozenset({_error, _tags_or_error})
"""The cells that show errors."""

# Pane width, and from it on the widths of flexible columns that do not take the remaining cells.
_SHARES: Final[tuple[tuple[int, dict[str, int]], ...]] = (
    (ERROR_ALONE, {"task": 26, "tags": 22}),
    (120, {"task": 24}),
    (ERROR.from_width, {"task": 20}),
    (0, {}),
)
_FAILURES_SHARES: Final = {"task": 18}
GAP: Final = 2
EDGES: Final = 2 + 2 + 1  # The gutter, the glyph with its space, and the right edge.
_MIN_REST: Final = 4


def columns_for(pane_width: int, *, only_failures: bool = False) -> list[SizedColumn]:
    """Return the columns that a pane of this width shows, with their widths, in order.

    `only_failures`: the list is filtered to failed runs. A narrow pane then shows their errors, and no ids.
    """
    if only_failures and MIN_FAILURES <= pane_width < ERROR.from_width:
        return sized_columns(FAILURES, pane_width, _FAILURES_SHARES)
    shown = [column for column in COLUMNS if pane_width >= column.from_width]
    if TAGS.from_width <= pane_width < ERROR_ALONE:
        shown = [TAGS_OR_ERROR if column is TAGS else column for column in shown if column is not ERROR]
    elif ERROR.from_width <= pane_width < TAGS.from_width:
        shown.remove(VERSION)  # Otherwise the error would have half as many cells.
    shares = next(shares for from_width, shares in _SHARES if pane_width >= from_width)
    return sized_columns(shown, pane_width, shares)


def sized_columns(columns: Sequence[Column], pane_width: int, shares: Mapping[str, int]) -> list[SizedColumn]:
    """Return the columns with their widths in a pane. One flexible column without a share takes the remaining cells."""
    widths = {column.id: column.width or shares.get(column.id, 0) for column in columns}
    rest = pane_width - EDGES - sum(widths.values()) - GAP * (len(columns) - 1)
    return [SizedColumn(column, widths[column.id] or max(rest, _MIN_REST)) for column in columns]


def head(slots: Sequence[SizedColumn]) -> Line:
    """Return the line of titles for rows of `row`."""
    titles = (fit((Piece(slot.column.title, Token.FAINT),), slot.width, slot.column.align) for slot in slots)
    return (Piece("  "), *joined(titles))


def row(
    run: Run, slots: Sequence[SizedColumn], now: Now, *, status: Piece | None = None, is_current: bool = False
) -> Line:
    """Return one run as its glyph and its cells.

    `status` replaces the status word while an action on the run is pending. The task of the current row is bold.
    """
    cells = []
    for column, width in slots:
        cell = (status,) if status is not None and column.id == STATUS.id else column.cell(run, now)
        if is_current and column.id == TASK.id:
            cell = tuple(Piece(piece.text, piece.token, is_bold=True) for piece in cell)
        cells.append(fit(cell, width, column.align))
    return (style_of(run).mark, Piece(" "), *joined(cells))


# The columns of the list with clock times beside the ages, and whole run ids where there is room for them.
#
# The layout depends on the width of the pane and on the filter, never on the runs: no column moves when runs arrive.


ID_CELLS: Final = 29


WHOLE_RUN: Final = replace(RUN, width=ID_CELLS, cell=whole_id)


class _Layout(NamedTuple):
    """The columns of panes from a width on, and the widths of flexible columns that do not take the remaining cells."""

    from_width: int
    columns: Sequence[Column]
    shares: Mapping[str, int] = {}


_HEAD: Final = (STATUS, TASK)
_TIMES: Final = (AGE, CREATED)

# The widest first. In narrower panes cost, tags and version go, then the rest of ids, errors, durations, and ids.
_LAYOUTS: Final = (
    _Layout(190, (*_HEAD, WHOLE_RUN, TOOK, *_TIMES, VERSION, TAGS, ERROR, COST), {"task": 26, "tags": 22}),
    _Layout(175, (*_HEAD, WHOLE_RUN, TOOK, *_TIMES, VERSION, TAGS, ERROR), {"task": 24, "tags": 20}),
    _Layout(150, (*_HEAD, WHOLE_RUN, TOOK, *_TIMES, VERSION, TAGS_OR_ERROR), {"task": 24}),
    _Layout(130, (*_HEAD, WHOLE_RUN, TOOK, *_TIMES, TAGS_OR_ERROR), {"task": 20}),
    _Layout(120, (*_HEAD, WHOLE_RUN, TOOK, *_TIMES, TAGS_OR_ERROR), {"task": 17}),
    _Layout(110, (*_HEAD, RUN, TOOK, *_TIMES, ERROR), {"task": 20}),
    _Layout(100, (*_HEAD, RUN, TOOK, *_TIMES, ERROR), {"task": 16}),
    _Layout(80, (*_HEAD, RUN, TOOK, *_TIMES)),
    _Layout(72, (*_HEAD, RUN, *_TIMES)),
    _Layout(52, (*_HEAD, *_TIMES)),
    _Layout(0, (*_HEAD, CREATED)),
)

# Where all runs failed, their errors get more room: durations and ids go first.
_FAILURE_LAYOUTS: Final = (
    _Layout(120, (*_HEAD, WHOLE_RUN, *_TIMES, ERROR), {"task": 18}),
    _Layout(100, (*_HEAD, RUN, *_TIMES, ERROR), {"task": 18}),
    _Layout(90, (*_HEAD, *_TIMES, ERROR), {"task": 18}),
    _Layout(80, (*_HEAD, *_TIMES, ERROR), {"task": 14}),
    _Layout(72, (*_HEAD, *_TIMES, ERROR), {"task": 12}),
)
_MAX_FAILURE_WIDTH: Final = 131
"""In wider panes the layout of all runs has room for their errors."""


def wide_columns_for(pane_width: int, *, only_failures: bool = False) -> list[SizedColumn]:
    """Return the columns that a pane of this width shows, with their widths, in order.

    `only_failures`: the list is filtered to failed runs.
    """
    is_narrow = pane_width <= _MAX_FAILURE_WIDTH
    layouts = (*_FAILURE_LAYOUTS, *_LAYOUTS[-2:]) if only_failures and is_narrow else _LAYOUTS
    layout = next(each for each in layouts if pane_width >= each.from_width)
    return sized_columns(layout.columns, pane_width, layout.shares)
