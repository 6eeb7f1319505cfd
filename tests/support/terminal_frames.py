"""A program that draws at random, and a terminal to draw on."""

from random import Random
from typing import Any, Final, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from wcwidth import wcwidth

from tests.perf.screen import Emulator, Screen
from tui.terminal.capabilities import Capabilities
from tui.terminal.texts import is_sure, texts_of_cells

COLUMNS, LINES = 24, 7
MODES: Final = "\x1b[?7l\x1b[?25l"
PENS: Final = (
    *("0", "1", "2", "31", "42", "4", "7", "9", "22", "24;39", "49", "3;53", "97;104", "38;2;1;2;3", "48;2;9;8;7"),
    "0;1;38;5;99;48;2;15;17;21",
)
GROUNDS: Final = ("0", "0;42", "0;48;2;9;8;7")
WORDS: Final = ("foo", "   ", "a", "─", "✓", "xxxxxxxxxxxx", "é", " " * 12, "12s", "日本", "本", "漢字か", "abc def")
UNSURE: Final = ("😀", "👨\u200d👩\u200d👧", "❤\ufe0f", "👍🏽")
"""Words whose width is the terminal's choice."""

able = st.builds(Capabilities, *[st.booleans()] * 5)
randoms = st.randoms(use_true_random=False)


def examples(count: int) -> settings:
    """Settings with so many examples; the profile "explore" draws its own number."""
    profile = settings()
    return settings(max_examples=count if profile.derandomize else profile.max_examples)


class Frame(NamedTuple):
    """A frame as a program writes it, and with each unsure character on blanks and the cursor placed behind it."""

    written: str
    placed: str


class RandomProgram:
    """Draws changed cells, erased rows, whole pages, and pages of which some lines moved.

    With `has_unsure`, or without `cuts_wide`, it draws only whole rows: what a terminal leaves of half an unsure
    character is its choice, and tmux does what no other terminal does with half of any wide one.
    """

    def __init__(self, random: Random, *, has_unsure: bool = False, cuts_wide: bool = True) -> None:
        self._random = random
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
        y, x = random.randint(1, self.lines), random.randint(1, self.columns)
        end = random.choice(("\x1b[H", "\x1b[?25l\x1b[H", f"\x1b[?25h\x1b[{y};{x}H", f"\x1b[?25l\x1b[{y};{x}H"))
        written, placed = ("".join(each) + end for each in zip(*drawn, strict=True))
        return Frame(f"\x1b[?2026h{written}\x1b[?2026l" if random.random() < 0.5 else written, placed)

    def _new(self, count: int) -> list[int]:
        return [self._random.getrandbits(32) for _ in range(count)]

    def _scroll(self) -> None:
        top = self._random.randint(0, self.lines - 2)
        bottom = self._random.randint(top + 1, self.lines - 1)
        moved, new = self._page[top : bottom + 1], self._new(self._random.randint(1, 3))
        moved = (moved + new)[len(new) :] if self._random.random() < 0.5 else (new + moved)[: len(moved)]
        self._page[top : bottom + 1] = moved

    def _whole_page(self) -> list[Frame]:
        return [self._row(Random(seed), y, 0, is_whole=True) for y, seed in enumerate(self._page)]

    def _cells(self) -> Frame:
        y, x = self._random.randint(0, self.lines - 1), self._random.randint(0, self.columns - 1)
        return self._row(self._random, y, x, is_whole=self._random.random() < 0.3)

    def _erasing(self) -> Frame:
        random = self._random
        at = f"\x1b[{random.randint(1, self.lines)};{random.randint(1, self.columns)}H"
        how = random.choice(("[K", "[1K", "[2K", "[J"))
        erased = f"{at}\x1b[{random.choice(GROUNDS)}m\x1b{how}\x1b[0m"
        return Frame(erased, erased)

    def _row(self, random: Random, y: int, x: int, *, is_whole: bool) -> Frame:
        written = placed = f"\x1b[{y + 1};{x + 1}H"
        for _ in range(random.randint(1, 6)):
            pen = f"\x1b[{random.choice(PENS)}m" if random.random() < 0.8 else ""
            link = "8;;http://x" if random.random() < 0.05 else "8;;"
            texts = texts_of_cells(random.choice(WORDS + UNSURE if self._has_unsure else WORDS))
            flow, exact, x = self._placed(y, x, list(texts))
            written += f"{pen}\x1b]{link}\x1b\\{flow}\x1b]8;;\x1b\\" if link != "8;;" else pen + flow
            placed += f"{pen}{exact}"
            if random.random() < 0.8:
                written, placed = f"{written}\x1b[0m", f"{placed}\x1b[0m"
        end = "\x1b[0m" + " " * (self.columns - x if is_whole else 0)
        return Frame(written + end, placed + end)

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


def blank_terminal(columns: int = COLUMNS, lines: int = LINES) -> Emulator:
    """A terminal as a program finds it, without wrapping."""
    terminal = Emulator(Screen(columns, lines))
    # pyte keeps no cells for a row that nothing was written to.
    terminal.feed((MODES + "".join(f"\x1b[{y + 1}H\x1b[K" for y in range(lines))).encode())
    return terminal


def cells(terminal: Emulator) -> list[list[Any]]:
    """What is seen: of a blank cell only its ground. Half of a wide character is a blank, as on real terminals."""
    return [[_seen(row, x) for x in range(len(row))] for row in terminal.screen.snapshot()]


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
