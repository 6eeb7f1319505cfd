"""`Finding`: one thing that is wrong, `Verdict`: all findings at one moment, and `Hold`: why a run waits."""

from collections.abc import Hashable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from tui.domain.facts import ConcurrencyLimit, FactSource, PlaceHolder, Queue, WallUpdate
from tui.domain.run import Run, RunId, RunStatus, TaskId
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass

# `Finding`: one thing that is wrong, and `Verdict`: all findings of an environment at one moment.
#
# A finding has one word, one subject, one sentence, one since, evidence, and the filter that lists its runs.
# `features.alerts.words` makes the sentence from the evidence, because a narrow screen needs a shorter one.


class FindingWord(StrEnum):
    """The words of findings, worst first. Within one word, the greatest number is worst."""

    FAILING = "FAILING"
    SLOW = "SLOW"
    MISSING = "MISSING"
    STUCK = "STUCK"


OK: Final = "OK"
"""The word of a verdict without findings."""

NOT_KNOWN: Final = "NOT KNOWN"
"""The word of a verdict while list and feed are silent, or while a source was not read that may have a finding."""


class SubjectKind(StrEnum):
    """What a finding is about."""

    TASK = "task"
    QUEUE = "queue"
    SCHEDULE = "schedule"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class FindingSubject:
    """The one thing that a finding is about.

    `key` identifies it: a task, a queue as the server names it (`task/ok`), the id of a schedule, of a run, or of a
    waitpoint token whose run is not known. `name` is shown: the task of a schedule or run, the queue without `task/`.
    """

    kind: SubjectKind
    key: str
    name: Raw


@dataclass(frozen=True, slots=True)
class TaskFails:
    """FAILING. Of the `ended` runs of the task since the finding's since, `failed` failed.

    `only_version` is the version that all of them had, where other versions ran too. `normal_rate` is the share that
    usually fails, None where it is not known. `last_ended_at` is the minute in which the task's newest run ended, and
    `last_failed_at` that of the newest failed one, None where newer ones may be missing. `is_older`: it may have failed
    before the finding's since, by runs that are not counted.
    """

    failed: int
    ended: int
    only_version: Raw | None = None
    normal_rate: float | None = None
    last_ended_at: datetime | None = None
    is_older: bool = False
    last_failed_at: datetime | None = None


class StandstillReason(StrEnum):
    """Why no run of a queue starts, whatever its limit says. The words stand in JSON."""

    QUEUE_PAUSED = "queue-paused"
    LIMIT_PAUSED = "limit-paused"
    ENVIRONMENT_PAUSED = "environment-paused"
    NO_WORKER = "no-worker"


@dataclass(frozen=True, slots=True)
class Standstill:
    """No run starts. `since`: when the queue was paused, or a worker was seen last; None where no answer has it."""

    reason: StandstillReason
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class QueueWaits:
    """SLOW. `queued` runs wait in the queue, the oldest since `oldest_at`. `limit` is None where there is none.

    `is_at_limit`: the queue runs as many as it may, those of the tasks in `holders`. `standstill`: why none starts.
    """

    queued: int
    oldest_at: datetime
    running: int | None = None
    limit: int | None = None
    is_at_limit: bool = False
    holders: tuple[PlaceHolder, ...] = ()
    standstill: Standstill | None = None


@dataclass(frozen=True, slots=True)
class TaskSlow:
    """SLOW. The task's runs take longer than they usually do, both at the 95th percentile."""

    p95: timedelta
    normal_p95: timedelta
    runs: int


@dataclass(frozen=True, slots=True)
class ScheduleMissed:
    """MISSING. The schedule was due at the finding's since, and no run of it was created."""

    due_at: datetime


@dataclass(frozen=True, slots=True)
class RunOverdue:
    """STUCK. The run executes since `started_at`, far longer than the task's 95th percentile.

    `p95` is None where no ended run has it, and the run executes longer than any task should.
    """

    started_at: datetime
    p95: timedelta | None


@dataclass(frozen=True, slots=True)
class RunHangs:
    """STUCK. The run is in the status of this title, which normally lasts seconds, since the finding's since."""

    title: str


@dataclass(frozen=True, slots=True)
class ApprovalWaits:
    """STUCK. A waitpoint token waits for a person since `created_at`. `tags` name what for."""

    created_at: datetime
    tags: tuple[Raw, ...] = ()
    token_id: str = ""


