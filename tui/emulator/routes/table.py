"""Every route that the server has, as data: where, what answers, and what it asks of a public token.

What lives here: the list, and nothing that happens. A route that is not in it is answered 404 like any unknown one.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tui.emulator.access import Need
from tui.emulator.exchange import ApiRequest, ApiResponse
from tui.emulator.routes import batches, feeds, identity, queries, queues, runs, traces

Handler = Callable[[ApiRequest], Awaitable[ApiResponse]]


@dataclass(frozen=True, slots=True)
class Served:
    """One route. `name` is what a fault calls it; `is_exposed`: it is made for browsers too, so that its answers
    carry `access-control-expose-headers` (seen on the recordings of exactly these).
    """

    name: str
    method: str
    path: str
    handler: Handler
    need: Need = Need.SECRET
    is_exposed: bool = False
    is_feed: bool = False
    """Whether it is of the realtime feed, which may hold a request open and which no rate limit counts (932)."""


ROUTES = (
    Served("list", "GET", "/api/v1/runs", runs.list_runs, Need.READ_LIST, is_exposed=True),
    Served("detail", "GET", "/api/v3/runs/{id:path}", runs.detail, Need.READ_RUN, is_exposed=True),
    Served("trace", "GET", "/api/v1/runs/{id}/trace", traces.trace, Need.READ_RUN, is_exposed=True),
    Served("events", "GET", "/api/v1/runs/{id}/events", traces.events, Need.READ_RUN, is_exposed=True),
    Served("span", "GET", "/api/v1/runs/{id}/spans/{span}", traces.span, Need.READ_RUN, is_exposed=True),
    Served("result", "GET", "/api/v1/runs/{id}/result", runs.result),
    Served("metadata", "GET", "/api/v1/runs/{id}/metadata", runs.metadata),
    Served("cancel", "POST", "/api/v2/runs/{id}/cancel", runs.cancel, Need.WRITE_RUN),
    Served("replay", "POST", "/api/v1/runs/{id}/replay", runs.replay),
    Served("reschedule", "POST", "/api/v1/runs/{id}/reschedule", runs.reschedule),
    Served("tags", "POST", "/api/v1/runs/{id}/tags", runs.add_tags),
    Served("trigger", "POST", "/api/v1/tasks/{task:path}/trigger", runs.trigger, Need.TRIGGER, is_exposed=True),
    Served("batch", "GET", "/api/v1/batches/{id}", batches.batch, Need.READ_RUN, is_exposed=True),
    Served("batch", "GET", "/api/v2/batches/{id}", batches.batch_with_errors, Need.READ_RUN, is_exposed=True),
    Served("batch-results", "GET", "/api/v1/batches/{id}/results", batches.results),
    Served("queues", "GET", "/api/v1/queues", queues.list_queues),
    Served("queue", "GET", "/api/v1/queues/{queue:path}", queues.queue),
    Served("pause", "POST", "/api/v1/queues/{queue:path}/pause", queues.pause),
    Served("whoami", "GET", "/api/v1/whoami", identity.whoami),
    Served("claims", "POST", "/api/v1/auth/jwt/claims", identity.claims),
    Served("query", "POST", "/api/v1/query", queries.query, Need.QUERY, is_exposed=True),
    Served("schema", "GET", "/api/v1/query/schema", queries.schema, Need.QUERY, is_exposed=True),
    Served("feed", "GET", "/realtime/v1/runs", feeds.many_runs, Need.FOLLOW, is_exposed=True, is_feed=True),
    Served("run-feed", "GET", "/realtime/v1/runs/{id}", feeds.one_run, Need.READ_RUN, is_exposed=True, is_feed=True),
    Served("batch-feed", "GET", "/realtime/v1/batches/{id}", feeds.batch, Need.READ_RUN, is_exposed=True, is_feed=True),
)
NAMES = frozenset(route.name for route in ROUTES)
