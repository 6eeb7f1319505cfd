"""The page of the wall, for any width and height: in one column or two, the verdict in letters."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from tui.domain.facts import FactSource
from tui.features.wall.blocks import Band, BlockRow, PlacedLine, WallPage, WallTarget, WallView, last_row, old_words
from tui.features.wall.findings import LETTERS_HEIGHT, MAX_LINES, WIDE, HourForm, hour_block, letter_rows, verdict_rows
from tui.features.wall.rows import (
    DAY_ROWS,
    day_block,
    due_block,
    failing_block,
    failing_count,
    just_now_block,
    longest_block,
    newest_block,
    queues_block,
    tasks_block,
    waiting_block,
)
from tui.kit.header_words import HeaderFacts, connection_state, environment_chip, project_words
from tui.lazy_dataclass import dataclass
from tui.store.findings.rows import Board
from tui.text import formatting
from tui.text.formatting import waited
from tui.text.styled import Line, Piece, Token, cut, fit, joined, line_width

# The header of the wall: environment, project, connection, version and its age, and the clock.
#
# It has no counts: the blocks have them. The clock is bright, because a wall that hangs must be seen to hang.


WIDE_HEADER: Final = 110
_GAP: Final = "   "


def wall_header(
    facts: HeaderFacts, board: Board | None, width: int, *, is_colorless: bool = False, offline: str = "○"
) -> Line:
    """Return the line in exactly `width` cells. Parts that do not fit go from the right, the clock last."""
    now = facts.at
    clock: Line = (Piece(f"{formatting.time_of_day(now, now)} {formatting.zone_name(now)}", Token.BRIGHT),)
    state = connection_state(facts, offline)
    parts: list[Line] = []
    if facts.environment is not None:
        parts.append(project_words(facts.environment, facts.branch, ()))
    if facts.is_read_only:
        parts.append((Piece("READ-ONLY", Token.BRIGHT, is_bold=True),))
    parts.append(joined(part for part in (state.head, state.remark) if part))
    if facts.is_slow_link:
        parts.append((Piece("slow", Token.MUTED),))
    room = width - line_width(clock) - 3
    chip = environment_chip(facts, is_colorless=is_colorless)
    line = cut((Piece(" "), *chip, Piece("  "), *joined(parts, _GAP)), room)
    for part in _versions(board, now, is_wide=width >= WIDE_HEADER) if not facts.freshness.is_stale else ():
        if line_width(line) + len(_GAP) + line_width(part) <= room:
            line = (*line, Piece(_GAP), *part)
    row = PlacedLine()
    row.put(0, line)
    row.right(width - 1, clock)
    return row.line(width)


def _versions(board: Board | None, now: datetime, *, is_wide: bool) -> list[Line]:
    """Return the current version and its age, and on a wide wall who deployed it and the version before."""
    if board is None or board.deployed is None:
        return []
    newest, before = board.deployed, board.deployed_before
    old = old_words(board.ages, now, (FactSource.DEPLOYMENTS,))
    aged: list[Line] = [(Piece(old, Token.AMBER),)] if old else []
    lasts = waited(now - newest.deployed_at, in_minutes=True)  # the header shows no seconds
    if not is_wide:
        return [(Piece(f"{newest.version} for ", Token.FAINT), Piece(lasts, Token.MUTED)), *aged]
    by = f" by {newest.by}" if newest.by else ""
    commit = f", {newest.commit[:7]}" if newest.commit else ""
    lines: list[Line] = [
        (Piece(newest.version, Token.TEXT), Piece(f"  deployed {lasts} ago{by}{commit}", Token.FAINT)),
        *aged,
    ]
    if before is not None:
        stood = waited(newest.deployed_at - before.deployed_at, in_minutes=True)
        lines.append((Piece(f"before it {before.version}, {stood}", Token.FAINT),))
    return lines


# How many rows each block of the wall gets.
#
# The most important blocks get rows first. Dropped when rows are short, in this order: just now, waiting, longest, due,
# tasks from the bottom, failing from the bottom. Findings, the four series and the ages always stand.


HOUR: Final = 5
"""The rows of the four series in one row each, with their rule."""

TALL_HOUR: Final = 9
_USUAL_FAILING: Final = 3
_MAX_FAILING: Final = 8
_FEW_TASKS: Final = 4
_ENOUGH_TASKS: Final = 8
_FOOT: Final = 3
_MAX_FOOT: Final = 6
_ROOMY: Final = 20
"""From so many rows on, the findings keep the rows that they do not use, so that nothing jumps."""


@dataclass(frozen=True, slots=True)
class Heights:
    """The rows of each block without its rule. `foot`: those of due, longest and waiting; 0: they are not shown."""

    verdict: int
    failing: int
    tasks: int
    foot: int = 0
    has_deploy: bool = False
    has_gap_above: bool = False
    has_gaps: bool = False
    has_just_now: bool = False
    is_tall: bool = False


class _Rows:
    """The rows that are still to be given out."""

    def __init__(self, count: int) -> None:
        self.left = max(0, count)

    def take(self, wanted: int) -> int:
        """Take as many as there are, up to `wanted`."""
        taken = max(0, min(wanted, self.left))
        self.left -= taken
        return taken

    def take_all(self, wanted: int) -> bool:
        """Take so many, or none. Return whether they were taken."""
        if self.left < wanted:
            return False
        self.left -= wanted
        return True


def heights(
    rows: int, *, verdict: int, is_stale: bool, failing: int, tasks: int, is_wide: bool, has_deploy: bool
) -> Heights:
    """Return the rows of the blocks of a wall in one column. `rows` are all below the header.

    `verdict`, `failing` and `tasks` are how many rows these would fill.
    """
    reserved = max(verdict, MAX_LINES + is_stale if rows >= _ROOMY else 0)
    free = _Rows(rows - 1 - reserved - HOUR)
    failing_rows = free.take(2) - 1
    task_rows = free.take(2) - 1
    has_gap_above = free.take_all(1)
    usual = _USUAL_FAILING if rows >= _ROOMY else min(failing, _USUAL_FAILING)
    failing_rows += free.take(usual - failing_rows)
    task_rows += free.take(min(tasks, _FEW_TASKS) - task_rows)
    has_gaps = free.take_all(2)
    task_rows += free.take(min(tasks, _FEW_TASKS + 1) - task_rows)
    has_deploy = has_deploy and free.take_all(1)
    failing_rows += free.take(min(failing, _MAX_FAILING) - failing_rows)
    task_rows += free.take(min(tasks, _ENOUGH_TASKS) - task_rows)
    foot = _FOOT if is_wide and free.take_all(_FOOT + 2) else 0
    free.take_all(1)  # the last gap
    task_rows += free.take(tasks - task_rows)
    if foot:
        foot += free.take(_MAX_FOOT - _FOOT)
    has_just_now = is_wide and free.take_all(3)
    task_rows += free.left if foot or has_just_now else 0  # these stand at the bottom
    return Heights(
        reserved, max(0, failing_rows), max(0, task_rows), foot, has_deploy, has_gap_above, has_gaps, has_just_now
    )


def column_heights(rows: int, *, failing: int, tasks: int, has_deploy: bool) -> Heights:
    """Return the rows of the left of two columns, which begin below the findings and end above the last row."""
    is_tall = rows >= 30
    free = _Rows(rows - (TALL_HOUR if is_tall else HOUR))
    failing_rows = free.take(2) - 1
    task_rows = free.take(2) - 1
    has_gaps = free.take_all(2)
    failing_rows += free.take(_USUAL_FAILING - 1)
    task_rows += free.take(min(tasks, _FEW_TASKS) - task_rows)
    has_deploy = has_deploy and free.take_all(1)
    failing_rows += free.take(min(failing, _MAX_FAILING) - failing_rows)
    foot = _FOOT if free.take_all(_FOOT + 2) else 0
    has_just_now = free.left >= 4 and free.take_all(3)
    free.take_all(1)  # the last gap
    task_rows += free.take(tasks - task_rows)
    if foot:
        foot += free.take(_MAX_FOOT - _FOOT)
    task_rows += free.left  # the others stand at the bottom
    failing_rows, task_rows = max(0, failing_rows), max(0, task_rows)
    return Heights(0, failing_rows, task_rows, foot, has_deploy, False, has_gaps, has_just_now, is_tall)


# The page of the wall below its header, for any width and height: in one column or two, the verdict in letters.


TWO_COLUMNS: Final = 180
"""From this width on there is a right column."""

LETTERS_FROM_ROWS: Final = 50
"""From so many rows on, a wide wall has its verdict in letters."""

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
    wanted = heights(
        height,
        verdict=len(verdict),
        is_stale=view.is_stale,
        failing=failing_count(view, width),
        tasks=max(1, len(view.board.tasks)),
        is_wide=width >= WIDE,
        has_deploy=bool(view.board.lines.deployments),
    )
    if len(verdict) == 1 and wanted.verdict >= MAX_LINES and verdict[0].band is Band.NONE:
        verdict = [_BLANK, *verdict]  # OK stands alone
    page.add(verdict, wanted.verdict + wanted.has_gap_above)
    page.add(_hour(view, HourForm(width, has_deploy=wanted.has_deploy)))
    page.add((_BLANK,) * wanted.has_gaps)
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
    return view.cache.rows("hour", view.board, (view.block_key, form), lambda: hour_block(view, form))


def _tasks(view: WallView, width: int, most: int, *, is_timeline: bool = False) -> list[BlockRow]:
    key = (view.block_key, width, most, is_timeline)
    return view.cache.rows("tasks", view.board, key, lambda: tasks_block(view, width, most, is_timeline=is_timeline))


def _add_foot(page: _PageRows, view: WallView, width: int, rows: int) -> None:
    """Add due, longest and waiting beside each other."""
    second, third = width // 3, width * 82 // 120
    due = (0, second, due_block(view, second, rows))
    longest = (second, third - second, longest_block(view, third - second, rows))
    page.add_beside((due, longest, (third, width - third, waiting_block(view, width - third, rows))), rows + 1)


def _fill_two_columns(page: _PageRows, view: WallView, width: int, height: int) -> None:
    if height >= LETTERS_FROM_ROWS:
        page.add(letter_rows(view, width), LETTERS_HEIGHT + MAX_LINES)
    else:
        page.add(verdict_rows(view, width), MAX_LINES + 1 + view.is_stale)
    room = height - len(page.rows) - 1
    left_width = max(120, width * 3 // 5)
    failing, tasks = failing_count(view, left_width), max(1, len(view.board.tasks))
    wanted = column_heights(room, failing=failing, tasks=tasks, has_deploy=bool(view.board.lines.deployments))
    left, starts = _left_column(view, left_width, wanted)
    right = _right_column(view, width - left_width - 1, len(left), starts, wanted)
    joints = ("┬" if y == 0 else "├" if is_rule else "│" for y, (_, is_rule) in enumerate(right))
    hairline = [BlockRow((Piece(joint, Token.LINE),)) for joint in joints]
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


def _targets(rows: Sequence[BlockRow], top: int, x: int, width: int) -> list[WallTarget]:
    return [
        WallTarget(top + y, x, x + width, row.key, row.opens)
        for y, row in enumerate(rows)
        if row.key is not None and row.opens is not None
    ]
