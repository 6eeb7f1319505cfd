"""A line on the terminal's stderr that says how far a command is, and is drawn over by its next text."""

import os
from collections.abc import Callable
from typing import Final

from tui.domain.text import Raw
from tui.output import Output
from tui.present.styled import Piece, cut, line_width, plain

MIN_INTERVAL_S: Final = 0.1
"""Between two texts. A command may be a hundred reads further each second."""


class ProgressLine:
    """The progress of one command. Without a terminal it writes nothing but the lines of `say`."""

    def __init__(self, output: Output, monotonic_s: Callable[[], float]) -> None:
        self._output = output
        self._monotonic_s = monotonic_s
        self._is_shown = output.stderr_fd is not None and os.isatty(output.stderr_fd)
        self._limit = output.reading_width - 1  # A text in the last column would break the line.
        self._text = ""
        self._width = 0
        self._drawn_s: float | None = None

    def show(self, text: str) -> None:
        """Draw a text over the one before, unless that was drawn just now."""
        now_s = self._monotonic_s()
        if not self._is_shown or (self._drawn_s is not None and now_s - self._drawn_s < MIN_INTERVAL_S):
            return
        self._drawn_s = now_s
        self._draw(text)

    def _draw(self, text: str) -> None:
        if not text:
            return
        line = cut((Piece(text),), self._limit)
        before, self._text, self._width = self._width, text, line_width(line)
        self._output.prompt(plain(line) + " " * max(0, before - self._width), control="\r")

    def clear(self) -> None:
        """Remove the text."""
        if self._width:
            self._output.prompt(" " * self._width, control="\r")
            self._width = 0

    def say(self, text: Raw | str) -> None:
        """Print a line on stderr that stays, above the progress."""
        shown = self._text if self._width else ""
        self.clear()
        self._output.say(text)
        self._draw(shown)
