"""All routes: their paths, their handlers, and the permission each requires of a public token.

Any other path is answered with a 404.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tui.emulator.access import DEPLOYMENTS, Limit, Permission
from tui.emulator.exchange import ApiRequest, ApiResponse
from tui.emulator.routes import environment, errors, feeds, queries, runs, tokens, traces

Handler = Callable[[ApiRequest], Awaitable[ApiResponse]]


@dataclass(frozen=True, slots=True)
class ServedRoute:
    """One route. Faults refer to it by `name`. The order of the rows does not matter: `application` sorts them.

    `is_exposed`: browsers may call it. The recorded server sends `access-control-expose-headers` for it.
    """

    name: str
    method: str
    path: str
    handler: Handler
    permission: Permission = Permission.SECRET
    is_exposed: bool = False
    limit: Limit | None = None
    """A limit of this route alone; None: the limit of the key."""

    is_feed: bool = False
    """Whether it belongs to the realtime feed, which may hold requests open and counts against no rate limit (recording
    932).
    """


TOKENS = "/api/v1/waitpoints/tokens"
ROUTES = (
    ServedRoute("list", "GET", "/api/v1/runs", runs.list_runs, Permission.READ_LIST, is_exposed=True),
    ServedRoute("detail", "GET", "/api/v3/runs/{id:path}", runs.detail, Permission.READ_RUN, is_exposed=True),
    ServedRoute("trace", "GET", "/api/v1/runs/{id}/trace", traces.trace, Permission.READ_RUN, is_exposed=True),
    ServedRoute("events", "GET", "/api/v1/runs/{id}/events", traces.events, Permission.READ_RUN, is_exposed=True),
    ServedRoute("span", "GET", "/api/v1/runs/{id}/spans/{span}", traces.span, Permission.READ_RUN, is_exposed=True),
    ServedRoute("result", "GET", "/api/v1/runs/{id}/result", runs.result),
    ServedRoute("metadata", "GET", "/api/v1/runs/{id}/metadata", runs.metadata),
    ServedRoute("cancel", "POST", "/api/v2/runs/{id}/cancel", runs.cancel, Permission.WRITE_RUN),
    ServedRoute("replay", "POST", "/api/v1/runs/{id}/replay", runs.replay),
    ServedRoute("reschedule", "POST", "/api/v1/runs/{id}/reschedule", runs.reschedule),
    ServedRoute("tags", "POST", "/api/v1/runs/{id}/tags", runs.add_tags),
    ServedRoute(
        "trigger", "POST", "/api/v1/tasks/{task:path}/trigger", runs.trigger, Permission.TRIGGER, is_exposed=True
    ),
    ServedRoute("batch", "GET", "/api/v2/batches/{id}", runs.batch, Permission.READ_RUN, is_exposed=True),
    ServedRoute("batch", "GET", "/api/v1/batches/{id}", runs.batch_of_v1, Permission.READ_RUN, is_exposed=True),
    ServedRoute("batch-results", "GET", "/api/v1/batches/{id}/results", runs.batch_results),
    ServedRoute("queues", "GET", "/api/v1/queues", environment.list_queues),
    ServedRoute("queue", "GET", "/api/v1/queues/{queue:path}", environment.queue, Permission.READ_QUEUE),
    ServedRoute(
        "queue-metrics", "GET", "/api/v1/queues/{queue:path}/metrics", environment.queue_metrics, Permission.READ_QUEUE
    ),
    ServedRoute("concurrency-limits", "GET", "/api/v1/concurrency-limits", environment.concurrency_limits),
    ServedRoute("pause", "POST", "/api/v1/queues/{queue:path}/pause", environment.pause_queue),
    ServedRoute("schedules", "GET", "/api/v1/schedules", environment.list_schedules),
    ServedRoute("schedule", "GET", "/api/v1/schedules/{id}", environment.schedule),
    ServedRoute("activate", "POST", "/api/v1/schedules/{id}/activate", environment.activate_schedule),
    ServedRoute("deactivate", "POST", "/api/v1/schedules/{id}/deactivate", environment.deactivate_schedule),
    *(
        ServedRoute(name, "GET", f"/api/v1/deployments{path}", route, Permission.READ_DEPLOYMENTS, limit=DEPLOYMENTS)
        for name, path, route in (
            ("deployments", "", environment.list_deployments),
            ("current-deployment", "/current", environment.current_deployment),
            ("deployment", "/{id}", environment.deployment),
        )
    ),
    ServedRoute("tokens", "GET", TOKENS, tokens.list_tokens),
    ServedRoute("create-token", "POST", TOKENS, tokens.create),
    ServedRoute("token", "GET", f"{TOKENS}/{{id}}", tokens.token),
    ServedRoute("complete", "POST", f"{TOKENS}/{{id}}/complete", tokens.complete, Permission.COMPLETE, is_exposed=True),
    ServedRoute("whoami", "GET", "/api/v1/whoami", environment.whoami),
    ServedRoute("claims", "POST", "/api/v1/auth/jwt/claims", environment.claims),
    ServedRoute("query", "POST", "/api/v1/query", queries.query, Permission.QUERY, is_exposed=True),
    ServedRoute("errors", "GET", "/api/v1/errors", errors.list_errors, Permission.READ_ERRORS, is_exposed=True),
    ServedRoute("error", "GET", "/api/v1/errors/{id}", errors.error, Permission.READ_ERRORS, is_exposed=True),
    *(
        ServedRoute(name, "POST", f"/api/v1/errors/{{id}}/{name}", route, Permission.WRITE_ERRORS, is_exposed=True)
        for name, route in (("resolve", errors.resolve), ("unresolve", errors.unresolve), ("ignore", errors.ignore))
    ),
    ServedRoute("feed", "GET", "/realtime/v1/runs", feeds.many_runs, Permission.FOLLOW, is_exposed=True, is_feed=True),
    *(
        ServedRoute(
            name, "GET", f"/realtime/v1/{path}/{{id}}", route, Permission.READ_RUN, is_exposed=True, is_feed=True
        )
        for name, path, route in (("run-feed", "runs", feeds.one_run), ("batch-feed", "batches", feeds.batch))
    ),
)
NAMES = frozenset(route.name for route in ROUTES)
