"""The columns of the list of runs, and how they use a wide screen."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tui.domain.run import Run, RunId
from tui.domain.text import Raw
from tui.text import formatting
from tui.text.blocks import Now
from tui.text.status import style_of
from tui.text.styled import Line, Piece, Token, joined, opening_line
from tui.text.table import Column, Layout, Table, Wish

# The columns of the list of runs: titles, cells, widths. A new column is a row here, and its place in `COLUMNS`.


ID_CELLS: Final = 29
"""A column of at least this width shows whole ids."""

_LIFTED: Final = {Token.FAINT: Token.MUTED, Token.MUTED: Token.TEXT, Token.TEXT: Token.BRIGHT}


def time_in_queue(run: Run, until: datetime) -> timedelta | None:
    """Return how long the run had been queued at `until`: since its creation, or since the end of its delay."""
    delayed = run.state.delayed_until if run.state else None
    known = [at for at in (run.created_at, delayed) if at is not None]
    return until - max(known) if known else None


def short_id(run_id: RunId, token: Token) -> Line:
    """Return `run_cm…6e3t`, with the last four characters one grey lighter. A short id stays whole."""
    if len(run_id) <= 11:
        return (Piece(run_id, token),)
    return (Piece(f"{run_id[:6]}…", token), Piece(run_id[-4:], _LIFTED.get(token, token)))


def whole_id(run: Run, _now: Now, _width: int) -> Line:
    """Return the id of a run, however long."""
    return (Piece(run.id, style_of(run).row.rest),)


def _status(run: Run, _now: Now, _width: int) -> Line:
    return (style_of(run).name,)


def _task(run: Run, _now: Now, _width: int) -> Line:
    return (Piece(run.fixed.task or formatting.NONE, style_of(run).row.task),)


def _run(run: Run, now: Now, width: int) -> Line:
    return whole_id(run, now, width) if width >= ID_CELLS else short_id(run.id, style_of(run).row.rest)


def _took(run: Run, now: Now, _width: int) -> Line:
    return (Piece(now.duration(run.took(now.until), is_running=not run.is_final), style_of(run).row.took),)


def _age(run: Run, now: Now, _width: int) -> Line:
    return (Piece(now.age(run.created_at), style_of(run).row.number),)


def _created(run: Run, now: Now, _width: int) -> Line:
    created = run.created_at
    text = formatting.NONE if created is None else formatting.clock(created, now.at)
    return (Piece(text, style_of(run).row.number),)


def _version(run: Run, _now: Now, _width: int) -> Line:
    return (Piece(run.fixed.version or formatting.NONE, style_of(run).row.rest),)


def _tags(run: Run, _now: Now, _width: int) -> Line:
    token = style_of(run).row.rest
    return joined((Piece(tag, token),) for tag in (run.state.tags if run.state else ()))


def _error(run: Run, _now: Now, _width: int) -> Line:
    if not run.status.is_failed:
        return ()
    token, error = style_of(run).row.rest, run.error_value
    if error is None:
        return (Piece(formatting.NONE, token),)
    text = Raw(error.code) if error.has_code_only and error.code is not None else opening_line(error.message)
    return (Piece(text or error.name or formatting.NONE, token),)


def _tags_or_error(run: Run, now: Now, _width: int) -> Line:
    """Return the error of a failed run, and the tags of others. Tags follow the error as far as there is room."""
    return joined(part for part in (_error(run, now, 0), _tags(run, now, 0)) if part)


def _cost(run: Run, _now: Now, _width: int) -> Line:
    text = formatting.cost(run.state.cost_cents + run.state.base_cost_cents) if run.state else formatting.NONE
    return (Piece(text, style_of(run).row.rest),)


STATUS: Final = Column("status", "status", _status, 15, meaning="the status in words", cut_to=15)
TASK: Final = Column("task", "task", _task, least=4, wish=Wish(12, 26), meaning="the task", cut_to=12)
RUN: Final = Column("run", "run", _run, 11, meaning="the id, in full if it fits")
TOOK: Final = Column(
    "took", "took", _took, 7, "right", is_ticking=True, meaning="from start to end, or to now", drop_rank=2
)
AGE: Final = Column("age", "age", _age, 5, "right", is_ticking=True, meaning="since it was created", order="created")
CREATED: Final = Column("created", "created", _created, 16, "right", is_ticking=True, meaning="when it was created")
VERSION: Final = Column("version", "version", _version, 11, meaning="the version of the code", drop_rank=3)
TAGS: Final = Column("tags", "tags", _tags, least=4, wish=Wish(8, 22), meaning="its tags", drop_rank=4, cut_to=10)
ERROR: Final = Column("error", "error", _error, least=4, wish=Wish(12, 60), meaning="why the run failed")
COST: Final = Column("cost", "cost", _cost, 8, "right", meaning="compute and per-run fee", drop_rank=6)
TAGS_OR_ERROR: Final = Column(
    "error-tags", "error, tags", _tags_or_error, least=4, wish=Wish(12, 40), meaning="the error, or else the tags"
)
"""Stands in the place of both where there is no room for two columns."""

COLUMNS: Final = (STATUS, TASK, RUN, TOOK, AGE, CREATED, VERSION, TAGS, ERROR, COST, TAGS_OR_ERROR)
"""All columns that can be chosen, in their usual order."""

SHOWS_ERRORS: Final = frozenset({ERROR.id, TAGS_OR_ERROR.id})
"""The columns that show errors."""

WHOLE_RUN: Final = replace(RUN, width=ID_CELLS, cell=whole_id)

PRINTED: Final = (STATUS, TASK, replace(WHOLE_RUN, drop_rank=1), TOOK, AGE, VERSION, TAGS, COST)
"""The columns of `ls`. Its users need the id more than the duration, so the id stays longer."""

# How the list uses its width. The layout depends on the width of the pane and on the filter, never on the runs: no
# column moves when runs arrive. In narrower panes cost, tags and version go, then errors, durations, and ids.


_HEAD: Final = (STATUS, TASK)
_SHORT: Final = (*_HEAD, RUN, TOOK, AGE)
_TIMES: Final = (AGE, CREATED)
_WHOLE: Final = (*_HEAD, WHOLE_RUN, TOOK, *_TIMES)

_USUAL: Final = (
    Layout(190, {"task": 26, "tags": 22}, (*_SHORT, VERSION, TAGS, ERROR, COST)),
    Layout(150, {"task": 26, "tags": 22}, (*_SHORT, VERSION, TAGS, ERROR)),
    Layout(120, {"task": 24}, (*_SHORT, VERSION, TAGS_OR_ERROR)),
    Layout(112, {"task": 20}, (*_SHORT, VERSION, TAGS_OR_ERROR)),
    Layout(100, {"task": 20}, (*_SHORT, ERROR)),
    Layout(96, {}, (*_SHORT, VERSION)),
    Layout(72, {}, _SHORT),
    Layout(50, {}, (*_HEAD, TOOK, AGE)),
    Layout(0, {}, (*_HEAD, AGE)),
)

# Where all runs failed, a narrow pane shows their errors, and no ids.
_FAILURES: Final = (*_USUAL[:5], Layout(72, {"task": 18}, (*_HEAD, TOOK, AGE, ERROR)), *_USUAL[-2:])

# With clock times beside the ages, and whole run ids where there is room for them.
_WIDE: Final = (
    Layout(190, {"task": 26, "tags": 22}, (*_WHOLE, VERSION, TAGS, ERROR, COST)),
    Layout(175, {"task": 24, "tags": 20}, (*_WHOLE, VERSION, TAGS, ERROR)),
    Layout(150, {"task": 24}, (*_WHOLE, VERSION, TAGS_OR_ERROR)),
    Layout(130, {"task": 20}, (*_WHOLE, TAGS_OR_ERROR)),
    Layout(120, {"task": 17}, (*_WHOLE, TAGS_OR_ERROR)),
    Layout(110, {"task": 20}, (*_HEAD, RUN, TOOK, *_TIMES, ERROR)),
    Layout(100, {"task": 16}, (*_HEAD, RUN, TOOK, *_TIMES, ERROR)),
    Layout(80, {}, (*_HEAD, RUN, TOOK, *_TIMES)),
    Layout(72, {}, (*_HEAD, RUN, *_TIMES)),
    Layout(52, {}, (*_HEAD, *_TIMES)),
    Layout(0, {}, (*_HEAD, CREATED)),
)

# Where all runs failed, their errors get more room: durations and ids go first. Wider panes have room for them anyway.
_WIDE_FAILURES: Final = (
    *_WIDE[:3],
    _WIDE[3]._replace(from_width=132),
    Layout(120, {"task": 18}, (*_HEAD, WHOLE_RUN, *_TIMES, ERROR)),
    Layout(100, {"task": 18}, (*_HEAD, RUN, *_TIMES, ERROR)),
    Layout(90, {"task": 18}, (*_HEAD, *_TIMES, ERROR)),
    Layout(80, {"task": 14}, (*_HEAD, *_TIMES, ERROR)),
    Layout(72, {"task": 12}, (*_HEAD, *_TIMES, ERROR)),
    *_WIDE[-2:],
)

_WIDE_COLUMNS: Final = tuple(replace(each, wish=Wish(RUN.width, ID_CELLS)) if each is RUN else each for each in COLUMNS)

RUN_TABLE: Final = Table(COLUMNS, lambda run: style_of(run).mark, strong=TASK.id, layouts=_USUAL)
PRINTED_TABLE: Final = replace(RUN_TABLE, columns=PRINTED)


def table_of(*, is_wide: bool, only_failures: bool = False) -> Table[Run]:
    """Return the table of a list.

    `is_wide`: with clock times beside ages, and whole ids if they fit. `only_failures`: it is filtered to failed runs.
    """
    if is_wide:
        return replace(RUN_TABLE, columns=_WIDE_COLUMNS, layouts=_WIDE_FAILURES if only_failures else _WIDE)
    return replace(RUN_TABLE, layouts=_FAILURES) if only_failures else RUN_TABLE
