"""Sends text to the clipboard of the user's terminal, which may be on another machine.

It uses the escape sequence OSC 52, also through tmux and GNU screen. Terminals never confirm it, so the notice says
"sent", not "copied". The text is never logged.
"""

import base64
from collections.abc import Callable, Mapping
from typing import Final

from tui.text import formatting
from tui.text.styled import Line, Piece, Token

MAX_BYTES: Final = 100_000
"""Some terminals silently drop a longer text: the buffers of xterm, tmux and GNU screen are about this large."""


def osc52(text: str, environ: Mapping[str, str]) -> str:
    """Return the escape sequences that put a text on the terminal's clipboard.

    Inside tmux there are two: one for tmux itself (`set-clipboard on`) and one that tmux forwards to the terminal
    (`allow-passthrough on`). The program cannot find out which option is on. GNU screen only forwards sequences, in
    pieces of limited size.
    """
    from tui.kit.terminal.output import for_screen, for_tmux  # noqa: PLC0415  the first rows do not need it

    # "replace": UTF-8 cannot encode a lone surrogate.
    encoded = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    plain = f"\x1b]52;c;{encoded}\x07"
    if environ.get("TMUX"):
        return plain + for_tmux(plain)
    if environ.get("STY") or environ.get("TERM", "").startswith("screen"):
        wrapped = for_screen(plain)
        # Without STY (over SSH) TERM=screen may also mean tmux. tmux drops the wrapped form, GNU screen the plain one.
        return wrapped if environ.get("STY") else plain + wrapped
    return plain


class Clipboard:
    """Sends texts to the clipboard. `write` writes to the terminal, `show_notice` shows the result in the footer."""

    def __init__(
        self, environ: Mapping[str, str], write: Callable[[str], None], show_notice: Callable[[Line], None]
    ) -> None:
        self._environ = environ
        self._write = write
        self._show_notice = show_notice

    def send(self, name: str, text: str) -> None:
        """Send a text, unless it is larger than `MAX_BYTES`. The notice calls it `name`."""
        size = len(text.encode("utf-8", "replace"))
        if size > MAX_BYTES:
            limits = f"{formatting.size(size)}; terminals take up to {formatting.size(MAX_BYTES)}"
            self._show_notice((Piece(f"{name} is too large to copy: {limits}"),))
            return
        self._write(osc52(text, self._environ))
        self._show_notice((Piece(f"{name} sent to the terminal", Token.MUTED),))
