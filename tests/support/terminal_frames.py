"""Frames as programs write them, and a terminal to draw them on."""

from typing import Any

from hypothesis import strategies as st
from wcwidth import wcwidth

from tests.perf.screen import Emulator, Screen
from tui.terminal.capabilities import Capabilities

COLUMNS, LINES = 24, 7
MODES = "\x1b[?7l\x1b[?25l"
PENS = (
    "",
    "1",
    "2",
    "31",
    "42",
    "4",
    "7",
    "9",
    "38;2;1;2;3",
    "48;2;9;8;7",
    "0;1;38;5;99;48;2;15;17;21",
    "22",
    "24;39",
    "49",
)

able = st.builds(Capabilities, st.booleans(), st.booleans(), st.booleans(), st.booleans())
pens = st.sampled_from([f"\x1b[{pen}m" for pen in PENS])
words = st.sampled_from(["foo", "   ", "a", "─", "✓", "xxxxxxxxxxxx", "é", "            ", "12s"])
lines = st.lists(st.tuples(pens, words), min_size=1, max_size=6)


def line(pieces: list[tuple[str, str]], columns: int) -> str:
    """Pieces of text as a program writes them: each with its pen, all of one width together."""
    written, width = "", 0
    for pen, word in pieces:
        text = word[: columns - width]
        written, width = f"{written}{pen}{text}\x1b[0m", width + len(text)
    return written + " " * (columns - width)


@st.composite
def frames(draw: st.DrawFn) -> list[str]:
    """Frames of a program: changed cells, erased rows, whole pages, and pages of which some lines moved."""
    written = []
    page = draw(st.lists(lines, min_size=LINES, max_size=LINES))
    for kind in draw(st.lists(st.sampled_from(["cells", "erase", "page", "scroll", "scroll"]), min_size=1, max_size=8)):
        y, x = draw(st.integers(0, LINES - 1)), draw(st.integers(0, COLUMNS - 1))
        frame = ""
        match kind:
            case "cells":
                frame = f"\x1b[{y + 1};{x + 1}H" + line(draw(lines), COLUMNS - x)
            case "erase":
                ground = draw(st.sampled_from(["0", "0;42", "0;48;2;9;8;7"]))
                frame = (
                    f"\x1b[{y + 1};{x + 1}H\x1b[{ground}m" + draw(st.sampled_from(["\x1b[K", "\x1b[1K"])) + "\x1b[0m"
                )
            case "page":
                page = draw(st.lists(lines, min_size=LINES, max_size=LINES))
            case _:
                bottom = draw(st.integers(y, LINES - 1))
                moved, new = page[y : bottom + 1], [draw(lines)]
                page[y : bottom + 1] = moved[1:] + new if draw(st.booleans()) else new + moved[:-1]
        frame = frame or "".join(f"\x1b[{row + 1};1H{line(pieces, COLUMNS)}" for row, pieces in enumerate(page))
        written.append(f"\x1b[?2026h{frame}\x1b[H\x1b[?2026l" if draw(st.booleans()) else f"{frame}\x1b[H")
    return written


def blank_terminal() -> Emulator:
    """A terminal as a program finds it, without wrapping."""
    terminal = Emulator(Screen(COLUMNS, LINES))
    # pyte keeps no cells for a row that nothing was written to.
    terminal.feed((MODES + "".join(f"\x1b[{y + 1}H\x1b[K" for y in range(LINES))).encode())
    return terminal


def cells(terminal: Emulator) -> list[list[Any]]:
    """What is seen: of a blank cell only its ground. Half of a wide character is a blank, as on real terminals."""
    return [
        [
            (" ", cell.bg)
            if _is_blank(row, x) and not (cell.underscore or cell.reverse or cell.strikethrough)
            else cell
            for x, cell in enumerate(row)
        ]
        for row in map(list, terminal.screen.snapshot())
    ]


def _is_blank(row: list[Any], x: int) -> bool:
    text = row[x].data
    if not text:
        is_half = x > 0 and row[x - 1].data and wcwidth(row[x - 1].data[0]) == 2
    else:
        is_half = wcwidth(text[0]) < 2 or (x + 1 < len(row) and not row[x + 1].data)
    if not is_half:
        row[x] = row[x]._replace(data=" ")
    return text == " " or not is_half
