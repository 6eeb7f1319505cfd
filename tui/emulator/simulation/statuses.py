"""The statuses of a run, each with its word in every part of the API, and the `is…` flags derived from it.

The table follows tests/wire/recordings/README.md §2. It does not use `domain.status`, so that a mistake there cannot
hide in the emulator. The flags are wrong where the server's are.
"""

from enum import Enum


class Status(Enum):
    """A status. `rest` with the version header, `legacy` without, `database` in realtime and spans, `title` in TRQL."""

    DELAYED = ("DELAYED", "DELAYED", "DELAYED", "Delayed")
    QUEUED = ("QUEUED", "QUEUED", "PENDING", "Queued")
    PENDING_VERSION = ("PENDING_VERSION", "PENDING_VERSION", "PENDING_VERSION", "Pending version")
    DEQUEUED = ("DEQUEUED", "EXECUTING", "DEQUEUED", "Dequeued")
    EXECUTING = ("EXECUTING", "EXECUTING", "EXECUTING", "Executing")
    WAITING = ("WAITING", "FROZEN", "WAITING_TO_RESUME", "Waiting")
    COMPLETED = ("COMPLETED", "COMPLETED", "COMPLETED_SUCCESSFULLY", "Completed")
    FAILED = ("FAILED", "FAILED", "COMPLETED_WITH_ERRORS", "Failed")
    CANCELED = ("CANCELED", "CANCELED", "CANCELED", "Canceled")
    CRASHED = ("CRASHED", "CRASHED", "CRASHED", "Crashed")
    SYSTEM_FAILURE = ("SYSTEM_FAILURE", "SYSTEM_FAILURE", "SYSTEM_FAILURE", "System failure")
    EXPIRED = ("EXPIRED", "EXPIRED", "EXPIRED", "Expired")
    TIMED_OUT = ("TIMED_OUT", "TIMED_OUT", "TIMED_OUT", "Timed out")

    def __init__(self, rest: str, legacy: str, database: str, title: str) -> None:
        self.rest = rest
        self.legacy = legacy
        self.database = database
        self.title = title

    # Members are singletons, so identity suffices; Enum's own hash looks the name up each time.
    __hash__ = object.__hash__

    @property
    def is_final(self) -> bool:
        """Whether the run is over."""
        return self in FINAL

    def in_rest(self, *, is_versioned: bool) -> str:
        """The word in a REST response."""
        return self.rest if is_versioned else self.legacy

    def flags(self, *, is_versioned: bool) -> dict[str, bool]:
        """The seven booleans that a REST row derives from the status (recordings 100-149)."""
        is_frozen = self is Status.WAITING and not is_versioned
        return {
            "isQueued": self in _QUEUED,
            "isExecuting": self in _EXECUTING or is_frozen,
            "isCompleted": self in _COMPLETED,
            "isFailed": self in _FAILED,
            "isSuccess": self is Status.COMPLETED,
            "isCancelled": self is Status.CANCELED,
            "isWaiting": self is Status.WAITING and is_versioned,
        }


_QUEUED = frozenset({Status.DELAYED, Status.QUEUED, Status.PENDING_VERSION})
_EXECUTING = frozenset({Status.DEQUEUED, Status.EXECUTING})
_FAILED = frozenset({Status.FAILED, Status.CANCELED, Status.CRASHED, Status.SYSTEM_FAILURE})
_COMPLETED = _FAILED | {Status.COMPLETED}
FINAL = _COMPLETED | {Status.EXPIRED, Status.TIMED_OUT}
LIVE = frozenset(Status) - FINAL

FILTER_STATUSES: dict[str, tuple[Status, ...]] = {
    **{status.rest: (status,) for status in Status},
    "WAITING_FOR_DEPLOY": (Status.PENDING_VERSION,),
    "FROZEN": (Status.WAITING,),
    "REATTEMPTING": (),
    "INTERRUPTED": (),
}
"""The words that `filter[status]` accepts, of both vocabularies, with their statuses (recordings 043-046, 051)."""
