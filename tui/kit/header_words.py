"""The words of the header: the state of the connection, the counts, the clock, and the terminal's title."""

from collections.abc import Collection
from dataclasses import field
from datetime import datetime, timedelta
from typing import Final, NamedTuple, assert_never

from tui.domain.run import RELAY, Environment
from tui.domain.text import Raw, clean
from tui.domain.update import BudgetRead, SourceRetrying, SourceStopped
from tui.kit.words import advice_on, retry_words, secondary_failure
from tui.lazy_dataclass import dataclass
from tui.store.freshness import Freshness, Level, Minute
from tui.store.indexes import StatusCounts
from tui.text import formatting
from tui.text.blocks import spark, with_key
from tui.text.status import ascii_line
from tui.text.styled import Line, Piece, Token, cut, fit, joined, line_width, plain

# The values from which the header, the terminal's title and the connection's state are made.


@dataclass(frozen=True, slots=True)
class HeaderFacts:
    """Everything that the header depends on.

    * `paused_at`: when the user stopped the updates; the screen shows the state of `frozen_at`
    * `waiting`: the number of changed runs that the pause holds back
    * `minutes`: whole minutes, the oldest first
    * `unchanged_for`: the time without a change while runs are live
    * `is_relayed`: all data comes from a relay
    * `reading`: the oldest request that has no answer yet, and the time after which it fails at the latest
    * `is_slow_link`: the monitor saves bytes for the terminal
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
    unchanged_for: timedelta | None = None
    is_relayed: bool = False
    is_slow_link: bool = False
    reading: tuple[str, timedelta] | None = None
    frozen_at: datetime | None = None


# The state of the connection in the header: live, polling, late, stale, offline, stopped or paused.
#
# A pause comes first, then the failure of the leading source, then the age of its last answer.


UNCHANGED_REMARK_FROM: Final = timedelta(minutes=2)
"""After this long without a change, although runs are live, the server may be returning old answers."""


_LIST: Final = "GET /api/v1/runs"
_PAUSE: Final = timedelta(seconds=1)
"""The time between a request that failed late and the next try."""


class ConnectionState(NamedTuple):
    """The pieces of the state. A narrow header drops the interval, and then cuts or drops the remark.

    * `head`: the state itself, which is never dropped
    * `remark`: the reason, the advice or the age after it
    * `interval`: the polling interval
    """

    head: Line
    remark: Line = ()
    interval: Line = ()


def connection_state(facts: HeaderFacts, offline_mark: str) -> ConnectionState:
    """Return the state to show. `offline_mark` is the glyph of a source that does not answer."""
    freshness = facts.freshness
    if facts.paused_at is not None:
        head = _alarm_line("‖ paused")
        if freshness.failure is not None or freshness.is_stale:
            return ConnectionState(head, _leading_state(facts, offline_mark).head)
        changed = f", {formatting.count(facts.waiting)} changed" if facts.waiting else ""
        since = formatting.age(facts.paused_at, facts.at, in_minutes=facts.is_slow_link)
        remark = f"{since} ago{changed}{with_key('pause', 'p', ', {} resumes')}"
        return ConnectionState(head, (Piece(remark, Token.MUTED),))
    return _leading_state(facts, offline_mark)


def _leading_state(facts: HeaderFacts, offline_mark: str) -> ConnectionState:
    """Return the state of the leading source: the one that the displayed data depends on."""
    freshness = facts.freshness
    match freshness.failure:
        case SourceStopped() as failure:
            advice = advice_on(failure, facts.api_url, is_relayed=facts.is_relayed).short
            return ConnectionState(_alarm_line(f"{offline_mark} stopped"), (Piece(advice, Token.AMBER),))
        case SourceRetrying() as failure if failure.is_answered:
            advice = f"try {failure.attempt}: {advice_on(failure, facts.api_url, is_relayed=facts.is_relayed).short}"
            advice += _after_comma(_reading(facts)) if failure.next_at <= facts.at else ""
            return ConnectionState(
                _alarm_line(f"{offline_mark} {retry_words(failure, facts.at)}"), (Piece(advice, Token.MUTED),)
            )
        case SourceRetrying() as failure:
            since = formatting.time_of_day(freshness.failure_since or failure.at, facts.at)
            subject = "no relay" if failure.source == RELAY else "offline"
            retry = retry_words(failure, facts.at) if failure.next_at > facts.at else _reading(facts) or "retrying now"
            return ConnectionState(_alarm_line(f"{offline_mark} {subject} since {since}"), (Piece(retry, Token.MUTED),))
        case None:
            return _state_by_age(facts)
        case _:
            assert_never(freshness.failure)


def _state_by_age(facts: HeaderFacts) -> ConnectionState:
    """Return the state of a source that has not failed, by the age of its last answer."""
    freshness = facts.freshness
    if freshness.confirmed_at is None:
        waited = f"for {formatting.wait(freshness.waited)}{_after_comma(_reading(facts))}"
        return ConnectionState((Piece("connecting…", Token.MUTED),), (_amber(waited),) if freshness.is_slow else ())
    age = formatting.age(freshness.confirmed_at, facts.at)
    via = " via relay" if facts.is_relayed else ""
    label = " relay" if freshness.leader == RELAY else f" {'live' if freshness.is_live else 'polling'}{via}"
    match freshness.level:
        case Level.STALE:
            reading = _reading(facts)
            head = _alarm_line(f"● no answer for {formatting.wait(facts.at - freshness.confirmed_at)}")
            return ConnectionState(head, (_amber(reading),) if reading else ())
        case Level.LATE:
            late = f"{age} old{_after_comma(_next_try(facts))}"
            return ConnectionState((Piece("●", Token.AMBER), Piece(label, Token.MUTED)), (_amber(late),))
        case Level.FRESH | Level.CONNECTING:
            head = (Piece("●", Token.GREEN), Piece(label, Token.MUTED))
            every = f" every {formatting.wait(freshness.interval)}"
            return ConnectionState(head, _remark(facts), () if freshness.is_live else (Piece(every, Token.MUTED),))
        case _:
            assert_never(freshness.level)


def _reading(facts: HeaderFacts) -> str:
    """Return a text like `next try within 31 s, r asks now, waits for the list`. A narrow header cuts off the end."""
    if facts.reading is None:
        return ""
    what = "the list" if facts.reading[0] == _LIST else facts.reading[0].partition(" ")[2]
    return f"{_next_try(facts)}{with_key('refresh', 'r', ', {} reads now')}, reading {what}"


def _next_try(facts: HeaderFacts) -> str:
    return "" if facts.reading is None else f"next try within {formatting.wait(facts.reading[1] + _PAUSE)}"


def _remark(facts: HeaderFacts) -> Line:
    """Return the most important remark while the data is fresh."""
    if facts.environment is None:
        return (_amber("environment not known, treated as production"),)
    if (other_failure := facts.freshness.other_failure) is not None:
        return (_amber(secondary_failure(other_failure, facts.at)),)
    if facts.unchanged_for is not None and facts.unchanged_for >= UNCHANGED_REMARK_FROM:
        return (Piece(f"unchanged for {formatting.wait(facts.unchanged_for)}", Token.MUTED),)
    return ()


def _after_comma(text: str) -> str:
    return f", {text}" if text else ""


def _amber(text: str) -> Piece:
    return Piece(text, Token.AMBER)


def _alarm_line(text: str) -> Line:
    return (Piece(text, Token.AMBER, is_bold=True),)


# The top line: environment, project, freshness, counts, runs per minute, clock.
#
# Parts are dropped as the line gets narrower, but never the environment, READ-ONLY, the connection and `slow`. Source:
# tui/kit/README.md.


WIDE: Final = 110
"""Below this width, runs per minute are dropped; in UTC the clock is, too."""

COUNTS_OLD_AFTER: Final = timedelta(seconds=60)
"""Counts are requested every 10 s. After a minute without an answer they are marked as old."""

COUNTS_AGE_FROM: Final = timedelta(seconds=3)
"""If the server's counts cannot be updated from run changes, their age is shown once it is this long."""

