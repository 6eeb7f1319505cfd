"""Decodes a page of the schedules, and the newest run of one.

A schedule needs its id, its task and its expression. One without a word about `active` is not active: it must not
be reported as missing. Source: tests/wire/recordings/README.md §7 (recordings 1083, 1099, 2800, 2804).
"""

from datetime import datetime
from typing import Annotated, Required, TypedDict

from tui.domain.findings.facts import Schedule, ScheduleRunsRead
from tui.domain.ids import TaskId
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.wire.findings.queues import PageNumbers
from tui.wire.limits import MAX_ID_CHARS, MAX_PAGE_ROWS, Limits
from tui.wire.models import decode
from tui.wire.runs import decode_page
from tui.wire.schemas import OmittedOnError, none_on_error, of_length
from tui.wire.times import read_time

_Text = OmittedOnError[str]
_Word = Annotated[str, of_length(1)]


class GeneratorRow(TypedDict, total=False):
    """What makes the due times. Today's servers know cron expressions alone."""

    expression: Required[_Word]


class ScheduleEnvironmentRow(TypedDict, total=False):
    """An environment in which a schedule starts runs."""

    type: Required[_Word]


class ScheduleRow(TypedDict, total=False):
    """A schedule in the list. Dates are still texts."""

    id: Required[Annotated[str, of_length(1, MAX_ID_CHARS)]]
    task: Required[_Word]
    type: _Text
    generator: Required[GeneratorRow]
    timezone: _Text
    active: OmittedOnError[bool]
    nextRun: _Text
    nextRunEffectiveAt: _Text
    environments: OmittedOnError[list[ScheduleEnvironmentRow]]


class ScheduleRows(TypedDict, total=False):
    """The response of `GET /api/v1/schedules`; an unreadable row is None."""

    data: Required[list[Annotated[ScheduleRow | None, none_on_error]]]
    pagination: OmittedOnError[PageNumbers]


@dataclass(frozen=True, slots=True)
class SchedulesPage:
    """One page of schedules. `page_count` is that of the whole list; 1 if the server does not say it."""

    schedules: tuple[Schedule, ...]
    page_count: int = 1
    unreadable: int = 0


def decode_schedules(body: bytes, limits: Limits, environment_type: str | None = None) -> SchedulesPage:
    """Decode the response of `GET /api/v1/schedules`. Raises `ServerFault`.

    A schedule that names its environments is left out if none of them has `environment_type`.
    """
    page = decode(ScheduleRows, body, "the list of schedules", limits)
    rows = limits.take(page["data"], MAX_PAGE_ROWS, "schedules on a page")
    readable = [row for row in rows if row is not None]
    schedules = tuple(_read_schedule(row, limits) for row in readable if _is_here(row, environment_type))
    page_count = max(1, page.get("pagination", {}).get("totalPages", 1))
    return SchedulesPage(schedules, page_count, len(rows) - len(readable))


def _is_here(row: ScheduleRow, environment_type: str | None) -> bool:
    types = {each["type"] for each in row.get("environments", ())}
    return environment_type is None or not types or environment_type in types


def _read_schedule(row: ScheduleRow, limits: Limits) -> Schedule:
    return Schedule(
        row["id"],
        TaskId(limits.text(row["task"], "task")),
        Raw(limits.text(row["generator"]["expression"], "cron expression")),
        Raw(limits.text(row.get("timezone", ""), "time zone")),
        row.get("active", False),
        read_time(row.get("nextRun")),
        read_time(row.get("nextRunEffectiveAt")),
        row.get("type") == "DECLARATIVE",
    )


def decode_schedule_runs(body: bytes, schedule_id: str, read_at: datetime, limits: Limits) -> ScheduleRunsRead:
    """Decode a page of the runs that a schedule started, and return the newest. Raises `ServerFault`."""
    page = decode_page(body, read_at, limits)
    created = [(patch.created_at, patch.id) for patch in page.patches if patch.created_at is not None]
    newest_at, newest_run = max(created, default=(None, None))
    return ScheduleRunsRead(read_at, schedule_id, newest_at, newest_run)
