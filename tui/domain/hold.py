"""`Hold`: why a run has not started yet, or not again, as far as the API says.

Rows of runs contain neither their queue nor its state: a queued run looks the same in a paused queue. So the queue is
read too. Source: tests/wire/recordings/README.md §2 (recording 136).
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from tui.domain.facts import ConcurrencyLimit, PlaceHolder, Queue
from tui.domain.finding import Standstill, StandstillReason
from tui.domain.run import Run
from tui.domain.status import RunStatus
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass

KNOWN_FOR: Final = timedelta(seconds=45)
"""An older state of a queue says nothing any more. It is read every 15 s."""

PINNED_FOR: Final = timedelta(hours=1)
"""A run that is pinned to a deployment that does not exist yet waits for so long, then it expires."""


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
