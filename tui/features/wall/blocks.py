"""The parts of the wall: rows with their target of Enter, in blocks with rules, bars, letters and ages."""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Final, NamedTuple, TypeVar

from tui.domain.facts import FactSource, age_shown
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.features.alerts.words import LISTED, listed_counts, own_counts, refused_words
from tui.kit.footer import KeyWord, key_words
from tui.lazy_dataclass import dataclass
from tui.store.findings.counts import Cells
from tui.store.findings.rows import Board, BoardSpan, FailingNow, FourLines, SourceAge
from tui.text import formatting
from tui.text.blocks import GoToRun, ListRuns, key_of
from tui.text.formatting import waited
from tui.text.status import NO_BAR
from tui.text.styled import Line, Piece, Token, cut, fit, joined, line_width, pad

T = TypeVar("T")

# The abilities of the terminal that change which characters stand for a value.


class WallLook(NamedTuple):
    """`is_ascii`: only ASCII characters. `is_colorless`: shapes must stand for colours."""

    is_ascii: bool = False
    is_colorless: bool = False


# `PlacedLine`: a line whose parts have fixed places, from left to right.


class PlacedLine:
    """Collects parts of a line. The gaps between them are filled with one character."""

    def __init__(self, fill: str = " ", token: Token = Token.TEXT) -> None:
        self._pieces: Line = ()
        self.width = 0
        """The cells that are taken so far."""
        self._fill, self._token = fill, token

    def put(self, x: int, line: Line, room: int | None = None) -> None:
        """Put a part at cell `x`, cut to `room` cells. A part that reaches beyond `x` is cut before it."""
        if room is not None:
            line = cut(line, max(0, room))
        if self.width > x:
            self._pieces = pad(cut(self._pieces, max(0, x - 1)), x)
        elif self.width < x:
            self._pieces = (*self._pieces, Piece(self._fill * (x - self.width), self._token))
        self._pieces = (*self._pieces, *line)
        self.width = x + line_width(line)

    def right(self, end: int, line: Line) -> None:
        """Put a part so that it ends before cell `end`."""
        self.put(max(0, end - line_width(line)), line)

    def line(self, width: int) -> Line:
        """Return the line in exactly `width` cells."""
        if self.width < width:
            self.put(width, ())
        return fit(self._pieces, width)


# The parts of the wall: rows, each with its target of Enter, in blocks that stand below and beside each other.


class Band(StrEnum):
    """The background of a row: none, or the colour of the worst finding, of an amber one, of a new one."""

    NONE = "none"
    FAILING = "failing"
    AMBER = "amber"
    NEW = "new"


Opened = ListRuns | GoToRun


class BlockRow(NamedTuple):
    """A row of a block. `key` identifies its subject from one board to the next; None: the cursor passes it."""

    line: Line = ()
    band: Band = Band.NONE
    key: Hashable = None
    opens: Opened | None = None


class WallTarget(NamedTuple):
    """Where the cursor may stand: row `y`, from cell `left` to `right`."""

    y: int
    left: int
    right: int
    key: Hashable
    opens: Opened


class WallPage(NamedTuple):
    """All rows of the wall below its header, and the places of the cursor, from top to bottom."""

    rows: tuple[BlockRow, ...]
    targets: tuple[WallTarget, ...] = ()


