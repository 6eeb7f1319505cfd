"""The sentence of a finding: long for wide screens, short for 80 columns, and for the two lines of the overview.

Texts of others are cleaned here, so that a sentence can be printed as it is.
"""

from datetime import datetime, timedelta
from typing import Final, assert_never

from tui.domain.findings.finding import (
    ApprovalWaits,
    Finding,
    QueueWaits,
    RunHangs,
    RunOverdue,
    ScheduleMissed,
    Standstill,
    StandstillReason,
    SubjectKind,
    TaskFails,
    TaskSlow,
)
from tui.domain.text import Raw, clean
from tui.present import formatting
from tui.present.queues.words import places_text, standstill_text
from tui.present.wall.durations import brief_duration, waited

MAX_TAGS: Final = 3
"""Tags of an approval that are named."""

MAX_TEXT_CHARS: Final = 200
"""Of a text of others. No name, version or tag that a person reads is longer."""

RUN_NOT_KNOWN: Final = "run not known"
"""In place of the run that waits for a token: the list of tokens does not name it."""

MINUTE: Final = timedelta(minutes=1)
MIN_QUIET: Final = timedelta(minutes=5)
QUIET_TIMES: Final = 2
"""A task is quiet if none of its runs ended for five minutes, and for twice the time that is usual between two."""

_SHORT_STANDSTILL: Final = {
    StandstillReason.ENVIRONMENT_PAUSED: "environment paused",
    StandstillReason.NO_WORKER: "no worker seen",
}
_YEAR: Final = timedelta(days=360)


def subject(finding: Finding) -> str:
    """Return the name of the subject, cleaned."""
    return _cleaned(finding.subject.name)


def sentence(finding: Finding, at: datetime, now: datetime, *, is_frozen: bool = False) -> str:
    """Return the sentence for a line of its own: `131 of 264 runs failed, only in 20261126.3`.

    `at` is the time until which waits run. On a stale screen it stands still, and `is_frozen` says so by a `~` behind
    what would run on. `now` has the zone of times of day.
    """
    match finding.evidence:
        case TaskFails(failed, ended, only_version):
            return f"{_of(failed, ended)} failed{quiet_words(finding, at, now)}{_only(only_version)}"
        case QueueWaits() as queue:
            is_queue = finding.subject.kind is SubjectKind.QUEUE
            late = "queue is late; " if is_queue else ""  # the task's runs may wait in any queue
            if queue.standstill is not None:
                return _still(queue, queue.standstill, at, now)
            waits = f"{_waiting(queue)}, the oldest {waited(at - queue.oldest_at)}"
            return f"{waits}; {_places(queue, at)}" if queue.is_at_limit else f"{late}{waits}"
        case TaskSlow(p95, normal_p95):
            return f"its p95 is {brief_duration(p95)}, on other days {brief_duration(normal_p95)}"
        case ScheduleMissed(due_at):
            return f"its schedule was due at {formatting.time_of_day(due_at, now)} and started no run"
        case RunOverdue(started_at, p95):
            return f"one run executing for {_ran(at - started_at, is_frozen=is_frozen)}, {_usual(p95, 'its p95 is')}"
        case RunHangs(title):
            return (
                f"one run {_cleaned(title).lower()} for {waited(at - finding.since)}, which lasts seconds on other days"
            )
        case ApprovalWaits(created_at, tags):
            unknown = f", {RUN_NOT_KNOWN}" if finding.run_id is None else ""
            return f"{_approval(finding, tags)} for {waited(at - created_at)}{unknown}"
        case _:
            assert_never(finding.evidence)


def short_sentence(finding: Finding, at: datetime, now: datetime, *, is_frozen: bool = False) -> str:
    """Return the sentence for 80 columns: `at its limit 20/20, 301 wait, oldest 11m`."""
    match finding.evidence:
        case TaskFails(failed, ended, only_version):
            quiet = quiet_words(finding, at, now)
            count = _of(failed, ended).removesuffix(" runs") if quiet else _of(failed, ended)
            return f"{count}{quiet}{_only(only_version)}"
        case QueueWaits() as queue:
            if queue.standstill is not None:
                return _still(queue, queue.standstill, at, now, is_short=True)
            limit = f"at its limit {_running(queue)}, " if queue.is_at_limit else ""
            return f"{limit}{_waiting(queue)}, oldest {waited(at - queue.oldest_at)}"
        case TaskSlow(p95, normal_p95):
            return f"p95 {brief_duration(p95)}, normal {brief_duration(normal_p95)}"
        case ScheduleMissed(due_at):
            return f"due at {formatting.time_of_day(due_at, now)}, no run"
        case RunOverdue(started_at, p95):
            return f"executing for {_ran(at - started_at, is_frozen=is_frozen)}, {_usual(p95, 'p95 is')}"
        case RunHangs(title):
            return f"{_cleaned(title).lower()} for {waited(at - finding.since)}"
        case ApprovalWaits(created_at, tags):
            unknown = f", {RUN_NOT_KNOWN}" if finding.run_id is None else ""
            return f"{_approval(finding, tags)} for {waited(at - created_at)}{unknown}"
        case _:
            assert_never(finding.evidence)


