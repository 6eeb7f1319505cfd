"""The ASGI application: dispatches each request to its route, applies faults, and serves the control routes."""

import gzip
import json
import logging
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from email.utils import formatdate
from itertools import islice

import anyio
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tui.emulator.access import Access, acting_user, check, forbidden, identify
from tui.emulator.environment import API_VERSION
from tui.emulator.exchange import PAGE, ApiRequest, ApiResponse, Refusal, unknown_route
from tui.emulator.routes.feeds import live_handle, must_refetch
from tui.emulator.routes.runs import packet, slug_in
from tui.emulator.routes.table import NAMES, ROUTES, ServedRoute
from tui.emulator.server.emulator import Emulator
from tui.emulator.server.faults import (
    BadFault,
    ClosedResponse,
    Fault,
    HangingResponse,
    SilentResponse,
    TruncatedResponse,
)
from tui.emulator.server.feeds import NAMES_SINCE, Interrupted, Subscription
from tui.emulator.simulation.names import iso_time
from tui.emulator.simulation.runs import Run
from tui.emulator.simulation.script import Json

# The form of responses: bytes, headers, and the bodies of errors that no route produces.


JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
GZIP_FROM_BYTES = 1024
GZIP_LEVEL = 5
TOO_EXPENSIVE = "This query is too expensive. Please narrow the time window and try again."
"""The error of a 422. The text is ours: the documentation names only the status."""

PROXY_TITLES = {502: "502 Bad Gateway", 503: "503 Service Temporarily Unavailable", 504: "504 Gateway Time-out"}

_NO_GZIP = re.compile(r"gzip\s*;\s*q=0(\.0*)?\s*(,|$)")


def as_json(body: Json) -> bytes:
    """Encode a body as JSON. A lone surrogate becomes its escape, as in JavaScript."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def response_of(request: Request, answer: ApiResponse, more: dict[str, str], date: str) -> Response:
    """Build the HTTP response, with `more` headers: chunked, and gzipped if the client accepts that."""
    is_text = isinstance(answer.body, str)
    body = answer.body.encode("utf-8", "replace") if isinstance(answer.body, str) else as_json(answer.body)
    kind = {"content-type": TEXT if is_text else JSON}
    headers = {**kind, **more, **answer.headers, "vary": "Accept-Encoding", "date": date}
    if len(body) >= GZIP_FROM_BYTES and takes_gzip(request.headers.get("accept-encoding", "")):
        body = gzip.compress(body, GZIP_LEVEL, mtime=0)
        headers["content-encoding"] = "gzip"
    response = Response(b"" if request.method == "HEAD" else body, answer.status, headers)
    del response.headers["content-length"]
    return response


def takes_gzip(accepted: str) -> bool:
    accepted = accepted.lower()
    return "gzip" in accepted and not _NO_GZIP.search(accepted)


def redirect(request: Request, date: str) -> Response:
    """Redirect an address with a trailing slash to the one without it (recording 926)."""
    path: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    to = re.sub("/+", "/", path[:-1].decode("ascii")) + (f"?{query.decode('ascii')}" if query else "")
    headers = {"location": to, "vary": "Accept, Accept-Encoding", "date": date}
    return Response(f"Moved Permanently. Redirecting to {to}", 301, headers, TEXT)


def preflight(request: Request, date: str) -> Response:
    """Answer a browser's OPTIONS request (recording 923)."""
    allowed = {"access-control-allow-methods": "GET,HEAD,PUT,PATCH,POST,DELETE", "access-control-max-age": "300"}
    response = response_of(request, ApiResponse({}, 200, allowed), {}, date)
    response.headers["vary"] = "Access-Control-Request-Headers, Accept-Encoding"
    return response


def fault_refusal(fault: Fault) -> Refusal:
    """The response of the fault `error`, as the server or a proxy in front of it sends it (recordings 940-950)."""
    status = int(fault.number("status", 500))
    if "body" in fault.values:
        return Refusal(status, fault.values["body"])
    if status in PROXY_TITLES:
        return Refusal(status, PAGE.format(title=PROXY_TITLES[status]), {"content-type": "text/html"})
    if status == 422:
        return Refusal(status, {"error": TOO_EXPENSIVE})
    if status == 401:
        return Refusal(status, {"error": "Invalid API key"})
    if status == 403:
        return forbidden()
    return Refusal(status, {"error": "Internal Server Error" if status >= 500 else "Bad Request"})


# The control routes: `/emulator/faults` sets faults, `/emulator/world` returns the true state of every run, and
# `/emulator/storm` lets many runs fail.
#
# They need no key, no fault affects them, and they count against no rate limit.


DEFAULT_RUNS = 1000
MAX_LIMIT_DIGITS = 9

STORM_RUNS = 900
STORM_S = 60
MAX_STORM_RUNS = 20_000
MAX_STORM_S = 3600


