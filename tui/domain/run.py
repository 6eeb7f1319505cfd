"""A run: its ids, its status, its attempts, its environment, and its facets, which are read one by one."""

import re
from collections.abc import Iterable
from dataclasses import field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, IntEnum, StrEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple, NewType

from tui.domain.error import RunError
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass

# Ids are types of their own, so that mypy rejects a task id in place of a run id. They are not validated: the server
# may use any text.


RunId = NewType("RunId", str)
TaskId = NewType("TaskId", str)
SpanId = NewType("SpanId", str)
BatchId = NewType("BatchId", str)
ErrorGroupId = NewType("ErrorGroupId", str)
"""The id of a group of errors on the server, `error_` and its fingerprint."""

SAFE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,200}\Z")
"""What an id may be in the path of a request: no other one can change the path."""

SAFE_NAME: Final = re.compile(r"(?!\.+\Z)[^/\\%?#\x00-\x1f\x7f]{1,200}\Z")
"""A name of a queue that cannot change a path: a proxy before the API may decode it."""

Cursor = NewType("Cursor", str)
"""An opaque page position in a list of the server, passed back to the server as it came."""


# The names of the sources, under which the store keeps their status. The sources are in `sync`.


REST: Final = "rest"
"""Polls the list of runs."""

RUN: Final = "run"
"""Polls one run."""

REALTIME: Final = "realtime"
"""Receives the realtime feed of the environment."""

RUN_FEED: Final = "run-feed"
"""Receives the realtime feed of one run."""

RELAY: Final = "relay"
"""Receives the updates of a relay, which has its own sources."""

FEEDS: Final = frozenset({REALTIME, RUN_FEED})
"""The sources to which the server sends changes; the others poll."""


# The statuses of a run, in one table, and the words that each part of the API uses for them.
#
# The API has five vocabularies: the run schema, REST with and without the version header, the database, and TRQL
# queries. A `Status` keeps the server's word beside the canonical status of the run schema. The titles are the
# dashboard's. `text.status` has the glyph and the colour of each status.
# Source: tests/wire/recordings/README.md §2.


class RunStatus(StrEnum):
    """The canonical statuses: the fifteen names of the run schema."""

    QUEUED = "QUEUED"
    EXECUTING = "EXECUTING"
    REATTEMPTING = "REATTEMPTING"
    WAITING_FOR_DEPLOY = "WAITING_FOR_DEPLOY"
    WAITING_TO_RESUME = "WAITING_TO_RESUME"
    COMPLETED_SUCCESSFULLY = "COMPLETED_SUCCESSFULLY"
    COMPLETED_WITH_ERRORS = "COMPLETED_WITH_ERRORS"
    INTERRUPTED = "INTERRUPTED"
    CANCELLED = "CANCELLED"
    CRASHED = "CRASHED"
    FAILED_TO_RUN = "FAILED_TO_RUN"
    TIMED_OUT = "TIMED_OUT"
    EXPIRED = "EXPIRED"
    DELAYED = "DELAYED"
    SYSTEM_FAILURE = "SYSTEM_FAILURE"

    __hash__ = str.__hash__  # that of `Enum` is a function in Python: six times slower, at each look into a set

    @property
    def is_final(self) -> bool:
        """Whether a run in this status has ended."""
        return self in FINAL

    @property
    def is_failed(self) -> bool:
        """Whether the status counts as a failure. A canceled or expired run has not failed."""
        return self in FAILED


