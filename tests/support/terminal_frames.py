"""A program that draws at random, and a terminal to draw on."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from random import Random
from typing import Any, Final, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style
from wcwidth import wcwidth

from tests.perf.screen import Emulator, Screen
from tests.perf.terminal import Terminal
from tui.terminal.cells import Capabilities, is_sure, texts_of_cells
from tui.terminal.encoder import Place
from tui.terminal.output import FrugalOutput

COLUMNS, LINES = 24, 7
ALL: Final = Capabilities(
    erases_with_ground=True, scrolls_regions=True, scrolls_at_borders=True, erases_characters=True, repeats=True
)
MODES: Final = "\x1b[?7l\x1b[?25l"
STYLES: Final = tuple(
    map(
        Style.parse,
        (
            *("", "bold", "italic", "red", "on green", "underline", "blink", "reverse", "strike", "bold color(99)"),
            *("bright_white on bright_blue", "#010203", "on #090807", "bold color(99) on #0f1115", "italic reverse"),
        ),
    )
)
RARE_STYLES: Final = tuple(map(Style.parse, ("dim", "bold dim", "underline2", "italic overline")))
"""Styles that the ruler of the tests does not count."""

GROUNDS: Final = tuple(map(Style.parse, ("", "on green", "on #090807")))
WORDS: Final = ("foo", "   ", "a", "─", "✓", "xxxxxxxxxxxx", "é", " " * 12, "12s", "日本", "本", "漢字か", "abc def")
SOFT_HYPHEN: Final = "\xad"
UNSURE: Final = ("😀", "👨\u200d👩\u200d👧", "❤\ufe0f", "👍🏽", SOFT_HYPHEN, "a\xadb")
"""Words whose width is the terminal's choice."""

LINKED_WORDS: Final = tuple(word for word in WORDS if word.isascii())
LINKS: Final = ("http://x", "http://y")
LINK_STYLES: Final = tuple(Style(link=link) for link in LINKS)
LINK_MARKS: Final = "\u0332\u0333"
"""Combining characters by which a test's terminal shows which of the links a cell has."""

LEFT_BEHIND: Final = "\x1b[2;4H\x1b[1;4;31;42mleft behind\x1b[4H日本\x1b[K\x1b[5;3H"
"""What another program may leave on the screen."""

able = st.builds(Capabilities, *[st.booleans()] * 5)
# Hypothesis would draw mostly small numbers, which make dull frames; so it only draws the seed.
randoms = st.builds(Random, st.integers(0, 1 << 32))


def examples(count: int) -> settings:
    """Settings with so many examples; the profile "explore" draws its own number."""
    profile = settings()
    return settings(max_examples=count if profile.derandomize else profile.max_examples)


class Piece(NamedTuple):
    """Segments at a place, and the text that draws them with each unsure character on blanks and the cursor behind."""

    y: int
    x: int
    segments: list[Segment]
    placed: str


class Frame(NamedTuple):
    """A frame as a program draws it, where it wants the cursor, and the text that does it on any terminal."""

    pieces: list[Piece]
    cursor: Place | None

    @property
    def placed(self) -> str:
        """The text of all pieces, with the cursor."""
        y, x = self.cursor or (0, 0)
        return "".join(piece.placed for piece in self.pieces) + f"\x1b[{y + 1};{x + 1}H"

    def draw_on(self, output: FrugalOutput) -> None:
        """Draw it on the wanted screen."""
        for piece in self.pieces:
            output.draw(piece.y, piece.x, piece.segments)
        output.cursor = self.cursor


