"""The top line: environment, project, freshness, counts, runs per minute, clock.

Parts are dropped as the line gets narrower, but never the environment, READ-ONLY, the connection and `slow`. Source:
tui/ui/README.md.
"""

from collections.abc import Collection
from datetime import timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from tui.domain.environment import Environment
from tui.domain.text import Raw
from tui.domain.update import BudgetRead
from tui.present import formatting
from tui.present.frame.connection import ConnectionState, connection_state
from tui.present.frame.header_facts import HeaderFacts
from tui.present.sparkline import spark
from tui.present.styled import Line, Piece, Token, cut, fit, joined, line_width
from tui.store.activity import Minute
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

SLOW_LINK: Final = "slow link"
SLOW_LINK_SENTENCE: Final = "To save bytes, the cursor is only an edge, colours are fewer, and ages are in minutes."

_SHORT_BUDGET: Final = 4
"""The budget is short if less than this fraction of it is left."""

_MAX_CELLS: Final = {"slug": 12, "project": 40}
_MIN_REMARK: Final = 8
_GAP: Final = Piece("   ")


_DROPS: Final = ("clock", "minutes", "interval", "organisation", "link", "as of", "zone", "project", "budget")
_COUNTS_DROP: Final = ("delayed", "pending", "waiting", "queued", "executing", "failed")


def header_line(facts: HeaderFacts, width: int, *, is_colorless: bool = False, offline: str = "○") -> Line:
    """Return the line in exactly `width` cells.

    `is_colorless` puts the environment into brackets. `offline` is the mark of an offline source.
    """
    connection = connection_state(facts, offline)
    drops: list[str] = [] if width >= WIDE else ["clock", "minutes"] if _is_utc(facts) else ["minutes"]
    for drop in ("", *_DROPS):
        drops.append(drop)
        parts = _parts(facts, connection, drops, is_colorless=is_colorless)
        if parts.width <= width:
            return parts.line(width)
    for drop in ("", *_COUNTS_DROP):
        drops.append(drop)
        room = width - 2 - _parts(facts, ConnectionState(connection.head), drops, is_colorless=is_colorless).width
        if room >= min(_MIN_REMARK, line_width(connection.remark)):
            short = ConnectionState(connection.head, cut(connection.remark, room))
            return _parts(facts, short, drops, is_colorless=is_colorless).line(width)
    bare = _parts(facts, ConnectionState(connection.head), drops, is_colorless=is_colorless)
    return fit((Piece(" "), *bare.left), width)


def short_budget(budget: BudgetRead | None) -> BudgetRead | None:
    """Return the request budget if it is so short that the header shows it."""
    return budget if budget is not None and budget.remaining * _SHORT_BUDGET < budget.limit else None


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


def _parts(facts: HeaderFacts, connection: ConnectionState, drops: Collection[str], *, is_colorless: bool) -> _Parts:
    left = [environment_chip(facts, is_colorless=is_colorless)]
    if facts.environment is not None and "project" not in drops:
        left.append(project_words(facts.environment, facts.branch, drops))
    if facts.is_read_only:
        left.append((Piece("READ-ONLY", Token.BRIGHT, is_bold=True),))
    head = connection.head if "interval" in drops else (*connection.head, *connection.interval)
    left.append(joined(part for part in (head, connection.remark, _slow_link(facts, drops)) if part))
    # The chip ends with a space of its own.
    chip, *others = left
    middle = [part for part in (_budget(facts, drops), _counts(facts, drops)) if part]
    minutes = _minutes(facts, drops, is_colorless=is_colorless)
    right = [part for part in (minutes, _clock(facts, drops)) if part]
    return _Parts((*chip, Piece("  "), *joined(others, "   ")), joined(middle, "   "), joined(right, "   "))


def environment_chip(facts: HeaderFacts, *, is_colorless: bool) -> Line:
    """Return the chip of the environment, which is amber for production and while the environment is not known."""
    environment = facts.environment
    if environment is None:
        has_answer = facts.freshness.confirmed_at is not None
        name, token = ("PROD?", Token.CHIP) if has_answer else ("…", Token.GREY_CHIP)
    else:
        name = cut((Piece(environment.slug.upper()),), _MAX_CELLS["slug"])[0].text or "?"
        token = Token.CHIP if environment.is_production else Token.GREY_CHIP
    return (Piece(f"[{name}]" if is_colorless else f" {name} ", token, is_bold=True),)


def _slow_link(facts: HeaderFacts, drops: Collection[str]) -> Line:
    """Return the remark that bytes are saved. It gets shorter in a narrow header, but is never dropped."""
    return (Piece("slow" if "link" in drops else SLOW_LINK, Token.MUTED),) if facts.is_slow_link else ()


def project_words(environment: Environment, branch: str | None, drops: Collection[str]) -> Line:
    """Return `acme/api`, and the branch of a preview environment behind it."""
    organisation = "" if "organisation" in drops else environment.organisation
    name = "/".join(part for part in (organisation, environment.project) if part)
    line: Line = (Piece(Raw(name), Token.TEXT),)
    if branch:
        line = (*line, Piece(f" {branch}", Token.MUTED))
    return cut(line, _MAX_CELLS["project"])


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
            f"{letter}{formatting.count(count, at_least=_is_at_least(counts, name))}",
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


def _is_at_least(counts: StatusCounts, name: str) -> bool:
    return counts.is_failed_partial if name == "failed" else counts.is_live_partial


def _budget(facts: HeaderFacts, drops: Collection[str]) -> Line:
    budget = short_budget(facts.budget)
    if budget is None or "budget" in drops or facts.freshness.is_stale:
        return ()
    return (Piece(f"budget {formatting.count(budget.remaining)} of {formatting.count(budget.limit)}", Token.AMBER),)


def _minutes(facts: HeaderFacts, drops: Collection[str], *, is_colorless: bool) -> Line:
    if "minutes" in drops or facts.freshness.is_stale or not any(minute.run_count for minute in facts.minutes):
        return ()
    label, last = (
        Piece("runs/min ", Token.FAINT),
        Piece(f" {formatting.count(facts.minutes[-1].run_count)}", Token.MUTED),
    )
    return (label, *_bars(facts.minutes, by_shape=is_colorless), last)


@lru_cache(maxsize=1)
def _bars(minutes: tuple[Minute, ...], *, by_shape: bool) -> Line:
    """Draw the bars. They change rarely, and are half the time of a header that is made every second."""
    return spark(minutes, by_shape=by_shape)


def _clock(facts: HeaderFacts, drops: Collection[str]) -> Line:
    """Return the time and its zone. Without room for both, the zone alone, unless times are in UTC."""
    zone = formatting.zone_name(facts.at)
    if "clock" not in drops:
        return (Piece(f"{formatting.time_of_day(facts.at, facts.at)} {zone}", Token.FAINT),)
    return () if "zone" in drops or _is_utc(facts) else (Piece(zone, Token.FAINT),)


def _is_utc(facts: HeaderFacts) -> bool:
    return formatting.zone_name(facts.at) == "UTC"
