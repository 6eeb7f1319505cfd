"""The state of the connection in the header: live, polling, late, stale, offline, stopped or paused.

A pause comes first, then the failure of the leading source, then the age of its last answer.
"""

from datetime import timedelta
from typing import Final, NamedTuple, assert_never

from tui.domain.source_names import RELAY
from tui.domain.update import SourceRetrying, SourceStopped
from tui.present import formatting
from tui.present.frame.failure import advice_on, retry_words, secondary_failure
from tui.present.frame.header_facts import HeaderFacts
from tui.present.key_words import with_key
from tui.present.styled import Line, Piece, Token
from tui.store.freshness import Level

UNCHANGED_REMARK_FROM: Final = timedelta(minutes=2)
"""After this long without a change, although runs are live, the server may be returning old answers."""


_LIST: Final = "GET /api/v1/runs"
_PAUSE: Final = timedelta(seconds=1)
"""Between a request that failed after a long time and the next try."""


class ConnectionState(NamedTuple):
    """The pieces of the state. A narrow header drops the interval, and then cuts or drops the remark.

    * `head`: the state itself, which is never dropped
    * `remark`: the reason, the advice or the age behind it
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
            return ConnectionState(head, _source_state(facts, offline_mark).head)
        waiting = f", {formatting.count(facts.waiting)} waiting" if facts.waiting else ""
        since = formatting.wait(facts.at - facts.paused_at, in_minutes=facts.is_slow_link)
        remark = f"{since} ago{waiting}{with_key('pause', 'p', ', {} resumes')}"
        return ConnectionState(head, (Piece(remark, Token.MUTED),))
    return _source_state(facts, offline_mark)


def _source_state(facts: HeaderFacts, offline_mark: str) -> ConnectionState:
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
    age = formatting.wait(facts.at - freshness.confirmed_at)
    via = " via relay" if facts.is_relayed else ""
    label = " relay" if freshness.leader == RELAY else f" {'live' if freshness.is_live else 'polling'}{via}"
    match freshness.level:
        case Level.STALE:
            reading = _reading(facts)
            return ConnectionState(_alarm_line(f"● no answer for {age}"), (_amber(reading),) if reading else ())
        case Level.LATE:
            late = f"{age} old, late{_after_comma(_next_try(facts))}"
            return ConnectionState((Piece("●", Token.AMBER), Piece(label, Token.MUTED)), (_amber(late),))
        case Level.FRESH | Level.CONNECTING:
            head = (Piece("●", Token.GREEN), Piece(label, Token.MUTED))
            every = f" every {formatting.wait(freshness.interval)}"
            return ConnectionState(head, _remark(facts), () if freshness.is_live else (Piece(every, Token.MUTED),))
        case _:
            assert_never(freshness.level)


def _reading(facts: HeaderFacts) -> str:
    """Return when the program tries again at the latest, and what it waits for. A narrow header cuts the end."""
    if facts.reading is None:
        return ""
    label, _ = facts.reading
    what = "the list" if label == _LIST else label.partition(" ")[2]
    return f"{_next_try(facts)}{with_key('refresh', 'r', ', {} asks now')}, waits for {what}"


def _next_try(facts: HeaderFacts) -> str:
    return "" if facts.reading is None else f"next try within {formatting.wait(facts.reading[1] + _PAUSE)}"


def _remark(facts: HeaderFacts) -> Line:
    """Return the most important remark while the data is fresh."""
    if facts.environment is None:
        return (_amber("environment not known, treated as production"),)
    if (other_failure := facts.freshness.other_failure) is not None:
        return (_amber(secondary_failure(other_failure, facts.at)),)
    if facts.unchanged_for is not None and facts.unchanged_for >= UNCHANGED_REMARK_FROM:
        return (Piece(f"no change for {formatting.wait(facts.unchanged_for)}", Token.MUTED),)
    return ()


def _after_comma(text: str) -> str:
    return f", {text}" if text else ""


def _amber(text: str) -> Piece:
    return Piece(text, Token.AMBER)


def _alarm_line(text: str) -> Line:
    return (Piece(text, Token.AMBER, is_bold=True),)
