"""Reads the facts of the wall from the API: one method a request."""

from typing import TYPE_CHECKING

from tui.domain.findings.facts import ConcurrencyLimit, ScheduleRunsRead
from tui.domain.ids import Cursor
from tui.wire.findings.deployments import DeploymentsPage, decode_deployments
from tui.wire.findings.queues import QueuesPage, decode_limits, decode_queues
from tui.wire.findings.requests import (
    DeploymentsRequest,
    LimitsRequest,
    QueuesRequest,
    ScheduleRunsRequest,
    SchedulesRequest,
    TokensRequest,
    get_request_of,
)
from tui.wire.findings.schedules import SchedulesPage, decode_schedule_runs, decode_schedules
from tui.wire.findings.tokens import TokensPage, decode_tokens

if TYPE_CHECKING:
    from tui.wire.client import Client


class FactReader:
    """Every method may raise `Unreachable`, `RateLimited`, `Refused`, `NotFound` or `ServerFault`."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    async def read_queues(self, page: int) -> QueuesPage:
        """Return one page of the queues."""
        request = get_request_of(QueuesRequest(page))
        return await self._client.get(*request, lambda response, limits: decode_queues(response.body, limits))

    async def read_limits(self) -> tuple[ConcurrencyLimit, ...]:
        """Return the concurrency limits. A server of before 4.7 answers with a page of HTML: `NotFound`."""
        request = get_request_of(LimitsRequest())
        return await self._client.get(*request, lambda response, limits: decode_limits(response.body, limits))

    async def read_schedules(self, page: int, environment_type: str | None) -> SchedulesPage:
        """Return one page of the schedules of an environment of this type."""
        return await self._client.get(
            *get_request_of(SchedulesRequest(page)),
            lambda response, limits: decode_schedules(response.body, limits, environment_type),
        )

    async def read_schedule_runs(self, schedule_id: str) -> ScheduleRunsRead:
        """Return the newest run of a schedule."""
        return await self._client.get(
            *get_request_of(ScheduleRunsRequest(schedule_id)),
            lambda response, limits: decode_schedule_runs(response.body, schedule_id, response.read_at, limits),
        )

    async def read_tokens(self, after: Cursor | None = None) -> TokensPage:
        """Return one page of the waitpoint tokens that wait."""
        return await self._client.get(
            *get_request_of(TokensRequest(after)),
            lambda response, limits: decode_tokens(response.body, limits),
        )

    async def read_deployments(self) -> DeploymentsPage:
        """Return the newest deployments. They have a rate limit of their own (recording 824)."""
        return await self._client.get(
            *get_request_of(DeploymentsRequest()),
            lambda response, limits: decode_deployments(response.body, limits),
            has_own_limit=True,
        )
