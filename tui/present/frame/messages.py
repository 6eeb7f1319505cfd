"""The lines of the page `:messages`, which lists what went wrong, the newest last."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.styled import Line, Piece, Token, wrap

_MAX_WIDTH: Final = 110
NOTHING: Final = "Nothing went wrong so far."


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was added `count` times, first at `first_at` and last at `at`."""

    at: datetime
    text: str
    first_at: datetime
    count: int = 1


def message_lines(message: Message, now: datetime, width: int) -> list[Line]:
    """Return a message in lines of at most `width` cells (at least 30): time, text, and how often it was added."""
    time = f"{_to_the_second(message.at, now)}  "
    first, *others = wrap(message.text, min(max(width, 30) - len(time), _MAX_WIDTH))
    lines: list[Line] = [(Piece(time, Token.FAINT), Piece(first))]
    blank = Piece(" " * len(time))
    lines += [(blank, Piece(row)) for row in others]
    if message.count > 1:
        often = f"{formatting.count(message.count)} times since {_to_the_second(message.first_at, now)}"
        lines.append((blank, Piece(often, Token.FAINT)))
    return lines


def no_messages() -> Sequence[Line]:
    """Return the text of an empty page."""
    return [(), (Piece(NOTHING, Token.MUTED),)]


def _to_the_second(at: datetime, now: datetime) -> str:
    local = at.astimezone(now.tzinfo)
    return f"{local:%H:%M:%S}" if local.date() == now.date() else f"{local:%m-%d %H:%M:%S}"
