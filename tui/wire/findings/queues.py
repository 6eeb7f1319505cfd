"""Decodes pages of the queues, and the metrics of one.

A queue needs its id, its name and its type. Everything else that is null or of a wrong type is unknown.
Source: tests/wire/recordings/README.md §7 (recordings 600-614, 1063).
"""

from typing import Annotated, Final, Required, TypedDict

from tui.domain.findings.facts import ConcurrencyLimit, Queue
from tui.domain.findings.queue_detail import QueueMetrics
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.wire.errors import ServerFault
from tui.wire.limits import MAX_ID_CHARS, MAX_PAGE_ROWS, Limits
from tui.wire.models import decode
from tui.wire.schemas import OmittedOnError, in_range, none_on_error, of_length
from tui.wire.times import read_duration_ms

MAX_CELLS: Final = 1_000
"""Cells of a trend. The server sends 12."""

MAX_CELL_MS: Final = 7 * 86_400_000

_V2: Final = "V2"
_TYPES: Final = {"task": True, "custom": False}
_Text = OmittedOnError[str]
_Flag = OmittedOnError[bool]
_Count = OmittedOnError[Annotated[int, in_range(0, 2**53)]]
_Word = Annotated[str, of_length(1)]


class ListedQueue(TypedDict, total=False):
    """A queue in the list."""

    id: Required[Annotated[str, of_length(1, MAX_ID_CHARS)]]
    name: Required[_Word]
    type: Required[_Word]
    running: _Count
    queued: _Count
    paused: _Flag
    concurrencyLimit: _Count
    version: OmittedOnError[str]


class BoundRow(TypedDict, total=False):
    """One bound of a limit."""

    current: _Count


class LimitRow(TypedDict, total=False):
    """A concurrency limit in the list."""

    name: Required[_Word]
    total: OmittedOnError[BoundRow]
    running: _Count
    queued: _Count
    paused: _Flag


class LimitRows(TypedDict, total=False):
    """The response of `GET /api/v1/concurrency-limits`; an unreadable row is None."""

    data: Required[list[Annotated[LimitRow | None, none_on_error]]]


class PageNumbers(TypedDict, total=False):
    """The numbers of a page of queues or schedules."""

    totalPages: _Count


class QueueRows(TypedDict, total=False):
    """The response of `GET /api/v1/queues`; an unreadable row is None."""

    data: Required[list[Annotated[ListedQueue | None, none_on_error]]]
    pagination: OmittedOnError[PageNumbers]


class WaitRow(TypedDict, total=False):
    """How long runs waited, in milliseconds."""

    p95: OmittedOnError[Annotated[float, in_range(0, 1e14)]]


class MetricsRow(TypedDict, total=False):
    """The response of `GET /api/v1/queues/{name}/metrics`."""

    bucketIntervalMs: Required[Annotated[int, in_range(1, MAX_CELL_MS)]]
    waitMs: OmittedOnError[WaitRow]
    peakQueued: _Count
    startedCount: _Count
    throttledCount: _Count
    depthTrend: OmittedOnError[list[Annotated[int, in_range(0, 2**53)]]]


@dataclass(frozen=True, slots=True)
class QueuesPage:
    """One page of queues, by name. `page_count` is that of the whole list; 1 if the server does not say it.

    `unreadable` counts dropped rows.
    """

    queues: tuple[Queue, ...]
    page_count: int = 1
    unreadable: int = 0


def decode_queues(body: bytes, limits: Limits) -> QueuesPage:
    """Decode the response of `GET /api/v1/queues`. Raises `ServerFault`."""
    page = decode(QueueRows, body, "the list of queues", limits)
    rows = limits.take(page["data"], MAX_PAGE_ROWS, "queues on a page")
    queues = tuple(_read_queue(row, limits) for row in rows if row is not None and row["type"] in _TYPES)
    return QueuesPage(queues, max(1, page.get("pagination", {}).get("totalPages", 1)), len(rows) - len(queues))


def _read_queue(row: ListedQueue, limits: Limits) -> Queue:
    return Queue(
        row["id"],
        Raw(limits.text(row["name"], "name of a queue")),
        _TYPES[row["type"]],
        row.get("running"),
        row.get("queued"),
        row.get("concurrencyLimit"),
        row.get("paused", False),
        row.get("version") == _V2,
    )


def decode_limits(body: bytes, limits: Limits) -> tuple[ConcurrencyLimit, ...]:
    """Decode the response of `GET /api/v1/concurrency-limits`. Raises `ServerFault`.

    By the package `@trigger.dev/core` 4.8.3: no recorded server has the route.
    """
    page = decode(LimitRows, body, "the list of concurrency limits", limits)
    rows = limits.take(page["data"], MAX_PAGE_ROWS, "limits on a page")
    return tuple(
        ConcurrencyLimit(
            Raw(limits.text(row["name"], "name of a limit")),
            row.get("running"),
            row.get("queued"),
            row.get("total", {}).get("current"),
            row.get("paused", False),
        )
        for row in rows
        if row is not None
    )


def decode_queue(body: bytes, limits: Limits) -> Queue:
    """Decode the response of `GET /api/v1/queues/{name}` (recordings 602-604). Raises `ServerFault`."""
    row = decode(ListedQueue, body, "the queue", limits)
    if row["type"] not in _TYPES:
        raise ServerFault("the queue could not be read: its type is not known", 200)
    return _read_queue(row, limits)


def decode_queue_metrics(body: bytes, limits: Limits) -> QueueMetrics:
    """Decode the response of `GET /api/v1/queues/{name}/metrics`. Raises `ServerFault`."""
    row = decode(MetricsRow, body, "the metrics of the queue", limits)
    p95_ms = row.get("waitMs", {}).get("p95")
    return QueueMetrics(
        tuple(limits.take(row.get("depthTrend", ()), MAX_CELLS, "cells of a queue")),
        row.get("peakQueued", 0),
        row.get("startedCount", 0),
        row.get("throttledCount", 0),
        None if p95_ms is None else read_duration_ms(p95_ms),
    )
