"""The page of the wall below its header, for any width and height: in one column or two, the verdict in letters."""

from collections.abc import Sequence
from typing import Final

from tui.present.styled import Line, Piece, Token, fit
from tui.present.wall.ages import last_row
from tui.present.wall.blocks import Band, BlockRow, WallPage, WallTarget, WallView
from tui.present.wall.foot import due_block, longest_block, waiting_block
from tui.present.wall.heights import Heights, column_heights, heights
from tui.present.wall.hour import WIDE, HourForm, hour_block
from tui.present.wall.lists import failing_block, failing_count, just_now_block, tasks_block
from tui.present.wall.right_column import DAY_ROWS, day_block, newest_block, queues_block
from tui.present.wall.verdict import LETTERS_HEIGHT, MAX_LINES, letter_rows, verdict_rows

TWO_COLUMNS: Final = 180
"""From this width on there is a right column."""

LETTERS_FROM_ROWS: Final = 50
"""From so many rows on, a wide wall has its verdict in letters."""

_LEFT_MIN: Final = 120
_BLANK: Final = BlockRow()


class _PageRows:
    """Collects rows from top to bottom, and the places of the cursor."""

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self.rows: list[BlockRow] = []
        self.targets: list[WallTarget] = []

    def add(self, rows: Sequence[BlockRow], height: int | None = None) -> None:
        """Add the rows of a block over the whole width, filled up or cut to a height."""
        shown = list(rows) if height is None else list(rows[:height])
        if height is not None:
            shown += [_BLANK] * (height - len(shown))
        self.targets += _targets(shown, len(self.rows), 0, self._width)
        self.rows += shown

    def add_beside(self, parts: Sequence[tuple[int, int, Sequence[BlockRow]]], height: int) -> None:
        """Add blocks that stand beside each other. A part is its first cell, its width and its rows."""
        top = len(self.rows)
        for y in range(height):
            line: Line = ()
            for _, width, rows in parts:
                line = (*line, *fit(rows[y].line if y < len(rows) else (), width))
            self.rows.append(BlockRow(line))
        for x, width, rows in parts:
            self.targets += _targets(rows[:height], top, x, width)

    def page(self, last: Line) -> WallPage:
        """Return the page with its last row at the bottom."""
        rows = self.rows[: self._height - 1]
        rows += [_BLANK] * (self._height - 1 - len(rows))
        targets = [target for target in self.targets if target.y < len(rows)]
        return WallPage((*rows, BlockRow(last)), tuple(targets))


def wall_page(view: WallView, width: int, height: int, notice: Line = ()) -> WallPage:
    """Return the page in `height` rows. The last row says how old the sources are; a notice stands at its end."""
    page = _PageRows(width, height)
    if width >= TWO_COLUMNS:
        _fill_two_columns(page, view, width, height)
    else:
        _fill_one_column(page, view, width, height)
    return page.page(last_row(view, width, notice))


def _fill_one_column(page: _PageRows, view: WallView, width: int, height: int) -> None:
    verdict = verdict_rows(view, width)
    is_wide = width >= WIDE
    wanted = heights(
        height,
        verdict=len(verdict),
        is_stale=view.is_stale,
        failing=failing_count(view, width),
        tasks=max(1, len(view.board.tasks)),
        is_wide=is_wide,
        has_deploy=bool(view.board.lines.deployments),
    )
    if len(verdict) == 1 and wanted.verdict >= MAX_LINES and verdict[0].band is Band.NONE:
        verdict = [_BLANK, *verdict]  # OK stands alone
    page.add(verdict, wanted.verdict + wanted.has_gap_above)
    page.add(_hour(view, HourForm(width, has_deploy=wanted.has_deploy)))
    page.add(() if not wanted.has_gaps else (_BLANK,))
    if wanted.failing:
        page.add(failing_block(view, width, wanted.failing), wanted.failing + 1 + wanted.has_gaps)
    if wanted.tasks:
        page.add(_tasks(view, width, wanted.tasks), wanted.tasks + 1)
    if wanted.foot:
        page.add((_BLANK,))
        _add_foot(page, view, width, wanted.foot)
    if wanted.has_just_now:
        page.add((_BLANK,))
        page.add(just_now_block(view, width))


def _hour(view: WallView, form: HourForm) -> list[BlockRow]:
    key = (view.block_key, form)
    return view.cache.rows("hour", view.board, key, lambda: hour_block(view, form))


