"""Keeps the newest fact of each kind, and the last verdict."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, cast

from tui.domain.findings.facts import (
    NO_FACTS,
    SOURCE_OF,
    FactRead,
    FactSource,
    FactUnread,
    QueuesRead,
    Schedule,
    ScheduleKnown,
    ScheduleRunsRead,
    SchedulesRead,
    WallFacts,
)
from tui.domain.findings.finding import FindingsRead, SourceUnread, Verdict
from tui.domain.findings.intervals import DECIDING, INTERVALS, MAX_FAILING, PAGE_INTERVAL, age_shown
from tui.domain.wall_update import WallUpdate
from tui.store.changes import Topic

SET_BACK: Final = timedelta(seconds=60)
"""Answers of one source do not overtake each other by so much: the server's clock was set back. Then the last one
counts, or the facts would stay as they are until that clock is as far again."""

ROWS_PER_PAGE: Final = 100
"""Of tokens and schedules."""

_FIELDS: Final = {
    FactSource.MINUTES: "minutes",
    FactSource.NORMALS: "normals",
    FactSource.QUEUES: "queues",
    FactSource.WAITS: "waits",
    FactSource.SCHEDULES: "schedules",
    FactSource.TOKENS: "tokens",
    FactSource.DEPLOYMENTS: "deployments",
    FactSource.ERRORS: "errors",
}

MAX_PAUSE_GAP: Final = timedelta(minutes=1)
"""Between two reads that are further apart, nobody saw when a queue was paused."""


def recorded(
    facts: WallFacts | None, verdict: Verdict | None, update: WallUpdate
) -> tuple[WallFacts | None, Verdict | None, Topic | None]:
    """Return the facts and the verdict after an update, and the topic that changed.

    The newest `at` of a kind of fact wins, so that the order of arrival makes no difference (see `SET_BACK`). Of
    verdicts the last one wins: one judge makes them in order, and the first one may be dated by a local clock that is
    ahead of the server's.
    A fact that was read again and is the same changes nothing but its age.
    """
    if isinstance(update, FindingsRead):
        return facts, update.verdict, None if update.verdict == verdict else Topic.VERDICT
    known = facts or NO_FACTS
    fact = cast("FactRead", update)
    after = with_fact(known, fact)
    return after, verdict, None if after is known or _is_confirmed(known, fact) else Topic.WALL_FACTS


def with_fact(facts: WallFacts, fact: FactRead) -> WallFacts:
    """Return the facts with one more, `facts` itself if it is not newer than the known one."""
    match fact:
        case FactUnread():
            if _is_older(fact.at, facts, fact.source):
                return facts
            failed = facts.unread.get(fact.source)
            since = fact.since or (fact.at if failed is None else failed.since)
            return replace(facts, unread={**facts.unread, fact.source: replace(fact, since=since)})
        case ScheduleRunsRead():
            known = facts.schedule_runs.get(fact.schedule_id)
            if known is not None and (known.at == fact.at or _is_later(known.at, fact.at)):
                return facts
            listed = {each.id for each in facts.schedules.schedules} if facts.schedules is not None else None
            kept = {key: run for key, run in facts.schedule_runs.items() if listed is None or key in listed}
            return replace(facts, schedule_runs={**kept, fact.schedule_id: fact})
        case _:
            source = SOURCE_OF[type(fact)]
            if _is_older(fact.at, facts, source):
                return facts
            unread = {each: why for each, why in facts.unread.items() if each is not source}
            field: dict[str, Any] = {_FIELDS[source]: fact}
            if isinstance(fact, QueuesRead):
                field["paused_since"] = _paused_since(facts, fact)
                running = {each.id for each in fact.queues if not each.is_paused}
                before = () if facts.queues is None else facts.queues.queues
                if any(each.is_paused and each.id in running for each in before):
                    field["resumed_at"] = fact.at
            if isinstance(fact, SchedulesRead):
                field["schedules_since"] = _schedules_since(facts, fact)
            return replace(facts, unread=unread, **field)


def _is_confirmed(facts: WallFacts, fact: FactRead) -> bool:
    """Return whether a fact is the known one, read again."""
    before: FactRead | None
    match fact:
        case FactUnread():
            before = facts.unread.get(fact.source)
            fact = replace(fact, since=None if before is None else before.since)
        case ScheduleRunsRead():
            before = facts.schedule_runs.get(fact.schedule_id)
        case _:
            source = SOURCE_OF[type(fact)]
            before = None if source in facts.unread else getattr(facts, _FIELDS[source])
    return before is not None and replace(fact, at=before.at) == before


def read_at(facts: WallFacts, source: FactSource) -> datetime | None:
    """Return when a source last answered with a fact."""
    fact = getattr(facts, _FIELDS[source]) if source in _FIELDS else None
    return None if fact is None else cast("datetime", fact.at)


def _paused_since(facts: WallFacts, read: QueuesRead) -> dict[str, datetime]:
    """Return since when each paused queue is paused, as far as it was known without a pause shortly before.

    No answer has the time of a pause. Source: tests/wire/recordings/README.md §7 (recordings 606, 607).
    """
    before = facts.queues if facts.queues is not None and read.at - facts.queues.at <= MAX_PAUSE_GAP else None
    known = {} if before is None else {each.id: each.is_paused for each in before.queues}
    found = {}
    for each in read.queues:
        if each.is_paused and known.get(each.id) is False:
            found[each.id] = read.at
        elif each.is_paused and each.id in facts.paused_since:
            found[each.id] = facts.paused_since[each.id]
    return found


def interval_of(facts: WallFacts, source: FactSource) -> timedelta:
    """Return how often a source is read, with as many pages as it has."""
    count = 0
    if source is FactSource.TOKENS and facts.tokens is not None:
        count = len(facts.tokens.tokens)
    elif source is FactSource.SCHEDULES and facts.schedules is not None:
        count = len(facts.schedules.schedules)
    return max(INTERVALS[source], PAGE_INTERVAL * -(-count // ROWS_PER_PAGE))


def unread_sources(facts: WallFacts, now: datetime) -> tuple[SourceUnread, ...]:
    """Return the deciding sources without an answer, or with an old one; not those that the key may not read."""
    found = []
    for source in DECIDING:
        at, failed = read_at(facts, source), facts.unread.get(source)
        if failed is not None and failed.is_refused:
            continue
        is_old = at is None or age_shown(at, interval_of(facts, source), now) is not None
        has_failed_long = failed is not None and now - (failed.since or failed.at) > MAX_FAILING
        if is_old or has_failed_long:
            found.append(SourceUnread(source, None if failed is None else failed.reason, at))
    return tuple(found)


def _schedules_since(facts: WallFacts, read: SchedulesRead) -> dict[str, ScheduleKnown]:
    """Return since when each schedule has been known as it is: a changed one says nothing of earlier due times."""
    before = {each.id: each for each in facts.schedules.schedules} if facts.schedules is not None else None
    known = {}
    for each in read.schedules:
        older = None if before is None else before.get(each.id)
        if older is not None and _definition(older) == _definition(each) and each.id in facts.schedules_since:
            known[each.id] = facts.schedules_since[each.id]
        else:
            known[each.id] = ScheduleKnown(read.at, is_changed=before is not None)
    return known


def _definition(schedule: Schedule) -> tuple[object, ...]:
    return schedule.task, schedule.cron, schedule.zone, schedule.is_active


def _is_older(at: datetime, facts: WallFacts, source: FactSource) -> bool:
    unread, read = facts.unread.get(source), read_at(facts, source)
    return (unread is not None and _is_later(unread.at, at)) or (read is not None and _is_later(read, at))


def _is_later(known: datetime, at: datetime) -> bool:
    return timedelta() < known - at < SET_BACK