FAILED = frozenset(
    {
        RunStatus.COMPLETED_WITH_ERRORS,
        RunStatus.INTERRUPTED,
        RunStatus.SYSTEM_FAILURE,
        RunStatus.CRASHED,
        RunStatus.TIMED_OUT,
        RunStatus.FAILED_TO_RUN,
    }
)
FINAL = FAILED | {RunStatus.COMPLETED_SUCCESSFULLY, RunStatus.CANCELLED, RunStatus.EXPIRED}
LIVE = frozenset(RunStatus) - FINAL
QUEUED_FAMILY = frozenset({RunStatus.DELAYED, RunStatus.QUEUED, RunStatus.WAITING_FOR_DEPLOY})
EXECUTING_FAMILY = frozenset({RunStatus.EXECUTING, RunStatus.REATTEMPTING})


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One status of the dashboard, with its words in each vocabulary; "" or () for none.

    * `canonical`: the name in the run schema. Several rows may share one.
    * `rest`: REST's word if the request has the version header, unless another status uses that word too.
    * `rest_fallback`: the word of another status, which REST uses for a status without a `rest` word.
    * `legacy`: REST's word without the version header.
    * `database`: the words of the realtime feed, of spans and of `triggeredRuns`.
    * `trql`: the words of queries.
    * `filter`: the word of `filter[status]`. A server refuses a request with a word that it does not know, so
      only a status that all servers accept has one.
    * `specificity`: of two statuses read for the same moment, the more specific one wins.
    """

    title: str
    canonical: RunStatus
    rest: str
    legacy: str
    database: tuple[str, ...]
    trql: tuple[str, ...]
    filter: str = ""
    specificity: int = 1
    rest_fallback: str = ""

    @property
    def word(self) -> str:
        """What a user types for this status alone: `timed-out`. `failed` means every kind of failure."""
        return "threw" if self.canonical is S.COMPLETED_WITH_ERRORS else fold(self.title).replace(" ", "-")


S = RunStatus
STATUS_TABLE: tuple[StatusRow, ...] = (
    StatusRow("Delayed", S.DELAYED, "DELAYED", "DELAYED", ("DELAYED",), ("Delayed",), "DELAYED"),
    StatusRow("Queued", S.QUEUED, "QUEUED", "QUEUED", ("PENDING",), ("Queued",), "QUEUED"),
    StatusRow("Pending version", S.WAITING_FOR_DEPLOY, "PENDING_VERSION", "WAITING_FOR_DEPLOY",
              ("PENDING_VERSION", "WAITING_FOR_DEPLOY"), ("Pending version",), "PENDING_VERSION"),
    StatusRow("Dequeued", S.EXECUTING, "DEQUEUED", "", ("DEQUEUED",), ("Dequeued",), "DEQUEUED", 2),
    # EXECUTING and FAILED are the least specific: REST also sends EXECUTING for DEQUEUED (legacy) and
    # RETRYING_AFTER_FAILURE (with the header), and FAILED for INTERRUPTED.
    StatusRow("Executing", S.EXECUTING, "EXECUTING", "EXECUTING", ("EXECUTING",), ("Executing",), "EXECUTING", 0),
    StatusRow("Reattempting", S.REATTEMPTING, "", "REATTEMPTING",
              ("RETRYING_AFTER_FAILURE",), ("Reattempting",), "REATTEMPTING", 2, "EXECUTING"),
    StatusRow("Waiting", S.WAITING_TO_RESUME, "WAITING", "FROZEN",
              ("WAITING_TO_RESUME", "PAUSED"), ("Waiting", "Paused"), "WAITING"),
    StatusRow("Completed", S.COMPLETED_SUCCESSFULLY, "COMPLETED", "COMPLETED",
              ("COMPLETED_SUCCESSFULLY",), ("Completed",), "COMPLETED"),
    StatusRow("Failed", S.COMPLETED_WITH_ERRORS, "FAILED", "FAILED",
              ("COMPLETED_WITH_ERRORS",), ("Failed",), "FAILED", 0),
    StatusRow("Canceled", S.CANCELLED, "CANCELED", "CANCELED", ("CANCELED", "CANCELLED"), ("Canceled",), "CANCELED"),
    StatusRow("Interrupted", S.INTERRUPTED, "", "INTERRUPTED",
              ("INTERRUPTED",), ("Interrupted",), "INTERRUPTED", 2, "FAILED"),
    StatusRow("Crashed", S.CRASHED, "CRASHED", "CRASHED", ("CRASHED",), ("Crashed",), "CRASHED"),
    StatusRow("System failure", S.SYSTEM_FAILURE, "SYSTEM_FAILURE", "SYSTEM_FAILURE",
              ("SYSTEM_FAILURE",), ("System failure",), "SYSTEM_FAILURE"),
    StatusRow("Expired", S.EXPIRED, "EXPIRED", "EXPIRED", ("EXPIRED",), ("Expired",), "EXPIRED"),
    StatusRow("Timed out", S.TIMED_OUT, "TIMED_OUT", "TIMED_OUT", ("TIMED_OUT",), ("Timed out",), "TIMED_OUT"),
    # Only the run schema has it. The status filter of current servers rejects it.
    StatusRow("Failed to run", S.FAILED_TO_RUN, "", "", ("FAILED_TO_RUN",), ()),
)  # fmt: skip
"""Each canonical name is also a word of the row that it means: EXECUTING is not Dequeued."""


def fold(name: str) -> str:
    """Return a name in lower case, with spaces for hyphens and underscores."""
    return name.casefold().replace("-", " ").replace("_", " ")


def _rows_by_name() -> dict[str, list[StatusRow]]:
    found: dict[str, list[StatusRow]] = {}
    for row in STATUS_TABLE:
        names = (row.word, row.title, row.rest, row.legacy, *row.database, *row.trql)
        for name in {fold(each) for each in names if each}:
            found.setdefault(name, []).append(row)
    return found | {"failed": [row for row in STATUS_TABLE if row.canonical in FAILED]}


ROWS_BY_NAME: Final = _rows_by_name()
"""The statuses that each name of any vocabulary stands for, by the folded name; `failed` stands for all failures."""

_ROW_OF_WORD: dict[str, StatusRow] = {
    word: row for row in STATUS_TABLE for word in (row.rest, row.legacy, *row.database, *row.trql) if word
}


@dataclass(frozen=True, slots=True)
class Status:
    """A status: `word` as the server sent it, its `canonical` meaning, and the `title` that users see.

    Of two statuses read for the same moment, the one with the greater `specificity` wins. An unknown word has -1.
    """

    word: str
    canonical: RunStatus
    title: str
    specificity: int

    @property
    def rest_word(self) -> str:
        """REST's word with the version header. An unknown word stays as the server sent it."""
        row = _ROW_OF_WORD.get(self.word)
        return self.word if row is None else row.rest or row.rest_fallback or self.word