COUNTS: Final = (
    ("queued", "Q", Token.MUTED, "Queued; after +, delayed or pending version."),
    ("executing", "E", Token.BLUE, "Executing or dequeued."),
    ("waiting", "W", Token.MUTED, "Waiting."),
    ("failed", "✗", Token.ROSE, "Failed in the period."),
)
"""The counts by their field: letter, colour, and meaning for the page of keys."""


def split_queued(counts: StatusCounts) -> str:
    """Return what is in the number after Q: `3 queued, 5 delayed, 2 pending version`; empty if all are queued."""
    parts = {"queued": counts.queued, "delayed": counts.delayed, "pending version": counts.pending_version}
    shown = [f"{formatting.count(number)} {name}" for name, number in parts.items() if number]
    return ", ".join(shown) if counts.all_queued > counts.queued else ""


SLOW_LINK: Final = "slow link"
SLOW_LINK_SENTENCE: Final = "To save bytes, the cursor is only an edge, colours are fewer, and ages are in minutes."

_SHORT_BUDGET: Final = 4
"""The budget is short if less than this fraction of it is left."""

_MAX_CELLS: Final = {"slug": 12, "project": 40}
_MIN_REMARK: Final = 8
_GAP: Final = Piece("   ")


_DROPS: Final = ("clock", "minutes", "interval", "organisation", "link", "as of", "zone", "project", "budget")
_COUNTS_DROP: Final = ("waiting", "queued", "executing", "failed")