class BlockCache:
    """Keeps the rows of blocks that depend on the board alone: a tick makes them again only for another board."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Board, Hashable, list[BlockRow]]] = {}

    def rows(self, name: str, board: Board, key: Hashable, make: Callable[[], list[BlockRow]]) -> list[BlockRow]:
        """Return the rows of a block: those of the last call, if the board is the same object and the key is equal."""
        kept = self._kept.get(name)
        if kept is None or kept[0] is not board or kept[1] != key:
            kept = self._kept[name] = board, key, make()
        return kept[2]


@dataclass(frozen=True, slots=True)
class WallView:
    """Everything that the wall shows.

    * `now`: the server's time, in the zone of the screen.
    * `heard_at`: when list or feed answered last, None before the first answer.
    * `is_known`: that is not too long ago.
    * `newest`: the newest failed run. `day`: the last 24 hours in cells of 20 minutes; None: not read.
    * `spent`: the part of the request limit that everybody has spent, from 0 to 1; None: not known.
    * `fresh`: the identities of findings that are new on the screen.
    * `is_earlier`: the shown time has ended.
    """

    board: Board
    now: datetime
    look: WallLook = field(default_factory=WallLook)
    failing: FailingNow = field(default_factory=FailingNow)
    heard_at: datetime | None = None
    is_known: bool = False
    newest: Run | None = None
    day: FourLines | None = None
    spent: float | None = None
    fresh: frozenset[Hashable] = frozenset()
    is_earlier: bool = False
    is_slow_link: bool = False
    cache: BlockCache = field(default_factory=BlockCache)

    @property
    def is_stale(self) -> bool:
        """Whether the last answer is too old."""
        return self.heard_at is not None and not self.is_known

    @property
    def block_key(self) -> Hashable:
        """What decides how a block looks that depends on the board, beside the board itself."""
        minute = self.now.replace(second=0, microsecond=0)
        return self.look, self.is_known, self.heard_at is None, self.is_earlier, minute

    @property
    def timers_at(self) -> datetime:
        """The time of running durations: they stand still while the server is silent."""
        return self.heard_at if self.is_stale and self.heard_at is not None else self.now

    def since(self, at: datetime) -> timedelta:
        """Return for how long something lasts."""
        return max(timedelta(), self.timers_at - at)


def run_target(run_id: RunId | None, filter_text: str) -> Opened:
    """Return the target of a row about one run: the run, or the runs of a filter if it is not known."""
    return ListRuns(filter_text) if run_id is None else GoToRun(run_id)


# The rules of the wall: a title, marks of time, titles of figures, and a text at the right end.


_STEPS: Final = (5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)
"""The minutes between marks of time."""

_MIN_MARK_CELLS: Final = 12
_MARK_CELLS: Final = len("┬00:00 ")
STALE: Final = "STALE"


class TimeMark(NamedTuple):
    """A mark of time at a cell of the rule."""

    x: int
    text: str


def block_rule(
    title: Line,
    width: int,
    look: WallLook,
    *,
    marks: Sequence[TimeMark] = (),
    heads: Sequence[tuple[int, str]] = (),
    right: Line = (),
    is_stale: bool = False,
    has_dash: bool = True,
) -> Line:
    """Return the rule in exactly `width` cells. `heads` are titles with the cells where they end.

    A stale rule is dashed and amber, says STALE, and has neither marks nor heads. Without `has_dash`, the title begins
    at once, behind a hairline.
    """
    dash, stroke = ("╌", Token.AMBER) if is_stale else ("─", Token.LINE)
    rule = PlacedLine(dash, stroke)
    stale: Line = (Piece("  "), Piece(STALE, Token.AMBER, is_bold=True)) if is_stale else ()
    rule.put(1 if has_dash else 0, (Piece(" "), *title, *stale, Piece(" ")), width - 3)
    first_head = min((end - len(text) for end, text in heads), default=width)
    if not is_stale:
        for x, text in marks:
            if rule.width < x and x + _MARK_CELLS < first_head:
                tick = Piece("+" if look.is_ascii else "┬", Token.LINE)
                rule.put(x, (tick, Piece(text, Token.FAINT), Piece(" ")))
        begun = False
        for end, text in heads:
            if not begun and rule.width >= end - len(text) - 1:
                continue  # the title is in its place
            if begun:
                rule.put(rule.width, (Piece(" " * max(0, end - len(text) - rule.width)),))
            rule.right(end, (Piece("" if begun else " "), Piece(text, Token.FAINT)))
            begun = True
        if begun and rule.width < width:
            rule.put(rule.width, (Piece(" "),))
    if right and rule.width + line_width(right) + 4 <= width:
        rule.right(width - 1, (Piece(" "), *right, Piece(" ")))
    return rule.line(width)


def time_marks(span: BoardSpan, at: int, cells: int, repeat: int, now: datetime) -> list[TimeMark]:
    """Return the marks of the last `cells` cells of a span that begin at cell `at` of the rule."""
    minutes = span.cell.total_seconds() / 60
    step = next((each for each in _STEPS if each / minutes * repeat >= _MIN_MARK_CELLS), _STEPS[-1])
    start = span.start + (span.count - cells) * span.cell
    local = start.astimezone(now.tzinfo)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    passed = (local - midnight) / timedelta(minutes=step)
    mark = midnight + int(passed + 1) * timedelta(minutes=step)
    marks: list[TimeMark] = []
    while mark < local + cells * span.cell:
        cell = (mark - local) // span.cell
        if (cells - cell) * repeat > _MARK_CELLS - 1 and cell > 0:
            marks.append(TimeMark(at + cell * repeat, f"{mark:%H:%M}"))
        mark += timedelta(minutes=step)
    return marks


def span_words(span: BoardSpan, cells: int, now: datetime, *, is_earlier: bool) -> str:
    """Return `last hour`, `last 40 min`, `last 5 h`, or `12:32–13:32` for a time that has ended."""
    length = cells * span.cell
    if is_earlier:
        start = span.start + (span.count - cells) * span.cell
        begin, end = formatting.time_of_day(start, now), formatting.time_of_day(start + length, now)
        return f"{begin}–{end.rpartition(' ')[2] if begin[:-5] == end[:-5] else end}"
    if length == timedelta(hours=1):
        return "last hour"
    hours = length / timedelta(hours=1)
    return f"last {round(hours)} h" if hours > 1 else f"last {round(hours * 60)} min"


# Draws series of numbers as bars of one or two rows. A cell that is not known is `░`, a zero is a dot.
#
# Bars use at most 7 eighths of their row, or 15 of two rows, so that stacked series never touch.


EIGHTHS: Final = "▁▂▃▄▅▆▇█"
ASCII_EIGHTHS: Final = ".::||###"
UNKNOWN_CELL: Final = "░"
ONE_ROW: Final = 7
TASK_ROW: Final = 6
TWO_ROWS: Final = 15

_FULL: Final = 8

MIN_FAILED_TOP: Final = 7
"""The scale of failures: up to so many, one more failure is one more eighth."""

QUIET_SHARE: Final = 3
"""A level that stays at its normal fills at most one in so many eighths, so that a calm hour looks calm."""

MIN_LEVEL_TOP: Final = 10.0
"""The least scale of a level, so that two queued runs do not fill a bar."""


class Bars(NamedTuple):
    """How the bars of a series look.

    * `top`: the number that fills a bar.
    * `token`: the colour, `abnormal_token` that of the cells for which `is_abnormal` is true.
    * `eighths`: the height of the greatest bar.
    * `unknown`: the colour of cells that are not known.
    * `repeat`: the cells on screen for each cell of time.
    * `has_failure_marks`: without colours, an abnormal cell is `✗`.
    """

    top: float
    token: Token = Token.SPARK
    abnormal_token: Token = Token.AMBER
    eighths: int = ONE_ROW
    unknown: Token = Token.GUIDE
    repeat: int = 1
    has_failure_marks: bool = False


def series(cells: Cells, bars: Bars, look: WallLook, is_abnormal: Sequence[bool] = ()) -> Line:
    """Return one row of bars, a cell each."""
    painted = [_cell(value, index, bars, look, is_abnormal) for index, value in enumerate(cells)]
    return _joined(painted, bars.repeat)


def two_row_series(cells: Cells, bars: Bars, look: WallLook, is_abnormal: Sequence[bool] = ()) -> tuple[Line, Line]:
    """Return the upper and the lower row of bars that are 15 eighths high."""
    upper: list[tuple[str, Token]] = []
    lower: list[tuple[str, Token]] = []
    signs = _signs(look)
    for index, value in enumerate(cells):
        height = _height(value, bars.top, TWO_ROWS)
        if not height:
            upper.append((" ", Token.TEXT))
            lower.append(_cell(value, index, bars, look, is_abnormal))
            continue
        token = _token(index, bars, is_abnormal)
        upper.append((signs[height - _FULL - 1], token) if height > _FULL else (" ", Token.TEXT))
        lower.append((signs[min(height, _FULL) - 1], token))
    return _joined(upper, bars.repeat), _joined(lower, bars.repeat)


def summed(cells: Cells, count: int) -> Cells:
    """Return the cells in at most `count` cells, each the sum of as many neighbours. The last cell stays the last."""
    return _merged(cells, count, sum)


def greatest(cells: Cells, count: int) -> Cells:
    """Return the cells in at most `count` cells, each the greatest of as many neighbours."""
    return _merged(cells, count, max)


def any_of(flags: Sequence[bool], count: int) -> Sequence[bool]:
    """Return flags in at most `count` cells, each true if one of as many neighbours is."""
    return [any(each) for each in _neighbours(flags, count)]


def top_of(cells: Cells, least: float = 1) -> float:
    """Return the number that fills a bar: the greatest of the series, or more."""
    return max([least, *(value for value in cells if value is not None)])


def level_top(cells: Cells, normal: float | None) -> float:
    """Return the same for a level: a level that is normal stays low."""
    return top_of(cells, max(MIN_LEVEL_TOP, QUIET_SHARE * (normal or 0)))


def series_bars(name: str, cells: Cells, normal: float | None, *, is_stale: bool, repeat: int = 1) -> Bars:
    """Return how the series `done`, `failed`, `queued` or `running` looks."""
    is_failed = name == "failed"
    top = level_top(cells, normal) if name in {"queued", "running"} else top_of(cells)
    return Bars(
        top_of(cells, MIN_FAILED_TOP) if is_failed else top,
        Token.ROSE if is_failed else Token.GUIDE if is_stale else Token.SPARK,
        Token.ROSE if is_failed else Token.AMBER,
        unknown=Token.AMBER if is_stale else Token.GUIDE,
        repeat=repeat,
    )


def _neighbours(values: Sequence[T], count: int) -> list[Sequence[T]]:
    """Return the values in at most `count` parts of as many neighbours. The first part may have fewer."""
    size = -(-len(values) // max(1, count)) or 1
    first = len(values) % size
    rest = [values[start : start + size] for start in range(first, len(values), size)]
    return [values[:first], *rest] if first else rest


def _merged(cells: Cells, count: int, merge: Callable[[list[int]], int]) -> Cells:
    known = ([value for value in part if value is not None] for part in _neighbours(cells, count))
    return [merge(part) if part else None for part in known]


def _cell(value: int | None, index: int, bars: Bars, look: WallLook, is_abnormal: Sequence[bool]) -> tuple[str, Token]:
    if value is None:
        return "?" if look.is_ascii else UNKNOWN_CELL, bars.unknown
    if value <= 0:
        return " " if look.is_ascii else NO_BAR, Token.LINE
    token = _token(index, bars, is_abnormal)
    if look.is_colorless and bars.has_failure_marks and token is bars.abnormal_token:
        return "x" if look.is_ascii else "✗", token
    return _signs(look)[_height(value, bars.top, bars.eighths) - 1], token


def _token(index: int, bars: Bars, is_abnormal: Sequence[bool]) -> Token:
    return bars.abnormal_token if index < len(is_abnormal) and is_abnormal[index] else bars.token


def _signs(look: WallLook) -> str:
    return ASCII_EIGHTHS if look.is_ascii else EIGHTHS


def _height(value: int | None, top: float, eighths: int) -> int:
    """Return the height in eighths, rounded up so that a single run is visible."""
    return 0 if not value or value < 0 else max(1, min(eighths, -int(-value * eighths // top)))


def _joined(painted: list[tuple[str, Token]], repeat: int) -> Line:
    return tuple(
        Piece("".join(sign * repeat for sign, _ in cells), token)
        for token, cells in groupby(painted, key=lambda cell: cell[1])
    )


# Letters of 5x7 pixels: a verdict that is read across a room, and numbers of half their height.


LETTER_ROWS: Final = 7
NUMBER_ROWS: Final = 4

_FONT: Final[Mapping[str, tuple[str, ...]]] = {
    "A": (".###.", "#...#", "#...#", "#####", "#...#", "#...#", "#...#"),
    "C": (".####", "#....", "#....", "#....", "#....", "#....", ".####"),
    "F": ("#####", "#....", "#....", "####.", "#....", "#....", "#...."),
    "G": (".###.", "#...#", "#....", "#.###", "#...#", "#...#", ".###."),
    "I": ("###", ".#.", ".#.", ".#.", ".#.", ".#.", "###"),
    "K": ("#...#", "#..#.", "#.#..", "##...", "#.#..", "#..#.", "#...#"),
    "L": ("#....", "#....", "#....", "#....", "#....", "#....", "#####"),
    "M": ("#...#", "##.##", "#.#.#", "#.#.#", "#...#", "#...#", "#...#"),
    "N": ("#...#", "##..#", "##..#", "#.#.#", "#..##", "#..##", "#...#"),
    "O": (".###.", "#...#", "#...#", "#...#", "#...#", "#...#", ".###."),
    "S": (".####", "#....", "#....", ".###.", "....#", "....#", "####."),
    "T": ("#####", "..#..", "..#..", "..#..", "..#..", "..#..", "..#.."),
    "U": ("#...#", "#...#", "#...#", "#...#", "#...#", "#...#", ".###."),
    "W": ("#...#", "#...#", "#...#", "#.#.#", "#.#.#", "##.##", "#...#"),
    "0": (".##.", "#..#", "#..#", "#..#", "#..#", "#..#", ".##."),
    "1": (".#.", "##.", ".#.", ".#.", ".#.", ".#.", "###"),
    "2": (".##.", "#..#", "...#", "..#.", ".#..", "#...", "####"),
    "3": ("###.", "...#", "...#", ".##.", "...#", "...#", "###."),
    "4": ("#..#", "#..#", "#..#", "####", "...#", "...#", "...#"),
    "5": ("####", "#...", "###.", "...#", "...#", "#..#", ".##."),
    "6": (".##.", "#...", "#...", "###.", "#..#", "#..#", ".##."),
    "7": ("####", "...#", "...#", "..#.", "..#.", ".#..", ".#.."),
    "8": (".##.", "#..#", "#..#", ".##.", "#..#", "#..#", ".##."),
    "9": (".##.", "#..#", "#..#", ".###", "...#", "...#", ".##."),
    "d": ("...#", "...#", ".###", "#..#", "#..#", "#..#", ".###"),
    "h": ("#...", "#...", "###.", "#..#", "#..#", "#..#", "#..#"),
    "k": ("#...", "#...", "#..#", "#.#.", "##..", "#.#.", "#..#"),
    "m": (".....", ".....", "##.#.", "#.#.#", "#.#.#", "#.#.#", "#.#.#"),
    "s": ("....", "....", ".###", "#...", ".##.", "...#", "###."),
    ",": ("..", "..", "..", "..", "..", ".#", "#."),
    ".": (".", ".", ".", ".", ".", ".", "#"),
    " ": ("..", "..", "..", "..", "..", "..", ".."),
}


def big_word(word: str) -> tuple[str, ...]:
    """Return seven rows of a word in capitals. A pixel is two cells wide. A character without a form is left out."""
    shapes = [_FONT[sign] for sign in word if sign in _FONT]
    return tuple(
        "  ".join("".join("██" if pixel == "#" else "  " for pixel in shape[row]) for shape in shapes)
        for row in range(LETTER_ROWS)
    )


def big_number(text: str) -> tuple[str, ...]:
    """Return four rows of a number or a duration in half blocks. A character without a form is left out."""
    shapes = [_FONT[sign] for sign in text if sign in _FONT]
    rows = []
    for row in range(NUMBER_ROWS):
        parts = []
        for shape in shapes:
            upper, lower = shape[2 * row], shape[2 * row + 1] if 2 * row + 1 < LETTER_ROWS else "." * len(shape[0])
            parts.append("".join(_HALVES[pair] for pair in zip(upper, lower, strict=True)))
        rows.append(" ".join(parts))
    return tuple(rows)


_HALVES: Final = {("#", "#"): "█", ("#", "."): "▀", (".", "#"): "▄", (".", "."): " "}


# The last row of the wall: how old each source is, the request budget, and the keys.


_WORDS: Final = {FactSource.RUNS: "feed"}
_SHOWN: Final = (
    FactSource.RUNS,
    FactSource.MINUTES,
    FactSource.QUEUES,
    FactSource.SCHEDULES,
    FactSource.ERRORS,
    FactSource.TOKENS,
    FactSource.DEPLOYMENTS,
)
"""The sources with an age, the most important one first."""

_GAP: Final = "   "
_MARGINS: Final = 4
_LEAST_KEYS: Final = 2
"""So many keys have their place before the ages, the others behind them."""

_ROOMY: Final = 150


def refusal_of(board: Board, source: FactSource) -> str | None:
    """Return in words why a source may not be read; None if it may."""
    refusal = next((each.refusal for each in board.ages if each.source is source), None)
    return None if refusal is None else refused_words(refusal)


def old_words(
    ages: Iterable[SourceAge], now: datetime, sources: Collection[FactSource | None], *, in_minutes: bool = False
) -> str:
    """Return how old the numbers of these sources are that are old: `queues 5m old, waits 2m old`."""
    return ", ".join(
        f"{'last 24h' if each.source is None else each.source.value} {waited(age, in_minutes=in_minutes)} old"
        for each in ages
        if each.source in sources and (age := age_shown(each.read_at, each.interval, now)) is not None
    )


def aged(title: Line, view: WallView, *sources: FactSource | None) -> Line:
    """Return the title of a block, with the ages of its numbers that are old. Of one source it needs no name."""
    words = "" if view.is_stale else old_words(view.board.ages, view.now, sources, in_minutes=view.is_slow_link)
    if len(sources) == 1:
        words = " ".join(words.split()[-2:])
    return (*title, Piece(f" · {words}", Token.AMBER)) if words else title


def last_row(view: WallView, width: int, notice: Line = ()) -> Line:
    """Return the row in exactly `width` cells. A notice stands in place of the keys."""
    keys = _keys(view)
    needed = notice or _keys_line(keys, _LEAST_KEYS)
    ages = joined(_ages(view, width, width - _MARGINS - line_width(needed)), _GAP)
    room = width - _MARGINS - line_width(ages)
    lines = [notice] if notice else [_keys_line(keys, count) for count in range(len(keys), _LEAST_KEYS, -1)]
    row = PlacedLine()
    row.put(1, ages)
    row.right(width - 1, next((line for line in lines if line_width(line) <= room), needed))
    return row.line(width)


def _ages(view: WallView, width: int, room: int) -> list[Line]:
    """Return the most important ages that fit."""
    parts: list[Line] = []
    ages = {each.source: each for each in view.board.ages}
    queues, waits = ages.get(FactSource.QUEUES), ages.get(FactSource.WAITS)
    if queues and waits and queues.read_at and waits.read_at:
        # Findings count the waiting runs of the one, the rows show the limits of the other.
        ages[FactSource.QUEUES] = replace(queues, read_at=min(queues.read_at, waits.read_at))
    others = [_budget(view)] if width >= _ROOMY else []
    every = [_age(ages[source], view) for source in _SHOWN if source in ages]
    essential, rest = every[:4], every[4:] if width >= _ROOMY else []
    verdict = view.board.verdict
    since = view.board.own_since or (None if verdict is None else verdict.own_since)
    own: Line = () if since is None else (Piece(own_counts(since, view.now), Token.MUTED),)
    # Whose counts these are is more important than most ages.
    if view.board.is_listed:
        own = (Piece(listed_counts(view.board.own_since, view.now), Token.AMBER),)
        if line_width(joined([*essential[:1], own], _GAP)) > room:
            own = (Piece(LISTED, Token.AMBER),)
    for part in (*essential[:1], own, *essential[1:], *others, *rest):
        if part and line_width(joined([*parts, part], _GAP)) <= room:
            parts.append(part)
    return parts


def _age(age: SourceAge, view: WallView) -> Line:
    assert age.source is not None, "no row has the totals of a day"
    word = _WORDS.get(age.source, age.source.value)
    if age.refusal is not None:
        return (Piece(f"{word} ", Token.FAINT), Piece("refused", Token.FAINT))
    at = view.heard_at if age.source is FactSource.RUNS else age.read_at
    if at is None:
        return (Piece(f"{word} ", Token.FAINT), Piece(formatting.NONE, Token.MUTED))
    text = f"{word} {_words(at, view)}"
    if view.is_stale:
        return (Piece(text, Token.AMBER),)
    token = Token.AMBER if age.failure is not None else Token.MUTED
    return (Piece(f"{word} ", Token.FAINT), Piece(_words(at, view), token))


def _words(at: datetime, view: WallView) -> str:
    lasts = view.now - at
    if view.is_stale:
        return formatting.duration(lasts, in_minutes=view.is_slow_link)
    seconds = lasts.total_seconds()
    if 0 <= seconds < 1.0 and not view.is_slow_link:
        return f"{max(1, round(seconds * 10)) / 10:.1f} s"
    return formatting.wait(lasts, in_minutes=view.is_slow_link)


def _budget(view: WallView) -> Line:
    if view.spent is None:
        return ()
    return (Piece("requests: everybody ", Token.FAINT), Piece(f"{view.spent:.0%}".replace("%", " %"), Token.MUTED))


def _keys(view: WallView) -> list[KeyWord]:
    """Return the keys in their order on the screen. The one with the least need is the most important one."""
    longer, shorter = key_of("longer-span", "("), key_of("shorter-span", ")")
    keys = (
        KeyWord(key_of("refresh", "r") if view.is_stale else "", "try now", 0),
        KeyWord(key_of("open", "Enter"), "open", 2),
        KeyWord(f"{longer} {shorter}" if longer and shorter else "", "span", 5),
        KeyWord(key_of("help", "?"), "keys", 3),
        KeyWord(key_of("wall", "W"), "close", 1 if view.is_stale else 4),
    )
    return [each for each in keys if each.key]


def _keys_line(keys: list[KeyWord], count: int) -> Line:
    """Return the most important keys."""
    shown = sorted(keys, key=lambda each: each.need)[:count]
    return joined((key_words(each) for each in keys if each in shown), _GAP)