@lru_cache(maxsize=256)
def parse_status(word: str, *, ended: bool = False) -> Status:
    """Parse a status word of any vocabulary.

    An unknown word is its own title. It counts as COMPLETED_WITH_ERRORS if the run has `ended`, otherwise as QUEUED.
    The cache is bounded, since a server may send any word.
    """
    row = _ROW_OF_WORD.get(word)
    if row is None:
        return Status(word, S.COMPLETED_WITH_ERRORS if ended else S.QUEUED, word, -1)
    return Status(word, row.canonical, row.title, row.specificity)


def title_of(status: RunStatus) -> str:
    """Return the dashboard's title of a canonical status."""
    return _ROW_OF_WORD[status].title


def filter_words(name: str) -> tuple[str, ...]:
    """Translate a status, as a user types it, into words that `filter[status]` accepts; () if there are none.

    It may be the title, a word of any vocabulary, or `failed`.
    Case, spaces, hyphens and underscores do not matter. The server accepts the words of both REST vocabularies and
    rejects all others. Source: tests/wire/recordings/README.md §3.
    """
    return tuple(row.filter for row in ROWS_BY_NAME.get(fold(name).strip(), ()) if row.filter)


def _filter_words(statuses: frozenset[RunStatus]) -> tuple[str, ...]:
    """Return the words that select statuses. REST selects a status without an own word by the fallback."""
    return tuple(row.filter for row in STATUS_TABLE if row.filter and row.rest and row.canonical in statuses)


LIVE_WORDS: Final = _filter_words(LIVE)
FAILED_WORDS: Final = _filter_words(FAILED)
FAILED_TRQL_WORDS: Final = tuple(word for row in STATUS_TABLE if row.canonical in FAILED for word in row.trql)
RUNNING_STATUSES: Final = EXECUTING_FAMILY | {RunStatus.WAITING_TO_RESUME}
RUNNING_WORDS: Final = _filter_words(RUNNING_STATUSES)
QUEUED_WORDS: Final = _filter_words(QUEUED_FAMILY)
"""Values of `filter[status]`. EXECUTING does not match DEQUEUED rows. Source: tests/wire/recordings/README.md §2."""

_LIVE_FILTER_WORDS = frozenset(row.filter for row in STATUS_TABLE if row.canonical in LIVE)


_TYPED_WORDS: Final = {row.filter: row.word for row in STATUS_TABLE if row.filter}