def header_line(facts: HeaderFacts, width: int, *, is_colorless: bool = False, offline: str = "○") -> Line:
    """Return the line in exactly `width` cells.

    `is_colorless` puts the environment into brackets. `offline` is the mark of an offline source.
    """
    connection = connection_state(facts, offline)
    drops: list[str] = [] if width >= WIDE else ["clock", "minutes"] if _is_utc(facts) else ["minutes"]
    least = line_width(connection.remark)
    for drop in ("", *_DROPS, *_COUNTS_DROP):
        drops.append(drop)
        if drop == _DROPS[-1]:  # only the counts are left beside it: cut the remark before a count is dropped
            least = min(_MIN_REMARK, least)
        left, right = _parts(facts, connection, drops, is_colorless=is_colorless)
        excess = line_width(left) + line_width((_GAP, *right) if right else ()) + 2 - width
        if excess <= line_width(connection.remark) - least:
            remark = cut(connection.remark, line_width(connection.remark) - max(0, excess))
            left, right = _parts(facts, connection._replace(remark=remark), drops, is_colorless=is_colorless)
            spare = width - line_width(left) - line_width(right) - 2
            return (Piece(" "), *left, Piece(" " * spare), *right, Piece(" "))
    left, _ = _parts(facts, connection._replace(remark=()), drops, is_colorless=is_colorless)
    return fit((Piece(" "), *left), width)


def _parts(
    facts: HeaderFacts, connection: ConnectionState, drops: Collection[str], *, is_colorless: bool
) -> tuple[Line, Line]:
    """Return what stands at the left and at the right end. Budget and counts are at the right if nothing else is."""
    left = [environment_chip(facts, is_colorless=is_colorless)]
    if facts.environment is not None and "project" not in drops:
        left.append(project_words(facts.environment, facts.branch, drops))
    if facts.is_read_only:
        left.append((Piece("READ-ONLY", Token.BRIGHT, is_bold=True),))
    slow: Line = (Piece("slow" if "link" in drops else SLOW_LINK, Token.MUTED),) if facts.is_slow_link else ()
    head = connection.head if "interval" in drops else (*connection.head, *connection.interval)
    left.append(joined(part for part in (head, connection.remark, slow) if part))
    # The chip ends with a space of its own.
    chip, *others = left
    middle = joined((part for part in (_budget(facts, drops), _counts(facts, drops)) if part), "   ")
    right = joined(
        (part for part in (_minutes(facts, drops, is_colorless=is_colorless), _clock(facts, drops)) if part), "   "
    )
    if right and middle:
        others.append(middle)
    return (*chip, Piece("  "), *joined(others, "   ")), right or middle


def environment_chip(facts: HeaderFacts, *, is_colorless: bool) -> Line:
    """Return the chip of the environment, which is amber for production and while the environment is not known."""
    environment = facts.environment
    if environment is None:
        name, token = ("…", Token.GREY_CHIP) if facts.freshness.confirmed_at is None else ("PROD?", Token.CHIP)
    else:
        name = cut((Piece(environment.slug.upper()),), _MAX_CELLS["slug"])[0].text or "?"
        token = Token.CHIP if environment.is_production else Token.GREY_CHIP
    return (Piece(f"[{name}]" if is_colorless else f" {name} ", token, is_bold=True),)


