"""The parts of the wall: rows with their target of Enter, in blocks with rules, bars, letters and ages."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

from tui.domain.facts import LAST_DAY_INTERVAL, ErrorState, FactSource, age_shown
from tui.domain.finding import NOT_KNOWN, Verdict
from tui.domain.run import Run
from tui.features.alerts.words import CALM, LISTED, counts_words, ended_words
from tui.kit.bars import KeyWord, key_words
from tui.lazy_dataclass import dataclass
from tui.store.findings.board import Board, BoardSpan, FailingNow, FourLines
from tui.store.store import interval_of, read_at
from tui.text import formatting
from tui.text.bars import BarLook
from tui.text.blocks import GoToRun, ListRuns, key_of
from tui.text.formatting import waited
from tui.text.styled import Line, Piece, Token, cut, fit, joined, line_width, pad
from tui.text.table import REST, Spot, placed

T = TypeVar("T")

# `PlacedLine`: a line whose parts have fixed places, from left to right.


class PlacedLine:
    """Collects parts of a line. The gaps between them are filled with one character."""

    def __init__(self, fill: str = " ", token: Token = Token.TEXT) -> None:
        self._pieces: Line = ()
        self.width = 0
        """The cells that are taken so far."""
        self._fill, self._token = fill, token

    def put(self, x: int, line: Line, room: int | None = None) -> None:
        """Put a part at cell `x`, cut to `room` cells. Earlier parts that reach beyond `x` are cut."""
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
    """The background of a row: none, that of a finding that fails, of another one, of one that is new on the screen."""

    NONE = "none"
    FAILING = "failing"
    AMBER = "amber"
    NEW = "new"


Opened = ListRuns | GoToRun


class BlockRow(NamedTuple):
    """A row of a block. `key` identifies its subject from one board to the next; None: the cursor skips it."""

    line: Line = ()
    band: Band = Band.NONE
    key: Hashable = None
    opens: Opened | None = None


INDENT: Final = Piece("  ")
"""Before each row. The panes of the overview have a gutter instead."""


def indented(row: BlockRow) -> BlockRow:
    """Return the row after the margin of the wall."""
    return row._replace(line=(INDENT, *row.line))


def row_of(line: Line, key: Hashable = None, opens: Opened | None = None) -> BlockRow:
    """Return a row, with the margin of the wall before its line."""
    return BlockRow((INDENT, *line), key=key, opens=opens)


def listed(
    items: Sequence[T], most: int, row: Callable[[T], BlockRow], more: Callable[[Sequence[T]], Line]
) -> list[BlockRow]:
    """Return a row for each item. If not all fit into `most` rows, the last one is about the others."""
    count = len(items) if len(items) <= most else max(1, most - 1)
    rows = [row(each) for each in items[:count]]
    return [*rows, BlockRow(more(items[count:]))] if count < len(items) and most > 1 else rows


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


@dataclass(frozen=True, slots=True)
class WallView:
    """Everything that wall and overview show.

    * `now`: the server's time, in the zone of the screen.
    * `heard_at`: when list or feed answered last, None before the first answer.
    * `is_known`: that answer is recent enough.
    * `newest`: the newest failed run. `day`: the last 24 hours in cells of 20 minutes; None: not read.
    * `spent`: the part of the request limit that everybody has spent, from 0 to 1; None: not known.
    * `fresh`: the identities of findings that are new on the screen.
    * `is_earlier`: the wall shows a past hour, not the last one.
    * `is_slow_link`: running durations are in whole minutes.
    """

    board: Board
    now: datetime
    look: BarLook = BarLook()
    failing: FailingNow = FailingNow()
    heard_at: datetime | None = None
    is_known: bool = False
    newest: Run | None = None
    day: FourLines | None = None
    spent: float | None = None
    fresh: frozenset[Hashable] = frozenset()
    is_earlier: bool = False
    is_slow_link: bool = False

    @property
    def is_stale(self) -> bool:
        """Whether the last answer is too old."""
        return self.heard_at is not None and not self.is_known

    @property
    def verdict(self) -> Verdict:
        """The findings; before they were judged there are none, and nothing is known."""
        return self.board.verdict or Verdict(self.board.at)

    @property
    def stuck(self) -> frozenset[str]:
        """The keys of the tasks, runs and queues that a finding is about. A stale screen has none."""
        return frozenset() if self.is_stale else frozenset(each.subject.key for each in self.verdict.findings)

    @property
    def timers_at(self) -> datetime:
        """The time of running durations: they stand still while the server is silent."""
        return self.heard_at if self.is_stale and self.heard_at is not None else self.now

    @property
    def word(self) -> str:
        """The one word. OK needs a verdict, and an answer that is not too old."""
        return self.verdict.word if self.is_known else NOT_KNOWN

    @property
    def calm(self) -> str:
        """The words beside OK: what was wrong until shortly ago, and the new errors of the last hour. Rare ones
        make no finding.
        """
        new = sum(group.state is ErrorState.NEW for group in self.failing.groups)
        parts = CALM, ended_words(self.verdict, self.now), formatting.plural(new, "new error") if new else ""
        return "; ".join(filter(None, parts))

    def waited(self, at: datetime) -> str:
        """Return how long something waits."""
        return waited(self.timers_at - at, in_minutes=self.is_slow_link)

    def frozen(self, text: str) -> str:
        """Return a text that would run on, with a `~` after it on a stale screen."""
        return f"{text}~" if self.is_stale and text not in {"", formatting.NONE} else text


def beside(parts: Sequence[tuple[int, Sequence[Line]]], height: int) -> list[Line]:
    """Return the lines of parts that stand beside each other. A part is its width and its lines."""
    return [
        tuple(piece for width, lines in parts for piece in fit(lines[y] if y < len(lines) else (), width))
        for y in range(height)
    ]


# The rules of the wall: a title, marks of time, titles of figures, and a text at the right end.


_STEPS: Final = (5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)
"""The minutes between marks of time."""

_MIN_MARK_CELLS: Final = 12
_MARK_CELLS: Final = len("┬00:00 ")
STALE: Final = "STALE"


TimeMark = tuple[int, str]
"""A mark of time at a cell of the rule."""


def block_rule(
    view: WallView,
    title: Line | str,
    width: int,
    *sources: FactSource | None,
    marks: Sequence[TimeMark] = (),
    heads: Sequence[tuple[int, str]] = (),
    right: Line = (),
    has_dash: bool = True,
) -> BlockRow:
    """Return the rule above a block, with the ages of its sources that are old.

    `heads` are titles with the cells where they end. A stale rule is dashed and amber, says STALE, and has neither
    marks nor heads. Without `has_dash`, the title begins at once, after a hairline.
    """
    title = (Piece(title),) if isinstance(title, str) else title
    if view.is_stale:
        title = (*title, INDENT, Piece(STALE, Token.AMBER, is_bold=True))
        marks = heads = ()
    elif old := old_words(view, *sources):
        # Of one source it needs no name.
        title = (*title, Piece(f" · {' '.join(old.split()[-2:]) if len(sources) == 1 else old}", Token.AMBER))
    rule = PlacedLine("╌", Token.AMBER) if view.is_stale else PlacedLine("─", Token.LINE)
    rule.put(1 if has_dash else 0, (Piece(" "), *title, Piece(" ")), width - 3)
    first_head = min((end - len(text) for end, text in heads), default=width)
    for x, text in marks:
        if rule.width < x and x + _MARK_CELLS < first_head:
            rule.put(x, (Piece("+" if view.look.is_ascii else "┬", Token.LINE), Piece(text, Token.FAINT), Piece(" ")))
    # Where the title is in the place of the first heads, they go.
    shown = [(end, text) for end, text in heads if rule.width < end - len(text) - 1]
    for index, (end, text) in enumerate(shown):
        rule.right(end, (Piece(" " * (end - len(text) - rule.width) if index else " "), Piece(text, Token.FAINT)))
    if shown and rule.width < width:
        rule.put(rule.width, (Piece(" "),))
    if right and rule.width + line_width(right) + 4 <= width:
        rule.right(width - 1, (Piece(" "), *right, Piece(" ")))
    return BlockRow(rule.line(width))


def time_marks(span: BoardSpan, at: int, cells: int, repeat: int, now: datetime) -> list[TimeMark]:
    """Return the marks of the last `cells` cells of a span that begin at cell `at` of the rule."""
    minutes = span.cell.total_seconds() / 60
    step = next((each for each in _STEPS if each / minutes * repeat >= _MIN_MARK_CELLS), _STEPS[-1])
    local = (span.start + (span.count - cells) * span.cell).astimezone(now.tzinfo)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    passed = (local - midnight) / timedelta(minutes=step)
    mark = midnight + int(passed + 1) * timedelta(minutes=step)
    marks: list[TimeMark] = []
    while mark < local + cells * span.cell:
        cell = (mark - local) // span.cell
        if (cells - cell) * repeat > _MARK_CELLS - 1 and cell > 0:
            marks.append((at + cell * repeat, f"{mark:%H:%M}"))
        mark += timedelta(minutes=step)
    return marks


def span_words(span: BoardSpan, cells: int, now: datetime, *, is_earlier: bool) -> str:
    """Return `last hour`, `last 40 min`, `last 5 h`, or `12:32–13:32` for a time that has ended."""
    length = cells * span.cell
    if is_earlier:
        start = span.start + (span.count - cells) * span.cell
        return formatting.time_span(start, start + length, now)
    if length == timedelta(hours=1):
        return "last hour"
    hours = length / timedelta(hours=1)
    return f"last {round(hours)} h" if hours > 1 else f"last {round(hours * 60)} min"


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
"""Keys that are shown in any case. Ages take the room that is left, and then more keys."""

_ROOMY: Final = 150


def old_words(view: WallView, *sources: FactSource | None) -> str:
    """Return how old the numbers of these sources are that are old: `queues 5m old, waits 2m old`.

    None stands for the totals of the last 24 hours.
    """
    facts, words = view.board.facts, []
    for source in sources:
        if source is None:
            at, interval = None if facts.normals is None else facts.normals.last_day_at, LAST_DAY_INTERVAL
        else:
            at, interval = read_at(facts, source), interval_of(facts, source)
        if (age := age_shown(at, interval, view.now)) is not None:
            name = "last 24h" if source is None else source.value
            words.append(f"{name} {waited(age, in_minutes=view.is_slow_link)} old")
    return ", ".join(words)


def last_row(view: WallView, width: int, notice: Line = ()) -> Line:
    """Return the row in exactly `width` cells. A notice stands in place of the keys."""
    keys = _keys(view)
    by_need = sorted(keys, key=lambda each: each.need)
    lines = [
        joined((key_words(each) for each in keys if each in by_need[:count]), _GAP)
        for count in range(len(keys), _LEAST_KEYS - 1, -1)
    ]
    lines = [notice] if notice else lines
    ages = joined(_ages(view, width, width - _MARGINS - line_width(lines[-1])), _GAP)
    room = width - _MARGINS - line_width(ages)
    right = next((line for line in lines if line_width(line) <= room), lines[-1])
    row = placed((Spot("ages", 0, REST), Spot("keys")), width - 2, {"ages": ages, "keys": right})
    return fit((Piece(" "), *row), width)


def _ages(view: WallView, width: int, room: int) -> list[Line]:
    """Return the most important ages that fit."""
    every = [age for source in _SHOWN if (age := _age(source, view))]
    essential, rest = every[:4], every[4:]
    if view.spent is not None:
        spent = Piece(f"{view.spent:.0%}".replace("%", " %"), Token.MUTED)
        rest = [(Piece("API limit used: ", Token.FAINT), spent), *rest]
    board = view.board
    since = board.own_since or view.verdict.own_since
    own: Line = () if since is None else (Piece(counts_words(since, view.now), Token.MUTED),)
    # Whose counts these are is more important than most ages.
    if board.is_listed:
        own = (Piece(counts_words(board.own_since, view.now, is_listed=True), Token.AMBER),)
        if line_width(joined([*essential[:1], own], _GAP)) > room:
            own = (Piece(LISTED, Token.AMBER),)
    parts: list[Line] = []
    for part in (*essential[:1], own, *essential[1:], *(rest if width >= _ROOMY else ())):
        if part and line_width(joined([*parts, part], _GAP)) <= room:
            parts.append(part)
    return parts


def _age(source: FactSource, view: WallView) -> Line:
    """Return how old the last answer of a source is; nothing for one that was never asked."""
    facts, is_feed, head = view.board.facts, source is FactSource.RUNS, Token.FAINT
    unread, at = facts.unread.get(source), view.heard_at if is_feed else read_at(facts, source)
    if source is FactSource.QUEUES and at is not None and facts.waits is not None:
        at = min(at, facts.waits.at)  # findings count the waiting runs of the one, rows show the limits of the other
    if not is_feed and at is None and unread is None:
        return ()
    if unread is not None and unread.is_refused:
        shown = Piece("refused", Token.FAINT)
    elif at is None:
        shown = Piece(formatting.NONE, Token.MUTED)
    elif view.is_stale:
        head = Token.AMBER
        shown = Piece(formatting.duration(view.now - at, in_minutes=view.is_slow_link), Token.AMBER)
    else:
        lasts = (view.now - at).total_seconds()
        is_short = 0 <= lasts < 1.0 and not view.is_slow_link
        words = formatting.wait(view.now - at, in_minutes=view.is_slow_link)
        words = f"{max(1, round(lasts * 10)) / 10:.1f} s" if is_short else words
        shown = Piece(words, Token.MUTED if unread is None else Token.AMBER)
    return Piece(f"{'feed' if is_feed else source.value} ", head), shown


def _keys(view: WallView) -> list[KeyWord]:
    """Return the keys in their order on the screen. The one with the least need is the most important one."""
    longer, shorter = key_of("longer-span", "("), key_of("shorter-span", ")")
    keys = (
        KeyWord(key_of("refresh", "r") if view.is_stale else "", "try now", 0),
        KeyWord(key_of("open", "Enter"), "open", 2),
        KeyWord(f"{longer} {shorter}" if longer and shorter else "", "period", 5),
        KeyWord(key_of("help", "?"), "keys", 3),
        KeyWord(key_of("wall", "W"), "close", 1 if view.is_stale else 4),
    )
    return [each for each in keys if each.key]