def typed_words(words: Iterable[str]) -> tuple[str, ...]:
    """Return what a user types for words of `filter[status]`: `failed` for all failures together."""
    words = tuple(words)
    failed = filter_words("failed") if set(FAILED_WORDS) <= set(words) else ()
    return tuple(dict.fromkeys("failed" if word in failed else _TYPED_WORDS.get(word, word) for word in words))


def live_statuses(words: Iterable[str]) -> tuple[str, ...]:
    """Return the words of a status filter that stand for live statuses. An empty filter selects all statuses."""
    wanted = tuple(words)
    return tuple(word for word in wanted if word in _LIVE_FILTER_WORDS) if wanted else LIVE_WORDS


# `Wait`: what a run's code waits for: time, a token, input, or other runs.
#
# In a development environment a waiting run keeps the status EXECUTING. Only its trace shows the wait, see
# `domain.trace`.


_DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) (second|minute|hour|day|week)s?\Z")
_UNITS_S: Final = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_MAX_DURATION: Final = timedelta(days=3_650)


class WaitKind(StrEnum):
    """The event that ends a wait."""

    TIME = "time"
    TOKEN = "token"  # noqa: S105  a word, not a secret
    RUNS = "runs"
    INPUT = "input"


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait that was open when the run's trace was read.

    * `subject`: what the code waits for, by kind. TIME: the duration in the SDK's words, or the time at which the wait
      ends. TOKEN: the token's id. INPUT: the stream. RUNS: their task. None if only `/trace` was read, which lacks it.
    * `runs`: the runs that the code waits for, from the trace or from the run's detail.
    * `open_count`: the number of `runs` that had not ended.
    * `task`: the task of `runs`, if all have the same.
    """

    kind: WaitKind
    since: datetime
    span_id: SpanId
    subject: Raw | None = None
    runs: tuple[RunId, ...] = ()
    open_count: int = 0
    task: TaskId | None = None

    @property
    def duration(self) -> timedelta | None:
        """The total duration of a wait for time; None if `subject` is not a duration."""
        match = _DURATION.match(self.subject) if self.kind is WaitKind.TIME and self.subject is not None else None
        if match is None:
            return None
        return timedelta(seconds=min(float(match[1]) * _UNITS_S[match[2]], _MAX_DURATION.total_seconds()))

    @property
    def until(self) -> datetime | None:
        """The time at which the wait ends, if the code called `wait.until()`."""
        if self.kind is not WaitKind.TIME or self.subject is None:
            return None
        try:
            moment = datetime.fromisoformat(self.subject)
        except ValueError:
            return None
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return min(max(moment, self.since), self.since + _MAX_DURATION)

    def is_over(self, now: datetime) -> bool:
        """Return whether the wait must have ended by `now`."""
        ends_at = self.until if self.duration is None else self.since + self.duration
        return ends_at is not None and now >= ends_at


# An attempt to execute a run, and the history of a run's attempts.
#
# `domain.trace` rebuilds them from a trace.


class AttemptStatus(StrEnum):
    """The attempt statuses of the run schema."""

    EXECUTING = "EXECUTING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt.

    * `number`: counts from 1.
    * `id`: the id of its span, None if the trace has no span for the attempt.
    * `completed_at`: None while the attempt runs, or if its end is not known.
    * `retry_delay`: the delay before the next attempt, if one was planned.
    """

    number: int
    status: AttemptStatus
    id: SpanId | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: RunError | None = None
    retry_delay: timedelta | None = None

    @property
    def duration(self) -> timedelta | None:
        """The time from start to end; None while the attempt runs, or if either time is not known."""
        return None if self.started_at is None or self.completed_at is None else self.completed_at - self.started_at


