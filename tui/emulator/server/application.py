"""The ASGI application: dispatches each request to its route and applies faults.

Checks come in the recorded order: authorization header, rate limit, key, scope, route (recordings 900-931). The routes
are in `routes`; the form of a response is in `responses`.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from email.utils import formatdate

import anyio
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tui.emulator.access import Access, check, identify
from tui.emulator.environment import API_VERSION
from tui.emulator.exchange import ApiRequest, ApiResponse, Refusal, unknown_route
from tui.emulator.rest.packets import packet, slug_in
from tui.emulator.routes.feeds import live_handle, must_refetch
from tui.emulator.routes.table import NAMES, ROUTES, ServedRoute
from tui.emulator.server.control import Control
from tui.emulator.server.emulator import Emulator
from tui.emulator.server.faults import Fault
from tui.emulator.server.feeds import NAMES_SINCE, Interrupted, Subscription
from tui.emulator.server.responses import fault_refusal, preflight, redirect, response_of
from tui.emulator.server.sockets import ClosedResponse, HangingResponse, SilentResponse, TruncatedResponse

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
        any_route = route or next(iter(self._methods.values()), None)
        if len(request.scope["raw_path"]) > 1 and request.scope["raw_path"].endswith(b"/"):
            return redirect(request, self._date())
        if request.method == "OPTIONS" and any_route is not None and any_route.is_exposed:
            return preflight(request, self._date())
        return await self._answer(request, route, any_route)

    async def _answer(self, request: Request, route: ServedRoute | None, any_route: ServedRoute | None) -> Response:
        emulator = self._emulator
        is_feed = any_route is not None and any_route.is_feed
        headers = dict(EXPOSED) if is_feed else {}
        subscription: Subscription | None = None
        active: list[Fault] = []
        try:
            authorization = request.headers.get("authorization")
            access = identify(authorization, emulator.environments, emulator.clock(), is_realtime=is_feed)
            if route is not None and route.is_exposed:
                headers |= EXPOSED
            select = self._selector(request, any_route, access)
            active = select()
            if (early := await self._apply_before(active)) is not None:
                return early
            if (cached := _cached_response(request, active)) is not None:
                return self._apply_after(active, cached)
            subscription = Subscription(emulator.feeds, request, select, active) if is_feed else None
            state = None
            if not is_feed and (any_route is None or any_route.is_limited):
                state = emulator.count_request(access, None if any_route is None else any_route.limit)
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
        """Return a function that selects the faults for this request. A held request calls it after each change."""
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
            match fault.kind:
                case "half-open":
                    return SilentResponse()
                case "error":
                    return self._apply_after(
                        active, response_of(request, fault_refusal(fault).answer, headers, self._date())
                    )
                case "must-refetch":
                    refusal = must_refetch(subscription, live_handle(request.query_params))
                    return self._apply_after(active, response_of(request, refusal.answer, headers, self._date()))
                case _:
                    pass
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
                access.user,
            )
        )

    async def _apply_before(self, active: list[Fault]) -> Response | None:
        """Apply the faults that act before the request is handled."""
        emulator = self._emulator
        for fault in active:
            match fault.kind:
                case "latency":
                    jitter_ms = fault.number("jitter_ms") * (2 * emulator.chance() - 1)
                    await anyio.sleep(max(0.0, fault.number("ms") + jitter_ms) / 1000)
                case "hang":
                    return HangingResponse(emulator.sockets, fault.ended)
                case "close":
                    return ClosedResponse(emulator.sockets)
                case _:
                    pass
        return None

    def _apply_after(self, active: list[Fault], response: Response) -> Response:
        """Apply the faults that change the response after the request took effect."""
        for fault in active:
            match fault.kind:
                case "lost-answer":
                    return ClosedResponse(self._emulator.sockets)
                case "cut" | "half-open":
                    return TruncatedResponse(response, self._emulator.sockets, stays_open=fault.kind == "half-open")
                case _:
                    pass
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
