"""The page of the wall, for any width and height: in one column or two, the verdict in letters."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from enum import Enum, auto
from typing import Final

from tui.domain.facts import FactSource
from tui.features.wall.blocks import Band, BlockRow, PlacedLine, WallPage, WallTarget, WallView, last_row, old_words
from tui.features.wall.findings import (
    LETTERS_HEIGHT,
    MAX_LINES,
    WIDE,
    HourForm,
    beside,
    hour_block,
    letter_rows,
    verdict_rows,
)
from tui.features.wall.rows import (
    DAY_ROWS,
    day_block,
    due_block,
    failing_block,
    just_now_block,
    longest_block,
    newest_block,
    queues_block,
    shown_groups,
    tasks_block,
    waiting_block,
)
from tui.kit.header_words import HeaderFacts, connection_state, environment_chip, project_words
from tui.store.findings.rows import Board
from tui.text import formatting
from tui.text.formatting import waited
from tui.text.styled import Line, Piece, Token, cut, joined, line_width

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
    old = old_words(WallView(board, now), FactSource.DEPLOYMENTS)
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


# How many rows each block of the wall gets, with its rule.
#
# The most important blocks get rows first. Dropped when rows are short, in this order: just now, waiting, longest, due,
# tasks from the bottom, failing from the bottom. Findings, the four series and the ages always stand.


class Give(Enum):
    """How a step gives rows to a block: as many as there are, all of them or none, or more only where it has some."""

    SOME = auto()
    WHOLE = auto()
    MORE = auto()


Step = tuple[str, int, Give]
"""A block has up to so many rows from this step on."""

_USUAL_FAILING: Final = 3
_MAX_FAILING: Final = 8
_FEW_TASKS: Final = 4
_ENOUGH_TASKS: Final = 8
_FOOT: Final = 5
_MAX_FOOT: Final = 8
"""The rows of due, longest and waiting, with their rule and an empty one."""

_ROOMY: Final = 20
"""From so many rows on, the findings keep the rows that they do not use, so that nothing jumps."""


def given_rows(rows: int, steps: Sequence[Step]) -> Counter[str]:
    """Return the rows that each block gets, and those that are `left`."""
    given = Counter(left=max(0, rows))
    for block, wanted, give in steps:
        more = max(0, wanted - given[block])
        if (give is Give.WHOLE and more > given["left"]) or (give is Give.MORE and not given[block]):
            continue
        given[block] += min(more, given["left"])
        given["left"] -= min(more, given["left"])
    return given


def _steps(view: WallView, width: int, rows: int, *, is_one_column: bool) -> tuple[Step, ...]:
    failing = max(1, len(shown_groups(view.failing, width)))
    tasks, has_deploy = max(1, len(view.board.tasks)), bool(view.board.lines.deployments)
    usual = _USUAL_FAILING if rows >= _ROOMY or not is_one_column else min(failing, _USUAL_FAILING)
    below = width >= WIDE
    return (
        ("failing", 2, Give.SOME),
        ("tasks", 2, Give.SOME),
        ("gap above", is_one_column, Give.WHOLE),
        ("failing", usual + 1, Give.SOME),
        ("tasks", min(tasks, _FEW_TASKS) + 1, Give.SOME),
        ("gaps", 2, Give.WHOLE),
        ("tasks", min(tasks, _FEW_TASKS + 1) + 1 if is_one_column else 0, Give.SOME),
        ("deploy", has_deploy, Give.WHOLE),
        ("failing", min(failing, _MAX_FAILING) + 1, Give.SOME),
        ("tasks", min(tasks, _ENOUGH_TASKS) + 1 if is_one_column else 0, Give.SOME),
        ("foot", _FOOT * below, Give.WHOLE),
        ("last gap", 1, Give.WHOLE),
        ("just now", 0 if is_one_column else 3, Give.WHOLE),
        ("tasks", tasks + 1, Give.SOME),
        ("foot", _MAX_FOOT, Give.MORE),
        ("just now", 3 * below if is_one_column else 0, Give.WHOLE),
    )


# The page of the wall below its header, for any width and height: in one column or two, the verdict in letters.


TWO_COLUMNS: Final = 180
"""From this width on there is a right column."""

LETTERS_FROM_ROWS: Final = 50
"""From so many rows on, a wide wall has its verdict in letters."""

_BLANK: Final = BlockRow()
Part = tuple[int, Sequence[BlockRow]]
"""The width of a block, and its rows."""


class _PageRows:
    """Collects rows from top to bottom, and the places of the cursor."""

    def __init__(self) -> None:
        self.rows: list[BlockRow] = []
        self.targets: list[WallTarget] = []

    def add(self, height: int, *parts: Part) -> None:
        """Add blocks that stand beside each other, filled up or cut to a height."""
        top, x = len(self.rows), 0
        for width, rows in parts:
            self.targets += [
                WallTarget(top + y, x, x + width, row.key, row.opens)
                for y, row in enumerate(rows[:height])
                if row.key is not None and row.opens is not None
            ]
            x += width
        lines = beside([(width, [row.line for row in rows]) for width, rows in parts], height)
        bands = [row.band for row in parts[0][1]]
        self.rows += map(BlockRow, lines, [*bands, *[Band.NONE] * height])


def wall_page(view: WallView, width: int, height: int, notice: Line = ()) -> WallPage:
    """Return the page in `height` rows. The last row says how old the sources are; a notice stands at its end."""
    page = _PageRows()
    fill = _fill_two_columns if width >= TWO_COLUMNS else _fill_one_column
    fill(page, view, width, height)
    page.add(max(0, height - 1 - len(page.rows)), (width, ()))
    targets = tuple(target for target in page.targets if target.y < height - 1)
    return WallPage((*page.rows[: height - 1], BlockRow(last_row(view, width, notice))), targets)


def _fill_one_column(page: _PageRows, view: WallView, width: int, height: int) -> None:
    verdict = verdict_rows(view, width)
    reserved = max(len(verdict), MAX_LINES + view.is_stale if height >= _ROOMY else 0)
    rows = given_rows(height - 1 - reserved - HourForm(width).rows, _steps(view, width, height, is_one_column=True))
    if len(verdict) == 1 and reserved >= MAX_LINES and verdict[0].band is Band.NONE:
        verdict = [_BLANK, *verdict]  # OK stands alone
    gap = 1 if rows["gaps"] else 0
    form = HourForm(width, has_deploy=bool(rows["deploy"]))
    page.add(reserved + rows["gap above"], (width, verdict))
    page.add(form.rows + gap, (width, hour_block(view, form)))
    if rows["failing"] > 1:
        page.add(rows["failing"] + gap, (width, failing_block(view, width, rows["failing"] - 1)))
    if rows["foot"] or rows["just now"]:
        rows["tasks"] += rows["left"]  # these stand at the bottom
    if rows["tasks"] > 1:
        page.add(rows["tasks"], (width, tasks_block(view, width, rows["tasks"] - 1)))
    if rows["foot"]:
        page.add(1, (width, ()))
        most, second, third = rows["foot"] - 2, width // 3, width * 82 // 120
        due = second, due_block(view, second, most)
        longest = third - second, longest_block(view, third - second, most)
        page.add(most + 1, due, longest, (width - third, waiting_block(view, width - third, most)))
    if rows["just now"]:
        page.add(1, (width, ()))
        page.add(2, (width, just_now_block(view, width)))


def _fill_two_columns(page: _PageRows, view: WallView, width: int, height: int) -> None:
    if height >= LETTERS_FROM_ROWS:
        page.add(LETTERS_HEIGHT + MAX_LINES, (width, letter_rows(view, width)))
    else:
        page.add(MAX_LINES + 1 + view.is_stale, (width, verdict_rows(view, width)))
    room, left_width = height - len(page.rows) - 1, max(120, width * 3 // 5)
    form = HourForm(left_width, is_tall=room >= 30)
    rows = given_rows(room - form.rows, _steps(view, left_width, height, is_one_column=False))
    form = form._replace(has_deploy=bool(rows["deploy"]))
    failing, tasks, foot = rows["failing"] - 1, max(0, rows["tasks"] + rows["left"] - 1), max(0, rows["foot"] - 2)
    blocks = [
        (form.rows, hour_block(view, form)),
        (failing + 1, failing_block(view, left_width, failing)),
        (tasks + 1, tasks_block(view, left_width, tasks, is_timeline=True)),
    ]
    if foot:
        blocks.append((foot + 1, longest_block(view, left_width, foot)))
    left, starts = list[BlockRow](), list[int]()
    for size, block in blocks:
        starts.append(len(left))
        left += [*block[:size], *[_BLANK] * (size - len(block[:size]) + bool(rows["gaps"]))]
    right = _right_column(view, width - left_width - 1, len(left), starts, foot)
    joints = ("┬" if y == 0 else "├" if is_rule else "│" for y, (_, is_rule) in enumerate(right))
    hairline = [BlockRow((Piece(joint, Token.LINE),)) for joint in joints]
    page.add(len(left), (left_width, left), (1, hairline), (width - left_width - 1, [row for row, _ in right]))
    if rows["just now"]:
        page.add(2, (width, just_now_block(view, width)))


def _right_column(
    view: WallView, width: int, height: int, starts: Sequence[int], foot: int
) -> list[tuple[BlockRow, bool]]:
    """Return the rows of the right column, each with whether it is a rule. Blocks begin where left ones do."""
    rows: list[tuple[BlockRow, bool]] = [(_BLANK, False)] * height

    def place(y: int, block: Sequence[BlockRow]) -> None:
        for index, row in enumerate(block[: height - y]):
            rows[y + index] = (row, index == 0)

    hour, failing, tasks = starts[:3]
    has_day = tasks - failing > DAY_ROWS
    place(hour, newest_block(view, width, (failing if has_day else tasks) - hour - 1))
    if has_day:
        place(failing, day_block(view, width))
    end = height
    if foot:
        end = starts[3]
        place(end, waiting_block(view, width, foot, has_dash=False))
        due = end - foot - 2
        if due - tasks > foot + 2:
            place(due, due_block(view, width, foot, has_dash=False))
            end = due
    place(tasks, queues_block(view, width, max(1, end - tasks - 2)))
    return rows
