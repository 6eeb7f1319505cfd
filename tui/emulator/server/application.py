"""The HTTP of the emulated server: from a request to a route, and from its answer to the wire.

What lives here: the order of things, as recorded: no authorization, rate limit, key, scope, route (900-931), and where
a fault strikes. What is answered is `routes`' matter, what it looks like `responses`'.
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
from tui.emulator.exchange import ApiRequest, ApiResponse, Refusal
from tui.emulator.rest.packets import packet, slug_in
from tui.emulator.routes.feeds import live_handle, must_refetch
from tui.emulator.routes.table import NAMES, ROUTES, Served
from tui.emulator.server.control import Control
from tui.emulator.server.emulator import Emulator
from tui.emulator.server.faults import Fault
from tui.emulator.server.feeds import NAMES_SINCE, Following, Interrupted
from tui.emulator.server.responses import moved, preflight, response_of, trouble, unknown_route
from tui.emulator.server.sockets import Broken, Closed, Hanging, Silent

LOG = logging.getLogger(__name__)
EXPOSED = {"access-control-expose-headers": "x-trigger-jwt,x-trigger-jwt-claims"}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
KEPT_MOST = 1000
"""Answers that the fault `cached` keeps."""

BODY_MOST_BYTES = 3 * 1024 * 1024
"""The real server's own limit for a payload."""


def application(emulator: Emulator) -> Starlette:
    """The ASGI application over that state."""
    by_path: defaultdict[str, dict[str, Served]] = defaultdict(dict)
    for served in ROUTES:
        by_path[served.path][served.method] = served
    # The longer path first: `{queue:path}` would take `…/pause` for a name.
    paths = sorted(by_path, key=lambda path: -path.count("/"))
    control = Control(emulator, NAMES)
    return Starlette(
        routes=[
            Route("/emulator/faults", control.faults, methods=["GET", "POST", "DELETE"]),
            Route("/emulator/world", control.world),
            Route("/emulator/{path:path}", control.unknown, methods=METHODS),
            Route("/packets/{path:path}", _Packets(emulator)),
            *(Route(path, _Endpoint(emulator, by_path[path])) for path in paths),
            Route("/{path:path}", _Endpoint(emulator, {})),
        ]
    )