class RandomProgram:
    """Draws changed cells, blank ends of rows, whole pages, and pages of which some lines moved.

    Where `is_simple`, it draws only what the ruler counts.
    With `has_unsure`, or without `cuts_wide`, it draws only whole rows: what a terminal leaves of half an unsure
    character is its choice, and tmux does what no other terminal does with half of any wide one.
    """

    def __init__(
        self, random: Random, *, has_unsure: bool = False, cuts_wide: bool = True, is_simple: bool = False
    ) -> None:
        self._random = random
        self._is_simple = is_simple
        self.columns, self.lines = COLUMNS, LINES
        self._has_unsure = has_unsure
        self._is_whole = has_unsure or not cuts_wide
        self._page: list[int] = []

    def resize(self) -> tuple[int, int]:
        """Take a new size. The next frame is a whole page."""
        self._page = []
        self.columns, self.lines = self._random.randint(5, 2 * COLUMNS), self._random.randint(3, 2 * LINES)
        return self.columns, self.lines

    def frame(self) -> Frame:
        """Draw a frame."""
        random = self._random
        if len(self._page) != self.lines:
            self._page = self._new(self.lines)
            drawn = self._whole_page()
        else:
            kinds = ("page", "scroll", "scroll") if self._is_whole else ("cells", "erase", "page", "scroll", "scroll")
            match random.choice(kinds):
                case "cells":
                    drawn = [self._cells() for _ in range(random.randint(1, 4))]
                case "erase":
                    drawn = [self._erasing()]
                case "page":
                    self._page = self._new(self.lines)
                    drawn = self._whole_page()
                case _:
                    for _ in range(random.randint(1, 2)):
                        self._scroll()
                    drawn = self._whole_page()
        cursor = (random.randint(0, self.lines - 1), random.randint(0, self.columns - 1))
        return Frame(drawn, None if random.random() < 0.5 else cursor)

    def _new(self, count: int) -> list[int]:
        return [self._random.getrandbits(32) for _ in range(count)]

    def _scroll(self) -> None:
        top = self._random.randint(0, self.lines - 2)
        bottom = self._random.randint(top + 1, self.lines - 1)
        moved, new = self._page[top : bottom + 1], self._new(self._random.randint(1, 3))
        moved = (moved + new)[len(new) :] if self._random.random() < 0.5 else (new + moved)[: len(moved)]
        self._page[top : bottom + 1] = moved

    def _whole_page(self) -> list[Piece]:
        return [self._row(Random(seed), y, 0, is_whole=True) for y, seed in enumerate(self._page)]

    def _cells(self) -> Piece:
        y, x = self._random.randint(0, self.lines - 1), self._random.randint(0, self.columns - 1)
        return self._row(self._random, y, x, is_whole=self._random.random() < 0.3)

    def _erasing(self) -> Piece:
        y, x = self._random.randint(0, self.lines - 1), self._random.randint(0, self.columns - 1)
        blank = Segment(" " * (self.columns - x), self._random.choice(GROUNDS))
        return Piece(y, x, [blank], f"\x1b[{y + 1};{x + 1}H{rendered(blank)}")

    def _row(self, random: Random, y: int, x: int, *, is_whole: bool) -> Piece:
        start, segments, placed = x, [], f"\x1b[{y + 1};{x + 1}H"
        for _ in range(random.randint(1, 6)):
            style = random.choice(STYLES if self._is_simple else STYLES + RARE_STYLES)
            is_link = not self._is_simple and random.random() < 0.15
            words = LINKED_WORDS if is_link else WORDS + UNSURE if self._has_unsure else WORDS
            style = style + random.choice(LINK_STYLES) if is_link else style
            flow, exact, x = self._placed(y, x, list(texts_of_cells(random.choice(words))))
            segments.append(Segment(flow, style))
            placed += rendered(Segment(exact, style))
        if is_whole:
            segments.append(Segment(" " * (self.columns - x), random.choice(GROUNDS)))
            placed += rendered(segments[-1])
        return Piece(y, start, segments, placed)

    def _placed(self, y: int, x: int, texts: list[str]) -> tuple[str, str, int]:
        """The text as it flows and with unsure characters placed, and the column behind it: as much as fits."""
        flow = placed = ""
        for text, behind in zip(texts, [*texts[1:], " "], strict=True):
            width = 1 if behind else 2
            if not text or x + width > self.columns:
                continue
            flow += text
            at = f"\x1b[{y + 1};{x + 1}H"
            x += width
            back = f"\x1b[{y + 1};{x + 1}H" if x < self.columns else ""
            placed += text if is_sure(text) else f"{at}{' ' * width}{at}{text}{back}"
        return flow, placed, x


