"""Wraps sequences so that tmux and GNU screen hand them to the terminal around them."""

from typing import Final

MAX_SCREEN_STRING_BYTES: Final = 250
"""GNU screen drops a device control string of 768 bytes or more; version 4.0 one of 256 or more."""

_MAX_BYTES_OF_CHARACTER: Final = 4


def for_tmux(sequence: str) -> str:
    """Return a sequence that tmux hands on where `allow-passthrough` is on."""
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"


def for_screen(sequence: str) -> str:
    """Return a sequence that GNU screen hands on, in pieces. It must not contain ST, which would end a piece."""
    size = MAX_SCREEN_STRING_BYTES if sequence.isascii() else MAX_SCREEN_STRING_BYTES // _MAX_BYTES_OF_CHARACTER
    pieces = (sequence[start : start + size] for start in range(0, len(sequence), size))
    return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)