class Control:
    """Answers the control routes."""

    def __init__(self, emulator: Emulator, routes: Collection[str]) -> None:
        self._emulator = emulator
        self._routes = routes

    async def faults(self, request: Request) -> Response:
        """GET lists the active faults, POST `{"faults": […]}` replaces them, DELETE removes all of them."""
        faults = self._emulator.faults
        self._emulator.sockets.exempt = request.client
        try:
            if request.method == "POST":
                body = json.loads(await request.body())
                specs = body.get("faults") if isinstance(body, dict) else body
                if not isinstance(specs, list):
                    raise BadFault('the body must be {"faults": [...]}')  # noqa: TRY301  one handler for all errors
                faults.set(specs, self._routes)
            elif request.method == "DELETE":
                faults.set([], self._routes)
        except BadFault as error:
            return _response({"error": str(error)}, 400)
        except (ValueError, RecursionError):
            return _response({"error": "the body is not JSON"}, 400)
        return _response({"faults": faults.specs, "routes": sorted(self._routes)})

    async def world(self, request: Request) -> Response:
        """The true state: the newest `?limit=1000` runs (or `all`) of `?environment=dev`, and counts by status and by
        label.
        """
        slug = request.query_params.get("environment", self._emulator.environments[0].slug)
        limit = request.query_params.get("limit", str(DEFAULT_RUNS))
        is_number = limit.isdecimal() and len(limit) <= MAX_LIMIT_DIGITS
        if not self._emulator.is_known(slug) or not (limit == "all" or is_number):
            slugs = "|".join(environment.slug for environment in self._emulator.environments)
            return _response({"error": f"expected environment={slugs} and limit=<number>|all"}, 400)
        world = await self._emulator.world(slug)
        ledger = world.ledger
        newest = reversed(ledger.by_number.values())
        shown = newest if limit == "all" else islice(newest, int(limit))
        return _response(
            {
                "environment": slug,
                "now": iso_time(world.now_ms),
                "count": len(ledger),
                "statuses": _counted(run.status.rest for run in ledger),
                "labels": _counted(label for run in ledger if (label := world.label(run))),
                "runs": [truth(run, world.label(run)) for run in shown],
            }
        )

    async def storm(self, request: Request) -> Response:
        """POST `{"runs": 900, "seconds": 60, "environment": "dev"}`, all optional: that many runs fail with one cause.

        They are triggered evenly over the time.
        """
        try:
            body = json.loads(await request.body() or "{}")
        except (ValueError, RecursionError):
            body = None
        body = body if isinstance(body, dict) else {"runs": None}
        slug = body.get("environment", self._emulator.environments[0].slug)
        runs, seconds = body.get("runs", STORM_RUNS), body.get("seconds", STORM_S)
        is_valid = isinstance(slug, str) and self._emulator.is_known(slug)
        if not is_valid or not _is_within(runs, 1, MAX_STORM_RUNS) or not _is_within(seconds, 0, MAX_STORM_S):
            text = f"expected runs from 1 to {MAX_STORM_RUNS}, seconds from 0 to {MAX_STORM_S}, and an environment"
            return _response({"error": text}, 400)
        new = self._emulator.company.storm
        if new is None:
            return _response({"error": "these tasks have no storm"}, 404)
        (await self._emulator.world(slug)).storm(int(runs), int(seconds * 1000), new)
        return _response({"environment": slug, "runs": int(runs), "seconds": seconds})

    async def unknown(self, _: Request) -> Response:
        """Any other path below `/emulator`."""
        paths = "GET, POST or DELETE /emulator/faults, GET /emulator/world, or POST /emulator/storm"
        return _response({"error": f"unknown path; use {paths}"}, 404)


def truth(run: Run, label: str | None) -> Json:
    """The true state of a run, even where lists do not know it yet."""
    return {
        "id": run.id,
        "taskIdentifier": run.task_id,
        "status": run.status.rest,
        "label": label,
        "cause": run.cause,
        "version": run.version or None,
        "createdAt": iso_time(run.shown_created_ms),
        "updatedAt": iso_time(run.updated_ms),
        "finishedAt": iso_time(run.finished_ms) if run.finished_ms else None,
        "attemptCount": len(run.attempts),
        "depth": run.depth,
        "parent": run.parent.id if run.parent else None,
        "root": run.root.id if run.root else None,
        "tags": list(run.tags),
    }


def _is_within(value: Json, low: int, high: int) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _response(body: Json, status: int = 200) -> Response:
    return Response(as_json(body), status, media_type=JSON)


# The application.
#
# Checks come in the recorded order: authorization header, rate limit, path and method, key, scope (recordings 900-931).