Evidence = TaskFails | QueueWaits | TaskSlow | ScheduleMissed | RunOverdue | RunHangs | ApprovalWaits


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    `task` is the task concerned, where it is one; `run_id` the one run concerned. `filter_text` is the filter of the
    run list that lists its runs, as a user types it after `/`.
    """

    word: FindingWord
    subject: FindingSubject
    since: datetime
    evidence: Evidence
    filter_text: str
    task: TaskId | None = None
    run_id: RunId | None = None

    @property
    def identity(self) -> tuple[FindingWord, SubjectKind, Hashable]:
        """What makes two findings the same one, however its numbers change.

        The run that waits for a token becomes known later than the token, so that the token's own facts identify it.
        """
        key = self.evidence if isinstance(self.evidence, ApprovalWaits) else self.subject.key
        return self.word, self.subject.kind, key


@dataclass(frozen=True, slots=True)
class SourceUnread:
    """A source that decides about findings, and has no answer, or an old one. It is read again.

    `reason` says why the last read failed, None where none did. `read_at`: the last answer, None where there was none.
    """

    source: FactSource
    reason: Raw | None = None
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """All findings at `at`, worst first.

    * `heard_at`: the server's time of the last answer to list or feed, None before the first.
    * `is_known`: that answer is not older than 45 s. Otherwise `findings` are those of the last known moment.
    * `refused`: the sources that this key may not read, and why.
    * `unread`: the other sources that decide about findings and have no answer, or an old one.
    * `is_of_listed`: not all runs are listed: server filters leave some out, there are too many old ones,
      or a public token reads too slowly.
    * `own_since`: where some bound is the program's own counts instead of normals, the time from which they are.
    * `ended`: without findings, the worst of those that ended last, if that was a short while ago; `ended_at`: when.
    """

    at: datetime
    findings: tuple[Finding, ...] = ()
    heard_at: datetime | None = None
    is_known: bool = False
    refused: tuple[tuple[FactSource, Raw], ...] = ()
    own_since: datetime | None = None
    unread: tuple[SourceUnread, ...] = ()
    is_of_listed: bool = False
    ended: Finding | None = None
    ended_at: datetime | None = None

    @property
    def word(self) -> str:
        """The one word: NOT KNOWN, the word of the worst finding, or OK."""
        if not self.is_known:
            return NOT_KNOWN
        if self.findings:
            return self.findings[0].word
        return NOT_KNOWN if self.unread else OK


@dataclass(frozen=True, slots=True)
class FindingsRead(WallUpdate):
    """The session, or the relay, judged the facts. None: the last verdict is too old to say anything."""

    verdict: Verdict | None


# `Hold`: why a run has not started yet, or not again, as far as the API says.
#
# Rows of runs contain neither their queue nor its state: a queued run looks the same in a paused queue. So the queue is
# read too. Source: tests/wire/recordings/README.md §2 (recording 136).


KNOWN_FOR: Final = timedelta(seconds=45)
"""An older state of a queue says nothing any more. It is read every 15 s."""

PINNED_FOR: Final = timedelta(hours=1)
"""A run that is pinned to a deployment that does not exist yet waits this long, then it expires."""


class HoldKind(StrEnum):
    """The reason that keeps a run from starting."""

    DELAY = "delay"
    VERSION = "version"
    RETRY = "retry"
    QUEUE_PAUSED = "queue-paused"
    QUEUE_LIMIT = "queue-limit"
    LIMIT_PAUSED = "limit-paused"
    NAMED_LIMIT = "named-limit"
    ENVIRONMENT_PAUSED = "environment-paused"
    NO_WORKER = "no-worker"


@dataclass(frozen=True, slots=True)
class QueueState:
    """The queue of a run when it was last read.

    `holders` are the tasks of the runs that hold its places, `standstill` is why none of its runs starts.
    `full_limits` are limits that may hold them.
    """

    at: datetime
    queue: Queue
    holders: tuple[PlaceHolder, ...] = ()
    standstill: Standstill | None = None
    full_limits: tuple[ConcurrencyLimit, ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a run waits. `until` is the end of a delay or of a retry's wait; the numbers are those of a limit.

    * `holders`: the tasks of the runs that hold the places of its queue
    * `since`: since when the queue is paused, or when a worker was seen last; None where no answer has it
    * `may_expire_at`: when the run expires, if it is pinned to a deployment: no answer says whether it is
    """

    kind: HoldKind
    until: datetime | None = None
    queue: Raw | None = None
    running: int | None = None
    limit: int | None = None
    holders: tuple[PlaceHolder, ...] = ()
    since: datetime | None = None
    may_expire_at: datetime | None = None


def hold_of(run: Run, queue: QueueState | None, now: datetime) -> Hold | None:
    """Return why a run has not started, None if it has, or if no answer says why."""
    if run.state is None or run.is_gone:
        return None
    match run.status:
        case RunStatus.DELAYED:
            until = run.state.delayed_until
            return None if until is not None and until <= now else Hold(HoldKind.DELAY, until)
        case RunStatus.WAITING_FOR_DEPLOY:
            expires_at = None if run.created_at is None else run.created_at + PINNED_FOR
            return Hold(HoldKind.VERSION, may_expire_at=expires_at if expires_at and now < expires_at else None)
        case RunStatus.QUEUED:
            retry_at = None if run.attempts is None else run.attempts[1].retry_at
            if run.is_waiting_to_retry and (retry_at is None or retry_at > now):
                return Hold(HoldKind.RETRY, retry_at)
            return _queue_hold(queue, now)
        case _:
            return None


def _queue_hold(state: QueueState | None, now: datetime) -> Hold | None:
    if state is None or now - state.at > KNOWN_FOR:
        return None
    queue, still = state.queue, state.standstill
    if queue.is_paused:
        is_known = still is not None and still.reason is StandstillReason.QUEUE_PAUSED
        return Hold(HoldKind.QUEUE_PAUSED, queue=queue.name, since=still.since if still and is_known else None)
    if queue.is_limit_paused:
        return Hold(HoldKind.LIMIT_PAUSED, queue=queue.name)
    if still is not None and still.reason is StandstillReason.ENVIRONMENT_PAUSED:
        return Hold(HoldKind.ENVIRONMENT_PAUSED)
    if queue.limit is not None and queue.running is not None and queue.running >= queue.limit:
        return Hold(HoldKind.QUEUE_LIMIT, None, queue.name, queue.running, queue.limit, state.holders)
    if state.full_limits and queue.is_v2:
        full = state.full_limits[0]
        return Hold(HoldKind.NAMED_LIMIT, None, full.name, full.running, full.total)
    if still is not None and still.reason is StandstillReason.NO_WORKER:
        return Hold(HoldKind.NO_WORKER, since=still.since)
    return None
