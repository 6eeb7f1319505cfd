"""The columns of the list with clock times beside the ages, and whole run ids where there is room for them.

The layout depends on the width of the pane and on the filter, never on the runs: no column moves when runs arrive.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from tui.present.columns import (
    AGE,
    COST,
    CREATED,
    ERROR,
    RUN,
    STATUS,
    TAGS,
    TAGS_OR_ERROR,
    TASK,
    TOOK,
    VERSION,
    Column,
    SizedColumn,
    sized_columns,
    whole_id,
)

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
