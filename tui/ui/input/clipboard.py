"""Texts for the clipboard of whoever sits at the terminal, which may be far away: the terminal is asked to take them.

What lives here: OSC 52, its ways through tmux and screen, and its bound. The terminal never says whether it did, so it
is called sent, not copied. What is sent stands in no log.
"""

import base64
from collections.abc import Callable, Mapping
from typing import Final

from tui.present import formatting
from tui.present.styled import Line, Piece, Token

MOST_BYTES: Final = 100_000
"""More than this some terminals drop without a word (xterm, tmux and screen have buffers of that order)."""

SCREEN_CHUNK: Final = 768
"""What GNU screen takes in one device control string."""


def osc52(text: str, environ: Mapping[str, str]) -> str:
    """The bytes, as text, that ask the terminal to put a text on its clipboard.

    Inside tmux both tmux itself (`set-clipboard on`) and, around it, the outer terminal (`allow-passthrough on`) are
    asked: which of the two is allowed nobody tells. Screen only passes on, in pieces.
    """
    # A lone surrogate has no bytes.
    encoded = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    plain = f"\x1b]52;c;{encoded}\x07"
    if environ.get("TMUX"):
        return plain + "\x1bPtmux;" + plain.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if environ.get("STY") or environ.get("TERM", "").startswith("screen"):
        pieces = (plain[start : start + SCREEN_CHUNK] for start in range(0, len(plain), SCREEN_CHUNK))
        wrapped = "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)
        # Over SSH that name may be tmux's, which takes the plain form and drops the other, as screen does the reverse.
        return wrapped if environ.get("STY") else plain + wrapped
    return plain


class Clipboard:
    """Sends texts to the terminal, and says so, or why not. `write` is the driver's, `notice` the footer's."""

    def __init__(
        self, environ: Mapping[str, str], write: Callable[[str], None], notice: Callable[[Line], None]
    ) -> None:
        self._environ = environ
        self._write = write
        self._notice = notice

    def send(self, name: str, text: str) -> None:
        """Ask the terminal to take a text; too long a one is not sent at all."""
        size = len(text.encode("utf-8", "replace"))
        if size > MOST_BYTES:
            most = formatting.size(MOST_BYTES)
            self._notice(
                (Piece(f"{name} is {formatting.size(size)}, more than a clipboard takes by terminal ({most})"),)
            )
            return
        self._write(osc52(text, self._environ))
        self._notice((Piece(f"{name} sent to the terminal", Token.MUTED),))