@dataclass(frozen=True, slots=True)
class AttemptHistory:
    """The attempts of a run in order, and the planned retry.

    * `retry_at`: when the planned retry starts; None: none is planned, or the trace does not show it yet.
    * `is_trace_gone`: the server no longer has the trace, so that earlier attempts are lost.
    * `missing`: a sentence on which part of the trace was truncated or could not be read; empty if none was.
    * `wait`: the wait that was open when the trace was read. `Run.wait` returns it only while it may still be open.
    """

    attempts: tuple[Attempt, ...] = ()
    retry_at: datetime | None = None
    is_trace_gone: bool = False
    missing: str = ""
    wait: Wait | None = None

    @property
    def is_complete(self) -> bool:
        """Whether no attempt is missing, and each was read from its own span."""
        has_all = all(each.number == index and each.id is not None for index, each in enumerate(self.attempts, 1))
        return has_all and not self.missing and not self.is_trace_gone

    def before(self, attempt: Attempt) -> Attempt | None:
        """Return the attempt with the number before that of another one; None if it is missing."""
        return next((each for each in self.attempts if each.number == attempt.number - 1), None)


# A run and its facets: the groups of fields that are read, and become outdated, independently of each other.
#
# The runs list returns the state of a run, its detail also the payload, its trace the attempts. Each response therefore
# fills some facets and leaves the others alone. A facet has a `Stamp`, and `store.merge` compares stamps to decide
# which of two versions of a facet is newer.
# Source: ARCHITECTURE.md; tests/wire/recordings/README.md §3, §4.


Json = Any
"""A decoded JSON value, exactly as the server sent it. Never modified."""


class Absent(Enum):
    """The type of `ABSENT`, which stands for a JSON key that the server did not send.

    None cannot stand for it: JSON null is a valid payload, and a run may return it as its output.
    """

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


MAX_SUSPEND_DELAY: Final = timedelta(seconds=30)
"""A deployed run is suspended within this time after a wait begins. If it is suspended later, it is another wait."""


class Precision(IntEnum):
    """How complete each kind of response is. Of two facets with the same `updated_at`, the greater precision wins.

    LIST, DETAIL, TRACE and FEED are responses of the server. DERIVED is an earlier facet to which the changed columns
    of a feed message were applied.
    """

    DERIVED = 0
    LIST = 1
    DETAIL = 2
    TRACE = 3
    FEED = 4

    __hash__ = int.__hash__  # that of `Enum` is a function in Python


class Stamp(NamedTuple):
    """The version of a facet. Stamps compare field by field; the facet with the greater stamp is the newer one.

    * `updated_at`: when the run last changed, according to the response.
    * `precision`: the kind of the response.
    * `read_at`: the server's time of the response.
    """

    updated_at: datetime
    precision: Precision
    read_at: datetime


@dataclass(frozen=True, slots=True)
class NoValue:
    """A facet without a value: no metadata, no error. Its `updated_at` is that of the run's state.

    The runs of a response share it. Most have two, and a pair with a stamp of its own takes 120 bytes.
    """

    precision: Precision
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Fixed:
    """The fields that never change once they are set, so that they need no stamp. None: not read yet, or not set.

    Most runs have these in common with others, and share one object. What differs from run to run stands in `Run`.
    `depth` is 0 for the root of a run tree. `ttl` is the server's text (`10m`). `trigger_function` is one of trigger,
    triggerAndWait, batchTrigger, batchTriggerAndWait. `queue` and `machine` come only from TRQL queries and from
    lists that are filtered by them. `error_group`, the fingerprint of the server's group, and `schedule_id` come only
    from such a list.
    """

    task: TaskId | None = None
    depth: int | None = None
    is_test: bool | None = None
    environment: Raw | None = None
    version: Raw | None = None
    parent_id: RunId | None = None
    root_id: RunId | None = None
    batch_id: BatchId | None = None
    trigger_function: str | None = None
    ttl: str | None = None
    idempotency_key: Raw | None = None
    region: Raw | None = None
    task_kind: str | None = None
    schedule: Json = None
    queue: Raw | None = None
    machine: Raw | None = None
    error_group: Raw | None = None
    schedule_id: Raw | None = None


