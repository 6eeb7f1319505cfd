"""The texts of the rule above the list of queues, and the sentences in place of an empty list."""

from datetime import datetime, timedelta
from typing import Final

from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.columns import Now
from tui.present.key_words import tries_again
from tui.present.queues.words import READING, number, reason_words
from tui.present.styled import Line, Piece, Token, wrap

LATE_AFTER: Final = timedelta(seconds=45)
"""The age from which on queues are late. They are read every 15 s."""

_MAX_WIDTH: Final = 96
_WIDE: Final = 96
_DOT: Final = Piece(" · ", Token.MUTED)


@dataclass(frozen=True, slots=True)
class QueuesState:
    """How far the queues were read.

    * `read_at`: when the server sent them last; None before the first answer
    * `running`, `queued`: of the whole environment; None where no answer has them
    * `is_queued_least`: more runs may wait, since the waits were not read; `is_reading`: they are being read
    * `refusal`: why they are not asked for again; `failure`: why the last read failed
    * `is_public`: the key is a public token
    * `is_cut`: the server has more queues than were read, and the totals are those of the known ones
    * `is_paged`: the queues take several answers, of which `read_at` is the newest
    """

    read_at: datetime | None = None
    running: int | None = None
    queued: int | None = None
    refusal: str = ""
    failure: str = ""
    is_public: bool = False
    is_cut: bool = False
    is_paged: bool = False
    is_queued_least: bool = False
    is_reading: bool = False


def queues_left(order: str, typed: str) -> Line:
    """Return the typed filter and the order."""
    filtered = (_DOT, Piece(f"/{typed}", Token.TEXT)) if typed else ()
    return (*filtered, _DOT, Piece(order, Token.MUTED))


def queues_right(read: QueuesState, now: Now, width: int, shown: tuple[int, int] | None = None) -> Line:
    """Return `30 running · 304 queued · read 6 s ago`. `shown` are the queues that a filter lets through.

    Why they are no longer read comes first, because a narrow rule omits the end.
    """
    if read.read_at is None:
        return ()
    reason = read.refusal or read.failure
    parts: list[Line] = [(Piece(reason_words(reason), Token.AMBER),)] if reason and width >= _WIDE else []
    if shown is not None:
        parts.append(_shown_of(*shown))
    if shown is None or width >= _WIDE:
        parts += _totals(read)
    if read.is_cut and width >= _WIDE:
        parts.append((Piece("more queues exist", Token.AMBER),))
    parts.append(_age(read, now))
    line: Line = parts[0]
    for part in parts[1:]:
        line = (*line, _DOT, *part)
    return line


def _shown_of(shown: int, known: int) -> Line:
    return (Piece(f"{shown:,} of {formatting.plural(known, 'queue')}", Token.TEXT),)


def _totals(read: QueuesState) -> list[Line]:
    """Return the totals of the environment, with `≥` where more queues exist."""
    sign, parts = "≥" if read.is_cut else "", list[Line]()
    if read.running is not None:
        parts.append((Piece(f"{sign}{number(read.running)}", Token.TEXT), Piece(" running", Token.MUTED)))
    if read.queued is not None:
        token, least = Token.AMBER if read.queued else Token.TEXT, "≥" if read.is_queued_least else sign
        parts.append((Piece(f"{least}{number(read.queued)}", token), Piece(" queued", Token.MUTED)))
    else:
        parts.append((Piece(f"queued: {READING if read.is_reading else 'not known'}", Token.MUTED),))
    return parts


def _age(read: QueuesState, now: Now) -> Line:
    assert read.read_at is not None
    is_late = now.at - read.read_at > LATE_AFTER
    what = "a page read" if read.is_paged else "read"
    return (Piece(f"{what} {now.ago(read.read_at)}", Token.AMBER if is_late else Token.MUTED),)


def empty_queues_lines(read: QueuesState, width: int, *, is_filtered: bool) -> list[Line]:
    """Return the sentences in place of an empty list."""
    limit = min(width, _MAX_WIDTH)
    return [(Piece(text, Token.MUTED),) for text in wrap(_empty_sentence(read, is_filtered=is_filtered), limit)]


def _empty_sentence(read: QueuesState, *, is_filtered: bool) -> str:
    if read.refusal:
        if read.is_public:
            return "A public token may not read the list of queues: the server answers 401. A secret key may."
        return f"This key may not read the queues: {reason_words(read.refusal)}."
    if is_filtered:
        return "No queue contains these words. Esc clears the filter."
    if read.read_at is not None:
        return "This environment has no queues."
    if read.failure:
        return f"The queues could not be read: {reason_words(read.failure)}.{tries_again()}"
    return formatting.LOADING