def _tasks(view: WallView, width: int, most: int, *, is_timeline: bool = False) -> list[BlockRow]:
    key = (view.block_key, width, most, is_timeline)
    return view.cache.rows("tasks", view.board, key, lambda: tasks_block(view, width, most, is_timeline=is_timeline))


def _add_foot(page: _PageRows, view: WallView, width: int, rows: int) -> None:
    """Add due, longest and waiting beside each other."""
    second, third = width // 3, width * 82 // 120
    page.add_beside(
        (
            (0, second, due_block(view, second, rows)),
            (second, third - second, longest_block(view, third - second, rows)),
            (third, width - third, waiting_block(view, width - third, rows)),
        ),
        rows + 1,
    )


def _fill_two_columns(page: _PageRows, view: WallView, width: int, height: int) -> None:
    if height >= LETTERS_FROM_ROWS:
        page.add(letter_rows(view, width), LETTERS_HEIGHT + MAX_LINES)
    else:
        page.add(verdict_rows(view, width), MAX_LINES + 1 + view.is_stale)
    room = height - len(page.rows) - 1
    left_width = max(_LEFT_MIN, width * 3 // 5)
    wanted = column_heights(
        room,
        failing=failing_count(view, left_width),
        tasks=max(1, len(view.board.tasks)),
        has_deploy=bool(view.board.lines.deployments),
    )
    left, starts = _left_column(view, left_width, wanted)
    right = _right_column(view, width - left_width - 1, len(left), starts, wanted)
    hairline = [BlockRow((_joint(y, right),)) for y in range(len(left))]
    right_rows = [row for row, _ in right]
    page.add_beside(
        ((0, left_width, left), (left_width, 1, hairline), (left_width + 1, width - left_width - 1, right_rows)),
        len(left),
    )
    if wanted.has_just_now:
        page.add(just_now_block(view, width))


def _left_column(view: WallView, width: int, wanted: Heights) -> tuple[list[BlockRow], list[int]]:
    """Return the rows of the left column, and where its blocks begin."""
    form = HourForm(width, is_tall=wanted.is_tall, has_deploy=wanted.has_deploy)
    blocks = [
        (_hour(view, form), form.rows),
        (failing_block(view, width, wanted.failing), wanted.failing + 1),
        (_tasks(view, width, wanted.tasks, is_timeline=True), wanted.tasks + 1),
    ]
    if wanted.foot:
        blocks.append((longest_block(view, width, wanted.foot), wanted.foot + 1))
    rows: list[BlockRow] = []
    starts: list[int] = []
    for block, height in blocks:
        starts.append(len(rows))
        gap = 1 if wanted.has_gaps else 0
        rows += [*block[:height], *[_BLANK] * (height - len(block[:height]) + gap)]
    return rows, starts


def _right_column(
    view: WallView, width: int, height: int, starts: Sequence[int], wanted: Heights
) -> list[tuple[BlockRow, bool]]:
    """Return the rows of the right column, each with whether it is a rule. Blocks begin where left ones do."""
    rows: list[tuple[BlockRow, bool]] = [(_BLANK, False)] * height

    def place(y: int, block: Sequence[BlockRow]) -> int:
        for index, row in enumerate(block[: height - y]):
            rows[y + index] = (row, index == 0)
        return y + len(block) + 1

    hour, failing, tasks = starts[:3]
    has_day = tasks - failing > DAY_ROWS
    place(hour, newest_block(view, width, (failing if has_day else tasks) - hour - 1))
    if has_day:
        place(failing, day_block(view, width))
    end = height
    if wanted.foot:
        lowest = starts[3]
        place(lowest, waiting_block(view, width, wanted.foot, has_dash=False))
        due = lowest - wanted.foot - 2
        end = lowest
        if due - tasks > wanted.foot + 2:
            place(due, due_block(view, width, wanted.foot, has_dash=False))
            end = due
    place(tasks, queues_block(view, width, max(1, end - tasks - 2)))
    return rows


def _joint(y: int, right: Sequence[tuple[BlockRow, bool]]) -> Piece:
    sign = "┬" if y == 0 else "├" if right[y][1] else "│"
    return Piece(sign, Token.LINE)


def _targets(rows: Sequence[BlockRow], top: int, x: int, width: int) -> list[WallTarget]:
    return [
        WallTarget(top + y, x, x + width, row.key, row.opens)
        for y, row in enumerate(rows)
        if row.key is not None and row.opens is not None
    ]
