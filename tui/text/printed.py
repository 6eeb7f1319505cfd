"""Puts outside text into Markdown, so that it stays text: in a code span, or in a fenced block.

Inside of both, Markdown and HTML mean nothing. A fence that is longer than every row of backticks in the text cannot be
closed by it (CommonMark 0.31.2, sections 4.5 and 6.1).
"""

import re

from tui.domain.text import Raw, clean

_BACKTICKS = re.compile("`+")
_MIN_FENCE = 3


def code_span(text: Raw | str) -> str:
    """Return a text as inline code on one line. Line breaks become symbols, as everywhere; an empty text is `""`."""
    shown = clean(text) or '""'
    fence = "`" * (_longest_row(shown) + 1)
    # One space at each end is dropped when the Markdown is read, so that the text may begin or end with a backtick.
    needs_spaces = "`" in (shown[0], shown[-1]) or (shown[0] == shown[-1] == " " and shown.strip(" ") != "")
    edge = " " if needs_spaces else ""
    return f"{fence}{edge}{shown}{edge}{fence}"


def code_block(text: Raw | str, language: str = "text") -> list[str]:
    """Return a text as the lines of a fenced block."""
    shown = clean(text.replace("\r\n", "\n"), lines=True).rstrip("\n")
    fence = "`" * max(_MIN_FENCE, _longest_row(shown) + 1)
    return [f"{fence}{language}", *(line.rstrip(" ") for line in shown.split("\n")), fence]


def _longest_row(text: str) -> int:
    return max((len(row) for row in _BACKTICKS.findall(text)), default=0)
