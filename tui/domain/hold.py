"""`Hold`: why a run has not started yet, or not again, as far as the API says.

Rows of runs contain neither their queue nor its state: a queued run looks the same in a paused queue. So the queue is
read too. Source: tests/wire/recordings/README.md §2 (recording 136).
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from tui.domain.findings.facts import PlaceHolder, Queue
from tui.domain.run import Run
from tui.domain.status import RunStatus
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass

KNOWN_FOR: Final = timedelta(seconds=45)
"""An older state of a queue says nothing any more. It is read every 15 s."""


class HoldKind(StrEnum):
    """The reason that keeps a run from starting."""

    DELAY = "delay"
    VERSION = "version"
    RETRY = "retry"
    QUEUE_PAUSED = "queue-paused"
    QUEUE_LIMIT = "queue-limit"
    ENVIRONMENT_LIMIT = "environment-limit"


@dataclass(frozen=True, slots=True)
class QueueState:
    """The queue of a run when it was last read, and how many runs the environment executes and may execute.

    `holders` are the tasks of the runs that hold its places.
    """

    at: datetime
    queue: Queue
    environment_running: int | None = None
    environment_limit: int | None = None
    holders: tuple[PlaceHolder, ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a run waits. `until` is the end of a delay or of a retry's wait; the numbers are those of a limit.

    `holders` are the tasks of the runs that hold the places of its queue.
    """

    kind: HoldKind
    until: datetime | None = None
    queue: Raw | None = None
    running: int | None = None
    limit: int | None = None
    holders: tuple[PlaceHolder, ...] = ()


def hold_of(run: Run, queue: QueueState | None, now: datetime) -> Hold | None:
    """Return why a run has not started, None if it has, or if no answer says why."""
    if run.state is None or run.is_gone:
        return None
    match run.status:
        case RunStatus.DELAYED:
            until = run.state.delayed_until
            return None if until is not None and until <= now else Hold(HoldKind.DELAY, until)
        case RunStatus.WAITING_FOR_DEPLOY:
            return Hold(HoldKind.VERSION)
        case RunStatus.QUEUED if run.is_waiting_to_retry:
            retry_at = None if run.attempts is None else run.attempts[1].retry_at
            if retry_at is None or retry_at > now:
                return Hold(HoldKind.RETRY, retry_at)
            return _queue_hold(queue, now)
        case RunStatus.QUEUED:
            return _queue_hold(queue, now)
        case _:
            return None


def _queue_hold(state: QueueState | None, now: datetime) -> Hold | None:
    if state is None or now - state.at > KNOWN_FOR:
        return None
    queue = state.queue
    if queue.is_paused:
        return Hold(HoldKind.QUEUE_PAUSED, queue=queue.name)
    if queue.limit is not None and queue.running is not None and queue.running >= queue.limit:
        return Hold(HoldKind.QUEUE_LIMIT, None, queue.name, queue.running, queue.limit, state.holders)
    running, limit = state.environment_running, state.environment_limit
    if running is not None and limit is not None and running >= limit:
        return Hold(HoldKind.ENVIRONMENT_LIMIT, None, None, running, limit)
    return None
