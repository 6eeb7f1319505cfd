"""`RelayFindings`: the relay's verdict and its facts of the wall, as a message. Only the kinds that changed are sent.

The facts are the decoded ones: no response of the API is in it, and a waitpoint token has no callback address.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from tui.domain.findings.facts import (
    MAX_DEPLOYMENTS,
    MAX_HOLDERS,
    MAX_QUEUES,
    MAX_SCHEDULES,
    MAX_TOKENS,
    DeploymentsRead,
    ErrorGroupsRead,
    FactRead,
    FactUnread,
    MinutesRead,
    NormalsRead,
    QueuesRead,
    QueueWait,
    ScheduleRunsRead,
    SchedulesRead,
    TaskMinute,
    TaskSpeed,
    TokensRead,
    WaitsRead,
)
from tui.domain.findings.finding import FindingsRead, QueueWaits, Verdict
from tui.domain.ids import TaskId
from tui.domain.wall_update import WallUpdate
from tui.lazy_dataclass import dataclass
from tui.wire.error_groups import MAX_GROUPS
from tui.wire.errors import ServerFault
from tui.wire.relay.codec import OMITS_UNREADABLE, FieldBounds

MAX_ROWS: Final = 100_000
"""Cells of all tasks. 200 tasks have 12,000 in an hour."""

MAX_TASKS: Final = 20_000
MAX_FINDINGS: Final = 1_000
_MAX_CELL: Final = timedelta(days=1)

_Numbers = tuple[int, int, int, int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class RelayMinutes:
    """A `MinutesRead` in a fifth of the bytes, without the minutes before `since`: only the relay judges by them.

    A row has the numbers of the task and of the cell after `since`, then what the fields of a `TaskMinute` count.
    """

    at: datetime
    since: datetime
    cell: timedelta
    tasks: tuple[TaskId, ...]
    rows: tuple[_Numbers, ...]
    speeds: tuple[TaskSpeed, ...] = ()
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class RelayFindings:
    """The relay's verdict, or facts. None: it did not change. All times are the server's."""

    at: datetime
    verdict: Verdict | None = None
    minutes: RelayMinutes | None = None
    normals: NormalsRead | None = None
    queues: QueuesRead | None = None
    waits: WaitsRead | None = None
    schedules: SchedulesRead | None = None
    tokens: TokensRead | None = None
    deployments: DeploymentsRead | None = None
    errors: ErrorGroupsRead | None = None
    schedule_runs: Annotated[tuple[ScheduleRunsRead, ...], Field(max_length=MAX_SCHEDULES)] = ()
    unread: Annotated[tuple[FactUnread, ...], Field(max_length=100)] = ()
    kind: Literal["findings"] = "findings"

    def updates(self) -> Iterator[WallUpdate]:
        """Yield what the message says. Raises `ServerFault` for minutes that contradict themselves."""
        if self.minutes is not None:
            yield _minutes_of(self.minutes)
        for name in _NAMES.values():
            fact: WallUpdate | None = getattr(self, name)
            if fact is not None:
                yield fact
        yield from self.schedule_runs
        yield from self.unread
        if self.verdict is not None:
            # It is the relay's verdict of now, however long ago it last changed.
            yield FindingsRead(replace(self.verdict, at=self.at))


_NAMES: Final[dict[type[FactRead], str]] = {
    NormalsRead: "normals",
    QueuesRead: "queues",
    WaitsRead: "waits",
    SchedulesRead: "schedules",
    TokensRead: "tokens",
    DeploymentsRead: "deployments",
    ErrorGroupsRead: "errors",
}
FACT_NAMES: Final = ("minutes", *_NAMES.values())
"""The fields of `WallFacts` and of the message that have one fact each."""

FINDINGS_BOUNDS: Final[FieldBounds] = {
    (Verdict, "findings"): {"max_length": MAX_FINDINGS},
    (Verdict, "refused"): {"max_length": 100, OMITS_UNREADABLE: True},
    (Verdict, "unread"): {"max_length": 100},
    (RelayFindings, "unread"): {OMITS_UNREADABLE: True},
    (RelayMinutes, "cell"): {"gt": timedelta(), "le": _MAX_CELL},
    (RelayMinutes, "tasks"): {"max_length": MAX_TASKS},
    (RelayMinutes, "rows"): {"max_length": MAX_ROWS},
    (RelayMinutes, "speeds"): {"max_length": MAX_TASKS},
    (NormalsRead, "normals"): {"max_length": MAX_TASKS},
    (NormalsRead, "before"): {"max_length": MAX_TASKS},
    (QueuesRead, "queues"): {"max_length": MAX_QUEUES},
    (QueuesRead, "limits"): {"max_length": MAX_QUEUES},
    (WaitsRead, "waits"): {"max_length": MAX_TASKS},
    (QueueWait, "holders"): {"max_length": MAX_HOLDERS},
    (QueueWaits, "holders"): {"max_length": MAX_HOLDERS},
    (SchedulesRead, "schedules"): {"max_length": MAX_SCHEDULES},
    (TokensRead, "tokens"): {"max_length": MAX_TOKENS},
    (DeploymentsRead, "deployments"): {"max_length": MAX_DEPLOYMENTS},
    (ErrorGroupsRead, "groups"): {"max_length": MAX_GROUPS},
}
"""Options of the codec for single fields."""


def message_of(at: datetime, fact: FactRead) -> RelayFindings:
    """Return the message with one fact."""
    match fact:
        case MinutesRead():
            return RelayFindings(at, minutes=_numbers_of(fact))
        case ScheduleRunsRead():
            return RelayFindings(at, schedule_runs=(fact,))
        case FactUnread():
            return RelayFindings(at, unread=(fact,))
        case _:
            more: dict[str, Any] = {_NAMES[type(fact)]: fact}
            return RelayFindings(at, **more)


def _numbers_of(read: MinutesRead) -> RelayMinutes:
    tasks: dict[TaskId, int] = {}
    rows = tuple(
        (
            tasks.setdefault(each.task, len(tasks)),
            (each.start - read.since) // read.cell,
            each.triggered,
            each.started,
            each.done,
            each.failed,
            each.ended,
            each.unstarted,
        )
        for each in read.minutes
        if each.start >= read.since
    )
    return RelayMinutes(read.at, read.since, read.cell, tuple(tasks), rows[:MAX_ROWS], read.speeds, read.is_cut)


def _minutes_of(numbers: RelayMinutes) -> MinutesRead:
    try:
        minutes = tuple(
            TaskMinute(numbers.tasks[task], numbers.since + cell * numbers.cell, *counts)
            for task, cell, *counts in numbers.rows
        )
    except (IndexError, OverflowError):
        raise ServerFault("a message of the relay could not be read: minutes without a task or a time", 200) from None
    return MinutesRead(numbers.at, numbers.since, numbers.cell, minutes, numbers.speeds, numbers.is_cut)