def project_words(environment: Environment, branch: str | None, drops: Collection[str]) -> Line:
    """Return `acme/api`, and the branch of a preview environment after it."""
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
    pieces = [
        Piece(
            f"{letter}{formatting.count(count, at_least=_is_at_least(counts, name))}{_later(counts, name)}",
            token if old_since is None else Token.MUTED,
            is_bold=token is Token.ROSE and old_since is None,
        )
        for name, letter, token, _ in COUNTS
        if ((count := getattr(counts, name)) or _later(counts, name)) and name not in drops
    ]
    if pieces and old_since is not None and "as of" not in drops:
        pieces.append(Piece(f"as of {formatting.time_of_day(old_since, facts.at)}", Token.FAINT))
    elif pieces and age >= COUNTS_AGE_FROM and "as of" not in drops:
        pieces.append(Piece(f"{formatting.age(counts.counted_at, facts.at)} old", Token.FAINT))
    return joined((piece,) for piece in pieces)


def _later(counts: StatusCounts, name: str) -> str:
    """Return the runs that are not to start yet, for after those that wait: `+3`."""
    later = counts.all_queued - counts.queued
    return f"+{formatting.count(later)}" if later and name == "queued" else ""


def _is_at_least(counts: StatusCounts, name: str) -> bool:
    return counts.is_failed_partial if name == "failed" else counts.is_live_partial


def _budget(facts: HeaderFacts, drops: Collection[str]) -> Line:
    budget = facts.budget
    is_short = budget is not None and budget.remaining * _SHORT_BUDGET < budget.limit
    if budget is None or not is_short or "budget" in drops or facts.freshness.is_stale:
        return ()
    return (Piece(f"rate limit {formatting.count(budget.remaining)} of {formatting.count(budget.limit)}", Token.AMBER),)


def _minutes(facts: HeaderFacts, drops: Collection[str], *, is_colorless: bool) -> Line:
    if "minutes" in drops or facts.freshness.is_stale or not any(minute.run_count for minute in facts.minutes):
        return ()
    last = Piece(f" {formatting.count(facts.minutes[-1].run_count)}", Token.MUTED)
    return (Piece("runs/min ", Token.FAINT), *spark(facts.minutes, by_shape=is_colorless), last)


def _clock(facts: HeaderFacts, drops: Collection[str]) -> Line:
    """Return the time and its zone. Without room for both, the zone alone, unless times are in UTC."""
    zone = formatting.zone_name(facts.at)
    if "clock" not in drops:
        return (Piece(f"{formatting.time_of_day(facts.at, facts.at)} {zone}", Token.FAINT),)
    return () if "zone" in drops or _is_utc(facts) else (Piece(zone, Token.FAINT),)


def _is_utc(facts: HeaderFacts) -> bool:
    return formatting.zone_name(facts.at) == "UTC"


# The title of the terminal's window: failed runs, environment, project.


MAX_TITLE_CELLS: Final = 60
PROGRAM: Final = "trigger-tui"

_NO_TITLE: Final = frozenset({
    "ansi", "bterm", "cons25", "dumb", "eterm", "fbterm", "jfbterm", "linux", "pcansi", "sun", "unknown", "vt52",
    "vt100", "vt102", "vt220", "vt320", "wsvt25",
})  # fmt: skip
"""The first words of TERM of terminals that have no title and may print the sequence that sets one."""


def supports_title(term: str) -> bool:
    """Return whether a terminal with this TERM has a title."""
    return term != "" and term.partition("-")[0] not in _NO_TITLE


def terminal_title(facts: HeaderFacts, *, is_ascii: bool = False) -> str:
    """Return one clean line, like `✗3 PROD acme/shop`.

    Unknown counts are left out. The line starts with `○` while the data is not confirmed.
    """
    freshness, environment = facts.freshness, facts.environment
    parts: list[str] = []
    if freshness.confirmed_at is not None:
        if freshness.failure is not None or freshness.is_stale:
            parts.append("o" if is_ascii else "○")
        failed, is_least = facts.counts.failed, facts.counts.is_failed_partial
        if failed or not is_least:
            parts.append(f"✗{formatting.count(failed, at_least=is_least)}")
    if environment is not None:
        names = (environment.organisation, environment.project)
        parts += [environment.slug.upper(), "/".join(name for name in names if name), facts.branch or ""]
    elif freshness.confirmed_at is not None:
        parts.append("PROD?")
    line = cut((Piece(" ".join(clean(part) for part in parts if part) or PROGRAM),), MAX_TITLE_CELLS)
    return plain(ascii_line(line) if is_ascii else line).strip()
