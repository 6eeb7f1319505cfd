"""The top line: environment, project, freshness, counts, runs per minute, clock.

Parts are dropped as the line gets narrower, but never the environment, READ-ONLY and the connection. The module is
longer than 300 lines because the text of a part and the order of dropping belong together. Source: tui/ui/README.md.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple, assert_never

from tui.domain.environment import Environment
from tui.domain.source_names import RELAY
from tui.domain.text import Raw
from tui.domain.update import BudgetRead, SourceRetrying, SourceStopped
from tui.present import formatting
from tui.present.frame.trouble import advice_on, secondary_trouble
from tui.present.sparkline import spark
from tui.present.styled import Line, Piece, Token, cut, fit, joined, line_width
from tui.store.activity import Minute
from tui.store.freshness import Freshness, Level
from tui.store.status_counts import StatusCounts

WIDE: Final = 110
"""From this width on the right end has runs per minute and the clock."""

COUNTS_OLD_AFTER: Final = timedelta(seconds=60)
"""Counts are requested every 10 s. After a minute without an answer they are marked as old."""

COUNTS_AGE_FROM: Final = timedelta(seconds=3)
"""Counts that cannot be updated from run changes show their age from here on."""

COUNT_LETTERS: Final = (
    ("Q", "queued"),
    ("D", "delayed (in the tree: queued)"),
    ("P", "pending a version (in the tree: queued)"),
    ("E", "executing or dequeued"),
    ("W", "waiting"),
    ("✗", "failed in the period"),
)
"""The letters of the counts, for the page of keys."""

QUIET_FROM: Final = timedelta(minutes=2)
"""Nothing changed for this long although runs are live: a server that returns old answers looks the same."""

_SHORT_BUDGET: Final = 4
"""The budget is short if less than this fraction of it is left."""

_MAX_CELLS: Final = {"slug": 12, "project": 40}
_MIN_REMARK: Final = 8
_GAP: Final = Piece("   ")


@dataclass(frozen=True, slots=True)
class HeaderFacts:
    """Everything that the line depends on.

    Updates stopped at `paused_at`: `waiting` changed runs are held back, and the screen shows the state of `frozen_at`.
    `minutes` are whole ones, the oldest first. `quiet` is the time without changes although runs are live. `is_relayed`
    means that all data comes from a relay.
    """

    at: datetime
    freshness: Freshness
    api_url: str = ""
    environment: Environment | None = None
    branch: str | None = None
    is_read_only: bool = False
    counts: StatusCounts = field(default_factory=StatusCounts)
    budget: BudgetRead | None = None
    paused_at: datetime | None = None
    waiting: int = 0
    minutes: tuple[Minute, ...] = ()
    quiet: timedelta | None = None
    is_relayed: bool = False
    frozen_at: datetime | None = None


class _Connection(NamedTuple):
    """The part that is never dropped, a remark behind it while there is room, and the polling interval."""

    head: Line
    remark: Line = ()
    pace: Line = ()


_DROPS: Final = ("clock", "minutes", "pace", "as of", "organisation", "project", "budget")
_COUNTS_DROP: Final = ("delayed", "pending", "waiting", "queued", "executing", "failed")


def header_line(facts: HeaderFacts, width: int, *, is_colorless: bool = False, offline: str = "○") -> Line:
    """Return the line in exactly `width` cells.

    `is_colorless` puts the environment into brackets. `offline` is the mark of an offline source.
    """
    connection = _connection(facts, offline)
    drops: list[str] = [] if width >= WIDE else ["clock", "minutes"]
    for drop in ("", *_DROPS):
        drops.append(drop)
        parts = _parts(facts, connection, drops, is_colorless=is_colorless)
        if parts.width <= width:
            return parts.line(width)
    for drop in ("", *_COUNTS_DROP):
        drops.append(drop)
        room = width - 2 - _parts(facts, _Connection(connection.head), drops, is_colorless=is_colorless).width
        if room >= min(_MIN_REMARK, line_width(connection.remark)):
            short = _Connection(connection.head, cut(connection.remark, room))
            return _parts(facts, short, drops, is_colorless=is_colorless).line(width)
    bare = _parts(facts, _Connection(connection.head), drops, is_colorless=is_colorless)
    return fit((Piece(" "), *bare.left), width)


class _Parts(NamedTuple):
    left: Line
    middle: Line
    right: Line

    @property
    def width(self) -> int:
        """The cells of all parts, with the gaps between them and one free cell on both sides."""
        others = [part for part in (self.middle, self.right) if part]
        return 1 + line_width(self.left) + sum(3 + line_width(part) for part in others) + 1

    def line(self, width: int) -> Line:
        """Return left and right part at their ends. The middle follows the left part, or is at the right end."""
        left: Line = (Piece(" "), *self.left)
        right = self.right or self.middle
        if self.right and self.middle:
            left = (*left, _GAP, *self.middle)
        spare = width - line_width(left) - line_width(right) - 1
        return _with_room((*left, Piece(" " * spare), *right, Piece(" ")))


def _with_room(line: Line) -> Line:
    """Move a space into the piece of `≥`, whose ASCII form is two cells wide and replaces the space."""
    out: list[Piece] = []
    for piece in line:
        if "≥" in piece.text and out and out[-1].text.endswith(" "):
            gap = out.pop()
            out += [gap._replace(text=gap.text[:-1]), piece._replace(text=f" {piece.text}")]
        else:
            out.append(piece)
    return tuple(out)


def _parts(facts: HeaderFacts, connection: _Connection, drops: Collection[str], *, is_colorless: bool) -> _Parts:
    left = [_environment(facts, is_colorless=is_colorless)]
    if facts.environment is not None and "project" not in drops:
        left.append(_project(facts.environment, facts.branch, drops))
    if facts.is_read_only:
        left.append((Piece("READ-ONLY", Token.BRIGHT, is_bold=True),))
    head = connection.head if "pace" in drops else (*connection.head, *connection.pace)
    left.append(joined(part for part in (head, connection.remark) if part))
    # The chip ends with a space of its own.
    chip, *others = left
    middle = [part for part in (_budget(facts, drops), _counts(facts, drops)) if part]
    minutes = _minutes(facts, drops, is_colorless=is_colorless)
    right = [part for part in (minutes, _clock(facts, drops)) if part]
    return _Parts((*chip, Piece("  "), *joined(others, "   ")), joined(middle, "   "), joined(right, "   "))


def _environment(facts: HeaderFacts, *, is_colorless: bool) -> Line:
    environment = facts.environment
    if environment is None:
        is_asked = facts.freshness.confirmed_at is not None
        name, token = ("PROD?", Token.CHIP) if is_asked else ("…", Token.GREY_CHIP)
    else:
        name = cut((Piece(environment.slug.upper()),), _MAX_CELLS["slug"])[0].text or "?"
        token = Token.CHIP if environment.is_production else Token.GREY_CHIP
    return (Piece(f"[{name}]" if is_colorless else f" {name} ", token, is_bold=True),)


def _project(environment: Environment, branch: str | None, drops: Collection[str]) -> Line:
    organisation = "" if "organisation" in drops else environment.organisation
    name = "/".join(part for part in (organisation, environment.project) if part)
    line: Line = (Piece(Raw(name), Token.TEXT),)
    if branch:
        line = (*line, Piece(f" {branch}", Token.MUTED))
    return cut(line, _MAX_CELLS["project"])


def _connection(facts: HeaderFacts, offline: str) -> _Connection:
    freshness = facts.freshness
    if facts.paused_at is not None:
        head = _alarm_line("‖ paused")
        if freshness.trouble is not None or freshness.is_stale:
            return _Connection(head, _source(facts, offline).head)
        waiting = f", {formatting.count(facts.waiting)} waiting" if facts.waiting else ""
        remark = f"{formatting.wait(facts.at - facts.paused_at)} ago{waiting}, p resumes"
        return _Connection(head, (Piece(remark, Token.MUTED),))
    return _source(facts, offline)


def _source(facts: HeaderFacts, offline: str) -> _Connection:
    """Return the state of the leading source."""
    freshness = facts.freshness
    match freshness.trouble:
        case SourceStopped() as trouble:
            said = advice_on(trouble, facts.api_url, is_relayed=facts.is_relayed).short
            return _Connection(_alarm_line(f"{offline} stopped"), (Piece(said, Token.AMBER),))
        case SourceRetrying() as trouble if trouble.is_answered:
            said = f"try {trouble.attempt}: {advice_on(trouble, facts.api_url, is_relayed=facts.is_relayed).short}"
            return _Connection(_alarm_line(f"{offline} {_retrying(facts, trouble)}"), (Piece(said, Token.MUTED),))
        case SourceRetrying() as trouble:
            since = formatting.time_of_day(freshness.trouble_since or trouble.at, facts.at)
            who = "no relay" if trouble.source == RELAY else "offline"
            return _Connection(
                _alarm_line(f"{offline} {who} since {since}"), (Piece(_retrying(facts, trouble), Token.MUTED),)
            )
        case None:
            return _fresh(facts)
        case _:
            assert_never(freshness.trouble)


def _fresh(facts: HeaderFacts) -> _Connection:
    """Return the state of a source without trouble, by the age of its last answer."""
    freshness = facts.freshness
    if freshness.confirmed_at is None:
        waited = (Piece(f"for {formatting.wait(freshness.waited)}", Token.AMBER),) if freshness.is_slow else ()
        return _Connection((Piece("connecting…", Token.MUTED),), waited)
    age = formatting.wait(facts.at - freshness.confirmed_at)
    via = " via relay" if facts.is_relayed else ""
    way = " relay" if freshness.leader == RELAY else f" {'live' if freshness.is_live else 'polling'}{via}"
    match freshness.level:
        case Level.STALE:
            return _Connection(_alarm_line(f"● no answer for {age}"))
        case Level.LATE:
            return _Connection((Piece("●", Token.AMBER), Piece(way, Token.MUTED)), (_amber(f"{age} old, late"),))
        case Level.FRESH | Level.CONNECTING:
            head = (Piece("●", Token.GREEN), Piece(way, Token.MUTED))
            pace = () if freshness.is_live else (Piece(f" every {formatting.wait(freshness.interval)}", Token.MUTED),)
            return _Connection(head, _remark(facts), pace)
        case _:
            assert_never(freshness.level)


def _remark(facts: HeaderFacts) -> Line:
    """Return the most important remark while the data is fresh."""
    if facts.environment is None:
        return (_amber("environment not known, treated as production"),)
    if (other_trouble := facts.freshness.other_trouble) is not None:
        return (_amber(secondary_trouble(other_trouble, facts.at)),)
    if facts.quiet is not None and facts.quiet >= QUIET_FROM:
        return (Piece(f"no change for {formatting.wait(facts.quiet)}", Token.MUTED),)
    return ()


def _amber(text: str) -> Piece:
    return Piece(text, Token.AMBER)


def _retrying(facts: HeaderFacts, trouble: SourceRetrying) -> str:
    left = trouble.next_at - facts.at
    return f"retrying in {formatting.wait(left)}" if left > timedelta(seconds=0.5) else "retrying now"


def _alarm_line(text: str) -> Line:
    return (Piece(text, Token.AMBER, is_bold=True),)


def _counts(facts: HeaderFacts, drops: Collection[str]) -> Line:
    counts, freshness = facts.counts, facts.freshness
    old_since = facts.frozen_at or (freshness.confirmed_at if freshness.is_stale else None)
    age = timedelta() if counts.counted_at is None else facts.at - counts.counted_at
    if old_since is None and age > COUNTS_OLD_AFTER:
        old_since = counts.counted_at
    families = (
        ("queued", "Q", counts.queued, Token.MUTED),
        ("delayed", "D", counts.delayed, Token.MUTED),
        ("pending", "P", counts.pending_version, Token.AMBER),
        ("executing", "E", counts.executing, Token.BLUE),
        ("waiting", "W", counts.waiting, Token.MUTED),
        ("failed", "✗", counts.failed, Token.ROSE),
    )
    pieces = [
        Piece(
            f"{letter}{formatting.count(count, at_least=_is_least(counts, name))}",
            token if old_since is None else Token.MUTED,
            is_bold=token is Token.ROSE and old_since is None,
        )
        for name, letter, count, token in families
        if count and name not in drops
    ]
    if pieces and old_since is not None and "as of" not in drops:
        pieces.append(Piece(f"as of {formatting.time_of_day(old_since, facts.at)}", Token.FAINT))
    elif pieces and age >= COUNTS_AGE_FROM and "as of" not in drops:
        pieces.append(Piece(f"{formatting.wait(age)} old", Token.FAINT))
    return joined((piece,) for piece in pieces)


def _is_least(counts: StatusCounts, name: str) -> bool:
    return counts.is_failed_partial if name == "failed" else counts.is_live_partial


def _budget(facts: HeaderFacts, drops: Collection[str]) -> Line:
    budget = facts.budget
    if budget is None or "budget" in drops or facts.freshness.is_stale:
        return ()
    if budget.remaining * _SHORT_BUDGET >= budget.limit:
        return ()
    return (Piece(f"budget {formatting.count(budget.remaining)} of {formatting.count(budget.limit)}", Token.AMBER),)


def _minutes(facts: HeaderFacts, drops: Collection[str], *, is_colorless: bool) -> Line:
    if "minutes" in drops or facts.freshness.is_stale or not any(minute.run_count for minute in facts.minutes):
        return ()
    label, last = (
        Piece("runs/min ", Token.FAINT),
        Piece(f" {formatting.count(facts.minutes[-1].run_count)}", Token.MUTED),
    )
    return (label, *spark(facts.minutes, by_shape=is_colorless), last)


def _clock(facts: HeaderFacts, drops: Collection[str]) -> Line:
    return () if "clock" in drops else (Piece(f"{formatting.time_of_day(facts.at, facts.at)} UTC", Token.FAINT),)
