"""The outcomes of a task's recent runs, newest first: each run of the store, before these the server's minutes."""

from array import array
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Final, NamedTuple

from tui.domain.findings.facts import MinutesRead
from tui.domain.ids import TaskId
from tui.domain.text import Raw
from tui.store.findings.cell_sums import REPLICA_DELAY
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


_FIELDS: Final = len(Block._fields)


class ServerMinutes:
    """The outcomes of tasks by the server's minutes, newest first, to `until_s`.

    An hour of many tasks has thousands of minutes, which are kept until the next answer. So those of a task are an
    array of numbers, a sixth of the memory of blocks; `blocks` makes those of the few tasks that are judged.
    """

    def __init__(self, minutes: MinutesRead | None, until_s: float) -> None:
        self._by_task: dict[TaskId, array[float]] = {}
        """For each minute of a task the fields of its block."""
        if minutes is None or minutes.is_cut:
            return
        until_s = min(until_s, (minutes.at - REPLICA_DELAY).timestamp())
        cell_s = minutes.cell.total_seconds()
        found: dict[TaskId, list[Block]] = {}
        for each in minutes.minutes:
            start_s = each.start.timestamp()
            if start_s + cell_s <= until_s and each.done + each.failed:
                found.setdefault(each.task, []).append(Block(start_s, each.failed, each.done + each.failed))
        for task, blocks in found.items():
            blocks.sort(reverse=True)
            self._by_task[task] = array("d", chain.from_iterable(blocks))

    def blocks(self, task: TaskId) -> list[Block]:
        """Return the outcomes of a task, newest first."""
        numbers = iter(self._by_task.get(task, ()))
        return [
            Block(at_s, int(failed), int(ended)) for at_s, failed, ended in zip(numbers, numbers, numbers, strict=True)
        ]

    def failures(self, since_s: float) -> Iterator[tuple[TaskId, int]]:
        """Yield each task, and how many of its runs failed since a time."""
        for task, numbers in self._by_task.items():
            minutes = zip(numbers[::_FIELDS], numbers[1::_FIELDS], strict=True)
            yield task, int(sum(failed for at_s, failed in minutes if at_s >= since_s))


def server_minutes(minutes: MinutesRead | None, until_s: float) -> ServerMinutes:
    """Return the server's outcomes of the minutes that end until a time. Each answer is read once."""
    if minutes is None:
        return ServerMinutes(None, 0.0)
    return _server_minutes(_SameAnswer(minutes), until_s // MINUTE_S * MINUTE_S)


class _SameAnswer:
    """An answer of the server, compared by identity: its minutes are too many to compare."""

    __slots__ = ("read",)

    def __init__(self, read: MinutesRead) -> None:
        self.read = read

    def __hash__(self) -> int:
        return id(self.read)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _SameAnswer) and other.read is self.read


@lru_cache(maxsize=1)  # a second one would keep an answer that a newer one has replaced
def _server_minutes(answer: _SameAnswer, until_s: float) -> ServerMinutes:
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
    for minute, ends in own.ends_of(task, first, int(before_s // MINUTE_S) - 1):
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
