"""An animated SVG of a terminal: frames of its screen, shown one after the other in an endless loop.

Rows that several frames share are drawn once, so that a frame costs little more than what changed. The animation is
CSS, which also runs where the SVG is an image of a README. Readers who prefer reduced motion see the last frame.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from tests.perf.terminal import Terminal
from tests.support.drawing import GROUND, Color, colors_of

CELL_WIDTH: Final = 8
CELL_HEIGHT: Final = 17
BASELINE: Final = 13
MARGIN: Final = 10
_WORDS: Final = re.compile(r"\S+(?: \S+)*")
"""Text without two spaces side by side."""

FONT: Final = "'DejaVu Sans Mono', Menlo, Consolas, monospace"

Style = tuple[Color, Color, bool]
"""Ink, ground, bold."""

Row = tuple[tuple[str, Style], ...]
"""The pieces of one row, each of one style."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What a terminal showed, and for how long the animation shows it."""

    rows: tuple[Row, ...]
    shown_s: float


def frame_of(terminal: Terminal, shown_s: float) -> Frame:
    """The terminal's screen as a frame."""
    screen = terminal.screen
    rows = []
    for y in range(screen.lines):
        cells = [screen.buffer[y][x] for x in range(screen.columns)]
        rows.append(tuple(("".join(cell.data for cell in piece), style) for style, piece in _pieces(cells)))
    return Frame(tuple(rows), shown_s)


def animated_svg(frames: Sequence[Frame], columns: int) -> str:
    """All frames in one SVG, stacked; an animation moves the stack by one frame at a time."""
    height = len(frames[0].rows) * CELL_HEIGHT
    numbers: dict[Row, int] = {}
    styles: dict[Style, str] = {}
    stack = []
    for index, frame in enumerate(frames):
        uses = "".join(
            f'<use href="#r{numbers.setdefault(row, len(numbers))}" y="{y * CELL_HEIGHT}"/>'
            for y, row in enumerate(frame.rows)
            if any(text.strip() or style[1] != GROUND for text, style in row)
        )
        stack.append(f'<g transform="translate(0 {index * height})">{uses}</g>')
    rows = "".join(f'<g id="r{number}">{_drawn(row, styles)}</g>' for row, number in numbers.items())
    width = columns * CELL_WIDTH
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + 2 * MARGIN} {height + 2 * MARGIN}">\n'
        f"<style>{_styles(styles)}{_keyframes(frames, height)}</style>\n"
        f'<rect width="100%" height="100%" rx="8" fill="{_hex(GROUND)}"/>\n<defs>{rows}</defs>\n'
        f'<svg x="{MARGIN}" y="{MARGIN}" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<g class="stack">{"".join(stack)}</g></svg>\n</svg>\n'
    )


def _pieces(cells: Sequence[Any]) -> Iterator[tuple[Style, list[Any]]]:
    """Neighbouring cells of one style. pyte leaves an empty cell behind a wide character."""
    for style, piece in groupby(cells, key=lambda cell: (*colors_of(cell), cell.bold)):
        yield style, list(piece)


def _drawn(row: Row, styles: dict[Style, str]) -> str:
    """One row as SVG: a rectangle for each ground that is not the page's, then its texts."""
    grounds, texts, column = [], [], 0
    for text, style in row:
        x, length = column * CELL_WIDTH, len(text)
        if style[1] != GROUND:
            size = f'width="{length * CELL_WIDTH}" height="{CELL_HEIGHT}"'
            grounds.append(f'<rect x="{x}" {size} fill="{_hex(style[1])}"/>')
        name = styles.setdefault((style[0], GROUND, style[2]), f"s{len(styles)}") if text.strip() else ""
        # Viewers may join spaces: each word stands at its own place.
        texts += [
            f'<tspan class="{name}" x="{x + word.start() * CELL_WIDTH}" textLength="{len(word[0]) * CELL_WIDTH}">'
            f"{html.escape(word[0])}</tspan>"
            for word in _WORDS.finditer(text)
        ]
        column += length
    return "".join(grounds) + (f'<text y="{BASELINE}">{"".join(texts)}</text>' if texts else "")


def _styles(styles: dict[Style, str]) -> str:
    base = f"text{{font:13px {FONT};white-space:pre}}"
    return base + "".join(
        f".{name}{{fill:{_hex(ink)}{';font-weight:bold' if is_bold else ''}}}"
        for (ink, _, is_bold), name in styles.items()
    )


def _keyframes(frames: Sequence[Frame], height: int) -> str:
    """The times at which the stack moves, in per cent of the whole, and the still picture for reduced motion."""
    total_s = sum(frame.shown_s for frame in frames)
    steps, at_s = [], 0.0
    for index, frame in enumerate(frames):
        steps.append(f"{100 * at_s / total_s:.2f}%{{transform:translateY({-index * height}px)}}")
        at_s += frame.shown_s
    last = f"{-(len(frames) - 1) * height}px"
    return (
        f".stack{{animation:play {total_s:.1f}s step-end infinite}}@keyframes play{{{''.join(steps)}}}"
        f"@media (prefers-reduced-motion:reduce){{.stack{{animation:none;transform:translateY({last})}}}}"
    )


def _hex(color: Color) -> str:
    return f"#{color[0]:02x}{color[1]:02x}{color[2]:02x}"
