"""The groups of errors that the server counts, and how far failed runs and groups were read."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

from tui.domain.ids import ErrorGroupId, TaskId
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass

# `ServerErrorGroup`: a group of errors as the server counts it, one for each task and message as it was thrown.
#
# The server does not normalise messages, so one group of `store.error_groups` may hold many of these.
# Source: tests/wire/recordings/README.md §7 (recordings 620, 621).


class ServerGroupStatus(StrEnum):
    """What people decided about a group on the server."""

    UNRESOLVED = "unresolved"
    RESOLVED = "resolved"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class ServerGroupDetail:
    """The fields that a group has in its detail alone.

    * `versions`: the deployed versions with this error.
    * `resolved_by`, `ignored_by`: ids of users; None where a secret key did it.
    """

    versions: tuple[Raw, ...] = ()
    resolved_by: Raw | None = None
    ignored_reason: Raw | None = None
    ignored_by: Raw | None = None


@dataclass(frozen=True, slots=True)
class ServerErrorGroup:
    """One group of the server. `status` is None for a word that this program does not know.

    A time, a count or a type that the server left out is None. `last_seen` is the creation time of the newest run that
    failed. `detail` is None in the list.
    """

    id: ErrorGroupId
    task: TaskId
    message: Raw
    type: Raw | None = None
    fingerprint: str | None = None
    status: ServerGroupStatus | None = None
    count: int | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    resolved_at: datetime | None = None
    ignored_until: datetime | None = None
    detail: ServerGroupDetail | None = None

    def is_new(self, since: datetime) -> bool:
        """Whether the first failure of the group was at `since` or later."""
        return self.first_seen is not None and self.first_seen >= since

    @property
    def is_regressed(self) -> bool:
        """Whether a run failed again after the group was resolved: its status stays `resolved` then.

        Source: tests/wire/recordings/README.md §7 (recording error-4-detail-regressed).
        """
        if self.status is not ServerGroupStatus.RESOLVED or self.resolved_at is None or self.last_seen is None:
            return False
        return self.last_seen > self.resolved_at

    def is_acknowledged(self, now: datetime) -> bool:
        """Whether the group is resolved and did not fail again, or is ignored at `now`.

        The status stays `ignored` after `ignored_until`. Source: tests/wire/recordings/README.md §7 (recording
        error-ignored-after-expiry).
        """
        match self.status:
            case ServerGroupStatus.RESOLVED:
                return not self.is_regressed
            case ServerGroupStatus.IGNORED:
                return self.ignored_until is None or now < self.ignored_until
            case _:
                return False


# How far the failed runs of a span of time, and the server's groups of errors, were read.
#
# `sync.failures` reports both, and the errors view shows them.


@dataclass(frozen=True, slots=True)
class FailuresProgress:
    """How far the failed runs of a span were read.

    * `has_all`: the store has every failed run of the span, so that their number is the server's.
    * `server_count`: otherwise, the server's number of failed runs, if a query returned it.
    * `unreadable_count`: failed runs whose error could not be read.
    * `failure`: why reading waits or stopped, in raw text.
    """

    has_all: bool = False
    server_count: int | None = None
    unreadable_count: int = 0
    failure: str = ""

    def failed_count(self, known_count: int) -> int | None:
        """Return how many runs of the span failed on the server, None if that is not known.

        `known_count`: the failed runs of the span in the store.
        """
        if self.has_all:
            return known_count
        return None if self.server_count is None else max(self.server_count, known_count)


@dataclass(frozen=True, slots=True)
class ServerGroupsRead:
    """What is known of the server's groups of errors.

    * `groups`: None until they were read.
    * `refusal`: why the server refuses its groups to this key, in raw text. They are not requested again.
    * `failure`: why the last read failed, in raw text. It is tried again.
    """

    groups: tuple[ServerErrorGroup, ...] | None = None
    refusal: str = ""
    failure: str = ""


# The state of an error group: whether it is new, failed again after it was resolved, or is acknowledged.


class ErrorState(StrEnum):
    """The state of an error group in a span of time."""

    NEW = "new"
    REGRESSED = "regressed"
    ACKNOWLEDGED = "acknowledged"
    UNRESOLVED = "unresolved"


def state_of(theirs: Collection[ServerErrorGroup], since: datetime, now: datetime) -> ErrorState | None:
    """Return the state of a group of ours that holds these of the server's; None if they do not say it.

    The server does not normalise messages: a group of ours may hold many of its groups. Ours is NEW if any of them is
    new since `since`, regressed if one was resolved and failed again, and acknowledged only if all are.
    """
    if any(group.is_new(since) for group in theirs):
        return ErrorState.NEW
    if any(group.is_regressed for group in theirs):
        return ErrorState.REGRESSED
    if not theirs or any(group.status is None for group in theirs):
        return None
    if all(group.is_acknowledged(now) for group in theirs):
        return ErrorState.ACKNOWLEDGED
    return ErrorState.UNRESOLVED