def overview_sentence(finding: Finding, at: datetime, now: datetime, *, is_frozen: bool = False) -> str:
    """Return the second line of a finding in the overview, whose first line says when a schedule was due."""
    match finding.evidence:
        case QueueWaits() as queue if queue.is_at_limit:
            limit = _running(queue)
            return f"at its limit {limit}; {_waiting(queue)}, oldest {waited(at - queue.oldest_at)}"
        case ScheduleMissed():
            return "its schedule started no run"
        case RunOverdue(started_at, p95):
            return f"executing for {_ran(at - started_at, is_frozen=is_frozen)}, {_usual(p95, 'its p95 is')}"
        case _:
            return short_sentence(finding, at, now, is_frozen=is_frozen)


def since(finding: Finding, now: datetime) -> str:
    """Return since when: `14:21` of the day of `now`, otherwise `9 Nov`, long ago `9 Nov 2025`.

    It is `before 14:21` for failures that may have begun before the counted runs.
    """
    is_older = isinstance(finding.evidence, TaskFails) and finding.evidence.is_older
    return ("before " if is_older else "") + day_or_time(finding.since, now)


def no_run_since(finding: Finding, at: datetime) -> datetime | None:
    """Return since when no run of a failing task has ended, None unless that is long for this task."""
    match finding.evidence:
        case TaskFails(ended=ended, last_ended_at=last_at) if last_at is not None:
            between = (last_at - finding.since) / max(1, ended - 1)
            is_quiet = at - last_at >= MINUTE + max(MIN_QUIET, QUIET_TIMES * between)
            return last_at if is_quiet else None
        case _:
            return None


def quiet_words(finding: Finding, at: datetime, now: datetime) -> str:
    """Return `, no run since 02:57` if no run of a failing task has ended for long, otherwise an empty text."""
    last_at = no_run_since(finding, at)
    return "" if last_at is None else f", no run since {day_or_time(last_at, now)}"


def since_words(finding: Finding, now: datetime) -> str:
    """Return `since 14:21`, for a schedule in the overview `due 14:00`."""
    word = "due" if isinstance(finding.evidence, ScheduleMissed) else "since"
    return f"{word} {since(finding, now)}"


def day_or_time(at: datetime, now: datetime) -> str:
    """Return `14:21` for a time of the day of `now`, or near to it, otherwise its day: `9 Nov`, `9 Nov 2025`."""
    local = at.astimezone(now.tzinfo)
    if formatting.needs_no_day(at, now):
        return f"{local:%H:%M}"
    year = f" {local:%Y}" if abs(now - at) > _YEAR else ""
    return f"{local.day} {_MONTHS[local.month - 1]}{year}"


_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _of(failed: int, ended: int) -> str:
    return f"{formatting.count(failed)} of {formatting.plural(ended, 'run')}"


def _ran(duration: timedelta, *, is_frozen: bool) -> str:
    return waited(duration) + ("~" if is_frozen else "")


def _usual(p95: timedelta | None, words: str) -> str:
    return f"{words} {'not known' if p95 is None else brief_duration(p95)}"


def _only(version: Raw | None) -> str:
    return "" if version is None else f", only in {_cleaned(version)}"


def _running(queue: QueueWaits) -> str:
    running = formatting.NONE if queue.running is None else formatting.count(queue.running)
    limit = formatting.NONE if queue.limit is None else formatting.count(queue.limit)
    return f"{running}/{limit}"


def _still(queue: QueueWaits, still: Standstill, at: datetime, now: datetime, *, is_short: bool = False) -> str:
    """Return `paused since 14:02, 8 wait`; where no answer has that time, `paused, 8 wait, the oldest 4m`."""
    head = _SHORT_STANDSTILL.get(still.reason) if is_short else None
    words = f"{head or standstill_text(still, at, now)}, {_waiting(queue)}"
    if still.reason is StandstillReason.QUEUE_PAUSED and still.since is not None:
        return words
    return f"{words}, {'' if is_short else 'the '}oldest {waited(at - queue.oldest_at)}"


def _places(queue: QueueWaits, at: datetime) -> str:
    return places_text(queue.running, queue.limit, queue.holders, at)


def _waiting(queue: QueueWaits) -> str:
    return "1 waits" if queue.queued == 1 else f"{formatting.count(queue.queued)} wait"


def _approval(finding: Finding, tags: tuple[Raw, ...]) -> str:
    """Return what waits for what. The subject is the task of the run, once that is known, otherwise the token's tag."""
    named = ", ".join(_cleaned(tag) for tag in tags[:MAX_TAGS] if tag != finding.subject.name)
    if finding.run_id is not None:
        return f"waits for {named or 'an approval'}"
    what = "an approval" if finding.subject.kind is SubjectKind.RUN else "a token"
    return f"{what} ({named}) waits" if named else f"{what} waits"


def _cleaned(text: str) -> str:
    return clean(text[:MAX_TEXT_CHARS])