LOG = logging.getLogger(__name__)
EXPOSED = {"access-control-expose-headers": "x-trigger-jwt,x-trigger-jwt-claims"}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
MAX_CACHED_RESPONSES = 1000
"""Responses that the fault `cached` keeps."""

MAX_BODY_BYTES = 3 * 1024 * 1024
"""The real server's own limit for a payload."""


def application(emulator: Emulator) -> Starlette:
    """Build the ASGI application for an emulator."""
    by_path: defaultdict[str, dict[str, ServedRoute]] = defaultdict(dict)
    for route in ROUTES:
        by_path[route.path][route.method] = route
    # The longer path comes first: `{queue:path}` would match `…/pause` as a name.
    paths = sorted(by_path, key=lambda path: -path.count("/"))
    control = Control(emulator, NAMES)
    return Starlette(
        routes=[
            Route("/emulator/faults", control.faults, methods=["GET", "POST", "DELETE"]),
            Route("/emulator/world", control.world),
            Route("/emulator/storm", control.storm, methods=["POST"]),
            Route("/emulator/{path:path}", control.unknown, methods=METHODS),
            Route("/packets/{path:path}", _Packets(emulator)),
            *(Route(path, _Endpoint(emulator, by_path[path])) for path in paths),
            Route("/{path:path}", _Endpoint(emulator, {})),
        ]
    )


class _Endpoint:
    """Answers all methods of one path. Without any method it answers with the 404 page."""

    def __init__(self, emulator: Emulator, methods: dict[str, ServedRoute]) -> None:
        self._emulator = emulator
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._response(request)
        except ClientDisconnect:
            return
        except Exception:
            # A bug of the emulator: log it to stderr and keep serving.
            LOG.exception("%s %s", request.method, scope["path"])
            response = response_of(request, ApiResponse({"error": "Internal Server Error"}, 500), {}, self._date())
        await response(scope, receive, send)

    async def _response(self, request: Request) -> Response:
        route = self._methods.get("GET" if request.method == "HEAD" else request.method)
        # For a wrong method, faults and limits are those of any route of the path.
        path_route = route or next(iter(self._methods.values()), None)
        if len(request.scope["raw_path"]) > 1 and request.scope["raw_path"].endswith(b"/"):
            return redirect(request, self._date())
        if request.method == "OPTIONS" and path_route is not None and path_route.is_exposed:
            return preflight(request, self._date())
        return await self._answer(request, route, path_route)

    async def _answer(self, request: Request, route: ServedRoute | None, path_route: ServedRoute | None) -> Response:
        emulator = self._emulator
        is_feed = path_route is not None and path_route.is_feed
        headers = dict(EXPOSED) if is_feed else {}
        subscription: Subscription | None = None
        active: list[Fault] = []
        try:
            authorization = request.headers.get("authorization")
            access = identify(authorization, emulator.environments, emulator.clock(), is_realtime=is_feed)
            if route is not None and route.is_exposed:
                headers |= EXPOSED
            select = self._selector(request, path_route, access)
            active = select()
            if (early := await self._apply_before(active)) is not None:
                return early
            if (cached := _cached_response(request, active)) is not None:
                return self._apply_after(active, cached)
            subscription = Subscription(emulator.feeds, request, select, active) if is_feed else None
            state = None
            if not is_feed:
                state = emulator.count_request(access, None if path_route is None else path_route.limit)
                headers |= state.headers()
            if state is not None and not state.is_allowed:
                headers = {"content-type": "application/problem+json; charset=utf-8"}
                answer = ApiResponse(state.refusal(), 429, state.headers())
            else:
                answer = await self._handle(request, route, access, active, subscription)
        except Refusal as refusal:
            answer = refusal.answer
        except Interrupted:
            return await self._interrupted(request, active, headers, subscription)
        # The faults changed while this poll was held: the new ones act on its answer.
        if (
            subscription is not None
            and subscription.are_faults_new
            and (early := await self._apply_before(active)) is not None
        ):
            return early
        response = response_of(request, answer, headers, self._date())
        _cache(request, active, response)
        return self._apply_after(active, response)

    def _selector(self, request: Request, route: ServedRoute | None, access: Access) -> Callable[[], list[Fault]]:
        """Return a function that selects the faults for this request.

        A held poll of the feed calls it again after each change of the faults. Each call counts for `times`, and draws
        for `share`.
        """
        slug = access.environment.slug if access.environment else ""
        handle = live_handle(request.query_params) if route is not None and route.is_feed else ""
        name = route.name if route else ""
        return lambda: self._emulator.faults.select(name, slug, method=request.method, handle=handle)

    async def _interrupted(
        self, request: Request, active: list[Fault], headers: dict[str, str], subscription: Subscription | None
    ) -> Response:
        """The response to a held request that a new fault interrupts."""
        assert subscription is not None
        if (early := await self._apply_before(active)) is not None:
            return early
        for fault in active:
            if fault.kind == "half-open":
                return SilentResponse()
            if fault.kind in {"error", "must-refetch"}:
                is_error, handle = fault.kind == "error", live_handle(request.query_params)
                refusal = fault_refusal(fault) if is_error else must_refetch(subscription, handle)
                return self._apply_after(active, response_of(request, refusal.answer, headers, self._date()))
        raise ClientDisconnect

    async def _handle(
        self,
        request: Request,
        route: ServedRoute | None,
        access: Access,
        active: Sequence[Fault],
        subscription: Subscription | None,
    ) -> ApiResponse:
        """Check the permission and call the route. Raises `Refusal`."""
        if not self._methods:
            raise unknown_route()
        if route is None:
            raise Refusal(405 if "GET" in self._methods else 400, {"message": "Unexpected Server Error"})
        if access.environment is None:
            raise Refusal(401, {"error": access.error})
        if (wrong := next((fault for fault in active if fault.kind == "error"), None)) is not None:
            raise fault_refusal(wrong)
        slug = access.environment.slug
        check(
            access,
            route.permission,
            request.path_params,
            request.query_params,
            (await self._emulator.world(slug)).ledger,
        )
        body = await _body(request)
        # Last, so that the route sees the world as it is now.
        queries = await self._emulator.queries(slug)
        return await route.handler(
            ApiRequest(
                await self._emulator.world(slug),
                queries,
                request.path_params,
                request.query_params,
                body,
                request.headers.get("x-trigger-api-version") == API_VERSION,
                _address(request),
                access.scopes,
                request.headers.get("x-trigger-request-idempotency-key", ""),
                subscription,
                acting_user(access.token),
            )
        )

    async def _apply_before(self, active: list[Fault]) -> Response | None:
        """Apply the faults that act before the request is handled."""
        emulator = self._emulator
        for fault in active:
            if fault.kind == "latency":
                jitter_ms = fault.number("jitter_ms") * (2 * emulator.chance() - 1)
                await anyio.sleep(max(0.0, fault.number("ms") + jitter_ms) / 1000)
            if fault.kind == "hang":
                return HangingResponse(emulator.sockets, fault.ended)
            if fault.kind == "close":
                return ClosedResponse(emulator.sockets)
        return None

    def _apply_after(self, active: list[Fault], response: Response) -> Response:
        """Apply the faults that change the response after the request took effect."""
        for fault in active:
            if fault.kind == "lost-answer":
                return ClosedResponse(self._emulator.sockets)
            if fault.kind in {"cut", "half-open"}:
                return TruncatedResponse(response, self._emulator.sockets, stays_open=fault.kind == "half-open")
        return response

    def _date(self) -> str:
        return formatdate(self._emulator.shown_ms / 1000, usegmt=True)


