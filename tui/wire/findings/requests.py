"""The requests for the facts of the wall, as values. Only `wire.client.Client` sends them.

They are no `ReadRequest`, which a relay passes on unchanged: a list of tokens holds secrets, and a relay sends decoded
facts. TRQL and the error groups have their requests in `wire.read_requests`.
Source: tests/wire/recordings/README.md §3, §7 (recordings 600, 824, 1083, 1099, 1105).
"""

from typing import Final, NamedTuple, assert_never

from tui.domain.findings.facts import QUEUES_PER_PAGE
from tui.domain.ids import Cursor
from tui.lazy_dataclass import dataclass

PAGE_SIZE: Final = 100
"""Rows of one page of schedules or tokens (recording 2800)."""

SCHEDULE_RUNS_PERIOD: Final = "30d"
"""How far back the newest run of a schedule is searched. Without it, the server searches seven days."""


@dataclass(frozen=True, slots=True)
class QueuesRequest:
    """A page of the queues. Pages count from 1."""

    page: int = 1


@dataclass(frozen=True, slots=True)
class LimitsRequest:
    """The concurrency limits of a newer server: its first page."""


@dataclass(frozen=True, slots=True)
class SchedulesRequest:
    """A page of the schedules. Pages count from 1."""

    page: int = 1


@dataclass(frozen=True, slots=True)
class ScheduleRunsRequest:
    """The newest run that a schedule started."""

    schedule_id: str


@dataclass(frozen=True, slots=True)
class TokensRequest:
    """A page of the waitpoint tokens that wait: the first, or the one `after` a cursor."""

    after: Cursor | None = None


@dataclass(frozen=True, slots=True)
class DeploymentsRequest:
    """The newest deployments."""


FactRequest = (
    QueuesRequest | LimitsRequest | SchedulesRequest | ScheduleRunsRequest | TokensRequest | DeploymentsRequest
)


class GetRequest(NamedTuple):
    """A GET request as HTTP sends it."""

    path: str
    params: dict[str, str]


def get_request_of(request: FactRequest) -> GetRequest:
    """Return the HTTP request."""
    match request:
        case QueuesRequest(page):
            return GetRequest("/api/v1/queues", {"page": str(page), "perPage": str(QUEUES_PER_PAGE)})
        case LimitsRequest():
            return GetRequest("/api/v1/concurrency-limits", {"page": "1", "perPage": str(PAGE_SIZE)})
        case SchedulesRequest(page):
            return GetRequest("/api/v1/schedules", {"page": str(page), "perPage": str(PAGE_SIZE)})
        case ScheduleRunsRequest(schedule_id):
            params = {"filter[schedule]": schedule_id, "filter[createdAt][period]": SCHEDULE_RUNS_PERIOD}
            return GetRequest("/api/v1/runs", params | {"page[size]": "1"})
        case TokensRequest(after):
            params = {"filter[status]": "WAITING", "page[size]": str(PAGE_SIZE)}
            return GetRequest("/api/v1/waitpoints/tokens", params if after is None else params | {"page[after]": after})
        case DeploymentsRequest():
            return GetRequest("/api/v1/deployments", {})
        case _:
            assert_never(request)