class _Endpoint:
    """What answers one path, whatever the method; with no route at all it is the page of an unknown one."""

    def __init__(self, emulator: Emulator, methods: dict[str, Served]) -> None:
        self._emulator = emulator
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._response(request)
        except ClientDisconnect:
            return
        except Exception:
            # A mistake of the emulator itself: it shows on stderr, and the server goes on.
            LOG.exception("%s %s", request.method, scope["path"])
            response = response_of(request, ApiResponse({"error": "Internal Server Error"}, 500), {}, self._date())
        await response(scope, receive, send)

    async def _response(self, request: Request) -> Response:
        served = self._methods.get("GET" if request.method == "HEAD" else request.method)
        any_route = served or next(iter(self._methods.values()), None)
        if len(request.scope["raw_path"]) > 1 and request.scope["raw_path"].endswith(b"/"):
            return moved(request, self._date())
        if request.method == "OPTIONS" and any_route is not None and any_route.is_exposed:
            return preflight(request, self._date())
        return await self._answer(request, served, any_route)

    async def _answer(self, request: Request, served: Served | None, any_route: Served | None) -> Response:
        emulator = self._emulator
        is_feed = any_route is not None and any_route.is_feed
        headers = dict(EXPOSED) if is_feed else {}
        following: Following | None = None
        struck: list[Fault] = []
        try:
            authorization = request.headers.get("authorization")
            access = identify(authorization, emulator.environments, emulator.clock(), is_realtime=is_feed)
            if served is not None and served.is_exposed:
                headers |= EXPOSED
            strike = self._striking(request, any_route, access)
            struck = strike()
            if (early := await self._before(struck)) is not None:
                return early
            if (kept := _kept(request, struck)) is not None:
                return self._after(struck, kept)
            following = Following(emulator.feeds, request, strike, struck) if is_feed else None
            spent = None
            if not is_feed:
                spent = emulator.limiter.spend(access.token, emulator.limit(access.limit), emulator.clock())
                headers |= spent.headers()
            if spent is not None and not spent.is_allowed:
                headers = {"content-type": "application/problem+json; charset=utf-8"}
                answer = ApiResponse(spent.refusal(), 429, spent.headers())
            else:
                answer = await self._handle(request, served, access, struck, following)
        except Refusal as refusal:
            answer = refusal.answer
        except Interrupted:
            return await self._interrupted(request, struck, headers, following)
        if following is not None and following.is_struck_anew and (early := await self._before(struck)) is not None:
            return early
        response = response_of(request, answer, headers, self._date())
        _keep(request, struck, response)
        return self._after(struck, response)

    def _striking(self, request: Request, route: Served | None, access: Access) -> Callable[[], list[Fault]]:
        """What tells which faults strike the request: when it comes, and again when they change while it is held."""
        slug = access.environment.slug if access.environment else ""
        handle = live_handle(request.query_params) if route is not None and route.is_feed else ""
        name = route.name if route else ""
        return lambda: self._emulator.faults.strike(name, slug, method=request.method, handle=handle)

    async def _interrupted(
        self, request: Request, struck: list[Fault], headers: dict[str, str], following: Following | None
    ) -> Response:
        """What a held request meets when a fault comes that does not wait."""
        assert following is not None
        if (early := await self._before(struck)) is not None:
            return early
        for fault in struck:
            match fault.kind:
                case "half-open":
                    return Silent()
                case "error":
                    return self._after(struck, response_of(request, trouble(fault).answer, headers, self._date()))
                case "must-refetch":
                    refusal = must_refetch(following, live_handle(request.query_params))
                    return self._after(struck, response_of(request, refusal.answer, headers, self._date()))
                case _:
                    pass
        raise ClientDisconnect

    async def _handle(
        self,
        request: Request,
        served: Served | None,
        access: Access,
        struck: Sequence[Fault],
        following: Following | None,
    ) -> ApiResponse:
        """What the route answers, for who may ask it. Raises `Refusal`."""
        if not self._methods:
            raise unknown_route()
        if served is None:
            raise Refusal(405 if "GET" in self._methods else 400, {"message": "Unexpected Server Error"})
        if access.environment is None:
            raise Refusal(401, {"error": access.trouble})
        if (wrong := next((fault for fault in struck if fault.kind == "error"), None)) is not None:
            raise trouble(wrong)
        slug = access.environment.slug
        check(access, served.need, request.path_params, request.query_params, (await self._emulator.world(slug)).ledger)
        body = await _body(request)
        # Last, so that the world is as it is now when the route looks at it.
        queries = await self._emulator.queries(slug)
        return await served.handler(
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
                following,
            )
        )

    async def _before(self, struck: list[Fault]) -> Response | None:
        """Faults that strike before anything is done."""
        emulator = self._emulator
        for fault in struck:
            match fault.kind:
                case "latency":
                    jitter_ms = fault.number("jitter_ms") * (2 * emulator.chance() - 1)
                    await anyio.sleep(max(0.0, fault.number("ms") + jitter_ms) / 1000)
                case "hang":
                    return Hanging(emulator.sockets, fault.over)
                case "close":
                    return Closed(emulator.sockets)
                case _:
                    pass
        return None

    def _after(self, struck: list[Fault], response: Response) -> Response:
        """Faults that strike the answer, when the effect is there."""
        for fault in struck:
            match fault.kind:
                case "lost-answer":
                    return Closed(self._emulator.sockets)
                case "cut" | "half-open":
                    return Broken(response, self._emulator.sockets, stays_open=fault.kind == "half-open")
                case _:
                    pass
        return response

    def _date(self) -> str:
        return formatdate(self._emulator.shown_ms / 1000, usegmt=True)


class _Packets(_Endpoint):
    """What answers the addresses that a detail hands out: they ask for no key, and no limit counts them."""

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
    """What makes two requests the same for a proxy that keeps answers."""
    names = ("authorization", "accept-encoding", "x-trigger-api-version", NAMES_SINCE)
    return (request.scope["raw_path"], request.scope["query_string"], *(request.headers.get(name) for name in names))


def _kept(request: Request, struck: Sequence[Fault]) -> Response | None:
    """The answer that a fault has kept of the same request."""
    key = _cache_key(request)
    kept = (fault.met.get(key) for fault in struck if fault.kind == "cached")
    return next((response for response in kept if response is not None), None)


def _keep(request: Request, struck: Sequence[Fault], response: Response) -> None:
    for fault in struck:
        if fault.kind == "cached" and len(fault.met) < KEPT_MOST:
            fault.met.setdefault(_cache_key(request), response)


async def _body(request: Request) -> bytes:
    """The whole body. Raises `Refusal` for one that is too large, before all of it is here."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MOST_BYTES:
            raise Refusal(413, {"error": "Request body too large"})
    return bytes(body)


def _address(request: Request) -> str:
    """The server's own address, as the client calls it."""
    host, port = request.scope["server"]
    return f"{request.scope['scheme']}://{request.headers.get('host') or f'{host}:{port}'}"