def rendered(segment: Segment) -> str:
    """The text that draws a segment."""
    return segment.style.render(segment.text) if segment.style is not None else segment.text


class LimitedScreen(Screen):
    """A screen that can do nothing but what its `able` says, knows links, and draws no soft hyphens.

    What it cannot do it ignores; without a ground for erased cells it takes the default one.
    """

    def __init__(self, columns: int, lines: int, able: Capabilities) -> None:
        self._able = able
        self.link_mark = ""
        super().__init__(columns, lines)

    def draw(self, data: str) -> None:
        if not (data := data.replace(SOFT_HYPHEN, "")):
            return
        super().draw("".join(f"{character}{self.link_mark}" for character in data) if self.link_mark else data)
        self._last_drawn = data[-1]

    def repeat(self, count: int = 1) -> None:
        if self._able.repeats:
            super().repeat(count)

    def scroll(self, count: int) -> None:
        with self._blank_pen():
            super().scroll(count)

    def scroll_region(self, count: int) -> None:
        """SU or SD."""
        if self._able.scrolls_regions:
            self.scroll(count)

    def erase_characters(self, count: int | None = None) -> None:
        if self._able.erases_characters:
            with self._blank_pen():
                super().erase_characters(count)

    def erase_in_line(self, how: int = 0, private: bool = False) -> None:
        with self._blank_pen():
            super().erase_in_line(how, private)

    def erase_in_display(self, how: int = 0, *args: Any, **kwargs: Any) -> None:
        with self._blank_pen():
            super().erase_in_display(how, *args, **kwargs)

    @contextmanager
    def _blank_pen(self) -> Iterator[None]:
        pen = self.cursor.attrs
        ground = pen.bg if self._able.erases_with_ground else "default"
        self.cursor.attrs = self.default_char._replace(data=f" {self.link_mark}", bg=ground)
        try:
            yield
        finally:
            self.cursor.attrs = pen


class LimitedTerminal(Emulator):
    """A terminal that shows links as combining characters."""

    screen: LimitedScreen

    def _dispatch(self, token: re.Match[str]) -> None:
        link = token[5] or ""
        if link.startswith("8;"):
            url = link.rpartition(";")[2]
            self.screen.link_mark = LINK_MARKS[LINKS.index(url)] if url in LINKS else ""
        elif (token[4] or "") in ("S", "T"):
            self.screen.scroll_region(int(token[2] or 1) * (1 if token[4] == "S" else -1))
        else:
            super()._dispatch(token)


def blank_terminal(columns: int = COLUMNS, lines: int = LINES, able: Capabilities = ALL) -> Emulator:
    """A terminal as a program finds it, without wrapping."""
    terminal = LimitedTerminal(LimitedScreen(columns, lines, able))
    # pyte keeps no cells for a row that nothing was written to.
    terminal.feed((MODES + "".join(f"\x1b[{y + 1}H\x1b[K" for y in range(lines))).encode())
    return terminal


def cells(terminal: Emulator | Terminal) -> list[list[Any]]:
    """What is seen: of a blank cell only its ground. Half of a wide character is a blank, as on real terminals."""
    return [_seen_row(row) for row in terminal.screen.snapshot()]


@lru_cache(maxsize=1_000)  # most rows stay as they were
def _seen_row(row: tuple[Any, ...]) -> list[Any]:
    return [_seen(row, x) for x in range(len(row))]


def _seen(row: tuple[Any, ...], x: int) -> Any:
    cell = row[x]
    if not cell.data:
        is_half = x == 0 or not row[x - 1].data or wcwidth(row[x - 1].data[0]) < 2
    else:
        is_half = wcwidth(cell.data[0]) == 2 and x + 1 < len(row) and row[x + 1].data != ""
    if is_half:
        cell = cell._replace(data=" ")
    is_blank = cell.data == " " and not (cell.underscore or cell.reverse or cell.strikethrough)
    return (" ", cell.bg) if is_blank else cell
