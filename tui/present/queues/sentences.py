"""The four sentences about a queue: since when, its blocker, why, and whether it drains.

A sentence is a bright part that answers, and a faint part with other known facts. A sentence says only what an answer
of the server contains.
"""

from datetime import datetime, timedelta
from typing import Final

from tui.domain.findings.finding import StandstillReason
from tui.present import formatting
from tui.present.columns import Now
from tui.present.errors.groups.words import error_line
from tui.present.queues.facts import HolderSpeed, QueueFacts
from tui.present.queues.words import (
    READING,
    full_limit_text,
    is_full,
    number,
    places_text,
    share_text,
    standstill_text,
)
from tui.present.styled import Line, Piece, Token
from tui.present.wall.durations import brief_duration, waited
from tui.store.findings.board import QueueHealth, QueueRow
from tui.store.findings.bounds import is_slower

NOT_KNOWN: Final = "not known"
NOT_SLOW: Final = "are not slow"
OTHER_DAYS: Final = "on other days"
MIN_QUIET_MINUTES: Final = 2
"""From this on, the speed of the runs that ended says nothing about those that execute."""

_MAX_DRAIN: Final = timedelta(days=2)
_MAX_RATE_AGE: Final = timedelta(seconds=45)
"""The waits are read every 15 s. If they are older, their minute is not the last one."""

_MINUTE: Final = timedelta(minutes=1)
_QUIET_AFTER: Final = timedelta(seconds=20)
"""If no run has started, or come, for so long, the numbers of the minute say nothing of now."""

_STANDSTILL: Final = {
    StandstillReason.QUEUE_PAUSED: "no run leaves the queue while it is paused",
    StandstillReason.LIMIT_PAUSED: "no run leaves the queue while its limit is paused",
    StandstillReason.ENVIRONMENT_PAUSED: "no run leaves the queue while the environment is paused",
    StandstillReason.NO_WORKER: "no run starts without a worker",
}
Sentence = tuple[Line, Line]
"""The answer, and the faint remark behind it. Both may be empty."""


def sentences(facts: QueueFacts, now: Now) -> list[tuple[str, Sentence]]:
    """Return the sentences with their labels."""
    unread: Sentence = (Piece(facts.stage.words, Token.MUTED),), ()
    return [
        ("since", _since(facts, now)),
        ("blocked", _blocked(facts, now)),
        ("why", unread if facts.is_unread else _why(facts)),
        ("drains", _drains(facts, now)),
    ]


def _text(text: str) -> Line:
    return (Piece(text, Token.TEXT),) if text else ()


def _faint(text: str) -> Line:
    return (Piece(text, Token.FAINT),) if text else ()


def _since(facts: QueueFacts, now: Now) -> Sentence:
    row = facts.row
    if row.health is QueueHealth.FINE:
        return _text("nothing is wrong") if row.queued is not None else _unknown(row), ()
    word = row.health.value
    if row.health is QueueHealth.AT_LIMIT:
        word = f"{word} {share_text(row.running, row.limit)}"
    if row.since is None:
        return _text(NOT_KNOWN), _faint(word)
    at = now.frozen_at or now.at
    since = f"{formatting.time_of_day(row.since, now.at)}, for {waited(at - row.since)}"
    return _text(since), _faint(word)


def _unknown(row: QueueRow) -> Line:
    return (Piece(READING, Token.MUTED),) if row.is_reading else _text(NOT_KNOWN)


def _blocked(facts: QueueFacts, now: Now) -> Sentence:
    row = facts.row
    if row.is_paused:
        return _text("the queue is paused"), _faint("nothing waits" if row.queued == 0 else "")
    if row.queued == 0:
        return _text("nothing waits"), ()
    if row.queued is None and row.is_reading:
        return _unknown(row), ()
    if row.standstill is not None and row.has_waiting:
        return _text(standstill_text(row.standstill, now.frozen_at or now.at, now.at)), ()
    if is_full(row):
        places = places_text(row.running, row.limit, row.holders, now.frozen_at or now.at)
        return _text(f"by its own limit, {places}"), ()
    if not row.has_waiting:
        return _text(NOT_KNOWN), _faint("how many runs wait was not read")
    if facts.full_limits:
        first = facts.full_limits[0]
        more = f", or {len(facts.full_limits) - 1:,} others" if len(facts.full_limits) > 1 else ""
        words = f"{full_limit_text(first.name, first.running, first.total)}{more}"
        return _text(words), _faint("the server does not say which limits a queue has")
    own = "" if row.limit is None or row.running is None else f"not by its limit {share_text(row.running, row.limit)}"
    return _text("by nothing that the server tells"), _faint(own)


