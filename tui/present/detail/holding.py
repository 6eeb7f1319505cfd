"""Why a run has not started, in words: `20 of 20 places of its queue: 20 send-campaign, longest 2m`.

The name of its queue is not repeated: the fact of the queue has it.
"""

from typing import Final, NamedTuple, assert_never

from tui.domain.findings.finding import Standstill, StandstillReason
from tui.domain.hold import Hold, HoldKind, QueueState, hold_of
from tui.domain.run import Run
from tui.domain.text import Raw
from tui.present import formatting
from tui.present.columns import Now
from tui.present.queues.words import full_limit_text, places_text, standstill_text

_MAX_NAME: Final = 60


class Situation(NamedTuple):
    """The surroundings of a run when it is shown: the time, and its queue as it was last read."""

    now: Now
    queue: QueueState | None = None


def hold_in(run: Run, situation: Situation) -> Hold | None:
    """Return why the run has not started."""
    return hold_of(run, situation.queue, situation.now.frozen_at or situation.now.at)


def hold_words(run: Run, situation: Situation) -> str | None:
    """Return why the run has not started; None if it has, or if no answer says why."""
    hold = hold_in(run, situation)
    return None if hold is None else _words(hold, situation.now)


def _words(hold: Hold, now: Now) -> str:
    match hold.kind:
        case HoldKind.DELAY:
            return "delayed" if hold.until is None else f"delayed until {formatting.moment(hold.until, now.at)}"
        case HoldKind.VERSION:
            return _version_words(hold, now)
        case HoldKind.RETRY:
            until = "" if hold.until is None else f" at {formatting.moment(hold.until, now.at)}"
            return f"to retry{until}"
        case HoldKind.QUEUE_PAUSED:
            since = "" if hold.since is None else f" since {formatting.time_of_day(hold.since, now.at)}"
            return f"its queue is paused{since}: {_named(hold.queue)}"
        case HoldKind.QUEUE_LIMIT:
            at = now.frozen_at or now.at
            return places_text(hold.running, hold.limit, hold.holders, at, " of its queue")
        case HoldKind.NAMED_LIMIT:
            return full_limit_text(hold.queue or "", hold.running, hold.limit)
        case HoldKind.ENVIRONMENT_PAUSED | HoldKind.LIMIT_PAUSED | HoldKind.NO_WORKER:
            still = Standstill(StandstillReason(hold.kind.value), hold.since)
            return standstill_text(still, now.frozen_at or now.at, now.at)
        case _:
            assert_never(hold.kind)


def _version_words(hold: Hold, now: Now) -> str:
    if hold.may_expire_at is None:
        return "for a version that has its task"
    expires = formatting.time_of_day(hold.may_expire_at, now.at)
    return f"for a version with its task; if pinned to a deployment, until {expires}"


def _named(name: Raw | None) -> str:
    return (name or "")[:_MAX_NAME]
