"""The outcomes of a task's recent runs, newest first: each run of the store, before these the server's minutes."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from tui.domain.findings.facts import MinutesRead
from tui.domain.ids import TaskId
from tui.domain.text import Raw
from tui.store.findings.cell_sums import REPLICA_DELAY, SameAnswer
from tui.store.findings.counted_run import MINUTE_S, Outcome
from tui.store.findings.own_counts import OwnCounts, minute_of

WINDOW_S: Final = 600.0
"""Failures are judged by the last ten minutes: an older failure says little of now."""

RARE_WINDOW_S: Final = 7_200.0
MIN_RECENT_RUNS: Final = 20
"""A task of which fewer runs ended in these is judged by its last 20 of two hours: it may run every ten minutes."""


class Block(NamedTuple):
    """Runs that ended together: one run, or those of a minute. `at_s` is the begin, in seconds since the epoch."""

    at_s: float
    failed: int
    ended: int


class ServerMinutes:
    """The outcomes of tasks by the server's minutes, newest first, to `until_s`."""

    def __init__(self, minutes: MinutesRead | None, until_s: float) -> None:
        self.by_task: dict[TaskId, list[Block]] = {}
        if minutes is None or minutes.is_cut:
            return
        until_s = min(until_s, (minutes.at - REPLICA_DELAY).timestamp())
        cell_s = minutes.cell.total_seconds()
        for each in minutes.minutes:
            start_s = each.start.timestamp()
            if start_s + cell_s <= until_s and each.done + each.failed:
                block = Block(start_s, each.failed, each.done + each.failed)
                self.by_task.setdefault(each.task, []).append(block)
        for blocks in self.by_task.values():
            blocks.sort(reverse=True)


def server_minutes(minutes: MinutesRead | None, until_s: float) -> ServerMinutes:
    """Return the server's outcomes of the minutes that end until a time. Each answer is read once."""
    if minutes is None:
        return ServerMinutes(None, 0.0)
    return _server_minutes(SameAnswer(minutes), until_s // MINUTE_S * MINUTE_S)


@lru_cache(maxsize=2)
def _server_minutes(answer: SameAnswer, until_s: float) -> ServerMinutes:
    return ServerMinutes(answer.read, until_s)


def recent_blocks(
    outcomes: Iterable[Outcome], older: list[Block], acknowledged: Collection[Raw], since_s: float, until_s: float
) -> list[Block]:
    """Return the outcomes that count, newest first.

    Failures with one of the acknowledged messages count neither as failed nor as ended.
    """
    blocks = [
        Block(each.ended_s, int(each.is_failed), 1)
        for each in sorted(outcomes, reverse=True)
        if since_s <= each.ended_s <= until_s and not (acknowledged and is_acknowledged(each, acknowledged))
    ]
    return blocks + older


def is_acknowledged(outcome: Outcome, messages: Collection[Raw]) -> bool:
    """Return whether a run failed with one of the messages, to which the server adds the type of the error."""
    message = outcome.message
    return outcome.is_failed and bool(message) and any(str(message) in each for each in messages)


def earlier_blocks(own: OwnCounts, task: TaskId, before_s: float, since: datetime | None) -> Iterator[Block]:
    """Yield the outcomes of whole minutes before a time, newest first, as far as the store counts them."""
    if since is None:
        return
    first = max(own.first_minute, minute_of(since) + 1)
    for minute in range(int(before_s // MINUTE_S) - 1, first - 1, -1):
        ends = own.ends_of(task, minute)
        if ends.done + ends.failed:
            yield Block(float(minute * MINUTE_S), ends.failed, ends.done + ends.failed)


def with_rare_runs(recent: list[Block], older: Iterator[Block], since_s: float) -> list[Block]:
    """Return the recent outcomes, with older ones since a time until these are MIN_RECENT_RUNS runs.

    What it takes from `older`, which comes newest first, is not there any more.
    """
    blocks, ended = list(recent), sum(each.ended for each in recent)
    while ended < MIN_RECENT_RUNS and (block := next(older, None)) is not None and block.at_s >= since_s:
        blocks.append(block)
        ended += block.ended
    return blocks
