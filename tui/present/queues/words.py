"""The words and numbers of queues: health, shares of a limit, rates."""

from datetime import datetime, timedelta
from typing import Final

from tui.domain.text import Raw
from tui.present import formatting
from tui.present.styled import Line, Piece, Token
from tui.store.findings.board import QueueHealth, QueueRow

HEALTH_TOKENS: Final = {
    QueueHealth.AT_LIMIT: Token.AMBER,
    QueueHealth.STUCK: Token.AMBER,
    QueueHealth.PAUSED: Token.TEXT,
    QueueHealth.LATE: Token.AMBER,
    QueueHealth.BUSY: Token.TEXT,
    QueueHealth.FINE: Token.MUTED,
}
_GLYPHS: Final = {
    QueueHealth.AT_LIMIT: "○",
    QueueHealth.LATE: "○",
    QueueHealth.PAUSED: "‖",
    QueueHealth.STUCK: "!",
}
_MAX_PLAIN: Final = 99_999


def health_glyph(health: QueueHealth) -> Piece:
    """Return the sign before the name of a queue, a space if nothing is wrong with it."""
    token = Token.MUTED if health is QueueHealth.PAUSED else HEALTH_TOKENS[health]
    return Piece(_GLYPHS.get(health, " "), token)


def is_empty(row: QueueRow) -> bool:
    """Return whether nothing runs or waits in a queue, and nothing is wrong with it."""
    return row.running == 0 and row.queued == 0 and row.health is QueueHealth.FINE and not row.is_paused


def is_full(row: QueueRow) -> bool:
    """Return whether a queue runs as many runs as it may."""
    return row.limit is not None and row.running is not None and row.running >= row.limit


def waits(row: QueueRow) -> bool:
    """Return whether a run is known to wait in a queue."""
    return bool(row.queued) or row.oldest_at is not None


def number(value: int | None) -> str:
    """Return `1,204`, `120k` from 100,000 on, or `·`."""
    if value is None:
        return formatting.NONE
    return formatting.count(value) if value <= _MAX_PLAIN else f"{value // 1000:,}k"


def rate(value: float | None) -> str:
    """Return a number a minute: `14`, `1.5`, `<0.1`, or `·`."""
    if value is None:
        return formatting.NONE
    if value <= 0:
        return "0"
    if value < 0.05:
        return "<0.1"
    return f"{value:.1f}".removesuffix(".0") if value < 9.95 else f"{round(value):,}"


def share(running: int | None, limit: int | None, token: Token = Token.TEXT) -> Line:
    """Return `20/20` with a faint limit; without a limit only the running runs."""
    if running is None and limit is None:
        return (Piece(formatting.NONE, Token.MUTED),)
    runs = Piece(number(running), token)
    return (runs,) if limit is None else (runs, Piece(f"/{number(limit)}", Token.FAINT))


def share_text(running: int | None, limit: int | None) -> str:
    """Return the same as text."""
    return "".join(piece.text for piece in share(running, limit))


def for_how_long(since: datetime, now: datetime) -> str:
    """Return `22 min`."""
    return formatting.wait(max(now - since, timedelta()))


def reason_words(reason: Raw | str) -> str:
    """Return why something was not read, without a stop at its end."""
    return reason.strip().rstrip(".")
