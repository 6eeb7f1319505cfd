"""The words and numbers of queues: health, shares of a limit, rates."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, assert_never

from tui.domain.facts import PlaceHolder
from tui.domain.finding import Standstill, StandstillReason
from tui.domain.text import Raw, clean
from tui.store.findings.board import QueueHealth, QueueRow
from tui.text import formatting
from tui.text.formatting import waited
from tui.text.styled import Line, Piece, Token

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
READING: Final = "reading"
MAX_NAMED: Final = 3
"""Tasks that are named as those that hold places."""

MAX_NAME_CHARS: Final = 60


def health_glyph(health: QueueHealth) -> Piece:
    """Return the sign before the name of a queue, a space if nothing is wrong with it."""
    token = Token.MUTED if health is QueueHealth.PAUSED else HEALTH_TOKENS[health]
    return Piece(_GLYPHS.get(health, " "), token)


def is_empty(row: QueueRow) -> bool:
    """Return whether no run is known to run or wait in a queue, and nothing is wrong with it."""
    return row.running == 0 and not row.has_waiting and row.health is QueueHealth.FINE and not row.is_paused


def is_full(row: QueueRow) -> bool:
    """Return whether a queue runs as many runs as it may."""
    return row.limit is not None and row.running is not None and row.running >= row.limit


def queued_text(row: QueueRow, zero: str = "") -> str:
    """Return how many runs wait: `301`, `≥301`, `zero`; `reading` until that is known, `·` where it is not read."""
    if row.queued is None:
        return READING if row.is_reading else formatting.NONE
    return f"{'≥' if row.is_least else ''}{number(row.queued)}" if row.queued else zero


def places_text(
    running: int | None, limit: int | None, holders: Sequence[PlaceHolder], at: datetime, whose: str = ""
) -> str:
    """Return who holds the places of a queue at its limit: `20 of 20 places: 20 send-campaign, longest 2m`.

    Where more runs execute than hold places, some of them wait and have given theirs back: no answer says which.
    """
    head = f"{number(running)} of {number(limit)} places{whose}"
    total = sum(each.runs for each in holders)
    if not total:
        return head
    if running is not None and total > running:
        head = f"{head}, {number(total)} runs execute"
    shown = [f"{number(each.runs)} {clean(each.task[:MAX_NAME_CHARS])}" for each in holders[:MAX_NAMED]]
    others = max(total, running or 0) - sum(each.runs for each in holders[:MAX_NAMED])
    if others:
        shown.append(f"{number(others)} {'others' if len(holders) > MAX_NAMED else 'not known'}")
    longest = min((each.since for each in holders if each.since is not None), default=None)
    last = "" if longest is None else f", longest {waited(max(at - longest, timedelta()))}"
    return f"{head}: {', '.join(shown)}{last}"


def full_limit_text(name: str, running: int | None, total: int | None) -> str:
    """Return `perhaps the limit payments, 5 of 5`. No answer says which limits the runs of a queue hold."""
    share = "paused" if total is None else f"{number(running)} of {number(total)}"
    return f"perhaps the limit {clean(name[:MAX_NAME_CHARS])}, {share}"


def standstill_text(still: Standstill, at: datetime, now: datetime) -> str:
    """Return `paused since 14:02`, `the environment is paused` or `no worker seen for 4m`. `now` has the zone."""
    match still.reason:
        case StandstillReason.QUEUE_PAUSED:
            return "paused" if still.since is None else f"paused since {formatting.time_of_day(still.since, now)}"
        case StandstillReason.LIMIT_PAUSED:
            return "its limit is paused"
        case StandstillReason.ENVIRONMENT_PAUSED:
            return "the environment is paused"
        case StandstillReason.NO_WORKER:
            return "no worker seen" if still.since is None else f"no worker seen for {waited(at - still.since)}"
        case _:
            assert_never(still.reason)


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


def reason_words(reason: Raw | str) -> str:
    """Return why something was not read, without a stop at its end."""
    return reason.strip().rstrip(".")
