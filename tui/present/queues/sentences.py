"""The four sentences about a queue: since when, its blocker, why, and whether it drains.

A sentence is a bright part that answers, and a faint part with other known facts. A sentence says only what an answer
of the server contains.
"""

from datetime import timedelta
from typing import Final

from tui.present import formatting
from tui.present.columns import Now
from tui.present.errors.groups.words import error_line
from tui.present.queues.facts import QueueFacts
from tui.present.queues.words import for_how_long, is_full, rate, share_text, waits
from tui.present.styled import Line, Piece, Token
from tui.present.wall.durations import brief_duration
from tui.store.findings.board import QueueHealth

NOT_KNOWN: Final = "not known"
MIN_QUIET_MINUTES: Final = 2
"""From this on, the speed of the runs that ended says nothing about those that execute."""

_MAX_DRAIN: Final = timedelta(days=2)
Sentence = tuple[Line, Line]
"""The answer, and the faint remark behind it. Both may be empty."""


def sentences(facts: QueueFacts, now: Now) -> list[tuple[str, Sentence]]:
    """Return the sentences with their labels."""
    unread: Sentence = (Piece(facts.stage.words, Token.MUTED),), ()
    return [
        ("since", _since(facts, now)),
        ("blocked", _blocked(facts)),
        ("why", unread if facts.is_unread else _why(facts)),
        ("drains", _drains(facts)),
    ]


def _text(text: str) -> Line:
    return (Piece(text, Token.TEXT),) if text else ()


def _faint(text: str) -> Line:
    return (Piece(text, Token.FAINT),) if text else ()


def _since(facts: QueueFacts, now: Now) -> Sentence:
    row = facts.row
    if row.health is QueueHealth.FINE:
        return _text("nothing is wrong"), ()
    word = row.health.value
    if row.health is QueueHealth.AT_LIMIT:
        word = f"{word} {share_text(row.running, row.limit)}"
    if row.since is None:
        return _text(word), _faint(f"since when is {NOT_KNOWN}")
    at = now.frozen_at or now.at
    since = f"{formatting.time_of_day(row.since, now.at)}, {for_how_long(row.since, at)}"
    return _text(since), _faint(word)


def _blocked(facts: QueueFacts) -> Sentence:
    row = facts.row
    environment = _environment_words(facts)
    if row.is_paused:
        return _text("the queue is paused"), _faint("" if waits(row) else "nothing waits")
    if row.queued == 0 and not waits(row):
        return _text("nothing waits"), ()
    if is_full(row):
        other = f"by the environment too {environment}" if facts.is_environment_full else ""
        known = facts.environment_limit is not None and facts.environment_running is not None
        rest = other or (f"not by the environment {environment}" if known else "")
        return _text(f"by its own limit {share_text(row.running, row.limit)}"), _faint(rest)
    own = "" if row.limit is None or row.running is None else f"not by its limit {share_text(row.running, row.limit)}"
    if facts.is_environment_full:
        return _text(f"by the environment {environment}"), _faint(own)
    if not waits(row):
        return _text(NOT_KNOWN), _faint("the server does not say how many runs wait")
    known = facts.environment_limit is not None and facts.environment_running is not None
    parts = [own, f"not by the environment {environment}" if known else ""]
    return _text("by nothing that the server tells"), _faint(", ".join(part for part in parts if part))


def _environment_words(facts: QueueFacts) -> str:
    return f"({share_text(facts.environment_running, facts.environment_limit)})"


def _why(facts: QueueFacts) -> Sentence:
    p95, normal, hour = facts.p95, facts.normal_p95, facts.hour
    tasks = () if hour is None else hour.tasks
    whose = f" of {tasks[0]}" if len(tasks) > 1 else ""
    words = "" if p95 is None else f"runs{whose} take {brief_duration(p95)} at p95"
    if words and normal is not None:
        words = f"{words}, normal {brief_duration(normal)}"
    elif words:
        words = f"{words}, normal {NOT_KNOWN}"
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
        before = f"before that, {words.replace(' take ', ' took ', 1)}"
        return _text(f"no run has ended for {quiet} min"), (*_faint(f"{before}  "), *remark) if remark else _faint(
            before
        )
    if words:
        return _text(words), remark
    if facts.failure:
        return _text(NOT_KNOWN), _faint(facts.failure)
    if hour is None:
        return (Piece(NOT_KNOWN, Token.MUTED),), remark
    return _text("no run ended in the last hour"), remark


def _quiet_minutes(facts: QueueFacts) -> int:
    """Return for how many whole minutes no run has ended although some execute; 0 where that is usual or not known."""
    if facts.hour is None or not facts.row.running:
        return 0
    known = [index for index, each in enumerate(facts.hour.p95) if each is not None]
    quiet = len(facts.hour.p95) - 2 - known[-1] if known else 0
    is_unusual = facts.normal_p95 is None or timedelta(minutes=quiet) > facts.normal_p95
    return quiet if quiet >= MIN_QUIET_MINUTES and is_unusual else 0


def _drains(facts: QueueFacts) -> Sentence:
    row = facts.row
    if row.queued == 0 and not waits(row):
        return _text("nothing waits"), ()
    if row.is_paused:
        return _text("not while it is paused"), _faint(_rates(facts))
    arrived, started = row.arrived_per_min, row.started_per_min
    if arrived is None or started is None:
        return _text(NOT_KNOWN), _faint("how many runs come and start was not read")
    if started <= arrived:
        return _text(f"not by itself: {_rates(facts)}"), ()
    left = None if row.queued is None else timedelta(minutes=row.queued / (started - arrived))
    remark = "" if left is None or left > _MAX_DRAIN else f"empty in about {formatting.wait(left)}"
    return _text(f"by itself: {_rates(facts)}"), _faint(remark)


def _rates(facts: QueueFacts) -> str:
    """Return `27 runs a minute come, 14 start`; empty where they are not known."""
    arrived, started = facts.row.arrived_per_min, facts.row.started_per_min
    if arrived is None or started is None:
        return ""
    comes = "1 run a minute comes" if rate(arrived) == "1" else f"{rate(arrived)} runs a minute come"
    return f"{comes}, {rate(started)} {'starts' if rate(started) == '1' else 'start'}"