@dataclass(frozen=True, slots=True)
class State:
    """The fields that change while a run is live. The list, the detail and the feed each return all of them.

    `updated_at` and `precision` are its stamp. `status` does not take the number of attempts into account;
    `Run.status` does. `compute` is the total time of the finished attempts. Costs are in US cents.
    """

    updated_at: datetime
    precision: Precision
    status: Status
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expired_at: datetime | None = None
    delayed_until: datetime | None = None
    compute: timedelta = timedelta()
    cost_cents: float = 0.0
    base_cost_cents: float = 0.0
    tags: tuple[Raw, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """Payload and output as decoded JSON.

    The server replaces a large value with a presigned URL. The URL is valid for 300 s and is fetched without the API
    key, and only when the user asks for the value.
    """

    payload: Json | Absent = ABSENT
    output: Json | Absent = ABSENT
    payload_url: str | None = None
    output_url: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """Everything known about one run. A facet that has not been read yet is None.

    The facets `metadata`, `body`, `error` and `attempts` are pairs of a stamp and a value. `metadata_facet` and
    `error_facet` return those that a `NoValue` stands for. All times are the server's.

    * `created_at`: when the run was created. It never changes. That of a scheduled run is its due time, which may lie
      in the future: see `existed_at`.
    * `read_at`: when the server last confirmed the state.
    * `gone_at`: when the server last answered 404 for the run.
    * `attempt_count`: the greatest number of attempts in any response.
    * `children_read_at`: the time of the last response that listed all direct children.
    """

    id: RunId
    fixed: Fixed = Fixed()
    state: State | None = None
    read_at: datetime | None = None
    gone_at: datetime | None = None
    attempt_count: int | None = None
    metadata: tuple[Stamp, dict[str, Json]] | NoValue | None = None
    body: tuple[Stamp, Body] | None = None
    error: tuple[Stamp, RunError | None] | NoValue | None = None
    attempts: tuple[Stamp, AttemptHistory] | None = None
    children_read_at: datetime | None = None
    created_at: datetime | None = None

    @property
    def metadata_facet(self) -> tuple[Stamp, dict[str, Json]] | None:
        """The metadata with its stamp."""
        return (self._stamp_of(self.metadata), {}) if isinstance(self.metadata, NoValue) else self.metadata

    @property
    def metadata_values(self) -> dict[str, Json]:
        """The metadata, empty if there is none or if it has not been read."""
        return {} if self.metadata is None or isinstance(self.metadata, NoValue) else self.metadata[1]

    @property
    def error_facet(self) -> tuple[Stamp, RunError | None] | None:
        """The error with its stamp."""
        return (self._stamp_of(self.error), None) if isinstance(self.error, NoValue) else self.error

    @property
    def error_value(self) -> RunError | None:
        """The error, None if there is none or if it has not been read."""
        return None if self.error is None or isinstance(self.error, NoValue) else self.error[1]

    @property
    def history(self) -> AttemptHistory:
        """The attempts, none if they have not been read."""
        return AttemptHistory() if self.attempts is None else self.attempts[1]

    def _stamp_of(self, facet: NoValue) -> Stamp:
        if self.state is None:
            raise ValueError("a facet without a value needs a state")
        return Stamp(self.state.updated_at, facet.precision, facet.read_at)

    @property
    def status(self) -> RunStatus:
        """The canonical status: EXECUTING with more than one attempt is REATTEMPTING."""
        if self.state is None:
            return RunStatus.QUEUED
        if self.state.status.word == "EXECUTING" and (self.attempt_count or 0) > 1:
            return RunStatus.REATTEMPTING
        return self.state.status.canonical

    @property
    def status_title(self) -> str:
        """The status as the dashboard spells it, as specific as is known; an unknown status is the server's word."""
        if self.state is None:
            return title_of(RunStatus.QUEUED)
        status = self.state.status
        # Not by `self.status`: a filter by text reads this of all runs, 10 ms less for 100,000.
        if status.word == "EXECUTING" and (self.attempt_count or 0) > 1:
            return title_of(RunStatus.REATTEMPTING)
        return status.title

    @property
    def existed_at(self) -> datetime | None:
        """The creation; of a run that is older than its due time, the earliest time at which it is known to exist."""
        state = self.state
        if self.created_at is None or state is None:
            return self.created_at
        return min(self.created_at, state.updated_at, state.started_at or state.updated_at)

    @property
    def is_final(self) -> bool:
        """Whether the run has ended, according to its status. The API's own flags are ignored."""
        return self.status.is_final

    @property
    def is_gone(self) -> bool:
        """Whether the server's latest response about the run was 404."""
        return self.gone_at is not None and (self.read_at is None or self.gone_at >= self.read_at)

    @property
    def wait(self) -> Wait | None:
        """What the run's code waits for now. None: the trace shows no wait, or the run has changed since then."""
        if self.attempts is None or self.state is None or self.is_final or self.is_waiting_to_retry:
            return None
        stamp, history = self.attempts
        wait, changed_at = history.wait, self.state.updated_at
        if wait is None or changed_at <= stamp.updated_at:
            return wait
        # Suspending a deployed run changes it once more, but the wait goes on.
        is_suspended = self.status is RunStatus.WAITING_TO_RESUME and changed_at - wait.since <= MAX_SUSPEND_DELAY
        return wait if is_suspended else None

    @property
    def is_waiting_to_retry(self) -> bool:
        """Whether the run is queued again after a failed attempt.

        The server queues it for a backoff of at least 30 s. A run that goes on after a wait is not queued. Source:
        tests/wire/recordings/README.md §2.
        """
        if self.state is None or self.state.status.specificity < 0 or self.status is not RunStatus.QUEUED:
            return False
        return (self.attempt_count or 0) > 0 or self.state.started_at is not None

    def took(self, now: datetime) -> timedelta | None:
        """Return the time from start to finish, or to `now` while the run is live.

        None: the run has not started, or has ended at an unknown time.
        """
        state = self.state
        if state is None or state.started_at is None:
            return None
        if self.is_final:
            return None if state.finished_at is None else state.finished_at - state.started_at
        return now - state.started_at


# The environment of the API key, and what the key may do there.
#
# Source: tests/wire/recordings/README.md §1, §10.


_ADDRESS: Final = r"https?://[A-Za-z0-9.:\[\]_-]+(?:/[A-Za-z0-9._~-]+)*"
_NAME: Final = r"[A-Za-z0-9_-]{1,100}"
_MAX_ID_CHARS: Final = 300


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment as `whoami` describes it. The API key in that response is never stored.

    `slug` is dev, staging, prod or preview; `type` is DEVELOPMENT, STAGING, PRODUCTION or PREVIEW. `project_ref` is the
    project's id in addresses. `dashboard_url` is the address of the dashboard, which not every server names; both are
    None where they are not known. `is_paused`: no run starts. The same environment may be paused and resumed, the last
    time at `resumed_at`, as far as the program saw it.
    """

    slug: Raw
    type: str
    project: Raw = Raw("")
    organisation: Raw = Raw("")
    project_ref: Raw | None = None
    dashboard_url: Raw | None = None
    is_paused: bool = field(default=False, compare=False)
    resumed_at: datetime | None = field(default=None, compare=False)

    def link_to(self, run_id: RunId, dashboard_url: str | None = None) -> str | None:
        """Return the address of a run in the dashboard, None where it is not known or not a plain web address.

        `dashboard_url` is used instead of the server's. The ids are percent-encoded.
        Source: tests/wire/recordings/README.md §1.
        """
        from urllib.parse import quote  # noqa: PLC0415  the start must be fast

        base, ref = (dashboard_url or self.dashboard_url or "").rstrip("/"), self.project_ref or ""
        if not (re.fullmatch(_ADDRESS, base) and re.fullmatch(_NAME, ref)) or run_id in {"", ".", ".."}:
            return None
        encoded = quote(run_id, safe="", errors="replace")
        return f"{base}/projects/v3/{ref}/runs/{encoded}" if len(encoded) <= _MAX_ID_CHARS else None

    def at_dashboard(self, url: str | None) -> "Environment":
        """Return the same environment with another address of its dashboard; with None it is this one."""
        return self if url is None else replace(self, dashboard_url=Raw(url))

    @property
    def is_development(self) -> bool:
        """Whether its runs are executed by a developer's machine."""
        return self.type.upper() == "DEVELOPMENT"

    @property
    def is_production(self) -> bool:
        """Whether the environment is, or may be, production. An unknown type counts as production."""
        return self.type.upper() not in {"DEVELOPMENT", "STAGING", "PREVIEW"}


class Capability(StrEnum):
    """A kind of request that the server may refuse an API key while the rest of the program still works."""

    QUERY = "query"
    TRACE = "trace"
    REALTIME = "realtime"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The `x-ratelimit-*` headers: `remaining` of `limit` requests are left until the refill in `resets_in`."""

    limit: int
    remaining: int
    resets_in: timedelta
