"""`Finding`: one thing that is wrong, and `Verdict`: all findings of an environment at one moment.

A finding has one word, one subject, one sentence, one since, evidence, and the filter that lists its runs.
`features.alerts.words` makes the sentence from the evidence, because a narrow screen needs a shorter one.
"""

from collections.abc import Hashable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from tui.domain.facts import FactSource, PlaceHolder, WallUpdate
from tui.domain.ids import RunId, TaskId
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass


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
    usually fails, None where it is not known. `last_ended_at` is the minute in which the task's newest run ended, None
    where newer ones may be missing. `is_older`: it may have failed before the finding's since, by runs that are not
    counted.
    """

    failed: int
    ended: int
    only_version: Raw | None = None
    normal_rate: float | None = None
    last_ended_at: datetime | None = None
    is_older: bool = False


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
    """

    at: datetime
    findings: tuple[Finding, ...] = ()
    heard_at: datetime | None = None
    is_known: bool = False
    refused: tuple[tuple[FactSource, Raw], ...] = ()
    own_since: datetime | None = None
    unread: tuple[SourceUnread, ...] = ()
    is_of_listed: bool = False

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
