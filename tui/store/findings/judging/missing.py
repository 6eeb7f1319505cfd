"""MISSING: schedules whose due time has passed without a run.

A schedule is missing only if the server was asked for its runs after the due time, and has none since. Due times before
the program knew the schedule count only where its newest run shows that it ran as it is now, or where the server names
one as the next.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from tui.domain.findings.facts import Schedule, WallFacts
from tui.domain.findings.finding import Finding, FindingSubject, FindingWord, ScheduleMissed, SubjectKind
from tui.domain.text import Raw
from tui.store.filter_words import as_value
from tui.store.findings.due_times import last_due, next_due
from tui.store.findings.own_counts import OwnCounts

MISSED_AFTER: Final = timedelta(seconds=60)
"""After the server should have started it. It spreads schedules over some seconds, and a list lags behind."""

MAX_DUE_BEFORE: Final = 3
"""A schedule may have been switched off. If it missed more due times before the program knew it, it probably was."""

ASKED_BEFORE: Final = timedelta(seconds=15)
"""So soon before another due time counts, a schedule is not asked for: each may be asked for few times a minute."""

MAX_IDLE_DEVELOPMENT: Final = timedelta(minutes=5)
"""In a development environment no run and no schedule starts while no `dev` command runs."""

_CLOCK_SKEW: Final = timedelta(seconds=1)


def needs_schedule_runs(facts: WallFacts, now: datetime, own: OwnCounts | None = None) -> tuple[str, ...]:
    """Return the ids of schedules whose newest run decides whether they are missing: each once for a due time.

    The last due time comes first, since few can be asked for at once.
    """
    found: list[tuple[datetime, str]] = []
    for each in _active(facts):
        due_at = _last_overdue(each, now)
        runs = facts.schedule_runs.get(each.id)
        if due_at is None or (runs is not None and runs.at >= due_at + _patience(each)):
            continue
        if own is None or not _has_run(facts, own, each, due_at):
            found.append((due_at, each.id))
    return tuple(schedule_id for _, schedule_id in sorted(found, reverse=True))


def schedules_to_ask(facts: WallFacts, now: datetime, own: OwnCounts | None = None) -> tuple[str, ...]:
    """Return the schedules to ask about now. One that is due again soon is asked about after that."""
    schedules = {each.id: each for each in _active(facts)}
    return tuple(
        schedule_id
        for schedule_id in needs_schedule_runs(facts, now, own)
        if _last_overdue(schedules[schedule_id], now) == _last_overdue(schedules[schedule_id], now + ASKED_BEFORE)
    )


def missing(facts: WallFacts, own: OwnCounts, now: datetime, *, is_development: bool) -> list[Finding]:
    """Return the schedules that are missing."""
    if is_development and (own.last_started is None or now - own.last_started > MAX_IDLE_DEVELOPMENT):
        return []
    found = []
    for each in _active(facts):
        due_at = _first_missed(facts, own, each, now)
        if due_at is not None:
            found.append(
                Finding(
                    FindingWord.MISSING,
                    FindingSubject(SubjectKind.SCHEDULE, each.id, Raw(each.task)),
                    due_at,
                    ScheduleMissed(due_at),
                    f"task:{as_value(each.task)}",
                    task=each.task,
                )
            )
    return found


def _active(facts: WallFacts) -> list[Schedule]:
    return [] if facts.schedules is None else [each for each in facts.schedules.schedules if each.is_active]


def _patience(schedule: Schedule) -> timedelta:
    """Return how long after a due time its run must be there: the server delays each schedule by its own seconds."""
    if schedule.next_at is None or schedule.next_effective_at is None:
        return MISSED_AFTER
    return MISSED_AFTER + max(timedelta(), schedule.next_effective_at - schedule.next_at)


def _last_overdue(schedule: Schedule, now: datetime) -> datetime | None:
    """Return the last due time whose run must be there by now."""
    until = now - _patience(schedule)
    moments = [last_due(schedule, until)]
    if schedule.next_at is not None and schedule.next_at <= until:
        moments.append(schedule.next_at)
    return max((each for each in moments if each is not None), default=None)


def _first_missed(facts: WallFacts, own: OwnCounts, schedule: Schedule, now: datetime) -> datetime | None:
    """Return the first due time without a run, None if there is none, or if that is not known."""
    runs, known = facts.schedule_runs.get(schedule.id), facts.schedules_since.get(schedule.id)
    if runs is None or known is None:
        return None
    until = min(now, runs.at) - _patience(schedule)
    after = known.since if runs.newest_at is None else runs.newest_at
    if runs.newest_at is not None and runs.newest_at < known.since:
        ran_as_it_is = not known.is_changed and _was_due_at(schedule, runs.newest_at)
        if not ran_as_it_is or _due_count(schedule, runs.newest_at, known.since) > MAX_DUE_BEFORE:
            after = known.since
    due_at = _next(schedule, after)
    if due_at is None or due_at > until:
        due_at = schedule.next_at
        was_started = runs.newest_at is not None and due_at is not None and runs.newest_at >= due_at - _CLOCK_SKEW
        if due_at is None or due_at > until or was_started:
            return None
    return None if _has_run(facts, own, schedule, due_at) else due_at


def _next(schedule: Schedule, after: datetime) -> datetime | None:
    due_at = next_due(schedule, after)
    if due_at is None and schedule.next_at is not None and schedule.next_at > after:
        return schedule.next_at
    return due_at


def _was_due_at(schedule: Schedule, created_at: datetime) -> bool:
    """Return whether a run was created at a due time of the schedule as it is now."""
    due_at = last_due(schedule, created_at + _CLOCK_SKEW)
    return due_at is not None and created_at - due_at <= _patience(schedule)


def _due_count(schedule: Schedule, after: datetime, until: datetime) -> int:
    """Return how many due times there are between two times, or one more than MAX_DUE_BEFORE."""
    count, due_at = 0, next_due(schedule, after)
    while due_at is not None and due_at <= until and count <= MAX_DUE_BEFORE:
        count += 1
        due_at = next_due(schedule, due_at)
    return count


def _has_run(facts: WallFacts, own: OwnCounts, schedule: Schedule, due_at: datetime) -> bool:
    """Return whether the store has a run that a schedule of the task started since. Another one may have started it."""
    created_s = own.scheduled_s.get(schedule.task)
    if created_s is None or sum(each.task == schedule.task for each in _active(facts)) > 1:
        return False
    return datetime.fromtimestamp(created_s, UTC) >= due_at - _CLOCK_SKEW
