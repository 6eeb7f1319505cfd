"""Why no run starts at all: the environment is paused, or no development worker is there to take the runs."""

from datetime import datetime, timedelta
from typing import Final

from tui.domain.environment import Environment
from tui.domain.findings.facts import WallFacts
from tui.domain.findings.finding import Standstill, StandstillReason
from tui.domain.status import FAILED, RunStatus
from tui.store.findings.bounds import fresh_waits, is_at_limit
from tui.store.findings.own_counts import OwnCounts

NO_WORKER_AFTER: Final = timedelta(minutes=1)
"""A development worker takes a run within seconds."""

_LAST_ENDED: Final = 20
"""Runs among which the last one is searched that a worker ended."""

_BY_WORKERS: Final = FAILED | {RunStatus.COMPLETED_SUCCESSFULLY}


def standstill_of(
    facts: WallFacts, own: OwnCounts | None, environment: Environment | None, now: datetime
) -> Standstill | None:
    """Return why no run of the environment starts; None if some may, as far as it is known."""
    if environment is None:
        return None
    if environment.is_paused:
        return Standstill(StandstillReason.ENVIRONMENT_PAUSED)
    return _without_worker(facts, own, environment.resumed_at, now) if environment.is_development else None


def _without_worker(
    facts: WallFacts, own: OwnCounts | None, resumed_at: datetime | None, now: datetime
) -> Standstill | None:
    """Return since when no worker was seen, if a run waits that nothing holds, none executes and none has started.

    Only a personal token may ask the server whether a worker is connected.
    """
    waits = fresh_waits(facts, now)
    if waits is None or any(each.holders for each in waits.waits):
        return None
    if own is not None and next(own.executing_runs(), None) is not None:
        return None
    queues = {} if facts.queues is None else {each.stored_name: each for each in facts.queues.queues}
    held = {name for name, queue in queues.items() if queue.is_paused or queue.is_limit_paused or is_at_limit(queue)}
    if facts.queues is not None and facts.queues.full_limits:
        return None  # no answer says which queues these hold
    oldest = [each.oldest_at for each in waits.waits if each.oldest_at is not None and each.queue not in held]
    if not oldest:
        return None
    seen = [min(oldest), *(each.newest_start for each in waits.waits if each.newest_start is not None)]
    last_started = None if own is None else own.last_started
    # What waited for the end of a pause could not start before.
    seen += [each for each in (last_started, resumed_at, facts.resumed_at) if each is not None]
    ended = [] if own is None else [run for run in own.last_ended(_LAST_ENDED) if run.status in _BY_WORKERS]
    seen += [run.state.finished_at for run in ended if run.state is not None and run.state.finished_at is not None]
    return Standstill(StandstillReason.NO_WORKER, max(seen)) if waits.at - max(seen) > NO_WORKER_AFTER else None