def _why(facts: QueueFacts) -> Sentence:
    hour, words = facts.hour, _speed_words(facts)
    remark: Line = ()
    if hour is not None and hour.failed:
        count = formatting.count(hour.failed, at_least=hour.is_cut)
        remark = _faint(f"{count} failed")
        if facts.error is not None:
            remark = (Piece(f"{count} failed: ", Token.FAINT), *error_line(facts.error, Token.FAINT, Token.FAINT))
    elif facts.error is not None:
        remark = (Piece("newest failure: ", Token.FAINT), *error_line(facts.error, Token.FAINT, Token.FAINT))
    quiet = _quiet_minutes(facts)
    if words and quiet:
        before = words if OTHER_DAYS in words else f"before that, {words.replace(' take ', ' took ', 1)}"
        return _text(f"no run has ended for {quiet} min"), (*_faint(f"{before}  "), *remark) if remark else _faint(
            before
        )
    if words:
        return _text(words), remark
    if facts.failure:
        return _text(NOT_KNOWN), _faint(facts.failure)
    if hour is None or facts.holder is not None:
        return (Piece(NOT_KNOWN, Token.MUTED),), remark
    return _text("no run ended in the last hour"), remark


def _speed_words(facts: QueueFacts) -> str:
    """Return how long the runs take that hold the places, or else those of the queue: only slow ones are a reason."""
    tasks = () if facts.hour is None else facts.hour.tasks
    task = tasks[0] if len(tasks) > 1 else None
    task, p95, normal = facts.holder or HolderSpeed(task, facts.p95, facts.normal_p95)
    runs = "runs" if task is None else f"runs of {task}"
    if p95 is None:
        is_reason = facts.holder is not None and normal is not None
        return f"{runs} take {brief_duration(normal)} at p95 {OTHER_DAYS}" if is_reason else ""
    if facts.holder is None and normal is not None and not is_slower(p95, normal):
        return f"{runs} {NOT_SLOW}: {brief_duration(p95)} at p95, normal {brief_duration(normal)}"
    return f"{runs} take {brief_duration(p95)} at p95, normal {NOT_KNOWN if normal is None else brief_duration(normal)}"


def _quiet_minutes(facts: QueueFacts) -> int:
    """Return for how many whole minutes no run has ended although some execute; 0 where that is usual or not known."""
    if facts.hour is None or not facts.row.running:
        return 0
    known = [index for index, each in enumerate(facts.hour.p95) if each is not None]
    quiet = len(facts.hour.p95) - 2 - known[-1] if known else 0
    normal = facts.normal_p95 if facts.holder is None else facts.holder.normal_p95
    is_unusual = normal is None or timedelta(minutes=quiet) > normal
    return quiet if quiet >= MIN_QUIET_MINUTES and is_unusual else 0


def _drains(facts: QueueFacts, now: Now) -> Sentence:
    """Return whether it drained in the last minute: nothing says what the next one brings."""
    row = facts.row
    if row.queued == 0:
        return _text("nothing waits"), ()
    if row.standstill is not None:
        return _text(_STANDSTILL[row.standstill.reason]), _faint(_rates(facts, now))
    arrived, started = row.arrived_per_min, row.started_per_min
    if arrived is None or started is None:
        if row.is_reading:
            return _unknown(row), ()
        return _text(NOT_KNOWN), _faint("how many runs come and start was not read")
    stopped, ended = _quiet_since(facts, started, row.newest_start), _quiet_since(facts, arrived, row.newest_arrival)
    if stopped is not None:
        return _text(f"no: none started since {formatting.clock(stopped, now.at)}"), _faint(_rates(facts, now))
    coming = 0.0 if ended is not None else arrived
    if started <= coming:
        return _text(f"{'not yet' if started else 'no'}: {_rates(facts, now)}"), ()
    left = timedelta(minutes=row.queued / (started - coming)) if row.queued else _MAX_DRAIN
    remark = f"empty in about {formatting.wait(left)} at this rate" if left < _MAX_DRAIN else ""
    if ended is not None:
        rest = ", ".join(part for part in (_rates(facts, now), remark) if part)
        return _text(f"yes: none came since {formatting.clock(ended, now.at)}"), _faint(rest)
    return _text(f"yes: {_rates(facts, now)}"), _faint(remark)


def _rates(facts: QueueFacts, now: Now) -> str:
    """Return `27 runs came, 14 started in the last minute`; empty where they are not known."""
    arrived, started = facts.row.arrived_per_min, facts.row.started_per_min
    if arrived is None or started is None:
        return ""
    if not round(arrived) and not round(started):
        return f"no run came or started {_when(facts, now)}"
    came = f"{formatting.plural(round(arrived), 'run')} came" if round(arrived) else "no run came"
    return f"{came}, {number(round(started)) if round(started) else 'none'} started {_when(facts, now)}"


def _when(facts: QueueFacts, now: Now) -> str:
    """Return the minute of the rates in words. That of an old answer is not the last one."""
    read_at = facts.waits_at
    if read_at is None or (now.frozen_at or now.at) - read_at <= _MAX_RATE_AGE:
        return "in the last minute"
    return f"in the minute before {formatting.clock(read_at, now.at)}"


def _quiet_since(facts: QueueFacts, per_min: float, newest: datetime | None) -> datetime | None:
    """Return the time of the last start or arrival, if none followed it for long before the last read.

    `per_min` is how many there were in the last minute: long is three times their usual distance.
    """
    read_at = facts.waits_at
    if not per_min or newest is None or read_at is None:
        return None
    return newest if read_at - newest > max(_QUIET_AFTER, 3 * _MINUTE / per_min) else None
