"""The page of the wall, for any width and height: in one column or two, the verdict in letters."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import Enum, auto
from itertools import accumulate
from typing import Final

from tui.domain.facts import FactSource
from tui.domain.finding import NOT_KNOWN, OK, Finding, FindingWord, QueueWaits, SubjectKind, Verdict
from tui.features.alerts import words as say
from tui.features.wall import rows as wall_rows
from tui.features.wall.blocks import (
    INDENT,
    NUMBER_ROWS,
    Band,
    BlockRow,
    Opened,
    WallPage,
    WallTarget,
    WallView,
    beside,
    big_number,
    big_word,
    last_row,
    old_words,
    row_of,
)
from tui.features.wall.rows import WIDE
from tui.kit.header_words import HeaderFacts, connection_state, environment_chip, project_words, split_queued
from tui.store.findings.board import Board, QueueRow
from tui.text import formatting
from tui.text.blocks import GoToRun, ListRuns
from tui.text.formatting import brief_duration, waited
from tui.text.styled import Line, Piece, Token, cut, fit, joined, line_width, wrap
from tui.text.table import REST, Spot, placed

# The header of the wall: environment, project, connection, version and its age, and the clock.
#
# Of the counts it has only what `Q` counts. The clock is bright, because a wall that hangs must be seen to hang.


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
        parts.append(project_words(facts.environment, facts.branch, () if width >= WIDE else ("organisation",)))
    if facts.is_read_only:
        parts.append((Piece("READ-ONLY", Token.BRIGHT, is_bold=True),))
    parts.append(joined(part for part in (state.head, state.remark) if part))
    if split := split_queued(facts.counts):
        parts.append((Piece(split, Token.MUTED),))
    if facts.is_slow_link:
        parts.append((Piece("slow", Token.MUTED),))
    room = width - line_width(clock) - 3
    chip = environment_chip(facts, is_colorless=is_colorless)
    line = cut((Piece(" "), *chip, Piece("  "), *joined(parts, _GAP)), room)
    for part in _versions(board, now, is_wide=width >= WIDE) if not facts.freshness.is_stale else ():
        if line_width(line) + len(_GAP) + line_width(part) <= room:
            line = (*line, Piece(_GAP), *part)
    return fit(placed((Spot("line", 0, REST), Spot("clock")), width - 1, {"line": line, "clock": clock}), width)


def _versions(board: Board | None, now: datetime, *, is_wide: bool) -> list[Line]:
    """Return the current version and its age, and on a wide wall who deployed it and the version before."""
    if board is None or board.facts.deployments is None or not board.facts.deployments.deployments:
        return []
    newest, *others = board.facts.deployments.deployments
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
    for before in others[:1]:
        stood = waited(newest.deployed_at - before.deployed_at, in_minutes=True)
        lines.append((Piece(f"before: {before.version} for {stood}", Token.FAINT),))
    return lines


# The findings of the wall: one line each, with a band behind the worst; and the one verdict in letters.


MIN_LINES: Final = 4
"""The rows that findings may have on the lowest wall. Higher ones have a row for each, in a third of the height."""

LETTERS_HEIGHT: Final = 9
"""The rows of the verdict in letters, with the empty ones above and below."""

_MARGIN: Final = 2
_LONG: Final = (Spot("long", 0, REST, gap=2), Spot("long since"))
_FINDINGS: Final[wall_rows.Layouts] = (
    (150, (Spot("word", 8, gap=2), Spot("name", 26), *_LONG)),
    (WIDE, (Spot("word", 8), Spot("name", 16), *_LONG)),
    (0, (Spot("word", 8), Spot("name", 15), Spot("short", 0, REST, gap=2), Spot("since"))),
)
"""The layouts of findings, by the width of the wall."""


def most_lines(height: int) -> int:
    """Return how many rows the findings may have on a wall of this height."""
    return max(MIN_LINES, height // 3)


def verdict_rows(view: WallView, width: int, most: int) -> list[BlockRow]:
    """Return the findings in at most that many lines, after NOT KNOWN where they are old."""
    verdict, word = view.verdict, view.word
    if word == OK:
        return [BlockRow(_ok_line(verdict, view, width), key=OK)]
    if word == NOT_KNOWN:
        unknown = _not_known(_unknown_words(view), width)._replace(band=Band.AMBER)
        return [unknown, *_finding_rows(verdict.findings, view, width, most, is_old=True)]
    unread = _unread_rows(view, width)
    return [*_finding_rows(verdict.findings, view, width, most - len(unread)), *unread]


def letter_rows(view: WallView, width: int, most: int) -> list[BlockRow]:
    """Return the verdict in letters, three numbers beside it, and the other findings below it."""
    word, findings = view.word, view.verdict.findings
    is_known = word != NOT_KNOWN
    first = findings[0] if is_known and findings else None
    token = Token.TEXT if word == OK else Token.AMBER if first is None else say.FINDING_TOKENS[first.word]
    band = Band.NONE if word == OK else Band.FAILING if word == FindingWord.FAILING else Band.AMBER
    if first is not None and first.identity in view.fresh:
        band = Band.NEW
    letters = big_word(word)
    at = max(3 + len(letters[0]) + 4, width * 46 // 100)
    parts: list[tuple[int, Sequence[Line]]] = [(at, [(), *((Piece(f"   {row}", token),) for row in letters)])]
    room = width - (60 if is_known else 0) - at
    parts.append((room, _subject(view, first, room - 2)))
    if is_known:
        parts += [(20, each) for each in _numbers(view)]
    shown = [BlockRow(line, band) for line in beside(parts, LETTERS_HEIGHT)]
    if first is not None:
        shown[1] = shown[1]._replace(key=("finding", first.identity), opens=_opened(first))
    others = _finding_rows(findings, view, width, most, is_old=not is_known, skips=first)
    return [*shown, *others, *(_unread_rows(view, width) if first is not None else ())]


def _finding_rows(
    findings: Sequence[Finding],
    view: WallView,
    width: int,
    most: int,
    *,
    is_old: bool = False,
    skips: Finding | None = None,
) -> list[BlockRow]:
    """Return a row for each finding but that in letters, and one that counts those without."""
    layout = wall_rows.layout_for(_FINDINGS, width)
    shown = say.fitting(findings, most if len(findings) <= most else most - 1)
    others = [each for each in findings if each not in shown]
    rows: list[BlockRow] = []
    bands = {} if is_old else {Token.ROSE: Band.FAILING, Token.AMBER: Band.AMBER}
    if skips is not None:
        bands.pop(Token.ROSE, None)
    for finding in shown:
        if finding is skips:
            continue
        band = bands.pop(say.FINDING_TOKENS[finding.word], Band.NONE)
        if finding.identity in view.fresh and not is_old:
            band = Band.NEW
        cells = say.finding_cells(finding, view.timers_at, view.now, is_old=is_old, is_frozen=is_old)
        line = placed(layout, width - 2 * _MARGIN, cells)
        rows.append(row_of(line, ("finding", finding.identity), _opened(finding))._replace(band=band))
    if others:
        pieces = [Piece(f"and {formatting.count(len(others))} more", Token.MUTED)]
        for word, count in Counter(finding.word for finding in others).items():
            token = Token.FAINT if is_old else say.FINDING_TOKENS[word]
            pieces += [Piece(f"   {word.value}", token), Piece(f" {formatting.count(count)}", Token.MUTED)]
        rows.append(row_of(tuple(pieces)))
    return rows


def _unread_rows(view: WallView, width: int) -> list[BlockRow]:
    """Return the row that says what is not known beside the findings, if anything is."""
    return [_not_known(say.unread_sentence(view.verdict, view.now), width)] if view.verdict.unread else []


def _ok_line(verdict: Verdict, view: WallView, width: int) -> Line:
    words, gap = _limits(verdict), "   "
    if not say.limit_words(verdict):
        words, gap = view.calm if width < WIDE else say.ok_sentence(verdict, view.now, view.calm), "       "
    head = INDENT, Piece("✓", Token.GREEN), Piece(f" {say.ok_words(verdict)}", Token.TEXT)
    return cut((*head, Piece(f"{gap}{words}", Token.MUTED)), width - _MARGIN)


def _limits(verdict: Verdict) -> str:
    """Return which sources the key may not read, or that not all runs are listed."""
    return "not " + ", ".join(source for source, _ in verdict.refused) if verdict.refused else say.CALM


def _not_known(text: str, width: int) -> BlockRow:
    return row_of(cut(say.not_known_line(text), width - 2 * _MARGIN))


def _unknown_words(view: WallView) -> str:
    verdict = view.verdict
    if view.heard_at is None:
        return say.UNHEARD
    if view.is_known and not (verdict.is_known and verdict.unread):
        return "the data is not evaluated yet"
    said = replace(verdict, is_known=view.is_known, heard_at=view.heard_at)
    return (say.not_known_sentence if verdict.findings else say.not_known_alone)(said, view.now)


def _opened(finding: Finding) -> Opened:
    if finding.subject.kind is SubjectKind.QUEUE:
        return ListRuns(finding.filter_text, queue=finding.subject.key)
    return ListRuns(finding.filter_text) if finding.run_id is None else GoToRun(finding.run_id)


def _subject(view: WallView, first: Finding | None, room: int) -> list[Line]:
    """Return the worst finding beside the letters: its name, its number, two to four lines about it."""
    verdict = view.verdict
    if first is not None:
        said = say.finding_words(first, view.timers_at, view.now)
        number = _big(said.number, Token.BRIGHT, view)
        begin = max(map(line_width, number)) + 2
        long, short = (_lines(text.removeprefix(said.number).strip(), room - begin) for text in (said.long, said.short))
        texts = (long if len(long) < NUMBER_ROWS else short)[: NUMBER_ROWS - 1]
        still = first.evidence.standstill if isinstance(first.evidence, QueueWaits) else None
        texts += [] if still else [say.since_words(first, view.now)]  # a pause begins at another time than a wait
        about: list[Line] = [()] * (NUMBER_ROWS - len(texts)) + [cut((Piece(text),), room - begin) for text in texts]
        name = cut((Piece(first.subject.name, Token.BRIGHT, is_bold=True),), room)
        return [(), name, (), *beside(((begin, number), (room - begin, about)), NUMBER_ROWS)]
    title, words = "", ""
    if view.word == NOT_KNOWN:
        words = _unknown_words(view)
        heard_at = None if view.is_known else view.heard_at
        title = NOT_KNOWN + ("" if heard_at is None else f" since {formatting.time_of_day(heard_at, view.now)}")
    else:
        limit = say.limit_words(verdict)
        words = f"{limit}; {_limits(verdict)}" if limit else say.ok_sentence(verdict, view.now, view.calm)
    texts = wrap(words.replace("; ", ";\n"), room) if len(words) > room else [words]
    head: list[Line] = [(), (Piece(title, Token.BRIGHT, is_bold=True),), (), ()]
    return [*head, *(cut((Piece(text),), room) for text in texts)]


def _lines(text: str, room: int) -> list[str]:
    parts = [text] if len(text) <= room else text.split(", ", 1)
    return [line for part in parts for line in wrap(part, room)]


def _big(text: str, token: Token, view: WallView) -> list[Line]:
    """Return the rows of a number in half blocks. In ASCII it is plain text."""
    rows = big_number(text)
    is_plain = view.look.is_ascii or not rows[0]
    return [(), (), (Piece(text, token, is_bold=True),), ()] if is_plain else [(Piece(row, token),) for row in rows]


def _numbers(view: WallView) -> list[list[Line]]:
    """Return the three numbers beside the verdict."""
    lines, queues = view.board.lines, view.board.queues
    minutes = lines.span.cell.total_seconds() / 60 * lines.span.count
    usual = lines.done.normal / minutes if lines.done.normal is not None else None
    oldest = max((_waits(view, row) for row in queues), key=lambda each: each[0], default=(-1.0, ""))
    is_waiting = bool(lines.queued.is_abnormal) and lines.queued.is_abnormal[-1]
    level = Token.AMBER if is_waiting else Token.TEXT
    # Whether it is known of each queue that no run waits in it. A paused queue does not count.
    nothing_waits = bool(queues) and all(row.is_paused or row.queued == 0 for row in queues)
    numbers = (
        ("done/min", wall_rows.whole_text(lines.done.now), Token.TEXT, usual),
        ("queued", wall_rows.whole_text(lines.queued.now), level, lines.queued.normal),
        ("oldest wait", oldest[1] or ("0s" if nothing_waits else ""), level, None),
    )
    return [
        [
            (),
            (Piece(title, Token.MUTED),),
            (),
            *_big(text or formatting.NONE, token if text else Token.FAINT, view),
            () if normal is None else (Piece(f"normal {formatting.count(round(normal))}", Token.MUTED),),
        ]
        for title, text, token, normal in numbers
    ]


def _waits(view: WallView, row: QueueRow) -> tuple[float, str]:
    if row.is_paused or row.oldest_at is None or not row.queued:
        return -1.0, ""
    lasts, text = view.timers_at - row.oldest_at, view.waited(row.oldest_at)
    # Three signs at most fit in their place; hours need no minutes here.
    return lasts.total_seconds(), text if len(text) <= 3 else brief_duration(lasts).partition("h")[0] + "h"


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
"""The most rows of a block from this step on."""

_ROOMY: Final = 20
"""On a wall with at least this many rows, OK stands alone."""


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


def _steps(view: WallView, width: int, *, is_one_column: bool) -> tuple[Step, ...]:
    failing = max(1, len(wall_rows.shown_groups(view.failing, width)) + bool(view.failing.unread_count))
    tasks, below, has_deploy = max(1, len(view.board.tasks)), width >= WIDE, bool(view.board.lines.deployments)
    return (
        ("failing", 2, Give.SOME),
        ("tasks", 2, Give.SOME),
        ("deploy", has_deploy, Give.WHOLE),
        ("gap above", is_one_column, Give.WHOLE),
        ("failing", min(failing, 3) + 1, Give.SOME),
        ("tasks", min(tasks, 4) + 1, Give.SOME),
        ("gaps", 2, Give.WHOLE),
        ("tasks", min(tasks, 5) + 1 if is_one_column else 0, Give.SOME),
        ("failing", min(failing, 8) + 1, Give.SOME),
        ("tasks", min(tasks, 8) + 1 if is_one_column else 0, Give.SOME),
        ("foot", 5 * below, Give.WHOLE),  # due, longest and waiting, with their rule and an empty row
        ("last gap", 1, Give.WHOLE),
        ("just now", 0 if is_one_column else 3, Give.WHOLE),
        ("tasks", tasks + 1, Give.SOME),
        ("failing", failing + 1, Give.SOME),
        ("foot", 8, Give.MORE),
        ("just now", 3 * below if is_one_column else 0, Give.WHOLE),
    )


# The page of the wall below its header, for any width and height: in one column or two, the verdict in letters.


TWO_COLUMNS: Final = 180
"""A wall of at least this width has a right column."""

LETTERS_FROM_ROWS: Final = 50
"""A wide wall with at least this many rows has its verdict in large letters."""

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
    verdict = verdict_rows(view, width, most_lines(height))
    if len(verdict) == 1 and height >= _ROOMY and verdict[0].band is Band.NONE:
        verdict = [_BLANK, *verdict]  # OK stands alone
    rows = given_rows(
        height - 1 - len(verdict) - wall_rows.HourForm(width).rows, _steps(view, width, is_one_column=True)
    )
    gap = 1 if rows["gaps"] else 0
    form = wall_rows.HourForm(width, has_deploy=bool(rows["deploy"]))
    page.add(len(verdict) + rows["gap above"], (width, verdict))
    page.add(form.rows + gap, (width, wall_rows.hour_block(view, form)))
    if rows["failing"] > 1:
        page.add(rows["failing"] + gap, (width, wall_rows.failing_block(view, width, rows["failing"] - 1)))
    if rows["foot"] or rows["just now"]:
        rows["tasks"] += rows["left"]  # these stand at the bottom
    if rows["tasks"] > 1:
        page.add(rows["tasks"], (width, wall_rows.tasks_block(view, width, rows["tasks"] - 1)))
    if rows["foot"]:
        page.add(1, (width, ()))
        most, second, third = rows["foot"] - 2, width // 3, width * 82 // 120
        due = second, wall_rows.due_block(view, second, most)
        longest = third - second, wall_rows.longest_block(view, third - second, most)
        page.add(most + 1, due, longest, (width - third, wall_rows.waiting_block(view, width - third, most)))
    if rows["just now"]:
        page.add(1, (width, ()))
        page.add(2, (width, wall_rows.just_now_block(view, width)))


def _fill_two_columns(page: _PageRows, view: WallView, width: int, height: int) -> None:
    verdict = (letter_rows if height >= LETTERS_FROM_ROWS else verdict_rows)(view, width, most_lines(height))
    page.add(len(verdict) + 1, (width, verdict))
    room, left_width = height - len(page.rows) - 1, max(120, width * 3 // 5)
    form = wall_rows.HourForm(left_width, is_tall=room >= 30)
    rows = given_rows(room - form.rows, _steps(view, left_width, is_one_column=False))
    form = form._replace(has_deploy=bool(rows["deploy"]))
    failing, tasks, foot = rows["failing"] - 1, max(0, rows["tasks"] + rows["left"] - 1), max(0, rows["foot"] - 2)
    blocks = [
        (form.rows, wall_rows.hour_block(view, form)),
        (failing + 1, wall_rows.failing_block(view, left_width, failing)),
        (tasks + 1, wall_rows.tasks_block(view, left_width, tasks, is_timeline=True)),
        *([(foot + 1, wall_rows.longest_block(view, left_width, foot))] if foot else []),
    ]
    *starts, end = accumulate((size + bool(rows["gaps"]) for size, _ in blocks), initial=0)
    left = {y: block[:size] for y, (size, block) in zip(starts, blocks, strict=True)}
    right = _right_blocks(view, width - left_width - 1, end, starts, foot)
    joints = ("┬" if y == 0 else "├" if y in right else "│" for y in range(end))
    hairline = [BlockRow((Piece(joint, Token.LINE),)) for joint in joints]
    page.add(end, (left_width, _column(left, end)), (1, hairline), (width - left_width - 1, _column(right, end)))
    if rows["just now"]:
        page.add(2, (width, wall_rows.just_now_block(view, width)))


def _column(blocks: Mapping[int, Sequence[BlockRow]], height: int) -> list[BlockRow]:
    """Return the rows of blocks by the row in which each begins."""
    rows = [_BLANK] * height
    for y, block in blocks.items():
        rows[y : min(y + len(block), height)] = block[: max(0, height - y)]
    return rows


def _right_blocks(
    view: WallView, width: int, height: int, starts: Sequence[int], foot: int
) -> dict[int, list[BlockRow]]:
    """Return the blocks of the right column by the row in which each begins: most where left ones do."""
    hour, failing, tasks, end = *starts[:3], starts[3] if foot else height
    has_day = tasks - failing > wall_rows.DAY_ROWS
    blocks = {hour: wall_rows.newest_block(view, width, (failing if has_day else tasks) - hour - 1)}
    if has_day:
        blocks[failing] = wall_rows.day_block(view, width)
    if foot:
        blocks[end] = wall_rows.waiting_block(view, width, foot, has_dash=False)
        if (due := end - foot - 2) - tasks > foot + 2:
            blocks[due] = wall_rows.due_block(view, width, foot, has_dash=False)
            end = due
    return {**blocks, tasks: wall_rows.queues_block(view, width, max(1, end - tasks - 2))}