class _Packets(_Endpoint):
    """Serves stored payloads and outputs. Their addresses need no key and count against no rate limit."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(emulator, {})

    async def _response(self, request: Request) -> Response:
        slug = slug_in(request.path_params["path"])
        if request.method not in {"GET", "HEAD"}:
            answer = ApiResponse("Method Not Allowed", 405)
        elif not self._emulator.is_known(slug):
            answer = ApiResponse("Not found", 404)
        else:
            queries = await self._emulator.queries(slug)
            world = await self._emulator.world(slug)
            path, query = request.path_params, request.query_params
            try:
                answer = await packet(ApiRequest(world, queries, path, query, b"", False, _address(request)))
            except Refusal as refusal:
                answer = refusal.answer
        return response_of(request, answer, {}, self._date())


def _cache_key(request: Request) -> Hashable:
    """Two requests with this key are the same to a caching proxy."""
    names = ("authorization", "accept-encoding", "x-trigger-api-version", NAMES_SINCE)
    return (request.scope["raw_path"], request.scope["query_string"], *(request.headers.get(name) for name in names))


def _cached_response(request: Request, active: Sequence[Fault]) -> Response | None:
    """The response that the fault `cached` has kept for this request."""
    key = _cache_key(request)
    cached = (fault.memory.get(key) for fault in active if fault.kind == "cached")
    return next((response for response in cached if response is not None), None)


def _cache(request: Request, active: Sequence[Fault], response: Response) -> None:
    for fault in active:
        if fault.kind == "cached" and len(fault.memory) < MAX_CACHED_RESPONSES:
            fault.memory.setdefault(_cache_key(request), response)


async def _body(request: Request) -> bytes:
    """Read the whole body. Raises `Refusal` as soon as it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise Refusal(413, {"error": "Request body too large"})
    return bytes(body)


def _address(request: Request) -> str:
    """The server's base URL, as the client calls it."""
    host, port = request.scope["server"]
    return f"{request.scope['scheme']}://{request.headers.get('host') or f'{host}:{port}'}"
